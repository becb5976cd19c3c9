//! One load of a suite: how requests arrive and when it ends.

use std::fmt;
use std::time::Duration;

use crate::domain::LoadId;

/// How requests arrive over time in open loop.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// Evenly spaced.
    Constant,
    /// Independent exponential gaps.
    Poisson,
    /// Gamma gaps of this shape; below 1 is burstier than Poisson, above is smoother.
    Gamma(f64),
}

/// The kind of load.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// This many requests in flight, always.
    Closed {
        /// Requests in flight.
        concurrency: u32,
    },
    /// This many requests per second, come what may.
    Open {
        /// Requests per second at the start.
        rate: f64,
        /// Requests per second at the end; equal to `rate` without a ramp.
        to: f64,
        /// The ramp is exponential rather than linear.
        exponential: bool,
        /// Steps in which the rate changes; 0 changes it continuously.
        steps: u32,
        /// The process.
        arrivals: Arrivals,
    },
    /// Requests at these offsets from the start of the segment.
    Replay {
        /// Where they come from, for display.
        name: String,
        /// Arrival times with the wanted input and output lengths in tokens, ascending.
        arrivals: Vec<Arrival>,
    },
}

/// One recorded arrival.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arrival {
    /// Offset from the start.
    pub at: Duration,
    /// Wanted prompt length in tokens.
    pub input_tokens: Option<u32>,
    /// Wanted answer length in tokens.
    pub output_tokens: Option<u32>,
    /// Names of the prompt's blocks of 512 tokens, from its start: equal names, equal text.
    pub blocks: Vec<u64>,
}

/// When a cell ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// When each case ran `repeats` times.
    Cases,
    /// After this many trials.
    Requests(u64),
    /// After this long; trials in flight are finished.
    Duration(Duration),
    /// When the interval of a metric is narrower than this share of its value, or after the cap.
    Precision {
        /// Metric expression, such as `p95(ttft)`.
        metric: String,
        /// Half-width over value.
        relative: f64,
        /// At the latest after this many trials.
        cap: u64,
    },
}

/// One load of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadSpec {
    /// `c16`, `r5`, or a name of its own where two would collide.
    pub id: LoadId,
    /// The kind.
    pub shape: Shape,
    /// When it ends.
    pub stop: Stop,
    /// More outstanding trials than this are shed in open loop.
    pub max_outstanding: u32,
    /// Prefix each request with unique text; `None` takes the default of the load's kind.
    pub salt: Option<bool>,
    /// Reuse connections; `false` connects anew for each request.
    pub warm: bool,
}

impl LoadSpec {
    /// Timed loads measure latency under load: no retries and a salt by default.
    pub fn is_timed(&self) -> bool {
        !matches!((&self.shape, &self.stop), (Shape::Closed { .. }, Stop::Cases))
    }

    /// The recorded arrival behind trial `k` of a measured segment, where a recording is replayed.
    pub fn recorded(&self, k: u64) -> Option<&Arrival> {
        match &self.shape {
            Shape::Replay { arrivals, .. } => arrivals.get(usize::try_from(k).ok()?),
            _ => None,
        }
    }

    /// Requests in flight at most.
    pub fn streams(&self) -> u32 {
        match self.shape {
            Shape::Closed { concurrency } => concurrency,
            Shape::Open { .. } | Shape::Replay { .. } => self.max_outstanding,
        }
    }
}

impl fmt::Display for LoadSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}
