//! `json`: the answer is one JSON document and nothing else.
//!
//! A fence around it needs `extract: [code_block]`; trailing text is not accepted. Of duplicate keys
//! the last one counts.

use serde_json::Value;

use super::compile::Context;
use super::compile::Problem;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::decide;
use crate::domain::Verdict;

params! {
    /// Parameters of `json`.
    pub struct Json {}
}

impl Spec for Json {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        Ok(decide(|subject| match parse(&subject.text) {
            Ok(value) => Verdict::decide(true, format!("a JSON {}", kind(&value))),
            Err(why) => Verdict::decide(false, why),
        }))
    }
}

/// The JSON document that a text is.
///
/// # Errors
/// Where and why it is none.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text.trim()).map_err(|error| {
        let fenced = text.trim_start().starts_with("```");
        format!("no JSON: {error}{}", if fenced { "; `extract: [code_block]` takes it out of its fence" } else { "" })
    })
}

/// What a value is called.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::passes;
    use serde_json::json;

    #[test]
    fn only_one_document_is_json() {
        let deep = "[".repeat(1 << 20);
        let rows = [
            ("{\"a\": [1, null]}\n", true),
            ("17", true),
            ("", false),
            ("{'a': 1}", false),
            ("{} trailing", false),
            ("```json\n{}\n```", false),
            ("NaN", false),
            (deep.as_str(), false),
        ];
        for (answer, passed) in rows {
            assert_eq!(passes(json!("json"), json!(null), answer), passed);
        }
        let fenced = json!({"json": {"extract": ["code_block"]}});
        assert!(passes(fenced, json!(null), "Here:\n```json\n{}\n```"));
    }
}
