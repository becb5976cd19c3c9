//! Responses as they stream: named events with sequence numbers.

use serde_json::Value;

use super::super::Decoded;
use super::super::Decoder;
use super::super::End;
use super::super::Head;
use super::super::draft::Draft;
use super::super::draft::Out;
use super::super::draft::Stop;
use super::super::failure::Failure;
use super::super::json;
use super::super::usage;
use crate::domain::Channel;
use crate::domain::Flag;
use crate::domain::ToolCall;

/// Decodes one response.
#[derive(Debug, Default)]
pub(super) struct ResponsesDecoder {
    draft: Draft,
    sequence: Option<u64>,
}

impl Decoder for ResponsesDecoder {
    fn event(&mut self, _name: &str, data: &str, out: &mut Out) {
        self.draft.begin();
        if data.starts_with("[DONE]") {
            self.draft.done = true;
            out.push((Channel::Done, 0));
            return;
        }
        let Some(event) = self.parse(data) else { return };
        let n = out.len();
        self.sequence(&event);
        self.typed(&event, out);
        if out.len() == n {
            out.push((Channel::Role, 0));
        }
    }

    fn body(&mut self, body: &[u8], out: &mut Out) {
        self.draft.keep_body(body);
        let text = String::from_utf8_lossy(body);
        if text.trim().is_empty() {
            return;
        }
        self.draft.begin();
        self.draft.flag(Flag::NotStreamed);
        let Some(whole) = self.parse(&text) else { return };
        if text_at(&whole, "object") == "response" && whole.get("output").is_some_and(Value::is_array) {
            self.output(&whole, out);
            self.ended(&whole, out);
        } else if let Some(failure) = Failure::find(&whole) {
            self.draft.fail(failure, out);
        } else {
            self.draft.broke("output", &text);
        }
        self.draft.done = true;
    }

    fn has_token(&self) -> bool {
        self.draft.has_token()
    }

    fn is_done(&self) -> bool {
        self.draft.done
    }

    fn finish(self: Box<Self>, head: &Head, end: End) -> Decoded {
        self.draft.finish(head, end)
    }
}

impl ResponsesDecoder {
    fn parse(&mut self, text: &str) -> Option<Value> {
        let Ok((value, repaired)) = json::parse(text) else {
            self.draft.broke("json", text);
            return None;
        };
        if repaired {
            self.draft.flag(Flag::Repaired);
        }
        Some(value)
    }

    /// A gap in the numbers means lost data.
    fn sequence(&mut self, event: &Value) {
        let Some(number) = event.get("sequence_number").and_then(Value::as_u64) else { return };
        if self.sequence.is_some_and(|last| number != last.wrapping_add(1)) {
            self.draft.flag(Flag::Gap);
        }
        self.sequence = Some(number);
    }

    fn typed(&mut self, event: &Value, out: &mut Out) {
        let delta = text_at(event, "delta");
        match text_at(event, "type") {
            "response.output_text.delta" => self.draft.add(Channel::Text, delta, out),
            "response.refusal.delta" => self.draft.add(Channel::Refusal, delta, out),
            "response.reasoning_text.delta" => self.reasoning("reasoning_text", delta, out),
            "response.reasoning_summary_text.delta" => self.reasoning("reasoning_summary_text", delta, out),
            "response.function_call_arguments.delta" => self.arguments(event, delta, out),
            "response.output_item.added" => self.item(event, out),
            "response.created" | "response.in_progress" => self.facts(event.get("response").unwrap_or(&Value::Null)),
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                self.ended(event.get("response").unwrap_or(&Value::Null), out);
                self.draft.done = true;
                out.push((Channel::Done, 0));
            }
            kind => {
                if (kind == "error" || !kind.starts_with("response."))
                    && let Some(failure) = Failure::find(event)
                {
                    self.draft.fail(failure, out);
                }
            }
        }
    }

    fn reasoning(&mut self, field: &'static str, text: &str, out: &mut Out) {
        if !text.is_empty() {
            self.draft.reply.reasoning_field.get_or_insert(field);
        }
        self.draft.add(Channel::Reasoning, text, out);
    }

    /// A new item; a call's name is generated text.
    fn item(&mut self, event: &Value, out: &mut Out) {
        let Some(item) = event.get("item").filter(|item| text_at(item, "type") == "function_call") else { return };
        let call = ToolCall {
            id: text_at(item, "call_id").to_owned(),
            name: text_at(item, "name").to_owned(),
            arguments: text_at(item, "arguments").to_owned(),
        };
        let bytes = call.name.len() + call.arguments.len();
        self.draft.tools.insert(index_of(event), call);
        if bytes > 0 {
            self.draft.token(Channel::Tool, bytes, out);
        }
    }

    fn arguments(&mut self, event: &Value, delta: &str, out: &mut Out) {
        self.draft.tools.entry(index_of(event)).or_default().arguments.push_str(delta);
        if !delta.is_empty() {
            self.draft.token(Channel::Tool, delta.len(), out);
        }
    }

    fn facts(&mut self, response: &Value) {
        let reply = &mut self.draft.reply;
        for (slot, key) in
            [(&mut reply.id, "id"), (&mut reply.model, "model"), (&mut reply.service_tier, "service_tier")]
        {
            if let Some(said) = response.get(key).and_then(Value::as_str) {
                *slot = Some(said.to_owned());
            }
        }
    }

    /// The terminal response object: usage and how it ended.
    fn ended(&mut self, response: &Value, out: &mut Out) {
        self.facts(response);
        if let Some(counts) = response.get("usage").filter(|counts| counts.is_object()) {
            self.draft.usage(usage::openai(counts), out);
        }
        let status = text_at(response, "status");
        let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str).unwrap_or(status);
        let stop = match (status, reason) {
            ("completed", _) if !self.draft.tools.is_empty() => Stop::Tool,
            ("completed", _) => Stop::Natural,
            ("incomplete", "content_filter") => Stop::Filtered,
            ("incomplete", _) => Stop::Limit,
            _ => Stop::Error,
        };
        if stop == Stop::Error {
            let failure =
                Failure::find(response).unwrap_or_else(|| Failure { code: status.to_owned(), ..Failure::default() });
            self.draft.fail(failure, out);
        }
        self.draft.stop(reason, stop, out);
    }

    /// The items of a response that came whole.
    fn output(&mut self, response: &Value, out: &mut Out) {
        for (index, item) in response.get("output").and_then(Value::as_array).into_iter().flatten().enumerate() {
            match text_at(item, "type") {
                "function_call" => {
                    let event = serde_json::json!({"output_index": index, "item": item});
                    self.item(&event, out);
                }
                "reasoning" => {
                    for part in parts(item, "content").chain(parts(item, "summary")) {
                        self.reasoning("reasoning", text_at(part, "text"), out);
                    }
                }
                _ => {
                    for part in parts(item, "content") {
                        self.draft.add(Channel::Text, text_at(part, "text"), out);
                        self.draft.add(Channel::Refusal, text_at(part, "refusal"), out);
                    }
                }
            }
        }
    }
}

fn parts<'v>(item: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    item.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text_at<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn index_of(event: &Value) -> u64 {
    event.get("output_index").and_then(Value::as_u64).unwrap_or(0)
}
