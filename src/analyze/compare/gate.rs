//! From evidence to one of four verdicts, so that "not shown" is never rendered as "no difference".

use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::normal;
use crate::stats::paired::binary::Discordant;
use crate::stats::paired::tango;
use crate::stats::power;

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Worse beyond doubt, and not shown to be within the margin.
    Regressed,
    /// Too few data to say.
    Inconclusive,
    /// Not worse by more than the margin; better is not excluded.
    Equivalent,
    /// Better beyond doubt.
    Improved,
}

impl Verdict {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Inconclusive => "inconclusive",
            Self::Equivalent => "equivalent",
            Self::Improved => "improved",
        }
    }

    /// The gate question: passed, failed or undecided.
    pub fn exit(self) -> u8 {
        match self {
            Self::Regressed => 1,
            Self::Inconclusive => 3,
            Self::Equivalent | Self::Improved => 0,
        }
    }
}

/// Largest losses that count as none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margins {
    /// For shares and scores, in units of 1: .02 is two points.
    pub points: f64,
    /// For latency, tokens and cost, as a share: .10 is ten percent.
    pub ratio: f64,
}

impl Default for Margins {
    fn default() -> Self {
        Self { points: 0.02, ratio: 0.10 }
    }
}

/// Each side of a gate: half of 5 %.
const ALPHA: f64 = 0.025;

/// What is known of a difference, signed so that positive is better for the candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence {
    pub(super) delta: f64,
    /// p of "not worse than the margin".
    pub(super) p_not_worse: f64,
    /// Two-sided p, adjusted for the family.
    pub(super) p_adjusted: f64,
    /// Variance of one pair's difference.
    pub(super) variance: f64,
    pub(super) n: u64,
    pub(super) margin: f64,
}

impl Evidence {
    /// The verdict, with the significance level of a discovery (.05 within a gate).
    pub(super) fn verdict(&self, level: f64) -> Verdict {
        let discovered = self.p_adjusted <= level;
        if discovered && self.delta > 0.0 {
            Verdict::Improved
        } else if self.p_not_worse <= ALPHA {
            Verdict::Equivalent
        } else if discovered && self.delta < 0.0 {
            Verdict::Regressed
        } else {
            Verdict::Inconclusive
        }
    }

    /// Worse beyond doubt, though by less than the margin.
    pub(super) fn is_loss_within_margin(&self, level: f64) -> bool {
        self.verdict(level) == Verdict::Equivalent && self.p_adjusted <= level && self.delta < 0.0
    }

    /// Pairs that a verdict needs in all: enough to tell no difference from the margin with 80 % power.
    ///
    /// Where there already are as many, what was seen lies close to the margin, and the distance to it decides. Nothing
    /// when it lies on the margin.
    pub(super) fn needed_n(&self) -> Option<u64> {
        if self.variance <= 0.0 {
            return Some(identical_pairs(self.margin));
        }
        let usual = power::n_for_margin(self.variance, self.margin);
        if usual > self.n {
            return Some(usual);
        }
        let distance = (self.delta + self.margin).abs().min(self.delta.abs().max(1e-9));
        let closer = power::n_for_margin(self.variance, distance);
        (self.n < closer && closer < u64::MAX / 2).then_some(closer)
    }
}

/// How many pairs without any disagreement show that the candidate is within the margin.
pub(super) fn identical_pairs(margin: f64) -> u64 {
    let z = Level::P95.z();
    let first = (z * z * (1.0 - margin) / margin).max(1.0) as u64;
    let shows = |n: u64| tango::p_not_worse(Discordant { b: 0, c: 0 }, n, margin) <= ALPHA;
    (first..first.saturating_add(1000)).find(|n| shows(*n)).unwrap_or(first)
}

/// Verdict of a ratio from its interval alone, given as candidate over baseline with smaller being better.
pub(super) fn of_ratio(interval: Interval, margin: f64) -> Verdict {
    if interval.high < 1.0 {
        Verdict::Improved
    } else if interval.high < 1.0 + margin {
        Verdict::Equivalent
    } else if interval.low > 1.0 {
        Verdict::Regressed
    } else {
        Verdict::Inconclusive
    }
}

/// Pairs that would narrow the interval of a ratio to the margin, by the width it has with `n`.
pub(super) fn needed_for_ratio(interval: Interval, margin: f64, n: u64) -> Option<u64> {
    let half = (interval.high / interval.low).ln() / 2.0;
    let power = normal::quantile(0.8) + Level::P95.z();
    let needed = n as f64 * (half / Level::P95.z() * power / margin.ln_1p()).powi(2);
    (needed.is_finite() && needed > n as f64).then(|| needed.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(b: u64, c: u64, n: u64, margin: f64) -> Evidence {
        let pairs = Discordant { b, c };
        Evidence {
            delta: tango::difference(pairs, n),
            p_not_worse: tango::p_not_worse(pairs, n, margin),
            p_adjusted: pairs.p_mid(),
            variance: (b + c) as f64 / n as f64,
            n,
            margin,
        }
    }

    #[track_caller]
    fn check(b: u64, c: u64, n: u64, margin: f64, verdict: Verdict, needed: Option<u64>) {
        let evidence = evidence(b, c, n, margin);
        assert_eq!(evidence.verdict(0.05), verdict);
        if verdict == Verdict::Inconclusive {
            assert_eq!(evidence.needed_n(), needed);
        }
    }

    #[test]
    fn every_row_of_the_gate_table() {
        check(20, 22, 1000, 0.02, Verdict::Equivalent, None);
        check(30, 52, 2000, 0.03, Verdict::Equivalent, None);
        check(30, 52, 2000, 0.02, Verdict::Regressed, None);
        check(3, 12, 200, 0.03, Verdict::Regressed, None);
        check(10, 40, 500, 0.03, Verdict::Regressed, None);
        check(4, 6, 400, 0.02, Verdict::Inconclusive, Some(491));
        check(12, 9, 60, 0.05, Verdict::Inconclusive, Some(1099));
        check(0, 0, 200, 0.02, Verdict::Equivalent, None);
        check(0, 0, 100, 0.02, Verdict::Inconclusive, Some(189));
        check(40, 20, 160, 0.02, Verdict::Improved, None);
        assert!(evidence(30, 52, 2000, 0.03).is_loss_within_margin(0.05));
        assert!(!evidence(20, 22, 1000, 0.02).is_loss_within_margin(0.05));
    }

    #[test]
    fn ratios_are_judged_by_their_interval() {
        let verdict = |low, high| of_ratio(Interval::new(low, high), 0.10);
        assert_eq!(verdict(0.80, 0.95), Verdict::Improved);
        assert_eq!(verdict(0.95, 1.05), Verdict::Equivalent);
        assert_eq!(verdict(1.01, 1.05), Verdict::Equivalent);
        assert_eq!(verdict(1.05, 1.20), Verdict::Regressed);
        assert_eq!(verdict(0.90, 1.20), Verdict::Inconclusive);
        assert_eq!(verdict(0.90, f64::INFINITY), Verdict::Inconclusive);
        assert!(needed_for_ratio(Interval::new(0.8, 1.25), 0.10, 100).is_some_and(|n| n > 100));
        assert_eq!(needed_for_ratio(Interval::new(0.8, f64::INFINITY), 0.10, 100), None);
    }

    #[test]
    fn exits_never_pass_what_is_undecided() {
        let exits =
            [Verdict::Regressed, Verdict::Inconclusive, Verdict::Equivalent, Verdict::Improved].map(Verdict::exit);
        assert_eq!(exits, [1, 3, 0, 0]);
    }
}
