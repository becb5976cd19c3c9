//! Loads, the run over time, and trials to look into, in `summary.json`.

use serde::Serialize;

use super::E;
use super::Key;
use super::finite;
use crate::analyze::summary;

/// The same cases at two loads.
#[derive(Serialize)]
pub(super) struct Shift<'a> {
    target: &'a str,
    mode: &'a str,
    prompt: &'a str,
    low: &'a str,
    high: &'a str,
    /// `pass`, `length` or `answer`.
    what: &'static str,
    n_pairs: u64,
    /// Cases with the property only at the high load.
    only_high: u64,
    /// Cases with the property only at the low load.
    only_low: u64,
    difference: E,
    p_value: Option<f64>,
    worse: bool,
}

impl<'a> Shift<'a> {
    pub(super) fn of(shift: &'a summary::LoadShift) -> Self {
        Self {
            target: shift.target.as_str(),
            mode: shift.mode.as_str(),
            prompt: shift.prompt.as_str(),
            low: shift.low.as_str(),
            high: shift.high.as_str(),
            what: shift.what,
            n_pairs: shift.pairs,
            only_high: shift.changed.0,
            only_low: shift.changed.1,
            difference: E::of(&shift.difference),
            p_value: finite(shift.p_value),
            worse: shift.worse,
        }
    }
}

/// Cells that differ in their load alone, by rising load.
#[derive(Serialize)]
pub(super) struct Curve<'a> {
    target: &'a str,
    mode: &'a str,
    prompt: &'a str,
    points: Vec<CurvePoint<'a>>,
}

#[derive(Serialize)]
struct CurvePoint<'a> {
    load: &'a str,
    /// Requests in flight, or per second.
    level: Option<f64>,
    open: bool,
    /// Position in `cells`, which has the figures.
    cell: usize,
}

impl<'a> Curve<'a> {
    pub(super) fn of(curve: &'a summary::LoadCurve) -> Self {
        let point = |p: &'a summary::LoadPoint| CurvePoint {
            load: p.load.as_str(),
            level: finite(Some(p.level)),
            open: p.open,
            cell: p.cell_index,
        };
        Self {
            target: curve.target.as_str(),
            mode: curve.mode.as_str(),
            prompt: curve.prompt.as_str(),
            points: curve.points.iter().map(point).collect(),
        }
    }
}

/// The run over time in equal bins, from its first due request on.
#[derive(Serialize)]
pub(super) struct Timeline<'a> {
    bin_s: f64,
    arrivals: &'a [u64],
    finished: &'a [u64],
    errors: &'a [u64],
    in_flight: &'a [f64],
    ttft_p50_ms: &'a [Option<f64>],
    segments: Vec<Segment>,
}

/// A stretch in which one cell was measured.
#[derive(Serialize)]
struct Segment {
    /// Position in `cells`.
    cell: usize,
    from_s: f64,
    to_s: f64,
}

impl<'a> Timeline<'a> {
    pub(super) fn of(line: &'a summary::Timeline) -> Self {
        Self {
            bin_s: line.bin_s,
            arrivals: &line.arrivals,
            finished: &line.finished,
            errors: &line.errors,
            in_flight: &line.in_flight,
            ttft_p50_ms: &line.ttft_p50,
            segments: line.segments.iter().map(|&(cell, from_s, to_s)| Segment { cell, from_s, to_s }).collect(),
        }
    }
}

/// A trial to look into; its texts are cut to a length.
#[derive(Serialize)]
pub(super) struct Sample<'a> {
    trial: u64,
    cell: usize,
    key: Option<Key<'a>>,
    case: &'a str,
    cluster: Option<&'a str>,
    repeat: u32,
    outcome: &'static str,
    pass: Option<bool>,
    score: Option<f64>,
    attempts: u32,
    ttft_ms: Option<f64>,
    ttfa_ms: Option<f64>,
    e2e_ms: Option<f64>,
    output_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    cost_usd: Option<f64>,
    expect: Option<&'a str>,
    answer: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reasoning: &'a str,
    verdicts: Vec<Verdict<'a>>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    grader: &'a str,
    version: &'a str,
    #[serde(rename = "verdict")]
    word: &'static str,
    value: Option<f64>,
    why: &'a str,
}

impl<'a> Sample<'a> {
    pub(super) fn of(sample: &'a summary::TrialSample, cells: &'a [summary::Cell]) -> Self {
        let verdict = |v: &'a summary::VerdictLine| Verdict {
            grader: v.grader.as_str(),
            version: &v.version,
            word: v.verdict,
            value: finite(v.value),
            why: &v.why,
        };
        Self {
            trial: sample.trial.0,
            cell: sample.cell_index,
            key: cells.get(sample.cell_index).map(|cell| Key::of(&cell.key)),
            case: sample.case.as_str(),
            cluster: sample.cluster.as_ref().map(crate::domain::ClusterId::as_str),
            repeat: sample.repeat,
            outcome: sample.outcome.name(),
            pass: sample.pass,
            score: finite(sample.score),
            attempts: sample.attempts,
            ttft_ms: finite(sample.ttft_ms),
            ttfa_ms: finite(sample.ttfa_ms),
            e2e_ms: finite(sample.e2e_ms),
            output_tokens: sample.output_tokens,
            reasoning_tokens: sample.reasoning_tokens,
            cost_usd: finite(sample.cost_usd),
            expect: sample.expect.as_deref(),
            answer: &sample.answer,
            reasoning: &sample.reasoning,
            verdicts: sample.verdicts.iter().map(verdict).collect(),
        }
    }
}
