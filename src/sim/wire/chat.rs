//! OpenAI chat completions. Tokens are written by hand, as most of the simulator's time goes here.

use serde_json::Value;
use serde_json::json;

use super::Wire;
use super::frames::Frames;
use super::frames::quote;
use crate::sim::profile::ReasoningField;
use crate::sim::reply::Finish;
use crate::sim::reply::Piece;
use crate::sim::reply::Reply;

/// The wire of one chat completion.
pub(super) struct Chat {
    /// All up to and with `"delta":{`.
    head: String,
    /// All after the delta's members while nothing is finished.
    tail: &'static str,
    /// `<think>` was written and not closed.
    thinking: bool,
}

impl Chat {
    pub(super) fn new(reply: &Reply) -> Self {
        let frame = json!({"id": format!("chatcmpl-{}", reply.id), "object": "chat.completion.chunk",
            "created": reply.created, "model": reply.model, "system_fingerprint": "fp_sim"})
        .to_string();
        let head = format!("{},\"choices\":[{{\"index\":0,\"delta\":{{", frame.trim_end_matches('}'));
        let tail =
            if reply.usage { "},\"finish_reason\":null}],\"usage\":null}" } else { "},\"finish_reason\":null}]}" };
        Self { head, tail, thinking: false }
    }

    /// A chunk whose delta has the members that `members` writes.
    fn delta(&self, out: &mut Frames, members: impl FnOnce(&mut Vec<u8>)) {
        out.event("", |bytes| {
            bytes.extend_from_slice(self.head.as_bytes());
            members(bytes);
            bytes.extend_from_slice(self.tail.as_bytes());
        });
    }

    fn member(&self, out: &mut Frames, name: &str, text: &str) {
        self.delta(out, |bytes| member(name, text, bytes));
    }

    fn reasoning(&mut self, text: &str, field: ReasoningField, out: &mut Frames) {
        match field {
            ReasoningField::ReasoningContent | ReasoningField::Hidden => self.member(out, "reasoning_content", text),
            ReasoningField::Reasoning => self.member(out, "reasoning", text),
            ReasoningField::ReasoningDetails => self.delta(out, |bytes| details(text, bytes)),
            ReasoningField::Both => self.delta(out, |bytes| {
                member("reasoning", text, bytes);
                bytes.push(b',');
                details(text, bytes);
            }),
            ReasoningField::Think if self.thinking => self.member(out, "content", text),
            ReasoningField::Think => {
                self.thinking = true;
                self.member(out, "content", &format!("<think>{text}"));
            }
        }
    }

    fn text(&mut self, text: &str, out: &mut Frames) {
        if std::mem::take(&mut self.thinking) {
            self.member(out, "content", &format!("</think>{text}"));
        } else {
            self.member(out, "content", text);
        }
    }

    fn close(&self, reply: &Reply, out: &mut Frames) {
        out.event("", |bytes| {
            let refusal = if reply.finish == Finish::Refusal { "\"refusal\":\"I cannot help with that.\"" } else { "" };
            bytes.extend_from_slice(self.head.as_bytes());
            bytes.extend_from_slice(refusal.as_bytes());
            bytes.extend_from_slice(b"},\"finish_reason\":");
            quote(finish_reason(reply.finish), bytes);
            bytes.extend_from_slice(if reply.usage { b"}],\"usage\":null}" } else { b"}]}" });
        });
    }
}

fn member(name: &str, text: &str, bytes: &mut Vec<u8>) {
    quote(name, bytes);
    bytes.push(b':');
    quote(text, bytes);
}

fn details(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":");
    quote(text, bytes);
    bytes.extend_from_slice(b",\"format\":\"unknown\",\"index\":0}]");
}

fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Refusal => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
    }
}

