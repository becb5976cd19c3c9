//! What a request asks for, the same for all protocols: conversation, mode, tools, format, limits.

use serde_json::Value;

use super::fault::Marks;
use super::fault::take_marks;
use super::tokens;

/// The protocols that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `POST /chat/completions`.
    Chat,
    /// `POST /responses`.
    Responses,
    /// `POST /messages`.
    Messages,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    System,
    User,
    Assistant,
    Tool,
}

/// A tool on offer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) description: String,
    /// JSON Schema of the arguments.
    pub(super) schema: Value,
}

/// Whether a tool must be called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Choice {
    #[default]
    Auto,
    Never,
    Must,
    Named(String),
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Format {
    #[default]
    Text,
    Json,
    Schema(Value),
}

/// A request understood.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) protocol: Protocol,
    pub(super) model: String,
    /// One of the four efforts; `None` where the request names none.
    pub(super) mode: Option<&'static str>,
    pub(super) stream: bool,
    /// A stream shall end with usage.
    pub(super) usage: bool,
    pub(super) turns: Vec<(Speaker, String)>,
    pub(super) tools: Vec<Tool>,
    pub(super) choice: Choice,
    pub(super) parallel: bool,
    pub(super) format: Format,
    pub(super) max_tokens: Option<usize>,
    pub(super) stop: Vec<String>,
    pub(super) images: usize,
    pub(super) marks: Marks,
}

/// Why a request is refused, for a 400.
pub(super) type Refusal = String;

impl Ask {
    /// Reads the body of a request.
    pub(super) fn read(protocol: Protocol, body: &Value) -> Result<Self, Refusal> {
        let model = text_of(body, &["model", "model_id"]).ok_or("`model` is missing")?;
        let mut images = 0;
        let mut turns = match protocol {
            Protocol::Responses => input(body, &mut images)?,
            Protocol::Chat | Protocol::Messages => messages(body, &mut images)?,
        };
        let marks = take_turn_marks(&mut turns);
        let stream = flag(body, "stream").or_else(|| flag(body, "streaming")).unwrap_or(false);
        Ok(Self {
            protocol,
            model: model.to_owned(),
            mode: mode(body),
            stream,
            usage: protocol != Protocol::Chat
                || body.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or(false),
            turns,
            tools: list(body, "tools").iter().filter_map(tool).collect(),
            choice: choice(&body["tool_choice"]),
            parallel: flag(body, "parallel_tool_calls").unwrap_or(true),
            format: format(body),
            max_tokens: limit(protocol, body)?,
            stop: stops(body),
            images,
            marks,
        })
    }

    /// What the user said last, without the line that makes a prompt unique: no model takes that for its task.
    pub(super) fn question(&self) -> &str {
        self.turns.iter().rev().find(|(who, _)| *who == Speaker::User).map_or("", |(_, text)| unsalted(text))
    }

    /// All instructions above the conversation.
    pub(super) fn system(&self) -> String {
        let lines: Vec<&str> =
            self.turns.iter().filter(|(who, _)| *who == Speaker::System).map(|(_, text)| text.as_str()).collect();
        lines.join("\n")
    }

    /// The whole prompt as one text, for the prefix cache.
    pub(super) fn prompt(&self) -> String {
        self.turns.iter().flat_map(|(_, text)| ["\n", text]).collect()
    }

    /// Prompt tokens: the text, four for each message's frame, tools as JSON, and 1,300 for an image.
    pub(super) fn prompt_tokens(&self) -> usize {
        let said: usize = self.turns.iter().map(|(_, text)| tokens::count(text) + 4).sum();
        let offered: usize = self.tools.iter().map(|tool| tokens::count(&tool.schema.to_string()) + 8).sum();
        said + offered + 1300 * self.images + 3
    }
}

