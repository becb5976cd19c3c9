//! One attempt, as it happened. Nothing here is derived.

use std::time::Duration;

use super::Answer;
use super::CellId;
use super::GraderId;
use super::JsonText;
use super::Offset;
use super::Outcome;
use super::Recall;
use super::ToolCall;
use super::TrialId;
use super::Usage;

/// Whether an attempt warms up or counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Measured apart, never mixed in.
    Warmup,
    /// Counts.
    Measure,
}

/// On whose behalf a request is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Asker {
    /// The model under test.
    Subject,
    /// A judge or embedding model, asked by this grader about the trial.
    Grader(GraderId),
}

/// Which attempt of which trial.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The trial.
    pub trial: TrialId,
    /// From 1; counts every request of the trial, over turns and retries.
    pub number: u16,
    /// From 1: which turn of the conversation this request makes.
    pub turn: u16,
    /// No further attempt of this trial follows: this one's outcome is the trial's.
    pub is_last: bool,
    /// The cell that the trial belongs to.
    pub cell: CellId,
    /// Position in the manifest's case table.
    pub case: u32,
    /// Repeat, from 0.
    pub repeat: u32,
    /// Warm-up or measured.
    pub phase: Phase,
    /// The model under test, or a grader's helper.
    pub asker: Asker,
}

/// The step of a request that a timeout or connection error happened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Name resolution.
    Dns,
    /// TCP connection.
    Tcp,
    /// A proxy's consent.
    Proxy,
    /// TLS handshake.
    Tls,
    /// From sending to the first generated token.
    FirstToken,
    /// Between two reads.
    Idle,
    /// The whole attempt.
    Total,
}

impl Stage {
    /// A short name for messages and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::FirstToken => "first_token",
            Self::Idle => "idle",
            Self::Total => "total",
        }
    }
}

/// How the connection of an attempt came to be. Offsets are absent for phases that did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnTimes {
    /// The connection had served a request before.
    pub reused: bool,
    /// It speaks HTTP/2 rather than HTTP/1.1.
    pub http2: bool,
    /// It leads through a proxy.
    pub proxied: bool,
    /// Name resolution finished.
    pub dns: Option<Offset>,
    /// TCP connection established.
    pub tcp: Option<Offset>,
    /// TLS handshake finished.
    pub tls: Option<Offset>,
}

/// What an event carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// A role, an empty delta, a block boundary: no generated material.
    Role,
    /// Reasoning text.
    Reasoning,
    /// Answer text.
    Text,
    /// Refusal text.
    Refusal,
    /// A tool call's name or arguments.
    Tool,
    /// Token counts.
    Usage,
    /// A terminal reason.
    Stop,
    /// A ping or comment.
    Ping,
    /// An error object.
    Error,
    /// `[DONE]`, `message_stop`, `response.completed`.
    Done,
}

impl Channel {
    /// The event carries generated material and so ends TTFT.
    pub fn is_generated(self) -> bool {
        matches!(self, Self::Reasoning | Self::Text | Self::Refusal | Self::Tool)
    }

    /// The event carries material of the answer and so ends TTFA.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Text | Self::Tool)
    }
}

/// One decoded piece of a response and when its bytes arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireEvent {
    /// When the read that completed it returned.
    pub at: Offset,
    /// Number of that read; events of equal `read` arrived together.
    pub read: u32,
    /// What it carries.
    pub channel: Channel,
    /// Bytes of generated text it added to its channel.
    pub bytes: u32,
}

/// A fact about an attempt worth a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// A success without any token.
    Empty,
    /// The token limit was spent on reasoning.
    EmptyAfterReasoning,
    /// No `[DONE]` or equivalent.
    MissingDone,
    /// The last event lacked its blank line.
    MissingFinalBlank,
    /// Content after the terminal reason.
    DataAfterTerminal,
    /// The answer came as one JSON body although a stream was asked for.
    NotStreamed,
    /// A count was not an integer but could be read as one.
    UsageCoerced,
    /// A count was absurd and was dropped.
    UsageDropped,
    /// A later usage object was smaller than an earlier one.
    UsageShrank,
    /// Invalid UTF-8 or a lone surrogate was replaced.
    Repaired,
    /// A field came in an unexpected type and was skipped.
    OddShape,
    /// A gap in sequence numbers or block indices.
    Gap,
    /// A cost was billed that differs from the computed one by over 1 %.
    PriceGap,
}

