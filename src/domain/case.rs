//! Cases: inputs with their expectations.

use std::collections::BTreeMap;
use std::fmt;
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

/// Values by name, ascending. A case has few of them and a suite many cases: a list takes a fifth of a tree's memory.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Vars(Box<[(String, JsonText)]>);

impl Vars {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&JsonText> {
        let at = self.0.binary_search_by(|(own, _)| own.as_str().cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &JsonText)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Names.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(name, _)| name)
    }
}

impl FromIterator<(String, JsonText)> for Vars {
    /// Of two values of one name the later one counts.
    fn from_iter<I: IntoIterator<Item = (String, JsonText)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
    }
}

impl fmt::Debug for Vars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// One input with its expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Unique within the suite.
    pub id: CaseId,
    /// Values for the prompt's template.
    pub vars: Vars,
    /// What graders compare with; `None` when the case states nothing.
    pub expect: Option<Expect>,
    /// Labels for filters, slices and `when`.
    pub tags: Vec<Tag>,
    /// Cases of one cluster are not independent of each other.
    pub cluster: Option<ClusterId>,
    /// Interleaved in long runs to show a change of the provider; not part of the score.
    pub canary: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name_and_print_as_a_map() {
        let pair = |name: &str, value: i32| (name.to_owned(), JsonText::new(&value.into()));
        let vars: Vars = [pair("b", 1), pair("a", 2), pair("b", 3)].into_iter().collect();
        assert_eq!(format!("{vars:?}"), r#"{"a": 2, "b": 3}"#);
        assert_eq!((vars.get("b").map(JsonText::as_str), vars.get("c")), (Some("3"), None));
        assert!(vars.keys().eq(["a", "b"]) && Vars::default().iter().next().is_none());
    }
}
