//! What a comparison says.

use super::gate::Verdict;
use crate::analyze::Estimate;
use crate::domain::CaseId;
use crate::domain::TrialId;

/// All that was compared, and what it comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparisons {
    /// The baseline, for people.
    pub baseline: String,
    /// The candidate, for people.
    pub candidate: String,
    /// Every metric and slice; those of the gate first.
    pub comparisons: Vec<Comparison>,
    /// Cases whose grade changed, worst first.
    pub flips: Vec<Flip>,
    /// What a reader must know: cases left out, changed graders, different prices.
    pub notes: Vec<String>,
    /// What the gate comes to.
    pub verdict: Verdict,
    /// The exit code: 0 passed, 1 regressed, 3 undecided.
    pub exit: u8,
    /// The exit code counts; otherwise all of this is information.
    pub gates: bool,
}

/// One metric in one slice.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The metric's name.
    pub metric: String,
    /// The slice: `all`, or what it is restricted to.
    pub slice: String,
    /// The test that gave `p_value`, or the interval's method where there is none.
    pub test: &'static str,
    /// Pairs of cases behind it.
    pub n_pairs: u64,
    /// Pairs that only the candidate passes; `None` where the metric is not a matter of passing.
    pub b: Option<u64>,
    /// Pairs that only the baseline passes.
    pub c: Option<u64>,
    /// The baseline's value.
    pub baseline: Estimate,
    /// The candidate's value.
    pub candidate: Estimate,
    /// Candidate minus baseline.
    pub difference: Estimate,
    /// Candidate over baseline, for latency, tokens and cost.
    pub ratio: Option<Estimate>,
    /// Two-sided p.
    pub p_value: Option<f64>,
    /// The exact two-sided p beside it, for passes.
    pub p_exact: Option<f64>,
    /// p of "not worse by the margin or more", one-sided, for shares and scores.
    pub p_noninferior: Option<f64>,
    /// Holm's p within the gate, Benjamini and Hochberg's outside.
    pub p_adjusted: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// Pairs that a verdict needs in all, where it is inconclusive.
    pub needed_n: Option<u64>,
    /// Smallest difference (ratio minus one, for ratios) that so many pairs show with 80 % power.
    pub smallest_detectable: Option<f64>,
    /// The largest loss that counts as none.
    pub margin: f64,
    /// It decides the verdict; otherwise it is exploration.
    pub gates: bool,
    /// Larger values are better.
    pub more_is_better: bool,
    /// Remarks: few clusters, missing cases, loss within margin.
    pub notes: Vec<String>,
}

/// Whether a change stands out from what repeats of the same case do anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// All repeats of one arm agree, and all of the other say the opposite.
    Outside,
    /// Repeats disagree among themselves.
    Inside,
    /// There are no repeats to tell.
    Unknown,
}

impl Noise {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Inside => "inside",
            Self::Unknown => "unknown",
        }
    }
}

/// A case whose grade differs between the arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    /// The case.
    pub case: CaseId,
    /// The slice of its cell, `all` where there is one.
    pub slice: String,
    /// Grade in the baseline: `pass`, `fail`, or `1/3`.
    pub baseline: String,
    /// Grade in the candidate.
    pub candidate: String,
    /// Candidate's mean minus baseline's.
    pub change: f64,
    /// Whether repeats could do that by themselves.
    pub noise: Noise,
    /// A trial to look at in the baseline.
    pub baseline_trial: TrialId,
    /// A trial to look at in the candidate.
    pub candidate_trial: TrialId,
    /// What both trials answered, bounded; filled in from the logs for the first flips, empty otherwise.
    pub answers: Option<[String; 2]>,
}
