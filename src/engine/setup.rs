//! What a run needs from outside, and how it is stopped from outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio_util::sync::CancellationToken;

use super::clock::RunClock;
use super::grading::RunProgram;
use super::recall::Answers;
use super::tapes::Tapes;
use crate::domain::Answer;
use crate::domain::Attempt;
use crate::domain::Case;
use crate::domain::CellId;
use crate::domain::Event;
use crate::domain::GraderId;
use crate::domain::TargetId;
use crate::domain::Usd;
use crate::grade::Grader;
use crate::load::Plan;
use crate::load::Slot;
use crate::provider::Endpoint;
use crate::text::Secret;
use crate::transport::Network;

/// Called when an event is durable; an `Err` says why it never will be.
pub type WhenDurable = Box<dyn FnOnce(Result<(), String>) + Send>;

/// Writes events down in the order given.
pub trait Recorder: Send + Sync {
    /// Queues an event for the log.
    ///
    /// # Errors
    /// Why the log takes no more: nothing after that may be trusted to be durable.
    fn record(&self, event: Event) -> Result<(), String>;

    /// Queues an event and has it made durable soon.
    ///
    /// # Errors
    /// As [`Recorder::record`].
    fn record_durably(&self, event: Event, then: WhenDurable) -> Result<(), String>;
}

/// A grader ready to judge.
#[derive(Clone)]
pub struct Bound {
    /// The grader.
    pub grader: Arc<dyn Grader>,
    /// Its version, stored with each verdict.
    pub version: String,
}

/// An answer on record that a grader is to judge.
pub struct Assignment {
    /// The attempt that gave it.
    pub attempt: Attempt,
    /// The grader's name.
    pub grader: GraderId,
    /// The grader.
    pub bound: Bound,
    /// Its case.
    pub case: Arc<Case>,
    /// The answer.
    pub answer: Arc<Answer>,
}

/// Decides early, while a run goes on, from the same events that the log holds.
pub trait Watch: Send {
    /// An event goes into the log; what follows from it.
    fn heard(&mut self, event: &Event) -> Vec<Advice>;

    /// A measured trial is next in a closed loop. Asked again until the trial is sent or skipped.
    fn turn(&mut self, cell: CellId, slot: Slot) -> Turn {
        let _ = (cell, slot);
        Turn::Send
    }
}

/// Whether a trial is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Send it.
    Send,
    /// Send it, after this went into the log.
    Note(Advice),
    /// Leave it out: it is spare, and nothing was freed for it.
    Skip,
}

/// What a watch advises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Something was decided: what, and how.
    Note(String, String),
    /// This cell needs no more trials, for this reason.
    EndCell(CellId, String),
    /// The run needs no more trials, for this reason.
    EndRun(String),
}

/// Everything a run needs from outside.
pub struct Setup {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Every target, judges included.
    pub endpoints: BTreeMap<TargetId, Arc<Endpoint>>,
    /// Their keys.
    pub keys: BTreeMap<TargetId, Secret>,
    /// The suite's graders.
    pub graders: BTreeMap<GraderId, Bound>,
    /// The log.
    pub recorder: Arc<dyn Recorder>,
    /// How servers are reached.
    pub network: Network,
    /// Where answers come from.
    pub tapes: Tapes,
    /// Runs programs for graders.
    pub programs: Arc<RunProgram>,
    /// The clock; its zero is the run's.
    pub clock: RunClock,
    /// Distinguishes this run's salts from any other's.
    pub nonce: u64,
    /// Trials that an earlier session finished, or that are to be left alone.
    pub done: Arc<dyn Fn(u64) -> bool + Send + Sync>,
    /// Attempts that earlier sessions made of unfinished trials.
    pub attempts: BTreeMap<u64, u16>,
    /// Spent by earlier sessions.
    pub spent: Usd,
    /// Cells that are not asked, because preflight found their target gone, with the reason.
    pub unavailable: BTreeMap<CellId, String>,
    /// Answers on record to be judged before anything is sent.
    pub recorded: Vec<Assignment>,
    /// Early decisions; `None` runs the whole plan.
    pub watch: Option<Box<dyn Watch>>,
    /// Answers of earlier runs; `None` sends every request.
    pub answers: Option<Answers>,
}

/// Stops a run from outside. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Control {
    stop: Arc<AtomicBool>,
    /// Ends all streams at once.
    pub(super) abort: CancellationToken,
    issued: Arc<AtomicU64>,
}

impl Control {
    /// Issue nothing more and let finish what is in flight.
    pub fn drain(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// End everything now; what is in flight is booked as cancelled.
    pub fn abort(&self) {
        self.drain();
        self.abort.cancel();
    }

    /// Whether a stop was asked for.
    pub fn is_draining(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Requests sent so far.
    pub fn issued(&self) -> u64 {
        self.issued.load(Ordering::Relaxed)
    }

    pub(super) fn count_issued(&self) {
        self.issued.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why a run could not go on. Trouble with a provider is no error but an outcome.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The log takes no more events.
    #[error("the event log failed: {0}")]
    Recorder(String),
    /// A thread could not be made.
    #[error("a thread could not be started")]
    Thread(#[from] std::io::Error),
    /// The plan holds something that cannot be sent.
    #[error("{0}")]
    Plan(String),
}
