//! Writing request members: big texts go straight to bytes, once, and the place of the salt is remembered.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Map;
use serde_json::Value;

use super::Members;
use super::Params;
use crate::domain::Message;
use crate::domain::Part;

/// Writes JSON members and remembers where the first text begins.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    salt_at: Option<usize>,
}

impl Writer {
    /// Writes JSON as it stands.
    pub(super) fn raw(&mut self, json: &str) -> &mut Self {
        self.bytes.extend_from_slice(json.as_bytes());
        self
    }

    /// Writes `text` as a JSON string.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        serde_json::to_writer(&mut self.bytes, text).expect("a vector takes every write and a str is a JSON string");
        self
    }

    /// Writes a value.
    pub(super) fn value(&mut self, value: &Value) -> &mut Self {
        self.raw(&value.to_string())
    }

    /// Writes text of a message; the salt goes in front of the first one.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let opening_quote = self.bytes.len();
        self.salt_at.get_or_insert(opening_quote + 1);
        self.string(text)
    }

    /// Writes `items` between brackets, separated by commas.
    pub(super) fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.raw("[");
        for (n, item) in items.into_iter().enumerate() {
            if n > 0 {
                self.raw(",");
            }
            write(self, item);
        }
        self.raw("]");
    }

    /// The members, split at the place of the salt. Without any text there is none, and `after` is empty.
    pub(super) fn members(self, extra: Map<String, Value>) -> Members {
        let bytes = Bytes::from(self.bytes);
        let at = self.salt_at.unwrap_or(bytes.len());
        Members::new(bytes.slice(..at), bytes.slice(at..), extra)
    }
}

/// A picture as a `data:` URL.
pub(super) fn data_url(media_type: &str, data: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(data))
}

/// A picture in base64.
pub(super) fn base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// The text of a message that is nothing but one text.
pub(super) fn only_text(message: &Message) -> Option<&str> {
    match message.content.as_slice() {
        [] => Some(""),
        [Part::Text(text)] => Some(text),
        _ => None,
    }
}

/// All text of a message.
pub(super) fn all_text(message: &Message) -> String {
    let texts =
        message.content.iter().filter_map(|part| if let Part::Text(text) = part { Some(&**text) } else { None });
    texts.collect()
}

/// Sorts `params` into what a protocol calls by another name, takes as it is, or does not have.
///
/// A penalty of 0 and `n: 1` ask for nothing, so a protocol without them loses nothing and they are left out.
pub(super) fn options(
    params: &Params,
    known: &[&str],
    renamed: &[(&str, &str)],
) -> Result<Map<String, Value>, Vec<String>> {
    let mut options = Map::new();
    let mut unknown = Vec::new();
    for (name, value) in params {
        if let Some((_, other)) = renamed.iter().find(|(from, _)| from == name) {
            options.insert((*other).to_owned(), value.clone());
        } else if known.contains(&name.as_str()) {
            options.insert(name.clone(), value.clone());
        } else if !asks_for_nothing(name, value) {
            unknown.push(name.clone());
        }
    }
    if unknown.is_empty() { Ok(options) } else { Err(unknown) }
}

fn asks_for_nothing(name: &str, value: &Value) -> bool {
    match name {
        "frequency_penalty" | "presence_penalty" => value.as_f64() == Some(0.0),
        "repetition_penalty" => value.as_f64() == Some(1.0),
        "n" => value.as_u64() == Some(1),
        _ => value.is_null(),
    }
}
