//! What `analyze` must know of a run besides its events: plain tables, filled from the manifest.

use std::sync::Arc;

use crate::domain::CaseId;
use crate::domain::ClusterId;
use crate::domain::GraderId;
use crate::domain::JsonText;
use crate::domain::LoadId;
use crate::domain::ModeName;
use crate::domain::Price;
use crate::domain::Probe;
use crate::domain::PromptId;
use crate::domain::ProviderId;
use crate::domain::Tag;
use crate::domain::TargetId;
use crate::domain::Usd;

/// One run: its identity and its tables. Events refer to `cells` and `cases` by position.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// Identity and origin.
    pub meta: Meta,
    /// Targets, in suite order.
    pub targets: Vec<TargetInfo>,
    /// Cells, by `CellId`.
    pub cells: Vec<CellInfo>,
    /// Cases, by the position that attempts name.
    pub cases: Vec<CaseInfo>,
    /// Graders, in suite order.
    pub graders: Vec<GraderInfo>,
    /// Objectives.
    pub slos: Vec<super::slo_expr::SloSpec>,
    /// What repeats of a case are reduced to, besides the pass rate.
    pub reducers: Vec<super::reduce::Reducer>,
    /// Verdicts of judges on answers that people labelled.
    pub labelled: Vec<super::judges::Labelled>,
    /// How answers that are none count.
    pub policy: Policy,
    /// Calibration of the instrument against known times, where it was made.
    pub calibration: Option<Calibration>,
    /// What was asked before the run; of a target and mode the last entry holds, and all were paid for.
    pub preflight: Vec<Probe>,
    /// Every figure comes from the simulator.
    pub simulated: bool,
    /// Answers were recorded elsewhere (`grade --responses`): there is no schedule, hence no throughput.
    pub recorded: bool,
    /// Exchanges were played from recordings, at this speed: `recorded` or `max`.
    pub replayed: Option<String>,
    /// How its arms are compared with one another.
    pub terms: super::compare::Terms,
    /// It could end before its plan did, by this rule.
    pub early: Option<super::early::Rule>,
}

/// Identity and origin of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meta {
    /// Run id.
    pub id: String,
    /// Suite name.
    pub suite: String,
    /// The suite's description; empty where it has none.
    pub description: String,
    /// Hash of the resolved suite.
    pub suite_hash: String,
    /// Seed.
    pub seed: u64,
    /// Version of llmark that ran it.
    pub version: String,
    /// Wall-clock start, RFC 3339.
    pub started: String,
    /// Wall-clock end, RFC 3339; empty while unknown.
    pub ended: String,
    /// Host, operating system, processor, one line.
    pub host: String,
    /// Command line that started it.
    pub command: String,
    /// Trials planned.
    pub planned: u64,
    /// Budget in dollars.
    pub budget: Option<Usd>,
    /// Further facts worth a line in a report: name and value.
    pub facts: Vec<(String, String)>,
}

/// One target of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetInfo {
    /// The suite's name for it.
    pub id: TargetId,
    /// Model name sent.
    pub model: String,
    /// The catalogue's provider, `custom` or `sim`.
    pub provider: ProviderId,
    /// Protocol name.
    pub protocol: String,
    /// The simulator answers.
    pub simulated: bool,
    /// Price in force.
    pub price: Option<Arc<Price>>,
    /// Other claims about the price.
    pub claims: Vec<Arc<Price>>,
    /// Modes at this target.
    pub modes: Vec<ModeInfo>,
}

/// A mode at one target.
#[derive(Debug, Clone, PartialEq)]
pub struct ModeInfo {
    /// Its name.
    pub name: ModeName,
    /// Known to work there, rather than a candidate.
    pub verified: bool,
    /// Whether reasoning is expected: `Some(false)` where the mode switches it off.
    pub reasons: Option<bool>,
    /// The merge patch it sends.
    pub patch: Option<JsonText>,
}

/// How requests of a cell arrive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrivals {
    /// Closed loop: this many in flight.
    Closed(u32),
    /// Open loop: requests per second, on average.
    Open(f64),
}

/// One cell of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct CellInfo {
    /// The target.
    pub target: TargetId,
    /// The mode.
    pub mode: ModeName,
    /// The prompt.
    pub prompt: PromptId,
    /// The load's id, `c16` or `r5`.
    pub load: LoadId,
    /// How requests arrive.
    pub arrivals: Arrivals,
    /// The load measures time: no retries, salted.
    pub timed: bool,
    /// Every request had a unique prefix.
    pub salted: bool,
    /// Trials planned; 0 where time or precision ends the cell.
    pub planned: u64,
}

/// One case of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseInfo {
    /// Its id.
    pub id: CaseId,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its cluster, where it declares one.
    pub cluster: Option<ClusterId>,
    /// Hash of the case's content, so that a changed case is told from the same one.
    pub hash: u64,
    /// Interleaved to show drift; not part of scores.
    pub canary: bool,
    /// What is expected, as text, bounded.
    pub expect: Option<String>,
}

/// One grader of the suite.
#[derive(Debug, Clone, PartialEq)]
pub struct GraderInfo {
    /// Its id.
    pub id: GraderId,
    /// Its kind, such as `exact` or `judge`.
    pub kind: String,
    /// Its weight; 0 records without counting.
    pub weight: f64,
    /// Its version as last applied.
    pub version: String,
    /// Targets that judge for it; empty for a grader that asks nobody.
    pub judges: Vec<TargetId>,
}

/// How a missing kind of answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Counts {
    /// As wrong.
    #[default]
    Wrong,
    /// As right.
    Right,
    /// As missing: it may be either.
    Missing,
}

/// How answers that are none count in quality figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// The token limit hit before the answer began.
    pub length: Counts,
    /// The model or the provider declined.
    pub refused: Counts,
}

/// The instrument's own error, measured against a server with known times. Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Error of TTFT: median, 99th percentile, largest.
    pub ttft_error_ms: [f64; 3],
    /// Error of gaps between tokens: median, 99th percentile, largest.
    pub itl_error_ms: [f64; 3],
    /// Tokens per second of a stream, seen over true, minus one: median.
    pub rate_error: f64,
    /// 95 % intervals of the medians of the three, in their order; absent in runs of earlier versions.
    pub medians: [Option<[f64; 2]>; 3],
    /// Requests behind it.
    pub n: u64,
}
