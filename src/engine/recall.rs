//! Answers kept from earlier runs: what makes two requests the same, and the observation of one that was not sent.
//!
//! Two requests are the same when everything that is sent is: protocol, address, headers, body. The key is left out,
//! the repeat counts, so that repeats stay different draws. Only quality runs recall anything: a timed load, a salted
//! request and a warm-up are always sent, and an answer that is kept has no times.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha256;

use super::issue::Issuer;
use super::issue::Question;
use super::issue::Ticket;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::Basis;
use crate::domain::ConnTimes;
use crate::domain::Cost;
use crate::domain::Flag;
use crate::domain::Kept;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::Recall;
use crate::domain::TargetId;
use crate::domain::Usd;
use crate::provider::Members;
use crate::provider::WireRequest;
use crate::provider::endpoint::Ask;

/// Everything that makes a request the same as another, by name.
pub type Parts = BTreeMap<String, String>;

/// Values longer than this are shown by their digest and their beginning.
const LONGEST_PART: usize = 240;

/// Keeps answers between runs. Trouble with it must not end a run: it may forget.
pub trait AnswerCache: Send + Sync {
    /// The observation of the request of this key and its origin.
    fn find(&self, key: &str) -> Option<(Observation, Kept)>;

    /// Keeps an answer.
    fn keep(&self, key: &str, parts: Parts, observation: &Observation);
}

/// The response cache of a run.
#[derive(Clone)]
pub struct Answers {
    /// The cache.
    pub cache: Arc<dyn AnswerCache>,
    /// What stands for the address of targets that have another one in every run: simulators.
    pub places: BTreeMap<TargetId, String>,
}

/// A request as the cache sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    protocol: &'static str,
    address: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    repeat: u32,
    /// 0 for the model under test; which question of its grader for a judge, so that asking again is no repetition.
    asked: u16,
}

impl Sent {
    /// What is sent as `request`, which was made without a key.
    ///
    /// `repeat` counts from 0; `asked` is 0 for the model under test, else the number of its grader's question.
    pub fn new(protocol: &'static str, request: &WireRequest, place: Option<&String>, repeat: u32, asked: u16) -> Self {
        let path = request.url.path();
        let address = place.map_or_else(|| request.url.to_string(), |place| format!("{place}{path}"));
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        // Which version of llmark asks changes no answer.
        let counted = request.headers.iter().filter(|(name, _)| *name != http::header::USER_AGENT);
        let mut headers: Vec<_> = counted.map(|(name, value)| (name.to_string(), text(value))).collect();
        headers.sort();
        Self { protocol, address, headers, body: request.body.concat(), repeat, asked }
    }

    /// Hash of all of it, in hexadecimal.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(b"llmark response cache 1");
        add(self.protocol.as_bytes());
        add(self.address.as_bytes());
        add(&self.repeat.to_le_bytes());
        add(&self.asked.to_le_bytes());
        add(&self.body);
        for (name, value) in &self.headers {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        hash.finalize().iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// All of it by name, for people: members of the body one by one, long values as a digest.
    pub fn parts(&self) -> Parts {
        let mut parts = Parts::from([
            ("protocol".to_owned(), self.protocol.to_owned()),
            ("address".to_owned(), self.address.clone()),
            ("repeat".to_owned(), self.repeat.to_string()),
        ]);
        if self.asked > 0 {
            parts.insert("asked".into(), self.asked.to_string());
        }
        parts.extend(self.headers.iter().map(|(name, value)| (format!("header/{name}"), value.clone())));
        match serde_json::from_slice(&self.body) {
            Ok(body) => members("body", &body, &mut parts),
            Err(_) => {
                parts.insert("body".into(), short(&String::from_utf8_lossy(&self.body)));
            }
        }
        parts
    }
}

fn members(name: &str, value: &Value, into: &mut Parts) {
    match value {
        Value::Object(inner) if !inner.is_empty() => {
            inner.iter().for_each(|(key, value)| members(&format!("{name}/{key}"), value, into));
        }
        Value::Array(inner) if !inner.is_empty() => {
            inner.iter().enumerate().for_each(|(at, value)| members(&format!("{name}/{at}"), value, into));
        }
        leaf => {
            into.insert(name.to_owned(), short(&leaf.to_string()));
        }
    }
}

fn short(text: &str) -> String {
    if text.len() <= LONGEST_PART {
        return text.to_owned();
    }
    let digest = Sha256::digest(text.as_bytes());
    let hex = digest.iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let head: String = text.chars().take(120).collect();
    format!("{head}... ({} bytes, sha256 {hex})", text.len())
}

/// A complete answer without anything odd about it: nothing else is kept.
pub fn is_worth_keeping(observation: &Observation) -> bool {
    let odd = [Flag::Empty, Flag::EmptyAfterReasoning, Flag::MissingDone, Flag::DataAfterTerminal, Flag::Repaired];
    matches!(observation.outcome, Outcome::Ok | Outcome::ToolCalls)
        && observation.status.is_some_and(|status| (200..300).contains(&status))
        && !observation.reply.flags.iter().any(|flag| odd.contains(flag))
}

impl Issuer {
    /// What the cache knows a request by; `None` where it must be sent.
    pub(super) fn sent(&self, question: &Question<'_>, members: &Members) -> Option<Sent> {
        let answers = self.answers.as_ref()?;
        let timed = self.plan.cells[question.attempt.cell.0 as usize].load.is_timed();
        if timed || question.salt || question.attempt.phase == Phase::Warmup {
            return None;
        }
        let ask = Ask { members, mode: question.mode, params: &question.params, salt: None, key: None, stream: true };
        let request = question.endpoint.request(&ask).ok()?;
        let place = answers.places.get(&question.endpoint.id);
        let Attempt { asker, number, repeat, .. } = &question.attempt;
        let asked = if *asker == Asker::Subject { 0 } else { *number };
        Some(Sent::new(question.endpoint.dialect.name(), &request, place, *repeat, asked))
    }

    /// The end of an attempt whose answer is at hand: nothing is sent, nothing is spent.
    pub fn recall(&self, question: &Question<'_>) -> Option<(Observation, Ticket)> {
        let answers = self.answers.as_ref()?;
        let members = self.members(question.endpoint, question.conversation, &question.history);
        let key = self.sent(question, &members)?.key();
        let (kept, origin) = answers.cache.find(&key)?;
        let observation = Observation {
            attempt: question.attempt.clone(),
            due: question.due,
            sent: question.due,
            ended: question.due,
            written: None,
            headers: None,
            conn: ConnTimes::default(),
            events: Vec::new(),
            retry_after: None,
            cost: Cost { usd: Some(Usd::ZERO), basis: Basis::Computed },
            recall: Some(Recall { key, kept: Some(origin) }),
            ..kept
        };
        let ticket = Ticket {
            attempt: question.attempt.clone(),
            endpoint: Arc::clone(question.endpoint),
            due: question.due,
            sent_mode: observation.sent_mode.clone(),
            reserved: Usd::ZERO,
            body_bytes: 0,
            history: question.history.clone(),
            open: question.open,
            cached_as: None,
        };
        Some((observation, ticket))
    }

    /// Notes on an answer that was sent for under which key the cache has it from now on, and keeps it.
    pub(super) fn keep(&self, observation: &mut Observation, ticket: &Ticket) {
        let (Some(answers), Some(sent)) = (&self.answers, &ticket.cached_as) else { return };
        let key = sent.key();
        if is_worth_keeping(observation) {
            answers.cache.keep(&key, sent.parts(), observation);
        }
        observation.recall = Some(Recall { key, kept: None });
    }
}
