//! `llmark selftest`: the instrument measured against a server whose times are known.
//!
//! The server stamps each event with the same monotonic clock right before writing it. The error is what the harness
//! reports minus what the server stamped, through the very threads, sockets and decoders that every run uses. Both
//! share this machine, so the error includes the kernel's loopback and whatever else the machine is doing.

mod stamped;

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use serde_json::Value;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::args::SelftestArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::terminal;
use crate::analyze::run::Calibration;
use crate::domain::Clock as _;
use crate::domain::JsonText;
use crate::domain::Offset;
use crate::engine::clock::RunClock;
use crate::engine::decode;
use crate::engine::decode::Finished;
use crate::engine::decode::State;
use crate::engine::decode::Stream;
use crate::engine::io::Asked;
use crate::engine::io::Job;
use crate::engine::io::Lanes;
use crate::engine::io::Shared;
use crate::engine::tapes::Tapes;
use crate::provider::WireRequest;
use crate::sim;
use crate::stats::Level;
use crate::stats::quantile;
use crate::stats::quantile::Quantile;
use crate::text::number::short;
use crate::transport::Network;
use crate::transport::Timers;
use crate::transport::tls;
use stamped::Stamped;
use stamped::stamps;

/// The load of a self-test.
#[derive(Debug, Clone, Copy)]
pub struct Drill {
    /// Streams, started evenly over the first gap times ten.
    pub streams: u32,
    /// Tokens per stream.
    pub tokens: u32,
    /// Time between tokens.
    pub gap: Duration,
}

/// Errors, sorted; in milliseconds unless something else is said.
#[derive(Debug, Clone, Default)]
pub struct Errors {
    /// First token: seen minus stamped.
    pub ttft: Vec<f64>,
    /// Gaps between tokens: seen minus stamped.
    pub itl: Vec<f64>,
    /// Tokens per second of a stream: seen over stamped, minus one, in percent.
    pub rate: Vec<f64>,
    /// Release of requests: sent minus planned.
    pub pacing: Vec<f64>,
    /// Streams that failed.
    pub failed: u32,
}

/// Measures and prints.
///
/// # Errors
/// No server or no thread could be started.
pub fn selftest(args: &SelftestArgs) -> Result<Exit, Failure> {
    let drill = Drill { streams: args.streams, tokens: args.tokens, gap: Duration::from_millis(args.gap_ms) };
    let errors = measure(drill)?;
    if args.json {
        terminal::result(&as_json(drill, &errors).to_string());
    } else {
        terminal::result(&text(drill, &errors));
    }
    Ok(if errors.failed == 0 { Exit::Ok } else { Exit::Invalid })
}

/// Drives the drill against a server of known times.
///
/// # Errors
/// No server or no thread could be started.
pub fn measure(drill: Drill) -> Result<Errors, Failure> {
    let server = sim::Server::start(vec![profile(drill)?], 0).map_err(Failure::store)?;
    let request = request(&server.base_url(), drill)?;
    let clock = RunClock::start();
    let (to_decoder, blocks) = sync_channel(1 << 14);
    let (results, done) = channel();
    let decoder = std::thread::spawn(move || {
        decode::run(&blocks, |finished| {
            let _ = results.send(finished);
        });
    });
    let shared = Shared {
        clock: Arc::new(clock),
        tapes: Tapes::Live,
        network: Network::direct(tls::config(None).map_err(Failure::store)?),
        decoder: to_decoder,
        abort: CancellationToken::new(),
    };
    let lanes: Lanes<Offset> = Lanes::start(1, &shared).map_err(Failure::store)?;
    drop(shared);
    // One stream ahead of all: what the server does once at its start is no error of ours.
    lanes.send(job(&request, clock.now()));
    let _ = done.recv_timeout(Duration::from_secs(30));
    let step = drill.gap * 10 / drill.streams.max(1);
    let begin = clock.now().plus(Duration::from_millis(20));
    for stream in 0..drill.streams {
        let due = begin.plus(step * stream);
        let job = job(&request, due);
        clock.sleep_until(due);
        lanes.send(job);
    }
    lanes.join();
    let _ = decoder.join();
    let mut errors = Errors::default();
    for finished in done.try_iter() {
        errors.take(&finished, clock);
    }
    for values in [&mut errors.ttft, &mut errors.itl, &mut errors.rate, &mut errors.pacing] {
        quantile::sort(values);
    }
    server.stop();
    Ok(errors)
}

/// The calibration that a run carries in its manifest.
pub fn calibration(errors: &Errors) -> Option<Calibration> {
    let three = |sorted: &[f64]| {
        Some([
            quantile::nearest_rank(sorted, Quantile::P50)?,
            quantile::nearest_rank(sorted, Quantile::P99)?,
            *sorted.last()?,
        ])
    };
    let median = |sorted: &[f64]| {
        quantile::estimate(sorted, Quantile::P50, Level::P95).ok().map(|found| [found.low, found.high])
    };
    Some(Calibration {
        ttft_error_ms: three(&errors.ttft)?,
        itl_error_ms: three(&errors.itl)?,
        rate_error: quantile::nearest_rank(&errors.rate, Quantile::P50)? / 100.0,
        medians: [median(&errors.ttft), median(&errors.itl), median(&errors.rate).map(|r| r.map(|v| v / 100.0))],
        n: errors.ttft.len() as u64,
    })
}

