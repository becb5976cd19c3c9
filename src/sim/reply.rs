//! A reply planned before its first byte: what is said, what it bills, and at which time each piece leaves.

use std::ops::Range;
use std::time::Duration;

use super::ask::Ask;
use super::ask::Protocol;
use super::fault::Fault;
use super::fault::Kind;
use super::profile::Effort;
use super::profile::Model;
use super::profile::ReasoningField;
use super::skills::Answer;
use super::skills::Call;
use super::tokens;
use crate::domain::Usage;
use crate::domain::Usd;
use crate::domain::random::Stream;

/// Why a reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
    Refusal,
}

/// A piece of a streamed reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// The first event, without a token.
    Open,
    /// Bytes of the reasoning.
    Reasoning(Range<usize>),
    /// Bytes of the answer.
    Text(Range<usize>),
    /// A tool call's name.
    CallOpen(usize),
    /// Bytes of a tool call's arguments.
    CallArguments(usize, Range<usize>),
    /// The finish reason.
    Close,
    /// Usage; `false` states half of the generated tokens, as an interim count does.
    Usage(bool),
    /// The terminator.
    Done,
    /// An error object.
    Error,
    /// A data line that is no JSON.
    Broken,
    /// The connection ends, or falls silent, in this way.
    Halt(Kind),
}

/// A piece and when it is due after the slot was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) at: Duration,
    pub(super) piece: Piece,
    /// Tokens that it carries.
    pub(super) tokens: u32,
}

/// Token counts of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Billed {
    pub(super) input: usize,
    pub(super) cached: usize,
    pub(super) output: usize,
    pub(super) reasoning: usize,
}

/// A reply.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: String,
    pub(super) model: String,
    /// Seconds since 1970.
    pub(super) created: u64,
    pub(super) reasoning: String,
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    pub(super) finish: Finish,
    pub(super) billed: Billed,
    /// The cost, where replies state it.
    pub(super) cost: Option<Usd>,
    pub(super) field: ReasoningField,
    /// A stream states usage.
    pub(super) usage: bool,
    pub(super) beats: Vec<Beat>,
}

/// What a reply is made from.
pub(super) struct Plan<'a> {
    pub(super) ask: &'a Ask,
    pub(super) model: &'a Model,
    pub(super) effort: Option<&'a Effort>,
    pub(super) fault: Option<&'a Fault>,
    /// Prompt tokens from the cache.
    pub(super) cached: usize,
    /// Factor on all times.
    pub(super) stretch: f64,
    pub(super) id: String,
    pub(super) created: u64,
}

