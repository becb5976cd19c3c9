//! The engine's I/O and decoding threads, driven without a run around them.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::channel;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use llmark::domain::Clock as _;
use llmark::domain::JsonText;
use llmark::domain::Offset;
use llmark::engine::clock::RunClock;
use llmark::engine::decode;
use llmark::engine::decode::Finished;
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

use super::server::Failed;

/// One I/O thread and one decoding thread; both end with the process.
pub(crate) struct Client {
    address: String,
    clock: RunClock,
    lanes: Lanes<Offset>,
    done: Receiver<Finished<Offset>>,
}

impl Client {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn start(address: &str) -> Result<Self, Failed> {
        let clock = RunClock::start();
        let (to_decoder, blocks) = sync_channel(1 << 14);
        let (results, done) = channel();
        std::thread::spawn(move || decode::run(&blocks, |finished| drop(results.send(finished))));
        let shared = Shared {
            clock: Arc::new(clock),
            network: Network::direct(tls::config(None)?),
            tapes: Tapes::Live,
            decoder: to_decoder,
            abort: CancellationToken::new(),
        };
        Ok(Self { address: address.to_owned(), clock, lanes: Lanes::start(1, &shared)?, done })
    }

    /// Asks for so many streams at once and reads them to their ends.
    pub(crate) fn ask(&self, streams: u64, tokens: u64) {
        for _ in 0..streams {
            self.lanes.send(self.job(tokens, self.clock.now()));
        }
        self.done.iter().take(streams as usize).for_each(drop);
    }

    /// Sum of the lateness of so many arrivals, `gap` apart.
    pub(crate) fn lateness(&self, arrivals: u64, gap: Duration) -> Duration {
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let begin = self.clock.now().plus(gap);
        for arrival in 0..arrivals {
            let due = begin.plus(gap * arrival as u32);
            let job = self.job(1, due);
            self.clock.sleep_until(due);
            self.lanes.send(job);
        }
        let late = |finished: Finished<Offset>| finished.ended.sent.since(finished.ticket).unwrap_or_default();
        self.done.iter().take(arrivals as usize).map(late).sum()
    }

    fn job(&self, tokens: u64, due: Offset) -> Job<Offset> {
        let prompt = format!("[[sim:tokens={tokens},gap=0ms]]");
        let body =
            format!(r#"{{"model":"instant","stream":true,"messages":[{{"role":"user","content":"{prompt}"}}]}}"#);
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let url = format!("http://{}/v1/chat/completions", self.address);
        let request = WireRequest {
            url: url.parse().expect("an address makes a URL"),
            headers,
            body: vec![Bytes::from(body)],
            fingerprint: 0,
            sent_mode: JsonText::new(&serde_json::Value::Null),
            http2: false,
            max_output: None,
        };
        let minute = Duration::from_secs(60);
        let timers = Timers { connect: minute, first_token: minute, idle: minute, total: minute };
        let decoder = dialect("openai-chat").expect("a dialect of ours").decoder();
        let stream = Stream { ticket: due, decoder, signals: Arc::default(), stream: true, state: State::default() };
        Job { asked: Asked { request, timers, reuse: true }, label: None, stream: Box::new(stream) }
    }
}
