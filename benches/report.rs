//! What a report of 10,000 trials costs, from observations to the finished files. The budget is 2 s and 200 MB.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot render has failed")]

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use llmark::analyze::Fold;
use llmark::analyze::Run;
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
use llmark::domain::random::Stream;
use llmark::report;

const TRIALS: u64 = 10_000;
const CELLS: u64 = 16;
const CASES: u64 = 125;
const TOKENS: u64 = 60;

fn run() -> Run {
    let cell = |n: u64| CellInfo {
        target: ["one", "two"][n as usize / 8].into(),
        mode: ["minimal", "low", "medium", "high"][n as usize % 4].into(),
        prompt: "p".into(),
        load: ["c1", "c16"][n as usize / 4 % 2].into(),
        arrivals: Arrivals::Closed([1, 16][n as usize / 4 % 2]),
        timed: false,
        salted: true,
        planned: TRIALS / CELLS,
    };
    let case = |n: u64| CaseInfo {
        id: format!("case-{n}").into(),
        tags: vec!["tag".into()],
        cluster: None,
        hash: n,
        canary: false,
        expect: Some("42".into()),
    };
    Run {
        cells: (0..CELLS).map(cell).collect(),
        cases: (0..CASES).map(case).collect(),
        graders: vec![GraderInfo {
            id: "exact".into(),
            kind: "exact".into(),
            weight: 1.0,
            version: "1".into(),
            judges: vec![],
        }],
        ..Run::default()
    }
}

fn observation(trial: u64, stream: &mut Stream) -> Observation {
    let due = trial * 3_000_000;
    let first = due + 150_000_000 + stream.below(100_000_000);
    let event = |k: u64| WireEvent {
        at: Offset(first + k * 8_000_000),
        read: k as u32,
        channel: if k < 20 { Channel::Reasoning } else { Channel::Text },
        bytes: 5,
    };
    let cell = trial % CELLS;
    let place = trial / CELLS;
    Observation {
        attempt: Attempt {
            trial: TrialId(trial),
            number: 1,
            turn: 1,
            is_last: true,
            cell: CellId(cell as u32),
            case: (place % CASES) as u32,
            repeat: (place / CASES) as u32,
            phase: Phase::Measure,
            asker: Asker::Subject,
        },
        sent_mode: JsonText::new(&serde_json::json!({})),
        due: Offset(due),
        sent: Offset(due),
        written: Some(Offset(due + 50_000)),
        conn: ConnTimes { reused: true, ..ConnTimes::default() },
        status: Some(200),
        headers: Some(Offset(first - 1_000_000)),
        events: (0..TOKENS).map(event).collect(),
        ended: Offset(first + TOKENS * 8_000_000),
        reply: Reply {
            text: "so the answer, as far as I can see, must be 42 ".repeat(6),
            reasoning: "six times seven, carry the four ".repeat(8),
            finish_reason: Some("stop".into()),
            usage: Some(Usage { input: Some(120), output: Some(60), reasoning: Some(20), ..Usage::default() }),
            model: Some("one".into()),
            ..Reply::default()
        },
        outcome: Outcome::Ok,
        detail: String::new(),
        message: String::new(),
        retry_after: None,
        should_retry: None,
        request_id: None,
        cost: Cost { usd: Some(Usd::from_f64(0.0001)), basis: Basis::Computed },
        recall: None,
    }
}

fn events() -> Vec<Event> {
    let mut stream = Stream::new(1, "bench");
    let mut events = Vec::new();
    for trial in 0..TRIALS {
        events.push(Event::Observed(Box::new(observation(trial, &mut stream))));
        let verdict = Verdict::decide(stream.uniform() < 0.85, "found 42");
        let (grader, version) = ("exact".into(), "1".to_owned());
        events.push(Event::Graded { trial: TrialId(trial), grader, version, verdict });
    }
    events
}

/// Bytes of all files of a report, from the events of a run.
fn report(run: &Run, events: &[Event]) -> usize {
    let mut fold = Fold::new(run);
    for event in events {
        fold.push(event);
    }
    let trials = fold.finish();
    let summary = summarize(run, &trials);
    let rows = report::Rows::new(run, &trials, &summary);
    let mut table = report::csv::Table::new(Vec::new()).unwrap();
    let mut junit = report::junit::Report::default();
    let mut details = report::html::Details::new(summary.cells.len());
    for event in events {
        let Event::Observed(observation) = event else { continue };
        if let Some(row) = rows.row(observation) {
            table.push(&row).unwrap();
            junit.push(&row);
            details.push(row);
        }
    }
    let mut files = vec![report::json::render(&summary), report::md::render(&summary), junit.render("bench")];
    files.push(report::html::render(&summary, &details));
    files.extend(report::chart::render(&summary));
    files.iter().map(|file| file.bytes.len()).sum::<usize>() + table.finish().unwrap().len()
}

fn bench(criterion: &mut Criterion) {
    let (run, events) = (run(), events());
    let mut group = criterion.benchmark_group("report");
    group.throughput(Throughput::Elements(TRIALS)).sample_size(10);
    group.bench_function("10k trials, all files", |b| b.iter(|| report(&run, &events)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