impl Plan<'_> {
    /// Plans the reply that says `answer`.
    pub(super) fn reply(self, answer: Answer, stream: &mut Stream) -> Reply {
        let mut reply = self.compose(answer, stream);
        let input = self.ask.prompt_tokens();
        reply.billed.input = input;
        reply.billed.cached = self.cached.min(input);
        reply.cost = self.model.price.filter(|_| self.model.bill).and_then(|t| t.price().of(&reply.billed.usage()));
        reply.beats = self.schedule(&reply, stream);
        self.spoil(&mut reply);
        reply
    }

    fn is(&self, kind: Kind) -> bool {
        self.fault.is_some_and(|fault| fault.kind == kind)
    }

    /// Says what the answer says, within the token limit.
    fn compose(&self, answer: Answer, stream: &mut Stream) -> Reply {
        let wanted = self.effort.map_or(0, |effort| effort.reasoning.sample(stream));
        let wanted = self.ask.marks.reasoning.unwrap_or(wanted);
        let mut left = self.ask.max_tokens.unwrap_or(usize::MAX);
        if self.is(Kind::EmptyLength) {
            left = wanted.max(4).min(left);
        }
        let n_reasoning = if self.is(Kind::EmptyLength) { left } else { wanted.min(left) };
        left -= n_reasoning;
        let (said, stopped) = stop_at(answer.text, &self.ask.stop);
        let text = if self.is(Kind::EmptyReply) { String::new() } else { first_tokens(&said, left) };
        left -= tokens::count(&text);
        let calls = if stopped { Vec::new() } else { cut_calls(answer.calls, left) };
        let n_calls: usize = calls.iter().map(call_tokens).sum();
        let cut = n_reasoning < wanted || text.len() < said.len() && !self.is(Kind::EmptyReply) || n_calls > left;
        Reply {
            id: self.id.clone(),
            model: self.model.id.clone(),
            created: self.created,
            reasoning: musing(n_reasoning),
            billed: Billed {
                output: n_reasoning + tokens::count(&text) + n_calls,
                reasoning: n_reasoning,
                ..Billed::default()
            },
            finish: self.finish(cut, !calls.is_empty()),
            text,
            calls,
            cost: None,
            field: self.model.reasoning_field,
            usage: self.ask.usage && !self.is(Kind::NoUsage),
            beats: Vec::new(),
        }
    }

    fn finish(&self, cut: bool, calls: bool) -> Finish {
        match self.fault.map(|fault| fault.kind) {
            Some(Kind::ContentFilter) => Finish::ContentFilter,
            Some(Kind::Refusal) => Finish::Refusal,
            Some(Kind::EmptyLength) => Finish::Length,
            _ if cut => Finish::Length,
            _ if calls => Finish::ToolCalls,
            _ => Finish::Stop,
        }
    }

    /// Gives each piece its time.
    fn schedule(&self, reply: &Reply, stream: &mut Stream) -> Vec<Beat> {
        let mut pen = Pen { beats: Vec::new(), at: self.first(reply, stream) };
        let opens = if self.is(Kind::RoleFirst) { pen.at / 10 } else { pen.at };
        pen.beats.push(Beat { at: opens, piece: Piece::Open, tokens: 0 });
        let mut clock = Gaps { plan: self, stream, started: false };
        if reply.field == ReasoningField::Hidden && self.ask.protocol == Protocol::Chat {
            for _ in tokens::split(&reply.reasoning) {
                pen.at += clock.next();
            }
        } else {
            pen.write(&reply.reasoning, &mut clock, Piece::Reasoning);
        }
        pen.write(&reply.text, &mut clock, Piece::Text);
        for (n, call) in reply.calls.iter().enumerate() {
            pen.at += clock.next();
            pen.push(Piece::CallOpen(n), tokens::count(&call.name) as u32);
            pen.write(&call.arguments, &mut clock, |range| Piece::CallArguments(n, range));
        }
        pen.push(Piece::Close, 0);
        if reply.usage {
            if self.is(Kind::DoubleUsage) {
                pen.push(Piece::Usage(false), 0);
            }
            pen.push(Piece::Usage(true), 0);
        }
        if !self.is(Kind::NoDone) {
            pen.push(Piece::Done, 0);
        }
        pen.beats
    }

    fn first(&self, reply: &Reply, stream: &mut Stream) -> Duration {
        if let Some(exact) = self.ask.marks.ttft {
            return exact;
        }
        let own = self.effort.and_then(|effort| effort.ttft.as_ref()).unwrap_or(&self.model.ttft);
        let fresh = (reply.billed.input - reply.billed.cached) as u32;
        (own.sample(stream) + self.model.prefill.0 * fresh).mul_f64(self.stretch)
    }

    /// Puts a fault that happens inside the stream in its place.
    fn spoil(&self, reply: &mut Reply) {
        let Some(fault) = self.fault else { return };
        let at = |beats: &[Beat]| {
            let mut left = fault.after + 1;
            let over = |beat: &Beat| {
                left -= usize::from(beat.tokens > 0).min(left);
                left == 0 || beat.piece == Piece::Close
            };
            beats.iter().position(over).unwrap_or(beats.len())
        };
        let spot = at(&reply.beats);
        let due = reply.beats.get(spot).or(reply.beats.last()).map_or(Duration::ZERO, |beat| beat.at);
        let beat = |piece| Beat { at: due, piece, tokens: 0 };
        match fault.kind {
            Kind::ErrorMid => {
                reply.beats.truncate(spot);
                reply.beats.push(beat(Piece::Error));
            }
            Kind::ErrorMidDone => {
                reply.beats.truncate(spot);
                reply.beats.extend([beat(Piece::Error), beat(Piece::Done)]);
            }
            Kind::Truncated => reply.beats.truncate(spot),
            kind @ (Kind::Cut | Kind::Reset | Kind::Hang) => {
                reply.beats.truncate(spot);
                reply.beats.push(beat(Piece::Halt(kind)));
            }
            Kind::HangAfterHead => reply.beats = vec![beat(Piece::Halt(Kind::Hang))],
            Kind::BadJson => reply.beats.insert(spot, beat(Piece::Broken)),
            _ => {}
        }
    }
}

