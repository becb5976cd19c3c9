//! What a summary costs: folding streams of 100 tokens and summarizing 100,000 trials in eight cells.

use std::hint::black_box;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use llmark::analyze::Fold;
use llmark::analyze::Run;
use llmark::analyze::Trials;
use llmark::analyze::run::Arrivals;
use llmark::analyze::run::CaseInfo;
use llmark::analyze::run::CellInfo;
use llmark::analyze::run::GraderInfo;
use llmark::analyze::summarize;
use llmark::domain::Asker;
use llmark::domain::Attempt;
use llmark::domain::Basis;
use llmark::domain::CellId;
use llmark::domain::Channel;
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
use llmark::domain::Usage;
use llmark::domain::Usd;
use llmark::domain::Verdict;
use llmark::domain::WireEvent;

const TRIALS: u64 = 100_000;
const TOKENS: u64 = 100;
const CELLS: u32 = 8;
const CASES: u32 = 5_000;

fn run() -> Run {
    let cell = |i: u32| CellInfo {
        target: "t".into(),
        mode: ["minimal", "low", "medium", "high"][i as usize % 4].into(),
        prompt: "p".into(),
        load: if i < 4 { "c1".into() } else { "c16".into() },
        arrivals: Arrivals::Closed(if i < 4 { 1 } else { 16 }),
        timed: false,
        salted: false,
        planned: 0,
    };
    let case = |i: u32| CaseInfo {
        id: format!("case-{i}").into(),
        tags: vec!["easy".into()],
        cluster: None,
        hash: u64::from(i),
        canary: false,
        expect: None,
    };
    Run {
        cells: (0..CELLS).map(cell).collect(),
        cases: (0..CASES).map(case).collect(),
        graders: vec![GraderInfo {
            id: "exact".into(),
            kind: "exact".into(),
            weight: 1.0,
            version: "1".into(),
            judges: Vec::new(),
        }],
        ..Run::default()
    }
}

fn observation(trial: u64) -> Observation {
    let due = trial * 10_000_000;
    let first = due + 80_000_000 + trial * 7_919 % 9_973 * 10_000;
    let event = |i: u64| WireEvent {
        at: Offset(first + i * 10_000_000 + (trial + i) * 7_919 % 4_999 * 100),
        read: i as u32,
        channel: Channel::Text,
        bytes: 5,
    };
    Observation {
        attempt: Attempt {
            trial: TrialId(trial),
            number: 1,
            turn: 1,
            is_last: true,
            cell: CellId((trial % u64::from(CELLS)) as u32),
            case: (trial / u64::from(CELLS) % u64::from(CASES)) as u32,
            repeat: 0,
            phase: Phase::Measure,
            asker: Asker::Subject,
        },
        sent_mode: JsonText::new(&serde_json::Value::Null),
        due: Offset(due),
        sent: Offset(due),
        written: Some(Offset(due + 50_000)),
        conn: ConnTimes { reused: true, ..ConnTimes::default() },
        status: Some(200),
        headers: Some(Offset(first - 1_000_000)),
        events: (0..TOKENS).map(event).collect(),
        ended: Offset(first + TOKENS * 10_000_000),
        reply: Reply {
            text: "word ".repeat(TOKENS as usize),
            usage: Some(Usage {
                input: Some(200),
                output: Some(TOKENS),
                reasoning: Some(trial % 50),
                ..Usage::default()
            }),
            ..Reply::default()
        },
        outcome: if trial.is_multiple_of(97) { Outcome::Timeout } else { Outcome::Ok },
        detail: String::new(),
        message: String::new(),
        retry_after: None,
        should_retry: None,
        request_id: None,
        cost: Cost { usd: Some(Usd(1_000_000 + trial as i64 % 1000)), basis: Basis::Computed },
        recall: None,
    }
}

fn folded(run: &Run, trials: u64) -> Trials {
    let mut fold = Fold::new(run);
    for trial in 0..trials {
        fold.push(&Event::Observed(Box::new(observation(trial))));
        let verdict = Verdict::decide(!trial.is_multiple_of(3), "expected `a`, found `b`");
        fold.push(&Event::Graded { trial: TrialId(trial), grader: "exact".into(), version: "1".into(), verdict });
    }
    fold.finish()
}

fn benches(criterion: &mut Criterion) {
    let run = run();
    let mut group = criterion.benchmark_group("analyze");
    group.sample_size(10);
    group.throughput(Throughput::Elements(1_000 * TOKENS));
    let events: Vec<Event> = (0..1_000).map(|trial| Event::Observed(Box::new(observation(trial)))).collect();
    group.bench_function("fold 1,000 streams of 100 tokens", |bencher| {
        bencher.iter(|| {
            let mut fold = Fold::new(&run);
            for event in &events {
                fold.push(event);
            }
            black_box(fold.finish())
        });
    });
    let trials = folded(&run, TRIALS);
    group.throughput(Throughput::Elements(TRIALS));
    group.bench_function("summarize 100,000 trials", |bencher| bencher.iter(|| black_box(summarize(&run, &trials))));
    group.finish();
}

criterion_group!(analyze, benches);
criterion_main!(analyze);
