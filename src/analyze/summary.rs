//! Everything a report shows, typed. `report` renders it and computes nothing.
//!
//! Times are milliseconds, money is dollars, shares lie in 0 to 1. A latency may be `+infinity` (a failed trial);
//! nothing is ever NaN.

mod arms;

use std::collections::BTreeMap;

pub use arms::Cheapest;
pub use arms::Choice;
pub use arms::EffortCurve;
pub use arms::EffortPoint;
pub use arms::EffortStep;
pub use arms::Front;
pub use arms::FrontArm;
pub use arms::Rank;
pub use arms::Rival;

use super::Estimate;
use super::Metric;
use super::compare::Comparisons;
use super::early::Stopping;
use super::reduce::Reduced;
use super::run::Calibration;
use super::run::GraderInfo;
use super::run::Meta;
use super::run::TargetInfo;
use super::unavailable::Unavailable;
use crate::domain::Basis;
use crate::domain::CaseId;
use crate::domain::CellId;
use crate::domain::ClusterId;
use crate::domain::GraderId;
use crate::domain::LoadId;
use crate::domain::ModeName;
use crate::domain::Outcome;
use crate::domain::PromptId;
use crate::domain::RunStatus;
use crate::domain::TargetId;
use crate::domain::TrialId;

/// The whole of a run's results.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The run.
    pub run: RunRecord,
    /// Every figure comes from the simulator.
    pub simulated: bool,
    /// Answers were recorded elsewhere: nothing was sent, and loads are names.
    pub recorded: bool,
    /// How the instrument did.
    pub instrument: Instrument,
    /// One entry per cell that has at least one measured trial, in plan order.
    pub cells: Vec<Cell>,
    /// Cells whose target was not to be had, in plan order.
    pub unavailable: Vec<Unavailable>,
    /// One entry per objective and cell in its scope.
    pub slos: Vec<SloResult>,
    /// What a reader must know, most severe first.
    pub warnings: Vec<Warning>,
    /// What more reasoning buys, per target, prompt and load with two modes or more.
    pub efforts: Vec<EffortCurve>,
    /// Arms of the run held against each other; filled in by [`super::study::add`].
    pub comparisons: Vec<Comparisons>,
    /// Comparisons of arms that would mislead, each with its reason; filled in likewise.
    pub refused: Vec<String>,
    /// The arm to choose and its rivals; filled in likewise, `None` where nothing is graded.
    pub choice: Option<Choice>,
    /// Which arms no other beats, per load with two arms or more; filled in likewise.
    pub fronts: Vec<Front>,
    /// What was decided before the plan ended; `None` where the suite asked for nothing of the kind.
    pub stopping: Option<Stopping>,
    /// The same cases at two loads, compared.
    pub under_load: Vec<LoadShift>,
    /// Latency percentiles against load, per target, mode and prompt with two loads or more.
    pub load_curves: Vec<LoadCurve>,
    /// The run over time.
    pub timeline: Timeline,
    /// Failed and refused trials by class, most frequent first.
    pub failures: Vec<FailureClass>,
    /// Trials for a reader to look into: failures first, then some of each cell. Bounded.
    pub samples: Vec<TrialSample>,
    /// What was found, in plain sentences, most important first.
    pub findings: Vec<Finding>,
    /// Which exit codes apply.
    pub exit: Exit,
}

