//! Extraction to JSON: values by the names of the keys, from a schema or from the prompt's own words.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Question;
use super::classify;

/// Deepest schema that is filled.
const DEEPEST: usize = 16;

static KEYS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:keys?|fields?|properties|members|attributes)(?: named| called)?(?: are)?:?\s*((?:[`"']?[A-Za-z_][\w]*[`"']?(?:\s*\([^)]*\))?(?:\s*,\s*(?:and )?|\s+and\s+)?)+)"#)
        .expect("tested")
});
static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""([A-Za-z_]\w*)"\s*:"#).expect("tested"));
static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:extract|return|give|find|pull out)(?: me)?(?: the| all)?\s+((?:[a-z_]+(?:\s*,\s*(?:and )?(?:the )?|\s+and\s+(?:the )?)?)+?)\s+(?:as|in|to|into|from)\b").expect("tested")
});
static EMAIL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+").expect("tested"));
static URL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"https?://[^\s"'<>)]+"#).expect("tested"));
static PHONE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\+?\d[\d ()/-]{6,}\d").expect("tested"));
static ISO: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(\d{4})-(\d{2})-(\d{2})\b").expect("tested"));
static DAY_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(\d{1,2})(?:st|nd|rd|th)?\.? (?:of )?([A-Z][a-z]{2,8})\.?,? (\d{4})\b").expect("tested")
});
static MONTH_FIRST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b([A-Z][a-z]{2,8})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})\b").expect("tested"));
static MONEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:[$€£]\s?|\b(?:USD|EUR|GBP) ?)(\d[\d,]*(?:\.\d+)?)|(\d[\d,]*(?:\.\d+)?)\s?(?:[$€£]|USD|EUR|GBP|dollars|euros|pounds)").expect("tested")
});
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"-?\d[\d,]*(?:\.\d+)?").expect("tested"));
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(\p{Lu}\p{Ll}+(?: (?:van|von|de|\p{Lu}\.))?(?: \p{Lu}[\p{Ll}'-]+)+)").expect("tested")
});
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"#\d+|\b[A-Z]{1,5}-?\d[\w-]*").expect("tested"));
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:in|from|at|to|near) (\p{Lu}\p{Ll}+(?: \p{Lu}\p{Ll}+)?)").expect("tested"));

static ARRIVAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:[Tt]o|reach|reached|for|into|toward|of) (\p{Lu}\p{Ll}+)\b(?: ?[,.;:]|$| on\b| by\b)")
        .expect("tested")
});

/// The prompt asks for JSON in words.
pub(super) fn is_asked(question: &Question) -> bool {
    question.all.contains("JSON") || question.all.contains("json")
}

/// An object with the keys that the prompt names; `None` where it names none.
pub(super) fn object(question: &Question, slip: bool) -> Option<String> {
    let keys = keys(&question.all);
    if keys.is_empty() {
        return None;
    }
    let text = data(question.text);
    let mut object = Map::new();
    for key in &keys {
        object.insert(key.clone(), guess(key, &text));
    }
    if slip {
        spoil(&mut object);
    }
    Some(Value::Object(object).to_string())
}

/// A value that fits `schema`, as text.
pub(super) fn by_schema(question: &Question, schema: &Value, slip: bool) -> String {
    let mut value = fill("", schema, &data(question.text), 0);
    if let (true, Some(object)) = (slip, value.as_object_mut()) {
        for member in object.values_mut() {
            if spoil_value(member) {
                break;
            }
        }
    }
    value.to_string()
}

/// A value for the argument or member `name` of `schema`, taken from `text`.
pub(super) fn fill(name: &str, schema: &Value, text: &str, depth: usize) -> Value {
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    if let Some(choices) = schema["enum"].as_array().filter(|list| !list.is_empty()) {
        let labels: Vec<String> =
            choices.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
        return choices[classify::best(&labels, text)].clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        _ if depth > DEEPEST => Value::Null,
        Some("object") | None if schema["properties"].is_object() => {
            let members = schema["properties"].as_object().into_iter().flatten();
            Value::Object(members.map(|(key, inner)| (key.clone(), fill(key, inner, text, depth + 1))).collect())
        }
        Some("array") => Value::Array(every(name, &schema["items"], text, depth + 1)),
        Some("integer") => number_near(name, text).map_or(json!(0), |n| json!(n.round() as i64)),
        Some("number") => number_near(name, text).map_or(json!(0), shown),
        Some("boolean") => {
            json!(!["not ", "no ", "never", "without"].iter().any(|word| text.to_lowercase().contains(word)))
        }
        Some("null") => Value::Null,
        Some("object") => json!({}),
        _ => match guess(name, text) {
            Value::String(found) => Value::String(found),
            Value::Null => Value::String(String::new()),
            other => Value::String(other.to_string()),
        },
    }
}

