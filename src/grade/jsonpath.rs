//! Paths into JSON: the part of RFC 9535 that suites use.
//!
//! `$`, `.name`, `['name']`, `[0]`, `[-1]`, `[*]`, `.*`, `..name` and slices `[1:3]`; no filters, no scripts. The leading `$` may be
//! left out. Selection is bounded by the size of the document.

use std::fmt;

use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
enum Segment {
    Name(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    Wildcard,
    Deep,
}

/// A parsed path.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath {
    text: String,
    segments: Vec<Segment>,
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonPath {
    /// Parses a path such as `$.items[0].name`.
    ///
    /// # Errors
    /// Names the part that is no path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let body = text.trim();
        let mut rest = body.strip_prefix('$').unwrap_or(body);
        let bare = !body.starts_with(['$', '.', '[']);
        if bare && !rest.is_empty() {
            rest = dotted(rest, &mut segments).ok_or_else(|| complaint(text, rest))?;
        }
        while !rest.is_empty() {
            rest = segment(rest, &mut segments).ok_or_else(|| complaint(text, rest))?;
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// Every value at the path, in document order.
    pub fn select<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![root];
        for segment in &self.segments {
            let mut next = Vec::new();
            for value in found {
                step(segment, value, &mut next);
            }
            found = next;
        }
        found
    }
}

fn complaint(text: &str, rest: &str) -> String {
    format!("`{text}` is no path at `{rest}`; paths look like `$.items[0].name`, `$.a[*].b`, `$['odd name']`")
}

/// Reads one segment that starts with `.` or `[`; returns the rest.
fn segment<'t>(rest: &'t str, out: &mut Vec<Segment>) -> Option<&'t str> {
    if let Some(rest) = rest.strip_prefix("..") {
        out.push(Segment::Deep);
        return if rest.starts_with('[') { Some(rest) } else { dotted(rest, out) };
    }
    if let Some(rest) = rest.strip_prefix('.') {
        return dotted(rest, out);
    }
    bracketed(rest.strip_prefix('[')?.trim_start(), out)
}

fn dotted<'t>(rest: &'t str, out: &mut Vec<Segment>) -> Option<&'t str> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let name = rest[..end].trim_end();
    if name.is_empty() {
        return None;
    }
    out.push(if name == "*" { Segment::Wildcard } else { Segment::Name(name.to_owned()) });
    Some(&rest[end..])
}

fn bracketed<'t>(rest: &'t str, out: &mut Vec<Segment>) -> Option<&'t str> {
    if let Some(quote @ ('\'' | '"')) = rest.chars().next() {
        let (name, rest) = quoted(&rest[1..], quote)?;
        out.push(Segment::Name(name));
        return rest.trim_start().strip_prefix(']');
    }
    let end = rest.find(']')?;
    let inside = rest[..end].trim();
    let number = |text: &str| text.trim().parse::<i64>().ok();
    out.push(match inside.split_once(':') {
        Some((from, to)) => Segment::Slice(bound(from)?, bound(to)?),
        None if inside == "*" => Segment::Wildcard,
        None => Segment::Index(number(inside)?),
    });
    Some(&rest[end + 1..])
}

/// A slice bound: nothing, or a number; `None` outside for anything else.
#[expect(clippy::option_option, reason = "absent and invalid bounds differ")]
fn bound(text: &str) -> Option<Option<i64>> {
    if text.trim().is_empty() { Some(None) } else { text.trim().parse().ok().map(Some) }
}

fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            c if c == quote => return Some((name, &text[at + c.len_utf8()..])),
            c => name.push(c),
        }
    }
    None
}

fn step<'v>(segment: &Segment, value: &'v Value, out: &mut Vec<&'v Value>) {
    match (segment, value) {
        (Segment::Name(name), Value::Object(map)) => out.extend(map.get(name)),
        (Segment::Index(index), Value::Array(items)) => {
            out.extend(position(*index, items.len()).and_then(|i| items.get(i)));
        }
        (Segment::Slice(from, to), Value::Array(items)) => {
            let clamp = |bound: i64| {
                if bound < 0 { bound + items.len() as i64 } else { bound }.clamp(0, items.len() as i64) as usize
            };
            let (from, to) = (clamp(from.unwrap_or(0)), clamp(to.unwrap_or(items.len() as i64)));
            out.extend(items.get(from..to).unwrap_or_default());
        }
        (Segment::Wildcard, Value::Array(items)) => out.extend(items),
        (Segment::Wildcard, Value::Object(map)) => out.extend(map.values()),
        (Segment::Deep, _) => descend(value, out),
        _ => {}
    }
}

fn position(index: i64, len: usize) -> Option<usize> {
    usize::try_from(if index < 0 { index.checked_add(len as i64)? } else { index }).ok()
}

/// The value and everything below it. The depth is bounded by the parser's own limit.
fn descend<'v>(value: &'v Value, out: &mut Vec<&'v Value>) {
    out.push(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| descend(item, out)),
        Value::Object(map) => map.values().for_each(|item| descend(item, out)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The bookstore of RFC 9535, section 1.5, and edge cases of its selectors.
    #[test]
    fn paths_select_as_in_the_rfc() {
        let store = json!({"store": {"book": [{"price": 8.95, "author": "A"}, {"price": 12.99, "author": "B"}], "bicycle": {"price": 399}}, "a b": 1, "": 2});
        let rows = [
            ("$", json!([store])),
            ("$.store.book[*].author", json!(["A", "B"])),
            ("$..author", json!(["A", "B"])),
            ("$.store..price", json!([8.95, 12.99, 399])),
            ("$..book[-1].author", json!(["B"])),
            ("$..book[0]['author']", json!(["A"])),
            ("$.store.book[0:1].price", json!([8.95])),
            ("$.store.book[:].price", json!([8.95, 12.99])),
            ("store.bicycle.price", json!([399])),
            ("$['a b']", json!([1])),
            ("$[\"\"]", json!([2])),
            ("$.store.book[9]", json!([])),
            ("$.store.book[-9223372036854775808]", json!([])),
            ("$.nope.deeper", json!([])),
        ];
        for (path, expected) in rows {
            let parsed = JsonPath::parse(path).unwrap();
            assert_eq!(json!(parsed.select(&store)), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["$.", "$[", "$[x]", "$['a", "$.a..", "$[?(@.a)]", "$[1:x]"] {
            assert!(JsonPath::parse(text).is_err(), "{text}");
        }
    }
}
