//! Reducers: one value per case from its repeats, one estimate per cell from its cases.
//!
//! Repeats of a case are no further cases: however often it is asked, a case counts once, and intervals are over cases
//! (over their clusters, where they have any). Only decided repeats count; a case with fewer of them than a reducer
//! asks for is left out of it, and n says so.

use std::collections::BTreeMap;
use std::fmt;

use super::Estimate;
use super::quality;
use super::quality::CaseValues;
use super::quality::Kind;
use super::run::Run;
use super::trial::TrialRow;
use crate::stats::Interval;
use crate::stats::at_k;

/// How the repeats of a case become one value between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reducer {
    /// The mean of its values; over cases this is the pass rate.
    Mean,
    /// The chance that at least one of k answers passes, without bias (Chen et al. 2021).
    PassAt(u32),
    /// The chance that all of k answers pass, without bias (Yao et al. 2024).
    PassHat(u32),
    /// 1 where more than half of the repeats pass, else 0.
    Majority,
    /// 1 where at least k repeats pass, else 0.
    AtLeast(u32),
    /// The smallest value.
    Worst,
    /// The largest value.
    Best,
}

/// What can be written, for messages.
pub const NAMES: &str = "mean, pass@K, pass^K, majority, at_least_K, worst, best";

impl Reducer {
    /// The reducer called `name`. Names of Inspect are taken too: `pass_at_5`, `mode`, `max`.
    pub fn named(name: &str) -> Option<Self> {
        let k = |prefixes: &[&str]| {
            let digits = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix))?;
            let plain = !digits.starts_with(['+', '0']);
            digits.parse().ok().filter(|k| plain && (1..=1000).contains(k))
        };
        match name {
            "mean" => return Some(Self::Mean),
            "majority" | "mode" => return Some(Self::Majority),
            "worst" | "min" => return Some(Self::Worst),
            "best" | "max" => return Some(Self::Best),
            _ => {}
        }
        let any = k(&["pass@", "pass_at_"]).map(Self::PassAt);
        let all = || k(&["pass^", "pass_hat_"]).map(Self::PassHat);
        any.or_else(all).or_else(|| k(&["at_least_"]).map(Self::AtLeast))
    }

    /// Decided repeats that a case needs.
    pub fn needed(self) -> u32 {
        match self {
            Self::PassAt(k) | Self::PassHat(k) | Self::AtLeast(k) => k,
            Self::Mean | Self::Majority | Self::Worst | Self::Best => 1,
        }
    }

    /// What it says, for people.
    pub fn meaning(self) -> String {
        match self {
            Self::Mean => "mean over the repeats of a case".into(),
            Self::PassAt(k) => format!("chance that at least one of {k} answers to a case passes"),
            Self::PassHat(k) => format!("chance that all of {k} answers to a case pass"),
            Self::Majority => "share of cases that pass in more than half of their repeats".into(),
            Self::AtLeast(k) => format!("share of cases that pass in at least {k} of their repeats"),
            Self::Worst => "mean over cases of their worst repeat".into(),
            Self::Best => "mean over cases of their best repeat".into(),
        }
    }

    /// The value of a case whose decided repeats have `values`; `None` where they are too few.
    pub fn value(self, values: &[f64]) -> Option<f64> {
        let n = values.len() as u64;
        if n < u64::from(self.needed()) {
            return None;
        }
        let passes = values.iter().filter(|value| **value >= 1.0).count() as u64;
        let decided = |holds: bool| Some(if holds { 1.0 } else { 0.0 });
        match self {
            Self::Mean => Some(values.iter().sum::<f64>() / n as f64),
            Self::PassAt(k) => at_k::any_of(n, passes, u64::from(k)),
            Self::PassHat(k) => at_k::all_of(n, passes, u64::from(k)),
            Self::Majority => decided(2 * passes > n),
            Self::AtLeast(k) => decided(passes >= u64::from(k)),
            Self::Worst => values.iter().copied().reduce(f64::min),
            Self::Best => values.iter().copied().reduce(f64::max),
        }
    }
}

