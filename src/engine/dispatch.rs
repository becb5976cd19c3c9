//! The dispatcher: one thread that holds the run's state and puts everything in one order.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use super::audit::Audit;
use super::clock::RunClock;
use super::decode;
use super::decode::Finished;
use super::grading::Found;
use super::grading::Pool;
use super::io::Job;
use super::io::Lanes;
use super::io::Shared;
use super::issue::Encoded;
use super::issue::Issuer;
use super::issue::Refused;
use super::issue::Ticket;
use super::limiter::Limiter;
use super::pacer::Gate;
use super::pacer::Unsent;
use super::purse::Purse;
use super::question::Questions;
use super::setup::Advice;
use super::setup::Control;
use super::setup::EngineError;
use super::setup::Recorder;
use super::setup::Setup;
use super::setup::Watch;
use crate::domain::CellId;
use crate::domain::Clock;
use crate::domain::Event;
use crate::domain::GraderId;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::RunStatus;
use crate::domain::TargetId;
use crate::domain::TrialId;
use crate::domain::random::Stream;
use crate::load::Plan;
use crate::load::Segment;
use crate::load::Shape;

/// What the other threads tell the dispatcher.
pub(super) enum Msg {
    /// A stream ended and was decoded.
    Done(Box<Finished<Ticket>>),
    /// An answer was at hand, so that nothing was sent.
    Recalled(Box<(Observation, Ticket)>),
    /// Trials below this number may be sent.
    Durable(u64),
    /// A grading thread found something.
    Found(Found),
    /// The pacer did not send an arrival.
    Unsent(Unsent),
    /// The pacer released its last arrival.
    PacerDone,
    /// The log failed.
    LogFailed(String),
}

/// What waits for its time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Later {
    /// Another attempt of a trial; index into `waiting`.
    Retry(u64),
    /// Another attempt of a grader's question.
    Question(TrialId, GraderId),
}

/// The run's state.
pub(super) struct Dispatcher {
    pub(super) plan: Arc<Plan>,
    pub(super) issuer: Arc<Issuer>,
    pub(super) clock: RunClock,
    pub(super) control: Control,
    pub(super) recorder: Arc<dyn Recorder>,
    pub(super) graders: BTreeMap<GraderId, super::setup::Bound>,
    pub(super) pool: Pool,
    pub(super) inbox: Receiver<Msg>,
    pub(super) outbox: Sender<Msg>,
    pub(super) done: Arc<dyn Fn(u64) -> bool + Send + Sync>,
    pub(super) attempts: BTreeMap<u64, u16>,
    pub(super) watch: Option<Box<dyn Watch>>,
    pub(super) limiters: BTreeMap<TargetId, Limiter>,
    pub(super) later: BinaryHeap<Reverse<(Offset, Later)>>,
    pub(super) waiting: BTreeMap<u64, Job<Ticket>>,
    pub(super) jitter: Stream,
    pub(super) gate: Arc<Gate>,
    /// The open-loop segment that runs.
    pub(super) open: Option<Segment>,
    pub(super) audit: Option<Audit>,
    pub(super) questions: Questions,
    /// Trials of the closed loop that hold a slot.
    pub(super) running: u32,
    /// Verdicts outstanding.
    pub(super) grading: u64,
    /// Targets that take no more requests, and why.
    pub(super) dead: BTreeMap<TargetId, String>,
    pub(super) ended_cells: BTreeMap<CellId, String>,
    /// Some cells were not asked, since their targets were not to be had.
    pub(super) has_gaps: bool,
    /// Trials below this number have an intent in the log, durable or not.
    pub(super) intended: u64,
    pub(super) status: Option<RunStatus>,
    pub(super) failure: Option<EngineError>,
}

/// The dispatcher looks at stop requests and timers at least this often.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// Two hundred a second tell a stalled reactor from a busy one and cost a thousandth of a core.
const HEARTBEAT: Duration = Duration::from_millis(5);
/// A heartbeat that is later than this was not merely scheduled late.
const STOPPED: Duration = Duration::from_millis(100);
/// Messages between I/O and decoding threads.
const DECODER_QUEUE: usize = 1 << 16;
const GRADERS: usize = 2;

