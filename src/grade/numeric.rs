//! `numeric`: a number of the answer equals the expected number.
//!
//! Thousands, decimals, exponents, fractions, percent and currency signs are read (see [`super::numbers`]); by
//! default the last number of the answer counts. A percentage equals both its plain number and a hundredth of it,
//! where only one side carries the sign: `20 %` equals `20` and `0.2`.

use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::numbers;
use super::numbers::Found;
use super::params::Text;
use super::params::params;
use super::pattern::Take;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use super::subject::expecting;
use crate::domain::Case;
use crate::domain::Verdict;
use crate::domain::Why;

/// Two numbers that print alike to nine digits are equal: `0.1 + 0.2` is `0.3`.
const ROUNDING: f64 = 1e-9;

params! {
    /// Parameters of `numeric`.
    pub struct Numeric {
        /// The expected number; the case's `expect` by default.
        value: Option<Text> = None,
        /// Largest difference accepted, in the number's own unit.
        tolerance: f64 = 0.0,
        /// Largest difference accepted, as a share of the expected number.
        relative: f64 = 0.0,
        /// Which number of the answer counts.
        take: Take = Take::Last,
    }
}

impl Spec for Numeric {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let mut problems = Vec::new();
        for (name, value) in [("tolerance", self.tolerance), ("relative", self.relative)] {
            if !(value.is_finite() && value >= 0.0) {
                problems.push(Problem::at(name, format!("`{value}` is no tolerance; write 0 or more")));
            }
        }
        if let Some(Text(value)) = &self.value
            && numbers::only(value).is_none()
        {
            problems.push(Problem::at("value", format!("`{value}` is not one number")));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let rule = self.clone();
        let inner = expecting(self.value.as_ref(), move |subject, wanted| rule.compare(&subject.text, wanted));
        Ok(Box::new(Checked { inner, from_case: self.value.is_none() }))
    }
}

/// Adds that the expectation must be a number.
struct Checked {
    inner: Box<dyn Rule>,
    from_case: bool,
}

impl Rule for Checked {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        self.inner.judge(subject)
    }

    fn objection(&self, case: &Case) -> Option<String> {
        self.inner.objection(case).or_else(|| {
            let texts = case.expect.as_ref().filter(|_| self.from_case)?.texts();
            let odd = texts.iter().find(|text| last(text).is_none())?;
            Some(format!("it compares numbers, and `expect` is `{}`", crate::text::plain::one_line(odd, 40)))
        })
    }
}

/// The number of an expectation: its last one, so that a worked solution with `#### 18` at its end serves too.
fn last(text: &str) -> Option<Found> {
    numbers::find(text).pop()
}

impl Numeric {
    fn compare(&self, text: &str, wanted: &[String]) -> Verdict {
        let mut all = numbers::find(text);
        let picked = match self.take {
            Take::Last => all.pop(),
            Take::First => all.into_iter().next(),
        };
        let Some(found) = picked else { return Verdict::decide(false, "there is no number in the answer") };
        let targets: Vec<Found> = wanted.iter().filter_map(|text| last(text)).collect();
        if targets.is_empty() {
            return Verdict::ungradable("the expectation is no number");
        }
        let passed = targets.iter().any(|target| self.equals(&found, target));
        let targets: Vec<String> = targets.iter().map(|target| numbers::plain(target.value)).collect();
        let shown = text[found.range.clone()].to_owned();
        let why = Why {
            text: format!("found {}, wanted {}", numbers::plain(found.value), targets.join(" or ")),
            extracted: Some(shown),
            step: None,
        };
        if passed { Verdict::Pass { why } } else { Verdict::Fail { why } }
    }

    fn equals(&self, found: &Found, target: &Found) -> bool {
        if let (Some(a), Some(b)) = (&found.exact, &target.exact)
            && self.tolerance == 0.0
            && self.relative == 0.0
            && found.percent == target.percent
            && ![a, b].iter().any(|digits| digits.contains('.'))
        {
            return a == b;
        }
        let scaled = match (found.percent, target.percent) {
            (true, false) => self.near(found.value / 100.0, target.value),
            (false, true) => self.near(found.value, target.value / 100.0),
            _ => false,
        };
        scaled || self.near(found.value, target.value)
    }

    fn near(&self, found: f64, target: f64) -> bool {
        let slack = self.tolerance.max(self.relative * target.abs());
        (found - target).abs() <= slack + ROUNDING * found.abs().max(target.abs())
    }
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::objection;
    use crate::grade::testing::passes;
    use crate::grade::testing::problems;
    use serde_json::json;

    #[test]
    fn numbers_are_compared_by_value() {
        let rows = [
            (json!({}), json!("18"), "She makes 9 * 2 = $18 every day.", true),
            (json!({}), json!("... #### 1,234"), "It is 1234.00", true),
            (json!({}), json!(18), "18 or maybe 19", false),
            (json!({"take": "first"}), json!(18), "18 or maybe 19", true),
            (json!({}), json!("20%"), "0.2", true),
            (json!({}), json!("0.2"), "20 %", true),
            (json!({}), json!("20"), "20%", true),
            (json!({}), json!("20%"), "2%", false),
            (json!({}), json!("0.75"), "3/4", true),
            (json!({"tolerance": 0.5}), json!("10"), "10.5", true),
            (json!({"tolerance": 0.5}), json!("10"), "10.6", false),
            (json!({"relative": 0.01}), json!("1000"), "1010", true),
            (json!({"relative": 0.01}), json!("1000"), "1011", false),
            (json!({}), json!("12345678901234567890"), "12345678901234567891", false),
            (json!({}), json!("0.3"), "0.30000000000000004", true),
            (json!({}), json!(["1", "2"]), "2", true),
            (json!({}), json!("-5"), "5", false),
            (json!({}), json!("5"), "none", false),
        ];
        for (params, expect, answer, passed) in rows {
            assert_eq!(
                passes(json!({"numeric": params}), expect.clone(), answer),
                passed,
                "{params} {expect} {answer}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_named_before_any_call() {
        assert!(objection(json!({"numeric": {}}), json!("many")).unwrap().contains("`many`"));
        assert!(objection(json!({"numeric": {}}), json!(null)).unwrap().contains("does not state"));
        assert!(objection(json!({"numeric": {}}), json!("7")).is_none());
        assert!(objection(json!({"numeric": {"value": "7"}}), json!("many")).is_none());
        assert!(problems(json!({"numeric": {"tolerance": -1.0}}))[0].starts_with("tolerance"));
        assert!(problems(json!({"numeric": {"value": "x"}}))[0].starts_with("value"));
    }
}
