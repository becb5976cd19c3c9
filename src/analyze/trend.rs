//! A suite's figures over stored runs, and where their level changed.
//!
//! Two looks, because few runs and many ask for different ones. A step holds each run against those since the last
//! change by the error that the runs themselves state, and by the spread between runs once there are three of them. A
//! permutation test over the whole series finds what creeps in. Both at 1 % over all of a series' tests.

use super::Estimate;
use crate::stats::change_point;
use crate::stats::change_point::Search;
use crate::stats::mean;
use crate::stats::normal;
use crate::stats::student;

/// Largest p of a change that is told, over all steps of a series.
const LEVEL: f64 = 0.01;
/// From this many runs on their own spread is taken into account.
const SPREAD_FROM: usize = 3;

/// What a figure is, which says how its changes are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A share: differences, and a run's own error is all there is to it.
    Share,
    /// An amount such as cost: ratios.
    Amount,
    /// A time: ratios; runs differ by more than their own errors, so that it takes three runs to know by how much.
    Time,
}

/// A change of level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// First run after it.
    pub at: usize,
    /// Level before, since the change before it.
    pub before: f64,
    /// Level after: of the run itself, or of all until the next change.
    pub after: f64,
    /// Adjusted p.
    pub p: f64,
    /// `step` or `permutation`.
    pub method: &'static str,
}

/// Changes of level in a series of runs in order of time. Runs without a finite value do not belong into it.
pub fn changes(series: &[Estimate], kind: Kind) -> Vec<Change> {
    let values: Vec<f64> = series.iter().map(|e| e.value.unwrap_or(0.0)).collect();
    let mut found = steps(series, &values, kind);
    for split in change_point::find(&values, Search::default()) {
        if !found.iter().any(|known| known.at.abs_diff(split.at) <= 1) {
            let (before, after) = (split.before, split.after);
            found.push(Change { at: split.at, before, after, p: split.p, method: "permutation" });
        }
    }
    found.sort_by_key(|change| change.at);
    found
}

fn steps(series: &[Estimate], values: &[f64], kind: Kind) -> Vec<Change> {
    let mut found = Vec::new();
    let mut since = 0;
    let n_tests = series.len().saturating_sub(1) as f64;
    for at in 1..series.len() {
        let p = step(&series[since..at], &series[at], kind).map_or(1.0, |p| (p * n_tests).min(1.0));
        if p <= LEVEL {
            let before = mean::mean(&values[since..at]);
            found.push(Change { at, before, after: values[at], p, method: "step" });
            since = at;
        }
    }
    found
}

/// Two-sided p of "this run has the level of those before"; `None` where it cannot be told.
fn step(before: &[Estimate], now: &Estimate, kind: Kind) -> Option<f64> {
    if kind == Kind::Time && before.len() < SPREAD_FROM {
        return None;
    }
    let (level, error) = scaled(now, kind)?;
    let known: Vec<(f64, f64)> = before.iter().map(|e| scaled(e, kind)).collect::<Option<_>>()?;
    let levels: Vec<f64> = known.iter().map(|(level, _)| *level).collect();
    let n = levels.len() as f64;
    let gap = (level - mean::mean(&levels)).abs();
    let own = error * error + known.iter().map(|(_, error)| error * error).sum::<f64>() / (n * n);
    let by_error = if own > 0.0 { 2.0 * normal::upper(gap / own.sqrt()) } else { f64::from(u8::from(gap == 0.0)) };
    let spread = if levels.len() < SPREAD_FROM { 0.0 } else { mean::variance(&levels) * (1.0 + 1.0 / n) };
    let by_spread = (spread > own).then(|| 2.0 * student::upper(gap / spread.sqrt(), n - 1.0));
    Some(by_spread.map_or(by_error, |p| p.max(by_error)))
}

/// Level and standard error on the scale on which changes are measured.
fn scaled(e: &Estimate, kind: Kind) -> Option<(f64, f64)> {
    let (value, low, high) = (e.value?, e.low?, e.high?);
    let error = |low: f64, high: f64| (high - low) / 2.0 / crate::stats::Level::P95.z();
    match kind {
        Kind::Share => Some((value, error(low, high))),
        Kind::Amount | Kind::Time => {
            let usable = value > 0.0 && low > 0.0 && high.is_finite();
            usable.then(|| (value.ln(), error(low.ln(), high.ln())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::Method;
    use crate::analyze::infer;
    use crate::stats::Bits;

    #[test]
    fn a_share_that_drops_is_flagged_at_its_run() {
        let series: Vec<Estimate> = [59, 58, 60, 59, 25, 27].map(|k| infer::share(k, 60)).to_vec();
        let found = changes(&series, Kind::Share);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].at, found[0].method), (4, "step"));
        assert!(found[0].p < 1e-6 && found[0].before > 0.97);
    }

    #[test]
    fn equal_runs_are_rarely_told_apart() {
        let mut bits = Bits::new(5);
        let alarms = (0..400).filter(|_| {
            let mut run = || infer::share((0..80).filter(|_| bits.uniform() < 0.8).count() as u64, 80);
            let series: Vec<Estimate> = (0..6).map(|_| run()).collect();
            !changes(&series, Kind::Share).is_empty()
        });
        assert!(alarms.count() <= 10);
    }

    #[test]
    fn times_need_runs_to_know_their_spread() {
        let time = |ms: f64| Estimate::new(ms, ms * 0.98, ms * 1.02, Method::OrderStat, 500);
        assert!(changes(&[time(100.0), time(150.0)], Kind::Time).is_empty());
        let noisy: Vec<Estimate> = [100.0, 120.0, 90.0, 110.0, 130.0].map(time).to_vec();
        assert!(changes(&noisy, Kind::Time).is_empty(), "runs differ by more than their own errors");
        let jump: Vec<Estimate> = [100.0, 101.0, 99.0, 100.0, 160.0].map(time).to_vec();
        assert_eq!(changes(&jump, Kind::Time)[0].at, 4);
        assert!(changes(&[], Kind::Share).is_empty());
    }
}
