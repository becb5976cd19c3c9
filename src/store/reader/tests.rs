//! Run folders of every released format stay readable.

use std::time::Duration;

use super::*;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::Basis;
use crate::domain::CellId;
use crate::domain::Channel;
use crate::domain::ConnTimes;
use crate::domain::Cost;
use crate::domain::Flag;
use crate::domain::Health;
use crate::domain::JsonText;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::Reply;
use crate::domain::RunStatus;
use crate::domain::TokenSource;
use crate::domain::ToolCall;
use crate::domain::TrialId;
use crate::domain::Usage;
use crate::domain::Usd;
use crate::domain::Verdict;
use crate::domain::Why;
use crate::domain::WireEvent;
use crate::store::Progress;
use crate::store::RunFolder;

/// The folder that format 1.0 wrote. It is never written again: a later format adds a folder of its own.
fn v1() -> RunFolder {
    RunFolder::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/runs/v1")).unwrap()
}

fn usage() -> Usage {
    Usage {
        input: Some(12),
        cached: Some(4),
        cache_write: None,
        output: Some(3),
        reasoning: Some(1),
        billed: Some(Usd(1_500_000)),
        raw: Some(JsonText::new(&serde_json::json!({"prompt_tokens": 12, "completion_tokens": 3}))),
        source: TokenSource::Provider,
    }
}

fn reply() -> Reply {
    Reply {
        text: "Zürich \u{1f600}\n\"quoted\"".into(),
        reasoning: "hm".into(),
        refusal: String::new(),
        tool_calls: vec![ToolCall { id: "c1".into(), name: "get".into(), arguments: "{\"a\":1}".into() }],
        finish_reason: Some("stop".into()),
        usage: Some(usage()),
        id: Some("chatcmpl-1".into()),
        model: Some("m-2026".into()),
        provider: Some("upstream".into()),
        service_tier: Some("default".into()),
        fingerprint: Some("fp_1".into()),
        timings: Some(JsonText::new(&serde_json::json!({"predicted_ms": 1.5}))),
        reasoning_field: Some("reasoning_content"),
        flags: vec![Flag::MissingDone, Flag::Repaired],
    }
}

fn attempt(trial: u64) -> Attempt {
    Attempt {
        trial: TrialId(trial),
        number: 2,
        turn: 1,
        is_last: true,
        cell: CellId(1),
        case: 5,
        repeat: 3,
        phase: Phase::Warmup,
        asker: Asker::Grader("helpful".into()),
    }
}

fn observation() -> Observation {
    let event = |at, read, channel, bytes| WireEvent { at: Offset(at), read, channel, bytes };
    Observation {
        attempt: attempt(1),
        sent_mode: JsonText::new(&serde_json::json!({"reasoning_effort": "low"})),
        due: Offset(1_000_000),
        sent: Offset(1_000_500),
        written: Some(Offset(1_001_000)),
        conn: ConnTimes {
            reused: true,
            dns: Some(Offset(1)),
            tcp: Some(Offset(2)),
            tls: Some(Offset(3)),
            ..ConnTimes::default()
        },
        status: Some(200),
        headers: Some(Offset(2_000_000)),
        events: vec![
            event(2_100_000, 1, Channel::Role, 0),
            event(2_200_000, 2, Channel::Reasoning, 2),
            event(2_200_000, 2, Channel::Text, 9),
            event(2_300_000, 3, Channel::Usage, 0),
            event(2_300_001, 4, Channel::Done, 0),
        ],
        ended: Offset(2_300_100),
        reply: reply(),
        outcome: Outcome::Ok,
        detail: "d".into(),
        message: "m".into(),
        retry_after: Some(Duration::from_millis(1500)),
        should_retry: None,
        request_id: Some("req-1".into()),
        cost: Cost { usd: Some(Usd(1_500_000)), basis: Basis::Billed },
        recall: None,
    }
}

fn silent(trial: u64) -> Observation {
    Observation {
        attempt: Attempt { phase: Phase::Measure, asker: Asker::Subject, ..attempt(trial) },
        sent_mode: JsonText::new(&serde_json::json!({})),
        written: None,
        conn: ConnTimes::default(),
        status: None,
        headers: None,
        events: Vec::new(),
        reply: Reply::default(),
        outcome: Outcome::ConnectError,
        retry_after: None,
        should_retry: None,
        request_id: None,
        cost: Cost::UNKNOWN,
        recall: None,
        ..observation()
    }
}

