//! From drafts to verdicts: p values adjusted for the whole family, then each line judged.
//!
//! The gate family is tested one by one for "not worse" (all must pass: Berger & Hsu 1996, Stat. Sci. 11:283) and
//! adjusted by Holm for "regressed" and "improved". Everything else is exploration, adjusted by Benjamini and
//! Hochberg, and never fails a build. Arms that are compared together are one family.

use std::collections::BTreeSet;
use std::vec::IntoIter;

use super::gate;
use super::gate::Evidence;
use super::gate::Verdict;
use super::result::Comparison;
use super::result::Comparisons;
use super::result::Flip;
use crate::stats::Interval;
use crate::stats::multiplicity;

/// Two-sided level of a discovery within the gate.
const GATE_LEVEL: f64 = 0.05;
/// False discovery rate of exploration.
const EXPLORATION_LEVEL: f64 = 0.10;

/// A comparison before the family is known.
pub(super) struct Draft {
    pub(super) comparison: Comparison,
    pub(super) judge: Judge,
    /// Nobody asked for its slice: it never decides.
    pub(super) explores: bool,
}

/// How a draft becomes a verdict.
pub(super) enum Judge {
    /// By test and margin; `ends` holds the evidence with all missing cases at their worst and at their best.
    Points { evidence: Evidence, ends: Vec<Evidence>, blocked: bool },
    /// By the interval of the ratio; none where there are too few data.
    Ratio { interval: Option<Interval> },
    /// Decided while the run went on.
    Settled { verdict: Verdict },
}

/// Two arms with everything but the adjusted p values.
pub(super) struct Drafted {
    pub(super) baseline: String,
    pub(super) candidate: String,
    pub(super) drafts: Vec<Draft>,
    pub(super) flips: Vec<Flip>,
    pub(super) notes: Vec<String>,
}

/// Adjusts p values within the gate and outside of it, over all arms together, then gives each line its verdict.
pub(super) fn together(arms: Vec<Drafted>) -> Vec<Comparisons> {
    let family = |gates: bool, adjust: fn(&[f64]) -> Vec<f64>| {
        let drafts = arms.iter().flat_map(|arm| &arm.drafts).filter(|draft| draft.comparison.gates == gates);
        adjust(&drafts.filter_map(|draft| draft.comparison.p_value).collect::<Vec<f64>>()).into_iter()
    };
    let mut gate = family(true, multiplicity::holm);
    let mut exploration = family(false, multiplicity::benjamini_hochberg);
    arms.into_iter().map(|arm| arm.conclude(&mut gate, &mut exploration)).collect()
}

impl Drafted {
    fn conclude(mut self, gate: &mut IntoIter<f64>, exploration: &mut IntoIter<f64>) -> Comparisons {
        let (gates, others): (Vec<Draft>, Vec<Draft>) = self.drafts.into_iter().partition(|d| d.comparison.gates);
        let mut comparisons: Vec<Comparison> = gates.into_iter().map(|d| d.judged(gate, GATE_LEVEL)).collect();
        let verdict = overall(&comparisons);
        if comparisons.is_empty() {
            self.notes.push("nothing can decide: no metric of the gate has enough data".into());
        }
        comparisons.extend(others.into_iter().map(|draft| draft.judged(exploration, EXPLORATION_LEVEL)));
        Comparisons {
            baseline: self.baseline,
            candidate: self.candidate,
            comparisons,
            flips: self.flips,
            notes: self.notes,
            verdict,
            exit: verdict.exit(),
            gates: true,
        }
    }
}

impl Draft {
    /// A draft whose slice belongs to the comparison itself.
    pub(super) fn new(comparison: Comparison, judge: Judge) -> Self {
        Self { comparison, judge, explores: false }
    }

    fn judged(mut self, adjusted: &mut IntoIter<f64>, level: f64) -> Comparison {
        self.comparison.p_adjusted = self.comparison.p_value.and_then(|_| adjusted.next());
        self.judge(level)
    }

    fn judge(self, level: f64) -> Comparison {
        let mut comparison = self.comparison;
        match self.judge {
            Judge::Points { mut evidence, ends, blocked } => {
                evidence.p_adjusted = comparison.p_adjusted.unwrap_or(1.0);
                comparison.verdict = evidence.verdict(level);
                if evidence.is_loss_within_margin(level) {
                    comparison.notes.push("loss within margin".into());
                }
                let exits: BTreeSet<u8> = ends.iter().map(|end| end.verdict(level).exit()).collect();
                if exits.len() > 1 {
                    comparison.verdict = Verdict::Inconclusive;
                    comparison.notes.push("undecided: the missing cases alone could turn the verdict".into());
                }
                if blocked {
                    comparison.verdict = Verdict::Inconclusive;
                    comparison.notes.push("fewer than five clusters cannot decide".into());
                }
                let is_open = comparison.verdict == Verdict::Inconclusive;
                comparison.needed_n = is_open.then(|| evidence.needed_n()).flatten();
            }
            Judge::Ratio { interval } => judge_ratio(&mut comparison, interval, level),
            Judge::Settled { verdict } => comparison.verdict = verdict,
        }
        comparison
    }
}

fn judge_ratio(comparison: &mut Comparison, interval: Option<Interval>, level: f64) {
    let Some(interval) = interval else { return };
    let flipped = Interval::new(1.0 / interval.high, 1.0 / interval.low);
    let worse_if_larger = if comparison.more_is_better { flipped } else { interval };
    let verdict = gate::of_ratio(worse_if_larger, comparison.margin);
    let discovered = comparison.p_adjusted.is_none_or(|p| p <= level);
    comparison.verdict = match verdict {
        Verdict::Improved if !discovered => Verdict::Equivalent,
        Verdict::Regressed if !discovered => Verdict::Inconclusive,
        other => other,
    };
    if comparison.verdict == Verdict::Equivalent && worse_if_larger.low > 1.0 {
        comparison.notes.push("loss within margin".into());
    }
    if comparison.verdict == Verdict::Inconclusive {
        comparison.needed_n = gate::needed_for_ratio(worse_if_larger, comparison.margin, comparison.n_pairs);
    }
}

/// One regression fails the gate, one open question leaves it open.
fn overall(gates: &[Comparison]) -> Verdict {
    let has = |verdict: Verdict| gates.iter().any(|comparison| comparison.verdict == verdict);
    if has(Verdict::Regressed) {
        Verdict::Regressed
    } else if gates.is_empty() || has(Verdict::Inconclusive) {
        Verdict::Inconclusive
    } else if has(Verdict::Improved) {
        Verdict::Improved
    } else {
        Verdict::Equivalent
    }
}
