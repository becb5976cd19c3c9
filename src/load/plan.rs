//! The plan: everything a run will do, fixed before the first request by suite, catalogue and seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::LoadSpec;
use super::Stop;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::Case;
use crate::domain::CellId;
use crate::domain::Conversation;
use crate::domain::GraderId;
use crate::domain::ModeName;
use crate::domain::Offset;
use crate::domain::Phase;
use crate::domain::PromptId;
use crate::domain::TargetId;
use crate::domain::TrialId;
use crate::domain::Usd;

/// One square of the result table.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The target.
    pub target: TargetId,
    /// The mode.
    pub mode: ModeName,
    /// The prompt.
    pub prompt: PromptId,
    /// The load.
    pub load: Arc<LoadSpec>,
}

/// A trial's place in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Position in the plan's case table.
    pub case: u32,
    /// Repeat, from 0.
    pub repeat: u32,
}

/// Trials of one cell that run together. Cells of one load take turns, segment by segment, so that no cell has the
/// best time of day to itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The cell.
    pub cell: CellId,
    /// Warm-up or measured.
    pub phase: Phase,
    /// Number of the first trial; the others follow.
    pub first: u64,
    /// What is asked, in order. Duration-bound segments cycle through it.
    pub slots: Vec<Slot>,
    /// Trials at most; equals `slots.len()` unless the segment is bound by time or precision.
    pub trials: u64,
    /// Open loop: planned arrivals from the segment's start, ascending. Empty in closed loop.
    pub arrivals: Vec<Offset>,
    /// Closed loop bound by time: no trial starts after this.
    pub duration: Option<Duration>,
}

impl Segment {
    /// The slot of the segment's `k`-th trial.
    pub fn slot(&self, k: u64) -> Slot {
        let n = self.slots.len() as u64;
        let mut slot = self.slots[(k % n) as usize];
        slot.repeat += (k / n) as u32;
        slot
    }

    /// Number of the segment's `k`-th trial.
    pub fn trial(&self, k: u64) -> TrialId {
        TrialId(self.first + k)
    }

    /// The first attempt of the segment's `k`-th trial, in its first turn.
    pub fn attempt(&self, k: u64) -> Attempt {
        let slot = self.slot(k);
        Attempt {
            trial: self.trial(k),
            number: 1,
            turn: 1,
            is_last: true,
            cell: self.cell,
            case: slot.case,
            repeat: slot.repeat,
            phase: self.phase,
            asker: Asker::Subject,
        }
    }

    /// Which of the segment's trials has this number; none of them where `None`.
    pub fn position(&self, trial: u64) -> Option<u64> {
        trial.checked_sub(self.first).filter(|k| *k < self.trials)
    }
}

/// Timers of every attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// DNS, TCP and TLS together.
    pub connect: Duration,
    /// From sending to the first generated token.
    pub first_token: Duration,
    /// Between two reads.
    pub idle: Duration,
    /// The whole attempt.
    pub total: Duration,
}

impl Default for Timeouts {
    /// 5 s, 60 s, 30 s, 300 s.
    fn default() -> Self {
        let s = Duration::from_secs;
        Self { connect: s(5), first_token: s(60), idle: s(30), total: s(300) }
    }
}

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Budget {
    /// Dollars at most.
    pub usd: Option<Usd>,
    /// Wall time at most.
    pub time: Option<Duration>,
}

/// Everything a run will do. The same suite, catalogue and seed give the same plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Hash of the suite's meaning: targets, modes, prompts, cases, graders, parameters.
    pub hash: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Cells in table order.
    pub cells: Vec<Cell>,
    /// Cases in suite order.
    pub cases: Vec<Arc<Case>>,
    /// Prompts rendered for each case: `conversations[&prompt][case]`.
    pub conversations: BTreeMap<PromptId, Vec<Arc<Conversation>>>,
    /// Graders that apply to each case.
    pub graders: Vec<Vec<GraderId>>,
    /// What runs, in order.
    pub segments: Vec<Segment>,
    /// Times that each case runs per cell, where the load sets no other end. Slots beyond it are spare: they run only
    /// where a decided comparison left trials unused.
    pub repeats: u32,
    /// Attempts of a trial at most, by load: quality loads take the suite's `retry`, timed loads 1.
    pub max_attempts: u16,
    /// Timers.
    pub timeouts: Timeouts,
    /// Sampling parameters, as a JSON object.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// What may be spent.
    pub budget: Budget,
    /// Salt that the suite sets for all loads; `None` leaves it to the load.
    pub salt: Option<bool>,
}

impl Plan {
    /// Trials planned at most, warm-up apart from measured, spare ones left out.
    pub fn n_trials(&self, phase: Phase) -> u64 {
        self.segments.iter().filter(|s| s.phase == phase).map(|s| self.trials_of(s)).sum()
    }

    /// Trials planned at most in a segment, spare ones left out.
    pub fn trials_of(&self, segment: &Segment) -> u64 {
        if segment.phase == Phase::Warmup || self.cells[segment.cell.0 as usize].load.stop != Stop::Cases {
            return segment.trials;
        }
        let canary = |slot: &Slot| self.cases.get(slot.case as usize).is_some_and(|case| case.canary);
        let kept = segment.slots.iter().filter(|slot| slot.repeat < self.repeats || canary(slot)).count() as u64;
        // An open loop has its arrivals, whatever its slots.
        if segment.arrivals.is_empty() { kept.min(segment.trials) } else { segment.trials }
    }
}
