//! `math`: the final answer equals the expected one as mathematics.
//!
//! The answer is the content of the last `\boxed{}`, else what follows "answer is" or the last `=`, else the last
//! line; in a sentence, its formula between dollar signs or its number. Numbers, fractions, mixed numbers, percentages,
//! roots and powers are compared by value, units aside; tuples, intervals and sets by their parts; formulas with
//! variables by their values; anything else as normalized text. Nothing unbounded is evaluated: text, depth and size of
//! numbers are limited, and what lies beyond is compared as text.

use std::sync::LazyLock;

use regex::Regex;

use super::compile::Context;
use super::compile::Problem;
use super::expression::same_function;
use super::expression::value;
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

/// Bytes of a final answer that are read.
const LONGEST: usize = 2000;

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
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
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

/// Whether two results are the same mathematics.
fn equivalent(found: &str, wanted: &str) -> bool {
    if found.len() > LONGEST || wanted.len() > LONGEST {
        return found == wanted;
    }
    same(&normal(found), &normal(wanted), 0)
}

fn same(a: &str, b: &str, depth: u8) -> bool {
    if a == b {
        return !a.is_empty();
    }
    if depth < 4
        && let (Some((open, xs, close)), Some((other_open, ys, other_close))) = (parts(a), parts(b))
    {
        let set = open == '{';
        let shape = (open, close) == (other_open, other_close) && xs.len() == ys.len();
        let everywhere = |xs: &[&str], ys: &[&str]| xs.iter().all(|x| ys.iter().any(|y| same(x, y, depth + 1)));
        let in_order = || xs.iter().zip(&ys).all(|(x, y)| same(x, y, depth + 1));
        return shape && if set { everywhere(&xs, &ys) && everywhere(&ys, &xs) } else { in_order() };
    }
    match (value(a), value(b)) {
        (Some(x), Some(y)) => {
            x.equals(&y) || (a.ends_with('%') != b.ends_with('%') && (x.percent_of(&y) || y.percent_of(&x)))
        }
        _ if without_unit(a).is_some() || without_unit(b).is_some() => {
            depth < 4 && same(without_unit(a).unwrap_or(a), without_unit(b).unwrap_or(b), depth + 1)
        }
        _ => same_function(a, b),
    }
}

/// Units that are read behind a number; in LaTeX text any word is.
const UNITS: [&str; 34] = [
    "centimeters",
    "meters",
    "kilometers",
    "inches",
    "feet",
    "miles",
    "yards",
    "grams",
    "kilograms",
    "pounds",
    "liters",
    "seconds",
    "minutes",
    "hours",
    "days",
    "weeks",
    "months",
    "years",
    "degrees",
    "units",
    "squareunits",
    "cubicunits",
    "percent",
    "mph",
    "cm",
    "mm",
    "km",
    "kg",
    "ml",
    "cm^2",
    "m^2",
    "cm^3",
    "m^3",
    "kmh",
];

/// A number without the unit behind it.
fn without_unit(text: &str) -> Option<&str> {
    UNITS
        .iter()
        .filter_map(|unit| text.strip_suffix(unit))
        .min_by_key(|rest| rest.len())
        .filter(|rest| value(rest).is_some())
}

