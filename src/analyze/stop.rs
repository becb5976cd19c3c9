//! When a cell may end early: its interval is narrow enough, or an objective can no longer be met.
//!
//! The caller shows every measured observation of the cell and asks after each. Questions are answered at growing
//! counts only, so that watching a long run costs little; each answer is a sentence that is written to the log.

use super::Estimate;
use super::Metric;
use super::fold;
use super::infer;
use super::slo;
use super::slo_expr::SloMetric;
use super::slo_expr::SloSpec;
use super::slo_expr::Statistic;
use super::trial::TrialRow;
use crate::domain::Observation;
use crate::stats::Level;
use crate::stats::Quantile;
use crate::stats::exceedance;
use crate::stats::exceedance::Gate;
use crate::stats::quantile;
use crate::stats::sequential::Evidence;
use crate::stats::sequential::share;

/// No interval is trusted before this many trials.
const FEWEST: usize = 30;
/// From one look to the next the count grows by this factor.
const GROWTH: f64 = 1.1;

/// Watches one cell until a statistic is known to a relative half-width.
#[derive(Debug, Clone)]
pub struct Precision {
    metric: SloMetric,
    statistic: Option<Statistic>,
    relative: f64,
    values: Vec<f64>,
    next_look: usize,
}

impl Precision {
    /// Watches `statistic(metric)`, such as `p95(ttft)`, until half its 95 % interval is below `relative` of its value.
    pub fn new(statistic: Option<Statistic>, metric: SloMetric, relative: f64) -> Self {
        Self { metric, statistic, relative, values: Vec::new(), next_look: FEWEST }
    }

    /// Whether a statistic is one that can be watched: the mean or a percentile over single trials, or the error rate.
    pub fn can_watch(statistic: Option<Statistic>, metric: &SloMetric) -> bool {
        match (statistic, metric) {
            (_, SloMetric::Itl) | (Some(Statistic::Min | Statistic::Max), _) => false,
            (_, SloMetric::ErrorRate) => true,
            _ => slo::sampled(metric).is_some(),
        }
    }

    /// Takes in an observation; a sentence when the goal is reached. Only last attempts count.
    pub fn push(&mut self, obs: &Observation) -> Option<String> {
        if !obs.attempt.is_last {
            return None;
        }
        let row = fold::row_of(obs);
        self.values.extend(value(&row, &self.metric));
        if self.values.len() < self.next_look {
            return None;
        }
        self.next_look = (self.values.len() as f64 * GROWTH).ceil() as usize;
        let estimate = self.estimate();
        let half = estimate.relative_half_width().filter(|half| *half <= self.relative)?;
        let name = self.metric.name();
        let what = self.statistic.map_or_else(|| name.clone(), |s| format!("{s}({name})"));
        Some(format!("{what} is known to {:.1} % after {} trials", half * 100.0, self.values.len()))
    }

    /// The estimate so far.
    pub fn estimate(&self) -> Estimate {
        match self.statistic {
            Some(Statistic::Percentile(q)) => Quantile::new(q).map_or(Estimate::none(0), |q| {
                let mut sorted = self.values.clone();
                quantile::sort(&mut sorted);
                infer::percentile(&sorted, q)
            }),
            Some(Statistic::Min | Statistic::Max) => Estimate::none(self.values.len() as u64),
            Some(Statistic::Mean) | None if slo::sampled(&self.metric).is_none() => {
                infer::share(self.values.iter().sum::<f64>() as u64, self.values.len() as u64)
            }
            Some(Statistic::Mean) | None => {
                let finite: Vec<f64> = self.values.iter().copied().filter(|v| v.is_finite()).collect();
                infer::mean_of(&finite)
            }
        }
    }
}

/// A trial's part in a metric: its value, or 1 where it counts towards a share.
fn value(row: &TrialRow, metric: &SloMetric) -> Option<f64> {
    if let Some(metric) = slo::sampled(metric) {
        return if metric.counts_failures() && metric != Metric::Itl { row.latency(metric) } else { row.value(metric) };
    }
    let counts = *metric == SloMetric::ErrorRate && !row.outcome.is_excluded();
    counts.then(|| f64::from(u8::from(row.is_failed())))
}

/// How many trials a cell can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planned {
    /// No more than this: cases, requests, arrivals of an open loop, the cap of `until`.
    Count(u64),
    /// As many as finish in time: a closed loop that ends after a duration.
    Open,
}

/// Watches one cell for an objective that can no longer be met.
///
/// Where the plan bounds the trials, a miss is certain when so many lie beyond the limit that the verdict is `missed`
/// even if all the others keep it. A closed loop that ends after a duration has no such bound: there the objective must
/// be refuted by an e-process, whose chance to refute a true one at any of its looks is 5 % in all.
#[derive(Debug, Clone)]
pub struct CertainMiss {
    slo: SloSpec,
    allowed: f64,
    planned: Planned,
    n: u64,
    over: u64,
    evidence: Evidence,
}

impl CertainMiss {
    /// Watches `slo` in a cell of `planned` trials; `None` where the objective is not about a share of trials.
    pub fn new(slo: &SloSpec, planned: Planned) -> Option<Self> {
        let allowed = allowed(slo)?;
        let evidence = Evidence::default();
        (planned != Planned::Count(0)).then(|| Self { slo: slo.clone(), allowed, planned, n: 0, over: 0, evidence })
    }