impl Billed {
    /// As the harness's own usage.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            input: Some(self.input as u64),
            cached: Some(self.cached as u64),
            output: Some(self.output as u64),
            reasoning: Some(self.reasoning as u64),
            ..Usage::default()
        }
    }
}

impl Reply {
    /// When the whole reply is generated.
    pub(super) fn duration(&self) -> Duration {
        self.beats.last().map_or(Duration::ZERO, |beat| beat.at)
    }
}

/// Draws the gaps between events; the first event needs none.
struct Gaps<'a, 'b> {
    plan: &'a Plan<'a>,
    stream: &'b mut Stream,
    started: bool,
}

impl Gaps<'_, '_> {
    fn next(&mut self) -> Duration {
        if !self.started {
            self.started = true;
            return Duration::ZERO;
        }
        if let Some(exact) = self.plan.ask.marks.gap {
            return exact;
        }
        let own = self.plan.effort.and_then(|effort| effort.gap.as_ref()).unwrap_or(&self.plan.model.gap);
        own.sample(self.stream).mul_f64(self.plan.stretch)
    }

    fn tokens(&mut self) -> usize {
        self.plan.model.tokens_per_event.sample(self.stream).max(1)
    }
}

/// Writes beats at a time that only advances.
struct Pen {
    beats: Vec<Beat>,
    at: Duration,
}

impl Pen {
    fn push(&mut self, piece: Piece, tokens: u32) {
        self.beats.push(Beat { at: self.at, piece, tokens });
    }

    /// Cuts `text` into events of as many tokens as the profile draws.
    fn write(&mut self, text: &str, gaps: &mut Gaps<'_, '_>, piece: impl Fn(Range<usize>) -> Piece) {
        let mut parts = tokens::split(text);
        let mut from = 0;
        loop {
            let n = gaps.tokens();
            let lengths: Vec<usize> = parts.by_ref().take(n).map(str::len).collect();
            if lengths.is_empty() {
                return;
            }
            let to = from + lengths.iter().sum::<usize>();
            self.at += gaps.next();
            self.push(piece(from..to), lengths.len() as u32);
            from = to;
        }
    }
}

fn first_tokens(text: &str, n: usize) -> String {
    tokens::split(text).take(n).collect()
}

fn stop_at(text: String, stops: &[String]) -> (String, bool) {
    let at = stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop)).min();
    match at {
        Some(at) => (text[..at].to_owned(), true),
        None => (text, false),
    }
}

fn call_tokens(call: &Call) -> usize {
    tokens::count(&call.name) + tokens::count(&call.arguments)
}

fn cut_calls(calls: Vec<Call>, left: usize) -> Vec<Call> {
    let mut left = left;
    let mut kept = Vec::new();
    for mut call in calls {
        let name = tokens::count(&call.name);
        if left <= name {
            break;
        }
        call.arguments = first_tokens(&call.arguments, left - name);
        left -= call_tokens(&call);
        kept.push(call);
    }
    kept
}

const MUSING: &str = " Let me look at what is asked, take it apart step by step, check each step, and compare the \
                      result with the question once more before I answer.";

/// Reasoning of exactly `n` tokens.
fn musing(n: usize) -> String {
    let cycle: Vec<&str> = tokens::split(MUSING).collect();
    let text: String = cycle.iter().cycle().take(n).copied().collect();
    debug_assert_eq!(tokens::count(&text), n, "a prefix of a cycle of tokens has as many tokens");
    text
}
