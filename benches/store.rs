//! What durability costs: writing and reading the log of streams of 100 tokens each.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot write has failed")]

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use llmark::domain::Asker;
use llmark::domain::Attempt;
use llmark::domain::CellId;
use llmark::domain::Channel;
use llmark::domain::Clock;
use llmark::domain::ConnTimes;
use llmark::domain::Cost;
use llmark::domain::Event;
use llmark::domain::JsonText;
use llmark::domain::Observation;
use llmark::domain::Offset;
use llmark::domain::Outcome;
use llmark::domain::Phase;
use llmark::domain::Reply;
use llmark::domain::TrialId;
use llmark::domain::WireEvent;
use llmark::store::Manifest;
use llmark::store::RunFolder;
use llmark::store::Writer;
use llmark::store::format;
use llmark::store::manifest::Anchor;
use llmark::text::Redactor;
use llmark::text::Secret;

const TOKENS: u64 = 100;
const STREAMS: u64 = 100;

#[derive(Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> Offset {
        Offset(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

fn observed(trial: u64) -> Event {
    let event = |i: u64| WireEvent {
        at: Offset(1_000_000_000 + i * 10_123_457),
        read: i as u32,
        channel: Channel::Text,
        bytes: 5,
    };
    Event::Observed(Box::new(Observation {
        attempt: Attempt {
            trial: TrialId(trial),
            number: 1,
            turn: 1,
            is_last: true,
            cell: CellId(0),
            case: 0,
            repeat: 0,
            phase: Phase::Measure,
            asker: Asker::Subject,
        },
        sent_mode: JsonText::new(&serde_json::json!({"reasoning_effort": "low"})),
        due: Offset(999_000_000),
        sent: Offset(999_001_000),
        written: Some(Offset(999_050_000)),
        conn: ConnTimes { reused: true, ..ConnTimes::default() },
        status: Some(200),
        headers: Some(Offset(1_000_000_000)),
        events: (0..TOKENS).map(event).collect(),
        ended: Offset(2_100_000_000),
        reply: Reply { text: "word ".repeat(TOKENS as usize), ..Reply::default() },
        outcome: Outcome::Ok,
        detail: String::new(),
        message: String::new(),
        retry_after: None,
        should_retry: None,
        request_id: Some("req-0123456789".into()),
        cost: Cost::UNKNOWN,
        recall: None,
    }))
}

fn redactor() -> Redactor {
    Redactor::new(&[Secret::new("sk-bench-0123456789abcdefghijklmnopqrstuvwxyz")])
}

fn encode(c: &mut Criterion) {
    let (event, redactor) = (observed(1), redactor());
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(TOKENS));
    let mut line = Vec::new();
    group.bench_function("encode one observation", |b| {
        b.iter(|| {
            line.clear();
            format::encode(&mut line, 1, Offset(1), &event).unwrap();
            format::finish(&mut line);
            line.len()
        });
    });
    let text = String::from_utf8(line.clone()).unwrap();
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("look for secrets", |b| b.iter(|| redactor.finds(&text)));
    group.finish();
}

fn append(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let run = RunFolder::create(&path, Manifest::default(), &[], &redactor()).unwrap();
    let writer = Writer::start(&run, Arc::new(Ticks::default()), redactor(), Anchor::default()).unwrap();
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(STREAMS * TOKENS));
    for (name, durable) in [("100 streams appended", false), ("100 streams made durable", true)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                for trial in 0..STREAMS {
                    writer.append(observed(trial)).unwrap();
                }
                if durable {
                    writer.sync().unwrap();
                }
            });
        });
    }
    group.finish();
    drop(writer);
}

fn read(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&folder.path().join("run"), Manifest::default(), &[], &Redactor::default()).unwrap();
    let writer = Writer::start(&run, Arc::new(Ticks::default()), Redactor::default(), Anchor::default()).unwrap();
    for trial in 0..1000 {
        writer.append(observed(trial)).unwrap();
    }
    drop(writer);
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(1000 * TOKENS));
    group.bench_function("read 1000 observations", |b| b.iter(|| run.read().unwrap().map(Result::unwrap).count()));
    group.finish();
}

criterion_group!(benches, encode, append, read);
criterion_main!(benches);
