//! `chrf`: character n-gram F-score as sacreBLEU computes it, on a scale of 0 to 1.
//!
//! Characters without white space, orders 1 to 6, beta 2; `word_order: 2` makes it chrF++. The best reference counts.

use std::collections::HashMap;
use std::hash::Hash;

use super::compile::Context;
use super::compile::Problem;
use super::overlap;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;

params! {
    /// Parameters of `chrf`.
    pub struct Chrf {
        /// The reference; the case's `expect` by default.
        value: Option<Text> = None,
        /// The score from which on the answer passes; without it the score stands.
        min: Option<f64> = None,
        /// Orders of word n-grams counted beside characters: 0 is chrF, 2 is chrF++.
        word_order: u32 = 0,
    }
}

const CHAR_ORDER: usize = 6;
const BETA_SQUARED: f64 = 4.0;

impl Spec for Chrf {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let order = self.word_order as usize;
        if order > CHAR_ORDER {
            return Err(vec![Problem::at("word_order", format!("`{order}` is too high; write 0 or 2"))]);
        }
        overlap::scoring("chrF", self.value.as_ref(), self.min, move |text, all| score(text, all, order))
    }
}

/// N-grams of the text, of the reference, and of both.
type Counts = (usize, usize, usize);

fn score(text: &str, references: &[String], word_order: usize) -> f64 {
    let (chars, words) = (characters(text), words(text));
    let against = |reference: &String| {
        let (other_chars, other_words) = (characters(reference), self::words(reference));
        let by_char = (1..=CHAR_ORDER).map(|n| count(&overlap::ngrams(&chars, n), &overlap::ngrams(&other_chars, n)));
        let by_word = (1..=word_order).map(|n| count(&overlap::ngrams(&words, n), &overlap::ngrams(&other_words, n)));
        f_score(by_char.chain(by_word))
    };
    references.iter().map(against).fold(0.0, f64::max)
}

fn count<T: Eq + Hash>(text: &HashMap<&[T], usize>, reference: &HashMap<&[T], usize>) -> Counts {
    let total = if reference.is_empty() { 0 } else { text.values().sum() };
    (total, reference.values().sum(), overlap::common(text, reference))
}

fn f_score(counts: impl Iterator<Item = Counts>) -> f64 {
    let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0.0);
    for (text, reference, both) in counts.filter(|(text, reference, _)| *text > 0 && *reference > 0) {
        precision += both as f64 / text as f64;
        recall += both as f64 / reference as f64;
        orders += 1.0;
    }
    if precision + recall <= 0.0 {
        return 0.0;
    }
    (precision, recall) = (precision / orders, recall / orders);
    (1.0 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)
}

fn characters(text: &str) -> Vec<char> {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Words with one mark of punctuation cut off: at the end, or else at the beginning.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let last = word.char_indices().next_back().map_or(0, |(at, _)| at);
        if last > 0 && word.ends_with(|c: char| c.is_ascii_punctuation()) {
            words.extend([&word[..last], &word[last..]]);
        } else if last > 0 && word.starts_with(|c: char| c.is_ascii_punctuation()) {
            words.extend([&word[..1], &word[1..]]);
        } else {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_equal_sacrebleu() {
        overlap::check_reference(1, |text, all| score(text, all, 0));
        overlap::check_reference(2, |text, all| score(text, all, 2));
        let several = ["a cat sat", "the cat sat there now"].map(str::to_owned);
        assert!((score("the cat sat here", &several, 0) - 0.625_345_820_2).abs() < 1e-9);
    }
}
