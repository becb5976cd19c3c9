//! Chat completions as they stream, with the quirks of a dozen servers.

use serde::Deserialize;
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
use super::super::json::Text;
use super::super::usage;
use super::chunk::Call;
use super::chunk::Choice;
use super::chunk::Chunk;
use super::chunk::Delta;
use super::chunk::Function;
use super::template::Template;
use crate::domain::Channel;
use crate::domain::Flag;
use crate::domain::JsonText;

/// Decodes one chat completion.
#[derive(Debug, Default)]
pub(super) struct ChatDecoder {
    draft: Draft,
    /// The choice that is read; others are answers to the same question.
    choice: Option<u64>,
    template: Option<Template>,
}

impl Decoder for ChatDecoder {
    fn event(&mut self, _name: &str, data: &str, out: &mut Out) {
        self.draft.begin();
        if let Some((channel, text)) = self.template.as_ref().and_then(|template| template.text_of(data)) {
            if text.is_empty() {
                out.push((Channel::Role, 0));
            }
            self.draft.add(channel, text, out);
            return;
        }
        if data.starts_with("[DONE]") {
            self.draft.done = true;
            out.push((Channel::Done, 0));
        } else {
            self.json(data, out);
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
        self.json(&text, out);
        if self.draft.stop.is_none() && self.draft.failure.is_none() {
            self.draft.broke("choices", &text);
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

impl ChatDecoder {
    fn json(&mut self, data: &str, out: &mut Out) {
        if let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(data) {
            self.chunk(&chunk, || serde_json::from_str(data).unwrap_or_default(), out);
            let ours = chunk.choices.0.iter().all(|choice| self.choice == Some(index_of(choice)));
            self.template = if ours { Template::of(&chunk, data) } else { None };
            return;
        }
        let Ok((value, repaired)) = json::parse(data) else {
            self.draft.broke("json", data);
            return;
        };
        if repaired {
            self.draft.flag(Flag::Repaired);
        }
        if let Ok(chunk) = Chunk::deserialize(&value) {
            self.chunk(&chunk, || value.clone(), out);
        } else if let Some(failure) = Failure::find(&value) {
            self.draft.fail(failure, out);
        } else {
            self.draft.flag(Flag::OddShape);
            out.push((Channel::Role, 0));
        }
    }

    /// One parsed chunk; `whole` gives all its members for the rare case that it is an error.
    fn chunk(&mut self, chunk: &Chunk<'_>, whole: impl FnOnce() -> Value, out: &mut Out) {
        let n = out.len();
        self.facts(chunk);
        for choice in &chunk.choices.0 {
            self.choice(choice, out);
        }
        if let Some(counts) = chunk.usage.as_ref().filter(|counts| counts.is_object()) {
            self.draft.usage(usage::openai(counts), out);
        }
        if (chunk.error.is_some() || is_flat_error(chunk))
            && let Some(failure) = Failure::find(&whole())
        {
            self.draft.fail(failure, out);
        }
        if out.len() == n {
            out.push((Channel::Role, 0));
        }
    }

    /// Facts about the reply; the first to say something holds.
    fn facts(&mut self, chunk: &Chunk<'_>) {
        let reply = &mut self.draft.reply;
        let keep = |slot: &mut Option<String>, said: &Text<'_>| {
            if slot.is_none() && !said.text.is_empty() {
                *slot = Some(said.text.to_string());
            }
        };
        keep(&mut reply.id, &chunk.id);
        keep(&mut reply.model, &chunk.model);
        keep(&mut reply.provider, &chunk.provider);
        keep(&mut reply.fingerprint, &chunk.system_fingerprint);
        if !chunk.service_tier.text.is_empty() {
            reply.service_tier = Some(chunk.service_tier.text.to_string());
        }
        if let Some(timings) = &chunk.timings {
            reply.timings = Some(JsonText::new(timings));
        }
    }

    fn choice(&mut self, choice: &Choice<'_>, out: &mut Out) {
        let index = index_of(choice);
        if *self.choice.get_or_insert(index) != index {
            return;
        }
        if let Some(delta) = choice.delta.as_ref().or(choice.message.as_ref()) {
            self.delta(delta, out);
        }
        self.draft.add(Channel::Text, &choice.text.text, out);
        if !choice.finish_reason.text.is_empty() {
            let reason = choice.finish_reason.text.as_ref();
            self.draft.stop(reason, stop_of(reason), out);
        }
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Out) {
        self.reasoning(delta, out);
        if delta.content.is_odd || delta.refusal.is_odd {
            self.draft.flag(Flag::OddShape);
        }
        self.draft.add(Channel::Text, &delta.content.text, out);
        self.draft.add(Channel::Refusal, &delta.refusal.text, out);
        for call in &delta.tool_calls.0 {
            self.call(call, out);
        }
        if let Some(function) = &delta.function_call {
            self.function(0, "", function, out);
        }
    }

    /// Several fields of one delta hold the same reasoning: one is taken.
    fn reasoning(&mut self, delta: &Delta<'_>, out: &mut Out) {
        let details: String;
        let (field, text) = if !delta.reasoning_content.text.is_empty() {
            ("reasoning_content", delta.reasoning_content.text.as_ref())
        } else if !delta.reasoning.text.is_empty() {
            ("reasoning", delta.reasoning.text.as_ref())
        } else {
            details = detail_texts(&delta.reasoning_details.0);
            ("reasoning_details", details.as_str())
        };
        if !text.is_empty() {
            self.draft.reply.reasoning_field.get_or_insert(field);
            self.draft.add(Channel::Reasoning, text, out);
        }
    }

    fn call(&mut self, call: &Call<'_>, out: &mut Out) {
        let index = self.place_of(call);
        match &call.function {
            Some(function) => self.function(index, &call.id.text, function, out),
            None => self.function(index, &call.id.text, &Function::default(), out),
        }
    }

    /// The place of a call: its index, or the place of the same id, or a new place for a new id.
    fn place_of(&self, call: &Call<'_>) -> u64 {
        if let Some(index) = call.index.as_ref().and_then(Value::as_u64) {
            return index;
        }
        let tools = &self.draft.tools;
        let last = tools.last_key_value().map(|(index, _)| *index);
        if call.id.text.is_empty() {
            return last.unwrap_or(0);
        }
        let known = tools.iter().find(|(_, made)| made.id == call.id.text).map(|(index, _)| *index);
        known.unwrap_or_else(|| last.map_or(0, |index| index.saturating_add(1)))
    }

    fn function(&mut self, index: u64, id: &str, function: &Function<'_>, out: &mut Out) {
        let arguments = match &function.arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                self.draft.flag(Flag::OddShape);
                other.to_string()
            }
        };
        let made = self.draft.tools.entry(index).or_default();
        if made.id.is_empty() {
            id.clone_into(&mut made.id);
        }
        let name = if made.name.is_empty() { function.name.text.as_ref() } else { "" };
        made.name.push_str(name);
        made.arguments.push_str(&arguments);
        let bytes = name.len() + arguments.len();
        if bytes > 0 {
            self.draft.token(Channel::Tool, bytes, out);
        }
    }
}

fn index_of(choice: &Choice<'_>) -> u64 {
    choice.index.as_ref().and_then(Value::as_u64).unwrap_or(0)
}

/// The texts and summaries of a list of reasoning details; encrypted ones have none.
fn detail_texts(details: &[Value]) -> String {
    let text = |detail: &Value| detail.get("text").or_else(|| detail.get("summary"))?.as_str().map(str::to_owned);
    details.iter().filter_map(text).collect()
}

/// Members that only an error has, or has besides an answer.
fn is_flat_error(chunk: &Chunk<'_>) -> bool {
    chunk.object.text == "error"
        || chunk.kind.text == "error"
        || !chunk.status.text.is_empty()
        || (chunk.code.is_some() && chunk.choices.0.is_empty())
}

fn stop_of(reason: &str) -> Stop {
    match reason {
        "length" | "max_tokens" => Stop::Limit,
        "tool_calls" | "function_call" | "tool_use" => Stop::Tool,
        "content_filter" => Stop::Filtered,
        "refusal" => Stop::Refused,
        "error" => Stop::Error,
        _ => Stop::Natural,
    }
}