fn every(name: &str, items: &Value, text: &str, depth: usize) -> Vec<Value> {
    let name = name.strip_suffix('s').unwrap_or(name);
    let all = |pattern: &Regex| pattern.find_iter(text).map(|found| json!(found.as_str())).collect::<Vec<_>>();
    match items["type"].as_str() {
        Some("number" | "integer") => NUMBER.find_iter(text).filter_map(|n| plain(n.as_str())).map(shown).collect(),
        Some("object") => vec![fill(name, items, text, depth)],
        _ if name.contains("email") => all(&EMAIL),
        _ if name.contains("url") || name.contains("link") => all(&URL),
        _ if name.contains("name") || name.contains("person") || name.contains("attendee") => all(&NAME),
        _ => vec![fill(name, items, text, depth)],
    }
}

/// The keys that a prompt names.
fn keys(all: &str) -> Vec<String> {
    let template: Vec<String> = TEMPLATE.captures_iter(all).map(|found| found[1].to_owned()).collect();
    if !template.is_empty() {
        return template;
    }
    let found = KEYS.captures(all).or_else(|| LISTED.captures(all));
    let Some(found) = found else { return Vec::new() };
    let words =
        found[1].split([',', ' ', '\n']).map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_'));
    let mut skipping = false;
    let mut keys = Vec::new();
    for (word, raw) in words.zip(found[1].split([',', ' ', '\n'])) {
        skipping |= raw.starts_with('(');
        if !skipping && !word.is_empty() && !["and", "the", "all", "a", "from", "as", "in"].contains(&word) {
            keys.push(word.to_owned());
        }
        skipping &= !raw.ends_with(')');
    }
    keys
}

/// The part of the prompt that holds the data: after the last colon of its first line, or the lines after the first.
fn data(text: &str) -> String {
    let text = text.trim();
    if let Some((_, rest)) = text.split_once('\n') {
        return rest.trim().to_owned();
    }
    match text.split_once(": ") {
        Some((head, tail)) if tail.len() > 12 && !head.contains('@') => tail.to_owned(),
        _ => text.to_owned(),
    }
}

/// A value for `key`, by what its name says.
fn guess(key: &str, text: &str) -> Value {
    let name = key.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let first = |pattern: &Regex| pattern.find(text).map_or(Value::Null, |found| json!(found.as_str()));
    if let Some(value) = labelled(key, text) {
        return value;
    }
    match () {
        () if has(&["email", "mail"]) => first(&EMAIL),
        () if has(&["url", "link", "website"]) => first(&URL),
        () if has(&["phone", "tel"]) => first(&PHONE),
        () if has(&["date", "day", "when", "due"]) => date(text).map_or(Value::Null, Value::String),
        () if has(&["currency"]) => currency(text),
        () if has(&["amount", "price", "total", "cost", "sum", "paid"]) => {
            number_near(key, text).map_or(Value::Null, shown)
        }
        () if has(&["order", "invoice", "ticket", "code", "_id", "number"]) || name == "id" => first(&CODE),
        () if has(&["city", "place", "location", "country", "town", "address"]) => {
            place(text).map_or(Value::Null, |found| json!(found))
        }
        () if has(&["age", "quantity", "count", "qty", "year", "n_"]) => {
            number_near(key, text).map_or(Value::Null, shown)
        }
        () if has(&["name", "person", "customer", "author", "who", "sender"]) => {
            person(text).map_or_else(|| capital(text), |found| json!(found))
        }
        () => Value::Null,
    }
}

/// The first full name that is no label, month or place.
fn person(text: &str) -> Option<String> {
    let names = NAME.find_iter(text).map(|found| found.as_str().trim_end_matches("'s"));
    let own = |name: &&str| !name.split(' ').any(|word| is_month(word) || LABELS.contains(&word.trim_end_matches('-')));
    names.filter(own).find(|name| !name.ends_with('-')).map(str::to_owned)
}

/// A place after a preposition, or after a verb of arriving; never a month.
fn place(text: &str) -> Option<String> {
    let after =
        |pattern: &Regex| pattern.captures_iter(text).map(|found| found[1].to_owned()).find(|name| !is_month(name));
    after(&PLACE).or_else(|| after(&ARRIVAL)).or_else(|| {
        // A list of facts: the field that is one capitalized word.
        let fields = text.split(['/', ',', ';', '|', '(', ')']).map(|field| field.trim().trim_end_matches('.'));
        let plain = |field: &&str| field.starts_with(char::is_uppercase) && field.chars().all(char::is_alphabetic);
        fields.filter(plain).find(|field| !is_month(field)).map(str::to_owned)
    })
}

fn is_month(word: &str) -> bool {
    let months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    months.contains(&word)
}

/// Words that stand before names and look like them.
const LABELS: &[&str] =
    &["Order", "Invoice", "Quote", "To", "On", "From", "Customer", "Shipping", "Please", "Contact", "For", "Receipt"];

/// `key: value` or `key is value` in the text itself.
fn labelled(key: &str, text: &str) -> Option<Value> {
    let name = regex::escape(&key.replace('_', " "));
    let pattern = Regex::new(&format!(r"(?i)\b{name}\s*(?::|=|\bis\b)\s*([^\n,;]+?)(?:[.,;]?(?:\s|$))")).ok()?;
    let found = pattern.captures(text)?[1].trim().trim_end_matches('.').to_owned();
    Some(plain(&found).map_or_else(|| json!(found), shown))
}

