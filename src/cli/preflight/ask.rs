//! The questions themselves: a listing per target, then one question after another per target, all targets at once.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Asking;
use super::Depth;
use super::Found;
use crate::cli::exit::Failure;
use crate::domain::Conversation;
use crate::domain::Cost;
use crate::domain::Message;
use crate::domain::ModeName;
use crate::domain::Outcome;
use crate::domain::Probe;
use crate::domain::Role;
use crate::domain::Standing;
use crate::domain::TargetId;
use crate::domain::Usd;
use crate::domain::observation::split_thinking;
use crate::engine::aside;
use crate::engine::aside::Aside;
use crate::engine::decode::Finished;
use crate::engine::observe::cost;
use crate::engine::purse::worst_case;
use crate::provider::Endpoint;
use crate::provider::Mode;
use crate::provider::Params;
use crate::provider::aside::has_more;
use crate::provider::aside::is_listed;
use crate::provider::aside::listed;
use crate::provider::aside::nearest_listed;
use crate::provider::diagnose::Diagnosis;
use crate::provider::diagnose::Signs;
use crate::provider::diagnose::diagnose;
use crate::provider::endpoint::Ask;
use crate::transport::Timers;

/// What a target's models listing said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Models named; empty without a listing.
    pub names: Vec<String>,
    /// Whether they name the target's model; `None` without a listing, which is no failure.
    pub has_model: Option<bool>,
}

/// A question is given up after this, whatever the suite allows its trials.
const LONGEST: Duration = Duration::from_secs(60);
/// Enough to say one word; some servers refuse less.
const FEW_TOKENS: u64 = 16;
/// Enough to see whether reasoning takes place.
const SOME_TOKENS: u64 = 64;
const TINY: &str = "Reply with one word: ready";
const RIDDLE: &str = "A bat and a ball cost 1.10 together; the bat costs 1.00 more than the ball. What is 27 times the price of the ball? Reply with the number only.";
/// Causes that concern a target as a whole: its other modes need not be asked.
const WHOLE: [&str; 9] = ["dns", "connect", "tls", "auth", "quota", "model", "address", "redirect", "page"];

/// One question to be asked, and what comes back with its answer.
struct Question {
    endpoint: Arc<Endpoint>,
    mode: Mode,
    candidate: String,
    body_bytes: u64,
    listed: Option<bool>,
}

/// Asks everything. A target that cannot be asked at all is asked once.
///
/// # Errors
/// No thread could be started.
pub fn ask(asking: &Asking<'_>) -> Result<Found, Failure> {
    let mut found = Found::default();
    let gone = listings(asking, &mut found)?;
    let lines = Aside::open(asking.clock, asking.network.clone()).map_err(Failure::store)?;
    let mut waiting: Vec<VecDeque<Question>> =
        asking.endpoints.iter().map(|endpoint| questions(asking, endpoint, &found.listings)).collect();
    for (queue, diagnosis) in waiting.iter_mut().zip(gone) {
        if let Some(diagnosis) = diagnosis {
            found.probes.extend(queue.drain(..).map(|question| unasked(&question, &diagnosis)));
        }
    }
    while waiting.iter().any(|queue| !queue.is_empty()) {
        let round: Vec<Question> = waiting.iter_mut().filter_map(VecDeque::pop_front).collect();
        let mut jobs = Vec::new();
        for question in round {
            match job(asking, question, found.cost()) {
                Ok(job) => jobs.push(*job),
                Err(refused) => found.probes.push(*refused),
            }
        }
        for finished in lines.ask(jobs) {
            let listing = found.listings.get(&finished.ticket.endpoint.id);
            let (probe, diagnosis) = answered(&finished, listing);
            found.probes.push(probe);
            if diagnosis.standing == Standing::Unavailable && WHOLE.contains(&diagnosis.cause) {
                let id = &finished.ticket.endpoint.id;
                let rest = waiting.iter_mut().filter(|queue| queue.front().is_some_and(|q| q.endpoint.id == *id));
                let rest: Vec<Question> = rest.flat_map(|queue| queue.drain(..)).collect();
                found.probes.extend(rest.iter().map(|question| unasked(question, &diagnosis)));
            }
        }
    }
    lines.close();
    let place = |probe: &Probe| asking.endpoints.iter().position(|endpoint| endpoint.id == probe.target);
    // The order of the suite, not that of arrival; questions of one target came in order.
    found.probes.sort_by_key(place);
    Ok(found)
}