/// Runs a plan to its end, or until `control` says stop. Everything that happens goes to the recorder.
///
/// # Errors
/// When the log fails or the system refuses a thread. Trouble with providers is recorded, not returned.
pub fn run(setup: Setup, control: &Control) -> Result<RunStatus, EngineError> {
    let (outbox, inbox) = channel();
    let (to_decoder, blocks) = sync_channel(DECODER_QUEUE);
    let decoder = spawn_decoder(blocks, outbox.clone())?;
    let shared = Shared {
        clock: Arc::new(setup.clock) as Arc<dyn Clock>,
        network: setup.network,
        tapes: setup.tapes.clone(),
        decoder: to_decoder,
        abort: control.abort.clone(),
    };
    let lanes = Lanes::start(io_threads(), &shared)?;
    drop(shared);
    let issuer = Arc::new(Issuer {
        plan: Arc::clone(&setup.plan),
        endpoints: setup.endpoints,
        keys: setup.keys,
        lanes,
        purse: Purse::new(setup.plan.budget.usd, setup.spent),
        nonce: setup.nonce,
        tapes: setup.tapes,
        encoded: Encoded::default().into(),
        answers: setup.answers,
    });
    let beating = Arc::new(AtomicBool::new(true));
    let heartbeat = spawn_heartbeat(&issuer, setup.clock, &beating)?;
    let found = outbox.clone();
    let pool = Pool::start(GRADERS, &setup.programs, &move |one| {
        let _ = found.send(Msg::Found(one));
    })?;
    let limiters = limiters(&issuer);
    let mut dispatcher = Dispatcher {
        plan: Arc::clone(&setup.plan),
        issuer,
        clock: setup.clock,
        control: control.clone(),
        recorder: setup.recorder,
        graders: setup.graders,
        pool,
        inbox,
        outbox,
        done: setup.done,
        attempts: setup.attempts,
        watch: setup.watch,
        limiters,
        later: BinaryHeap::new(),
        waiting: BTreeMap::new(),
        jitter: Stream::new(setup.plan.seed, "retry-jitter"),
        gate: Arc::default(),
        open: None,
        audit: None,
        questions: Questions::new(),
        running: 0,
        grading: 0,
        dead: BTreeMap::new(),
        has_gaps: !setup.unavailable.is_empty(),
        ended_cells: setup.unavailable,
        intended: 0,
        status: None,
        failure: None,
    };
    dispatcher.judge_recorded(setup.recorded);
    dispatcher.run_segments();
    dispatcher.finish_grading();
    beating.store(false, Ordering::Release);
    let _ = heartbeat.join();
    dispatcher.close(decoder)
}

/// One reactor per two cores: streams are cheap, and the decoder, the graders and the log need room.
fn io_threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 16))
}

fn spawn_decoder(blocks: Receiver<decode::Msg<Ticket>>, outbox: Sender<Msg>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("decode".into()).spawn(move || {
        decode::run(&blocks, |finished| {
            let _ = outbox.send(Msg::Done(Box::new(finished)));
        });
    })
}

fn spawn_heartbeat(
    issuer: &Arc<Issuer>,
    clock: RunClock,
    beating: &Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    let (issuer, beating) = (Arc::clone(issuer), Arc::clone(beating));
    thread::Builder::new().name("heartbeat".into()).spawn(move || {
        while beating.load(Ordering::Acquire) {
            let due = clock.now().plus(HEARTBEAT);
            clock.sleep_until(due);
            let now = clock.now();
            // This thread may wake a little late without harm; a stop of the whole client shows here alone.
            let stopped = now.since(due).is_some_and(|late| late > STOPPED);
            issuer.lanes.beat(if stopped { due } else { now });
        }
    })
}

fn limiters(issuer: &Issuer) -> BTreeMap<TargetId, Limiter> {
    let limiter = |endpoint: &crate::provider::Endpoint| Limiter::new(endpoint.limits, !endpoint.simulated);
    issuer.endpoints.iter().map(|(id, endpoint)| (id.clone(), limiter(endpoint))).collect()
}

impl Dispatcher {
    fn run_segments(&mut self) {
        let plan = Arc::clone(&self.plan);
        for segment in &plan.segments {
            if self.is_stopping() {
                break;
            }
            let cell = &plan.cells[segment.cell.0 as usize];
            if self.dead.contains_key(&cell.target) || self.ended_cells.contains_key(&segment.cell) {
                continue;
            }
            if (segment.first..segment.first + segment.trials).all(|trial| (self.done)(trial)) {
                continue;
            }
            self.audit = Some(Audit::start(&self.clock, &self.issuer.lanes.pulse));
            match cell.load.shape {
                Shape::Closed { concurrency } => self.run_closed(segment, concurrency),
                Shape::Open { .. } | Shape::Replay { .. } => self.run_open(segment, cell.load.max_outstanding),
            }
            if let Some(audit) = self.audit.take() {
                let health = audit.finish(segment.cell, &self.clock, &self.issuer.lanes.pulse);
                self.record(Event::Health(Box::new(health)));
            }
        }
    }

