//! Small runs for tests, built by hand.

use crate::analyze::run::Arrivals;
use crate::analyze::run::CaseInfo;
use crate::analyze::run::CellInfo;
use crate::analyze::run::GraderInfo;
use crate::analyze::run::Run;
use crate::analyze::run::TargetInfo;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::Basis;
use crate::domain::CellId;
use crate::domain::Channel;
use crate::domain::ConnTimes;
use crate::domain::Cost;
use crate::domain::Event;
use crate::domain::JsonText;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::Reply;
use crate::domain::TokenSource;
use crate::domain::TrialId;
use crate::domain::Usage;
use crate::domain::Usd;
use crate::domain::Verdict;
use crate::domain::WireEvent;

/// The instant `ms` milliseconds after the run's zero.
pub(crate) fn ms(ms: u64) -> Offset {
    Offset(ms * 1_000_000)
}

/// Events of six bytes each: millisecond, read, channel.
pub(crate) fn events(rows: &[(u64, u32, Channel)]) -> Vec<WireEvent> {
    rows.iter().map(|&(at, read, channel)| WireEvent { at: ms(at), read, channel, bytes: 6 }).collect()
}

/// Trial `trial` of case `case` in cell 0: due at once, TTFT 100 ms, four tokens 10 ms apart, 10 + 4 tokens, $0.001.
pub(crate) fn ok(trial: u64, case: u32) -> Observation {
    let text: Vec<(u64, u32, Channel)> = (0..4).map(|i| (100 + 10 * i, i as u32, Channel::Text)).collect();
    Observation {
        attempt: Attempt {
            trial: TrialId(trial),
            number: 1,
            turn: 1,
            is_last: true,
            cell: CellId(0),
            case,
            repeat: 0,
            phase: Phase::Measure,
            asker: Asker::Subject,
        },
        sent_mode: JsonText::new(&serde_json::json!({})),
        due: Offset::ZERO,
        sent: Offset::ZERO,
        written: Some(Offset::ZERO),
        conn: ConnTimes { reused: true, ..ConnTimes::default() },
        status: Some(200),
        headers: Some(ms(50)),
        events: events(&text),
        ended: ms(135),
        reply: Reply {
            text: "forty-two".into(),
            finish_reason: Some("stop".into()),
            usage: Some(Usage { input: Some(10), output: Some(4), source: TokenSource::Provider, ..Usage::default() }),
            model: Some("m".into()),
            ..Reply::default()
        },
        outcome: Outcome::Ok,
        detail: String::new(),
        message: String::new(),
        retry_after: None,
        should_retry: None,
        request_id: None,
        cost: Cost { usd: Some(Usd::from_f64(0.001)), basis: Basis::Computed },
        recall: None,
    }
}

/// The same, failed before the first token.
pub(crate) fn failed(trial: u64, case: u32, outcome: Outcome) -> Observation {
    let mut obs = ok(trial, case);
    obs.events.clear();
    obs.reply = Reply::default();
    obs.outcome = outcome;
    obs.status = Some(500);
    obs.cost = Cost::UNKNOWN;
    obs
}

/// The same, later and slower: due at `due` ms, first token `ttft` ms after that.
pub(crate) fn at(trial: u64, case: u32, due: u64, ttft: u64) -> Observation {
    let mut obs = ok(trial, case);
    obs.due = ms(due);
    obs.sent = obs.due;
    obs.written = Some(obs.due);
    obs.headers = Some(ms(due + ttft / 2));
    for (k, event) in obs.events.iter_mut().enumerate() {
        event.at = ms(due + ttft + 10 * k as u64);
    }
    obs.ended = ms(due + ttft + 35);
    obs
}

/// A run of one target, mode, prompt and load, with `cases` cases and the grader `exact` of weight 1.
pub(crate) fn run(cases: u32) -> Run {
    Run {
        targets: vec![TargetInfo {
            id: "t".into(),
            model: "m".into(),
            provider: "custom".into(),
            protocol: "openai-chat".into(),
            simulated: false,
            price: None,
            claims: Vec::new(),
            modes: Vec::new(),
        }],
        cells: vec![cell("default", "c1", 1)],
        cases: (0..cases).map(case).collect(),
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

/// A closed-loop cell of target `t` and prompt `p`.
pub(crate) fn cell(mode: &str, load: &str, concurrency: u32) -> CellInfo {
    CellInfo {
        target: "t".into(),
        mode: mode.into(),
        prompt: "p".into(),
        load: load.into(),
        arrivals: Arrivals::Closed(concurrency),
        timed: false,
        salted: false,
        planned: 0,
    }
}

fn case(index: u32) -> CaseInfo {
    CaseInfo {
        id: format!("case-{index}").into(),
        tags: Vec::new(),
        cluster: None,
        hash: u64::from(index),
        canary: false,
        expect: None,
    }
}

/// The verdict of grader `exact`, version 1.
pub(crate) fn graded(trial: u64, verdict: Verdict) -> Event {
    Event::Graded { trial: TrialId(trial), grader: "exact".into(), version: "1".into(), verdict }
}

/// An observation as an event.
pub(crate) fn observed(obs: Observation) -> Event {
    Event::Observed(Box::new(obs))
}
