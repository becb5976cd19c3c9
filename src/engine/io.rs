//! I/O threads: each runs its own reactor, and every stream lives on one of them from start to end.

use std::io::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::thread::JoinHandle;

use hdrhistogram::Histogram;
use tokio::runtime::Builder;
use tokio::runtime::LocalOptions;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::spawn_local;
use tokio_util::sync::CancellationToken;

use super::clock::thread_cpu;
use super::decode;
use super::decode::Stream;
use super::decode::ToDecoder;
use super::tapes::Tapes;
use crate::domain::Clock;
use crate::domain::Offset;
use crate::domain::tape::Label;
use crate::provider::WireRequest;
use crate::transport::Ended;
use crate::transport::Network;
use crate::transport::Signals;
use crate::transport::Tap;
use crate::transport::Timers;
use crate::transport::Wire;
use crate::transport::exchange;

/// A request for an I/O thread.
pub struct Job<T> {
    /// What to send, and how.
    pub asked: Asked,
    /// What it is known by in recordings, where there are any.
    pub label: Option<Box<Label>>,
    /// The decoding side.
    pub stream: Box<Stream<T>>,
}

/// What to send, and how.
pub struct Asked {
    /// The request.
    pub request: WireRequest,
    /// Timers.
    pub timers: Timers,
    /// Use a pooled connection where there is one.
    pub reuse: bool,
}

impl Asked {
    /// Asks over the network.
    pub(super) fn exchange(&self, wire: &Wire, signals: &Signals, tap: &mut impl Tap) -> impl Future<Output = Ended> {
        exchange(wire, &self.request, &self.timers, signals, self.reuse, tap)
    }
}

enum Order<T> {
    Send(Box<Job<T>>),
    /// A heartbeat and when it was sent.
    Beat(Offset),
}

/// How quickly the I/O threads react, and what they use.
#[derive(Debug)]
pub struct Pulse {
    /// Nanoseconds between sending a heartbeat and its receipt by an I/O thread.
    pub lag: Mutex<Histogram<u64>>,
    /// Processor time of each I/O thread in nanoseconds.
    pub cpu: Vec<AtomicU64>,
    /// The channel to the decoding thread was full at some time.
    pub overflow: Arc<AtomicBool>,
}

/// The I/O threads.
pub struct Lanes<T> {
    senders: Vec<UnboundedSender<Order<T>>>,
    next: AtomicUsize,
    threads: Vec<JoinHandle<()>>,
    /// Their pulse.
    pub pulse: Arc<Pulse>,
}

/// What all I/O threads share.
#[derive(Clone)]
pub struct Shared<T> {
    /// The run's clock.
    pub clock: Arc<dyn Clock>,
    /// How servers are reached.
    pub network: Network,
    /// Where answers come from.
    pub tapes: Tapes,
    /// To the decoding thread.
    pub decoder: SyncSender<decode::Msg<T>>,
    /// Ends all streams.
    pub abort: CancellationToken,
}