fn health() -> Health {
    let ms = Duration::from_millis;
    Health {
        cell: Some(CellId(1)),
        window: (Offset(5), Offset(9)),
        lag: [ms(1), ms(2), ms(3)],
        dispatch: [ms(4), ms(5), ms(6)],
        cpu: 0.1,
        io_cpu: 0.05,
        coalesced: 1.0 / 3.0,
        fds: 12,
        arrivals: [10, 9, 1],
        clock_step_s: -0.5,
        suspended_s: 0.0,
        steal: 0.01,
        overflow: true,
    }
}

fn verdicts() -> [Verdict; 4] {
    let why = Why { text: "w".into(), extracted: Some("x".into()), step: Some("last_number") };
    [
        Verdict::Pass { why: why.clone() },
        Verdict::Fail { why: Why::default() },
        Verdict::Score { value: 0.1 + 0.2, why },
        Verdict::Ungradable { why: Why::text("no judge") },
    ]
}

fn events() -> Vec<Event> {
    let mut events = vec![
        Event::Intent { trials: 0..4, worst_cost: Some(Usd(4_000_000)) },
        Event::Intent { trials: 4..5, worst_cost: None },
        Event::Observed(Box::new(observation())),
        Event::Observed(Box::new(silent(0))),
        Event::Health(Box::new(health())),
        Event::Decided { rule: "precision p95(ttft)".into(), decision: "stop c1".into() },
    ];
    events.extend(verdicts().map(|verdict| Event::Graded {
        trial: TrialId(0),
        grader: "exact".into(),
        version: "1".into(),
        verdict,
    }));
    events
}

#[test]
fn format_1_reads_as_it_was_written() {
    let run = v1();
    assert_eq!(run.manifest().suite.name, "fixture");
    assert_eq!(run.manifest().seed, 7);
    let mut log = run.read().unwrap();
    let lines: Vec<Stored> = log.by_ref().map(Result::unwrap).collect();
    assert_eq!(log.torn(), 1, "the fixture ends in the middle of a line");
    let mut records = lines.into_iter().map(|line| line.record);
    assert!(matches!(records.next(), Some(Record::Opened { session: 1, version: (1, 0), .. })));
    let mut read: Vec<Event> = Vec::new();
    for record in records {
        match record {
            Record::Event(event) => read.push(event),
            Record::Opened { session, .. } => assert_eq!(session, 2),
            Record::Closed(_) => {}
        }
    }
    let mut written = events();
    written.push(Event::Ended(RunStatus::Interrupted));
    written.push(Event::Intent { trials: 2..4, worst_cost: Some(Usd(2_000_000)) });
    assert_eq!(read, written);
}

#[test]
fn what_is_about_other_trials_is_passed_over() {
    let about_a_trial = |record: &Record| matches!(record, Record::Event(Event::Observed(_) | Event::Graded { .. }));
    let count =
        |reader: Reader| reader.map(|stored| about_a_trial(&stored.unwrap().record)).partition::<Vec<_>, _>(|is| *is);
    let (all, rest) = count(v1().read().unwrap());
    assert_eq!(count(v1().read().unwrap().only_trials([TrialId(99)].into())), (Vec::new(), rest.clone()));
    let (of_one, others) = count(v1().read().unwrap().only_trials([TrialId(0)].into()));
    assert_eq!((of_one.len(), others), (all.len() - 1, rest), "one observation is of another trial");
    let mut passing = v1().read().unwrap().only_trials([TrialId(99)].into());
    passing.by_ref().for_each(drop);
    assert_eq!(passing.torn(), 1);
}

#[test]
fn progress_of_format_1() {
    let progress = Progress::of(v1().read().unwrap()).unwrap();
    assert_eq!(progress.sessions(), 2);
    assert_eq!(progress.finished().numbers().collect::<Vec<_>>(), [0]);
    assert_eq!(progress.in_doubt().trials.numbers().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(progress.in_doubt().worst_cost, Some(Usd(2_000_000)));
    assert_eq!(progress.spent(), Usd(1_500_000));
}
