//! From a trial to a request on the wire: shared by the dispatcher and the pacer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::decode::State;
use super::decode::Stream;
use super::io::Asked;
use super::io::Job;
use super::io::Lanes;
use super::purse::Purse;
use super::purse::worst_case;
use super::recall::Answers;
use super::recall::Sent;
use super::tapes::Tapes;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::Conversation;
use crate::domain::JsonText;
use crate::domain::Message;
use crate::domain::Offset;
use crate::domain::Phase;
use crate::domain::TargetId;
use crate::domain::TrialId;
use crate::domain::Usd;
use crate::domain::tape::Label;
use crate::load::Plan;
use crate::load::Segment;
use crate::load::fit::fit;
use crate::load::spec::Arrival;
use crate::provider::Endpoint;
use crate::provider::Members;
use crate::provider::Mode;
use crate::provider::Params;
use crate::provider::WireRequest;
use crate::provider::endpoint::Ask;
use crate::text::Secret;
use crate::transport::Timers;

/// What comes back with a finished stream.
pub struct Ticket {
    /// Which attempt.
    pub attempt: Attempt,
    /// Asked of.
    pub endpoint: Arc<Endpoint>,
    /// When it was due.
    pub due: Offset,
    /// The mode's patch.
    pub sent_mode: JsonText,
    /// Worst case set aside.
    pub reserved: Usd,
    /// Bytes of the request body.
    pub body_bytes: u64,
    /// Conversation so far where it has several turns, else empty.
    pub history: Vec<Message>,
    /// The segment's load is open: the slot count is the pacer's.
    pub open: bool,
    /// What the response cache will know the answer by; `None` where it is not to keep it.
    pub cached_as: Option<Sent>,
}

/// What to ask in one attempt.
pub struct Question<'a> {
    /// Which attempt.
    pub attempt: Attempt,
    /// When it was due.
    pub due: Offset,
    /// Messages, tools, form.
    pub conversation: &'a Arc<Conversation>,
    /// All messages so far, for turns after the first; empty for the first.
    pub history: Vec<Message>,
    /// Of whom.
    pub endpoint: &'a Arc<Endpoint>,
    /// The mode, or none to send nothing.
    pub mode: Option<&'a Mode>,
    /// Sampling parameters.
    pub params: Cow<'a, Params>,
    /// Put unique text in front.
    pub salt: bool,
    /// Use pooled connections.
    pub reuse: bool,
    /// From the pacer.
    pub open: bool,
}

/// Makes requests and hands them to the I/O threads.
pub struct Issuer {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Every target, judges included.
    pub endpoints: BTreeMap<TargetId, Arc<Endpoint>>,
    /// Their keys.
    pub keys: BTreeMap<TargetId, Secret>,
    /// The I/O threads.
    pub lanes: Lanes<Ticket>,
    /// The money.
    pub purse: Purse,
    /// Where answers come from.
    pub tapes: Tapes,
    /// Distinguishes the salts of this run from those of any other.
    pub nonce: u64,
    /// Encoded conversations, by address of the shared conversation and protocol.
    pub encoded: Mutex<Encoded>,
    /// Answers of earlier runs.
    pub answers: Option<Answers>,
}

/// Encoded conversations and their size.
#[derive(Default)]
pub struct Encoded {
    members: HashMap<(usize, &'static str), Arc<Members>>,
    bytes: usize,
}

/// Encoded conversations are forgotten beyond this size, so that a suite of long prompts does not stay in memory twice.
const ENCODED_CAP: usize = 256 << 20;

/// Why nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The worst case would exceed the budget.
    #[error("the budget is used up")]
    Budget,
    /// The request cannot be made; a fault of the plan, which `check` should have found.
    #[error("{0}")]
    Unusable(String),
}