    /// Nothing more is issued.
    pub(super) fn is_stopping(&self) -> bool {
        self.status.is_some() || self.failure.is_some() || self.control.is_draining() || self.is_out_of_time()
    }

    fn is_out_of_time(&self) -> bool {
        self.plan.budget.time.is_some_and(|limit| self.clock.now() > Offset::ZERO.plus(limit))
    }

    /// Waits for a message, or until `wait` has passed, and deals with it and all that came meanwhile.
    pub(super) fn pump(&mut self, wait: Duration) {
        let mut next = self.inbox.recv_timeout(wait).ok();
        while let Some(msg) = next {
            self.take(msg);
            next = self.inbox.try_recv().ok();
        }
    }

    pub(super) fn take(&mut self, msg: Msg) {
        match msg {
            Msg::Done(finished) => self.ended(*finished),
            Msg::Recalled(recalled) => self.over(recalled.0, recalled.1),
            Msg::Durable(below) => {
                self.gate.durable.fetch_max(below, Ordering::AcqRel);
            }
            Msg::Found(found) => self.found(found),
            Msg::Unsent(Unsent::Shed { k, due }) => self.shed(k, due),
            Msg::PacerDone => {}
            Msg::Unsent(Unsent::Refused(why)) => self.refused(why),
            Msg::LogFailed(why) => {
                self.failure.get_or_insert(EngineError::Recorder(why));
                self.control.abort();
            }
        }
    }

    /// A request could not be sent.
    pub(super) fn refused(&mut self, why: Refused) {
        match why {
            Refused::Budget => self.status = self.status.or(Some(RunStatus::Budget)),
            Refused::Unusable(why) => {
                self.failure.get_or_insert(EngineError::Plan(why));
            }
        }
    }

    /// Writes an event down, and what a watch makes of it; a log that takes no more stops the run.
    pub(super) fn record(&mut self, event: Event) {
        let advice = self.watch.as_mut().map(|watch| watch.heard(&event)).unwrap_or_default();
        if self.failure.is_none()
            && let Err(why) = self.recorder.record(event)
        {
            self.take(Msg::LogFailed(why));
        }
        for advice in advice {
            self.heed(advice);
        }
    }

    /// What a watch advises, done and on record.
    pub(super) fn heed(&mut self, advice: Advice) {
        let (rule, decision) = match advice {
            Advice::Note(rule, decision) => (rule, decision),
            Advice::EndCell(cell, why) if !self.ended_cells.contains_key(&cell) => {
                self.ended_cells.insert(cell, why.clone());
                (format!("cell {}", cell.0), why)
            }
            Advice::EndRun(why) if self.status.is_none() => {
                self.status = Some(RunStatus::Decided);
                ("run".to_owned(), why)
            }
            _ => return,
        };
        self.record(Event::Decided { rule, decision });
    }

    /// The last verdicts: judges may still be asked, unless the run was aborted.
    fn finish_grading(&mut self) {
        while self.grading > 0 && self.failure.is_none() && !self.control.abort.is_cancelled() {
            self.fire_later();
            self.pump(TICK);
        }
    }

    fn close(mut self, decoder: JoinHandle<()>) -> Result<RunStatus, EngineError> {
        let status = self.final_status();
        self.record(Event::Ended(status));
        self.pool.join();
        drop(self.waiting);
        if let Some(issuer) = Arc::into_inner(self.issuer) {
            issuer.lanes.join();
        }
        let _ = decoder.join();
        self.failure.map_or(Ok(status), Err)
    }

    fn final_status(&self) -> RunStatus {
        let interrupted = self.control.is_draining().then_some(RunStatus::Interrupted);
        let out_of_time = self.is_out_of_time().then_some(RunStatus::Budget);
        let dead = (self.has_gaps || !self.dead.is_empty()).then_some(RunStatus::Provider);
        interrupted.or(self.status).or(out_of_time).or(dead).unwrap_or(RunStatus::Complete)
    }
}