/// The run and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Identity and origin.
    pub meta: Meta,
    /// How it ended; `None` when the log has no end: it was killed and can be resumed.
    pub status: Option<RunStatus>,
    /// Targets.
    pub targets: Vec<TargetInfo>,
    /// Number of cases.
    pub cases: u64,
    /// Graders.
    pub graders: Vec<GraderInfo>,
    /// Trials planned.
    pub planned: u64,
    /// Measured trials that ended, whatever their outcome.
    pub trials: u64,
    /// Warm-up trials, which are in no figure but the cost.
    pub warmups: u64,
    /// Requests sent for the models under test, retries included.
    pub attempts: u64,
    /// Requests sent for graders.
    pub judge_requests: u64,
    /// Seconds from the first due request to the last end.
    pub duration_s: f64,
    /// Everything that was spent, warm-up and judges included.
    pub cost: CostTotal,
    /// Part of it that graders spent.
    pub judge_cost: CostTotal,
    /// Part of it that preflight spent.
    pub preflight_cost: CostTotal,
    /// Part of it that the warm-up spent.
    pub warmup_cost: CostTotal,
    /// Stopping decisions: rule and decision.
    pub decisions: Vec<(String, String)>,
    /// Grader versions replaced by a regrade: grader, from, to, trials whose pass or fail changed.
    pub regraded: Vec<Regrade>,
}

/// A grader applied again in a changed version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regrade {
    /// The grader.
    pub grader: GraderId,
    /// The version before.
    pub from: String,
    /// The version in force.
    pub to: String,
    /// Trials judged by both.
    pub trials: u64,
    /// Trials whose verdict changed.
    pub changed: u64,
}

/// A sum of money with where it comes from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CostTotal {
    /// Dollars known to be spent.
    pub usd: f64,
    /// Requests by the origin of their cost.
    pub basis: BTreeMap<Basis, u64>,
}

/// How the instrument did over the whole run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Instrument {
    /// Calibration of this run or of the last self-test; `None` where none was made.
    pub calibration: Option<Calibration>,
    /// Heartbeat lag of the I/O threads in ms: the worst segment's median, 99th percentile, largest.
    pub lag_ms: Option<[f64; 3]>,
    /// `sent - due` in ms: the worst segment's median, 99th percentile, largest.
    pub dispatch_ms: Option<[f64; 3]>,
    /// Processor time of the process over wall time, largest.
    pub cpu: Option<f64>,
    /// Processor time of the busiest I/O thread over wall time, largest.
    pub io_cpu: Option<f64>,
    /// Share of token-bearing events that arrived together with the one before, over the run.
    pub coalesced: Option<f64>,
    /// Open file descriptors, largest.
    pub fds: Option<u32>,
    /// Arrivals planned, sent and shed, over the run.
    pub arrivals: [u64; 3],
    /// Largest clock step in seconds.
    pub clock_step_s: f64,
    /// Longest suspension in seconds.
    pub suspended_s: f64,
    /// Largest share of processor time that the hypervisor took.
    pub steal: f64,
    /// In at least one cell the client was the limit.
    pub client_limited: bool,
}

/// Names of a cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
    /// The target.
    pub target: TargetId,
    /// The mode.
    pub mode: ModeName,
    /// The prompt.
    pub prompt: PromptId,
    /// The load.
    pub load: LoadId,
}

/// One square of the result table.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Position in the plan.
    pub id: CellId,
    /// Its names.
    pub key: CellKey,
    /// How requests arrive.
    pub arrivals: super::run::Arrivals,
    /// Measured trials that ended.
    pub n: u64,
    /// Distinct cases among them.
    pub cases: u64,
    /// Trials planned; 0 where time or precision ended the cell.
    pub planned: u64,
    /// Trials by outcome; the counts sum to `n`.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Distributions of what is measured per trial. A metric without any value is absent.
    pub metrics: BTreeMap<Metric, Distribution>,
    /// First tokens over cold and over reused connections.
    pub connections: Connections,
    /// Finished trials per second of the measured window.
    pub throughput_rps: Estimate,
    /// Output tokens per second of the measured window.
    pub throughput_tps: Estimate,
    /// Seconds of the measured window.
    pub window_s: f64,
    /// Share of trials that failed on the path; those we cancelled or know nothing of are left out.
    pub error_rate: Estimate,
    /// Quality; `None` when the suite grades nothing.
    pub quality: Option<Quality>,
    /// Share of trials that pass every grader and every per-trial limit; `None` without either.
    pub goodput: Option<Estimate>,
    /// Money.
    pub cost: CellCost,
    /// Token sums of what was sent.
    pub tokens: TokenSums,
    /// What the response cache answered.
    pub recalled: Recalled,
    /// What became of the reasoning mode.
    pub mode: ModeCheck,
    /// What the provider's cache did.
    pub cache: CacheCheck,
    /// Longest silences.
    pub stalls: Stalls,
    /// How the instrument did in this cell; `None` where nothing was recorded.
    pub audit: Option<Audit>,
    /// The client was the limit: shown, never used for a verdict.
    pub client_limited: bool,
    /// Models that said they answered, with the number of trials.
    pub response_models: Vec<(String, u64)>,
    /// Hosts behind a gateway, with the number of trials.
    pub upstreams: Vec<(String, u64)>,
    /// Pictures of its distributions.
    pub charts: CellCharts,
}

