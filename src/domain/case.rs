//! Cases: inputs with their expectations.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::CaseId;
use super::ClusterId;
use super::JsonText;
use super::Tag;

/// What a case expects: any JSON value, most often a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    json: JsonText,
    text: Arc<str>,
}

impl Expect {
    /// An expectation from a JSON value; its text is the string itself, or compact JSON of anything else.
    pub fn new(value: &Value) -> Self {
        let text = match value {
            Value::String(text) => text.as_str().into(),
            other => other.to_string().into(),
        };
        Self { json: JsonText::new(value), text }
    }

    /// The expectation as text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The expectation as JSON.
    pub fn json(&self) -> &JsonText {
        &self.json
    }

    /// All acceptable texts: the elements of a list, or the single value.
    pub fn texts(&self) -> Vec<String> {
        match self.json.value() {
            Value::Array(items) => items.iter().map(|item| Self::new(item).text().to_owned()).collect(),
            _ => vec![self.text.to_string()],
        }
    }
}

/// One input with its expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Unique within the suite.
    pub id: CaseId,
    /// Values for the prompt's template.
    pub vars: BTreeMap<String, JsonText>,
    /// What graders compare with; `None` when the case states nothing.
    pub expect: Option<Expect>,
    /// Labels for filters, slices and `when`.
    pub tags: Vec<Tag>,
    /// Cases of one cluster are not independent of each other.
    pub cluster: Option<ClusterId>,
    /// Interleaved in long runs to show a change of the provider; not part of the score.
    pub canary: bool,
}
