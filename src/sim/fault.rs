//! What can go wrong on purpose: the kinds of faults, the rules that bring them about, and markers in a prompt.
//!
//! A profile lists rules; a prompt may ask for a fault itself, which no client can tell from an ordinary prompt:
//!
//! ```yaml
//! faults:
//!   - {fault: 429, retry_after: 1, probability: 0.05}
//!   - {fault: reset, after: 5, every: 100}          # after five tokens, on every hundredth request
//!   - {fault: 503, requests: [1, 2]}                # on the first two requests
//! ```
//!
//! `[[sim:fault=429,retry_after=2,times=1]]` in a user message: the first request with this very prompt gets a 429.
//! `[[sim:tokens=64,ttft=50ms,gap=5ms,reasoning=10]]`: an answer of 64 tokens at a known pace.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::random::Stream;
use crate::text::nearest;
use crate::text::parse_duration;

/// A kind of fault, or of an unusual but legal reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// This HTTP status with the protocol's own error body; 429 and 503 carry Retry-After.
    Status(u16),
    /// 429 that waiting does not heal.
    Quota,
    /// A web page with status 200.
    Html,
    /// A web page with status 502.
    Html502,
    /// Status 307 to another place.
    Redirect,
    /// Status 200 with an error object as JSON body.
    ErrorBody,
    /// Status 200 with `{"status":"error","messege":..}`.
    StatusBody,
    /// Status 200 and no body at all.
    EmptyBody,
    /// An error object inside the stream, which then ends.
    ErrorMid,
    /// An error object inside the stream, then the ordinary terminator.
    ErrorMidDone,
    /// A FIN inside an HTTP chunk.
    Cut,
    /// A clean end of the HTTP body before any finish reason.
    Truncated,
    /// A RST inside the stream.
    Reset,
    /// A RST before the response's head.
    ResetBefore,
    /// A FIN before the response's head.
    CloseBefore,
    /// Silence inside the stream, for ever.
    Hang,
    /// Silence before the response's head, for ever.
    HangBefore,
    /// The head, then silence for ever.
    HangAfterHead,
    /// No usage although asked.
    NoUsage,
    /// Usage twice, the last one right.
    DoubleUsage,
    /// Writes that end inside UTF-8 characters.
    SplitUtf8,
    /// CRLF line ends in the stream.
    Crlf,
    /// CR line ends in the stream.
    Cr,
    /// One byte per write.
    SlowBytes,
    /// The role delta long before the first token.
    RoleFirst,
    /// No `[DONE]`, no `message_stop`.
    NoDone,
    /// The terminator without its final blank line.
    NoBlank,
    /// A complete reply without any token.
    EmptyReply,
    /// All events in one write.
    Burst,
    /// A byte order mark at the start of the stream.
    Bom,
    /// Comment lines and pings between events.
    Comments,
    /// A whole JSON reply although a stream was asked.
    NotStreamed,
    /// A body that ends with the connection instead of chunks.
    UntilClose,
    /// A data line that is no JSON.
    BadJson,
    /// The reply ends in `content_filter`.
    ContentFilter,
    /// The reply is a refusal.
    Refusal,
    /// The token limit is spent on reasoning: `length` with an empty answer.
    EmptyLength,
}

