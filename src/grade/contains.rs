//! `contains`: the answer contains one text, any of several, or all of them.

use super::compile::Context;
use super::compile::Problem;
use super::exact::normal;
use super::params::Text;
use super::params::Texts;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::decide;
use super::subject::expecting;
use crate::domain::Verdict;
use crate::text::plain::one_line;

params! {
    /// Parameters of `contains`.
    pub struct Contains {
        /// A text that must occur; the case's `expect` by default.
        value: Option<Text> = None,
        /// Texts of which one must occur.
        any: Option<Texts> = None,
        /// Texts that must all occur.
        all: Option<Texts> = None,
        /// Compare without regard to case.
        ignore_case: bool = false,
    }
}

impl Spec for Contains {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let ignore_case = self.ignore_case;
        let given = [self.value.is_some(), self.any.is_some(), self.all.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(vec![Problem::at(
                "contains",
                "give one of `value`, `any` and `all`; two checks are two graders",
            )]);
        }
        if let Some(Texts(all)) = self.all.clone() {
            return Ok(decide(move |subject| every(&subject.text, &all, ignore_case)));
        }
        if let Some(Texts(any)) = self.any.clone() {
            return Ok(decide(move |subject| some(&subject.text, &any, ignore_case)));
        }
        Ok(expecting(self.value.as_ref(), move |subject, wanted| some(&subject.text, wanted, ignore_case)))
    }
}

fn some(text: &str, wanted: &[String], ignore_case: bool) -> Verdict {
    let text = normal(text, ignore_case, false);
    match wanted.iter().find(|wanted| holds(&text, wanted, ignore_case)) {
        Some(found) => Verdict::decide(true, format!("contains {}", quoted(found))),
        None => Verdict::decide(false, format!("contains none of {}", list(wanted))),
    }
}

fn every(text: &str, wanted: &[String], ignore_case: bool) -> Verdict {
    let text = normal(text, ignore_case, false);
    let missing: Vec<String> = wanted.iter().filter(|wanted| !holds(&text, wanted, ignore_case)).cloned().collect();
    let why =
        if missing.is_empty() { format!("contains {}", list(wanted)) } else { format!("lacks {}", list(&missing)) };
    Verdict::decide(missing.is_empty(), why)
}

fn holds(text: &str, wanted: &str, ignore_case: bool) -> bool {
    text.contains(normal(wanted, ignore_case, false).as_ref())
}

fn quoted(text: &str) -> String {
    format!("`{}`", one_line(text, 60))
}

fn list(texts: &[String]) -> String {
    texts.iter().take(8).map(|text| quoted(text)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::passes;
    use crate::grade::testing::problems;
    use serde_json::json;

    #[test]
    fn one_any_or_all_must_occur() {
        let rows = [
            (json!({}), json!("b"), "abc", true),
            (json!({}), json!(["x", "c"]), "abc", true),
            (json!({"value": "B"}), json!(null), "abc", false),
            (json!({"value": "B", "ignore_case": true}), json!(null), "abc", true),
            (json!({"any": ["x", "y"]}), json!("b"), "abc", false),
            (json!({"all": ["a", "c"]}), json!(null), "abc", true),
            (json!({"all": ["a", "x"]}), json!(null), "abc", false),
        ];
        for (params, expect, answer, passed) in rows {
            assert_eq!(passes(json!({"contains": params}), expect.clone(), answer), passed, "{params} {answer}");
        }
        assert!(problems(json!({"contains": {"value": "a", "all": ["b"]}}))[0].contains("one of"));
    }
}