impl Flag {
    /// Every flag.
    pub const ALL: [Self; 13] = [
        Self::Empty,
        Self::EmptyAfterReasoning,
        Self::MissingDone,
        Self::MissingFinalBlank,
        Self::DataAfterTerminal,
        Self::NotStreamed,
        Self::UsageCoerced,
        Self::UsageDropped,
        Self::UsageShrank,
        Self::Repaired,
        Self::OddShape,
        Self::Gap,
        Self::PriceGap,
    ];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::EmptyAfterReasoning => "empty_after_reasoning",
            Self::MissingDone => "missing_done",
            Self::MissingFinalBlank => "missing_final_blank",
            Self::DataAfterTerminal => "data_after_terminal",
            Self::NotStreamed => "not_streamed",
            Self::UsageCoerced => "usage_coerced",
            Self::UsageDropped => "usage_dropped",
            Self::UsageShrank => "usage_shrank",
            Self::Repaired => "repaired",
            Self::OddShape => "odd_shape",
            Self::Gap => "gap",
            Self::PriceGap => "price_gap",
        }
    }
}

/// What a response said, decoded: everything but its times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// Answer text as sent, `<think>` blocks included.
    pub text: String,
    /// Reasoning text of its own channel.
    pub reasoning: String,
    /// Refusal text.
    pub refusal: String,
    /// Tool calls in the order of their index.
    pub tool_calls: Vec<ToolCall>,
    /// The provider's terminal reason, verbatim.
    pub finish_reason: Option<String>,
    /// The last usage, normalised.
    pub usage: Option<Usage>,
    /// The reply's own id.
    pub id: Option<String>,
    /// The model that says it answered.
    pub model: Option<String>,
    /// The host behind a gateway, where it says so.
    pub provider: Option<String>,
    /// The service tier actually used.
    pub service_tier: Option<String>,
    /// The backend's configuration, where it says so.
    pub fingerprint: Option<String>,
    /// Server-side timings, verbatim, where the server sends them.
    pub timings: Option<JsonText>,
    /// Name of the field that carried reasoning, such as `reasoning_content`.
    pub reasoning_field: Option<&'static str>,
    /// Facts worth a warning.
    pub flags: Vec<Flag>,
}

/// One attempt, as it happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Which attempt of which trial.
    pub attempt: Attempt,
    /// The merge patch that the mode added to the request.
    pub sent_mode: JsonText,
    /// The planned time in open loop; the moment the slot was free in closed loop.
    pub due: Offset,
    /// Handed to the transport.
    pub sent: Offset,
    /// Last byte of the request written.
    pub written: Option<Offset>,
    /// How the connection came to be.
    pub conn: ConnTimes,
    /// HTTP status.
    pub status: Option<u16>,
    /// Response headers complete.
    pub headers: Option<Offset>,
    /// Decoded events in order of arrival.
    pub events: Vec<WireEvent>,
    /// The attempt was over.
    pub ended: Offset,
    /// What the response said.
    pub reply: Reply,
    /// How it ended.
    pub outcome: Outcome,
    /// A detail of the outcome: the rule broken, the timer that fired, the provider's code.
    pub detail: String,
    /// The provider's message, redacted and bounded.
    pub message: String,
    /// How long the provider asked to wait.
    pub retry_after: Option<Duration>,
    /// Whether the provider wants the request repeated (`x-should-retry`); `None` where it does not say.
    pub should_retry: Option<bool>,
    /// The provider's request id.
    pub request_id: Option<String>,
    /// Cost by the price in force when it ran; `recost` may find another.
    pub cost: super::Cost,
    /// What the response cache had to do with it; `None` where none was asked.
    pub recall: Option<Recall>,
}

impl Observation {
    /// The answer was kept from an earlier request: nothing was sent, and there are no times.
    pub fn is_recalled(&self) -> bool {
        self.recall.as_ref().is_some_and(|recall| recall.kept.is_some())
    }

    /// Arrival of the first event that satisfies `wanted`.
    fn first(&self, wanted: impl Fn(Channel) -> bool) -> Option<Offset> {
        self.events.iter().find(|event| wanted(event.channel)).map(|event| event.at)
    }

    /// Milliseconds from `due` to the first generated token of any channel.
    ///
    /// Measured from `due`, not `sent`: the wait in our own queue counts. `None` when no token arrived or the
    /// reply was not streamed; the caller must count such trials, not drop them.
    pub fn ttft_ms(&self) -> Option<f64> {
        self.streamed()?;
        self.first(Channel::is_generated)?.ms_since(self.due)
    }

    /// Milliseconds from `due` to the first token of the answer (text or tool call).
    pub fn ttfa_ms(&self) -> Option<f64> {
        self.streamed()?;
        self.first(Channel::is_answer)?.ms_since(self.due)
    }

    /// Milliseconds from `due` to the last token-bearing event.
    pub fn e2e_ms(&self) -> Option<f64> {
        self.last_token()?.ms_since(self.due)
    }

    /// Arrival of the first generated token.
    pub fn first_token(&self) -> Option<Offset> {
        self.first(Channel::is_generated)
    }

    /// Arrival of the last generated token.
    pub fn last_token(&self) -> Option<Offset> {
        self.events.iter().rev().find(|event| event.channel.is_generated()).map(|event| event.at)
    }

