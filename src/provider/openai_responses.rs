//! OpenAI Responses.
//!
//! Reference: <https://github.com/openai/openai-openapi> (`/responses`).

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

/// The protocol `openai-responses`.
#[derive(Debug, Clone, Copy)]
pub struct OpenAiResponses;

const KNOWN: &[&str] = &[
    "temperature",
    "top_p",
    "max_output_tokens",
    "top_logprobs",
    "service_tier",
    "parallel_tool_calls",
    "max_tool_calls",
    "truncation",
    "store",
    "user",
];

const RENAMED: &[(&str, &str)] = &[("max_tokens", "max_output_tokens"), ("max_completion_tokens", "max_output_tokens")];

impl Dialect for OpenAiResponses {
    fn name(&self) -> &'static str {
        "openai-responses"
    }

    fn path(&self) -> &'static str {
        "/responses"
    }

    fn encode(&self, messages: &[Message], conversation: &Conversation) -> Members {
        let mut writer = Writer::default();
        writer.raw("\"input\":");
        writer.list(messages.iter().flat_map(items), item);
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
        if let Some(format) = &conversation.format {
            extra.insert("text".into(), json!({"format": text_format(format)}));
        }
        writer.members(extra)
    }

    fn options(&self, params: &Params, stream: bool) -> Result<Map<String, Value>, Vec<String>> {
        let mut params = params.clone();
        let effort = params.shift_remove("reasoning_effort");
        let verbosity = params.shift_remove("verbosity");
        let mut options = encode::options(&params, KNOWN, RENAMED)?;
        if let Some(effort) = effort {
            options.insert("reasoning".into(), json!({"effort": effort}));
        }
        if let Some(verbosity) = verbosity {
            options.insert("text".into(), json!({"verbosity": verbosity}));
        }
        options.insert("stream".into(), stream.into());
        Ok(options)
    }

    fn protected(&self) -> &'static [&'static str] {
        &["model", "input", "stream", "tools"]
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::<decoder::ResponsesDecoder>::default()
    }
}

/// One entry of `input`: what a message says, or a call that it makes.
#[derive(Clone, Copy)]
enum Item<'m> {
    Said(&'m Message),
    Called(&'m ToolCall),
}

fn items(message: &Message) -> Vec<Item<'_>> {
    let silent = message.content.is_empty() && !message.tool_calls.is_empty();
    let said = (!silent).then_some(Item::Said(message));
    said.into_iter().chain(message.tool_calls.iter().map(Item::Called)).collect()
}

fn item(writer: &mut Writer, item: Item<'_>) {
    let message = match item {
        Item::Called(call) => {
            writer.raw("{\"type\":\"function_call\",\"call_id\":").string(&call.id).raw(",\"name\":");
            writer.string(&call.name).raw(",\"arguments\":").string(&call.arguments).raw("}");
            return;
        }
        Item::Said(message) => message,
    };
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => {
            let id = message.tool_call_id.as_deref().unwrap_or_default();
            writer.raw("{\"type\":\"function_call_output\",\"call_id\":").string(id).raw(",\"output\":");
            writer.text(&encode::all_text(message)).raw("}");
            return;
        }
    };
    writer.raw("{\"role\":").string(role).raw(",\"content\":");
    match encode::only_text(message) {
        Some(text) => {
            writer.text(text);
        }
        None => writer.list(&message.content, |writer, part| self::part(writer, part, message.role)),
    }
    writer.raw("}");
}

fn part(writer: &mut Writer, part: &Part, role: Role) {
    let url = match part {
        Part::Text(text) => {
            let kind = if role == Role::Assistant { "output_text" } else { "input_text" };
            writer.raw("{\"type\":").string(kind).raw(",\"text\":").text(text).raw("}");
            return;
        }
        Part::Image { media_type, data } => encode::data_url(media_type, data),
        Part::ImageUrl(url) => url.to_string(),
    };
    writer.raw("{\"type\":\"input_image\",\"image_url\":").string(&url).raw("}");
}

fn tool(tool: &Tool) -> Value {
    json!({
        "type": "function", "name": tool.name, "description": tool.description,
        "parameters": tool.parameters.value(), "strict": tool.strict,
    })
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Function(name) => json!({"type": "function", "name": name}),
    }
}

fn text_format(format: &Format) -> Value {
    match format {
        Format::JsonObject => json!({"type": "json_object"}),
        Format::JsonSchema { name, schema } => {
            json!({"type": "json_schema", "name": name, "strict": true, "schema": schema.value()})
        }
    }
}
