//! What is measured once per trial (or once per gap), and in which unit.

use std::fmt;

/// A metric with many values per cell, by the names of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Due to first byte written.
    Queue,
    /// Due to response headers.
    Ttfb,
    /// Due to first generated token of any channel.
    Ttft,
    /// Due to first token of the answer.
    Ttfa,
    /// Due to last token.
    E2e,
    /// Request written to first generated token: what the provider alone is answerable for.
    Service,
    /// Time per output token after the first.
    Tpot,
    /// Gaps between token-bearing events, pooled over the cell.
    Itl,
    /// A trial's longest gap.
    ItlMax,
    /// Output tokens per second after the first.
    OutputTps,
    /// Output tokens over the whole time.
    E2eTps,
    /// Share of the time of a reader of 6 words per second that is spent waiting for text.
    Waiting,
    /// Prompt tokens.
    InputTokens,
    /// Prompt tokens served from the provider's cache.
    CachedTokens,
    /// Generated tokens spent on reasoning.
    ReasoningTokens,
    /// Generated tokens, reasoning included.
    OutputTokens,
    /// Cost.
    CostUsd,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 17] = [
        Self::Queue,
        Self::Ttfb,
        Self::Ttft,
        Self::Ttfa,
        Self::E2e,
        Self::Service,
        Self::Tpot,
        Self::Itl,
        Self::ItlMax,
        Self::OutputTps,
        Self::E2eTps,
        Self::Waiting,
        Self::InputTokens,
        Self::CachedTokens,
        Self::ReasoningTokens,
        Self::OutputTokens,
        Self::CostUsd,
    ];

    /// The contract's name, without unit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Ttfb => "ttfb",
            Self::Ttft => "ttft",
            Self::Ttfa => "ttfa",
            Self::E2e => "e2e",
            Self::Service => "service",
            Self::Tpot => "tpot",
            Self::Itl => "itl",
            Self::ItlMax => "itl_max",
            Self::OutputTps => "output_tps",
            Self::E2eTps => "e2e_tps",
            Self::Waiting => "waiting",
            Self::InputTokens => "input_tokens",
            Self::CachedTokens => "cached_tokens",
            Self::ReasoningTokens => "reasoning_tokens",
            Self::OutputTokens => "output_tokens",
            Self::CostUsd => "cost_usd",
        }
    }

    /// The name in files: with `_ms` where the values are milliseconds.
    pub fn key(self) -> String {
        if self.is_time() { format!("{}_ms", self.name()) } else { self.name().to_owned() }
    }

    /// The values are milliseconds.
    pub fn is_time(self) -> bool {
        matches!(
            self,
            Self::Queue
                | Self::Ttfb
                | Self::Ttft
                | Self::Ttfa
                | Self::E2e
                | Self::Service
                | Self::Tpot
                | Self::Itl
                | Self::ItlMax
        )
    }

    /// The values come from times: milliseconds, rates over them, shares of them.
    pub fn is_of_time(self) -> bool {
        self.is_time() || matches!(self, Self::OutputTps | Self::E2eTps | Self::Waiting)
    }

    /// A trial that failed on the path counts as infinitely late in the headline percentiles.
    pub fn counts_failures(self) -> bool {
        self.is_time() && self != Self::Itl
    }

    /// Larger values are better.
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::OutputTps | Self::E2eTps)
    }

    /// The unit of its values, for people.
    pub fn unit(self) -> &'static str {
        match self {
            Self::OutputTps | Self::E2eTps => "tok/s",
            Self::Waiting => "share",
            Self::InputTokens | Self::CachedTokens | Self::ReasoningTokens | Self::OutputTokens => "tokens",
            Self::CostUsd => "USD",
            _ => "ms",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
