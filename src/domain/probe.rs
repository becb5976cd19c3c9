//! What preflight found of a mode at a target: one tiny question, asked before the run or instead of it.

use super::Cost;
use super::JsonText;
use super::ModeName;
use super::Outcome;
use super::TargetId;

/// Whether there is any point in asking a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It answered.
    Ok,
    /// It may answer or not: the trials themselves will tell.
    Doubtful,
    /// Every request would fail: retired, unreachable, refused, without quota.
    Unavailable,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Doubtful, Self::Unavailable];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Doubtful => "doubtful",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What one tiny question, or the failure to ask it, told.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The target.
    pub target: TargetId,
    /// The mode asked for.
    pub mode: ModeName,
    /// Name of a candidate patch from the catalogue; empty for the patch in force.
    pub candidate: String,
    /// The mode's merge patch as sent.
    pub sent_mode: JsonText,
    /// The verdict.
    pub standing: Standing,
    /// One word for the cause: `ok`, `key`, `dns`, `connect`, `tls`, `auth`, `quota`, `model`, `address`, `redirect`, ...
    pub cause: String,
    /// What happened; empty when it answered.
    pub reason: String,
    /// What would be right; empty where nothing can be said.
    pub advice: String,
    /// How the question ended; `None` when it was not asked.
    pub outcome: Option<Outcome>,
    /// Whether the provider's listing names the model; `None` without a listing.
    pub listed: Option<bool>,
    /// Prompt tokens by the provider's count.
    pub input_tokens: Option<u64>,
    /// Output tokens by the provider's count, reasoning included.
    pub output_tokens: Option<u64>,
    /// Reasoning tokens by the provider's count.
    pub reasoning_tokens: Option<u64>,
    /// Reasoning was seen: streamed, inline or counted.
    pub reasoned: bool,
    /// Milliseconds from sending to the first generated token.
    pub ttft_ms: Option<f64>,
    /// Milliseconds from sending to the end.
    pub e2e_ms: Option<f64>,
    /// What it cost.
    pub cost: Cost,
}
