//! `rouge`: ROUGE-1, ROUGE-2 and ROUGE-L F-measures as the `rouge-score` package computes them.
//!
//! Words are runs of ASCII letters and digits in lower case; the stemmer is Porter's with NLTK's extensions and
//! touches words of more than three letters. The best reference counts.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::compile::Context;
use super::compile::Problem;
use super::overlap;
use super::params::Describe;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::stem;
use super::subject::Rule;

params! {
    /// Parameters of `rouge`.
    pub struct Rouge {
        /// The reference; the case's `expect` by default.
        value: Option<Text> = None,
        /// The score from which on the answer passes; without it the score stands.
        min: Option<f64> = None,
        /// What is counted: single words, pairs of words, or the longest common subsequence.
        variant: Variant = Variant::RougeL,
        /// Reduce words to their stems first.
        stemmer: bool = false,
    }
}

/// What ROUGE counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Variant {
    /// Single words.
    #[serde(rename = "rouge1")]
    Rouge1,
    /// Pairs of words.
    #[serde(rename = "rouge2")]
    Rouge2,
    /// The longest common subsequence.
    #[serde(rename = "rougeL")]
    RougeL,
}

impl Describe for Variant {
    fn schema() -> Value {
        json!({"enum": ["rouge1", "rouge2", "rougeL"]})
    }
}

impl Spec for Rouge {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let (variant, stemmer) = (self.variant, self.stemmer);
        overlap::scoring("ROUGE", self.value.as_ref(), self.min, move |text, all| score(text, all, variant, stemmer))
    }
}

fn score(text: &str, references: &[String], variant: Variant, stemmer: bool) -> f64 {
    let text = words(text, stemmer);
    let against = |reference: &String| {
        let reference = words(reference, stemmer);
        match variant {
            Variant::Rouge1 => by_ngrams(&text, &reference, 1),
            Variant::Rouge2 => by_ngrams(&text, &reference, 2),
            Variant::RougeL => f_measure(common_subsequence(&text, &reference), text.len(), reference.len()),
        }
    };
    references.iter().map(against).fold(0.0, f64::max)
}

fn words(text: &str, stemmer: bool) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !matches!(c, 'a'..='z' | '0'..='9')).filter(|word| !word.is_empty());
    words.map(|word| if stemmer && word.len() > 3 { stem::stem(word) } else { word.to_owned() }).collect()
}

fn by_ngrams(text: &[String], reference: &[String], n: usize) -> f64 {
    let both = overlap::common(&overlap::ngrams(text, n), &overlap::ngrams(reference, n));
    let total = |words: &[String]| (words.len() + 1).saturating_sub(n);
    f_measure(both, total(text), total(reference))
}

fn f_measure(both: usize, text: usize, reference: usize) -> f64 {
    overlap::harmonic(both as f64 / text.max(1) as f64, both as f64 / reference.max(1) as f64)
}

/// Length of the longest common subsequence, 64 positions at a time (Hyyrö 2004): a cleared bit is a match.
fn common_subsequence(a: &[String], b: &[String]) -> usize {
    let blocks = a.len().div_ceil(64);
    let mut places: HashMap<&str, Vec<u64>> = HashMap::new();
    for (at, word) in a.iter().enumerate() {
        places.entry(word).or_insert_with(|| vec![0; blocks])[at / 64] |= 1 << (at % 64);
    }
    let mut open = vec![u64::MAX; blocks];
    for word in b {
        let Some(hits) = places.get(word.as_str()) else { continue };
        let mut carry = false;
        for (block, hit) in open.iter_mut().zip(hits) {
            let matched = *block & hit;
            let (sum, first) = block.overflowing_add(matched);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            carry = first || second;
            *block = sum | (*block & !hit);
        }
    }
    let cleared: u32 = open.iter().map(|block| block.count_zeros()).sum();
    cleared as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scores_equal_rouge_score() {
        for (at, variant) in [Variant::Rouge1, Variant::Rouge2, Variant::RougeL].into_iter().enumerate() {
            overlap::check_reference(3 + at, |text, all| score(text, all, variant, false));
            overlap::check_reference(6 + at, |text, all| score(text, all, variant, true));
        }
    }

    fn plain(a: &[String], b: &[String]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..a.len() {
            for j in 0..b.len() {
                table[i + 1][j + 1] = if a[i] == b[j] { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn bits_find_the_same_subsequence(a in prop::collection::vec("[abc]", 0..150), b in prop::collection::vec("[abc]", 0..80)) {
            prop_assert_eq!(common_subsequence(&a, &b), plain(&a, &b));
        }
    }
}
