//! `json_path`: a value inside the answer's JSON equals something or matches a pattern.
//!
//! Where neither `equals` nor `matches` is given, the value is compared with the case's `expect`; without one, it is
//! enough that the path leads somewhere. Of several values at a path, one must do.

use serde_json::Value;

use super::compile::Context;
use super::compile::Problem;
use super::json;
use super::jsonpath::JsonPath;
use super::params::params;
use super::pattern;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::decide;
use crate::domain::Expect;
use crate::domain::Verdict;
use crate::text::plain::one_line;

params! {
    /// Parameters of `json_path`.
    pub struct JsonPathCheck {
        /// The path, such as `$.items[0].name`.
        path: String,
        /// The value expected there.
        equals: Option<Value> = None,
        /// A regular expression that the value's text must match.
        matches: Option<String> = None,
    }
}

impl Spec for JsonPathCheck {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let mut problems = Vec::new();
        let path = JsonPath::parse(&self.path).map_err(|message| problems.push(Problem::at("path", message)));
        let pattern = self.matches.as_deref().map(pattern::compile).transpose();
        let pattern = pattern.map_err(|message| problems.push(Problem::at("matches", message)));
        if self.equals.is_some() && self.matches.is_some() {
            problems.push(Problem::at("matches", "give `equals` or `matches`; two checks are two graders"));
        }
        let (Ok(path), Ok(pattern), true) = (path, pattern, problems.is_empty()) else { return Err(problems) };
        let equals = self.equals.clone();
        Ok(decide(move |subject| {
            let document = match json::parse(&subject.text) {
                Ok(document) => document,
                Err(why) => return Verdict::decide(false, why),
            };
            let found = path.select(&document);
            let Some(first) = found.first() else { return Verdict::decide(false, format!("nothing at `{path}`")) };
            let expect = subject.case.expect.as_ref().map(|expect| expect.json().value());
            let does = |value: &Value| match (&pattern, equals.as_ref().or(expect.as_ref())) {
                (Some(pattern), _) => pattern.is_match(&text(value)),
                (None, Some(wanted)) => same(value, wanted),
                (None, None) => true,
            };
            let passed = found.iter().any(|value| does(value));
            Verdict::decide(passed, format!("`{path}` is {}", one_line(&first.to_string(), 80)))
        }))
    }
}

fn text(value: &Value) -> String {
    Expect::new(value).text().to_owned()
}

/// Equality of JSON values in which `1` and `1.0` are one number and the order of members does not count.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b
                || (a.is_f64() || b.is_f64())
                    && a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| (a - b).abs() <= f64::EPSILON * a.abs())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::passes;
    use crate::grade::testing::problems;
    use serde_json::json;

    #[test]
    fn values_are_compared_at_their_path() {
        let document = r#"{"a": {"n": 1.0, "s": "x1"}, "l": [1, 2]}"#;
        let rows = [
            (json!({"path": "$.a.n", "equals": 1}), json!(null), true),
            (json!({"path": "$.a.s", "equals": "x2"}), json!(null), false),
            (json!({"path": "$.a.s", "matches": "^x\\d$"}), json!(null), true),
            (json!({"path": "$.l[*]", "equals": 2}), json!(null), true),
            (json!({"path": "$.l"}), json!([1, 2]), true),
            (json!({"path": "$.l"}), json!([2, 1]), false),
            (json!({"path": "$.a"}), json!({"s": "x1", "n": 1}), true),
            (json!({"path": "$.l"}), json!(null), true),
            (json!({"path": "$.none"}), json!(null), false),
        ];
        for (params, expect, passed) in rows {
            assert_eq!(passes(json!({"json_path": params}), expect, document), passed, "{params}");
        }
        assert!(!passes(json!({"json_path": {"path": "$.a"}}), json!(null), "not json"));
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let found = problems(json!({"json_path": {"path": "$[", "matches": "(", "equals": 1}}));
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
