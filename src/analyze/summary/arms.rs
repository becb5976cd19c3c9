//! What compares arms: the choice, effort curves and fronts.

use crate::analyze::Estimate;
use crate::analyze::compare::Comparison;
use crate::domain::LoadId;
use crate::domain::ModeName;
use crate::domain::PromptId;
use crate::domain::TargetId;

/// What more reasoning buys at one target, prompt and load.
#[derive(Debug, Clone, PartialEq)]
pub struct EffortCurve {
    /// The target.
    pub target: TargetId,
    /// The prompt.
    pub prompt: PromptId,
    /// The load.
    pub load: LoadId,
    /// Modes by their mean reasoning tokens, ascending.
    pub points: Vec<EffortPoint>,
    /// Pairs of modes whose reasoning tokens cannot be told apart.
    pub inseparable: Vec<(ModeName, ModeName)>,
    /// From each mode to the next; filled in by [`crate::analyze::study::add`].
    pub steps: Vec<EffortStep>,
    /// The cheapest mode that is good enough; filled in likewise, `None` where nothing is graded.
    pub cheapest: Option<Cheapest>,
}

/// What one more step of reasoning changes, paired by case.
#[derive(Debug, Clone, PartialEq)]
pub struct EffortStep {
    /// The mode with fewer reasoning tokens.
    pub from: ModeName,
    /// The mode with more.
    pub to: ModeName,
    /// `pass_rate`, `reasoning_tokens`, `ttfa` and `cost_per_case`, as far as they are known; p adjusted by Holm over
    /// the curve's steps.
    pub changes: Vec<Comparison>,
}

/// The cheapest mode that is not worse than the best within the margin.
#[derive(Debug, Clone, PartialEq)]
pub struct Cheapest {
    /// The mode.
    pub mode: ModeName,
    /// The mode with the highest pass rate, which may be the same.
    pub best: ModeName,
    /// What is cheap: `cost`, or `reasoning tokens` where no price is known.
    pub basis: &'static str,
    /// The largest loss that counts as none.
    pub margin: f64,
    /// Its pass rate minus the best one's, paired; without a value where it is the best.
    pub difference: Estimate,
    /// All of it in one sentence.
    pub sentence: String,
}

/// The arm to choose at the run's first load.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Position of the cell in `Summary::cells`.
    pub cell_index: usize,
    /// What others would gain, lose, cost or save; the most interesting first.
    pub rivals: Vec<Rival>,
}

/// Another arm beside the chosen one.
#[derive(Debug, Clone, PartialEq)]
pub struct Rival {
    /// Position of the cell in `Summary::cells`.
    pub cell_index: usize,
    /// Its pass rate against the chosen one's, paired by case, p adjusted by Holm over the rivals; `None` where the
    /// two cannot be paired.
    pub pass_rate: Option<Comparison>,
    /// Its cost per case over the chosen one's.
    pub cost_ratio: Option<f64>,
}

/// Arms of one load in quality, time and money.
#[derive(Debug, Clone, PartialEq)]
pub struct Front {
    /// The load.
    pub load: LoadId,
    /// Time that was compared: `p95(e2e)`, or `p50(e2e)` where there are too few trials.
    pub latency: &'static str,
    /// The arms, in the order of cells.
    pub arms: Vec<FrontArm>,
    /// Bootstrap resamples behind shares and ranks; cases are drawn jointly for all arms.
    pub resamples: u64,
}

/// One arm beside the others.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontArm {
    /// Position of the cell in `Summary::cells`.
    pub cell_index: usize,
    /// No other arm is at least as good in everything and better in something.
    pub on_front: bool,
    /// Share of resamples in which that holds.
    pub share: f64,
    /// An arm that beats it, as a position in `Summary::cells`.
    pub dominated_by: Option<usize>,
    /// Place among the arms by metric: `pass_rate`, the latency, `cost_per_case`, as far as they are known.
    pub ranks: Vec<Rank>,
}

/// A place among arms with its 95 % bootstrap interval; 1 is the best, ties share the better place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// The metric.
    pub metric: &'static str,
    /// The place.
    pub rank: u32,
    /// Best place of the interval.
    pub low: u32,
    /// Worst place of the interval.
    pub high: u32,
}

/// One mode of an effort curve.
#[derive(Debug, Clone, PartialEq)]
pub struct EffortPoint {
    /// The mode.
    pub mode: ModeName,
    /// Position of the cell in `Summary::cells`.
    pub cell_index: usize,
    /// Pass rate, where the suite grades.
    pub pass_rate: Option<Estimate>,
    /// Reasoning tokens per trial.
    pub reasoning_tokens: Estimate,
    /// Median time to the first token of the answer.
    pub ttfa_ms: Option<Estimate>,
    /// Dollars per trial.
    pub cost: Estimate,
    /// No other mode of the curve is better in one of pass rate, time and cost without being worse in another.
    pub efficient: bool,
}
