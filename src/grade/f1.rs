//! `f1`: overlap of words as SQuAD scores answers.
//!
//! Both texts lose case, ASCII punctuation and articles; words are what white space separates. The best reference
//! counts. Where one side has no words left, the score is 1 if the other has none either (SQuAD 2.0).

use std::sync::LazyLock;

use regex::Regex;

use super::compile::Context;
use super::compile::Problem;
use super::overlap;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;

params! {
    /// Parameters of `f1`.
    pub struct F1 {
        /// The reference; the case's `expect` by default.
        value: Option<Text> = None,
        /// The score from which on the answer passes; without it the score stands.
        min: Option<f64> = None,
    }
}

impl Spec for F1 {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        overlap::scoring("F1", self.value.as_ref(), self.min, score)
    }
}

fn score(text: &str, references: &[String]) -> f64 {
    let text = words(text);
    references.iter().map(|reference| f1(&text, &words(reference))).fold(0.0, f64::max)
}

static ARTICLES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(a|an|the)\b").expect("a pattern of our own compiles"));

fn words(text: &str) -> Vec<String> {
    let bare: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    ARTICLES.replace_all(&bare, " ").split_whitespace().map(str::to_owned).collect()
}

fn f1(found: &[String], wanted: &[String]) -> f64 {
    if found.is_empty() || wanted.is_empty() {
        return if found.len() == wanted.len() { 1.0 } else { 0.0 };
    }
    let same = overlap::common(&overlap::ngrams(found, 1), &overlap::ngrams(wanted, 1)) as f64;
    overlap::harmonic(same / found.len() as f64, same / wanted.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::testing::judge;
    use crate::grade::testing::problems;
    use serde_json::json;

    /// Values of the published SQuAD 2.0 script, `compute_f1`.
    #[test]
    fn words_overlap_as_in_squad() {
        let rows = [
            ("The Norman conquest!", "norman Conquest", 1.0),
            ("in the 10th and 11th centuries", "10th century and 11th", 2.0 * 0.6 * 0.75 / 1.35),
            ("France", "Denmark", 0.0),
            ("", "", 1.0),
            ("the", "", 1.0),
            ("word", "", 0.0),
            ("a an the cat cat", "cat", 2.0 / 3.0),
        ];
        for (text, reference, expected) in rows {
            assert!((score(text, &[reference.to_owned()]) - expected).abs() < 1e-9, "{text}");
        }
        let verdict = judge(json!("f1"), json!(["Denmark", "France"]), "It is France");
        assert!((verdict.bounds().0 - 0.5).abs() < 1e-9);
        assert!(problems(json!({"f1": {"min": 50}}))[0].starts_with("min"));
    }
}