impl Issuer {
    /// Makes the request of a segment's `k`-th trial and sets its worst case aside.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub fn prepare(&self, segment: &Segment, k: u64, due: Offset, number: u16) -> Result<Job<Ticket>, Refused> {
        self.make(self.question(segment, k, due, number)?)
    }

    /// What a segment's `k`-th trial asks in its first turn.
    ///
    /// # Errors
    /// That the plan names a target which was not given.
    pub fn question(&self, segment: &Segment, k: u64, due: Offset, number: u16) -> Result<Question<'_>, Refused> {
        let attempt = Attempt { number, ..segment.attempt(k) };
        let cell = &self.plan.cells[segment.cell.0 as usize];
        let endpoint = self.endpoint(&cell.target)?;
        let conversation = &self.plan.conversations[&cell.prompt][attempt.case as usize];
        let mode = endpoint.modes.iter().find(|mode| mode.name == cell.mode);
        let salt = cell.load.salt.or(self.plan.salt).unwrap_or(cell.load.is_timed());
        let recorded = cell.load.recorded(k).filter(|_| segment.phase == Phase::Measure);
        let first = conversation.turns.first().map(Vec::as_slice).unwrap_or_default();
        let limited = recorded.and_then(|arrival| self.limited(arrival));
        Ok(Question {
            attempt,
            due,
            conversation,
            history: recorded.map(|arrival| fit(first, arrival, k, self.plan.seed)).unwrap_or_default(),
            endpoint,
            mode,
            params: limited.map_or(Cow::Borrowed(&self.plan.params), Cow::Owned),
            salt: salt || segment.phase == Phase::Warmup,
            reuse: cell.load.warm,
            open: !segment.arrivals.is_empty(),
        })
    }

    /// Parameters that end the answer at its recorded length, where one was recorded.
    fn limited(&self, arrival: &Arrival) -> Option<Params> {
        let tokens = arrival.output_tokens?.max(1);
        let mut params = self.plan.params.clone();
        params.insert("max_tokens".into(), tokens.into());
        Some(params)
    }

    /// The endpoint of a target.
    ///
    /// # Errors
    /// That the plan names a target which was not given.
    pub fn endpoint(&self, target: &TargetId) -> Result<&Arc<Endpoint>, Refused> {
        self.endpoints.get(target).ok_or_else(|| Refused::Unusable(format!("target `{target}` is not known")))
    }

    /// Makes the request of one attempt and sets its worst case aside.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub fn make(&self, question: Question<'_>) -> Result<Job<Ticket>, Refused> {
        let members = self.members(question.endpoint, question.conversation, &question.history);
        let cached_as = self.sent(&question, &members);
        let Question { attempt, due, history, endpoint, mode, params, salt, reuse, open, .. } = question;
        let salt = salt.then(|| self.salt(attempt.trial, attempt.number));
        let ask = Ask {
            members: &members,
            mode,
            params: &params,
            salt: salt.as_deref(),
            key: self.keys.get(&endpoint.id),
            stream: true,
        };
        let request = endpoint.request(&ask).map_err(Refused::Unusable)?;
        let body_bytes = request.body.iter().map(|piece| piece.len() as u64).sum();
        let worst = |price: &std::sync::Arc<_>| worst_case(price, body_bytes, request.max_output);
        let reserved = endpoint.price.as_ref().map(worst).unwrap_or_default();
        if !self.purse.reserve(reserved) {
            return Err(Refused::Budget);
        }
        let sent_mode = request.sent_mode.clone();
        let ticket = Ticket {
            attempt,
            endpoint: Arc::clone(endpoint),
            due,
            sent_mode,
            reserved,
            body_bytes,
            history,
            open,
            cached_as,
        };
        let (decoder, signals) = (endpoint.dialect.decoder(), Arc::default());
        let stream = Box::new(Stream { ticket, decoder, signals, stream: true, state: State::default() });
        let label = self.label(&stream.ticket, &request);
        Ok(Job { asked: Asked { request, timers: self.timers(), reuse }, label, stream })
    }

    /// What an attempt is known by in recordings; none where there are none.
    pub fn label(&self, ticket: &Ticket, request: &WireRequest) -> Option<Box<Label>> {
        if !self.tapes.are_used() {
            return None;
        }
        let attempt = &ticket.attempt;
        let cell = &self.plan.cells[attempt.cell.0 as usize];
        Some(Box::new(Label {
            target: ticket.endpoint.id.to_string(),
            mode: cell.mode.to_string(),
            prompt: cell.prompt.to_string(),
            load: cell.load.id.to_string(),
            case: self.plan.cases[attempt.case as usize].id.to_string(),
            repeat: attempt.repeat,
            warmup: attempt.phase == Phase::Warmup,
            attempt: attempt.number,
            grader: match &attempt.asker {
                Asker::Subject => String::new(),
                Asker::Grader(grader) => format!("{grader} of {}", cell.target),
            },
            path: request.url.path().to_owned(),
            content: request.fingerprint,
        }))
    }

    /// The plan's timers.
    pub fn timers(&self) -> Timers {
        let t = self.plan.timeouts;
        Timers { connect: t.connect, first_token: t.first_token, idle: t.idle, total: t.total }
    }

    fn salt(&self, trial: TrialId, attempt: u16) -> String {
        format!("[{:016x}-{trial}-{attempt}]\n", self.nonce)
    }

    pub(super) fn members(
        &self,
        endpoint: &Endpoint,
        conversation: &Arc<Conversation>,
        history: &[Message],
    ) -> Arc<Members> {
        if !history.is_empty() {
            return Arc::new(endpoint.dialect.encode(history, conversation));
        }
        let key = (Arc::as_ptr(conversation) as usize, endpoint.dialect.name());
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(members) = encoded.members.get(&key) {
            return Arc::clone(members);
        }
        let first = conversation.turns.first().map(Vec::as_slice).unwrap_or_default();
        let members = Arc::new(endpoint.dialect.encode(first, conversation));
        let size = members.before.len() + members.after.len();
        if encoded.bytes + size > ENCODED_CAP {
            *encoded = Encoded::default();
        }
        encoded.bytes += size;
        encoded.members.insert(key, Arc::clone(&members));
        members
    }
}