fn capital(text: &str) -> Value {
    let word = text.split_whitespace().skip(1).find(|word| word.starts_with(char::is_uppercase));
    word.or_else(|| text.split_whitespace().next())
        .map_or(Value::Null, |word| json!(word.trim_matches(|c: char| !c.is_alphanumeric())))
}

fn currency(text: &str) -> Value {
    let known = [
        ("$", "USD"),
        ("USD", "USD"),
        ("dollar", "USD"),
        ("€", "EUR"),
        ("EUR", "EUR"),
        ("euro", "EUR"),
        ("£", "GBP"),
        ("GBP", "GBP"),
    ];
    known.iter().find(|(sign, _)| text.contains(sign)).map_or(Value::Null, |(_, code)| json!(code))
}

/// Money where there is some and the name asks for it; else the number nearest to the name, else the first.
fn number_near(name: &str, text: &str) -> Option<f64> {
    let lower = name.to_lowercase();
    if ["amount", "price", "total", "cost", "sum", "paid", "value"].iter().any(|word| lower.contains(word))
        && let Some(found) = MONEY.captures(text)
    {
        return plain(found.get(1).or_else(|| found.get(2))?.as_str());
    }
    let words = lower.replace('_', " ");
    let at = text.to_lowercase().find(words.trim()).filter(|_| !words.trim().is_empty()).unwrap_or(0);
    let dates = date_spans(text);
    let numbers = NUMBER.find_iter(text).filter(|n| !dates.iter().any(|(from, to)| (*from..*to).contains(&n.start())));
    let near = numbers.min_by_key(|n| n.start().abs_diff(at))?;
    plain(near.as_str())
}

fn date_spans(text: &str) -> Vec<(usize, usize)> {
    [&*ISO, &*DAY_FIRST, &*MONTH_FIRST].iter().flat_map(|p| p.find_iter(text)).map(|m| (m.start(), m.end())).collect()
}

fn plain(text: &str) -> Option<f64> {
    text.replace(',', "").parse().ok().filter(|n: &f64| n.is_finite())
}

fn shown(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

/// The first date, as ISO 8601.
fn date(text: &str) -> Option<String> {
    if let Some(found) = ISO.find(text) {
        return Some(found.as_str().to_owned());
    }
    let parts = DAY_FIRST.captures(text).map(|f| (f[3].to_owned(), f[2].to_owned(), f[1].to_owned()));
    let (year, month, day) =
        parts.or_else(|| MONTH_FIRST.captures(text).map(|f| (f[3].to_owned(), f[1].to_owned(), f[2].to_owned())))?;
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = months.iter().position(|known| month.to_lowercase().starts_with(known))? + 1;
    Some(format!("{year}-{month:02}-{day:0>2}"))
}

/// Makes an extraction wrong: a string loses its end, a number is one off.
fn spoil(object: &mut Map<String, Value>) {
    for value in object.values_mut().rev() {
        if spoil_value(value) {
            return;
        }
    }
    object.insert("note".into(), Value::Null);
}

fn spoil_value(value: &mut Value) -> bool {
    match value {
        Value::String(text) => text.pop().is_some(),
        Value::Number(number) => {
            *value = shown(number.as_f64().unwrap_or(0.0) + 1.0);
            true
        }
        Value::Bool(flag) => {
            *flag = !*flag;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Value) {
        let question = Question { text, all: text.to_owned(), context: String::new() };
        let said = object(&question, false).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), *expected, "{text}");
    }

    #[test]
    fn keys_and_values_are_found() {
        check(
            "Extract as JSON with keys order_id, date and city: Order A-1203 was sent to Lisbon on March 4, 2025.",
            &json!({"order_id": "A-1203", "date": "2025-03-04", "city": "Lisbon"}),
        );
        check(
            "Return {\"email\": string, \"amount\": number} as JSON.\nBill for bo@x.example: $1,250.00",
            &json!({"email": "bo@x.example", "amount": 1250}),
        );
        check(
            "Give the name and age as JSON: Omar Haddad is 41 years old.",
            &json!({"name": "Omar Haddad", "age": 41}),
        );
    }

    #[test]
    fn schemas_are_filled() {
        let schema = json!({"type": "object", "properties": {
            "email": {"type": "string"}, "quantity": {"type": "integer"}, "urgent": {"type": "boolean"},
            "category": {"enum": ["billing", "shipping"]}, "numbers": {"type": "array", "items": {"type": "number"}}}});
        let text = "My parcel with 3 cups is late, write to jo@x.example";
        let question = Question { text, all: text.to_owned(), context: String::new() };
        let value: Value = serde_json::from_str(&by_schema(&question, &schema, false)).unwrap();
        let expected =
            json!({"email": "jo@x.example", "quantity": 3, "urgent": true, "category": "shipping", "numbers": [3]});
        assert_eq!(value, expected);
    }

    #[test]
    fn endless_schemas_end() {
        let mut schema = json!({"type": "string"});
        for _ in 0..100 {
            schema = json!({"type": "object", "properties": {"a": schema}});
        }
        fill("", &schema, "x", 0);
    }
}