/// Fetches the listings. Returns for each endpoint why it need not be asked at all.
fn listings(asking: &Asking<'_>, found: &mut Found) -> Result<Vec<Option<Diagnosis>>, Failure> {
    let lines = Aside::open(asking.clock, asking.network.clone()).map_err(Failure::store)?;
    let job = |endpoint: &Arc<Endpoint>| {
        let request = endpoint.listing(asking.keys.get(&endpoint.id))?.ok()?;
        Some(aside::verbatim(request, timers(asking), Arc::clone(endpoint)))
    };
    let mut gone: BTreeMap<TargetId, Diagnosis> = BTreeMap::new();
    for finished in lines.ask(asking.endpoints.iter().filter_map(job).collect()) {
        let endpoint = &finished.ticket;
        let names = if finished.decoded.outcome == Outcome::Ok { listed(&finished.decoded.reply.text) } else { None };
        let has_model = names.as_ref().map(|names| is_listed(names, &endpoint.model));
        let has_model = has_model.filter(|found| *found || !has_more(&finished.decoded.reply.text));
        found.listings.insert(endpoint.id.clone(), Listing { names: names.unwrap_or_default(), has_model });
        // Only what stands before HTTP is final: a listing may be missing, or want another key.
        let diagnosis = diagnose(endpoint, signs(&finished));
        let never = matches!(finished.decoded.outcome, Outcome::ConnectError | Outcome::Timeout);
        if never && diagnosis.standing == Standing::Unavailable {
            gone.insert(endpoint.id.clone(), diagnosis);
        }
    }
    lines.close();
    Ok(asking.endpoints.iter().map(|endpoint| gone.remove(&endpoint.id)).collect())
}

/// The questions for one endpoint: each of its modes, and at depth the candidates of those that nobody documents.
fn questions(
    asking: &Asking<'_>,
    endpoint: &Arc<Endpoint>,
    listings: &BTreeMap<TargetId, Listing>,
) -> VecDeque<Question> {
    let mut names: Vec<&ModeName> = Vec::new();
    for cell in asking.plan.cells.iter().filter(|cell| cell.target == endpoint.id) {
        if !names.contains(&&cell.mode) {
            names.push(&cell.mode);
        }
    }
    let of = |modes: &[Mode]| {
        let mut modes: Vec<Mode> = modes.iter().filter(|mode| names.contains(&&mode.name)).cloned().collect();
        modes.sort_by_key(|mode| names.iter().position(|name| **name == mode.name));
        modes
    };
    let mut own = of(&endpoint.modes);
    if own.is_empty() {
        // A judge: asked without any mode.
        own.extend(endpoint.modes.iter().find(|mode| mode.name.as_str() == "default").cloned());
    }
    let open = |mode: &Mode| own.iter().any(|known| known.name == mode.name && !known.verified);
    let listed = listings.get(&endpoint.id).and_then(|listing| listing.has_model);
    let question = |mode: Mode, candidate: &str| Question {
        endpoint: Arc::clone(endpoint),
        mode,
        candidate: candidate.to_owned(),
        body_bytes: 0,
        listed,
    };
    let mut all: VecDeque<Question> = own.iter().map(|mode| question(mode.clone(), "")).collect();
    if asking.depth == Depth::Probing {
        for (name, modes) in &endpoint.candidates {
            all.extend(of(modes).into_iter().filter(open).map(|mode| question(mode, name)));
        }
    }
    all
}

/// The timers of a question.
pub(super) fn timers(asking: &Asking<'_>) -> Timers {
    let t = asking.plan.timeouts;
    Timers {
        connect: t.connect,
        first_token: t.first_token.min(LONGEST),
        idle: t.idle.min(LONGEST),
        total: t.total.min(LONGEST),
    }
}

/// The request of a question, or why it is not sent.
fn job(
    asking: &Asking<'_>,
    mut question: Question,
    spent: Usd,
) -> Result<Box<crate::engine::io::Job<Question>>, Box<Probe>> {
    let endpoint = Arc::clone(&question.endpoint);
    let (text, tokens) = match asking.depth {
        Depth::Tiny => (TINY, FEW_TOKENS),
        Depth::Probing => (RIDDLE, SOME_TOKENS),
    };
    let tokens = tokens + budget_of(&question.mode.patch.value());
    let params = params(&asking.plan.params, tokens);
    let members = endpoint.dialect.encode(&[Message::text(Role::User, text)], &Conversation::default());
    let key = asking.keys.get(&endpoint.id);
    let ask = Ask { members: &members, mode: Some(&question.mode), params: &params, salt: None, key, stream: true };
    let request = endpoint.request(&ask).map_err(|why| Box::new(withheld(&question, "request", &why)))?;
    question.body_bytes = request.body.iter().map(|piece| piece.len() as u64).sum();
    let worst = endpoint.price.as_ref().map(|price| worst_case(price, question.body_bytes, Some(tokens)));
    if asking.plan.budget.usd.is_some_and(|cap| spent + worst.unwrap_or_default() > cap) {
        return Err(Box::new(withheld(&question, "budget", "the budget has no room for this question")));
    }
    Ok(Box::new(aside::conversation(&endpoint, request, timers(asking), question)))
}

