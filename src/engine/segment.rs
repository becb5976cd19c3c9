//! Segments: closed loop, where an end makes room for a start, and open loop, where the pacer decides.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::dispatch::Dispatcher;
use super::dispatch::Later;
use super::dispatch::Msg;
use super::dispatch::TICK;
use super::issue::Refused;
use super::pacer;
use super::pacer::Gate;
use super::purse::worst_case;
use super::setup::EngineError;
use super::setup::Turn;
use crate::domain::Clock as _;
use crate::domain::Event;
use crate::domain::Offset;
use crate::domain::Phase;
use crate::domain::RunStatus;
use crate::load::Segment;
use crate::load::fit::BYTES_PER_TOKEN;

/// In open loop intents are written this far ahead of the arrivals, so that pacing never waits for a disk.
const AHEAD: Duration = Duration::from_secs(2);

/// Why the next trial is not sent now.
enum Hold {
    /// Something must end first.
    ForEnd,
    /// Time must pass.
    For(Duration),
    /// The segment has no more trials.
    Over,
}

impl Dispatcher {
    /// Keeps `concurrency` trials in flight until the segment's trials are through.
    pub(super) fn run_closed(&mut self, segment: &Segment, concurrency: u32) {
        let begin = self.clock.now();
        let mut k = 0;
        loop {
            let hold = self.fill(segment, concurrency, begin, &mut k);
            self.fire_later();
            if self.running == 0 && matches!(hold, Hold::Over) {
                return;
            }
            let wait = if let Hold::For(wait) = hold { wait } else { TICK };
            self.pump(wait.min(self.until_later()).min(TICK));
        }
    }

    /// Sends trials while there is room.
    fn fill(&mut self, segment: &Segment, concurrency: u32, begin: Offset, k: &mut u64) -> Hold {
        loop {
            while *k < segment.trials && ((self.done)(segment.trial(*k).0) || self.is_skipped(segment, *k)) {
                *k += 1;
            }
            let late = segment.duration.is_some_and(|limit| self.clock.now() > begin.plus(limit));
            let target = &self.plan.cells[segment.cell.0 as usize].target;
            let useless = self.dead.contains_key(target) || self.ended_cells.contains_key(&segment.cell);
            if *k >= segment.trials || late || useless || self.is_stopping() {
                return Hold::Over;
            }
            if self.running >= concurrency {
                return Hold::ForEnd;
            }
            self.intend(segment, *k, u64::from(concurrency));
            if self.gate.durable.load(Ordering::Acquire) <= segment.trial(*k).0 {
                return Hold::ForEnd;
            }
            if let Some(hold) = self.send_closed(segment, *k) {
                return hold;
            }
            *k += 1;
        }
    }

    /// A watch leaves this trial out.
    fn is_skipped(&mut self, segment: &Segment, k: u64) -> bool {
        let Some(watch) = self.watch.as_mut().filter(|_| segment.phase == Phase::Measure) else { return false };
        match watch.turn(segment.cell, segment.slot(k)) {
            Turn::Send => false,
            Turn::Skip => true,
            Turn::Note(advice) => {
                self.heed(advice);
                false
            }
        }
    }

    /// Sends one trial, unless a limit or the budget holds it back or its answer is at hand.
    fn send_closed(&mut self, segment: &Segment, k: u64) -> Option<Hold> {
        let now = self.clock.now();
        if self.recall_closed(segment, k, now) {
            return None;
        }
        let target = self.plan.cells[segment.cell.0 as usize].target.clone();
        match self.limiters.get_mut(&target).and_then(|limiter| limiter.wait(now)) {
            Some(Duration::ZERO) => {}
            Some(wait) => return Some(Hold::For(wait)),
            None => return Some(Hold::ForEnd),
        }
        let number = self.attempts.remove(&segment.trial(k).0).unwrap_or(0) + 1;
        match self.issuer.prepare(segment, k, now, number) {
            Ok(job) => {
                self.running += 1;
                self.send(job);
                None
            }
            // What is in flight may turn out cheaper than its worst case.
            Err(Refused::Budget) if self.running > 0 => Some(Hold::ForEnd),
            Err(why) => {
                self.refused(why);
                Some(Hold::Over)
            }
        }
    }