    /// Takes in an observation; a sentence when the objective is missed whatever is still to come. Only last attempts
    /// count.
    pub fn push(&mut self, obs: &Observation) -> Option<String> {
        if !obs.attempt.is_last {
            return None;
        }
        let is_over = is_over(&self.slo, value(&fold::row_of(obs), &self.slo.metric)?);
        self.n += 1;
        self.over += u64::from(is_over);
        let (text, over, n) = (&self.slo.text, self.over, self.n);
        match self.planned {
            Planned::Count(planned) => {
                let gate = exceedance::gate_share(over, planned, self.allowed, Level::P95);
                (is_over && gate == Gate::Missed).then(|| {
                    format!("`{text}` is missed for certain: {over} trials lie beyond the limit, of {planned} planned")
                })
            }
            Planned::Open => {
                self.evidence.update(share::e_above(over, n, self.allowed));
                let refuted = is_over && (self.allowed <= 0.0 || self.evidence.p_value() <= Level::P95.alpha());
                refuted.then(|| {
                    format!("`{text}` is refuted at 95 %, however long it goes on: {over} of {n} trials lie beyond the limit")
                })
            }
        }
    }
}

fn is_over(slo: &SloSpec, value: f64) -> bool {
    if slo.metric == SloMetric::ErrorRate { value > 0.0 } else { !slo.op.holds(value, slo.bound) }
}

/// The share of trials that may lie beyond the limit.
fn allowed(slo: &SloSpec) -> Option<f64> {
    match (slo.statistic, &slo.metric) {
        (None, SloMetric::ErrorRate) if slo.op.is_upper() => Some(slo.bound),
        (Some(Statistic::Percentile(q)), metric) => {
            let q = Quantile::new(q).filter(|_| slo::sampled(metric).is_some_and(|m| m != Metric::Itl))?;
            Some(if slo.op.is_upper() { q.above() } else { q.fraction() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::slo_expr::parse_metric;
    use crate::analyze::slo_expr::parse_slo;
    use crate::domain::Outcome;

    #[test]
    fn a_steady_cell_is_known_soon_and_a_restless_one_later() {
        let trials_until = |spread: u64| {
            let (statistic, metric) = parse_metric("p50(ttft)").unwrap();
            let mut watch = Precision::new(statistic, metric, 0.05);
            (0..10_000u64)
                .position(|i| watch.push(&fixture::at(i, 0, 0, 500 + i * 7919 % 997 * spread / 997)).is_some())
        };
        let (steady, restless) = (trials_until(20).unwrap(), trials_until(900).unwrap());
        assert!(steady == 29 && (200..3000).contains(&restless), "{steady} {restless}");
    }

    #[test]
    fn failures_keep_a_percentile_from_being_known() {
        let (statistic, metric) = parse_metric("p50(ttft)").unwrap();
        let mut watch = Precision::new(statistic, metric, 0.05);
        assert!((0..500).all(|i| watch.push(&fixture::failed(i, 0, Outcome::Reset)).is_none()));
        assert_eq!(watch.estimate().value, Some(f64::INFINITY));
    }

    /// Seven failures in 300 planned miss p99 whatever the rest does (P = .0328); six may still pass.
    #[test]
    fn a_miss_is_certain_when_nothing_can_undo_it() {
        let slo = parse_slo("p99(ttft) <= 1s").unwrap();
        let mut watch = CertainMiss::new(&slo, Planned::Count(300)).unwrap();
        let at = (0..300).position(|i| watch.push(&fixture::failed(i, 0, Outcome::Timeout)).is_some());
        assert_eq!(at, Some(6));
        let slo = parse_slo("error_rate <= 1%").unwrap();
        let mut watch = CertainMiss::new(&slo, Planned::Count(300)).unwrap();
        assert!(watch.push(&fixture::ok(0, 0)).is_none());
        assert_eq!((0..300).position(|i| watch.push(&fixture::failed(i, 0, Outcome::Timeout)).is_some()), Some(6));
        assert!(CertainMiss::new(&parse_slo("mean(ttft) <= 1s").unwrap(), Planned::Open).is_none());
    }

    /// Without a bound on the trials, evidence decides: soon where all fail, later where twice as many do as may, and
    /// what it refutes is missed by the gate on the same trials, too.
    #[test]
    fn a_load_without_end_is_stopped_by_evidence() {
        let slo = parse_slo("p95(ttft) <= 1s").unwrap();
        let stopped_at = |every: u64| {
            let mut watch = CertainMiss::new(&slo, Planned::Open).unwrap();
            (0..4_000u64).find(|&i| {
                let fails = i % every == every - 1;
                let seen = if fails { fixture::failed(i, 0, Outcome::Timeout) } else { fixture::ok(i, 0) };
                watch.push(&seen).is_some()
            })
        };
        assert_eq!(stopped_at(1), Some(1));
        for (every, latest) in [(2, 20), (5, 100), (10, 600)] {
            let n = stopped_at(every).unwrap() + 1;
            assert!(n <= latest, "one in {every} fails: stopped after {n}");
            assert_eq!(exceedance::gate_share(n / every, n, 0.05, Level::P95), Gate::Missed);
        }
        assert_eq!(stopped_at(20), None, "one in twenty may");
    }
}
