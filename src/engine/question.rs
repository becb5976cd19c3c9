//! Questions that graders ask: of judges and of embeddings endpoints.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::decode::State;
use super::decode::Stream;
use super::embed;
use super::grading::Sheet;
use super::grading::Work;
use super::io::Job;
use super::issue::Issuer;
use super::issue::Question;
use super::issue::Refused;
use super::issue::Ticket;
use super::retry;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::Conversation;
use crate::domain::GraderId;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::TargetId;
use crate::domain::TrialId;
use crate::grade::Read;
use crate::provider::Endpoint;
use crate::provider::Members;
use crate::provider::Params;

/// What a grader waits for.
pub enum Kind {
    /// A judge's reply.
    Text(Arc<Conversation>, Read<Result<String, String>>),
    /// Vectors.
    Vectors(Vec<String>, Read<Result<Vec<Vec<f64>>, String>>),
}

/// A question under way.
pub struct Pending {
    /// Whose.
    pub sheet: Sheet,
    /// Of whom.
    pub target: TargetId,
    /// What is waited for.
    pub kind: Kind,
    /// Requests made for it.
    pub tries: u16,
}

/// A judge that cannot be reached is asked this often at most.
const MAX_TRIES: u16 = 3;

/// Questions under way, by trial and grader: a grader asks one at a time.
#[derive(Default)]
pub struct Questions {
    pending: HashMap<(TrialId, GraderId), Pending>,
    params: Params,
}

/// What became of a question's attempt.
pub enum Next {
    /// Back to the grader.
    Work(Work),
    /// Ask again after this wait.
    Again(TrialId, GraderId, std::time::Duration),
    /// Nobody waits for it any more.
    Nothing,
}

impl Questions {
    /// No questions; judges are asked at temperature 0.
    pub fn new() -> Self {
        let mut params = Params::new();
        params.insert("temperature".into(), 0.into());
        Self { pending: HashMap::new(), params }
    }

    /// None is under way.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Notes a question; [`Questions::again`] makes its first request.
    pub fn note(&mut self, pending: Pending) -> (TrialId, GraderId) {
        let key = (pending.sheet.attempt.trial, pending.sheet.grader.clone());
        self.pending.insert(key.clone(), pending);
        key
    }

    /// Of whom a question is asked.
    pub fn target(&self, key: &(TrialId, GraderId)) -> Option<&TargetId> {
        self.pending.get(key).map(|pending| &pending.target)
    }

    /// Makes the next request of a question.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub fn again(&mut self, key: &(TrialId, GraderId), issuer: &Issuer, now: Offset) -> Result<Job<Ticket>, Refused> {
        let nobody = || Refused::Unusable("nobody waits for it".into());
        let pending = self.pending.get_mut(key).ok_or_else(nobody)?;
        pending.tries += 1;
        pending.sheet.asked += 1;
        let attempt = pending.attempt(pending.sheet.asked);
        make(&pending.target, &pending.kind, attempt, issuer, &self.params, now)
    }

    /// The reply to a question that an earlier run asked too.
    pub fn recall(&mut self, key: &(TrialId, GraderId), issuer: &Issuer, now: Offset) -> Option<(Observation, Ticket)> {
        let pending = self.pending.get_mut(key)?;
        let Kind::Text(conversation, _) = &pending.kind else { return None };
        let endpoint = issuer.endpoint(&pending.target).ok()?;
        let attempt = pending.attempt(pending.sheet.asked + 1);
        let recalled = issuer.recall(&question(attempt, endpoint, conversation, &self.params, now))?;
        pending.tries += 1;
        pending.sheet.asked += 1;
        Some(recalled)
    }

    /// Gives up on a question: its grader hears why.
    pub fn give_up(&mut self, key: &(TrialId, GraderId), why: &str) -> Option<Work> {
        self.pending.remove(key).map(|pending| refuse(pending, why.to_owned()))
    }

    /// An attempt ended.
    pub fn answered(&mut self, observation: &Observation, wait: Option<std::time::Duration>) -> Next {
        let Asker::Grader(grader) = &observation.attempt.asker else { return Next::Nothing };
        let key = (observation.attempt.trial, grader.clone());
        let Some(pending) = self.pending.get(&key) else { return Next::Nothing };
        if let (true, true, Some(wait)) = (retry::is_worth_it(observation), pending.tries < MAX_TRIES, wait) {
            return Next::Again(key.0, key.1, wait);
        }
        let Some(pending) = self.pending.remove(&key) else { return Next::Nothing };
        Next::Work(deliver(pending, observation))
    }
}

impl Pending {
    /// The `asked`-th attempt that its grader makes.
    fn attempt(&self, asked: u16) -> Attempt {
        Attempt {
            number: asked,
            turn: 1,
            is_last: true,
            asker: Asker::Grader(self.sheet.grader.clone()),
            ..self.sheet.attempt.clone()
        }
    }
}

/// A grader's question. Never from the store of encoded conversations: it lives for one request only.
fn question<'a>(
    attempt: Attempt,
    endpoint: &'a Arc<Endpoint>,
    conversation: &'a Arc<Conversation>,
    params: &'a Params,
    due: Offset,
) -> Question<'a> {
    let history = conversation.turns.first().cloned().unwrap_or_default();
    Question {
        attempt,
        due,
        conversation,
        history,
        endpoint,
        mode: None,
        params: Cow::Borrowed(params),
        salt: false,
        reuse: true,
        open: false,
    }
}

fn make(
    target: &TargetId,
    kind: &Kind,
    attempt: Attempt,
    issuer: &Issuer,
    params: &Params,
    due: Offset,
) -> Result<Job<Ticket>, Refused> {
    let endpoint = issuer.endpoint(target)?;
    let empty = Arc::new(Conversation::default());
    let (conversation, texts) = match kind {
        Kind::Text(conversation, _) => (conversation, None),
        Kind::Vectors(texts, _) => (&empty, Some(texts)),
    };
    let mut job = issuer.make(question(attempt, endpoint, conversation, params, due))?;
    if let Some(texts) = texts {
        let base = endpoint.base_url.as_str().trim_end_matches('/');
        let request = &mut job.asked.request;
        request.url = format!("{base}/embeddings").parse().map_err(|_| Refused::Unusable(base.into()))?;
        let body = Bytes::from(embed::body(endpoint, texts));
        request.fingerprint = Members::new(body.clone(), Bytes::new(), serde_json::Map::new()).digest;
        request.body = vec![body];
        job.label = issuer.label(&job.stream.ticket, &job.asked.request);
        let Stream { ticket, signals, .. } = *job.stream;
        // The cache would know it by the conversation that it does not have.
        let ticket = Ticket { cached_as: None, ..ticket };
        let decoder = Box::new(embed::Verbatim::default());
        job.stream = Box::new(Stream { ticket, decoder, signals, stream: false, state: State::default() });
    }
    Ok(job)
}

fn refuse(pending: Pending, why: String) -> Work {
    match pending.kind {
        Kind::Text(_, read) => Work::Reply(pending.sheet, read, Err(why)),
        Kind::Vectors(_, read) => Work::Vectors(pending.sheet, read, Err(why)),
    }
}

fn deliver(pending: Pending, observation: &Observation) -> Work {
    if observation.outcome.is_infra() {
        let why = format!("{}: {} {}", observation.outcome, observation.detail, observation.message);
        return refuse(pending, why);
    }
    match pending.kind {
        Kind::Text(_, read) => Work::Reply(pending.sheet, read, Ok(observation.answer().text)),
        Kind::Vectors(_, read) => Work::Vectors(pending.sheet, read, embed::vectors(&observation.reply.text)),
    }
}
