//! The line of an observation: text once, arrivals as delta-encoded arrays.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use super::word::Json;
use super::word::channel;
use super::word::intern;
use super::word::letter;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::Basis;
use crate::domain::CellId;
use crate::domain::ConnTimes;
use crate::domain::Cost;
use crate::domain::Flag;
use crate::domain::Kept;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::Phase;
use crate::domain::Recall;
use crate::domain::Reply;
use crate::domain::TokenSource;
use crate::domain::ToolCall;
use crate::domain::TrialId;
use crate::domain::Usage;
use crate::domain::Usd;
use crate::domain::WireEvent;

/// Members of a line of kind `observed`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Observed<'a> {
    trial: u64,
    attempt: u16,
    turn: u16,
    last: bool,
    cell: u32,
    case: u32,
    repeat: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    warmup: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    asker: Option<Cow<'a, str>>,
    mode: Json,
    due: u64,
    sent: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    reused: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    http2: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    proxied: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tcp: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    headers: Option<u64>,
    ended: u64,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    detail: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    message: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    should_retry: Option<bool>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    request_id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost_pusd: Option<i64>,
    #[serde(borrow)]
    cost_basis: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    recall: Option<Recalled<'a>>,
    #[serde(borrow)]
    reply: Said<'a>,
    #[serde(borrow)]
    events: Arrivals<'a>,
}

/// The response cache's part: the key alone for an answer that was asked for, its origin for one that was kept.
#[derive(Debug, Serialize, Deserialize)]
struct Recalled<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    run: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unix_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    avoided_pusd: Option<i64>,
}

/// What a reply said; empty and absent members are left out.
#[derive(Debug, Serialize, Deserialize)]
struct Said<'a> {
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    text: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    reasoning: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    refusal: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    finish_reason: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<Tokens>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    provider: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    service_tier: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timings: Option<Json>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reasoning_field: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    flags: Vec<Cow<'a, str>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Cow<'a, str>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tokens {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cached: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_write: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    billed_pusd: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<Json>,
    by_provider: bool,
}

/// Events as parallel arrays. `at` and `read` hold differences to the event before, the first to `sent` and 0;
/// `channel` has a letter per event; `bytes` is as it is.
#[derive(Debug, Serialize, Deserialize)]
struct Arrivals<'a> {
    at: Vec<i64>,
    read: Vec<i32>,
    #[serde(borrow)]
    channel: Cow<'a, str>,
    bytes: Vec<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_false(value: &bool) -> bool {
    !value
}

impl<'a> From<&'a Observation> for Observed<'a> {
    fn from(seen: &'a Observation) -> Self {
        let attempt = &seen.attempt;
        Self {
            trial: attempt.trial.0,
            attempt: attempt.number,
            turn: attempt.turn,
            last: attempt.is_last,
            cell: attempt.cell.0,
            case: attempt.case,
            repeat: attempt.repeat,
            warmup: attempt.phase == Phase::Warmup,
            asker: match &attempt.asker {
                Asker::Subject => None,
                Asker::Grader(id) => Some(id.as_str().into()),
            },
            mode: Json(seen.sent_mode.clone()),
            due: seen.due.0,
            sent: seen.sent.0,
            written: seen.written.map(|at| at.0),
            reused: seen.conn.reused,
            http2: seen.conn.http2,
            proxied: seen.conn.proxied,
            dns: seen.conn.dns.map(|at| at.0),
            tcp: seen.conn.tcp.map(|at| at.0),
            tls: seen.conn.tls.map(|at| at.0),
            status: seen.status,
            headers: seen.headers.map(|at| at.0),
            ended: seen.ended.0,
            outcome: seen.outcome.name().into(),
            detail: seen.detail.as_str().into(),
            message: seen.message.as_str().into(),
            retry_after_ns: seen.retry_after.map(|wait| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)),
            should_retry: seen.should_retry,
            request_id: seen.request_id.as_deref().map(Cow::Borrowed),
            cost_pusd: seen.cost.usd.map(|usd| usd.0),
            cost_basis: seen.cost.basis.name().into(),
            recall: seen.recall.as_ref().map(Recalled::from),
            reply: Said::from(&seen.reply),
            events: Arrivals::new(&seen.events, seen.sent),
        }
    }
}

