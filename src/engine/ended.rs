//! What follows the end of an attempt: a record, perhaps a retry or another turn, and the graders.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use super::decode::Finished;
use super::dispatch::Dispatcher;
use super::dispatch::Later;
use super::dispatch::Msg;
use super::dispatch::TICK;
use super::grading::Found;
use super::grading::Sheet;
use super::grading::Work;
use super::issue::Question;
use super::issue::Refused;
use super::issue::Ticket;
use super::observe::observe;
use super::question::Kind;
use super::question::Next;
use super::question::Pending;
use super::retry;
use super::setup::Assignment;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::Clock as _;
use crate::domain::Conversation;
use crate::domain::Event;
use crate::domain::GraderId;
use crate::domain::Message;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::Outcome;
use crate::domain::Part;
use crate::domain::Role;
use crate::domain::RunStatus;
use crate::domain::TrialId;

/// Answers on record that are judged at once.
const RECORDED_AT_ONCE: u64 = 16;

/// What a trial does after an attempt.
enum Onward {
    /// The same turn again, after a wait.
    Retry(Duration),
    /// The next turn, with all messages so far.
    Turn(Vec<Message>),
    /// It is over.
    End,
}

impl Dispatcher {
    /// A stream ended and was decoded.
    pub(super) fn ended(&mut self, finished: Finished<Ticket>) {
        let (mut observation, ticket) = observe(finished);
        self.settle(&observation, &ticket);
        self.issuer.keep(&mut observation, &ticket);
        self.over(observation, ticket);
    }

    /// An attempt is over, whether it was sent or its answer was at hand.
    pub(super) fn over(&mut self, mut observation: Observation, ticket: Ticket) {
        if observation.attempt.asker != Asker::Subject {
            return self.question_ended(observation);
        }
        if let Some(audit) = &mut self.audit
            && !observation.is_recalled()
        {
            audit.note(&observation);
        }
        let onward = self.onward(&observation, &ticket);
        observation.attempt.is_last = matches!(onward, Onward::End);
        let observation = Box::new(observation);
        self.record(Event::Observed(observation.clone()));
        match onward {
            Onward::End => {
                self.free_slot(ticket.open);
                self.grade(&observation);
            }
            Onward::Retry(wait) => self.again(&observation, ticket, wait),
            Onward::Turn(history) => {
                let ticket = Ticket { history, ..ticket };
                self.again(&observation, ticket, Duration::ZERO);
            }
        }
    }

    /// Money, limits, and providers that stop the run.
    fn settle(&mut self, observation: &Observation, ticket: &Ticket) {
        self.issuer.purse.settle(ticket.reserved, observation.cost.usd);
        let usage = observation.reply.usage.as_ref();
        let tokens = usage.map_or(0, |u| u.input.unwrap_or(0) + u.output.unwrap_or(0));
        let limited = observation.outcome == Outcome::RateLimited;
        if let Some(limiter) = self.limiters.get_mut(&ticket.endpoint.id) {
            limiter.ended(tokens, limited);
        }
        let refused = observation.outcome == Outcome::HttpError && matches!(observation.status, Some(401 | 403));
        if refused || observation.outcome == Outcome::QuotaExhausted {
            self.give_up_on(&ticket.endpoint.id, &observation.message);
        }
    }

    fn onward(&mut self, observation: &Observation, ticket: &Ticket) -> Onward {
        if self.is_stopping() || self.dead.contains_key(&ticket.endpoint.id) {
            return Onward::End;
        }
        let conversation = self.conversation(&observation.attempt);
        let turn = usize::from(observation.attempt.turn);
        if matches!(observation.outcome, Outcome::Ok | Outcome::ToolCalls) && turn < conversation.turns.len() {
            return Onward::Turn(continued(&conversation, turn, &ticket.history, observation));
        }
        let timed = self.plan.cells[observation.attempt.cell.0 as usize].load.is_timed();
        let most = if timed { 1 } else { self.plan.max_attempts };
        let next = observation.attempt.number + 1;
        if next > most + observation.attempt.turn - 1 || !retry::is_worth_it(observation) {
            return Onward::End;
        }
        let wait = retry::wait(observation, next, &mut self.jitter);
        // Where nothing is waited for, a retry still is no next turn.
        let wait = wait.map(|wait| if self.issuer.tapes.hurry() { Duration::from_nanos(1) } else { wait });
        wait.map_or(Onward::End, Onward::Retry)
    }

    /// Answers from the cache, where it holds this very request; the end comes as a message, as that of any other.
    pub(super) fn recall(&self, question: &Question<'_>) -> bool {
        let recalled = self.issuer.recall(question);
        recalled.is_some_and(|recalled| self.outbox.send(Msg::Recalled(Box::new(recalled))).is_ok())
    }

    fn conversation(&self, attempt: &Attempt) -> Arc<Conversation> {
        let prompt = &self.plan.cells[attempt.cell.0 as usize].prompt;
        Arc::clone(&self.plan.conversations[prompt][attempt.case as usize])
    }