    /// Takes the trial's answer from the cache, past all limits: they are the provider's.
    fn recall_closed(&mut self, segment: &Segment, k: u64, now: Offset) -> bool {
        if self.issuer.answers.is_none() {
            return false;
        }
        let number = self.attempts.get(&segment.trial(k).0).copied().unwrap_or(0) + 1;
        let recalled = self.issuer.question(segment, k, now, number).is_ok_and(|question| self.recall(&question));
        if recalled {
            self.attempts.remove(&segment.trial(k).0);
            self.running += 1;
        }
        recalled
    }

    /// Hands a request to the I/O threads.
    pub(super) fn send(&mut self, job: super::io::Job<super::issue::Ticket>) {
        if let Some(limiter) = self.limiters.get_mut(&job.stream.ticket.endpoint.id) {
            limiter.sent();
        }
        self.control.count_issued();
        self.issuer.lanes.send(job);
    }

    /// Makes sure that the intent of trial `k` is on its way to the log, and that of `ahead` trials after it.
    fn intend(&mut self, segment: &Segment, k: u64, ahead: u64) {
        let end = segment.first + segment.trials;
        let wanted = (segment.trial(k).0 + 1 + ahead).min(end);
        let from = self.intended.max(segment.first);
        // In pieces of the concurrency: one sync per piece, and no more in doubt after a crash than that.
        if from >= wanted || (from > segment.trial(k).0 && wanted - from < ahead.div_ceil(2) && wanted < end) {
            return;
        }
        self.intended = wanted;
        let worst_cost = self.worst_cost(segment, from, wanted);
        let outbox = self.outbox.clone();
        let written = self.recorder.record_durably(
            Event::Intent { trials: from..wanted, worst_cost },
            Box::new(move |result| {
                let _ = outbox.send(match result {
                    Ok(()) => Msg::Durable(wanted),
                    Err(why) => Msg::LogFailed(why),
                });
            }),
        );
        if let Err(why) = written {
            self.failure.get_or_insert(EngineError::Recorder(why));
        }
    }

    /// The most that trials `from..to` can cost, by the length of their prompts.
    fn worst_cost(&self, segment: &Segment, from: u64, to: u64) -> Option<crate::domain::Usd> {
        let cell = &self.plan.cells[segment.cell.0 as usize];
        let endpoint = self.issuer.endpoints.get(&cell.target)?;
        let price = endpoint.price.as_ref()?;
        let limit = endpoint.max_output(&self.plan.params, endpoint.mode(&cell.mode).ok());
        let conversations = self.plan.conversations.get(&cell.prompt)?;
        let one = |trial: u64| {
            let k = trial - segment.first;
            let recorded = cell.load.recorded(k);
            let own = conversations[segment.slot(k).case as usize].size();
            let fitted = recorded.and_then(|arrival| arrival.input_tokens).unwrap_or(0) as usize * BYTES_PER_TOKEN;
            let limit = recorded.and_then(|arrival| arrival.output_tokens.map(u64::from)).or(limit);
            worst_case(price, own.max(fitted) as u64 + 1024, limit)
        };
        Some((from..to).map(one).sum())
    }

    /// An arrival that was due while too many were outstanding: on record, like everything that was planned.
    pub(super) fn shed(&mut self, k: u64, due: Offset) {
        let Some(segment) = &self.open else { return };
        let attempt = segment.attempt(k);
        if let Some(audit) = &mut self.audit {
            audit.arrivals[2] += 1;
        }
        let unsent = super::observe::unsent(attempt, due, self.clock.now());
        self.record(Event::Observed(Box::new(unsent)));
    }

