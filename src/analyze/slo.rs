//! Objectives held against cells: met, missed, or not decided with what it would take.
//!
//! A percentile objective is a statement about the share of trials beyond the limit, so it is decided by counting them
//! and never by comparing an estimate: comparing point values raises a false alarm half of the time when the truth sits
//! on the limit. Quality is decided on the envelope from "all missing wrong" to "all missing right".

use super::Estimate;
use super::Method;
use super::Metric;
use super::gaps::Gaps;
use super::quality;
use super::reduce;
use super::run::Run;
use super::slo_expr::Op;
use super::slo_expr::SloMetric;
use super::slo_expr::SloSpec;
use super::slo_expr::Statistic;
use super::summary::Cell;
use super::summary::SloResult;
use super::summary::SloVerdict;
use super::trial::TrialRow;
use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::Quantile;
use crate::stats::exceedance;
use crate::stats::exceedance::Gate;
use crate::stats::proportion;
use crate::stats::student;

/// A limit that every single trial should keep: the bound of an objective on a percentile or the largest value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    metric: Metric,
    op: Op,
    bound: f64,
}

impl Limit {
    /// The trial keeps it. A trial in which the metric is not defined has nothing to keep.
    pub fn is_kept(&self, row: &TrialRow) -> bool {
        row.latency(self.metric).is_none_or(|value| self.op.holds(value, self.bound))
    }
}

/// The per-trial limits that a suite's objectives put on a cell: upper bounds on times.
pub fn limits(slos: &[SloSpec], run_cell: &super::run::CellInfo) -> Vec<Limit> {
    let limit = |slo: &SloSpec| {
        let metric = sampled(&slo.metric)?;
        (slo.is_trial_limit() && covers(slo, run_cell)).then_some(Limit { metric, op: slo.op, bound: slo.bound })
    };
    slos.iter().filter_map(limit).collect()
}

impl SloSpec {
    /// It bounds every single trial: an upper bound on a percentile, or the largest value, of a time.
    pub fn is_trial_limit(&self) -> bool {
        let is_time = sampled(&self.metric).is_some_and(Metric::counts_failures);
        is_time && self.op.is_upper() && matches!(self.statistic, Some(Statistic::Percentile(_) | Statistic::Max))
    }
}

/// Whether the cell lies in the objective's scope.
pub fn covers(slo: &SloSpec, cell: &super::run::CellInfo) -> bool {
    slo.scope.covers(cell.target.as_str(), cell.mode.as_str(), cell.prompt.as_str(), cell.load.as_str())
}

/// The per-trial metric of an objective; `None` for metrics of a whole cell.
pub fn sampled(metric: &SloMetric) -> Option<Metric> {
    Some(match metric {
        SloMetric::Queue => Metric::Queue,
        SloMetric::Ttfb => Metric::Ttfb,
        SloMetric::Ttft => Metric::Ttft,
        SloMetric::Ttfa => Metric::Ttfa,
        SloMetric::E2e => Metric::E2e,
        SloMetric::Tpot => Metric::Tpot,
        SloMetric::Itl => Metric::Itl,
        SloMetric::ItlMax => Metric::ItlMax,
        SloMetric::OutputTps => Metric::OutputTps,
        SloMetric::E2eTps => Metric::E2eTps,
        SloMetric::InputTokens => Metric::InputTokens,
        SloMetric::CachedTokens => Metric::CachedTokens,
        SloMetric::ReasoningTokens => Metric::ReasoningTokens,
        SloMetric::OutputTokens => Metric::OutputTokens,
        SloMetric::CostUsd => Metric::CostUsd,
        _ => return None,
    })
}

/// A cell with the rows behind it, as objectives need both.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The run.
    pub run: &'a Run,
    /// The cell's figures.
    pub cell: &'a Cell,
    /// Its measured rows.
    pub rows: &'a [&'a TrialRow],
    /// Its pooled gaps.
    pub gaps: &'a Gaps,
}

/// The metric depends on the client keeping up; answers, tokens and money do not.
pub fn depends_on_time(metric: &SloMetric) -> bool {
    use SloMetric::{ErrorRate, Goodput, ThroughputRps, ThroughputTps};
    let per_trial = sampled(metric).is_some_and(|m| m.is_time() || m.more_is_better());
    per_trial || matches!(metric, ErrorRate | Goodput | ThroughputRps | ThroughputTps)
}