    /// Prepares the trial's next attempt and sends it when its time has come. A retry keeps the time at which the
    /// trial was due: the wait is part of what a user would have seen.
    fn again(&mut self, observation: &Observation, ticket: Ticket, wait: Duration) {
        let cell = &self.plan.cells[observation.attempt.cell.0 as usize];
        let is_turn = wait.is_zero() && !ticket.history.is_empty();
        let number = observation.attempt.number + 1;
        let turn = observation.attempt.turn + u16::from(is_turn);
        let question = Question {
            attempt: Attempt { number, turn, is_last: true, ..observation.attempt.clone() },
            due: if is_turn { self.clock.now() } else { ticket.due },
            conversation: &self.conversation(&observation.attempt),
            history: ticket.history,
            endpoint: &ticket.endpoint,
            mode: ticket.endpoint.modes.iter().find(|mode| mode.name == cell.mode),
            params: Cow::Borrowed(&self.plan.params),
            salt: cell.load.salt.or(self.plan.salt).unwrap_or(cell.load.is_timed()),
            reuse: cell.load.warm,
            open: ticket.open,
        };
        if self.recall(&question) {
            return;
        }
        match self.issuer.make(question) {
            Ok(job) if wait.is_zero() => self.send(job),
            Ok(job) => {
                let trial = observation.attempt.trial.0;
                self.waiting.insert(trial, job);
                self.later.push(Reverse((self.clock.now().plus(wait), Later::Retry(trial))));
            }
            Err(why) => {
                self.free_slot(ticket.open);
                self.refused(why);
            }
        }
    }

    /// Sends the answer to the case's graders. Infrastructure trouble is never graded, nor is an answer that never began.
    fn grade(&mut self, observation: &Observation) {
        let attempt = &observation.attempt;
        if !observation.is_graded() || self.control.abort.is_cancelled() {
            return;
        }
        let answer = Arc::new(observation.answer());
        let case = attempt.case as usize;
        for id in self.plan.graders[case].clone() {
            let Some(bound) = self.graders.get(&id) else { continue };
            let sheet = Sheet { attempt: attempt.clone(), grader: id, version: bound.version.clone(), asked: 0 };
            self.grading += 1;
            let case = Arc::clone(&self.plan.cases[case]);
            self.pool.send(Work::Grade(sheet, Arc::clone(&bound.grader), case, Arc::clone(&answer)));
        }
    }

    /// Judges answers on record, a few at a time, so that a judge meets no more questions at once than in a run.
    pub(super) fn judge_recorded(&mut self, assignments: Vec<Assignment>) {
        for Assignment { attempt, grader, bound, case, answer } in assignments {
            while self.grading >= RECORDED_AT_ONCE && !self.is_stopping() {
                self.fire_later();
                self.pump(TICK);
            }
            if self.is_stopping() {
                return;
            }
            let sheet = Sheet { attempt, grader, version: bound.version, asked: 0 };
            self.grading += 1;
            self.pool.send(Work::Grade(sheet, bound.grader, case, answer));
        }
    }

    /// A grading thread reports.
    pub(super) fn found(&mut self, found: Found) {
        let pending = match found {
            Found::Verdict(sheet, verdict) => {
                self.grading = self.grading.saturating_sub(1);
                let Sheet { attempt, grader, version, .. } = sheet;
                return self.record(Event::Graded { trial: attempt.trial, grader, version, verdict });
            }
            Found::Ask(sheet, target, question, read) => {
                Pending { sheet, target, kind: Kind::Text(Arc::from(question), read), tries: 0 }
            }
            Found::Embed(sheet, target, texts, read) => {
                Pending { sheet, target, kind: Kind::Vectors(texts, read), tries: 0 }
            }
        };
        let key = self.questions.note(pending);
        self.ask_now(&key);
    }

    /// Sends a grader's question, or holds it back for its target's limits.
    pub(super) fn ask_now(&mut self, key: &(TrialId, GraderId)) {
        let now = self.clock.now();
        if let Some(recalled) = self.questions.recall(key, &self.issuer, now) {
            let _ = self.outbox.send(Msg::Recalled(Box::new(recalled)));
            return;
        }
        let held = self.questions.target(key).and_then(|target| self.limiters.get_mut(target));
        let wait = held.map_or(Some(Duration::ZERO), |limiter| limiter.wait(now));
        if wait != Some(Duration::ZERO) && self.failure.is_none() {
            let wait = wait.unwrap_or(Duration::from_millis(20));
            return self.ask_later(key, now, wait);
        }
        match self.questions.again(key, &self.issuer, now) {
            Ok(job) => self.send(job),
            Err(why) => {
                if why == Refused::Budget {
                    self.status = self.status.or(Some(RunStatus::Budget));
                }
                if let Some(work) = self.questions.give_up(key, &why.to_string()) {
                    self.pool.send(work);
                }
            }
        }
    }

    fn ask_later(&mut self, key: &(TrialId, GraderId), now: Offset, wait: Duration) {
        self.later.push(Reverse((now.plus(wait), Later::Question(key.0, key.1.clone()))));
    }

    fn question_ended(&mut self, mut observation: Observation) {
        let next = observation.attempt.number + 1;
        let wait = retry::wait(&observation, next.min(6), &mut self.jitter).filter(|_| !self.is_stopping());
        let onward = self.questions.answered(&observation, wait);
        observation.attempt.is_last = !matches!(onward, Next::Again(..));
        self.record(Event::Observed(Box::new(observation)));
        match onward {
            Next::Work(work) => self.pool.send(work),
            Next::Again(trial, grader, wait) => self.ask_later(&(trial, grader), self.clock.now(), wait),
            Next::Nothing => {}
        }
    }
}

/// All messages up to the next turn: what was said so far, the model's own answer, and what comes next.
fn continued(conversation: &Conversation, turn: usize, history: &[Message], seen: &Observation) -> Vec<Message> {
    let first = conversation.turns.first().map(Vec::as_slice).unwrap_or_default();
    let mut messages = if history.is_empty() { first.to_vec() } else { history.to_vec() };
    let answer = seen.answer();
    messages.push(Message {
        role: Role::Assistant,
        content: vec![Part::Text(answer.text.into())],
        tool_calls: answer.tool_calls,
        tool_call_id: None,
    });
    messages.extend(conversation.turns[turn].iter().cloned());
    messages
}
