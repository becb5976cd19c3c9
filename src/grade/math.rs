//! `math`: the final answer equals the expected one as mathematics.
//!
//! The answer is the content of the last `\boxed{}`, else what follows "answer is" or the last `=`, else the last
//! line; in a sentence, its formula between dollar signs or its number. Numbers, fractions, mixed numbers, percentages,
//! roots and powers are compared by value, units aside; tuples, intervals and matrices by their parts, sets, unions and
//! lists without brackets in any order; formulas with variables by their values; anything else as normalized text.
//! Nothing unbounded is evaluated: text, depth and size of numbers are limited, and what lies beyond is compared as text.

use super::compile::Context;
use super::compile::Problem;
use super::equivalence::LONGEST;
use super::equivalence::equivalent;
use super::numbers;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::expecting;
use crate::domain::Verdict;
use crate::domain::Why;
use crate::text::plain::one_line;

params! {
    /// Parameters of `math`.
    pub struct Math {
        /// The expected result; the case's `expect` by default.
        value: Option<Text> = None,
    }
}

impl Spec for Math {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        Ok(expecting(self.value.as_ref(), |subject, wanted| {
            let (whole, step) = final_answer(&subject.text);
            let wanted: Vec<&str> = wanted.iter().map(|wanted| final_answer(wanted).0).collect();
            let meant = |found: &str| wanted.iter().any(|wanted| equivalent(found, wanted));
            let in_sentence = || pick(whole, step).filter(|found| meant(found));
            let (passed, found) =
                if meant(whole) { (true, whole) } else { in_sentence().map_or((false, whole), |f| (true, f)) };
            let text = format!("found `{}`, wanted `{}`", one_line(found, 80), one_line(wanted[0], 80));
            let why = Why { text, extracted: Some(found.to_owned()), step: Some(step) };
            if passed { Verdict::Pass { why } } else { Verdict::Fail { why } }
        }))
    }
}

/// The final answer in a text, and how it was found.
fn final_answer(text: &str) -> (&str, &'static str) {
    if let Some(boxed) = last_boxed(text) {
        return (boxed.trim(), "boxed");
    }
    // The last line that says something: a formula may close on a line of its own.
    let line = text.lines().rev().find(|line| line.contains(char::is_alphanumeric)).unwrap_or("").trim();
    for mark in ["answer is", "Answer:", "answer:", "####"] {
        if let Some(at) = text.rfind(mark) {
            let rest = text[at + mark.len()..].trim_start_matches([':', ' ', '*']);
            return (rest.lines().next().unwrap_or("").trim(), "phrase");
        }
    }
    match line.rfind('=') {
        Some(at) if !line[at + 1..].trim().is_empty() => (line[at + 1..].trim(), "equation"),
        _ => (line, "line"),
    }
}

/// The part of a sentence that answers: the last formula between dollar signs, or a number; the first one after a phrase
/// such as "answer is", else the last.
fn pick<'t>(sentence: &'t str, step: &str) -> Option<&'t str> {
    if step == "boxed" || sentence.len() > LONGEST {
        return None;
    }
    let pieces: Vec<&str> = sentence.split('$').collect();
    if pieces.len() > 2 {
        let last_closed = (pieces.len() - 1) / 2 * 2 - 1;
        return Some(pieces[last_closed]);
    }
    let found = numbers::find(sentence);
    let number = if step == "phrase" { found.first() } else { found.last() };
    number.map(|number| &sentence[number.range.clone()])
}

/// The content of the last `\boxed{..}` with balanced braces.
fn last_boxed(text: &str) -> Option<&str> {
    let at = text.rfind("\\boxed{")? + "\\boxed{".len();
    let mut depth = 1;
    for (offset, c) in text[at..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&text[at..at + offset]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::passes;
    use serde_json::json;

    #[test]
    fn the_final_answer_is_found() {
        let rows = [
            ("so \\boxed{\\frac{1}{2}} holds", "0.5"),
            ("The answer is 7.", "7"),
            ("2 + 2 = 4", "4"),
            ("first\n\n42", "42"),
            ("#### 1,200", "1200"),
            ("So the total is 12.", "12"),
            ("The answer is 12 apples of 20.", "12"),
            ("Hence its area is $\\frac{1}{2}$ in all.", "0.5"),
            ("Thus\n\\[\nx = 5\n\\]\n", "5"),
        ];
        for (text, wanted) in rows {
            assert!(passes(json!("math"), json!(wanted), text), "{text}");
        }
        assert!(!passes(json!("math"), json!("3"), "The answer is 4"));
    }

    #[test]
    fn nothing_unbounded_is_evaluated() {
        let deep = "(".repeat(1900);
        for text in [
            "9^9^9^9^9",
            "2^(10^18)",
            deep.as_str(),
            "1/0",
            "\\sqrt{-1}",
            "\\frac{",
            "\\boxed{",
            &"\\boxed{".repeat(50_000),
        ] {
            passes(json!("math"), json!("1"), text);
        }
    }
}
