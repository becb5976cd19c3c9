//! Anthropic messages as they stream: blocks, deltas, and usage that is cumulative.

use serde_json::Map;
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

/// Decodes one message.
#[derive(Debug, Default)]
pub(super) struct MessagesDecoder {
    draft: Draft,
    /// Usage so far; later events overwrite what they state and leave the rest.
    usage: Map<String, Value>,
    /// The usage of the end was seen; what `message_start` states is the count before the answer.
    is_counted: bool,
    started: bool,
    /// The highest block index that was announced.
    last_block: Option<u64>,
}

impl Decoder for MessagesDecoder {
    fn event(&mut self, _name: &str, data: &str, out: &mut Out) {
        self.draft.begin();
        if data.starts_with("[DONE]") {
            // Not of this protocol; some gateways append it. It proves nothing and ends nothing.
            out.push((Channel::Ping, 0));
            return;
        }
        let Some(event) = self.parse(data) else { return };
        let n = out.len();
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
        if let Some(failure) = Failure::find(&whole) {
            self.draft.fail(failure, out);
        } else if let Some(blocks) = whole.get("content").and_then(Value::as_array) {
            self.facts(&whole);
            for (index, block) in blocks.iter().enumerate() {
                self.block(index as u64, block, out);
            }
            self.merge_usage(whole.get("usage"), out);
            self.stopped(&whole, out);
        }
        if self.draft.stop.is_none() && self.draft.failure.is_none() {
            self.draft.broke("content", &text);
        }
        self.draft.done = true;
    }

    fn has_token(&self) -> bool {
        self.draft.has_token()
    }

    fn is_done(&self) -> bool {
        self.draft.done
    }

    fn finish(mut self: Box<Self>, head: &Head, end: End) -> Decoded {
        if let Some(usage) = self.draft.reply.usage.as_mut().filter(|_| !self.is_counted && !self.draft.done) {
            usage.output = None;
        }
        self.draft.finish(head, end)
    }
}

impl MessagesDecoder {
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

    /// One event by the type inside its data; the name of the event repeats it where servers are careful.
    fn typed(&mut self, event: &Value, out: &mut Out) {
        let kind = text_at(event, "type");
        match kind {
            "ping" => out.push((Channel::Ping, 0)),
            "message_start" => self.start(event.get("message").unwrap_or(&Value::Null), out),
            "content_block_start" => self.open(event, out),
            "content_block_delta" => self.delta(event, out),
            "message_delta" => {
                let delta = event.get("delta").unwrap_or(&Value::Null);
                self.merge_usage(event.get("usage"), out);
                self.is_counted |= event.pointer("/usage/output_tokens").is_some();
                self.stopped(delta, out);
                if text_at(delta, "type") == "content_block_delta" {
                    self.draft.flag(Flag::OddShape);
                }
            }
            "message_stop" => {
                self.draft.done = true;
                out.push((Channel::Done, 0));
            }
            _ => {
                if let Some(failure) = Failure::find(event) {
                    self.draft.fail(failure, out);
                }
            }
        }
    }

    fn start(&mut self, message: &Value, out: &mut Out) {
        if self.started {
            self.draft.flag(Flag::OddShape);
        }
        self.started = true;
        self.facts(message);
        self.merge_usage(message.get("usage"), out);
    }

    fn facts(&mut self, message: &Value) {
        let reply = &mut self.draft.reply;
        for (slot, key) in [(&mut reply.id, "id"), (&mut reply.model, "model")] {
            if let Some(said) = message.get(key).and_then(Value::as_str) {
                slot.get_or_insert_with(|| said.to_owned());
            }
        }
    }

    fn open(&mut self, event: &Value, out: &mut Out) {
        let index = index_of(event);
        if index > self.last_block.map_or(0, |last| last.saturating_add(1)) {
            self.draft.flag(Flag::Gap);
        }
        self.last_block = Some(index);
        self.block(index, event.get("content_block").unwrap_or(&Value::Null), out);
    }

    /// A block as it begins, or whole in a reply that did not stream.
    fn block(&mut self, index: u64, block: &Value, out: &mut Out) {
        match text_at(block, "type") {
            "text" => self.draft.add(Channel::Text, text_at(block, "text"), out),
            "thinking" => self.thinking(text_at(block, "thinking"), out),
            "tool_use" => self.tool(index, block, out),
            _ => {}
        }
    }

    /// A call's name is generated text; its input follows in pieces unless it is here already.
    fn tool(&mut self, index: u64, block: &Value, out: &mut Out) {
        let call = self.draft.tools.entry(index).or_default();
        text_at(block, "id").clone_into(&mut call.id);
        text_at(block, "name").clone_into(&mut call.name);
        if let Some(input) = block.get("input").and_then(Value::as_object).filter(|input| !input.is_empty()) {
            call.arguments = Value::Object(input.clone()).to_string();
        }
        let bytes = call.name.len() + call.arguments.len();
        if bytes > 0 {
            self.draft.token(Channel::Tool, bytes, out);
        }
    }

    fn thinking(&mut self, text: &str, out: &mut Out) {
        if !text.is_empty() {
            self.draft.reply.reasoning_field.get_or_insert("thinking");
        }
        self.draft.add(Channel::Reasoning, text, out);
    }

    fn delta(&mut self, event: &Value, out: &mut Out) {
        if !self.started {
            self.draft.flag(Flag::OddShape);
        }
        let delta = event.get("delta").unwrap_or(&Value::Null);
        match text_at(delta, "type") {
            "text_delta" => self.draft.add(Channel::Text, text_at(delta, "text"), out),
            "thinking_delta" => self.thinking(text_at(delta, "thinking"), out),
            "input_json_delta" => {
                let piece = text_at(delta, "partial_json");
                self.draft.tools.entry(index_of(event)).or_default().arguments.push_str(piece);
                if !piece.is_empty() {
                    self.draft.token(Channel::Tool, piece.len(), out);
                }
            }
            _ => {}
        }
    }

    /// Totals so far: fields that are stated replace earlier ones, and nothing is added up.
    fn merge_usage(&mut self, counts: Option<&Value>, out: &mut Out) {
        let Some(counts) = counts.and_then(Value::as_object) else { return };
        for (name, count) in counts.iter().filter(|(_, count)| !count.is_null()) {
            self.usage.insert(name.clone(), count.clone());
        }
        let merged = Value::Object(self.usage.clone());
        self.draft.usage(usage::anthropic(&merged), out);
    }

    fn stopped(&mut self, holder: &Value, out: &mut Out) {
        let reason = text_at(holder, "stop_reason");
        let stop = match reason {
            "" => return,
            "max_tokens" | "model_context_window_exceeded" => Stop::Limit,
            "tool_use" => Stop::Tool,
            "refusal" => Stop::Refused,
            _ => Stop::Natural,
        };
        self.draft.stop(reason, stop, out);
    }
}

fn text_at<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn index_of(event: &Value) -> u64 {
    event.get("index").and_then(Value::as_u64).unwrap_or(0)
}