const KINDS: &[(&str, Kind)] = &[
    ("400", Kind::Status(400)),
    ("401", Kind::Status(401)),
    ("402", Kind::Status(402)),
    ("403", Kind::Status(403)),
    ("404", Kind::Status(404)),
    ("408", Kind::Status(408)),
    ("409", Kind::Status(409)),
    ("413", Kind::Status(413)),
    ("429", Kind::Status(429)),
    ("500", Kind::Status(500)),
    ("502", Kind::Status(502)),
    ("503", Kind::Status(503)),
    ("504", Kind::Status(504)),
    ("529", Kind::Status(529)),
    ("quota", Kind::Quota),
    ("html", Kind::Html),
    ("html_502", Kind::Html502),
    ("redirect", Kind::Redirect),
    ("error_body", Kind::ErrorBody),
    ("status_body", Kind::StatusBody),
    ("empty_body", Kind::EmptyBody),
    ("error_mid", Kind::ErrorMid),
    ("error_mid_done", Kind::ErrorMidDone),
    ("cut", Kind::Cut),
    ("truncated", Kind::Truncated),
    ("reset", Kind::Reset),
    ("reset_before", Kind::ResetBefore),
    ("close_before", Kind::CloseBefore),
    ("hang", Kind::Hang),
    ("hang_before", Kind::HangBefore),
    ("hang_after_head", Kind::HangAfterHead),
    ("no_usage", Kind::NoUsage),
    ("double_usage", Kind::DoubleUsage),
    ("split_utf8", Kind::SplitUtf8),
    ("crlf", Kind::Crlf),
    ("cr", Kind::Cr),
    ("slow_bytes", Kind::SlowBytes),
    ("role_first", Kind::RoleFirst),
    ("no_done", Kind::NoDone),
    ("no_blank", Kind::NoBlank),
    ("empty_reply", Kind::EmptyReply),
    ("burst", Kind::Burst),
    ("bom", Kind::Bom),
    ("comments", Kind::Comments),
    ("not_streamed", Kind::NotStreamed),
    ("until_close", Kind::UntilClose),
    ("bad_json", Kind::BadJson),
    ("content_filter", Kind::ContentFilter),
    ("refusal", Kind::Refusal),
    ("empty_length", Kind::EmptyLength),
];

impl Kind {
    /// The kind of this name.
    ///
    /// # Errors
    /// A sentence with the nearest known name.
    pub fn parse(name: &str) -> Result<Self, String> {
        if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == name) {
            return Ok(*kind);
        }
        let hint = nearest(name, Self::names()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Err(format!("`{name}` is no fault of the simulator{hint}"))
    }

    /// All names, as profiles and markers write them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(name, _)| *name)
    }

    /// The name of this kind.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("status", |(name, _)| name)
    }
}

impl TryFrom<Value> for Kind {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::String(name) => Self::parse(&name),
            other => Self::parse(&other.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A fault with its details.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    /// Value of the Retry-After header, verbatim: seconds, a fraction, a date or nonsense.
    pub retry_after: Option<String>,
    /// Tokens that are sent before a fault inside the stream.
    pub after: usize,
}

impl Fault {
    /// A fault without details: inside the stream it comes after three tokens.
    pub fn new(kind: Kind) -> Self {
        Self { kind, retry_after: None, after: 3 }
    }
}

/// When a fault of a profile happens. Without a condition: always.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    fault: Kind,
    #[serde(default)]
    retry_after: Option<Value>,
    #[serde(default)]
    after: Option<usize>,
    #[serde(default)]
    probability: Option<f64>,
    #[serde(default)]
    every: Option<u64>,
    #[serde(default)]
    requests: Option<Vec<u64>>,
}