/// The suite's parameters with another limit; a stop sequence could end an answer before it begins.
fn params(suite: &Params, tokens: u64) -> Params {
    let mut params = suite.clone();
    params.shift_remove("stop");
    let named = ["max_completion_tokens", "max_output_tokens"].into_iter().find(|name| params.contains_key(*name));
    params.insert(named.unwrap_or("max_tokens").into(), tokens.into());
    params
}

/// Reasoning tokens that a patch sets aside: the limit must leave room for an answer beyond them.
fn budget_of(patch: &Value) -> u64 {
    let places = ["/thinking/budget_tokens", "/thinking_budget", "/reasoning/max_tokens"];
    places.into_iter().find_map(|place| patch.pointer(place)?.as_u64()).unwrap_or(0)
}

fn signs<T>(finished: &Finished<T>) -> Signs<'_> {
    Signs {
        outcome: finished.decoded.outcome,
        status: finished.head.as_ref().map(|head| head.status),
        detail: &finished.decoded.detail,
        message: &finished.decoded.message,
    }
}

/// A question that was not sent.
fn blank(question: &Question) -> Probe {
    Probe {
        target: question.endpoint.id.clone(),
        mode: question.mode.name.clone(),
        candidate: question.candidate.clone(),
        sent_mode: question.mode.patch.clone(),
        standing: Standing::Doubtful,
        cause: String::new(),
        reason: String::new(),
        advice: String::new(),
        outcome: None,
        listed: question.listed,
        input_tokens: None,
        output_tokens: None,
        reasoning_tokens: None,
        reasoned: false,
        ttft_ms: None,
        e2e_ms: None,
        cost: Cost { usd: Some(Usd::ZERO), basis: crate::domain::Basis::Computed },
    }
}

fn withheld(question: &Question, cause: &str, why: &str) -> Probe {
    Probe { cause: cause.into(), reason: format!("not asked: {why}"), ..blank(question) }
}

fn unasked(question: &Question, diagnosis: &Diagnosis) -> Probe {
    Probe {
        standing: diagnosis.standing,
        cause: diagnosis.cause.into(),
        reason: diagnosis.reason.clone(),
        advice: diagnosis.advice.clone(),
        ..blank(question)
    }
}

/// What an answer tells.
fn answered(finished: &Finished<Question>, listing: Option<&Listing>) -> (Probe, Diagnosis) {
    let question = &finished.ticket;
    let endpoint = &question.endpoint;
    let mut diagnosis = diagnose(endpoint, signs(finished));
    let near = listing.and_then(|listing| nearest_listed(&listing.names, &endpoint.model));
    if let ("model", Some(near)) = (diagnosis.cause, near) {
        diagnosis.advice = format!("did you mean `{near}`? The provider lists it");
    }
    let reply = &finished.decoded.reply;
    let usage = reply.usage.as_ref();
    let after = |at: crate::domain::Offset| at.ms_since(finished.ended.sent);
    let inline = !split_thinking(&reply.text).1.trim().is_empty();
    let reasoning_tokens = usage.and_then(|usage| usage.reasoning);
    let price = endpoint.price.as_deref();
    let ttft_ms = finished.events.iter().find(|event| event.channel.is_generated()).and_then(|event| after(event.at));
    if let (Outcome::Timeout, Some(first)) = (finished.decoded.outcome, ttft_ms) {
        diagnosis.cause = "slow";
        diagnosis.reason =
            format!("it answers slowly: its first token came after {first:.0} ms, the last one not in time");
        diagnosis.advice = "a run may still be possible: see `timeout` of the suite".into();
    }
    let probe = Probe {
        outcome: Some(finished.decoded.outcome),
        input_tokens: usage.and_then(|usage| usage.input),
        output_tokens: usage.and_then(|usage| usage.output),
        reasoning_tokens,
        reasoned: inline || !reply.reasoning.trim().is_empty() || reasoning_tokens.is_some_and(|n| n > 0),
        ttft_ms,
        e2e_ms: after(finished.ended.ended),
        cost: cost(price, usage, finished.decoded.outcome, question.body_bytes, &reply.text),
        ..unasked(question, &diagnosis)
    };
    (probe, diagnosis)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_leaves_room_beyond_the_reasoning_budget() {
        assert_eq!(budget_of(&json!({"thinking": {"type": "enabled", "budget_tokens": 1024}})), 1024);
        assert_eq!(budget_of(&json!({"reasoning_effort": "low"})), 0);
        let suite = json!({"max_tokens": 4000, "stop": ["x"], "temperature": 0.5});
        let params = params(suite.as_object().unwrap(), 16);
        assert_eq!(Value::Object(params), json!({"max_tokens": 16, "temperature": 0.5}));
    }
}