fn unsalted(text: &str) -> &str {
    let is_salt = |line: &str| {
        let inner = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inner.is_some_and(|inner| inner.len() > 16 && inner.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
    };
    text.split_once('\n').filter(|(first, _)| is_salt(first)).map_or(text, |(_, rest)| rest)
}

fn take_turn_marks(turns: &mut [(Speaker, String)]) -> Marks {
    let mut found = Marks::default();
    for (who, text) in turns {
        if *who == Speaker::User && text.contains("[[sim:") {
            let (kept, marks) = take_marks(text);
            *text = kept;
            found = marks;
        }
    }
    found
}

fn messages(body: &Value, images: &mut usize) -> Result<Vec<(Speaker, String)>, Refusal> {
    let messages =
        body["messages"].as_array().filter(|list| !list.is_empty()).ok_or("`messages` is missing or empty")?;
    let mut turns = Vec::with_capacity(messages.len() + 1);
    if !body["system"].is_null() {
        turns.push((Speaker::System, content(&body["system"], images)));
    }
    for message in messages {
        let answers = |part: &Value| part["type"] == "tool_result";
        let is_result = message["content"].as_array().is_some_and(|parts| parts.iter().any(answers));
        let who = if is_result { Speaker::Tool } else { speaker(&message["role"])? };
        turns.push((who, content(&message["content"], images)));
        if let Some(calls) = message["tool_calls"].as_array() {
            turns.push((Speaker::Assistant, calls.iter().map(Value::to_string).collect()));
        }
    }
    Ok(turns)
}

fn input(body: &Value, images: &mut usize) -> Result<Vec<(Speaker, String)>, Refusal> {
    let mut turns = Vec::new();
    if let Some(instructions) = body["instructions"].as_str() {
        turns.push((Speaker::System, instructions.to_owned()));
    }
    match &body["input"] {
        Value::String(text) => turns.push((Speaker::User, text.clone())),
        Value::Array(items) => {
            for item in items {
                turns.push(match item["type"].as_str() {
                    Some("function_call_output") => (Speaker::Tool, content(&item["output"], images)),
                    Some("function_call" | "reasoning") => (Speaker::Assistant, item.to_string()),
                    _ => (speaker(&item["role"])?, content(&item["content"], images)),
                });
            }
        }
        _ => return Err("`input` is missing; it is a string or a list of items".into()),
    }
    Ok(turns)
}

fn speaker(role: &Value) -> Result<Speaker, Refusal> {
    match role.as_str() {
        Some("system" | "developer") => Ok(Speaker::System),
        Some("user") => Ok(Speaker::User),
        Some("assistant") => Ok(Speaker::Assistant),
        Some("tool" | "function") => Ok(Speaker::Tool),
        _ => Err(format!("{role} is no role; known: system, developer, user, assistant, tool")),
    }
}

/// The text of a content member: a string, or parts of which some may be images or tool results.
fn content(value: &Value, images: &mut usize) -> String {
    let Some(parts) = value.as_array() else {
        return value.as_str().map(str::to_owned).unwrap_or_default();
    };
    let mut text = String::new();
    for part in parts {
        match part["type"].as_str() {
            Some("image_url" | "image" | "input_image") => *images += 1,
            Some("tool_result") => text.push_str(&content(&part["content"], images)),
            Some("tool_use") => text.push_str(&part["input"].to_string()),
            _ => text.push_str(part["text"].as_str().or_else(|| part.as_str()).unwrap_or_default()),
        }
    }
    text
}

fn limit(protocol: Protocol, body: &Value) -> Result<Option<usize>, Refusal> {
    let names: &[&str] = match protocol {
        Protocol::Chat => &["max_completion_tokens", "max_tokens"],
        Protocol::Responses => &["max_output_tokens"],
        Protocol::Messages => &["max_tokens"],
    };
    let Some((name, value)) = names.iter().map(|name| (name, &body[*name])).find(|(_, value)| !value.is_null()) else {
        let required = protocol == Protocol::Messages;
        return if required { Err("max_tokens: Field required".into()) } else { Ok(None) };
    };
    match value.as_u64() {
        Some(n) if n > 0 => Ok(Some(n as usize)),
        _ => Err(format!("`{name}` must be a positive integer, not {value}")),
    }
}

fn stops(body: &Value) -> Vec<String> {
    let value = if body["stop"].is_null() { &body["stop_sequences"] } else { &body["stop"] };
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The effort that any of the known controls asks for.
fn mode(body: &Value) -> Option<&'static str> {
    let efforts = [&body["reasoning_effort"], &body["reasoning"]["effort"], &body["output_config"]["effort"]];
    if let Some(name) = efforts.iter().find_map(|value| value.as_str()) {
        return effort(name);
    }
    let switches = [
        &body["reasoning"]["enabled"],
        &body["enable_thinking"],
        &body["chat_template_kwargs"]["enable_thinking"],
        &body["chat_template_kwargs"]["thinking"],
    ];
    if switches.iter().any(|value| value.as_bool() == Some(false)) || body["thinking"]["type"] == "disabled" {
        return Some("minimal");
    }
    let budget = body["thinking"]["budget_tokens"].as_u64().or_else(|| body["reasoning"]["max_tokens"].as_u64());
    budget.map(|tokens| match tokens {
        0 => "minimal",
        1..=2048 => "low",
        2049..=8192 => "medium",
        _ => "high",
    })
}

fn effort(name: &str) -> Option<&'static str> {
    match name {
        "none" | "minimal" => Some("minimal"),
        "low" => Some("low"),
        "medium" => Some("medium"),
        "high" | "xhigh" | "max" => Some("high"),
        _ => None,
    }
}

fn tool(value: &Value) -> Option<Tool> {
    let inner = if value["function"].is_object() { &value["function"] } else { value };
    let schema = if inner["parameters"].is_null() { &inner["input_schema"] } else { &inner["parameters"] };
    Some(Tool {
        name: inner["name"].as_str()?.to_owned(),
        description: inner["description"].as_str().unwrap_or_default().to_owned(),
        schema: schema.clone(),
    })
}

fn choice(value: &Value) -> Choice {
    let named = value["function"]["name"].as_str().or_else(|| value["name"].as_str());
    match (value.as_str().or_else(|| value["type"].as_str()), named) {
        (Some("none"), _) => Choice::Never,
        (Some("required" | "any"), _) => Choice::Must,
        (_, Some(name)) => Choice::Named(name.to_owned()),
        _ => Choice::Auto,
    }
}

