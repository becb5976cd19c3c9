//! Price files: our own form, and the public maps of others, told apart by their shape.
//!
//! Units are what goes wrong with prices: some maps state USD per token, others per million, one as text. Everything
//! becomes USD per million tokens here, and a bare number is refused.

pub mod import;
pub mod lint;

use serde_json::Map;
use serde_json::Value;

use crate::domain::Price;
use crate::domain::Tier;
use crate::domain::Usd;

pub use lint::lint;

/// Prices from a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PriceBook {
    /// Entries in the order of the file.
    pub entries: Vec<Entry>,
    /// Rows that state nothing usable, such as a price of 0 that means unknown.
    pub skipped: usize,
}

/// One price and what it is for. Empty names match anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// A target's id.
    pub target: String,
    /// The model, by its catalogue key or its name at the provider.
    pub model: String,
    /// The provider.
    pub provider: String,
    /// The price.
    pub price: Price,
}

impl PriceBook {
    /// Reads a price file of any known form.
    ///
    /// # Errors
    /// Every entry that cannot be read, with what would be right.
    pub fn read(value: &Value) -> Result<Self, Vec<String>> {
        import::openrouter(value)
            .or_else(|| import::litellm(value))
            .or_else(|| import::models_dev(value))
            .map_or_else(|| own(value), Ok)
    }

    /// The price for a target: the first entry for its id, else for its model at its provider, else for its model
    /// anywhere. `models` are the names that the model goes by.
    pub fn find(&self, target: &str, models: &[&str], provider: &str) -> Option<&Price> {
        let by = |wanted: &dyn Fn(&Entry) -> bool| self.entries.iter().find(|entry| wanted(entry));
        let names = |entry: &Entry| !entry.model.is_empty() && models.contains(&entry.model.as_str());
        by(&|entry| !entry.target.is_empty() && entry.target == target)
            .or_else(|| by(&|entry| entry.target.is_empty() && names(entry) && entry.provider == provider))
            .or_else(|| by(&|entry| entry.target.is_empty() && names(entry) && entry.provider.is_empty()))
            .map(|entry| &entry.price)
    }
}

/// Our own form: a list under `prices`, or a mapping from `model@provider` or a target's id to a price.
fn own(value: &Value) -> Result<PriceBook, Vec<String>> {
    let rows: Vec<(String, &Value)> = match value.get("prices").unwrap_or(value) {
        Value::Array(rows) => rows.iter().map(|row| (String::new(), row)).collect(),
        Value::Object(rows) => rows.iter().map(|(name, row)| (name.clone(), row)).collect(),
        _ => {
            return Err(vec![
                "a price file is a list under `prices`, or a mapping from `model@provider` to a price".into(),
            ]);
        }
    };
    let mut book = PriceBook::default();
    let mut problems = Vec::new();
    for (n, (name, row)) in rows.into_iter().enumerate() {
        let place = if name.is_empty() { format!("price {}", n + 1) } else { format!("`{name}`") };
        match entry(&name, row) {
            Ok(entry) => book.entries.push(entry),
            Err(all) => problems.extend(all.into_iter().map(|problem| format!("{place}: {problem}"))),
        }
    }
    if problems.is_empty() { Ok(book) } else { Err(problems) }
}

fn entry(name: &str, row: &Value) -> Result<Entry, Vec<String>> {
    let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let price = parse(row)?;
    if let Some((model, provider)) = name.rsplit_once('@') {
        let (model, provider) = (model.to_owned(), provider.to_owned());
        return Ok(Entry { target: String::new(), model, provider, price });
    }
    let entry = Entry {
        target: if name.is_empty() { text("target") } else { name.to_owned() },
        model: text("model"),
        provider: text("provider"),
        price,
    };
    if entry.target.is_empty() && entry.model.is_empty() {
        return Err(vec!["says neither `target` nor `model`".into()]);
    }
    Ok(entry)
}

const KEYS: &[&str] = &[
    "input",
    "output",
    "cached_input",
    "cache_write",
    "reasoning",
    "per_request",
    "tiers",
    "source",
    "as_of",
    "target",
    "model",
    "provider",
];

/// A price as a suite or price file writes it, in USD per million tokens and USD per request.
///
/// # Errors
/// Every mistake; a bare number names the unit that it lacks.
pub fn parse(value: &Value) -> Result<Price, Vec<String>> {
    let Some(members) = value.as_object() else {
        return Err(vec![format!(
            "a price of `{value}` has no unit; write `{{input: .., output: ..}}` in USD per million tokens, or `{{per_request: ..}}`"
        )]);
    };
    let mut problems: Vec<String> = members
        .keys()
        .filter(|key| !KEYS.contains(&key.as_str()) && !key.starts_with("x-"))
        .map(|key| match crate::text::nearest(key, KEYS.iter().copied()) {
            Some(near) => format!("there is no price called `{key}`; did you mean `{near}`?"),
            None => format!("there is no price called `{key}`; known are {}", KEYS.join(", ")),
        })
        .collect();
    let mut amount = |key: &str| match members.get(key).map(usd) {
        None | Some(Ok(None)) => None,
        Some(Ok(amount)) => amount,
        Some(Err(problem)) => {
            problems.push(format!("`{key}` {problem}"));
            None
        }
    };
    let (input, output, per_request) = (amount("input"), amount("output"), amount("per_request"));
    let (cached_input, cache_write, reasoning) = (amount("cached_input"), amount("cache_write"), amount("reasoning"));
    let tiers = tiers(members, &mut problems);
    if input.is_some() != output.is_some() {
        problems.push("`input` and `output` belong together; write both".into());
    } else if input.is_none() && per_request.is_none() {
        problems.push("states neither `input` and `output` nor `per_request`".into());
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = |key: &str| members.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Price {
        input: input.unwrap_or_default(),
        output: output.unwrap_or_default(),
        cached_input,
        cache_write,
        reasoning,
        per_request: per_request.unwrap_or_default(),
        tiers,
        source: text("source"),
        as_of: text("as_of"),
    })
}

/// An amount from a number or decimal text; `None` for null.
fn usd(value: &Value) -> Result<Option<Usd>, String> {
    let exact = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().trim_start_matches('$').parse().ok(),
        Value::Number(number) => {
            number.to_string().parse().ok().or_else(|| number.as_f64().filter(|n| n.abs() < 1e6).map(Usd::from_f64))
        }
        _ => None,
    };
    match exact {
        Some(amount) if amount >= Usd::ZERO => Ok(Some(amount)),
        Some(_) => Err("is negative".into()),
        None => Err(format!("is `{value}`, which is no amount in USD")),
    }
}

fn tiers(members: &Map<String, Value>, problems: &mut Vec<String>) -> Vec<Tier> {
    let mut tiers = Vec::new();
    for (n, row) in members.get("tiers").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let amount = |key: &str| row.get(key).and_then(|value| usd(value).ok().flatten());
        let above = row.get("above_tokens").or_else(|| row.get("above")).and_then(Value::as_u64);
        match (above, amount("input"), amount("output")) {
            (Some(above_tokens), Some(input), Some(output)) => {
                tiers.push(Tier { above_tokens, input, output, cached_input: amount("cached_input") });
            }
            _ => problems.push(format!("tier {} needs `above_tokens`, `input` and `output`", n + 1)),
        }
    }
    tiers.sort_by_key(|tier| tier.above_tokens);
    tiers
}

#[cfg(test)]
mod tests;
