//! What a log says of the run's progress: what is finished, what is in doubt, what was spent.

use std::collections::BTreeMap;
use std::ops::Range;

use super::RangeSet;
use super::Record;
use super::StoreError;
use super::Stored;
use super::manifest::Anchor;
use crate::domain::Asker;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::Outcome;
use crate::domain::RunStatus;
use crate::domain::Usd;

/// Trials that may have been sent, and billed, without an answer on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InDoubt {
    /// The trials.
    pub trials: RangeSet,
    /// The most that they can have cost; `None` where a price is missing.
    pub worst_cost: Option<Usd>,
}

/// Progress of a run, gathered line by line. Memory grows with the gaps between finished trials, not with the trials.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    finished: RangeSet,
    issued: RangeSet,
    /// Intents with open trials and their worst cost, in the order of the log.
    intents: Vec<(Range<u64>, Option<Usd>)>,
    spent: Usd,
    sessions: u32,
    status: Option<RunStatus>,
    last: Offset,
    anchor: Anchor,
    attempts: BTreeMap<u64, u16>,
}

impl Progress {
    /// Reads a whole log.
    ///
    /// # Errors
    /// The first bad line.
    pub fn of(log: impl IntoIterator<Item = Result<Stored, StoreError>>) -> Result<Self, StoreError> {
        let mut progress = Self::default();
        for stored in log {
            progress.take(&stored?);
        }
        Ok(progress)
    }

    /// Takes one line into account.
    pub fn take(&mut self, stored: &Stored) {
        self.last = self.last.max(stored.at);
        match &stored.record {
            Record::Opened { session, anchor, .. } => {
                self.sessions = *session;
                self.anchor = *anchor;
                self.status = None;
            }
            Record::Closed(anchor) => {
                self.anchor = *anchor;
                self.settle();
            }
            Record::Event(Event::Intent { trials, worst_cost }) => self.intend(trials, *worst_cost),
            Record::Event(Event::Observed(seen)) => self.observe(seen),
            Record::Event(Event::Ended(status)) => {
                self.status = Some(*status);
                self.settle();
            }
            Record::Event(_) => {}
        }
    }

    fn intend(&mut self, trials: &Range<u64>, worst_cost: Option<Usd>) {
        if trials.is_empty() {
            return;
        }
        self.issued.insert(trials.clone());
        self.intents.push((trials.clone(), worst_cost));
    }

    fn observe(&mut self, seen: &Observation) {
        let trial = seen.attempt.trial.0;
        self.spent = self.spent + seen.cost.usd.unwrap_or_default();
        self.last = self.last.max(seen.ended);
        if seen.attempt.asker != Asker::Subject {
            return;
        }
        if seen.attempt.is_last || seen.outcome == Outcome::InDoubt {
            // A doubt on record is settled: the trial is skipped, or announced anew before it is retried.
            self.issued.remove(trial..trial + 1);
        }
        if seen.attempt.is_last {
            self.attempts.remove(&trial);
            if seen.outcome != Outcome::Cancelled {
                self.finished.insert(trial..trial + 1);
            }
        } else {
            self.attempts.insert(trial, seen.attempt.number);
        }
        self.forget_settled(trial);
    }

    /// Drops intents around `trial` of which no trial is open.
    fn forget_settled(&mut self, trial: u64) {
        let issued = &self.issued;
        self.intents.retain(|(range, _)| !range.contains(&trial) || issued.overlaps(range));
    }

    /// A session that ended in order left nothing in flight: what it had announced but not sent was never sent.
    fn settle(&mut self) {
        self.issued = RangeSet::default();
        self.intents.clear();
    }

    /// Trials that ended, cancelled ones apart: these never run again.
    pub fn finished(&self) -> &RangeSet {
        &self.finished
    }

    /// Attempts on record of trials that have not ended, so that a resumed run goes on counting.
    pub fn attempts(&self) -> &BTreeMap<u64, u16> {
        &self.attempts
    }

    /// Trials with an intent and without an end.
    pub fn in_doubt(&self) -> InDoubt {
        let mut worst_cost = Some(Usd::ZERO);
        let mut unclaimed = self.issued.clone();
        // A trial that was announced again belongs to the later intent.
        for (range, cost) in self.intents.iter().rev() {
            let before = unclaimed.count();
            unclaimed.remove(range.clone());
            let share = cost.map(|usd| share_of(usd, before - unclaimed.count(), range.end - range.start));
            worst_cost = worst_cost.zip(share).map(|(sum, share)| sum + share);
        }
        InDoubt { trials: self.issued.clone(), worst_cost }
    }

    /// Cost on record, estimates included; trials in doubt are not.
    pub fn spent(&self) -> Usd {
        self.spent
    }

    /// Sessions so far.
    pub fn sessions(&self) -> u32 {
        self.sessions
    }

    /// How the last session ended; `None` after a crash.
    pub fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// Where the clock of a resumed session starts, so that offsets go on: the time that passed by the wall clock,
    /// and never before anything on record.
    pub fn resume_at(&self, unix_ns: u64) -> Offset {
        let passed = unix_ns.saturating_sub(self.anchor.unix_ns);
        Offset(self.anchor.offset_ns.saturating_add(passed)).max(Offset(self.last.0 + 1))
    }
}

/// The share of `open` in `all` trials, rounded up.
fn share_of(cost: Usd, open: u64, all: u64) -> Usd {
    let share = (i128::from(cost.0) * i128::from(open) + i128::from(all.max(1)) - 1) / i128::from(all.max(1));
    Usd(i64::try_from(share).unwrap_or(i64::MAX))
}
