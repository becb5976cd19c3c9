//! Anthropic messages: named events, content blocks that open and close, cumulative usage.

use serde_json::Value;
use serde_json::json;

use super::Wire;
use super::frames::Frames;
use super::frames::quote;
use crate::sim::ask::Protocol;
use crate::sim::reply::Finish;
use crate::sim::reply::Piece;
use crate::sim::reply::Reply;

/// Kinds of content blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Thinking,
    Text,
    Tool(usize),
}

/// The wire of one message.
#[derive(Debug, Default)]
pub(super) struct Messages {
    open: Option<Block>,
    index: usize,
}

impl Messages {
    /// Makes `block` the open one, closing another.
    fn enter(&mut self, block: Block, reply: &Reply, out: &mut Frames) {
        if self.open == Some(block) {
            return;
        }
        self.leave(out);
        let start = match block {
            Block::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Block::Text => json!({"type": "text", "text": ""}),
            Block::Tool(n) => {
                let call = &reply.calls[n];
                json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}})
            }
        };
        self.open = Some(block);
        self.send(
            "content_block_start",
            json!({"type": "content_block_start", "index": self.index, "content_block": start}),
            out,
        );
    }

    /// Closes the open block.
    fn leave(&mut self, out: &mut Frames) {
        let Some(block) = self.open.take() else { return };
        if block == Block::Thinking {
            self.delta("signature_delta", "signature", "c2ltdWxhdGVk", out);
        }
        self.send("content_block_stop", json!({"type": "content_block_stop", "index": self.index}), out);
        self.index += 1;
    }

    fn delta(&self, kind: &str, member: &str, text: &str, out: &mut Frames) {
        out.event("content_block_delta", |bytes| {
            bytes.extend_from_slice(b"{\"type\":\"content_block_delta\",\"index\":");
            bytes.extend_from_slice(self.index.to_string().as_bytes());
            bytes.extend_from_slice(b",\"delta\":{\"type\":");
            quote(kind, bytes);
            bytes.push(b',');
            quote(member, bytes);
            bytes.push(b':');
            quote(text, bytes);
            bytes.extend_from_slice(b"}}");
        });
    }

    #[expect(clippy::unused_self, clippy::needless_pass_by_value, reason = "reads as a method at every call")]
    fn send(&self, name: &str, event: Value, out: &mut Frames) {
        out.event(name, |bytes| bytes.extend_from_slice(event.to_string().as_bytes()));
    }

    fn open(&self, reply: &Reply, out: &mut Frames) {
        let mut usage = input_usage(reply);
        usage["output_tokens"] = json!(1);
        let message = json!({"id": format!("msg_{}", reply.id), "type": "message", "role": "assistant",
            "model": reply.model, "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage});
        self.send("message_start", json!({"type": "message_start", "message": message}), out);
        self.send("ping", json!({"type": "ping"}), out);
    }
}

fn input_usage(reply: &Reply) -> Value {
    json!({"input_tokens": reply.billed.input - reply.billed.cached, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": reply.billed.cached, "output_tokens": 0})
}

fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::ContentFilter | Finish::Refusal => "refusal",
    }
}

impl Wire for Messages {
    fn piece(&mut self, piece: &Piece, reply: &Reply, out: &mut Frames) {
        match piece {
            Piece::Open => self.open(reply, out),
            Piece::Reasoning(range) => {
                self.enter(Block::Thinking, reply, out);
                self.delta("thinking_delta", "thinking", &reply.reasoning[range.clone()], out);
            }
            Piece::Text(range) => {
                self.enter(Block::Text, reply, out);
                self.delta("text_delta", "text", &reply.text[range.clone()], out);
            }
            Piece::CallOpen(n) => {
                self.enter(Block::Tool(*n), reply, out);
                self.delta("input_json_delta", "partial_json", "", out);
            }
            Piece::CallArguments(n, range) => {
                self.delta("input_json_delta", "partial_json", &reply.calls[*n].arguments[range.clone()], out);
            }
            // The stop reason travels with the final usage; without usage it travels alone.
            Piece::Close => {
                self.leave(out);
                if !reply.usage {
                    let delta = json!({"stop_reason": stop_reason(reply.finish), "stop_sequence": null});
                    self.send("message_delta", json!({"type": "message_delta", "delta": delta}), out);
                }
            }
            Piece::Usage(whole) => {
                let output = if *whole { reply.billed.output } else { reply.billed.output / 2 };
                let reason = whole.then(|| stop_reason(reply.finish));
                let usage = json!({"output_tokens": output,
                    "output_tokens_details": {"thinking_tokens": reply.billed.reasoning.min(output)}});
                let delta = json!({"stop_reason": reason, "stop_sequence": null});
                self.send("message_delta", json!({"type": "message_delta", "delta": delta, "usage": usage}), out);
            }
            Piece::Done => self.send("message_stop", json!({"type": "message_stop"}), out),
            Piece::Error => self.send("error", super::error(Protocol::Messages, 529, "Overloaded"), out),
            Piece::Broken => out.data("{\"type\":\"content_block_delta\",\"delta\":{\"te"),
            Piece::Halt(_) => {}
        }
    }

    fn whole(&self, reply: &Reply) -> Value {
        let mut content = Vec::new();
        if !reply.reasoning.is_empty() {
            content.push(json!({"type": "thinking", "thinking": reply.reasoning, "signature": "c2ltdWxhdGVk"}));
        }
        if !reply.text.is_empty() || reply.calls.is_empty() {
            content.push(json!({"type": "text", "text": reply.text}));
        }
        for call in &reply.calls {
            let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
            content.push(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input}));
        }
        let mut usage = input_usage(reply);
        usage["output_tokens"] = json!(reply.billed.output);
        usage["output_tokens_details"] = json!({"thinking_tokens": reply.billed.reasoning});
        json!({"id": format!("msg_{}", reply.id), "type": "message", "role": "assistant", "model": reply.model,
            "content": content, "stop_reason": stop_reason(reply.finish), "stop_sequence": null, "usage": usage})
    }
}
