//! Tool calls: picks the tool whose words the prompt uses, and fills its arguments from the prompt.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Call;
use super::extract;
use crate::domain::random::Stream;
use crate::sim::ask::Ask;
use crate::sim::ask::Choice;
use crate::sim::ask::Tool;

/// The calls that the last message asks for; `None` where no tool fits and none is required.
pub(super) fn calls(ask: &Ask, slip: bool, stream: &mut Stream) -> Option<Vec<Call>> {
    let text = ask.question();
    let tool = pick(ask, text)?;
    let places = places(text);
    let several = ask.parallel && places.len() > 1 && place_argument(tool).is_some();
    let texts: Vec<String> =
        if several { places.iter().map(|place| format!("in {place}")).collect() } else { vec![text.to_owned()] };
    let calls = texts.iter().map(|part| {
        let mut arguments = arguments(tool, part, text);
        if slip {
            spoil(&mut arguments);
        }
        Call {
            id: format!("call_{:012x}", stream.bits() >> 16),
            name: tool.name.clone(),
            arguments: Value::Object(arguments).to_string(),
        }
    });
    Some(calls.collect())
}

fn pick<'a>(ask: &'a Ask, text: &str) -> Option<&'a Tool> {
    if let Choice::Named(name) = &ask.choice {
        return ask.tools.iter().find(|tool| tool.name == *name);
    }
    let text = text.to_lowercase();
    let best = ask.tools.iter().max_by_key(|tool| fit(tool, &text))?;
    (ask.choice == Choice::Must || fit(best, &text) > 0).then_some(best)
}

/// How many words of the tool's name and description the text uses; the name counts thrice.
fn fit(tool: &Tool, text: &str) -> usize {
    let used = |words: &str| {
        words
            .split(|c: char| !c.is_alphanumeric())
            .map(str::to_lowercase)
            .filter(|word| {
                word.len() > 3 && !["given", "with", "from", "that", "this", "current"].contains(&word.as_str())
            })
            .filter(|word| text.contains(word.as_str()))
            .count()
    };
    3 * used(&tool.name) + used(&tool.description)
}

fn arguments(tool: &Tool, part: &str, whole: &str) -> Map<String, Value> {
    let required: Vec<&str> =
        tool.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut arguments = Map::new();
    for (name, schema) in tool.schema["properties"].as_object().into_iter().flatten() {
        let must = required.contains(&name.as_str());
        if schema["enum"].is_array() && !must && !mentions(schema, whole) {
            continue;
        }
        let value = argument(name, schema, part, whole);
        if must || value.as_str() != Some("") {
            arguments.insert(name.clone(), value);
        }
    }
    arguments
}

/// The text names one of the choices.
fn mentions(schema: &Value, text: &str) -> bool {
    let text = text.to_lowercase();
    schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|choice| text.contains(&choice.to_lowercase()))
}

fn argument(name: &str, schema: &Value, part: &str, whole: &str) -> Value {
    if is_place(name)
        && let Some(place) = places(part).into_iter().next()
    {
        return json!(place);
    }
    if let Some(code) = currency(name, whole) {
        return json!(code);
    }
    let found = extract::fill(name, schema, part, 0);
    let free = ["query", "question", "text", "message", "expression", "input", "prompt", "q"].contains(&name);
    if free && found.as_str() == Some("") { json!(whole.trim()) } else { found }
}

/// Money is converted from the first currency that is named to the second.
fn currency(name: &str, text: &str) -> Option<String> {
    let place = ["from", "to"].iter().position(|known| *known == name)?;
    let is_code = |word: &&str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let codes: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(is_code).collect();
    codes.get(place).filter(|_| codes.len() > 1).map(|code| (*code).to_owned())
}

fn is_place(name: &str) -> bool {
    ["city", "location", "place", "town"].iter().any(|word| name.contains(word))
}

fn place_argument(tool: &Tool) -> Option<&String> {
    tool.schema["properties"].as_object()?.keys().find(|name| is_place(name))
}

/// Places named after a preposition, `in Paris and Berlin` included.
fn places(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut found: Vec<String> = Vec::new();
    let mut inside = false;
    let mut joined = false;
    for word in words {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if ["in", "at", "for", "near", "to"].contains(&bare) {
            (inside, joined) = (true, false);
        } else if inside && bare.starts_with(char::is_uppercase) {
            if let (true, Some(last)) = (joined, found.last_mut()) {
                last.push(' ');
                last.push_str(bare);
            } else if !found.iter().any(|known| known == bare) {
                found.push(bare.to_owned());
            }
            joined = !word.ends_with([',', '.', '?', ';']);
        } else if inside && (bare == "and" || bare == "or") {
            joined = false;
        } else {
            inside = false;
        }
    }
    found
}

fn spoil(arguments: &mut Map<String, Value>) {
    let Some(value) = arguments.values_mut().next() else { return };
    *value = match value {
        Value::String(_) => json!("unknown"),
        Value::Number(n) => json!(n.as_f64().unwrap_or(0.0) + 1.0),
        Value::Bool(flag) => json!(!*flag),
        _ => Value::Null,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::ask::Protocol;

    fn ask(text: &str, extra: &Value) -> Ask {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": text}], "tools": [
            {"type": "function", "function": {"name": "get_weather", "description": "Current weather of a city",
             "parameters": {"type": "object", "properties": {"city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}}, "required": ["city"]}}},
            {"type": "function", "function": {"name": "send_email", "description": "Sends a message to a person",
             "parameters": {"type": "object", "properties": {"email": {"type": "string"}}, "required": ["email"]}}}]});
        crate::domain::json::merge(&mut body, extra.clone());
        Ask::read(Protocol::Chat, &body).unwrap()
    }

    fn made(text: &str, extra: &Value) -> Option<Vec<(String, String)>> {
        let calls = calls(&ask(text, extra), false, &mut Stream::new(1, "x"))?;
        Some(calls.into_iter().map(|call| (call.name, call.arguments)).collect())
    }

    #[test]
    fn the_fitting_tool_is_called() {
        let none = json!({});
        let one = made("What is the weather in New York in celsius?", &none).unwrap();
        assert_eq!(one, [("get_weather".into(), r#"{"city":"New York","unit":"celsius"}"#.into())]);
        let two = made("Compare the weather in Paris and Berlin.", &none).unwrap();
        assert_eq!(two.len(), 2);
        assert_eq!(two[1].1, r#"{"city":"Berlin"}"#);
        let mail = made("Send an email to ann@x.example", &none).unwrap();
        assert_eq!(mail, [("send_email".into(), r#"{"email":"ann@x.example"}"#.into())]);
        assert_eq!(made("How old is the universe?", &none), None);
        assert!(made("How old is the universe?", &json!({"tool_choice": "required"})).is_some());
    }
}