/// Trials that the response cache answered: in no figure of time, failure or cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Recalled {
    /// Trials.
    pub trials: u64,
    /// What their answers cost when they were made, and did not cost again; known costs only.
    pub avoided_usd: f64,
}

/// A distribution of per-trial values.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Values and failures.
    pub n: u64,
    /// Failures among them, which count as infinitely late (latencies only).
    pub failed: u64,
    /// Mean of the successes: a mean cannot hold an infinity.
    pub mean: Estimate,
    /// Median; with failures as +infinity where they count.
    pub p50: Estimate,
    /// 90th percentile.
    pub p90: Estimate,
    /// 95th percentile.
    pub p95: Estimate,
    /// 99th percentile.
    pub p99: Estimate,
    /// Smallest success.
    pub min: Option<f64>,
    /// Largest value; `+infinity` with a failure.
    pub max: Option<f64>,
    /// Percentiles of successes alone; `None` when nothing failed, as they would repeat the headline.
    pub success: Option<Box<SuccessOnly>>,
    /// What n is worth when neighbors in time resemble each other; `None` when they do not (at least n/2).
    pub n_effective: Option<f64>,
    /// Only this share of the raw values was kept; 1 unless a cell has more gaps than memory is set aside for.
    pub kept: f64,
}

/// Percentiles of successes alone, to stand beside the headline.
#[derive(Debug, Clone, PartialEq)]
pub struct SuccessOnly {
    /// Successes.
    pub n: u64,
    /// Median.
    pub p50: Estimate,
    /// 90th percentile.
    pub p90: Estimate,
    /// 95th percentile.
    pub p95: Estimate,
    /// 99th percentile.
    pub p99: Estimate,
    /// Largest.
    pub max: Option<f64>,
}

/// First tokens by the state of the connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Connections {
    /// Trials over a new connection.
    pub cold: u64,
    /// Trials over a connection that had served before.
    pub warm: u64,
    /// Median TTFT over new connections.
    pub cold_ttft: Estimate,
    /// Median TTFT over reused connections.
    pub warm_ttft: Estimate,
    /// Median ms spent on name resolution, TCP and TLS by the cold ones.
    pub setup_ms: Option<f64>,
}

/// Quality of a cell's answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// Share of decided cases that pass, repeats averaged first.
    pub pass_rate: Estimate,
    /// Cases in all.
    pub cases: u64,
    /// Cases with a decision.
    pub decided: u64,
    /// Decided cases that pass in every repeat.
    pub passed: u64,
    /// Every missing case counted as wrong.
    pub strict: f64,
    /// Every missing case counted as right.
    pub lenient: f64,
    /// From the lower limit with all missing wrong to the upper limit with all missing right; gates decide on it.
    pub envelope: (f64, f64),
    /// Mean score of each grader, in suite order.
    pub scores: Vec<Score>,
    /// Trials that a grader could not judge.
    pub ungradable: u64,
    /// Trials missing because of the path.
    pub infra: u64,
    /// Trials that spent their tokens before the answer began.
    pub length: u64,
    /// Trials declined.
    pub refused: u64,
    /// Cases whose repeats disagree with one another.
    pub flaky: u64,
    /// Pass rate by tag, for tags on two cases or more.
    pub by_tag: Vec<(String, Estimate)>,
    /// What the suite's reducers make of repeats, in its order.
    pub reduced: Vec<Reduced>,
}

