//! `starts_with`: the answer begins with a text. White space before it is ignored.

use super::compile::Context;
use super::compile::Problem;
use super::exact::normal;
use super::exact::said;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::expecting;
use crate::domain::Verdict;

params! {
    /// Parameters of `starts_with`.
    pub struct StartsWith {
        /// The beginning; the case's `expect` by default.
        value: Option<Text> = None,
        /// Compare without regard to case.
        ignore_case: bool = false,
    }
}

impl Spec for StartsWith {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let ignore_case = self.ignore_case;
        Ok(expecting(self.value.as_ref(), move |subject, wanted| {
            let text = normal(subject.text.trim_start(), ignore_case, false);
            let begins = |start: &String| text.starts_with(normal(start.trim_start(), ignore_case, false).as_ref());
            Verdict::decide(wanted.iter().any(begins), said(&subject.text, wanted))
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::passes;
    use serde_json::json;

    #[test]
    fn beginnings_are_compared() {
        assert!(passes(json!("starts_with"), json!("Dear"), "\n Dear Ann"));
        assert!(!passes(json!("starts_with"), json!("dear"), "Dear Ann"));
        assert!(passes(json!({"starts_with": {"value": "dear", "ignore_case": true}}), json!(null), "Dear Ann"));
        assert!(!passes(json!("starts_with"), json!("Dear Ann and all"), "Dear Ann"));
    }
}
