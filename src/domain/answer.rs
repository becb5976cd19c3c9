//! What graders see of a trial.

use super::Outcome;
use super::ToolCall;
use super::Usage;
use super::Usd;

/// A model's answer with the facts that budget graders need. Built by `engine` from an observation, or by
/// `grade --responses` from a recorded line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The answer without reasoning and without `<think>` blocks.
    pub text: String,
    /// The reasoning, from its own channel or from `<think>` blocks.
    pub reasoning: String,
    /// Tool calls in order.
    pub tool_calls: Vec<ToolCall>,
    /// The provider's own stop reason.
    pub finish_reason: Option<String>,
    /// How the attempt ended; `None` for a recorded answer that does not say.
    pub outcome: Option<Outcome>,
    /// Tokens.
    pub usage: Usage,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Milliseconds to the last token.
    pub e2e_ms: Option<f64>,
    /// Cost.
    pub cost: Option<Usd>,
}
