//! OpenAI chat completions, and the many servers that speak them.
//!
//! Reference: <https://github.com/openai/openai-openapi> (`/chat/completions`).

mod chunk;
mod decoder;
mod template;

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

/// The protocol `openai-chat`.
#[derive(Debug, Clone, Copy)]
pub struct OpenAiChat;

const KNOWN: &[&str] = &[
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_tokens",
    "max_completion_tokens",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "stop",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "parallel_tool_calls",
    "user",
];

impl Dialect for OpenAiChat {
    fn name(&self) -> &'static str {
        "openai-chat"
    }

    fn path(&self) -> &'static str {
        "/chat/completions"
    }

    fn encode(&self, messages: &[Message], conversation: &Conversation) -> Members {
        let mut writer = Writer::default();
        writer.raw("\"messages\":");
        writer.list(messages, message);
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
            extra.insert("response_format".into(), response_format(format));
        }
        writer.members(extra)
    }

    fn options(&self, params: &Params, stream: bool) -> Result<Map<String, Value>, Vec<String>> {
        let mut options = encode::options(params, KNOWN, &[])?;
        options.insert("stream".into(), stream.into());
        if stream {
            options.insert("stream_options".into(), json!({"include_usage": true}));
        }
        Ok(options)
    }

    fn protected(&self) -> &'static [&'static str] {
        &["model", "messages", "stream", "tools"]
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::<decoder::ChatDecoder>::default()
    }
}

fn message(writer: &mut Writer, message: &Message) {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    writer.raw("{\"role\":").string(role);
    if let Some(id) = &message.tool_call_id {
        writer.raw(",\"tool_call_id\":").string(id);
    }
    if !message.tool_calls.is_empty() {
        writer.raw(",\"tool_calls\":");
        writer.list(&message.tool_calls, call);
    }
    writer.raw(",\"content\":");
    match encode::only_text(message) {
        Some("") if !message.tool_calls.is_empty() => {
            writer.raw("null");
        }
        Some(text) => {
            writer.text(text);
        }
        None => writer.list(&message.content, part),
    }
    writer.raw("}");
}

fn part(writer: &mut Writer, part: &Part) {
    let url = match part {
        Part::Text(text) => {
            writer.raw("{\"type\":\"text\",\"text\":").text(text).raw("}");
            return;
        }
        Part::Image { media_type, data } => encode::data_url(media_type, data),
        Part::ImageUrl(url) => url.to_string(),
    };
    writer.raw("{\"type\":\"image_url\",\"image_url\":{\"url\":").string(&url).raw("}}");
}

fn call(writer: &mut Writer, call: &ToolCall) {
    writer.raw("{\"id\":").string(&call.id).raw(",\"type\":\"function\",\"function\":{\"name\":").string(&call.name);
    writer.raw(",\"arguments\":").string(&call.arguments).raw("}}");
}

fn tool(tool: &Tool) -> Value {
    let mut function = json!({
        "name": tool.name, "description": tool.description, "parameters": tool.parameters.value(),
    });
    if tool.strict {
        function["strict"] = true.into();
    }
    json!({"type": "function", "function": function})
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Function(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn response_format(format: &Format) -> Value {
    match format {
        Format::JsonObject => json!({"type": "json_object"}),
        Format::JsonSchema { name, schema } => {
            json!({"type": "json_schema", "json_schema": {"name": name, "strict": true, "schema": schema.value()}})
        }
    }
}