/// One grader's scores in a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The grader.
    pub grader: GraderId,
    /// Mean over cases.
    pub mean: Estimate,
    /// Trials passed, failed, scored, not judged.
    pub counts: [u64; 4],
    /// A judge decides, alone or as part of it.
    pub is_judge: bool,
    /// The mean corrected by labelled answers, where the run has some for this judge.
    pub corrected: Option<Estimate>,
    /// Krippendorff's alpha, where several judges voted.
    pub alpha: Option<f64>,
}

impl Score {
    /// Share of answers on which no verdict was given.
    pub fn error_rate(&self) -> Estimate {
        super::infer::share(self.counts[3], self.counts.iter().sum())
    }
}

/// Money of a cell, measured trials only.
#[derive(Debug, Clone, PartialEq)]
pub struct CellCost {
    /// Everything spent, with its basis.
    pub total: CostTotal,
    /// Dollars per trial.
    pub per_case: Estimate,
    /// Dollars per passed trial; `None` when the suite grades nothing, without a value when nothing passed.
    pub per_pass: Option<Estimate>,
    /// Dollars by kind of token, by the price in force; `None` without a price.
    pub split: Option<CostSplit>,
    /// What the cell would cost by other claims about the price, where that differs by over 20 %.
    pub claims: Vec<Claim>,
    /// Billed over computed, where the provider bills and a price is known.
    pub billed_over_computed: Option<f64>,
}

/// Dollars by kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CostSplit {
    /// Prompt tokens not served from a cache.
    pub input: f64,
    /// Prompt tokens served from a cache.
    pub cached: f64,
    /// Generated tokens but reasoning.
    pub output: f64,
    /// Reasoning tokens.
    pub reasoning: f64,
    /// Fees per request.
    pub requests: f64,
}

/// Another claim about a price and what it would make of this cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Who says so.
    pub source: String,
    /// When, as an ISO date.
    pub as_of: String,
    /// Dollars for the cell.
    pub usd: f64,
}

/// Token sums of a cell, over trials whose usage is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenSums {
    /// Prompt tokens.
    pub input: u64,
    /// Prompt tokens served from a cache.
    pub cached: u64,
    /// Generated tokens.
    pub output: u64,
    /// Generated tokens spent on reasoning.
    pub reasoning: u64,
    /// Finished trials without usage.
    pub unknown: u64,
}

/// What became of the reasoning mode that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ModeCheck {
    /// Patches that were sent, as compact JSON; several when the provider's limits changed some.
    pub sent: Vec<String>,
    /// Whether reasoning was expected.
    pub expected: Option<bool>,
    /// The mode is known to work at this endpoint.
    pub verified: bool,
    /// Finished trials in which reasoning was seen, by text or by tokens.
    pub reasoned: u64,
    /// Finished trials.
    pub finished: u64,
    /// Reasoning tokens per trial; without a value where usage does not tell.
    pub reasoning_tokens: Estimate,
    /// Reasoning was billed but not shown in over half of the trials that reasoned.
    pub hidden: bool,
    /// `Some(false)`: reasoning seen where it is off, or none where it is on. `None`: nothing to hold it against.
    pub honoured: Option<bool>,
}

/// What the provider's cache did in a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheCheck {
    /// Every request had a unique prefix.
    pub salted: bool,
    /// Cached over all prompt tokens; `None` without usage.
    pub cached_share: Option<f64>,
    /// TTFT of a case's later repeats over its first one, geometric mean over cases; `None` without repeats.
    pub repeat_ratio: Option<Estimate>,
    /// Repeats are faster beyond doubt, or tokens came from a cache, although prompts were salted or the cell is timed.
    pub contaminated: bool,
}