    fn streamed(&self) -> Option<()> {
        (!self.reply.flags.contains(&Flag::NotStreamed)).then_some(())
    }

    /// Graders judge it: a measured trial that ended with an answer. Trouble on the path is never graded, nor is an
    /// answer that ran out of tokens before it began.
    pub fn is_graded(&self) -> bool {
        if self.attempt.phase == Phase::Warmup || self.outcome.is_infra() {
            return false;
        }
        let unbegun = |answer: Answer| answer.text.is_empty() && answer.tool_calls.is_empty();
        self.outcome != Outcome::Length || !unbegun(self.answer())
    }

    /// What graders see: reasoning and `<think>` blocks apart from the answer.
    pub fn answer(&self) -> Answer {
        let (text, inline) = split_thinking(&self.reply.text);
        let reasoning = [self.reply.reasoning.as_str(), inline.as_str()].concat();
        Answer {
            text,
            reasoning,
            tool_calls: self.reply.tool_calls.clone(),
            finish_reason: self.reply.finish_reason.clone(),
            outcome: Some(self.outcome),
            usage: self.reply.usage.clone().unwrap_or_default(),
            ttft_ms: self.ttft_ms(),
            e2e_ms: self.e2e_ms(),
            // What the answer costs is what it cost when it was made.
            cost: self
                .recall
                .as_ref()
                .and_then(|recall| recall.kept.as_ref())
                .map_or(self.cost.usd, |kept| kept.avoided),
        }
    }
}

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Splits text into the answer and the content of its `<think>` blocks; an unclosed block reaches to the end.
///
/// Some templates open the block inside the prompt, so that only `</think>` is generated: then all before the
/// first closing tag is reasoning.
pub fn split_thinking(text: &str) -> (String, String) {
    let (mut answer, mut thinking) = (String::new(), String::new());
    let mut rest = text;
    if let Some(close) = rest.find(CLOSE)
        && rest.find(OPEN).is_none_or(|open| open > close)
    {
        thinking.push_str(&rest[..close]);
        rest = &rest[close + CLOSE.len()..];
    }
    while let Some(open) = rest.find(OPEN) {
        answer.push_str(&rest[..open]);
        let inside = &rest[open + OPEN.len()..];
        let end = inside.find(CLOSE);
        thinking.push_str(&inside[..end.unwrap_or(inside.len())]);
        rest = end.map_or("", |end| &inside[end + CLOSE.len()..]);
    }
    answer.push_str(rest);
    let answer = if thinking.is_empty() { answer } else { answer.trim_start().to_owned() };
    (answer, thinking)
}

/// Where the answer begins in a text that may think aloud: the first byte behind leading `<think>` blocks; `None` where
/// nothing follows them.
pub fn answer_start(text: &str) -> Option<usize> {
    let unopened = text.find(CLOSE).filter(|close| text.find(OPEN).is_none_or(|open| open > *close));
    let mut at = unopened.map_or(0, |close| close + CLOSE.len());
    while let Some(inside) = text[at..].trim_start().strip_prefix(OPEN) {
        let end = inside.find(CLOSE)?;
        at = text.len() - inside.len() + end + CLOSE.len();
    }
    if at == 0 {
        return Some(0);
    }
    let answer = text[at..].trim_start();
    (!answer.is_empty()).then(|| text.len() - answer.len())
}

/// Whether a `<think>` block was opened and never closed: the model was cut off before it began to answer.
pub fn thinking_is_unclosed(text: &str) -> bool {
    text.rfind(OPEN).is_some_and(|open| !text[open..].contains(CLOSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_split_from_the_answer() {
        let rows = [
            ("42", "42", ""),
            ("<think>hm</think>\n42", "42", "hm"),
            ("hm</think>42", "42", "hm"),
            ("<think>never", "", "never"),
            ("a <think>b</think>c<think>d</think>e", "a ce", "bd"),
        ];
        for (text, answer, thinking) in rows {
            assert_eq!(split_thinking(text), (answer.to_owned(), thinking.to_owned()), "{text}");
        }
        let starts = [
            ("42", Some(0)),
            (" 42", Some(0)),
            ("", Some(0)),
            ("<think>hm</think>\n42", Some(18)),
            ("hm</think> 42", Some(11)),
        ];
        for (text, start) in starts {
            assert_eq!(answer_start(text), start, "{text}");
        }
        assert_eq!(
            answer_start("<think>a</think> <think>b</think>4").map(|at| &"<think>a</think> <think>b</think>4"[at..]),
            Some("4")
        );
        assert_eq!((answer_start("<think>never"), answer_start("<think>hm</think>\n")), (None, None));
        assert!(thinking_is_unclosed("<think>never"));
        assert!(!thinking_is_unclosed("<think>x</think>y"));
    }
}