    /// Lets the pacer release the segment's arrivals and waits until all of them ended.
    pub(super) fn run_open(&mut self, segment: &Segment, bound: u32) {
        self.gate = Arc::new(Gate::default());
        self.open = Some(segment.clone());
        let ready = self.clock.now();
        self.intend_until(segment, ready, ready);
        while self.gate.durable.load(Ordering::Acquire) <= segment.first && !self.is_stopping() {
            self.pump(TICK);
        }
        let begin = self.clock.now().plus(Duration::from_millis(5));
        let over = Arc::new(AtomicBool::new(false));
        let pacer = self.spawn_pacer(segment, begin, bound, &over);
        while !(over.load(Ordering::Acquire) && self.gate.outstanding.load(Ordering::Acquire) == 0) {
            self.intend_until(segment, begin, self.clock.now());
            self.fire_later();
            self.pump(TICK);
            if self.is_stopping() || self.ended_cells.contains_key(&segment.cell) {
                self.gate.stop.store(true, Ordering::Release);
            }
        }
        if let Err(error) = pacer.map(thread::JoinHandle::join) {
            self.failure.get_or_insert(EngineError::Thread(error));
        }
        while let Ok(msg) = self.inbox.try_recv() {
            self.take(msg);
        }
        self.open = None;
        if let Some(audit) = &mut self.audit {
            audit.arrivals[0] = segment.arrivals.len() as u64;
            audit.arrivals[1] = audit.arrivals[0].saturating_sub(audit.arrivals[2]);
        }
    }

    /// Intents for all arrivals up to a while from now.
    fn intend_until(&mut self, segment: &Segment, begin: Offset, now: Offset) {
        let horizon = now.plus(AHEAD).since(begin).unwrap_or_default();
        let due = segment.arrivals.partition_point(|at| u128::from(at.0) <= horizon.as_nanos()).max(1) as u64;
        let last = due.min(segment.trials).saturating_sub(1);
        if self.intended.max(segment.first) <= segment.trial(last).0 {
            self.intend(segment, last, 0);
        }
    }

    fn spawn_pacer(
        &self,
        segment: &Segment,
        begin: Offset,
        bound: u32,
        over: &Arc<AtomicBool>,
    ) -> std::io::Result<thread::JoinHandle<()>> {
        let (issuer, gate, clock) = (Arc::clone(&self.issuer), Arc::clone(&self.gate), self.clock);
        let (done, outbox, over) = (Arc::clone(&self.done), self.outbox.clone(), Arc::clone(over));
        let (segment, control) = (segment.clone(), self.control.clone());
        thread::Builder::new().name("pacer".into()).spawn(move || {
            let pace = pacer::Pace {
                issuer: &issuer,
                segment: &segment,
                clock,
                start: begin,
                bound,
                gate: &gate,
                done: &*done,
                control: &control,
            };
            pacer::run(&pace, |unsent| {
                let _ = outbox.send(Msg::Unsent(unsent));
            });
            over.store(true, Ordering::Release);
            let _ = outbox.send(Msg::PacerDone);
        })
    }

    /// How long until something that waits is due.
    fn until_later(&self) -> Duration {
        let now = self.clock.now();
        self.later.peek().map_or(TICK, |std::cmp::Reverse((at, _))| at.since(now).unwrap_or_default())
    }

    /// Sends what waited for its time. A run that stops makes no further attempts.
    pub(super) fn fire_later(&mut self) {
        let now = self.clock.now();
        while self.later.peek().is_some_and(|std::cmp::Reverse((at, _))| *at <= now || self.is_stopping()) {
            let Some(std::cmp::Reverse((_, later))) = self.later.pop() else { return };
            match later {
                Later::Retry(ticket) => self.retry_now(ticket),
                Later::Question(trial, grader) => self.ask_now(&(trial, grader)),
            }
        }
    }

    fn retry_now(&mut self, ticket: u64) {
        let Some(job) = self.waiting.remove(&ticket) else { return };
        if self.is_stopping() {
            self.issuer.purse.settle(job.stream.ticket.reserved, Some(crate::domain::Usd::ZERO));
            self.free_slot(job.stream.ticket.open);
            return;
        }
        self.send(job);
    }

    /// A trial holds its slot no longer.
    pub(super) fn free_slot(&mut self, open: bool) {
        if open {
            self.gate.outstanding.fetch_sub(1, Ordering::AcqRel);
        } else {
            self.running = self.running.saturating_sub(1);
        }
    }

    /// A target takes no more requests.
    pub(super) fn give_up_on(&mut self, target: &crate::domain::TargetId, why: &str) {
        self.dead.entry(target.clone()).or_insert_with(|| why.to_owned());
        if self.plan.cells.iter().all(|cell| self.dead.contains_key(&cell.target)) {
            self.status = self.status.or(Some(RunStatus::Provider));
        }
    }
}
