//! Server JSON read with patience: odd types are kept apart instead of failing the whole event.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Value;

/// Text borrowed from the event where it holds no escapes.
///
/// Takes `null` and missing members as no text, and a list of content parts as their texts joined. Anything else is
/// remembered as odd.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Text<'a> {
    /// The text; empty where there was none.
    pub(super) text: Cow<'a, str>,
    /// A value of another type stood there.
    pub(super) is_odd: bool,
}

impl Text<'_> {
    const ODD: Self = Text { text: Cow::Borrowed(""), is_odd: true };
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text { text: Cow::Borrowed(text), is_odd: false })
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text { text: Cow::Owned(text.to_owned()), is_odd: false })
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text<'de>, E> {
        Ok(Text::ODD)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
        Ok(Text { text: number.to_string().into(), is_odd: true })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
        Ok(Text { text: number.to_string().into(), is_odd: true })
    }

    fn visit_f64<E>(self, number: f64) -> Result<Text<'de>, E> {
        Ok(Text { text: number.to_string().into(), is_odd: true })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Text<'de>, A::Error> {
        let mut text = String::new();
        let mut is_odd = false;
        while let Some(part) = parts.next_element::<Value>()? {
            match part.get("text").and_then(Value::as_str).or(part.as_str()) {
                Some(piece) => text.push_str(piece),
                None => is_odd = true,
            }
        }
        Ok(Text { text: Cow::Owned(text), is_odd })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Text<'de>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::ODD)
    }
}

/// A list of `T`; `null`, missing and anything else count as empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ListVisitor(std::marker::PhantomData))
    }
}

struct ListVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(List(list))
    }

    fn visit_unit<E>(self) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<List<T>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(List::default())
    }
}

/// Parses hostile JSON: the last of several equal members wins, and lone surrogates become U+FFFD.
///
/// # Errors
/// Where the text is no JSON even then, or is nested deeper than the parser goes.
pub(super) fn parse(text: &str) -> Result<(Value, bool), serde_json::Error> {
    match serde_json::from_str(text) {
        Ok(value) => Ok((value, false)),
        Err(error) => match without_lone_surrogates(text) {
            Some(repaired) => Ok((serde_json::from_str(&repaired)?, true)),
            None => Err(error),
        },
    }
}

/// The text with `\ufffd` for every escaped surrogate that has no partner; `None` where there is none.
///
/// Models emit characters in halves, and some servers escape each half into an event of its own.
fn without_lone_surrogates(text: &str) -> Option<String> {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        repaired.push_str(plain);
        let (keep, take) = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (&escape[..12], 12),
            (Some(_), _) => {
                changed = true;
                ("\\ufffd", 6)
            }
            (None, _) => {
                let after = escape[1..].chars().next().map_or(0, char::len_utf8);
                (&escape[..=after], 1 + after)
            }
        };
        repaired.push_str(keep);
        rest = &escape[take..];
    }
    repaired.push_str(rest);
    changed.then_some(repaired)
}

/// The surrogate that `text` begins with, as an escape.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..=0xdfff).contains(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_repaired() {
        let rows = [
            (r#""\ud83d""#, "\"\u{fffd}\"", true),
            (r#""a\ud83db""#, "\"a\u{fffd}b\"", true),
            (r#""\ud83d\ude00""#, "\"\u{1f600}\"", false),
            (r#""\ude00\ud83d""#, "\"\u{fffd}\u{fffd}\"", true),
            (r#""\\ud83d""#, r#""\\ud83d""#, false),
            (r#""\ud83d\n""#, "\"\u{fffd}\\n\"", true),
        ];
        for (text, expected, repaired) in rows {
            let (value, was) = parse(text).unwrap();
            assert_eq!((value.to_string().as_str(), was), (expected, repaired), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_stays_an_error() {
        let deep = "[".repeat(200_000);
        for text in ["NaN", "{\"a\":Infinity}", "1e999", "", "{", "\"\\", "\"\\u\"", "\"\\ud8\"", &deep] {
            assert!(parse(text).is_err(), "{}", &text[..text.len().min(20)]);
        }
        assert_eq!(parse(r#"{"a":1,"a":2}"#).unwrap().0.to_string(), r#"{"a":2}"#);
    }

    #[test]
    fn odd_types_do_not_fail_the_event() {
        let rows = [
            (r#""x""#, "x", false),
            (r#""a\nb""#, "a\nb", false),
            ("null", "", false),
            ("7", "7", true),
            ("true", "", true),
            (r#"{"a":1}"#, "", true),
            (r#"[{"type":"text","text":"a"},"b",{"type":"image"}]"#, "ab", true),
        ];
        for (json, expected, odd) in rows {
            let text: Text<'_> = serde_json::from_str(json).unwrap();
            assert_eq!((text.text.as_ref(), text.is_odd), (expected, odd), "{json}");
            assert!(serde_json::from_str::<List<IgnoredAny>>(json).is_ok(), "{json}");
        }
    }
}