/// What an objective comes to, before the reasons not to decide are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: SloVerdict,
    /// The measured value.
    pub value: Estimate,
    /// Trials beyond the limit.
    pub exceeding: Option<u64>,
    /// Units it takes in all, where that can be said.
    pub needed_n: Option<u64>,
    /// Why.
    pub why: String,
}

/// Every objective held against every cell in its scope.
pub fn evaluate<'a>(run: &'a Run, cells: &[Evidence<'a>]) -> Vec<SloResult> {
    let mut results = Vec::new();
    for slo in &run.slos {
        for (cell_index, evidence) in cells.iter().enumerate() {
            let key = &evidence.cell.key;
            let names = (key.target.as_str(), key.mode.as_str(), key.prompt.as_str(), key.load.as_str());
            if slo.scope.covers(names.0, names.1, names.2, names.3) {
                results.push(result(slo, evidence, cell_index));
            }
        }
    }
    results
}

fn result(slo: &SloSpec, evidence: &Evidence<'_>, cell_index: usize) -> SloResult {
    let mut decision = decide(slo, evidence);
    if evidence.cell.client_limited && depends_on_time(&slo.metric) {
        decision.verdict = SloVerdict::Inconclusive;
        decision.needed_n = None;
        decision.why = "the client was the limit in this cell, so its times decide nothing".into();
    }
    SloResult {
        slo: slo.text.clone(),
        cell: evidence.cell.key.clone(),
        cell_index,
        verdict: decision.verdict,
        value: decision.value,
        bound: slo.bound,
        exceeding: decision.exceeding,
        needed_n: decision.needed_n,
        why: decision.why,
    }
}

/// Holds one objective against one cell.
pub fn decide(slo: &SloSpec, evidence: &Evidence<'_>) -> Decision {
    let cell = evidence.cell;
    let rows = evidence.rows;
    if let Some(metric) = sampled(&slo.metric) {
        return match slo.statistic {
            Some(Statistic::Percentile(q)) if metric == Metric::Itl => pooled(slo, evidence, q),
            Some(Statistic::Percentile(q)) => percentile(slo, evidence, metric, q),
            Some(Statistic::Max) => extreme(slo, evidence, metric, f64::max),
            Some(Statistic::Min) => extreme(slo, evidence, metric, f64::min),
            Some(Statistic::Mean) | None => average(slo, evidence, metric),
        };
    }
    match &slo.metric {
        SloMetric::ErrorRate => {
            let (failed, n) = failures(rows);
            rate(slo, cell.error_rate, failed, n)
        }
        SloMetric::Goodput => {
            let limits = evidence.run.cells.get(cell.id.0 as usize).map(|info| limits(&evidence.run.slos, info));
            let (good, n) = quality::good_trials(evidence.run, rows, &limits.unwrap_or_default());
            cell.goodput.map_or_else(undefined, |value| rate(slo, value, good, n))
        }
        SloMetric::PassRate => pass_rate(slo, evidence),
        SloMetric::Score(grader) => {
            let at = evidence.run.graders.iter().position(|g| g.id == *grader);
            let value = cell.quality.as_ref().and_then(|q| q.scores.iter().find(|s| s.grader == *grader));
            let limits = at.and_then(|at| quality::score_limits(evidence.run, rows, at));
            value.map_or_else(undefined, |score| by_limits(slo, score.mean, limits))
        }
        SloMetric::Reduced(reducer) => {
            let found = reduce::reduce(evidence.run, rows, *reducer);
            by_limits(slo, found.estimate, reduce::limits(evidence.run, rows, *reducer))
        }
        SloMetric::ThroughputRps => by_estimate(slo, cell.throughput_rps),
        SloMetric::ThroughputTps => by_estimate(slo, cell.throughput_tps),
        SloMetric::CostPerCase => by_estimate(slo, cell.cost.per_case),
        SloMetric::CostPerPass => cell.cost.per_pass.map_or_else(undefined, |value| by_estimate(slo, value)),
        _ => undefined(),
    }
}

