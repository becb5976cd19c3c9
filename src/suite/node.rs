//! A document as a tree with places, whatever it was written in: YAML, JSON, JSON Lines or CSV.

use serde_json::Map;
use serde_json::Number;
use serde_json::Value;

use super::problem::Span;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// JSON's `null`, or nothing at all after a key.
    Null,
    /// A scalar without quotes: its type depends on who asks.
    Plain(String),
    /// Text in quotes or a block.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order written, keys unique.
    Map(Vec<Entry>),
}

/// One member of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// An empty mapping at `span`.
    pub fn empty(span: Span) -> Self {
        Self { span, kind: Kind::Map(Vec::new()) }
    }

    /// The text of a scalar.
    pub fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Plain(text) | Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value under `key` of a mapping.
    pub fn member(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// What the node is, for messages.
    pub fn noun(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".into(),
            Kind::Plain(text) | Kind::Text(text) => format!("`{}`", shortened(text)),
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a mapping".into(),
        }
    }

    /// The value as JSON: unquoted `null`, `true`, `false` and numbers have their meaning.
    pub fn json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Plain(text) => typed(text),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Self::json).collect(),
            Kind::Map(entries) => Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.json())).collect()),
        }
    }

    /// The value as data of the author's own: text stays what was written.
    ///
    /// An unquoted scalar becomes a number or a boolean only where JSON would write it in exactly these characters,
    /// so `42` counts and `1e3`, `007`, `1.50`, `yes`, `~` and `null` stay text. Inside a mapping `null` is JSON's.
    pub fn verbatim(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Plain(text) => exact(text),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Self::verbatim).collect(),
            Kind::Map(entries) => Value::Object(entries.iter().map(member_verbatim).collect::<Map<_, _>>()),
        }
    }
}

fn member_verbatim(entry: &Entry) -> (String, Value) {
    let value = match &entry.value.kind {
        Kind::Plain(text) if text == "null" => Value::Null,
        _ => entry.value.verbatim(),
    };
    (entry.key.clone(), value)
}

/// At most 60 characters of a text, for messages.
pub fn shortened(text: &str) -> String {
    crate::text::plain::one_line(text, 60)
}

/// An unquoted scalar by the rules of YAML's core schema, restricted to what JSON can say.
fn typed(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn exact(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match number(text) {
            Some(number) if number.to_string() == text => Value::Number(number),
            _ => Value::String(text.to_owned()),
        },
    }
}

/// A number in JSON's grammar; `None` for anything else.
pub fn number(text: &str) -> Option<Number> {
    let starts = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    starts.then(|| serde_json::from_str(text).ok()).flatten()
}

/// A scalar that YAML reads as infinity or not-a-number.
pub fn is_not_finite(text: &str) -> bool {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text).to_ascii_lowercase();
    matches!(bare.as_str(), ".inf" | ".nan")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(text: &str) -> Node {
        Node { span: Span::default(), kind: Kind::Plain(text.into()) }
    }

    #[test]
    fn what_the_author_wrote_stays() {
        let words = "yes no on off y n 1e3 0x1F null ~ 2024-01-01 1.50 007 +1 Infinity True 99999999999999999999";
        for word in words.split(' ') {
            assert_eq!(plain(word).verbatim(), json!(word));
        }
        assert_eq!(plain("42").verbatim(), json!(42));
        assert_eq!(plain("-0.5").verbatim(), json!(-0.5));
        assert_eq!(plain("true").verbatim(), json!(true));
    }

    #[test]
    fn parameters_have_types() {
        let rows = [("~", json!(null)), ("1e3", json!(1000.0)), ("no", json!("no")), ("True", json!(true))];
        for (text, value) in rows {
            assert_eq!(plain(text).json(), value);
        }
    }
}
