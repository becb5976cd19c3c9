//! How an attempt ended. Seventeen names instead of a bool.

use std::fmt;
use std::str::FromStr;

/// How an attempt ended, by the names of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Completed.
    Ok,
    /// Stopped by the token limit.
    Length,
    /// The model declined.
    Refusal,
    /// The provider withheld the answer.
    ContentFilter,
    /// Ended in a tool call.
    ToolCalls,
    /// Turned away for now; time heals it.
    RateLimited,
    /// Out of credit; time does not heal it.
    QuotaExhausted,
    /// A status other than success, or an error body under HTTP 200.
    HttpError,
    /// An error object after HTTP 200, inside the stream.
    StreamError,
    /// The body ended without a terminal reason.
    Truncated,
    /// One of our timers fired; the stage says which.
    Timeout,
    /// No connection: DNS, TCP or TLS.
    ConnectError,
    /// The connection broke.
    Reset,
    /// The reply made no sense.
    ProtocolError,
    /// We stopped it.
    Cancelled,
    /// Due, but never sent, because a cap was hit.
    Shed,
    /// Sent, perhaps, before a crash; nothing is known of it.
    InDoubt,
}

impl Outcome {
    /// Every outcome, in the contract's order.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::Length,
        Self::Refusal,
        Self::ContentFilter,
        Self::ToolCalls,
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::HttpError,
        Self::StreamError,
        Self::Truncated,
        Self::Timeout,
        Self::ConnectError,
        Self::Reset,
        Self::ProtocolError,
        Self::Cancelled,
        Self::Shed,
        Self::InDoubt,
    ];

    /// The contract's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Length => "length",
            Self::Refusal => "refusal",
            Self::ContentFilter => "content_filter",
            Self::ToolCalls => "tool_calls",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::HttpError => "http_error",
            Self::StreamError => "stream_error",
            Self::Truncated => "truncated",
            Self::Timeout => "timeout",
            Self::ConnectError => "connect_error",
            Self::Reset => "reset",
            Self::ProtocolError => "protocol_error",
            Self::Cancelled => "cancelled",
            Self::Shed => "shed",
            Self::InDoubt => "in_doubt",
        }
    }

    /// The model completed its answer, or ran into its limit: these carry a latency.
    pub fn is_sample(self) -> bool {
        matches!(self, Self::Ok | Self::Length | Self::ToolCalls)
    }

    /// The model or the provider's policy withheld the answer: shown beside, not sampled, not a failure of the path.
    pub fn is_withheld(self) -> bool {
        matches!(self, Self::Refusal | Self::ContentFilter)
    }

    /// Trouble on the path: +infinity in latency percentiles, never graded as a wrong answer.
    pub fn is_infra(self) -> bool {
        !self.is_sample() && !self.is_withheld()
    }

    /// Counted apart rather than as a failure: we stopped it, or do not know.
    pub fn is_excluded(self) -> bool {
        matches!(self, Self::Cancelled | Self::InDoubt)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Outcome {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name).ok_or_else(|| format!("`{name}` is no outcome"))
    }
}