impl fmt::Display for Reducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::PassAt(k) => write!(f, "pass@{k}"),
            Self::PassHat(k) => write!(f, "pass^{k}"),
            Self::Majority => f.write_str("majority"),
            Self::AtLeast(k) => write!(f, "at_least_{k}"),
            Self::Worst => f.write_str("worst"),
            Self::Best => f.write_str("best"),
        }
    }
}

/// What a reducer makes of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reduced {
    /// The reducer.
    pub reducer: Reducer,
    /// Mean over cases, n of them.
    pub estimate: Estimate,
    /// Cases with too few decided repeats.
    pub left_out: u64,
}

/// What `reducer` makes of a cell's rows.
pub fn reduce(run: &Run, rows: &[&TrialRow], reducer: Reducer) -> Reduced {
    let (values, left_out) = values(run, rows, reducer);
    Reduced { reducer, estimate: values.estimate(Kind::Rate), left_out }
}

/// One-sided limits on which a gate on a reducer decides.
pub fn limits(run: &Run, rows: &[&TrialRow], reducer: Reducer) -> Option<Interval> {
    values(run, rows, reducer).0.gate_limits()
}

fn values(run: &Run, rows: &[&TrialRow], reducer: Reducer) -> (CaseValues, u64) {
    let mut cases: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !quality::is_canary(run, row)) {
        cases.entry(row.case).or_default().extend(row.grade.value());
    }
    let n = cases.len() as u64;
    let values = quality::gather(run, cases.into_iter().map(|(case, values)| (case, reducer.value(&values))));
    let kept = values.values.len() as u64;
    (values, n - kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::Method;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::domain::Verdict;

    #[track_caller]
    fn near(actual: Option<f64>, expected: f64) {
        assert!((actual.unwrap() - expected).abs() < 1e-9, "{actual:?} is not {expected}");
    }

    /// Three passes of ten: the published estimates.
    #[test]
    fn repeats_of_a_case_become_one_value() {
        let values: Vec<f64> = (0..10).map(|i| f64::from(u8::from(i < 3))).collect();
        for (name, expected) in [
            ("mean", 0.3),
            ("pass@5", 0.916_666_666_7),
            ("pass_at_1", 0.3),
            ("pass^2", 0.066_666_666_7),
            ("majority", 0.0),
            ("at_least_3", 1.0),
            ("worst", 0.0),
            ("best", 1.0),
        ] {
            near(Reducer::named(name).unwrap().value(&values), expected);
        }
        assert_eq!(Reducer::PassAt(11).value(&values), None);
        near(Reducer::Majority.value(&[1.0, 1.0, 0.0]), 1.0);
        near(Reducer::Majority.value(&[1.0, 0.0]), 0.0);
        near(Reducer::Worst.value(&[0.9, 0.4]), 0.4);
    }

    #[test]
    fn names_come_back() {
        for name in ["mean", "pass@5", "pass^3", "majority", "at_least_2", "worst", "best"] {
            assert_eq!(Reducer::named(name).unwrap().to_string(), name);
        }
        for name in ["pass@", "pass@0", "pass@+3", "pass@03", "pass@1001", "pass", "median", ""] {
            assert_eq!(Reducer::named(name), None, "{name}");
        }
    }

    /// Twenty cases of four repeats, half of which pass each time: n is 20, and the interval that of 20.
    #[test]
    fn the_case_is_the_unit() {
        let run = fixture::run(20);
        let mut fold = Fold::new(&run);
        for i in 0..80u64 {
            let mut obs = fixture::ok(i, (i % 20) as u32);
            obs.attempt.repeat = (i / 20) as u32;
            fold.push(&fixture::observed(obs));
            let verdict = if i == 79 { Verdict::ungradable("") } else { Verdict::decide(i % 20 < 10, "") };
            fold.push(&fixture::graded(i, verdict));
        }
        let trials = fold.finish();
        let rows: Vec<&TrialRow> = trials.rows.iter().collect();
        let at_four = reduce(&run, &rows, Reducer::PassAt(4));
        assert_eq!((at_four.estimate.n, at_four.left_out, at_four.estimate.method), (19, 1, Method::Wilson));
        let majority = reduce(&run, &rows, Reducer::Majority).estimate;
        assert_eq!(majority.n, 20);
        near(majority.low, crate::stats::proportion::wilson(10, 20, crate::stats::Level::P95).low);
    }
}