fn usage(reply: &Reply, output: usize) -> Value {
    let billed = &reply.billed;
    let mut usage = json!({"prompt_tokens": billed.input, "completion_tokens": output,
        "total_tokens": billed.input + output,
        "prompt_tokens_details": {"cached_tokens": billed.cached},
        "completion_tokens_details": {"reasoning_tokens": billed.reasoning.min(output)}});
    if let Some(cost) = reply.cost {
        usage["cost"] = json!(cost.to_string().parse::<f64>().unwrap_or_default());
        usage["is_byok"] = json!(false);
    }
    usage
}

impl Wire for Chat {
    fn piece(&mut self, piece: &Piece, reply: &Reply, out: &mut Frames) {
        match piece {
            Piece::Open => self.delta(out, |bytes| bytes.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\"")),
            Piece::Reasoning(range) => self.reasoning(&reply.reasoning[range.clone()], reply.field, out),
            Piece::Text(range) => self.text(&reply.text[range.clone()], out),
            Piece::CallOpen(n) => self.delta(out, |bytes| {
                let call = &reply.calls[*n];
                let open = json!([{"index": n, "id": call.id, "type": "function",
                    "function": {"name": call.name, "arguments": ""}}]);
                bytes.extend_from_slice(format!("\"tool_calls\":{open}").as_bytes());
            }),
            Piece::CallArguments(n, range) => self.delta(out, |bytes| {
                let part = json!([{"index": n, "function": {"arguments": &reply.calls[*n].arguments[range.clone()]}}]);
                bytes.extend_from_slice(format!("\"tool_calls\":{part}").as_bytes());
            }),
            Piece::Close => self.close(reply, out),
            Piece::Usage(whole) => out.event("", |bytes| {
                let output = if *whole { reply.billed.output } else { reply.billed.output / 2 };
                let chunk = json!({"id": format!("chatcmpl-{}", reply.id), "object": "chat.completion.chunk",
                    "created": reply.created, "model": reply.model, "choices": [], "usage": usage(reply, output)});
                bytes.extend_from_slice(chunk.to_string().as_bytes());
            }),
            Piece::Done => out.data("[DONE]"),
            Piece::Error => {
                out.data(&super::error(crate::sim::ask::Protocol::Chat, 500, "the simulator broke off").to_string());
            }
            Piece::Broken => out.data("{\"choices\":[{\"delta\":{\"content\":\"bro"),
            Piece::Halt(_) => {}
        }
    }

    fn whole(&self, reply: &Reply) -> Value {
        let mut message = json!({"role": "assistant", "content": reply.text, "refusal": null});
        if !reply.calls.is_empty() {
            let calls: Vec<Value> = reply
                .calls
                .iter()
                .map(|call| {
                    json!({"id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": call.arguments}})
                })
                .collect();
            message["tool_calls"] = json!(calls);
            if reply.text.is_empty() {
                message["content"] = Value::Null;
            }
        }
        if reply.finish == Finish::Refusal {
            message["refusal"] = json!("I cannot help with that.");
        }
        if !reply.reasoning.is_empty() {
            whole_reasoning(reply, &mut message);
        }
        let mut body = json!({"id": format!("chatcmpl-{}", reply.id), "object": "chat.completion",
            "created": reply.created, "model": reply.model, "system_fingerprint": "fp_sim",
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(reply.finish)}]});
        body["usage"] = usage(reply, reply.billed.output);
        body
    }
}

fn whole_reasoning(reply: &Reply, message: &mut Value) {
    let details = json!([{"type": "reasoning.text", "text": reply.reasoning, "format": "unknown", "index": 0}]);
    match reply.field {
        ReasoningField::Hidden => {}
        ReasoningField::ReasoningContent => message["reasoning_content"] = json!(reply.reasoning),
        ReasoningField::Reasoning => message["reasoning"] = json!(reply.reasoning),
        ReasoningField::ReasoningDetails => message["reasoning_details"] = details,
        ReasoningField::Both => {
            message["reasoning"] = json!(reply.reasoning);
            message["reasoning_details"] = details;
        }
        ReasoningField::Think => {
            message["content"] = json!(format!("<think>{}</think>{}", reply.reasoning, reply.text));
        }
    }
}