/// Silences inside streams.
#[derive(Debug, Clone, PartialEq)]
pub struct Stalls {
    /// A gap longer than this many ms is a stall.
    pub threshold_ms: f64,
    /// Stalls over all trials.
    pub count: u64,
    /// Trials with at least one.
    pub trials: u64,
    /// Share of streamed trials with a stall.
    pub share: Estimate,
}

/// How the instrument did in one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Heartbeat lag in ms: the worst segment's median, 99th percentile, largest.
    pub lag_ms: [f64; 3],
    /// `sent - due` in ms: the same.
    pub dispatch_ms: [f64; 3],
    /// Processor time of the process over wall time, largest.
    pub cpu: f64,
    /// Processor time of the busiest I/O thread over wall time, largest.
    pub io_cpu: f64,
    /// Share of token-bearing events that arrived together with the one before.
    pub coalesced: f64,
    /// Arrivals planned, sent and shed.
    pub arrivals: [u64; 3],
    /// Why the client was the limit; empty when it was not.
    pub limits: Vec<String>,
}

/// Pictures of a cell's distributions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CellCharts {
    /// Cumulative distributions with bands: TTFT, TTFA, end-to-end.
    pub ecdf: Vec<Ecdf>,
    /// Gaps between token-bearing events in logarithmic bins.
    pub itl: Histogram,
    /// Output tokens per second of each trial in linear bins.
    pub output_tps: Histogram,
}

/// A cumulative distribution with a simultaneous 95 % band (Massart 1990). At most 200 steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Ecdf {
    /// What is shown.
    pub metric: Metric,
    /// Value and share of trials up to it, ascending; failures keep the share below 1.
    pub points: Vec<(f64, f64)>,
    /// Half width of the band, in share.
    pub band: f64,
    /// Trials behind it.
    pub n: u64,
    /// Failures among them.
    pub failed: u64,
}

/// Counts in bins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// Edges, one more than counts; ascending.
    pub edges: Vec<f64>,
    /// Counts.
    pub counts: Vec<u64>,
    /// The edges grow by a constant factor.
    pub logarithmic: bool,
}

/// Verdict on an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SloVerdict {
    /// Met, beyond doubt.
    Met,
    /// Missed, beyond doubt.
    Missed,
    /// Too few data, or a measurement that may not decide.
    Inconclusive,
}

impl SloVerdict {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// An objective held against one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct SloResult {
    /// The objective as written.
    pub slo: String,
    /// The cell.
    pub cell: CellKey,
    /// Position of the cell in `Summary::cells`.
    pub cell_index: usize,
    /// The verdict.
    pub verdict: SloVerdict,
    /// What was measured, with its interval.
    pub value: Estimate,
    /// The bound, in the metric's unit.
    pub bound: f64,
    /// Trials over the limit, for percentile objectives.
    pub exceeding: Option<u64>,
    /// Trials it takes in all for a verdict, where that can be said.
    pub needed_n: Option<u64>,
    /// One sentence: why this verdict.
    pub why: String,
}

/// How much a warning weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A figure must not be used.
    Invalid,
    /// A figure may mislead.
    Caution,
    /// Good to know.
    Note,
}

/// Something a reader must know before using a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// A stable name, such as `client_limited`.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// The cell it is about; `None` for the run.
    pub cell: Option<CellKey>,
    /// What was seen, with figures.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

/// The same cases at a low and at a high load.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadShift {
    /// The target.
    pub target: TargetId,
    /// The mode.
    pub mode: ModeName,
    /// The prompt.
    pub prompt: PromptId,
    /// The lower load.
    pub low: LoadId,
    /// The higher load.
    pub high: LoadId,
    /// What was compared: `pass`, `length` or `answer`.
    pub what: &'static str,
    /// Cases decided at both.
    pub pairs: u64,
    /// Cases with the property only at the high load, and only at the low one.
    pub changed: (u64, u64),
    /// Share at the high load minus share at the low one.
    pub difference: Estimate,
    /// `McNemar`'s mid-p, two-sided.
    pub p_value: Option<f64>,
    /// Worse under load beyond doubt.
    pub worse: bool,
}

