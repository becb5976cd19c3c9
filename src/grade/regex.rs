//! `regex`: a regular expression matches, and what its group caught equals the expectation.
//!
//! With a `group`, or with a group in the pattern and a case that states `expect`, the caught text is compared with
//! the expectation after white space is trimmed. Without either, a match is enough.

use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::exact::normal;
use super::exact::said;
use super::params::params;
use super::pattern::Matcher;
use super::pattern::Take;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use crate::domain::Case;
use crate::domain::Verdict;
use crate::domain::Why;

params! {
    /// Parameters of `regex`.
    pub struct Regex {
        /// The expression, in the syntax of Rust's `regex` crate (linear time, no look-around).
        pattern: String,
        /// The group compared with the case's `expect`; 0 is the whole match.
        group: Option<u32> = None,
        /// Which match counts when there are several.
        take: Take = Take::First,
        /// Compare the group without regard to case.
        ignore_case: bool = false,
    }
    from bare
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that every short form has")]
fn bare(pattern: &str) -> Result<Regex, String> {
    Ok(Regex { pattern: pattern.to_owned(), group: None, take: Take::First, ignore_case: false })
}

struct Matches {
    matcher: Matcher,
    compares: Compares,
    ignore_case: bool,
}

/// When what was caught is compared with the expectation.
#[derive(PartialEq)]
enum Compares {
    Always,
    WhereStated,
    Never,
}

impl Spec for Regex {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let matcher = Matcher::new(&self.pattern, self.group, self.take);
        let matcher = matcher.map_err(|message| vec![Problem::at("pattern", message)])?;
        let compares = match (self.group, matcher.has_groups()) {
            (Some(_), _) => Compares::Always,
            (None, true) => Compares::WhereStated,
            (None, false) => Compares::Never,
        };
        Ok(Box::new(Matches { matcher, compares, ignore_case: self.ignore_case }))
    }
}

impl Rule for Matches {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        let Some(caught) = self.matcher.find(&subject.text) else {
            return Step::Done(Verdict::decide(false, format!("nothing matches `{}`", self.matcher.pattern())));
        };
        let wanted = subject.acceptable(None);
        if wanted.is_empty() || self.compares == Compares::Never {
            return Step::Done(caught_why(true, format!("matches `{}`", self.matcher.pattern()), caught));
        }
        let same = |wanted: &String| normal(wanted, self.ignore_case, true) == normal(caught, self.ignore_case, true);
        Step::Done(caught_why(wanted.iter().any(same), said(caught, &wanted), caught))
    }

    fn objection(&self, case: &Case) -> Option<String> {
        let needs = self.compares == Compares::Always && case.expect.is_none();
        needs.then(|| "its `group` is compared with `expect`, which this case does not state".to_owned())
    }
}

fn caught_why(passed: bool, text: String, caught: &str) -> Verdict {
    let why = Why { text, extracted: Some(caught.to_owned()), step: None };
    if passed { Verdict::Pass { why } } else { Verdict::Fail { why } }
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::passes;
    use crate::grade::testing::problems;
    use serde_json::json;

    #[test]
    fn matches_and_groups_are_judged() {
        let rows = [
            (json!({"pattern": "b+"}), json!(null), "abba", true),
            (json!({"pattern": "b+"}), json!("irrelevant"), "abba", true),
            (json!({"pattern": "x"}), json!(null), "abba", false),
            (
                json!({"pattern": r"Answer:\s*([A-J])", "group": 1, "take": "last"}),
                json!("C"),
                "Answer: A. No, Answer: C",
                true,
            ),
            (json!({"pattern": r"Answer:\s*([A-J])", "group": 1}), json!("C"), "Answer: A. No, Answer: C", false),
            (json!({"pattern": r"#### (.*)"}), json!(["7", "8"]), "#### 8 ", true),
            (json!({"pattern": r"(\w+)", "ignore_case": true}), json!("yes"), "YES!", true),
        ];
        for (params, expect, answer, passed) in rows {
            assert_eq!(passes(json!({"regex": params}), expect, answer), passed, "{params} {answer}");
        }
    }

    #[test]
    fn bad_patterns_are_found_before_any_call() {
        assert!(problems(json!({"regex": {"pattern": "("}}))[0].starts_with("pattern: "));
        assert!(problems(json!({"regex": {"pattern": "a", "group": 2}}))[0].contains("no group 2"));
    }
}