impl Rule {
    /// The fault, if it befalls the request of this number (from 1).
    pub(super) fn strike(&self, number: u64, stream: &mut Stream) -> Option<Fault> {
        let listed = self.requests.as_ref().is_none_or(|numbers| numbers.contains(&number));
        let due = self.every.is_none_or(|every| every > 0 && number.is_multiple_of(every));
        let drawn = self.probability.is_none_or(|p| stream.uniform() < p);
        (listed && due && drawn).then(|| Fault {
            kind: self.fault,
            retry_after: self.retry_after.as_ref().map(plain),
            after: self.after.unwrap_or(3),
        })
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What markers in a prompt ask for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Marks {
    /// The fault.
    pub(super) fault: Option<Fault>,
    /// The fault befalls only this many requests with the same prompt.
    pub(super) times: Option<u32>,
    /// Length of the answer.
    pub(super) tokens: Option<usize>,
    /// Length of the reasoning.
    pub(super) reasoning: Option<usize>,
    /// Exact time to the first token.
    pub(super) ttft: Option<Duration>,
    /// Exact gap between events.
    pub(super) gap: Option<Duration>,
}

/// Takes the markers out of `text`; a marker that does not parse stays, so that its author sees it echoed.
pub(super) fn take_marks(text: &str) -> (String, Marks) {
    let mut marks = Marks::default();
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once("[[sim:") {
        kept.push_str(before);
        let Some((inner, after)) = tail.split_once("]]") else {
            kept.push_str("[[sim:");
            rest = tail;
            continue;
        };
        if inner.split(',').try_for_each(|pair| mark(pair.trim(), &mut marks)).is_none() {
            kept.push_str("[[sim:");
            kept.push_str(inner);
            kept.push_str("]]");
        }
        rest = after;
    }
    kept.push_str(rest);
    (kept, marks)
}

fn mark(pair: &str, marks: &mut Marks) -> Option<()> {
    let (key, value) = pair.split_once('=')?;
    match key {
        "fault" => marks.fault = Some(Fault::new(Kind::parse(value).ok()?)),
        "retry_after" => marks.fault.as_mut()?.retry_after = Some(value.to_owned()),
        "after" => marks.fault.as_mut()?.after = value.parse().ok()?,
        "times" => marks.times = Some(value.parse().ok()?),
        "tokens" => marks.tokens = Some(small(value)?),
        "reasoning" => marks.reasoning = Some(small(value)?),
        "ttft" => marks.ttft = Some(parse_duration(value).ok()?),
        "gap" => marks.gap = Some(parse_duration(value).ok()?),
        _ => return None,
    }
    Some(())
}

fn small(value: &str) -> Option<usize> {
    value.parse().ok().filter(|n| *n <= 1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    #[test]
    fn markers_are_read_and_removed() {
        let (text, marks) = take_marks("What is 2+2? [[sim:fault=429,retry_after=2,times=1]]");
        assert_eq!(text, "What is 2+2? ");
        let fault = Fault { kind: Kind::Status(429), retry_after: Some("2".into()), after: 3 };
        assert_eq!(marks, Marks { fault: Some(fault), times: Some(1), ..Marks::default() });
        let (text, marks) = take_marks("[[sim:tokens=8,ttft=50ms,gap=5ms,reasoning=2]]go");
        assert_eq!((text.as_str(), marks.tokens, marks.reasoning), ("go", Some(8), Some(2)));
        assert_eq!(marks.gap, Some(Duration::from_millis(5)));
    }

    #[test]
    fn broken_markers_stay() {
        for text in ["[[sim:fault=nope]]", "[[sim:", "a [[sim:x]] b", "[[sim:after=3]]"] {
            assert_eq!(take_marks(text).0, text);
        }
    }

    #[test]
    fn rules_strike_when_they_should() {
        let rule: Rule = serde_json::from_str(r#"{"fault": 429, "every": 3, "retry_after": 1}"#).unwrap();
        let mut stream = Stream::new(1, "faults");
        let struck: Vec<u64> = (1..=9).filter(|n| rule.strike(*n, &mut stream).is_some()).collect();
        assert_eq!(struck, [3, 6, 9]);
        let rare: Rule = serde_json::from_str(r#"{"fault": "reset", "probability": 0.25}"#).unwrap();
        let n = (0..4000).filter(|n| rare.strike(*n, &mut stream).is_some()).count();
        assert!((900..1100).contains(&n), "{n}");
        let problem = serde_json::from_str::<Rule>(r#"{"fault": "rest"}"#).unwrap_err().to_string();
        assert!(problem.contains("did you mean `reset`"), "{problem}");
    }

    #[test]
    fn names_are_unique_and_come_back() {
        for name in Kind::names() {
            assert_eq!(Kind::parse(name).unwrap().name(), name);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: String) {
            take_marks(&text);
            take_marks(&format!("[[sim:{text}]]"));
        }
    }
}