impl TryFrom<Observed<'_>> for Observation {
    type Error = String;

    fn try_from(line: Observed<'_>) -> Result<Self, String> {
        let sent = Offset(line.sent);
        Ok(Self {
            attempt: Attempt {
                trial: TrialId(line.trial),
                number: line.attempt,
                turn: line.turn,
                is_last: line.last,
                cell: CellId(line.cell),
                case: line.case,
                repeat: line.repeat,
                phase: if line.warmup { Phase::Warmup } else { Phase::Measure },
                asker: line.asker.map_or(Asker::Subject, |id| Asker::Grader((&*id).into())),
            },
            sent_mode: line.mode.0,
            due: Offset(line.due),
            sent,
            written: line.written.map(Offset),
            conn: ConnTimes {
                reused: line.reused,
                http2: line.http2,
                proxied: line.proxied,
                dns: line.dns.map(Offset),
                tcp: line.tcp.map(Offset),
                tls: line.tls.map(Offset),
            },
            status: line.status,
            headers: line.headers.map(Offset),
            events: line.events.events(sent)?,
            ended: Offset(line.ended),
            reply: line.reply.try_into()?,
            outcome: line.outcome.parse()?,
            detail: line.detail.into_owned(),
            message: line.message.into_owned(),
            retry_after: line.retry_after_ns.map(Duration::from_nanos),
            should_retry: line.should_retry,
            request_id: line.request_id.map(Cow::into_owned),
            cost: Cost { usd: line.cost_pusd.map(Usd), basis: basis(&line.cost_basis)? },
            recall: line.recall.map(Recall::from),
        })
    }
}

impl<'a> From<&'a Recall> for Recalled<'a> {
    fn from(recall: &'a Recall) -> Self {
        let kept = recall.kept.as_ref();
        Self {
            key: recall.key.as_str().into(),
            run: kept.map(|kept| kept.run.as_str().into()),
            unix_ms: kept.map(|kept| kept.unix_ms),
            avoided_pusd: kept.and_then(|kept| kept.avoided).map(|usd| usd.0),
        }
    }
}

impl From<Recalled<'_>> for Recall {
    fn from(line: Recalled<'_>) -> Self {
        let avoided = line.avoided_pusd.map(Usd);
        let unix_ms = line.unix_ms.unwrap_or_default();
        let kept = line.run.map(|run| Kept { run: run.into_owned(), unix_ms, avoided });
        Self { key: line.key.into_owned(), kept }
    }
}

impl<'a> From<&'a Reply> for Said<'a> {
    fn from(reply: &'a Reply) -> Self {
        let optional = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        Self {
            text: reply.text.as_str().into(),
            reasoning: reply.reasoning.as_str().into(),
            refusal: reply.refusal.as_str().into(),
            tool_calls: reply.tool_calls.iter().map(Call::from).collect(),
            finish_reason: optional(&reply.finish_reason),
            usage: reply.usage.as_ref().map(Tokens::from),
            id: optional(&reply.id),
            model: optional(&reply.model),
            provider: optional(&reply.provider),
            service_tier: optional(&reply.service_tier),
            fingerprint: optional(&reply.fingerprint),
            timings: reply.timings.clone().map(Json),
            reasoning_field: reply.reasoning_field.map(Cow::Borrowed),
            flags: reply.flags.iter().map(|flag| flag.name().into()).collect(),
        }
    }
}

