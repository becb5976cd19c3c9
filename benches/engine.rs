//! What the engine spends per event and per request, and how late it sends.
//!
//! Time here is processor time of this process, user and system: the simulator runs in another one, and a wait costs
//! nothing. Lateness is the time between an arrival's planned moment and the I/O thread's first work on it.

#![expect(clippy::unwrap_used, reason = "a benchmark without threads or server has failed")]

#[path = "support/client.rs"]
mod client;
#[path = "support/server.rs"]
mod server;

use std::time::Duration;

use client::Client;
use criterion::BenchmarkId;
use criterion::Criterion;
use criterion::SamplingMode;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use rustix::time::ClockId;
use rustix::time::clock_gettime;
use server::Server;

/// Streams at a time.
const STREAMS: u64 = 64;

fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Processor time of so many rounds of `STREAMS` streams of `tokens` tokens.
fn spent(client: &Client, tokens: u64, rounds: u64) -> Duration {
    let before = process_cpu();
    for _ in 0..rounds {
        client.ask(STREAMS, tokens);
    }
    process_cpu().saturating_sub(before)
}

fn cost(c: &mut Criterion) {
    let server = Server::start().unwrap();
    let client = Client::start(&server.address).unwrap();
    let mut group = c.benchmark_group("engine/processor time");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::Elements(STREAMS));
    group.bench_function(BenchmarkId::from_parameter("requests of one token"), |b| {
        b.iter_custom(|rounds| spent(&client, 1, rounds));
    });
    let tokens = 500;
    group.throughput(Throughput::Elements(STREAMS * tokens));
    group.bench_function(BenchmarkId::from_parameter("events of long streams"), |b| {
        b.iter_custom(|rounds| spent(&client, tokens, rounds));
    });
    group.finish();
}

fn pacing(c: &mut Criterion) {
    let server = Server::start().unwrap();
    let client = Client::start(&server.address).unwrap();
    let mut group = c.benchmark_group("engine/lateness");
    // An arrival takes two milliseconds of waiting for some microseconds of lateness: few of them are enough.
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_millis(20));
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::from_parameter("500 arrivals per second"), |b| {
        b.iter_custom(|arrivals| client.lateness(arrivals, Duration::from_millis(2)));
    });
    group.finish();
}

criterion_group!(benches, cost, pacing);
criterion_main!(benches);