/// Brackets with two parts or more at the top level, or braces: tuples, intervals, sets.
fn parts(text: &str) -> Option<(char, Vec<&str>, char)> {
    let (open, close) = (text.chars().next()?, text.chars().next_back()?);
    if !matches!(open, '(' | '[' | '{') || !matches!(close, ')' | ']' | '}') || text.len() < 2 {
        return None;
    }
    let inside = &text[1..text.len() - 1];
    let (mut depth, mut from, mut found) = (0i32, 0, Vec::new());
    for (at, c) in inside.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' | ';' if depth == 0 => {
                found.push(&inside[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&inside[from..]);
    let thousands = open != '{' && found.len() < 2;
    (!thousands).then_some((open, found, close))
}

/// LaTeX dress, units and blanks taken off.
fn normal(text: &str) -> String {
    let mut text = mixed(text.trim().trim_end_matches('.').trim_matches('$').trim());
    for (from, to) in [
        // A new row of a matrix, before its backslashes are taken for blanks.
        ("\\\\", ";"),
        ("\\left", ""),
        ("\\right", ""),
        ("\\!", ""),
        ("\\,", ""),
        ("\\;", ""),
        ("\\:", ""),
        ("\\ ", ""),
        ("~", ""),
        ("\\$", ""),
        ("$", ""),
        ("\\(", ""),
        ("\\)", ""),
        ("\\[", ""),
        ("\\]", ""),
        ("\\dfrac", "\\frac"),
        ("\\tfrac", "\\frac"),
        ("\\cfrac", "\\frac"),
        ("\\%", "%"),
        ("^\\circ", ""),
        ("^{\\circ}", ""),
        ("°", ""),
        ("\\cdot", "*"),
        ("\\times", "*"),
        ("×", "*"),
        ("·", "*"),
        ("÷", "/"),
        ("\\div", "/"),
        ("−", "-"),
        ("–", "-"),
        ("√", "\\sqrt"),
        ("π", "\\pi"),
        ("∞", "\\infty"),
        ("\\{", "{"),
        ("\\}", "}"),
        ("**", ""),
        ("dollars", ""),
        ("cents", ""),
    ] {
        text = text.replace(from, to);
    }
    for command in ["\\text{", "\\textbf{", "\\mathrm{", "\\mbox{", "\\mathbf{"] {
        while let Some(at) = text.find(command) {
            let Some(end) = text[at..].find('}') else { break };
            let word = text[at + command.len()..at + end].trim().to_owned();
            let keeps = at == 0 || !text[..at].ends_with(|c: char| c.is_ascii_digit() || c == ' ' || c == '}');
            text.replace_range(at..=at + end, if keeps { word.as_str() } else { "" });
        }
    }
    let text: String = text.split_whitespace().collect();
    let is_name = |left: &str| left.len() <= 2 && left.chars().all(char::is_alphabetic);
    let member = text.split_once("\\in").filter(|(_, set)| set.starts_with(['(', '[', '{']));
    let named = text.split_once('=').or(member).filter(|(left, _)| is_name(left));
    let text = named.map_or(text.as_str(), |(_, right)| right).trim_end_matches('.').to_lowercase();
    match text.as_bytes() {
        [b'(', letter, b')'] if letter.is_ascii_alphabetic() => text[1..2].to_owned(),
        _ => text,
    }
}

/// Mixed numbers as `1 1/2`, whose blank means something, in LaTeX.
fn mixed(text: &str) -> String {
    static MIXED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(\d)\s+(\d+)\s*/\s*(\d+)").ok());
    MIXED.as_ref().map_or(text.to_owned(), |mixed| mixed.replace_all(text, "$1\\frac{$2}{$3}").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::testing::passes;
    use serde_json::json;

    #[test]
    fn equivalent_forms_are_equal() {
        let rows = [
            ("\\frac{1}{2}", "0.5", true),
            ("\\dfrac12", "1/2", true),
            ("50\\%", "0.5", true),
            ("50\\%", "50", true),
            ("1,234", "1234", true),
            ("2\\sqrt{3}", "\\sqrt{12}", true),
            ("\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}", true),
            ("(1, \\frac{1}{2})", "(1,0.5)", true),
            ("(1, 2)", "(2, 1)", false),
            ("(1, 2]", "(1, 2)", false),
            ("\\{1, 2\\}", "\\{2,1\\}", true),
            ("\\{1, 2\\}", "\\{1\\}", false),
            ("[0,\\infty)", "[0, ∞)", true),
            ("x = 5", "5", true),
            ("5\\text{ cm}", "5", true),
            ("\\text{yes}", "yes", true),
            ("-\\frac{3}{4}", "-0.75", true),
            ("2^{10}", "1024", true),
            ("3\\pi", "9.42477796076938", true),
            ("1/3", "0.3333", false),
            ("0.1+0.2", "0.3", true),
            ("x^2+1", "x^2 + 1", true),
            ("x^2+1", "1+x^2", true),
            ("(x+1)^2", "x^2+2x+1", true),
            ("(x+1)^2", "x^2+2x+2", false),
            ("\\frac{2a}{b}", "2a/b", true),
            ("1+2i", "2i+1", true),
            ("east", "seat", false),
            ("1\\frac{1}{2}", "\\frac32", true),
            ("-1 1/2", "-1.5", true),
            ("2\\frac{\\sqrt2}{2}", "\\sqrt2", true),
            ("2.5e3", "2500", true),
            ("2.5\\times10^{-3}", "0.0025", true),
            ("5 cm", "5\\text{ cm}", true),
            ("5 cm", "6 cm", false),
            ("x \\in [0, 1]", "[0,1]", true),
            ("\\text{(A)}", "A", true),
            ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", true),
            ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix}12\\end{pmatrix}", false),
            ("", "", false),
        ];
        for (a, b, equal) in rows {
            assert_eq!(equivalent(a, b), equal, "{a} and {b}");
        }
    }

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
