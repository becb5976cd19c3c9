//! Anthropic messages.
//!
//! Reference: <https://github.com/anthropics/anthropic-sdk-python> (`src/anthropic/types`).

mod decoder;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Decoder;
use super::Dialect;
use super::Members;
use super::Params;
use super::encode;
use super::encode::Writer;
use crate::domain::Conversation;
use crate::domain::Format;
use crate::domain::Message;
use crate::domain::Part;
use crate::domain::Role;
use crate::domain::Tool;
use crate::domain::ToolCall;
use crate::domain::ToolChoice;

/// The protocol `anthropic-messages`.
#[derive(Debug, Clone, Copy)]
pub struct AnthropicMessages;

/// Sent where the suite sets no `max_tokens`, which this protocol demands.
const DEFAULT_MAX_TOKENS: u64 = 4096;

const KNOWN: &[&str] = &["temperature", "top_p", "top_k", "max_tokens", "stop_sequences", "service_tier", "metadata"];

const RENAMED: &[(&str, &str)] = &[("stop", "stop_sequences"), ("max_completion_tokens", "max_tokens")];

impl Dialect for AnthropicMessages {
    fn name(&self) -> &'static str {
        "anthropic-messages"
    }

    fn path(&self) -> &'static str {
        "/v1/messages"
    }

    fn count_path(&self) -> Option<&'static str> {
        Some("/v1/messages/count_tokens")
    }

    fn encode(&self, messages: &[Message], conversation: &Conversation) -> Members {
        let mut writer = Writer::default();
        system(&mut writer, messages);
        writer.raw("\"messages\":");
        writer.list(turns(messages), turn);
        if !conversation.tools.is_empty() {
            writer.raw(",\"tools\":");
            writer.list(&conversation.tools, |writer, tool| {
                writer.value(&self::tool(tool));
            });
        }
        let mut extra = Map::new();
        if let Some(choice) = &conversation.tool_choice {
            extra.insert("tool_choice".into(), tool_choice(choice));
        }
        if let Some(Format::JsonSchema { schema, .. }) = &conversation.format {
            let format = json!({"type": "json_schema", "schema": schema.value()});
            extra.insert("output_config".into(), json!({"format": format}));
        }
        writer.members(extra)
    }

    fn options(&self, params: &Params, stream: bool) -> Result<Map<String, Value>, Vec<String>> {
        let mut options = encode::options(params, KNOWN, RENAMED)?;
        if let Some(stop) = options.get_mut("stop_sequences")
            && stop.is_string()
        {
            *stop = json!([stop.take()]);
        }
        options.entry("max_tokens").or_insert_with(|| DEFAULT_MAX_TOKENS.into());
        options.insert("stream".into(), stream.into());
        Ok(options)
    }

    fn protected(&self) -> &'static [&'static str] {
        &["model", "messages", "system", "stream", "tools"]
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::<decoder::MessagesDecoder>::default()
    }
}

/// System messages stand beside the conversation here.
fn system(writer: &mut Writer, messages: &[Message]) {
    let said: Vec<&Message> = messages.iter().filter(|message| message.role == Role::System).collect();
    match said.as_slice() {
        [] => return,
        [one] => {
            writer.raw("\"system\":").text(&encode::all_text(one));
        }
        many => {
            writer.raw("\"system\":");
            writer.list(many, |writer, message| {
                writer.raw("{\"type\":\"text\",\"text\":").text(&encode::all_text(message)).raw("}");
            });
        }
    }
    writer.raw(",");
}

/// Messages of one role in a row are one turn; results of tools come from the user.
fn turns(messages: &[Message]) -> Vec<&[Message]> {
    let mut found = Vec::new();
    for run in messages.split(|message| message.role == Role::System) {
        found.extend(run.chunk_by(|a, b| is_users(a) == is_users(b)));
    }
    found
}

fn is_users(message: &Message) -> bool {
    matches!(message.role, Role::User | Role::Tool)
}

fn turn(writer: &mut Writer, messages: &[Message]) {
    let role = if messages.first().is_some_and(is_users) { "user" } else { "assistant" };
    writer.raw("{\"role\":").string(role).raw(",\"content\":");
    match messages {
        [one] if one.role != Role::Tool && one.tool_calls.is_empty() && encode::only_text(one).is_some() => {
            writer.text(encode::only_text(one).unwrap_or_default());
        }
        several => writer.list(several.iter().flat_map(blocks), block),
    }
    writer.raw("}");
}

/// One block of a turn's content.
#[derive(Clone, Copy)]
enum Block<'m> {
    Part(&'m Part),
    Call(&'m ToolCall),
    Result(&'m Message),
}

fn blocks(message: &Message) -> Vec<Block<'_>> {
    if message.role == Role::Tool {
        return vec![Block::Result(message)];
    }
    let parts = message.content.iter().filter(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    parts.map(Block::Part).chain(message.tool_calls.iter().map(Block::Call)).collect()
}

fn block(writer: &mut Writer, block: Block<'_>) {
    match block {
        Block::Part(Part::Text(text)) => {
            writer.raw("{\"type\":\"text\",\"text\":").text(text).raw("}");
        }
        Block::Part(Part::Image { media_type, data }) => {
            writer.raw("{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":").string(media_type);
            writer.raw(",\"data\":").string(&encode::base64(data)).raw("}}");
        }
        Block::Part(Part::ImageUrl(url)) => {
            writer.raw("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":").string(url).raw("}}");
        }
        Block::Call(call) => {
            let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
            writer.raw("{\"type\":\"tool_use\",\"id\":").string(&call.id).raw(",\"name\":").string(&call.name);
            writer.raw(",\"input\":").value(&input).raw("}");
        }
        Block::Result(message) => {
            let id = message.tool_call_id.as_deref().unwrap_or_default();
            writer.raw("{\"type\":\"tool_result\",\"tool_use_id\":").string(id).raw(",\"content\":");
            writer.text(&encode::all_text(message)).raw("}");
        }
    }
}

fn tool(tool: &Tool) -> Value {
    let mut made = json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters.value()});
    if tool.strict {
        made["strict"] = true.into();
    }
    made
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::None => json!({"type": "none"}),
        ToolChoice::Required => json!({"type": "any"}),
        ToolChoice::Function(name) => json!({"type": "tool", "name": name}),
    }
}
