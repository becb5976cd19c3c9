//! Requests outside a plan: sent, timed and decoded as those of a run, but recorded by whoever asks.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::channel;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

use super::clock::RunClock;
use super::decode;
use super::decode::Finished;
use super::decode::State;
use super::decode::Stream;
use super::embed::Verbatim;
use super::io::Asked;
use super::io::Job;
use super::io::Lanes;
use super::io::Shared;
use super::tapes::Tapes;
use crate::provider::Endpoint;
use crate::provider::WireRequest;
use crate::transport::Network;
use crate::transport::Timers;

/// Messages between I/O and decoding threads.
const QUEUE: usize = 1 << 12;

/// An I/O thread and a decoding thread for a few requests. `T` comes back with each answer.
pub struct Aside<T> {
    lanes: Lanes<T>,
    done: Receiver<Finished<T>>,
    decoder: JoinHandle<()>,
}

impl<T: Send + 'static> Aside<T> {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn open(clock: RunClock, network: Network) -> io::Result<Self> {
        let (to_decoder, blocks) = sync_channel(QUEUE);
        let (results, done) = channel();
        let decoder = thread::Builder::new().name("decode".into()).spawn(move || {
            decode::run(&blocks, |finished| {
                let _ = results.send(finished);
            });
        })?;
        let shared = Shared {
            clock: Arc::new(clock),
            network,
            tapes: Tapes::Live,
            decoder: to_decoder,
            abort: CancellationToken::new(),
        };
        Ok(Self { lanes: Lanes::start(1, &shared)?, done, decoder })
    }

    /// Sends all at once and waits for all; answers come in the order of their end.
    pub fn ask(&self, jobs: Vec<Job<T>>) -> Vec<Finished<T>> {
        let n = jobs.len();
        for job in jobs {
            self.lanes.send(job);
        }
        // Every exchange ends, if only by its timer.
        self.done.iter().take(n).collect()
    }

    /// Ends the threads.
    pub fn close(self) {
        self.lanes.join();
        let _ = self.decoder.join();
    }
}

/// A job whose answer the endpoint's own decoder reads.
pub fn conversation<T>(endpoint: &Endpoint, request: WireRequest, timers: Timers, ticket: T) -> Job<T> {
    let decoder = endpoint.dialect.decoder();
    let stream = Stream { ticket, decoder, signals: Arc::default(), stream: true, state: State::default() };
    Job { asked: Asked { request, timers, reuse: true }, label: None, stream: Box::new(stream) }
}

/// A job whose answer is kept as it is.
pub fn verbatim<T>(request: WireRequest, timers: Timers, ticket: T) -> Job<T> {
    let decoder = Box::new(Verbatim::default());
    let stream = Stream { ticket, decoder, signals: Arc::default(), stream: false, state: State::default() };
    Job { asked: Asked { request, timers, reuse: true }, label: None, stream: Box::new(stream) }
}
