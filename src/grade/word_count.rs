//! `word_count`: the number of words lies within bounds. Words are what white space separates.

use super::compile::Context;
use super::compile::Problem;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::decide;
use crate::domain::Verdict;

params! {
    /// Parameters of `word_count`.
    pub struct WordCount {
        /// Fewest words accepted.
        min: Option<u32> = None,
        /// Most words accepted.
        max: Option<u32> = None,
    }
}

impl Spec for WordCount {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let (min, max) = (self.min.unwrap_or(0) as usize, self.max.map_or(usize::MAX, |max| max as usize));
        if self.min.is_none() && self.max.is_none() {
            return Err(vec![Problem::at("word_count", "give `min`, `max` or both")]);
        }
        if min > max {
            return Err(vec![Problem::at("min", format!("`min` {min} is above `max` {max}"))]);
        }
        let wanted = match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (_, max) => format!("at most {}", max.unwrap_or_default()),
        };
        Ok(decide(move |subject| {
            let words = subject.text.split_whitespace().count();
            Verdict::decide((min..=max).contains(&words), format!("{words} words, wanted {wanted}"))
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::passes;
    use crate::grade::testing::problems;
    use serde_json::json;

    #[test]
    fn bounds_are_inclusive() {
        let grade = |text| passes(json!({"word_count": {"min": 2, "max": 3}}), json!(null), text);
        assert!(!grade("one") && grade("one two") && grade(" one\ntwo  three ") && !grade("a b c d") && !grade(""));
        assert!(problems(json!("word_count"))[0].contains("give `min`"));
        assert!(problems(json!({"word_count": {"min": 3, "max": 2}}))[0].contains("above"));
    }
}