/// Percentiles against load, for one target, mode and prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadCurve {
    /// The target.
    pub target: TargetId,
    /// The mode.
    pub mode: ModeName,
    /// The prompt.
    pub prompt: PromptId,
    /// Points by rising load.
    pub points: Vec<LoadPoint>,
}

/// One load of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadPoint {
    /// Its name.
    pub load: LoadId,
    /// Requests in flight, or per second.
    pub level: f64,
    /// The level is requests per second.
    pub open: bool,
    /// Position of the cell in `Summary::cells`.
    pub cell_index: usize,
}

/// The run over time in equal bins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// Width of a bin in seconds.
    pub bin_s: f64,
    /// Trials due per bin.
    pub arrivals: Vec<u64>,
    /// Trials finished per bin.
    pub finished: Vec<u64>,
    /// Trials failed per bin.
    pub errors: Vec<u64>,
    /// Mean trials in flight per bin.
    pub in_flight: Vec<f64>,
    /// Median TTFT in ms of the trials due in the bin, successes only.
    pub ttft_p50: Vec<Option<f64>>,
    /// Segments: cell index in `Summary::cells`, begin and end in seconds.
    pub segments: Vec<(usize, f64, f64)>,
}

/// A kind of failure with an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureClass {
    /// The cell.
    pub cell: CellKey,
    /// The outcome.
    pub outcome: Outcome,
    /// The detail: rule, timer or code.
    pub detail: String,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The provider's message of the example, bounded.
    pub message: String,
    /// Trials.
    pub count: u64,
    /// One of them.
    pub example: TrialId,
}

/// One trial for a reader to look into.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialSample {
    /// The trial.
    pub trial: TrialId,
    /// Position of the cell in `Summary::cells`.
    pub cell_index: usize,
    /// The case.
    pub case: CaseId,
    /// Its cluster.
    pub cluster: Option<ClusterId>,
    /// Repeat, from 0.
    pub repeat: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Passed, failed, or not decided.
    pub pass: Option<bool>,
    /// Mean score, where decided.
    pub score: Option<f64>,
    /// The answer, bounded.
    pub answer: String,
    /// The reasoning, bounded.
    pub reasoning: String,
    /// What was expected, bounded.
    pub expect: Option<String>,
    /// Verdicts: grader, word, value, reason.
    pub verdicts: Vec<VerdictLine>,
    /// TTFT in ms.
    pub ttft_ms: Option<f64>,
    /// TTFA in ms.
    pub ttfa_ms: Option<f64>,
    /// End-to-end time in ms.
    pub e2e_ms: Option<f64>,
    /// Output tokens.
    pub output_tokens: Option<u64>,
    /// Reasoning tokens.
    pub reasoning_tokens: Option<u64>,
    /// Dollars.
    pub cost_usd: Option<f64>,
    /// Attempts made.
    pub attempts: u32,
}

/// A verdict in one line.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictLine {
    /// The grader.
    pub grader: GraderId,
    /// `pass`, `fail`, `score` or `ungradable`.
    pub verdict: &'static str,
    /// The value, 0 to 1; `None` when not judged.
    pub value: Option<f64>,
    /// Why, bounded.
    pub why: String,
    /// The version of the grader.
    pub version: String,
}

/// The tone of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Something failed or is invalid.
    Bad,
    /// Undecided, or to be taken with care.
    Unsure,
    /// Good.
    Good,
    /// Neither.
    Plain,
}

/// One sentence about the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its tone.
    pub tone: Tone,
    /// The sentence, ending with a period.
    pub text: String,
    /// The cells it is about, as positions in `Summary::cells`.
    pub cells: Vec<usize>,
}

/// Which exit codes apply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exit {
    /// The code to return.
    pub code: u8,
    /// Every code that applies with its reason, the returned one first.
    pub reasons: Vec<(u8, String)>,
}
