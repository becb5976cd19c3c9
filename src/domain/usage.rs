//! Token counts, normalised over protocols.

use super::JsonText;
use super::Usd;

/// Who counted the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenSource {
    /// The provider, in its usage object.
    Provider,
    /// Nobody.
    #[default]
    Unknown,
}

/// Tokens of one attempt. Absent counts are unknown, never zero.
///
/// `input` includes cached tokens and `output` includes reasoning, whatever the protocol's own convention is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub input: Option<u64>,
    /// Prompt tokens served from the provider's cache.
    pub cached: Option<u64>,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: Option<u64>,
    /// Generated tokens as billed, reasoning included.
    pub output: Option<u64>,
    /// Generated tokens spent on reasoning, a part of `output`.
    pub reasoning: Option<u64>,
    /// What the provider says this reply costs.
    pub billed: Option<Usd>,
    /// The provider's own object, verbatim.
    pub raw: Option<JsonText>,
    /// Who counted.
    pub source: TokenSource,
}