fn undefined() -> Decision {
    Decision {
        verdict: SloVerdict::Inconclusive,
        value: Estimate::none(0),
        exceeding: None,
        needed_n: None,
        why: "nothing was measured that this objective is about".into(),
    }
}

/// Whether the value lies beyond the bound.
pub(crate) fn is_beyond(slo: &SloSpec, value: f64) -> bool {
    !slo.op.holds(value, slo.bound)
}

fn values(rows: &[&TrialRow], metric: Metric) -> Vec<f64> {
    if metric.counts_failures() {
        return rows.iter().filter_map(|row| row.latency(metric)).collect();
    }
    rows.iter().filter(|row| row.is_sample() || metric == Metric::CostUsd).filter_map(|row| row.value(metric)).collect()
}

/// Trials beyond the limit, trials in all and the share that may lie beyond, for objectives about a share of trials.
pub fn counts(slo: &SloSpec, evidence: &Evidence<'_>) -> Option<(u64, u64, f64)> {
    let rows = evidence.rows;
    if let (Some(metric), Some(Statistic::Percentile(q))) = (sampled(&slo.metric), slo.statistic) {
        let quantile = Quantile::new(q).filter(|_| metric != Metric::Itl)?;
        let values = values(rows, metric);
        let over = values.iter().filter(|v| is_beyond(slo, **v)).count() as u64;
        let allowed = if slo.op.is_upper() { quantile.above() } else { quantile.fraction() };
        return Some((over, values.len() as u64, allowed));
    }
    match slo.metric {
        SloMetric::ErrorRate if slo.op.is_upper() => {
            let (failed, n) = failures(rows);
            Some((failed, n, slo.bound))
        }
        SloMetric::Goodput if !slo.op.is_upper() => {
            let info = evidence.run.cells.get(evidence.cell.id.0 as usize)?;
            let (good, n) = quality::good_trials(evidence.run, rows, &limits(&evidence.run.slos, info));
            Some((n - good, n, 1.0 - slo.bound))
        }
        _ => None,
    }
}

/// Counts trials beyond the limit: with an upper bound above it, with a lower bound below it.
fn percentile(slo: &SloSpec, evidence: &Evidence<'_>, metric: Metric, q: f64) -> Decision {
    let Some(quantile) = Quantile::new(q) else { return undefined() };
    let mut values = values(evidence.rows, metric);
    let (n, over) = (values.len() as u64, values.iter().filter(|v| is_beyond(slo, **v)).count() as u64);
    let allowed = if slo.op.is_upper() { quantile.above() } else { quantile.fraction() };
    let beyond: Vec<bool> = values.iter().map(|v| is_beyond(slo, *v)).collect();
    let gate = exceedance::gate_share(over, n, allowed, Level::P95);
    let worth = dependence(&beyond, allowed, gate);
    crate::stats::quantile::sort(&mut values);
    let value = super::infer::percentile(&values, quantile);
    let (verdict, needed_n) = of_gate(gate);
    let why = format!("{over} of {n} trials lie beyond the limit, {} % may{worth}", tidy(allowed * 100.0));
    Decision { verdict, value, exceeding: Some(over), needed_n, why }
}

/// What counting takes for granted and these trials do not show: that they are independent.
///
/// Those beyond a limit often come together, as a queue that builds up delays all behind it. The verdict stays that of
/// the count, which is what the objective says; where the trials are worth less than half of their number by batch
/// means in order of time, the reader is told, and whether as many independent ones would certify it.
fn dependence(beyond: &[bool], allowed: f64, gate: Gate) -> String {
    let in_time: Vec<f64> = beyond.iter().map(|over| f64::from(u8::from(*over))).collect();
    let Some(effective) = super::dist::effective(&in_time).filter(|_| gate == Gate::Met) else {
        return String::new();
    };
    let (n, over) = (beyond.len() as f64, in_time.iter().sum::<f64>());
    let (fewer, few) = ((over * effective / n).ceil() as u64, effective.floor() as u64);
    let same = exceedance::gate_share(fewer, few, allowed, Level::P95) == Gate::Met;
    let so = if same { "would certify it, too" } else { "would not certify it: repeat the run" };
    format!("; those beyond it come together, and the {few} independent trials that these are worth {so}")
}