fn format(body: &Value) -> Format {
    let places =
        [&body["response_format"], &body["text"]["format"], &body["output_config"]["format"], &body["output_format"]];
    let Some(place) = places.into_iter().find(|value| value.is_object()) else { return Format::Text };
    match place["type"].as_str() {
        Some("json_object") => Format::Json,
        Some("json_schema") => {
            let inner = &place["json_schema"]["schema"];
            Format::Schema(if inner.is_null() { place["schema"].clone() } else { inner.clone() })
        }
        _ => Format::Text,
    }
}

fn text_of<'a>(body: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| body[*name].as_str()).filter(|text| !text.is_empty())
}

fn flag(body: &Value, name: &str) -> Option<bool> {
    body[name].as_bool()
}

fn list<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use serde_json::json;

    use super::*;

    fn chat(extra: Value) -> Ask {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        crate::domain::json::merge(&mut body, extra);
        Ask::read(Protocol::Chat, &body).unwrap()
    }

    #[test]
    fn every_reasoning_control_is_recognized() {
        let rows = [
            (json!({"reasoning_effort": "minimal"}), Some("minimal")),
            (json!({"reasoning_effort": "none"}), Some("minimal")),
            (json!({"reasoning": {"effort": "xhigh"}}), Some("high")),
            (json!({"reasoning": {"enabled": false}}), Some("minimal")),
            (json!({"thinking": {"type": "disabled"}}), Some("minimal")),
            (json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}), Some("low")),
            (json!({"thinking": {"type": "enabled"}, "reasoning_effort": "low"}), Some("low")),
            (json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}), Some("medium")),
            (json!({"enable_thinking": false}), Some("minimal")),
            (json!({"chat_template_kwargs": {"enable_thinking": false}}), Some("minimal")),
            (json!({}), None),
        ];
        for (extra, mode) in rows {
            assert_eq!(chat(extra.clone()).mode, mode, "{extra}");
        }
    }

    #[test]
    fn the_product_pages_request_is_taken_verbatim() {
        let body = json!({"model_id": "bytedance-seed-seed-2.0-mini", "max_tokens": 1000, "key": "YOUR_API_KEY",
            "messages": [{"role": "user", "content": "Hello!"}]});
        let ask = Ask::read(Protocol::Chat, &body).unwrap();
        assert_eq!((ask.model.as_str(), ask.max_tokens), ("bytedance-seed-seed-2.0-mini", Some(1000)));
    }

    #[test]
    fn responses_items_and_messages_blocks_become_turns() {
        let body = json!({"model": "m", "instructions": "Be brief.", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image"}]},
            {"type": "function_call_output", "call_id": "c", "output": "5"}]});
        let ask = Ask::read(Protocol::Responses, &body).unwrap();
        assert_eq!((ask.turns.len(), ask.images, ask.system().as_str()), (3, 1, "Be brief."));
        assert_eq!(ask.turns[2], (Speaker::Tool, "5".into()));
        let body = json!({"model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "s"}], "messages": [
            {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "7"}]}]}]});
        let ask = Ask::read(Protocol::Messages, &body).unwrap();
        assert_eq!((&ask.turns[1], ask.system().as_str()), (&(Speaker::Tool, "7".into()), "s"));
    }

    #[test]
    fn a_salt_is_no_part_of_the_question() {
        let ask = |text: &str| chat(json!({"messages": [{"role": "user", "content": text}]}));
        assert_eq!(ask("[00f3a9c27be41d55-12-1]\nWhat is 2 + 3?").question(), "What is 2 + 3?");
        assert_eq!(ask("[a list]\nof two").question(), "[a list]\nof two");
    }

    #[test]
    fn refusals_name_the_member() {
        let rows = [
            (Protocol::Chat, json!({"messages": []}), "`model`"),
            (Protocol::Chat, json!({"model": "m"}), "`messages`"),
            (Protocol::Chat, json!({"model": "m", "messages": [{"role": "bot"}]}), "no role"),
            (Protocol::Messages, json!({"model": "m", "messages": [{"role": "user"}]}), "max_tokens"),
            (Protocol::Chat, json!({"model": "m", "messages": [{"role": "user"}], "max_tokens": 0}), "positive"),
            (Protocol::Responses, json!({"model": "m"}), "`input`"),
        ];
        for (protocol, body, part) in rows {
            let refusal = Ask::read(protocol, &body).unwrap_err();
            assert!(refusal.contains(part), "{refusal}");
        }
    }

    proptest! {
        #[test]
        fn any_json_is_survived(text in r#"[\[\]{}":,a-z0-9 ]{0,60}"#) {
            let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            let body = json!({"model": "m", "messages": [value.clone()], "tools": [value.clone()], "input": [value]});
            for protocol in [Protocol::Chat, Protocol::Responses, Protocol::Messages] {
                let _outcome = Ask::read(protocol, &body);
            }
        }
    }
}
