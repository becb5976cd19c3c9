//! Every event as a line, and back.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use super::MAJOR;
use super::MINOR;
use super::line::Head;
use super::line::open;
use super::observation::Observed;
use super::word::Exact;
use super::word::intern;
use crate::domain::CellId;
use crate::domain::Event;
use crate::domain::Health;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::RunStatus;
use crate::domain::TrialId;
use crate::domain::Usd;
use crate::domain::Verdict;
use crate::domain::Why;
use crate::store::manifest::Anchor;
use crate::store::reader::Record;

#[derive(Debug, Serialize, Deserialize)]
struct Opened {
    format: [u32; 2],
    session: u32,
    unix_ns: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Closed {
    unix_ns: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Intent {
    first: u64,
    end: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    worst_pusd: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Graded<'a> {
    trial: u64,
    #[serde(borrow)]
    grader: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    verdict: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Exact>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    why: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    extracted: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    step: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cell: Option<u32>,
    window: [u64; 2],
    lag_ns: [u64; 3],
    dispatch_ns: [u64; 3],
    cpu: Exact,
    io_cpu: Exact,
    coalesced: Exact,
    fds: u32,
    arrivals: [u64; 3],
    clock_step_s: Exact,
    suspended_s: Exact,
    steal: Exact,
    overflow: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Decided<'a> {
    #[serde(borrow)]
    rule: Cow<'a, str>,
    #[serde(borrow)]
    decision: Cow<'a, str>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Ended<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
}

/// Appends the line of `event`, without its checksum, to `out`.
///
/// # Errors
/// A value has no JSON form; cannot happen for values that the domain's constructors make.
pub fn encode(out: &mut Vec<u8>, n: u64, at: Offset, event: &Event) -> serde_json::Result<()> {
    let mut line = |kind, members: &dyn Fn(&mut Vec<u8>) -> serde_json::Result<()>| {
        open(out, n, at.0, kind);
        members(out)
    };
    match event {
        Event::Intent { trials, worst_cost } => {
            let members = Intent { first: trials.start, end: trials.end, worst_pusd: worst_cost.map(|usd| usd.0) };
            line("intent", &|out| append(out, &members))
        }
        Event::Observed(seen) => line("observed", &|out| append(out, &Observed::from(&**seen))),
        Event::Graded { trial, grader, version, verdict } => {
            let members = graded(*trial, grader.as_str(), version, verdict);
            line("graded", &|out| append(out, &members))
        }
        Event::Health(health) => line("health", &|out| append(out, &Measured::from(&**health))),
        Event::Decided { rule, decision } => {
            line("decided", &|out| append(out, &Decided { rule: rule.into(), decision: decision.into() }))
        }
        Event::Ended(status) => line("ended", &|out| append(out, &Ended { status: status.name().into() })),
    }
}

/// Appends the line that opens session `session` of a log, or closes it where `session` is `None`.
///
/// # Errors
/// None in practice.
pub fn encode_anchor(out: &mut Vec<u8>, n: u64, anchor: Anchor, session: Option<u32>) -> serde_json::Result<()> {
    open(out, n, anchor.offset_ns, if session.is_some() { "open" } else { "close" });
    match session {
        Some(session) => append(out, &Opened { format: [MAJOR, MINOR], session, unix_ns: anchor.unix_ns }),
        None => append(out, &Closed { unix_ns: anchor.unix_ns }),
    }
}

/// Appends the members of an object to a line that already has some.
fn append(out: &mut Vec<u8>, members: &impl Serialize) -> serde_json::Result<()> {
    let start = out.len();
    serde_json::to_writer(&mut *out, members)?;
    // `{"a":1}` becomes `,"a":1`.
    out[start] = b',';
    out.pop();
    Ok(())
}

/// Reads the members of a line whose head was read.
///
/// # Errors
/// Says what the line lacks or what it should not have.
pub fn decode(head: &Head<'_>, line: &str) -> Result<Record, String> {
    Ok(Record::Event(match &*head.k {
        "open" => {
            let Opened { format: [major, minor], session, unix_ns } = members(line)?;
            return Ok(Record::Opened {
                session,
                version: (major, minor),
                anchor: Anchor { offset_ns: head.t, unix_ns },
            });
        }
        "close" => {
            let closed: Closed = members(line)?;
            return Ok(Record::Closed(Anchor { offset_ns: head.t, unix_ns: closed.unix_ns }));
        }
        "intent" => {
            let intent: Intent = members(line)?;
            Event::Intent { trials: intent.first..intent.end, worst_cost: intent.worst_pusd.map(Usd) }
        }
        "observed" => Event::Observed(Box::new(Observation::try_from(members::<Observed<'_>>(line)?)?)),
        "graded" => members::<Graded<'_>>(line)?.try_into()?,
        "health" => Event::Health(Box::new(members::<Measured>(line)?.into())),
        "decided" => {
            let decided: Decided<'_> = members(line)?;
            Event::Decided { rule: decided.rule.into_owned(), decision: decided.decision.into_owned() }
        }
        "ended" => Event::Ended(status(&members::<Ended<'_>>(line)?.status)?),
        other => return Err(format!("`{other}` is no kind of line")),
    }))
}

fn members<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|e| e.to_string())
}

fn status(name: &str) -> Result<RunStatus, String> {
    RunStatus::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| format!("`{name}` is no way to end"))
}

fn graded<'a>(trial: TrialId, grader: &'a str, version: &'a str, verdict: &'a Verdict) -> Graded<'a> {
    let (name, value) = match verdict {
        Verdict::Pass { .. } => ("pass", None),
        Verdict::Fail { .. } => ("fail", None),
        Verdict::Score { value, .. } => ("score", Some(Exact(*value))),
        Verdict::Ungradable { .. } => ("ungradable", None),
    };
    let why = verdict.why();
    Graded {
        trial: trial.0,
        grader: grader.into(),
        version: version.into(),
        verdict: name.into(),
        value,
        why: why.text.as_str().into(),
        extracted: why.extracted.as_deref().map(Cow::Borrowed),
        step: why.step.map(Cow::Borrowed),
    }
}

impl TryFrom<Graded<'_>> for Event {
    type Error = String;

    fn try_from(line: Graded<'_>) -> Result<Self, String> {
        let why = Why {
            text: line.why.into_owned(),
            extracted: line.extracted.map(Cow::into_owned),
            step: line.step.map(|step| intern(&step)),
        };
        let verdict = match &*line.verdict {
            "pass" => Verdict::Pass { why },
            "fail" => Verdict::Fail { why },
            "score" => Verdict::Score { value: line.value.ok_or("a score has no value")?.0, why },
            "ungradable" => Verdict::Ungradable { why },
            other => return Err(format!("`{other}` is no verdict")),
        };
        Ok(Self::Graded {
            trial: TrialId(line.trial),
            grader: (&*line.grader).into(),
            version: line.version.into_owned(),
            verdict,
        })
    }
}

fn nanos(times: [Duration; 3]) -> [u64; 3] {
    times.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

impl From<&Health> for Measured {
    fn from(health: &Health) -> Self {
        Self {
            cell: health.cell.map(|cell| cell.0),
            window: [health.window.0.0, health.window.1.0],
            lag_ns: nanos(health.lag),
            dispatch_ns: nanos(health.dispatch),
            cpu: Exact(health.cpu),
            io_cpu: Exact(health.io_cpu),
            coalesced: Exact(health.coalesced),
            fds: health.fds,
            arrivals: health.arrivals,
            clock_step_s: Exact(health.clock_step_s),
            suspended_s: Exact(health.suspended_s),
            steal: Exact(health.steal),
            overflow: health.overflow,
        }
    }
}

impl From<Measured> for Health {
    fn from(line: Measured) -> Self {
        Self {
            cell: line.cell.map(CellId),
            window: (Offset(line.window[0]), Offset(line.window[1])),
            lag: line.lag_ns.map(Duration::from_nanos),
            dispatch: line.dispatch_ns.map(Duration::from_nanos),
            cpu: line.cpu.0,
            io_cpu: line.io_cpu.0,
            coalesced: line.coalesced.0,
            fds: line.fds,
            arrivals: line.arrivals,
            clock_step_s: line.clock_step_s.0,
            suspended_s: line.suspended_s.0,
            steal: line.steal.0,
            overflow: line.overflow,
        }
    }
}
