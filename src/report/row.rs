//! One attempt as the row that `trials.csv`, `junit.xml` and the page show.

use crate::analyze::summary::CellKey;
use crate::analyze::summary::VerdictLine;
use crate::domain::Basis;
use crate::domain::CaseId;
use crate::domain::Channel;
use crate::domain::Outcome;

/// One attempt. Empty fields are unknown, never zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Number of the trial.
    pub trial: u64,
    /// Number of the attempt, from 1.
    pub attempt: u16,
    /// No further attempt of this trial follows.
    pub is_last: bool,
    /// Names of the cell.
    pub cell: CellKey,
    /// Position in `Summary::cells`; `None` for warm-ups and judges.
    pub cell_index: Option<usize>,
    /// Model name sent.
    pub model: String,
    /// The catalogue's provider, `custom` or `sim`.
    pub provider: String,
    /// The case.
    pub case: CaseId,
    /// Repeat, from 0.
    pub repeat: u32,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// HTTP status.
    pub http_status: Option<u16>,
    /// The provider's terminal reason, verbatim.
    pub finish_reason: Option<String>,
    /// The model that says it answered.
    pub response_model: Option<String>,
    /// Due to first byte written, in ms.
    pub queue_ms: Option<f64>,
    /// Due to response headers, in ms.
    pub ttfb_ms: Option<f64>,
    /// Due to first generated token, in ms.
    pub ttft_ms: Option<f64>,
    /// Due to first token of the answer, in ms.
    pub ttfa_ms: Option<f64>,
    /// Due to last token, in ms.
    pub e2e_ms: Option<f64>,
    /// Time per output token after the first, in ms.
    pub tpot_ms: Option<f64>,
    /// Longest gap between token-bearing events, in ms.
    pub itl_max_ms: Option<f64>,
    /// Prompt tokens.
    pub input_tokens: Option<u64>,
    /// Prompt tokens served from a cache.
    pub cached_tokens: Option<u64>,
    /// Generated tokens spent on reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Generated tokens.
    pub output_tokens: Option<u64>,
    /// Output tokens per second after the first.
    pub output_tps: Option<f64>,
    /// Dollars.
    pub cost_usd: Option<f64>,
    /// Where the cost comes from.
    pub cost_basis: Basis,
    /// Passed, failed, or not decided.
    pub pass: Option<bool>,
    /// Mean score, where decided.
    pub score: Option<f64>,
    /// What graders said.
    pub verdicts: Vec<VerdictLine>,
    /// The answer.
    pub answer: String,
    /// The reasoning.
    pub reasoning: String,
    /// The provider's message, for failures.
    pub message: String,
    /// A detail of the outcome.
    pub detail: String,
    /// What was expected, as text.
    pub expect: Option<String>,
    /// Facts worth a warning, by name.
    pub warnings: Vec<String>,
    /// Events: ms after due, what they carry, bytes of text.
    pub events: Vec<(f64, Channel, u32)>,
}
