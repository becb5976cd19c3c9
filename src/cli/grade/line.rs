//! One recorded answer: a line of a responses file.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::Names;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::CellId;
use crate::domain::Channel;
use crate::domain::ConnTimes;
use crate::domain::Cost;
use crate::domain::Flag;
use crate::domain::JsonText;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::Reply;
use crate::domain::TokenSource;
use crate::domain::ToolCall;
use crate::domain::TrialId;
use crate::domain::Usage;
use crate::domain::WireEvent;
use crate::domain::observation::thinking_is_unclosed;

/// A line as written. Keys that are not listed are the recorder's own and are left alone.
#[derive(Debug, Deserialize)]
pub(super) struct Recorded<'a> {
    #[serde(borrow)]
    pub(super) case: Cow<'a, str>,
    #[serde(borrow, default)]
    response: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    target: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    mode: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    prompt: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) repeat: Option<u32>,
    #[serde(borrow, default)]
    reasoning: Option<Cow<'a, str>>,
    #[serde(default)]
    tool_calls: Option<Vec<Value>>,
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'a, str>>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    ttft_ms: Option<f64>,
    #[serde(default)]
    e2e_ms: Option<f64>,
}

impl<'a> Recorded<'a> {
    /// Parses a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let recorded: Self = serde_json::from_str(text)
            .map_err(|error| format!("{error}; a line is {{\"case\": \"id\", \"response\": \"text\", ...}}"))?;
        if recorded.response.is_none() && recorded.tool_calls.is_none() {
            return Err("neither `response` nor `tool_calls` is there".into());
        }
        Ok(recorded)
    }

    /// Names of its cell.
    pub(super) fn names(&self, default: &Names) -> Names {
        let or = |given: &Option<Cow<'_, str>>, other: &String| {
            given.as_ref().map_or_else(|| other.clone(), ToString::to_string)
        };
        (or(&self.target, &default.0), or(&self.mode, &default.1), or(&self.prompt, &default.2))
    }

    /// The observation that this line stands for. Times are taken as given; what is not given is not there.
    pub(super) fn observation(&self, trial: TrialId, cell: CellId, case: u32, repeat: u32) -> Observation {
        let text = self.response.as_deref().unwrap_or_default().to_owned();
        let outcome = outcome(self.finish_reason.as_deref(), &text, self.tool_calls.as_deref());
        let (events, flags) = events(self.ttft_ms, self.e2e_ms, text.len());
        let reply = Reply {
            reasoning: self.reasoning.as_deref().unwrap_or_default().to_owned(),
            tool_calls: self.tool_calls.iter().flatten().map(tool_call).collect(),
            finish_reason: self.finish_reason.as_deref().map(str::to_owned),
            usage: self.usage.as_ref().map(usage),
            flags,
            text,
            ..Reply::default()
        };
        Observation {
            attempt: Attempt {
                trial,
                number: 1,
                turn: 1,
                is_last: true,
                cell,
                case,
                repeat,
                phase: Phase::Measure,
                asker: Asker::Subject,
            },
            sent_mode: JsonText::new(&Value::Object(serde_json::Map::new())),
            due: Offset::ZERO,
            sent: Offset::ZERO,
            written: None,
            conn: ConnTimes::default(),
            status: None,
            headers: None,
            ended: events.last().map_or(Offset::ZERO, |event| event.at),
            events,
            reply,
            outcome,
            detail: String::new(),
            message: String::new(),
            retry_after: None,
            should_retry: None,
            request_id: None,
            cost: Cost::UNKNOWN,
            recall: None,
        }
    }
}

/// The observation of an answer of which nothing but its text is known.
pub(in crate::cli) fn answered(text: &str, trial: TrialId, cell: CellId, case: u32, repeat: u32) -> Observation {
    let recorded = Recorded {
        case: Cow::Borrowed(""),
        response: Some(Cow::Borrowed(text)),
        target: None,
        mode: None,
        prompt: None,
        repeat: None,
        reasoning: None,
        tool_calls: None,
        finish_reason: None,
        usage: None,
        ttft_ms: None,
        e2e_ms: None,
    };
    recorded.observation(trial, cell, case, repeat)
}