impl Errors {
    fn take(&mut self, finished: &Finished<Offset>, clock: RunClock) {
        let zero = clock.zero_ns();
        let seen: Vec<Offset> = finished.events.iter().filter(|e| e.channel.is_generated()).map(|e| e.at).collect();
        let stamped = stamps(&finished.decoded.reply);
        self.failed += u32::from(seen.is_empty() || seen.len() != stamped.len());
        let lag = |at: &Offset, stamp: &u64| (at.0 as f64 + zero as f64 - *stamp as f64) / 1e6;
        let lags: Vec<f64> = seen.iter().zip(&stamped).map(|(at, stamp)| lag(at, stamp)).collect();
        self.ttft.extend(lags.first());
        self.itl.extend(lags.windows(2).map(|pair| pair[1] - pair[0]));
        if let ([first, .., last], [from, .., to]) = (&seen[..], &stamped[..])
            && to > from
            && last > first
        {
            self.rate.push(((to - from) as f64 / (last.0 - first.0) as f64 - 1.0) * 100.0);
        }
        self.pacing.extend(finished.ended.sent.ms_since(finished.ticket));
    }
}

fn profile(drill: Drill) -> Result<sim::Profile, Failure> {
    let gap = drill.gap.as_micros();
    let text = format!(
        "name: drill\ndescription: known times\nunknown_model: serve\nmodels:\n  - {{id: drill, ttft: 50ms, gap: {gap}us, default_mode: minimal}}\n"
    );
    sim::Profile::parse(&text).map_err(Failure::store)
}

fn request(base: &str, drill: Drill) -> Result<WireRequest, Failure> {
    let prompt = format!("[[sim:tokens={}]]", drill.tokens);
    let body = json!({"model": "drill", "stream": true, "messages": [{"role": "user", "content": prompt}]});
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-llmark-stamp", HeaderValue::from_static("1"));
    Ok(WireRequest {
        url: format!("{base}/chat/completions").parse().map_err(Failure::store)?,
        headers,
        body: vec![Bytes::from(body.to_string())],
        fingerprint: 0,
        sent_mode: JsonText::new(&Value::Null),
        max_output: None,
        http2: false,
    })
}

fn job(request: &WireRequest, due: Offset) -> Job<Offset> {
    let second = Duration::from_secs(1);
    let timers = Timers { connect: second * 5, first_token: second * 30, idle: second * 30, total: second * 120 };
    let stream = Stream {
        ticket: due,
        decoder: Box::new(Stamped::default()),
        signals: Arc::default(),
        stream: true,
        state: State::default(),
    };
    let asked = Asked { request: request.clone(), timers, reuse: true };
    Job { asked, label: None, stream: Box::new(stream) }
}

fn text(drill: Drill, errors: &Errors) -> String {
    let line = |name: &str, sorted: &[f64]| {
        let show = |q| match quantile::estimate(sorted, q, Level::P95) {
            Ok(found) => {
                format!("{} [{}, {}]", short(found.value), short(found.low), short(found.high))
            }
            Err(needed) => format!("n/a (n = {} < {needed})", sorted.len()),
        };
        let max = sorted.last().copied().unwrap_or(f64::NAN);
        format!(
            "{name:<22} p50 {:<26} p99 {:<26} max {}, n = {}",
            show(Quantile::P50),
            show(Quantile::P99),
            short(max),
            sorted.len()
        )
    };
    [
        format!(
            "{} streams of {} tokens at {} ms, begun within ten gaps, against a server on this machine that stamps each event",
            drill.streams,
            drill.tokens,
            drill.gap.as_millis()
        ),
        line("ttft error (ms)", &errors.ttft),
        line("gap error (ms)", &errors.itl),
        line("rate error (%)", &errors.rate),
        line("send lateness (ms)", &errors.pacing),
        format!("failed streams: {}", errors.failed),
        "intervals: order statistics, 95 %; seen minus stamped, loopback and this machine's other work included".into(),
    ]
    .join("\n")
}

fn as_json(drill: Drill, errors: &Errors) -> Value {
    let block = |sorted: &[f64]| {
        let one = |q| match quantile::estimate(sorted, q, Level::P95) {
            Ok(e) => {
                json!({"value": e.value, "low": e.low, "high": e.high, "level": 0.95, "method": "order-stat", "n": sorted.len(), "needed_n": null})
            }
            Err(needed) => {
                json!({"value": null, "low": null, "high": null, "level": 0.95, "method": "order-stat", "n": sorted.len(), "needed_n": needed})
            }
        };
        json!({ "p50": one(Quantile::P50), "p99": one(Quantile::P99), "max": sorted.last() })
    };
    json!({
        "streams": drill.streams, "tokens": drill.tokens, "gap_ms": drill.gap.as_secs_f64() * 1e3,
        "ttft_error_ms": block(&errors.ttft), "itl_error_ms": block(&errors.itl),
        "rate_error_percent": block(&errors.rate),
        "send_lateness_ms": block(&errors.pacing), "failed": errors.failed,
    })
}
