//! A reply under construction, and the rules by which it ends well or badly. Shared by all decoders.

use std::collections::BTreeMap;

use super::Decoded;
use super::End;
use super::Head;
use super::failure::Failure;
use super::retry_after;
use super::usage;
use crate::domain::Channel;
use crate::domain::Flag;
use crate::domain::Outcome;
use crate::domain::Reply;
use crate::domain::ToolCall;
use crate::domain::Usage;
use crate::domain::observation::split_thinking;
use crate::domain::observation::thinking_is_unclosed;
use crate::text::plain::one_line;

/// Where decoders write down what an event carries, with bytes of generated text.
pub(super) type Out = Vec<(Channel, u32)>;

/// How a terminal reason is to be read, whatever the protocol calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The model was done.
    Natural,
    /// A token limit.
    Limit,
    /// A tool is to be called.
    Tool,
    /// The model declined.
    Refused,
    /// The provider withheld the answer.
    Filtered,
    /// The server gave up.
    Error,
}

/// A reply under construction.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) reply: Reply,
    pub(super) tools: BTreeMap<u64, ToolCall>,
    pub(super) stop: Option<Stop>,
    pub(super) done: bool,
    /// An error object inside a response that began as a success.
    pub(super) failure: Option<Failure>,
    /// The protocol rule that was broken, and by what.
    pub(super) broken: Option<(&'static str, String)>,
    /// A whole body that is not an event stream, up to 64 KiB.
    body: Option<Vec<u8>>,
    n_events: u64,
    has_token: bool,
}

impl Draft {
    /// Counts an event; says whether anything may still be expected.
    pub(super) fn begin(&mut self) {
        self.n_events += 1;
    }

    /// Notes a fact once.
    pub(super) fn flag(&mut self, flag: Flag) {
        if !self.reply.flags.contains(&flag) {
            self.reply.flags.push(flag);
        }
    }

    /// Notes the first broken rule, with the raw event behind it.
    pub(super) fn broke(&mut self, rule: &'static str, raw: &str) {
        self.broken.get_or_insert_with(|| (rule, one_line(raw, 512)));
    }

    /// Generated text of a channel. Empty text carries no token.
    pub(super) fn add(&mut self, channel: Channel, text: &str, out: &mut Out) {
        if text.is_empty() {
            return;
        }
        match channel {
            Channel::Text => self.reply.text.push_str(text),
            Channel::Reasoning => self.reply.reasoning.push_str(text),
            Channel::Refusal => self.reply.refusal.push_str(text),
            _ => {}
        }
        self.token(channel, text.len(), out);
    }

    /// Generated material of `bytes` bytes that the caller has put in its place.
    pub(super) fn token(&mut self, channel: Channel, bytes: usize, out: &mut Out) {
        if self.stop.is_some() || self.done {
            self.flag(Flag::DataAfterTerminal);
        }
        self.has_token = true;
        out.push((channel, u32::try_from(bytes).unwrap_or(u32::MAX)));
    }

    /// A terminal reason; the first one holds.
    pub(super) fn stop(&mut self, reason: &str, stop: Stop, out: &mut Out) {
        out.push((Channel::Stop, 0));
        if self.stop.is_none() {
            self.stop = Some(stop);
            self.reply.finish_reason = Some(reason.to_owned());
        }
    }

    /// An error object; the first one holds.
    pub(super) fn fail(&mut self, failure: Failure, out: &mut Out) {
        out.push((Channel::Error, 0));
        self.failure.get_or_insert(failure);
    }

    /// A usage object; the last one holds.
    pub(super) fn usage(&mut self, (usage, flags): (Usage, Vec<Flag>), out: &mut Out) {
        out.push((Channel::Usage, 0));
        for flag in flags {
            self.flag(flag);
        }
        if self.reply.usage.as_ref().is_some_and(|before| usage::shrank(before, &usage)) {
            self.flag(Flag::UsageShrank);
        }
        self.reply.usage = Some(usage);
    }

    /// Keeps the beginning of a whole body, for the case that it makes no sense.
    pub(super) fn keep_body(&mut self, body: &[u8]) {
        self.body = Some(body[..body.len().min(64 << 10)].to_vec());
    }

    /// Generated material was seen.
    pub(super) fn has_token(&self) -> bool {
        self.has_token
    }

