//! OpenAI responses: named events with sequence numbers, output items that open and close.

use serde_json::Value;
use serde_json::json;

use super::Wire;
use super::frames::Frames;
use crate::sim::reply::Finish;
use crate::sim::reply::Piece;
use crate::sim::reply::Reply;

/// Kinds of output items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Reasoning,
    Message,
    Call(usize),
}

/// The wire of one response.
#[derive(Debug, Default)]
pub(super) struct Responses {
    sequence: u64,
    open: Option<Item>,
    index: usize,
}

impl Responses {
    fn send(&mut self, kind: &str, mut event: Value, out: &mut Frames) {
        event["type"] = json!(kind);
        event["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        out.event(kind, |bytes| bytes.extend_from_slice(event.to_string().as_bytes()));
    }

    /// Makes `item` the open one, closing another.
    fn enter(&mut self, item: Item, reply: &Reply, out: &mut Frames) {
        if self.open == Some(item) {
            return;
        }
        self.leave(reply, out);
        self.open = Some(item);
        let index = self.index;
        self.send(
            "response.output_item.added",
            json!({"output_index": index, "item": shape(item, reply, Progress::Begun)}),
            out,
        );
        if item == Item::Message {
            let part = json!({"type": "output_text", "text": "", "annotations": []});
            let at = self.place(reply);
            self.send("response.content_part.added", with(at, "part", part), out);
        }
    }

    /// Closes the open item with its whole text.
    fn leave(&mut self, reply: &Reply, out: &mut Frames) {
        let Some(item) = self.open else { return };
        let at = self.place(reply);
        match item {
            Item::Reasoning => self.send("response.reasoning_text.done", with(at, "text", json!(reply.reasoning)), out),
            Item::Message => {
                self.send("response.output_text.done", with(at.clone(), "text", json!(reply.text)), out);
                let part = json!({"type": "output_text", "text": reply.text, "annotations": []});
                self.send("response.content_part.done", with(at, "part", part), out);
            }
            Item::Call(n) => {
                let done = with(at, "arguments", json!(reply.calls[n].arguments));
                self.send("response.function_call_arguments.done", done, out);
            }
        }
        let index = self.index;
        self.send(
            "response.output_item.done",
            json!({"output_index": index, "item": shape(item, reply, Progress::Done)}),
            out,
        );
        self.open = None;
        self.index += 1;
    }

    /// The members that say where a delta belongs.
    fn place(&self, reply: &Reply) -> Value {
        let id = self.open.map_or_else(String::new, |item| item_id(item, reply));
        match self.open {
            Some(Item::Call(_)) => json!({"item_id": id, "output_index": self.index}),
            _ => json!({"item_id": id, "output_index": self.index, "content_index": 0}),
        }
    }

    fn delta(&mut self, kind: &str, text: &str, reply: &Reply, out: &mut Frames) {
        let at = self.place(reply);
        self.send(kind, with(at, "delta", json!(text)), out);
    }

    fn close(&mut self, reply: &Reply, out: &mut Frames) {
        self.leave(reply, out);
        let kind = if status(reply) == "incomplete" { "response.incomplete" } else { "response.completed" };
        let usage = if reply.usage { usage(reply) } else { Value::Null };
        let body = body(reply, &usage, status(reply));
        self.send(kind, json!({"response": body}), out);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Begun,
    Done,
}

fn with(mut at: Value, name: &str, value: Value) -> Value {
    at[name] = value;
    at
}

fn item_id(item: Item, reply: &Reply) -> String {
    match item {
        Item::Reasoning => format!("rs_{}", reply.id),
        Item::Message => format!("msg_{}", reply.id),
        Item::Call(n) => format!("fc_{}_{n}", reply.id),
    }
}

fn shape(item: Item, reply: &Reply, progress: Progress) -> Value {
    let done = progress == Progress::Done;
    let status = if done { "completed" } else { "in_progress" };
    let id = item_id(item, reply);
    match item {
        Item::Reasoning => {
            let text = json!([{"type": "reasoning_text", "text": reply.reasoning}]);
            json!({"id": id, "type": "reasoning", "summary": [], "content": if done { text } else { json!([]) }})
        }
        Item::Message => {
            let text = json!([{"type": "output_text", "text": reply.text, "annotations": []}]);
            json!({"id": id, "type": "message", "role": "assistant", "status": status,
                "content": if done { text } else { json!([]) }})
        }
        Item::Call(n) => {
            let call = &reply.calls[n];
            json!({"id": id, "type": "function_call", "call_id": call.id, "name": call.name, "status": status,
                "arguments": if done { call.arguments.as_str() } else { "" }})
        }
    }
}

fn status(reply: &Reply) -> &'static str {
    match reply.finish {
        Finish::Length | Finish::ContentFilter => "incomplete",
        Finish::Stop | Finish::ToolCalls | Finish::Refusal => "completed",
    }
}

fn usage(reply: &Reply) -> Value {
    let billed = &reply.billed;
    json!({"input_tokens": billed.input, "input_tokens_details": {"cached_tokens": billed.cached},
        "output_tokens": billed.output, "output_tokens_details": {"reasoning_tokens": billed.reasoning},
        "total_tokens": billed.input + billed.output})
}

fn output(reply: &Reply) -> Vec<Value> {
    let mut items = Vec::new();
    if !reply.reasoning.is_empty() {
        items.push(Item::Reasoning);
    }
    if !reply.text.is_empty() || reply.calls.is_empty() {
        items.push(Item::Message);
    }
    items.extend((0..reply.calls.len()).map(Item::Call));
    items.into_iter().map(|item| shape(item, reply, Progress::Done)).collect()
}

fn body(reply: &Reply, usage: &Value, status: &str) -> Value {
    let reason = match reply.finish {
        Finish::Length => json!({"reason": "max_output_tokens"}),
        Finish::ContentFilter => json!({"reason": "content_filter"}),
        _ => Value::Null,
    };
    let items = if status == "in_progress" { Vec::new() } else { output(reply) };
    json!({"id": format!("resp_{}", reply.id), "object": "response", "created_at": reply.created, "status": status,
        "model": reply.model, "output": items, "error": null, "incomplete_details": reason, "instructions": null,
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "temperature": 1.0, "top_p": 1.0,
        "metadata": {}, "usage": usage})
}

impl Wire for Responses {
    fn piece(&mut self, piece: &Piece, reply: &Reply, out: &mut Frames) {
        match piece {
            Piece::Open => {
                let response = body(reply, &Value::Null, "in_progress");
                self.send("response.created", json!({"response": response}), out);
                self.send("response.in_progress", json!({"response": response}), out);
            }
            Piece::Reasoning(range) => {
                self.enter(Item::Reasoning, reply, out);
                self.delta("response.reasoning_text.delta", &reply.reasoning[range.clone()], reply, out);
            }
            Piece::Text(range) => {
                self.enter(Item::Message, reply, out);
                self.delta("response.output_text.delta", &reply.text[range.clone()], reply, out);
            }
            Piece::CallOpen(n) => self.enter(Item::Call(*n), reply, out),
            Piece::CallArguments(n, range) => {
                let part = &reply.calls[*n].arguments[range.clone()];
                self.delta("response.function_call_arguments.delta", part, reply, out);
            }
            Piece::Close => self.close(reply, out),
            // Usage travels in the terminal event, which is also the terminator.
            Piece::Usage(_) | Piece::Done | Piece::Halt(_) => {}
            Piece::Error => {
                let event = json!({"code": "server_error", "message": "the simulator broke off", "param": null});
                self.send("error", event, out);
            }
            Piece::Broken => out.data("{\"type\":\"response.output_te"),
        }
    }

    fn whole(&self, reply: &Reply) -> Value {
        body(reply, &usage(reply), status(reply))
    }
}