fn outcome(finish: Option<&str>, text: &str, calls: Option<&[Value]>) -> Outcome {
    match finish {
        Some("length" | "max_tokens" | "MAX_TOKENS") => Outcome::Length,
        _ if thinking_is_unclosed(text) => Outcome::Length,
        Some("content_filter" | "SAFETY") => Outcome::ContentFilter,
        Some("refusal") => Outcome::Refusal,
        Some("tool_calls" | "tool_use" | "function_call") => Outcome::ToolCalls,
        _ if calls.is_some_and(|calls| !calls.is_empty()) => Outcome::ToolCalls,
        _ => Outcome::Ok,
    }
}

fn events(ttft: Option<f64>, e2e: Option<f64>, bytes: usize) -> (Vec<WireEvent>, Vec<Flag>) {
    let event = |ms: f64, read: u32, bytes: usize| WireEvent {
        at: Offset((ms.max(0.0) * 1e6) as u64),
        read,
        channel: Channel::Text,
        bytes: bytes as u32,
    };
    match (ttft, e2e) {
        (Some(first), Some(last)) if last > first => (vec![event(first, 1, 1), event(last, 2, bytes)], Vec::new()),
        (Some(first), _) => (vec![event(first, 1, bytes)], Vec::new()),
        (None, Some(last)) => (vec![event(last, 1, bytes)], vec![Flag::NotStreamed]),
        (None, None) => (Vec::new(), Vec::new()),
    }
}

fn tool_call(value: &Value) -> ToolCall {
    let function = value.get("function").unwrap_or(value);
    let arguments = match &function["arguments"] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    ToolCall {
        id: value["id"].as_str().unwrap_or_default().to_owned(),
        name: function["name"].as_str().unwrap_or_default().to_owned(),
        arguments,
    }
}

fn usage(value: &Value) -> Usage {
    let first = |names: [&str; 2]| names.iter().find_map(|name| value[*name].as_u64());
    Usage {
        input: first(["input_tokens", "prompt_tokens"]),
        cached: first(["cached_tokens", "cache_read_input_tokens"]),
        output: first(["output_tokens", "completion_tokens"]),
        reasoning: value["reasoning_tokens"]
            .as_u64()
            .or_else(|| value["completion_tokens_details"]["reasoning_tokens"].as_u64()),
        raw: Some(JsonText::new(value)),
        source: TokenSource::Provider,
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_an_observation() {
        let line = r#"{"case":"a","response":"<think>x</think>42","finish_reason":"stop","ttft_ms":10,"e2e_ms":30,
            "usage":{"prompt_tokens":3,"completion_tokens":5},"labels":[1]}"#;
        let seen = Recorded::parse(line).unwrap().observation(TrialId(0), CellId(0), 0, 0);
        assert_eq!(seen.outcome, Outcome::Ok);
        assert_eq!(seen.answer().text, "42");
        assert_eq!((seen.ttft_ms(), seen.e2e_ms()), (Some(10.0), Some(30.0)));
        assert_eq!(seen.reply.usage.unwrap().output, Some(5));
    }

    #[test]
    fn a_block_of_thinking_without_an_end_is_no_answer() {
        let seen = Recorded::parse(r#"{"case":"a","response":"<think>x"}"#).unwrap();
        assert_eq!(seen.observation(TrialId(0), CellId(0), 0, 0).outcome, Outcome::Length);
    }

    #[test]
    fn lines_without_an_answer_are_refused() {
        for bad in ["", "[]", r#"{"response":"x"}"#, r#"{"case":"a"}"#, r#"{"case":1,"response":"x"}"#] {
            assert!(Recorded::parse(bad).is_err(), "{bad}");
        }
    }
}
