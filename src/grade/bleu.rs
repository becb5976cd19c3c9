//! `bleu`: sentence BLEU as sacreBLEU computes it, on a scale of 0 to 1.
//!
//! Tokenization 13a, n-grams up to 4, exponential smoothing, effective order (sacreBLEU's `sentence_bleu`). Several
//! references are used together, with the length of the one nearest in length.

use std::collections::HashMap;
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
    /// Parameters of `bleu`.
    pub struct Bleu {
        /// The reference; the case's `expect` by default.
        value: Option<Text> = None,
        /// The score from which on the answer passes; without it the score stands.
        min: Option<f64> = None,
    }
}

const ORDER: usize = 4;

impl Spec for Bleu {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        overlap::scoring("BLEU", self.value.as_ref(), self.min, score)
    }
}

static RULES: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
    [
        (r"([\{-\~\[-\` -\&\(-\+\:-\@\/])", " $1 "),
        (r"([^0-9])([\.,])", "$1 $2 "),
        (r"([\.,])([^0-9])", " $1 $2"),
        (r"([0-9])(-)", "$1 $2 "),
    ]
    .map(|(pattern, spaced)| (Regex::new(pattern).expect("a pattern of our own compiles"), spaced))
});

/// Tokens of the 13a convention (mteval-v13a).
fn tokens(text: &str) -> Vec<String> {
    let line = text.trim_end().replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    let line = line.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    let mut line = format!(" {line} ");
    for (pattern, spaced) in RULES.iter() {
        line = pattern.replace_all(&line, *spaced).into_owned();
    }
    line.split_whitespace().map(str::to_owned).collect()
}

fn score(text: &str, references: &[String]) -> f64 {
    let text = tokens(text);
    let references: Vec<Vec<String>> = references.iter().map(|reference| tokens(reference)).collect();
    let length = references.iter().map(Vec::len).min_by_key(|n| (n.abs_diff(text.len()), *n)).unwrap_or(0);
    let counts: Vec<(usize, usize)> = (1..=ORDER).map(|n| matches(&text, &references, n)).collect();
    if counts.iter().all(|(correct, _)| *correct == 0) {
        return 0.0;
    }
    let brevity = if text.len() < length { (1.0 - length as f64 / text.len() as f64).exp() } else { 1.0 };
    let mut smooth = 1.0;
    let mut logs = Vec::new();
    for (correct, total) in counts.into_iter().take_while(|(_, total)| *total > 0) {
        let precision = if correct == 0 {
            smooth *= 2.0;
            1.0 / (smooth * total as f64)
        } else {
            correct as f64 / total as f64
        };
        logs.push(precision.ln());
    }
    brevity * (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}

/// N-grams that a reference has too, and all n-grams of the text.
fn matches(text: &[String], references: &[Vec<String>], n: usize) -> (usize, usize) {
    let mut most: HashMap<&[String], usize> = HashMap::new();
    for reference in references {
        for (gram, count) in overlap::ngrams(reference, n) {
            let entry = most.entry(gram).or_insert(0);
            *entry = count.max(*entry);
        }
    }
    (overlap::common(&overlap::ngrams(text, n), &most), (text.len() + 1).saturating_sub(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_equal_sacrebleu() {
        overlap::check_reference(0, score);
        let several = ["a cat sat", "the cat sat there now"].map(str::to_owned);
        assert!((score("the cat sat here", &several) - 0.594_603_557_5).abs() < 1e-9);
    }
}