    /// The verdict. Nothing is a success without a terminal reason, without an error, and with a clean end.
    pub(super) fn finish(mut self, head: &Head, end: End) -> Decoded {
        self.reply.tool_calls = std::mem::take(&mut self.tools).into_values().collect();
        self.check_usage();
        let (outcome, detail, message) = self.verdict(head, end);
        let wait = self.failure.as_ref().and_then(|failure| failure.wait);
        let retry_after = if outcome.is_infra() { retry_after::wait(head, wait) } else { None };
        Decoded { reply: self.reply, outcome, detail, message, retry_after }
    }

    fn check_usage(&mut self) {
        let reply = &self.reply;
        let calls: usize = reply.tool_calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
        let visible = reply.text.len() + reply.reasoning.len() + reply.refusal.len() + calls;
        if self.reply.usage.as_mut().is_some_and(|usage| usage::drop_absurd(usage, visible as u64)) {
            self.flag(Flag::UsageDropped);
        }
    }

    fn verdict(&mut self, head: &Head, end: End) -> (Outcome, String, String) {
        if !(200..300).contains(&head.status) {
            return self.refused_by_server(head);
        }
        let body = self.body.is_some();
        if let Some(failure) = &self.failure {
            let (message, code) = (failure.message.clone(), one_line(&failure.code, 80));
            return if body {
                (failure.outcome(head.status), failure.detail(head.status), message)
            } else {
                (Outcome::StreamError, code, message)
            };
        }
        if head.content_type.starts_with("text/html") {
            return (Outcome::ProtocolError, "content_type".into(), self.raw());
        }
        if let Some((rule, raw)) = self.broken.take() {
            let cut = end == End::Cut && rule == "json" && body;
            return (if cut { Outcome::Truncated } else { Outcome::ProtocolError }, rule.into(), raw);
        }
        match end {
            End::Capped(cap) => return (Outcome::ProtocolError, cap.into(), "a size cap was reached".into()),
            End::Cut => {
                return (Outcome::Truncated, "connection".into(), "the connection closed inside the reply".into());
            }
            End::Clean => {}
        }
        match self.stop {
            None if self.n_events == 0 => {
                (Outcome::ProtocolError, "content_type".into(), "the body holds no event and no JSON".into())
            }
            None => (Outcome::Truncated, "no_terminal_reason".into(), "the stream ended without a reason".into()),
            Some(stop) => (self.complete(stop), String::new(), String::new()),
        }
    }

    fn raw(&self) -> String {
        one_line(&String::from_utf8_lossy(self.body.as_deref().unwrap_or_default()), 512)
    }

    /// A status other than success: the body says what it means.
    fn refused_by_server(&mut self, head: &Head) -> (Outcome, String, String) {
        let failure = self.failure.take().unwrap_or_else(|| {
            let mut read = Failure::of_body(self.body.as_deref().unwrap_or_default());
            if (300..400).contains(&head.status) {
                let to = head.headers.iter().find(|(name, _)| name == "location");
                let place = to.map_or("without a place", |(_, place)| place.as_str());
                read.message = format!("redirected to {}; redirects are never followed", one_line(place, 200));
            }
            read
        });
        let verdict = (failure.outcome(head.status), failure.detail(head.status), failure.message.clone());
        self.failure = Some(failure);
        verdict
    }

    /// The outcome of a reply that ended as it should.
    fn complete(&mut self, stop: Stop) -> Outcome {
        let answer_is_empty = split_thinking(&self.reply.text).0.trim().is_empty() && self.reply.tool_calls.is_empty();
        let cut_in_thought = thinking_is_unclosed(&self.reply.text);
        let outcome = match stop {
            Stop::Error => Outcome::StreamError,
            Stop::Filtered => Outcome::ContentFilter,
            Stop::Refused => Outcome::Refusal,
            _ if !self.reply.refusal.is_empty() => Outcome::Refusal,
            Stop::Limit => Outcome::Length,
            _ if cut_in_thought => Outcome::Length,
            Stop::Natural if self.reply.tool_calls.is_empty() => Outcome::Ok,
            // A forced call ends with `stop` at some servers.
            Stop::Natural | Stop::Tool => Outcome::ToolCalls,
        };
        match outcome {
            Outcome::Length if answer_is_empty => self.flag(Flag::EmptyAfterReasoning),
            Outcome::Ok if !self.has_token => self.flag(Flag::Empty),
            Outcome::ToolCalls if self.reply.tool_calls.is_empty() => self.flag(Flag::OddShape),
            _ => {}
        }
        if !self.done {
            self.flag(Flag::MissingDone);
        }
        outcome
    }
}