fn of_gate(gate: Gate) -> (SloVerdict, Option<u64>) {
    match gate {
        Gate::Met => (SloVerdict::Met, None),
        Gate::Missed => (SloVerdict::Missed, None),
        Gate::Inconclusive { needed_n } => (SloVerdict::Inconclusive, Some(needed_n).filter(|n| *n < u64::MAX)),
    }
}

/// Gaps of one trial hang together, so their share beyond the limit is judged with a clustered error.
fn pooled(slo: &SloSpec, evidence: &Evidence<'_>, q: f64) -> Decision {
    let gaps = evidence.gaps;
    let (Some(quantile), Some((above, se, df))) = (Quantile::new(q), gaps.share_above(slo.bound)) else {
        return Decision { needed_n: Some(2), ..undefined() };
    };
    let value = gaps.quantile(&gaps.sorted(), quantile);
    let half = student::critical(Level::P95.alpha(), df) * se;
    let allowed = quantile.above();
    let (low, high) = if se > 0.0 {
        (above - half, above + half)
    } else {
        let n = gaps.trials();
        let over = (above * n as f64).round() as u64;
        (proportion::exact_lower(over, n, Level::P95), proportion::exact_upper(over, n, Level::P95))
    };
    let beyond = match (slo.op.is_upper(), low > allowed, high <= allowed) {
        (true, true, _) => SloVerdict::Missed,
        (true, _, true) => SloVerdict::Met,
        (false, ..) if 1.0 - high > quantile.fraction() => SloVerdict::Missed,
        (false, ..) if 1.0 - low <= quantile.fraction() => SloVerdict::Met,
        _ => SloVerdict::Inconclusive,
    };
    let why = format!(
        "{} % of {} gaps lie above the limit, {} % may",
        tidy(above * 100.0),
        gaps.total(),
        tidy(allowed * 100.0)
    );
    Decision { verdict: beyond, value, exceeding: None, needed_n: None, why }
}

/// The largest or smallest value that was seen: a fact about these trials, no estimate.
fn extreme(slo: &SloSpec, evidence: &Evidence<'_>, metric: Metric, pick: fn(f64, f64) -> f64) -> Decision {
    let values = if metric == Metric::Itl { evidence.gaps.sorted() } else { values(evidence.rows, metric) };
    let n = values.len() as u64;
    let Some(found) = values.iter().copied().reduce(pick) else { return undefined() };
    let over = values.iter().filter(|v| is_beyond(slo, **v)).count() as u64;
    let verdict = if is_beyond(slo, found) { SloVerdict::Missed } else { SloVerdict::Met };
    let value = Estimate { method: Method::Exact, ..Estimate::point(found, n) };
    let why = format!("{over} of {n} values lie beyond the limit; this is about these trials alone");
    Decision { verdict, value, exceeding: Some(over), needed_n: None, why }
}

fn average(slo: &SloSpec, evidence: &Evidence<'_>, metric: Metric) -> Decision {
    let cell = evidence.cell;
    cell.metrics.get(&metric).map_or_else(undefined, |found| {
        let mut decision = by_estimate(slo, found.mean);
        if found.failed > 0 {
            decision.why =
                format!("{}; {} failed trials have no finite time and are left out", decision.why, found.failed);
        }
        decision
    })
}

/// A share counted over trials: exact one-sided limits.
fn rate(slo: &SloSpec, value: Estimate, k: u64, n: u64) -> Decision {
    let gate = if slo.op.is_upper() {
        exceedance::gate_share(k, n, slo.bound, Level::P95)
    } else {
        exceedance::gate_share(n - k, n, 1.0 - slo.bound, Level::P95)
    };
    let never = slo.bound <= 0.0 && slo.op.is_upper() || slo.bound >= 1.0 && !slo.op.is_upper();
    let clean = if slo.op.is_upper() { k == 0 } else { k == n };
    let (verdict, needed_n) = match (never, clean && n > 0) {
        (true, true) => (SloVerdict::Met, None),
        (true, false) if n > 0 => (SloVerdict::Missed, None),
        _ => of_gate(gate),
    };
    let why = if never {
        format!("{k} of {n} trials; a bound without tolerance is about these trials alone")
    } else {
        format!("{k} of {n} trials")
    };
    Decision { verdict, value, exceeding: None, needed_n, why }
}

