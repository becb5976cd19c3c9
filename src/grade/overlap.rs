//! What the overlap graders share: a score against the best of several references, and counted n-grams.

use std::collections::HashMap;
use std::hash::Hash;

use super::compile::Problem;
use super::params::Text;
use super::subject::Rule;
use super::subject::expecting;
use crate::domain::Verdict;

/// Characters of an answer or reference that are compared; beyond it a text is another text.
const LONGEST: usize = 1 << 20;

/// A rule that scores the text against all references and, with `min`, decides.
///
/// # Errors
/// A `min` that no score can be compared with.
pub(super) fn scoring(
    name: &'static str,
    value: Option<&Text>,
    min: Option<f64>,
    score: impl Fn(&str, &[String]) -> f64 + Send + Sync + 'static,
) -> Result<Box<dyn Rule>, Vec<Problem>> {
    check_min(min)?;
    Ok(expecting(value, move |subject, wanted| {
        if subject.text.len() > LONGEST || wanted.iter().any(|text| text.len() > LONGEST) {
            return Verdict::ungradable(format!("a text is longer than {LONGEST} bytes"));
        }
        settle(name, score(&subject.text, wanted), min)
    }))
}

/// Refuses a `min` outside 0 to 1.
pub(super) fn check_min(min: Option<f64>) -> Result<(), Vec<Problem>> {
    match min {
        Some(min) if !(0.0..=1.0).contains(&min) => {
            Err(vec![Problem::at("min", format!("`{min}` is no score; scores run from 0 to 1"))])
        }
        _ => Ok(()),
    }
}

/// The score as a verdict: a decision where there is a `min`. Rounding errors above 1 are taken off.
pub(super) fn settle(name: &str, score: f64, min: Option<f64>) -> Verdict {
    let score = if score.is_nan() { score } else { score.clamp(0.0, 1.0) };
    match min {
        Some(min) if score.is_finite() => Verdict::decide(score >= min, format!("{name} {score:.4}, wanted {min}")),
        _ => Verdict::score(score, format!("{name} {score:.4}")),
    }
}

/// How often each n-gram occurs.
pub(super) fn ngrams<T: Eq + Hash>(items: &[T], n: usize) -> HashMap<&[T], usize> {
    let mut counts = HashMap::new();
    for gram in items.windows(n) {
        *counts.entry(gram).or_insert(0) += 1;
    }
    counts
}

/// N-grams that both have, each as often as the one that has it less.
pub(super) fn common<T: Eq + Hash>(a: &HashMap<&[T], usize>, b: &HashMap<&[T], usize>) -> usize {
    a.iter().map(|(gram, n)| b.get(gram).map_or(0, |m| *n.min(m))).sum()
}

/// The harmonic mean of precision and recall.
pub(super) fn harmonic(precision: f64, recall: f64) -> f64 {
    if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}

/// Reference values by line: answer, reference, then BLEU, chrF, chrF++, and ROUGE-1, -2, -L without and with stemming.
///
/// Made with sacrebleu 2.6.0 (`BLEU(effective_order=True)`, `CHRF()`, `CHRF(word_order=2)`, divided by 100) and
/// rouge-score 0.1.2 (`fmeasure`) under Python 3.
#[cfg(test)]
const REFERENCE: &str = include_str!("testdata/overlap.tsv");

/// Holds one column of the reference values against a score.
#[cfg(test)]
#[track_caller]
pub(super) fn check_reference(column: usize, score: impl Fn(&str, &[String]) -> f64) {
    for line in REFERENCE.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let (found, value) = (score(cells[0], &[cells[1].to_owned()]), cells[2 + column].parse::<f64>().unwrap());
        assert!((found - value).abs() < 1e-6, "{line}: {found} for {value}");
    }
}
