//! The response cache as an attempt knows it: answers kept from earlier requests instead of asked for again.

use super::Usd;

/// What the response cache had to do with an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// Hash of everything that is sent, the key left out, and of the repeat; in hexadecimal.
    pub key: String,
    /// Where the answer comes from; `None` when the cache did not hold it, so that it was sent for.
    pub kept: Option<Kept>,
}

/// The origin of an answer that was not asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The run that asked.
    pub run: String,
    /// When it was answered, in milliseconds since 1970.
    pub unix_ms: u64,
    /// What it cost then and did not cost again; `None` where nobody knows.
    pub avoided: Option<Usd>,
}