impl<T: Send + 'static> Lanes<T> {
    /// Starts `n` threads.
    ///
    /// # Errors
    /// What the system said when a thread could not be made.
    pub fn start(n: usize, shared: &Shared<T>) -> std::io::Result<Self> {
        // One nanosecond to one minute, three digits.
        let lag = Histogram::new_with_bounds(1, 60_000_000_000, 3).map_err(Error::other)?;
        let cpu = (0..n).map(|_| AtomicU64::new(0)).collect();
        let pulse = Arc::new(Pulse { lag: Mutex::new(lag), cpu, overflow: Arc::default() });
        let keys = Arc::new(AtomicU64::new(0));
        let (mut senders, mut threads) = (Vec::new(), Vec::new());
        for lane in 0..n {
            let (sender, inbox) = unbounded_channel();
            let (shared, pulse, keys) = (shared.share(), Arc::clone(&pulse), Arc::clone(&keys));
            let (up, is_up) = sync_channel(1);
            // Made in its thread, which it cannot leave.
            let work = move || match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                Ok(runtime) => {
                    let _ = up.send(Ok(()));
                    runtime.block_on(serve(lane, inbox, shared, pulse, keys));
                }
                Err(why) => drop(up.send(Err(why))),
            };
            threads.push(thread::Builder::new().name(format!("io-{lane}")).spawn(work)?);
            is_up.recv().map_err(Error::other)??;
            senders.push(sender);
        }
        Ok(Self { senders, next: AtomicUsize::new(0), threads, pulse })
    }

    /// Hands a request to the next thread in turn.
    pub fn send(&self, job: Job<T>) {
        let lane = self.next.fetch_add(1, Ordering::Relaxed) % self.senders.len();
        let _ = self.senders[lane].send(Order::Send(Box::new(job)));
    }

    /// Sends each thread a heartbeat.
    pub fn beat(&self, now: Offset) {
        for sender in &self.senders {
            let _ = sender.send(Order::Beat(now));
        }
    }

    /// Waits for all streams and ends the threads.
    pub fn join(mut self) {
        self.senders.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl<T> Shared<T> {
    fn share(&self) -> Self {
        Self {
            clock: Arc::clone(&self.clock),
            network: self.network.clone(),
            tapes: self.tapes.clone(),
            decoder: self.decoder.clone(),
            abort: self.abort.clone(),
        }
    }
}

async fn serve<T: 'static>(
    lane: usize,
    mut inbox: UnboundedReceiver<Order<T>>,
    shared: Shared<T>,
    pulse: Arc<Pulse>,
    keys: Arc<AtomicU64>,
) {
    let wire = Rc::new(Wire::new(shared.network.clone(), Arc::clone(&shared.clock)));
    spawn_local(halt(Rc::clone(&wire), shared.abort.clone()));
    let mut streams = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            biased;
            order = inbox.recv() => match order {
                Some(Order::Send(job)) => {
                    let key = keys.fetch_add(1, Ordering::Relaxed);
                    let tap = ToDecoder { key, sender: shared.decoder.clone(), overflow: Arc::clone(&pulse.overflow) };
                    streams.spawn_local(carry(Rc::clone(&wire), *job, tap, shared.tapes.clone()));
                }
                Some(Order::Beat(sent)) => beat(lane, sent, &*shared.clock, &pulse),
                None => break,
            },
            Some(_) = streams.join_next() => {}
        }
    }
    while streams.join_next().await.is_some() {}
    wire.close_idle();
}

/// Ends all streams when the run is aborted.
async fn halt(wire: Rc<Wire>, abort: CancellationToken) {
    abort.cancelled().await;
    wire.halt();
}

fn beat(lane: usize, sent: Offset, clock: &dyn Clock, pulse: &Pulse) {
    let lag = clock.now().since(sent).unwrap_or_default();
    let mut histogram = pulse.lag.lock().unwrap_or_else(PoisonError::into_inner);
    histogram.saturating_record(u64::try_from(lag.as_nanos()).unwrap_or(u64::MAX).max(1));
    pulse.cpu[lane].store(thread_cpu().as_nanos() as u64, Ordering::Relaxed);
}

async fn carry<T>(wire: Rc<Wire>, job: Job<T>, mut tap: ToDecoder<T>, tapes: Tapes) {
    let signals = Arc::clone(&job.stream.signals);
    let _ = tap.sender.send(decode::Msg::Open(tap.key, job.stream));
    let ended = match job.label {
        None => job.asked.exchange(&wire, &signals, &mut tap).await,
        // In a box, so that the tasks of live runs need no room for it.
        Some(label) => Box::pin(tapes.answer(&wire, (&job.asked, *label), &signals, &mut tap)).await,
    };
    let _ = tap.sender.send(decode::Msg::Close(tap.key, Box::new(ended)));
}
