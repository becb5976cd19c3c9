//! From a finished stream to an observation: identity, times, reply and cost put together.

use super::decode::Finished;
use super::issue::Ticket;
use crate::domain::Attempt;
use crate::domain::Basis;
use crate::domain::ConnTimes;
use crate::domain::Cost;
use crate::domain::Flag;
use crate::domain::JsonText;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::Outcome;
use crate::domain::Price;
use crate::domain::Reply;
use crate::domain::Usage;
use crate::domain::Usd;
use crate::provider::retry_after;

/// Headers that carry the provider's id of a request, most specific first.
const REQUEST_IDS: [&str; 5] = ["x-request-id", "request-id", "x-generation-id", "x-client-request-id", "cf-ray"];

/// The observation of a finished stream, and the ticket back.
pub fn observe(finished: Finished<Ticket>) -> (Observation, Ticket) {
    let Finished { ticket, ended, head, events, decoded } = finished;
    let mut reply = decoded.reply;
    let price = ticket.endpoint.price.as_deref();
    let cost = cost(price, reply.usage.as_ref(), decoded.outcome, ticket.body_bytes, &reply.text);
    if price_gap(ticket.endpoint.price.as_deref(), reply.usage.as_ref()) {
        reply.flags.push(Flag::PriceGap);
    }
    let request_id = head.as_ref().and_then(|h| {
        let find = |name: &&str| h.headers.iter().find(|(known, _)| known == *name).map(|(_, value)| value.clone());
        REQUEST_IDS.iter().find_map(find)
    });
    let observation = Observation {
        attempt: ticket.attempt.clone(),
        sent_mode: ticket.sent_mode.clone(),
        due: ticket.due,
        sent: ended.sent,
        written: ended.written,
        conn: ended.conn,
        status: head.as_ref().map(|h| h.status),
        headers: ended.headers,
        events,
        ended: ended.ended,
        reply,
        outcome: decoded.outcome,
        detail: decoded.detail,
        message: decoded.message,
        retry_after: decoded.retry_after,
        should_retry: head.as_ref().and_then(retry_after::advice),
        request_id,
        cost,
        recall: None,
    };
    (observation, ticket)
}

/// The observation of an arrival that was shed: nothing was sent, nothing was billed.
pub fn unsent(attempt: Attempt, due: Offset, now: Offset) -> Observation {
    Observation {
        attempt,
        sent_mode: JsonText::new(&serde_json::Value::Object(serde_json::Map::new())),
        due,
        sent: now,
        written: None,
        conn: ConnTimes::default(),
        status: None,
        headers: None,
        events: Vec::new(),
        ended: now,
        reply: Reply::default(),
        outcome: Outcome::Shed,
        detail: "max_outstanding".into(),
        message: "too many requests were outstanding when this one was due".into(),
        retry_after: None,
        should_retry: None,
        request_id: None,
        cost: Cost { usd: Some(Usd::ZERO), basis: Basis::Computed },
        recall: None,
    }
}

/// Billed beats computed beats estimated. An answer cut off carries no usage but is billed at most providers: what
/// was sent and received is booked, by the rule of thumb of four bytes to a token.
pub fn cost(price: Option<&Price>, usage: Option<&Usage>, outcome: Outcome, body_bytes: u64, text: &str) -> Cost {
    if let Some(billed) = usage.and_then(|u| u.billed) {
        return Cost { usd: Some(billed), basis: Basis::Billed };
    }
    let Some(price) = price else { return Cost::UNKNOWN };
    if let Some(usd) = usage.and_then(|u| price.of(u)) {
        return Cost { usd: Some(usd), basis: Basis::Computed };
    }
    let unbilled = matches!(
        outcome,
        Outcome::RateLimited | Outcome::QuotaExhausted | Outcome::HttpError | Outcome::ConnectError | Outcome::Shed
    );
    if unbilled {
        return Cost { usd: Some(Usd::ZERO), basis: Basis::Estimated };
    }
    let tokens = |bytes: u64| Some(bytes.div_ceil(4));
    let guess = Usage { input: tokens(body_bytes), output: tokens(text.len() as u64), ..Usage::default() };
    Cost { usd: price.of(&guess), basis: Basis::Estimated }
}

/// The provider billed over 1 % more or less than usage times price.
fn price_gap(price: Option<&Price>, usage: Option<&Usage>) -> bool {
    let (Some(price), Some(usage)) = (price, usage) else { return false };
    let (Some(billed), Some(computed)) = (usage.billed, price.of(usage)) else { return false };
    (billed.0 - computed.0).unsigned_abs() * 100 > computed.0.unsigned_abs()
}
