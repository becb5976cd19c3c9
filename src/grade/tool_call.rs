//! `tool_call`: the model called the right functions with admissible arguments.
//!
//! Each argument has a list of admissible values; `""` in the list makes the argument optional, as in the Berkeley
//! Function-Calling Leaderboard. Calls may come in any order unless `ordered` says otherwise, and there must be no
//! other calls. Nested objects may carry admissible lists of their own. Texts are compared as that leaderboard does,
//! without regard to case, blanks and `,./-_*^`, unless `strict`. Without `calls` and `none`, the case's `expect`
//! states them: a list of `{name, arguments}`, or of `{function: {argument: [..]}}`; an empty list means no call.

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;

use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::json;
use super::json_path::same;
use super::params::Describe;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use super::subject::no_expectation;
use crate::domain::Case;
use crate::domain::ToolCall;
use crate::domain::Verdict;
use crate::text::plain::one_line;

params! {
    /// Parameters of `tool_call`.
    pub struct ToolCalls {
        /// The calls expected; the case's `expect` by default.
        calls: Option<Vec<Expected>> = None,
        /// The calls must come in this order.
        ordered: bool = false,
        /// No call is expected.
        none: bool = false,
        /// Compare texts letter by letter.
        strict: bool = false,
    }
}

/// A call that is expected.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The function.
    pub name: String,
    /// Admissible values of each argument; left out, any arguments do.
    #[serde(default)]
    pub arguments: Option<Map<String, Value>>,
}

impl Describe for Expected {
    fn schema() -> Value {
        serde_json::json!({
            "type": "object", "additionalProperties": false, "required": ["name"],
            "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}},
        })
    }
}

/// A call that was made.
struct Made {
    name: String,
    arguments: Result<Value, String>,
}

struct Calls {
    fixed: Option<Vec<Expected>>,
    ordered: bool,
    strict: bool,
}

impl Spec for ToolCalls {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        if self.none && self.calls.as_ref().is_some_and(|calls| !calls.is_empty()) {
            return Err(vec![Problem::at("none", "`none: true` says that no call is expected; leave out `calls`")]);
        }
        let fixed = if self.none { Some(Vec::new()) } else { self.calls.clone() };
        Ok(Box::new(Calls { fixed, ordered: self.ordered, strict: self.strict }))
    }
}

impl Rule for Calls {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        let stated = match (&self.fixed, &subject.case.expect) {
            (Some(fixed), _) => fixed.clone(),
            (None, Some(expect)) => match stated(&expect.json().value()) {
                Ok(calls) => calls,
                Err(why) => return Step::Done(Verdict::ungradable(why)),
            },
            (None, None) => return Step::Done(no_expectation()),
        };
        let made = if subject.extracted { made_in_text(&subject.text) } else { Ok(made(&subject.answer.tool_calls)) };
        Step::Done(match made {
            Ok(made) => self.compare(&stated, &made),
            Err(why) => Verdict::decide(false, why),
        })
    }

    fn objection(&self, case: &Case) -> Option<String> {
        match (&self.fixed, &case.expect) {
            (Some(_), _) => None,
            (None, None) => Some("it has no `calls`, and this case states none in `expect`".into()),
            (None, Some(expect)) => stated(&expect.json().value()).err(),
        }
    }
}

