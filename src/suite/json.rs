//! JSON to a tree with places, for case files.
//!
//! Raw values borrow from the text, so their addresses are their places. Numbers keep their notation, except inside
//! the objects of an `expect`: there `1e-9` is data, such as an argument of a call or a bound of a schema.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use super::node::Entry;
use super::node::Kind;
use super::node::Node;
use super::node::number;
use super::problem::Sink;
use super::problem::Span;

/// Nesting at most.
const MAX_DEPTH: usize = 100;

/// Parses one JSON value that starts `offset` bytes into source number `source`. Problems go to the sink.
pub fn parse(sink: &Sink, source: u32, text: &str, offset: usize) -> Option<Node> {
    let reader = Reader { sink, source, text, offset };
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => reader.node(raw.get(), 0, Within::Case),
        Err(error) => {
            let at = byte_of(text, error.line(), error.column());
            let message = format!("not valid JSON: {}", strip_place(&error.to_string()));
            sink.report(reader.span(at..at), message, None);
            None
        }
    }
}

/// Byte of a line and column as `serde_json` counts them: both from 1, columns in bytes.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    (start + column.saturating_sub(1)).min(text.len())
}

fn strip_place(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

/// Where in a case a value stands.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    /// Nowhere in particular.
    Case,
    /// It is the `expect`, or part of its list.
    Expect,
    /// It is part of an object in `expect`.
    Data,
}

struct Reader<'a> {
    sink: &'a Sink,
    source: u32,
    text: &'a str,
    offset: usize,
}

impl<'a> Reader<'a> {
    fn span(&self, within: std::ops::Range<usize>) -> Span {
        let at = |byte: usize| (self.offset + byte) as u32;
        Span { source: self.source, start: at(within.start), end: at(within.end) }
    }

    fn place(&self, part: &str) -> Span {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        self.span(start..start + part.len())
    }

    fn node(&self, raw: &'a str, depth: usize, within: Within) -> Option<Node> {
        let span = self.place(raw);
        if depth > MAX_DEPTH {
            self.sink.advise(span.head(), format!("nested deeper than {MAX_DEPTH} levels"), "flatten the value");
            return None;
        }
        let kind = match raw.as_bytes().first() {
            Some(b'{') => self.map(raw, depth, within)?,
            Some(b'[') => {
                let items: Vec<&RawValue> = self.part(raw, span)?;
                Kind::List(
                    items.into_iter().map(|item| self.node(item.get(), depth + 1, within)).collect::<Option<_>>()?,
                )
            }
            Some(b'"') => Kind::Text(self.part(raw, span)?),
            Some(b'n') => Kind::Null,
            _ if within == Within::Data => {
                Kind::Plain(number(raw).map_or_else(|| raw.to_owned(), |number| number.to_string()))
            }
            _ => Kind::Plain(raw.to_owned()),
        };
        Some(Node { span, kind })
    }

    /// Strings can still be wrong here: a lone surrogate passes the first reading.
    fn part<T: Deserialize<'a>>(&self, raw: &'a str, span: Span) -> Option<T> {
        let read = serde_json::from_str(raw);
        let report = |error: &serde_json::Error| {
            self.sink.report(span, format!("not valid JSON: {}", strip_place(&error.to_string())), None);
        };
        read.inspect_err(report).ok()
    }

    fn map(&self, raw: &'a str, depth: usize, within: Within) -> Option<Kind> {
        let Members(members) = self.part(raw, self.place(raw))?;
        let mut seen = BTreeSet::new();
        let mut entries = Vec::with_capacity(members.len());
        for (key, value) in members {
            let inner = match within {
                Within::Case if key == "expect" => Within::Expect,
                Within::Case => Within::Case,
                Within::Expect | Within::Data => Within::Data,
            };
            let value = self.node(value.get(), depth + 1, inner)?;
            let key_span = match key {
                Cow::Borrowed(key) => self.place(key),
                Cow::Owned(_) => value.span.head(),
            };
            let key = key.into_owned();
            if seen.insert(key.clone()) {
                entries.push(Entry { key, key_span, value });
            } else {
                self.sink.advise(key_span, format!("the key `{key}` is given twice"), "remove one of the two");
            }
        }
        Some(Kind::Map(entries))
    }
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner;
        impl<'de> Visitor<'de> for Inner {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Inner).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::proptest;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_keep_place_and_notation() {
        let text = r#"  {"a": [1, "é\u00fc", null], "b\n": 1.50}"#;
        let sink = Sink::default();
        let source = sink.add_source("c.jsonl", format!("x\n{text}"));
        let node = parse(&sink, source, text, 2).unwrap();
        let a = node.member("a").unwrap();
        assert_eq!(sink.slice(a.span), r#"[1, "é\u00fc", null]"#);
        let Kind::List(items) = &a.kind else { panic!("{a:?}") };
        assert_eq!((items[1].scalar(), &items[2].kind), (Some("éü"), &Kind::Null));
        assert_eq!(node.member("b\n").unwrap().kind, Kind::Plain("1.50".into()));
        assert_eq!(sink.count(), 0);
    }

    #[test]
    fn numbers_inside_the_objects_of_an_expectation_are_data() {
        let verbatim = |text: &str| {
            let sink = Sink::default();
            let source = sink.add_source("c.jsonl", text);
            parse(&sink, source, text, 0).unwrap().member("expect").unwrap().verbatim()
        };
        assert_eq!(verbatim(r#"{"expect": 1.50}"#), json!("1.50"));
        assert_eq!(verbatim(r#"{"expect": [1e3]}"#), json!(["1e3"]));
        assert_eq!(verbatim(r#"{"expect": [{"f": {"x": [1e-09, "1e3"]}}]}"#), json!([{"f": {"x": [1e-9, "1e3"]}}]));
    }

    #[test]
    fn mistakes_are_placed() {
        let message = |text: &str| {
            let sink = Sink::default();
            let source = sink.add_source("c.json", text);
            let node = parse(&sink, source, text, 0);
            sink.finish(node).unwrap_err().to_string()
        };
        assert!(message("[1,\n 2,\n x]").contains("c.json:3:2: not valid JSON"), "{}", message("[1,\n 2,\n x]"));
        assert!(message(r#"{"a":1,"a":2}"#).contains("c.json:1:9: the key `a` is given twice"));
        assert!(message(&"[".repeat(100_000)).contains("not valid JSON"));
        assert!(message(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))).contains("nested deeper"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), json in "[\\[\\]{}\":,\\\\u0-9a-f ]{0,40}") {
            for text in [text, json] {
                let sink = Sink::default();
                let source = sink.add_source("c.json", text.as_str());
                let _ = sink.finish(parse(&Sink::default(), source, &text, 0));
            }
        }
    }
}