impl TryFrom<Said<'_>> for Reply {
    type Error = String;

    fn try_from(said: Said<'_>) -> Result<Self, String> {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        Ok(Self {
            text: said.text.into_owned(),
            reasoning: said.reasoning.into_owned(),
            refusal: said.refusal.into_owned(),
            tool_calls: said.tool_calls.into_iter().map(ToolCall::from).collect(),
            finish_reason: owned(said.finish_reason),
            usage: said.usage.map(Usage::from),
            id: owned(said.id),
            model: owned(said.model),
            provider: owned(said.provider),
            service_tier: owned(said.service_tier),
            fingerprint: owned(said.fingerprint),
            timings: said.timings.map(|json| json.0),
            reasoning_field: said.reasoning_field.map(|name| intern(&name)),
            flags: said.flags.iter().map(|name| flag(name)).collect::<Result<_, _>>()?,
        })
    }
}

impl<'a> From<&'a ToolCall> for Call<'a> {
    fn from(call: &'a ToolCall) -> Self {
        Self { id: (&*call.id).into(), name: (&*call.name).into(), arguments: (&*call.arguments).into() }
    }
}

impl From<Call<'_>> for ToolCall {
    fn from(call: Call<'_>) -> Self {
        Self { id: call.id.into_owned(), name: call.name.into_owned(), arguments: call.arguments.into_owned() }
    }
}

impl From<&Usage> for Tokens {
    fn from(usage: &Usage) -> Self {
        Self {
            input: usage.input,
            cached: usage.cached,
            cache_write: usage.cache_write,
            output: usage.output,
            reasoning: usage.reasoning,
            billed_pusd: usage.billed.map(|usd| usd.0),
            raw: usage.raw.clone().map(Json),
            by_provider: usage.source == TokenSource::Provider,
        }
    }
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        Self {
            input: tokens.input,
            cached: tokens.cached,
            cache_write: tokens.cache_write,
            output: tokens.output,
            reasoning: tokens.reasoning,
            billed: tokens.billed_pusd.map(Usd),
            raw: tokens.raw.map(|json| json.0),
            source: if tokens.by_provider { TokenSource::Provider } else { TokenSource::Unknown },
        }
    }
}

impl Arrivals<'_> {
    fn new(events: &[WireEvent], sent: Offset) -> Self {
        let (mut at, mut read) = (sent.0, 0u32);
        let mut list = Self {
            at: Vec::with_capacity(events.len()),
            read: Vec::with_capacity(events.len()),
            channel: events.iter().map(|event| letter(event.channel)).collect(),
            bytes: events.iter().map(|event| event.bytes).collect(),
        };
        for event in events {
            // Differences wrap, so that any pair of values survives.
            list.at.push(event.at.0.wrapping_sub(at).cast_signed());
            list.read.push(event.read.wrapping_sub(read).cast_signed());
            (at, read) = (event.at.0, event.read);
        }
        list
    }

    fn events(&self, sent: Offset) -> Result<Vec<WireEvent>, String> {
        let n = self.at.len();
        if self.read.len() != n || self.bytes.len() != n || self.channel.len() != n {
            return Err("the arrays of events differ in length".into());
        }
        let (mut at, mut read) = (sent.0, 0u32);
        let mut events = Vec::with_capacity(n);
        for (((dt, dr), bytes), code) in self.at.iter().zip(&self.read).zip(&self.bytes).zip(self.channel.chars()) {
            at = at.wrapping_add(dt.cast_unsigned());
            read = read.wrapping_add(dr.cast_unsigned());
            events.push(WireEvent { at: Offset(at), read, channel: channel(code)?, bytes: *bytes });
        }
        Ok(events)
    }
}

fn basis(name: &str) -> Result<Basis, String> {
    let all = [Basis::Billed, Basis::Computed, Basis::Estimated, Basis::Unknown];
    all.into_iter().find(|basis| basis.name() == name).ok_or_else(|| format!("`{name}` is no cost basis"))
}

fn flag(name: &str) -> Result<Flag, String> {
    Flag::ALL.into_iter().find(|flag| flag.name() == name).ok_or_else(|| format!("`{name}` is no flag"))
}