/// The calls that an expectation states.
fn stated(expect: &Value) -> Result<Vec<Expected>, String> {
    let items = match expect {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    items.iter().map(stated_call).collect()
}

fn stated_call(item: &Value) -> Result<Expected, String> {
    let complaint =
        || format!("`{}` is no call; write `{{name: f, arguments: {{a: [1]}}}}`", one_line(&item.to_string(), 60));
    let map = item.as_object().ok_or_else(complaint)?;
    if let Some(Value::String(name)) = map.get("name") {
        let arguments = map.get("arguments").map(|arguments| arguments.as_object().cloned().ok_or_else(complaint));
        return Ok(Expected { name: name.clone(), arguments: arguments.transpose()? });
    }
    match map.iter().next() {
        Some((name, Value::Object(arguments))) if map.len() == 1 => {
            Ok(Expected { name: name.clone(), arguments: Some(arguments.clone()) })
        }
        _ => Err(complaint()),
    }
}

fn made(calls: &[ToolCall]) -> Vec<Made> {
    let arguments = |text: &str| {
        let text = if text.trim().is_empty() { "{}" } else { text };
        serde_json::from_str(text).map_err(|error| format!("arguments are no JSON: {error}"))
    };
    calls.iter().map(|call| Made { name: call.name.clone(), arguments: arguments(&call.arguments) }).collect()
}

/// Calls written as JSON into the text, for models without a tool channel.
fn made_in_text(text: &str) -> Result<Vec<Made>, String> {
    let document = json::parse(text)?;
    let calls = stated(&document)?;
    Ok(calls
        .into_iter()
        .map(|call| Made { name: call.name, arguments: Ok(Value::Object(call.arguments.unwrap_or_default())) })
        .collect())
}

impl Calls {
    fn compare(&self, wanted: &[Expected], made: &[Made]) -> Verdict {
        if wanted.len() != made.len() {
            let names: Vec<&str> = made.iter().map(|call| call.name.as_str()).take(8).collect();
            let names =
                if names.is_empty() { String::new() } else { format!(" ({})", one_line(&names.join(", "), 80)) };
            return Verdict::decide(false, format!("{} calls{names}, wanted {}", made.len(), wanted.len()));
        }
        let misfit = |wanted: &Expected, made: &Made| self.misfit(wanted, made);
        if self.ordered || wanted.len() == 1 {
            let first = wanted.iter().zip(made).find_map(|(wanted, made)| misfit(wanted, made));
            return Verdict::decide(first.is_none(), first.unwrap_or_else(|| "all calls as wanted".into()));
        }
        let fits: Vec<Vec<bool>> =
            wanted.iter().map(|w| made.iter().map(|m| misfit(w, m).is_none()).collect()).collect();
        match unmatched(&fits) {
            None => Verdict::decide(true, if wanted.is_empty() { "no call, as wanted" } else { "all calls as wanted" }),
            Some(at) => {
                let same_name = made.iter().find(|m| named(&wanted[at].name, &m.name));
                let why = same_name.and_then(|made| misfit(&wanted[at], made));
                Verdict::decide(false, why.unwrap_or_else(|| format!("no call fits `{}`", wanted[at].name)))
            }
        }
    }

    /// Why a call is not the one wanted.
    fn misfit(&self, wanted: &Expected, made: &Made) -> Option<String> {
        if !named(&wanted.name, &made.name) {
            return Some(format!("called `{}`, wanted `{}`", one_line(&made.name, 60), wanted.name));
        }
        let arguments = match &made.arguments {
            Ok(Value::Object(arguments)) => arguments,
            Ok(_) => return Some(format!("the arguments of `{}` are no object", wanted.name)),
            Err(why) => return Some(why.clone()),
        };
        let admissible = wanted.arguments.as_ref()?;
        self.members(admissible, arguments).map(|why| format!("`{}`: {why}", wanted.name))
    }

    /// Why the members of an object are not admissible.
    fn members(&self, admissible: &Map<String, Value>, found: &Map<String, Value>) -> Option<String> {
        if let Some(extra) = found.keys().find(|key| !admissible.contains_key(*key)) {
            return Some(format!("unexpected argument `{}`", one_line(extra, 40)));
        }
        admissible.iter().find_map(|(key, values)| {
            let values = match values {
                Value::Array(values) => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            match found.get(key) {
                None if values.iter().any(is_optional) => None,
                None => Some(format!("argument `{key}` is missing")),
                Some(value) if self.admits_any(values, value) => None,
                Some(value) => {
                    let wanted = Value::Array(values.to_vec()).to_string();
                    Some(format!(
                        "`{key}` is {}, wanted one of {}",
                        one_line(&value.to_string(), 60),
                        one_line(&wanted, 80)
                    ))
                }
            }
        })
    }

    /// The mark of an optional argument admits an empty text only where texts are admissible at all.
    fn admits_any(&self, values: &[Value], found: &Value) -> bool {
        let texts = values.iter().all(Value::is_string);
        values.iter().any(|one| (texts || !is_optional(one)) && self.admits(one, found))
    }

    fn admits(&self, wanted: &Value, found: &Value) -> bool {
        match (wanted, found) {
            (Value::String(wanted), Value::String(found)) if !self.strict => standard(wanted) == standard(found),
            (Value::Object(admissible), Value::Object(members)) => {
                same(wanted, found) || self.members(admissible, members).is_none()
            }
            (Value::Array(wanted), Value::Array(found)) => {
                wanted.len() == found.len()
                    && wanted.iter().zip(found).all(|(wanted, found)| self.admits(wanted, found))
            }
            _ => same(wanted, found),
        }
    }
}

fn is_optional(value: &Value) -> bool {
    value.as_str() == Some("")
}

/// Names are equal, or equal up to the dots that some providers turn into underscores.
fn named(wanted: &str, found: &str) -> bool {
    wanted == found || wanted.replace('.', "_") == found
}

fn standard(text: &str) -> String {
    let kept = text.chars().filter(|c| !matches!(c, ' ' | ',' | '.' | '/' | '-' | '_' | '*' | '^'));
    kept.flat_map(char::to_lowercase).map(|c| if c == '\'' { '"' } else { c }).collect()
}

/// The first wanted call that cannot be given a call of its own, by augmenting paths.
fn unmatched(fits: &[Vec<bool>]) -> Option<usize> {
    let mut owner: Vec<Option<usize>> = vec![None; fits.len()];
    (0..fits.len()).find(|wanted| !place(*wanted, fits, &mut owner, &mut vec![false; fits.len()]))
}

fn place(wanted: usize, fits: &[Vec<bool>], owner: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for made in 0..owner.len() {
        if !fits[wanted][made] || std::mem::replace(&mut seen[made], true) {
            continue;
        }
        if owner[made].is_none_or(|other| place(other, fits, owner, seen)) {
            owner[made] = Some(wanted);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::Grader;
    use crate::grade::testing::case;
    use crate::grade::testing::done;
    use crate::grade::testing::grader;
    use crate::grade::testing::objection;
    use crate::grade::testing::passes;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "tests write values in place")]
    fn judge(spec: Value, expect: Value, calls: &[(&str, &str)]) -> bool {
        let tool_calls = calls
            .iter()
            .map(|(name, arguments)| ToolCall {
                id: String::new(),
                name: (*name).into(),
                arguments: (*arguments).into(),
            })
            .collect();
        let answer = crate::domain::Answer { tool_calls, ..Default::default() };
        let verdict = done(grader(json!({"tool_call": spec})).grade(&case(&expect), &answer));
        matches!(verdict, Verdict::Pass { .. })
    }

    #[test]
    fn one_call_is_compared_argument_by_argument() {
        let spec =
            json!({"calls": [{"name": "area", "arguments": {"base": [10], "unit": ["cm", ""], "kind": ["New York"]}}]});
        let rows = [
            (r#"{"base": 10, "kind": "new-york"}"#, true),
            (r#"{"base": 10.0, "unit": "cm", "kind": "New York"}"#, true),
            (r#"{"base": "10", "kind": "New York"}"#, false),
            (r#"{"base": 10, "unit": "m", "kind": "New York"}"#, false),
            (r#"{"base": 10, "kind": "New York", "extra": 1}"#, false),
            (r#"{"kind": "New York"}"#, false),
            (r#"{"base": 10, "unit": "", "kind": "New York"}"#, true),
            ("{broken", false),
            ("[1]", false),
        ];
        for (arguments, passed) in rows {
            assert_eq!(judge(spec.clone(), json!(null), &[("area", arguments)]), passed, "{arguments}");
        }
        assert!(!judge(spec.clone(), json!(null), &[("volume", r#"{"base": 10, "kind": "New York"}"#)]));
        assert!(!judge(spec, json!(null), &[]));
        assert!(judge(json!({"calls": [{"name": "a.b"}]}), json!(null), &[("a_b", "")]));
    }

    #[test]
    fn parallel_calls_need_no_order_but_a_call_each() {
        let calls =
            json!([{"name": "w", "arguments": {"c": ["Rome", "Oslo"]}}, {"name": "w", "arguments": {"c": ["Rome"]}}]);
        let (rome, oslo) = (("w", r#"{"c": "Rome"}"#), ("w", r#"{"c": "Oslo"}"#));
        assert!(judge(json!({"calls": calls}), json!(null), &[rome, oslo]));
        assert!(judge(json!({}), calls.clone(), &[oslo, rome]));
        assert!(!judge(json!({"calls": calls}), json!(null), &[oslo, oslo]));
        assert!(!judge(json!({"calls": calls, "ordered": true}), json!(null), &[rome, oslo]));
        assert!(!judge(json!({"calls": calls}), json!(null), &[rome]));
    }

    #[test]
    fn nested_objects_lists_and_strictness() {
        let nested = json!([{"f": {"size": [{"w": [1, 2], "h": [3, ""]}], "tags": [["a", "b"]]}}]);
        assert!(judge(json!({}), nested.clone(), &[("f", r#"{"size": {"w": 2}, "tags": ["a", "B"]}"#)]));
        assert!(!judge(json!({}), nested.clone(), &[("f", r#"{"size": {"w": 3}, "tags": ["a", "b"]}"#)]));
        assert!(!judge(json!({}), nested, &[("f", r#"{"size": {"w": 2}, "tags": ["b", "a"]}"#)]));
        let counted = json!([{"f": {"n": [3, ""]}}]);
        assert!(!judge(json!({}), counted.clone(), &[("f", r#"{"n": ""}"#)]));
        assert!(judge(json!({}), counted, &[("f", "{}")]));
        let strict = json!({"calls": [{"name": "f", "arguments": {"x": ["A"]}}], "strict": true});
        assert!(!judge(strict, json!(null), &[("f", r#"{"x": "a"}"#)]));
    }

    #[test]
    fn no_call_can_be_what_is_wanted() {
        assert!(judge(json!({"none": true}), json!(null), &[]));
        assert!(judge(json!({}), json!([]), &[]));
        assert!(!judge(json!({"none": true}), json!(null), &[("f", "{}")]));
        assert!(objection(json!("tool_call"), json!("text")).unwrap().contains("is no call"));
        assert!(objection(json!("tool_call"), json!(null)).is_some());
    }

    #[test]
    fn calls_can_be_taken_from_the_text() {
        let spec = json!({"tool_call": {"extract": ["code_block"]}});
        let text = "```json\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n```";
        assert!(passes(spec, json!({"name": "f", "arguments": {"x": [1]}}), text));
    }
}
