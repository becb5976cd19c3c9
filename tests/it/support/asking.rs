//! One request, or several at once, through the real I/O thread and the real decoder, and how each ended.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use llmark::domain::ConnTimes;
use llmark::domain::JsonText;
use llmark::domain::Outcome;
use llmark::engine::clock::RunClock;
use llmark::engine::decode;
use llmark::engine::decode::State;
use llmark::engine::decode::Stream;
use llmark::engine::io::Asked;
use llmark::engine::io::Job;
use llmark::engine::io::Lanes;
use llmark::engine::io::Shared;
use llmark::engine::tapes::Tapes;
use llmark::provider::WireRequest;
use llmark::provider::dialect;
use llmark::transport::Network;
use llmark::transport::Timers;
use llmark::transport::tls;
use tokio_util::sync::CancellationToken;

/// How an exchange ended.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    pub(crate) message: String,
    pub(crate) text: String,
    pub(crate) conn: ConnTimes,
    pub(crate) took: Duration,
}

/// What is asked.
pub(crate) struct Asking {
    pub(crate) url: String,
    pub(crate) network: Network,
    pub(crate) http2: bool,
    pub(crate) first_token: Duration,
    pub(crate) idle: Duration,
}

impl Asking {
    /// A question at this URL, the direct way.
    pub(crate) fn at(url: impl Into<String>) -> Self {
        let network = Network::direct(tls::config(None).unwrap());
        let (first_token, idle) = (Duration::from_millis(400), Duration::from_millis(300));
        Self { url: url.into(), network, http2: false, first_token, idle }
    }

    /// Asks once.
    pub(crate) fn once(&self) -> Seen {
        self.times(1).remove(0)
    }

    /// Asks so often at the same time, on one I/O thread.
    pub(crate) fn times(&self, n: usize) -> Vec<Seen> {
        let clock = RunClock::start();
        let (to_decoder, blocks) = sync_channel(64);
        let (results, done) = channel();
        let decoder = std::thread::spawn(move || decode::run(&blocks, |finished| results.send(finished).unwrap()));
        let shared = Shared {
            clock: Arc::new(clock),
            network: self.network.clone(),
            tapes: Tapes::Live,
            decoder: to_decoder,
            abort: CancellationToken::new(),
        };
        let lanes: Lanes<()> = Lanes::start(1, &shared).unwrap();
        drop(shared);
        (0..n).for_each(|_| lanes.send(self.job()));
        lanes.join();
        decoder.join().unwrap();
        let seen = |finished: decode::Finished<()>| Seen {
            outcome: finished.decoded.outcome,
            detail: finished.decoded.detail,
            message: finished.decoded.message,
            text: finished.decoded.reply.text,
            conn: finished.ended.conn,
            took: finished.ended.ended.since(finished.ended.sent).unwrap(),
        };
        done.iter().map(seen).collect()
    }

    fn job(&self) -> Job<()> {
        let ms = Duration::from_millis;
        let request = WireRequest {
            url: self.url.parse().unwrap(),
            headers: HeaderMap::new(),
            body: vec![Bytes::from_static(b"{}")],
            fingerprint: 0,
            sent_mode: JsonText::new(&serde_json::Value::Null),
            max_output: None,
            http2: self.http2,
        };
        let timers = Timers { connect: ms(1000), first_token: self.first_token, idle: self.idle, total: ms(2900) };
        let stream = Stream {
            ticket: (),
            decoder: dialect("openai-chat").unwrap().decoder(),
            signals: Arc::default(),
            stream: true,
            state: State::default(),
        };
        Job { asked: Asked { request, timers, reuse: true }, label: None, stream: Box::new(stream) }
    }
}

/// Runs an asynchronous server on a thread of its own; it ends with the test.
pub(crate) fn serve<F: Future<Output = ()> + 'static>(
    play: impl FnOnce(tokio::net::TcpListener) -> F + Send + 'static,
) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move { play(tokio::net::TcpListener::from_std(listener).unwrap()).await });
    });
    port
}
