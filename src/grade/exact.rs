//! `exact`: the answer equals the expected text.
//!
//! A list as expectation names several acceptable texts. White space around both sides is ignored by default.

use std::borrow::Cow;

use super::compile::Context;
use super::compile::Problem;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::expecting;
use crate::domain::Verdict;
use crate::text::plain::one_line;

params! {
    /// Parameters of `exact`.
    pub struct Exact {
        /// The expected text; the case's `expect` by default.
        value: Option<Text> = None,
        /// Compare without regard to case.
        ignore_case: bool = false,
        /// Ignore white space around both texts.
        trim: bool = true,
    }
}

impl Spec for Exact {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let Self { value, ignore_case, trim } = self.clone();
        Ok(expecting(value.as_ref(), move |subject, acceptable| {
            let found = normal(&subject.text, ignore_case, trim);
            let passed = acceptable.iter().any(|wanted| normal(wanted, ignore_case, trim) == found);
            Verdict::decide(passed, said(&subject.text, acceptable))
        }))
    }
}

/// The text as it is compared.
pub(crate) fn normal(text: &str, ignore_case: bool, trim: bool) -> Cow<'_, str> {
    let text = if trim { text.trim() } else { text };
    if ignore_case { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

/// What was found and what was wanted, in one line.
pub(crate) fn said(found: &str, wanted: &[String]) -> String {
    let wanted: Vec<String> = wanted.iter().take(5).map(|text| format!("`{}`", one_line(text, 80))).collect();
    format!("found `{}`, wanted {}", one_line(found.trim(), 80), wanted.join(" or "))
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::passes;
    use serde_json::json;

    #[test]
    fn texts_are_compared_as_told() {
        let rows = [
            (json!({}), json!("yes"), " yes\n", true),
            (json!({}), json!("yes"), "Yes", false),
            (json!({"ignore_case": true}), json!("STRASSE"), "strasse", true),
            (json!({"trim": false}), json!("yes"), "yes ", false),
            (json!({"value": "no"}), json!("yes"), "no", true),
            (json!({}), json!(["a", "b"]), "b", true),
            (json!({}), json!(3), "3", true),
            (json!({}), json!(""), "", true),
        ];
        for (params, expect, answer, passed) in rows {
            assert_eq!(passes(json!({"exact": params}), expect.clone(), answer), passed, "{params} {expect} {answer}");
        }
    }
}