fn pass_rate(slo: &SloSpec, evidence: &Evidence<'_>) -> Decision {
    let Some(quality) = &evidence.cell.quality else { return undefined() };
    let limits = quality::gate_envelope(evidence.run, evidence.rows);
    let missing = quality.cases - quality.decided;
    let mut decision = by_limits(slo, quality.pass_rate, limits);
    let all = slo.bound >= 1.0 && !slo.op.is_upper() && quality.cases > 0;
    if all && quality.strict >= 1.0 {
        decision.verdict = SloVerdict::Met;
        decision.needed_n = None;
    }
    if missing > 0 {
        decision.why = format!("{}; {missing} of {} cases have no decided grade", decision.why, quality.cases);
    }
    if decision.verdict == SloVerdict::Inconclusive && missing == 0 {
        decision.needed_n = needed_for_rate(slo, quality.pass_rate);
    }
    decision
}

/// Cases at which the share seen so far would decide, up to a million.
fn needed_for_rate(slo: &SloSpec, seen: Estimate) -> Option<u64> {
    let share = seen.value?;
    let decided = |n: u64| {
        let k = (share * n as f64).round() as u64;
        let limits = (proportion::exact_lower(k, n, Level::P95), proportion::exact_upper(k, n, Level::P95));
        verdict(slo, Interval::new(limits.0, limits.1)) != SloVerdict::Inconclusive
    };
    let mut high = seen.n.max(1);
    while !decided(high) {
        high = high.checked_mul(2).filter(|n| *n <= 1 << 20)?;
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low.midpoint(high);
        if decided(middle) { high = middle } else { low = middle }
    }
    Some(high.max(seen.n + 1))
}

/// Met if the far limit keeps the bound, missed if the near one does not.
fn verdict(slo: &SloSpec, limits: Interval) -> SloVerdict {
    let (far, near) = if slo.op.is_upper() { (limits.high, limits.low) } else { (limits.low, limits.high) };
    if slo.op.holds(far, slo.bound) {
        SloVerdict::Met
    } else if slo.op.holds(near, slo.bound) {
        SloVerdict::Inconclusive
    } else {
        SloVerdict::Missed
    }
}

fn by_limits(slo: &SloSpec, value: Estimate, limits: Option<Interval>) -> Decision {
    let Some(limits) = limits else {
        return Decision { value, needed_n: value.needed_n, ..undefined() };
    };
    let why = format!("with 95 % confidence it lies between {} and {}", tidy(limits.low), tidy(limits.high));
    Decision { verdict: verdict(slo, limits), value, exceeding: None, needed_n: value.needed_n, why }
}

/// One-sided 95 % limits from a two-sided 95 % interval would be too wide, so t limits are made anew where possible.
fn by_estimate(slo: &SloSpec, value: Estimate) -> Decision {
    let Some(point) = value.value else {
        return Decision { value, needed_n: value.needed_n, ..undefined() };
    };
    match (value.low, value.high) {
        (Some(low), Some(high)) => by_limits(slo, value, Some(narrowed(point, low, high, value))),
        _ if value.n >= 2 && value.needed_n.is_none() => {
            let verdict = verdict(slo, Interval::new(point, point));
            let why = format!("no variation in n = {}", value.n);
            Decision { verdict, value, exceeding: None, needed_n: None, why }
        }
        _ => Decision { value, needed_n: value.needed_n, why: "too few values for an interval".into(), ..undefined() },
    }
}

/// The 90 % interval, whose ends are one-sided 95 % limits, from the 95 % interval of the same kind.
fn narrowed(point: f64, low: f64, high: f64, value: Estimate) -> Interval {
    let df = value.n.saturating_sub(1).max(1) as f64;
    let scale = student::critical(0.05, df) / student::critical(0.025, df);
    Interval::new(point - (point - low) * scale, point + (high - point) * scale)
}

fn tidy(value: f64) -> String {
    crate::text::number::short(value)
}

/// Trials that failed on the path, of those that were sent and that we did not stop ourselves.
fn failures(rows: &[&TrialRow]) -> (u64, u64) {
    let due = || rows.iter().filter(|row| !row.outcome.is_excluded() && !row.recalled);
    (due().filter(|row| row.is_failed()).count() as u64, due().count() as u64)
}
