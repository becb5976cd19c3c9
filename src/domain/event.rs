//! What a run emits, in order. `store` writes these down; progress displays count them.

use std::ops::Range;
use std::time::Duration;

use super::CellId;
use super::GraderId;
use super::Observation;
use super::Offset;
use super::TrialId;
use super::Usd;
use super::Verdict;

/// One fact of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// These trials may be sent from now on. Durable before the first byte of any of them.
    Intent {
        /// Trial numbers.
        trials: Range<u64>,
        /// The most that they can cost; `None` without a price.
        worst_cost: Option<Usd>,
    },
    /// An attempt ended.
    Observed(Box<Observation>),
    /// A grader judged a trial's answer.
    Graded {
        /// The trial.
        trial: TrialId,
        /// The grader.
        grader: GraderId,
        /// The grader's version; a changed grader has another.
        version: String,
        /// Its judgement.
        verdict: Verdict,
    },
    /// How the instrument itself did while a segment ran.
    Health(Box<Health>),
    /// A stopping decision, written so that it can be replayed.
    Decided {
        /// What was decided, in words that `analyze` parses: rule, cells, case count.
        rule: String,
        /// The decision.
        decision: String,
    },
    /// The run is over.
    Ended(RunStatus),
}

/// Self-audit of the client over one segment of one cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    /// The cell.
    pub cell: Option<CellId>,
    /// When the segment began and ended.
    pub window: (Offset, Offset),
    /// Lateness of the I/O threads' heartbeat: p50, p99, max.
    pub lag: [Duration; 3],
    /// `sent - due`: p50, p99, max (open loop: lateness of the pacer; closed loop: hand-over).
    pub dispatch: [Duration; 3],
    /// Processor time of this process over wall time; 1.0 is one core.
    pub cpu: f64,
    /// Processor time of the busiest I/O thread over wall time.
    pub io_cpu: f64,
    /// Share of token-bearing events that shared a read with the one before.
    pub coalesced: f64,
    /// Open file descriptors at the end.
    pub fds: u32,
    /// Arrivals planned, sent and shed.
    pub arrivals: [u64; 3],
    /// The wall clock moved against the monotonic one by this much, in seconds.
    pub clock_step_s: f64,
    /// The machine slept (boot time ran ahead of monotonic time), in seconds.
    pub suspended_s: f64,
    /// Share of processor time that the hypervisor took.
    pub steal: f64,
    /// A queue between our own threads overflowed.
    pub overflow: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Every planned trial ended.
    Complete,
    /// Stopped early because every question was decided.
    Decided,
    /// Stopped early because an SLO could no longer be met.
    Aborted,
    /// Interrupted; can be resumed.
    Interrupted,
    /// The budget was reached.
    Budget,
    /// A key or quota stopped it.
    Provider,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Complete, Self::Decided, Self::Aborted, Self::Interrupted, Self::Budget, Self::Provider];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Decided => "decided",
            Self::Aborted => "aborted",
            Self::Interrupted => "interrupted",
            Self::Budget => "budget",
            Self::Provider => "provider",
        }
    }
}
