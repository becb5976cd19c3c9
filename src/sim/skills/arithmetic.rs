//! Arithmetic: finds an expression in the prompt, in signs or in words, and works it out.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::expression::evaluate;
use super::expression::show;
use super::style::dress;
use crate::domain::random::Stream;

static EXPRESSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[-(]*\d[\d.]*(?:[\s()]*[-+*/^%][\s()]*-?[\s()]*\d[\d.]*\)*)+").expect("tested"));

/// Words and signs that stand for operators, in order of replacement.
const WORDS: &[(&str, &str)] = &[
    ("multiplied by", "*"),
    ("divided by", "/"),
    ("to the power of", "^"),
    ("raised to", "^"),
    ("percent of", "/100*"),
    ("% of", "/100*"),
    ("plus", "+"),
    ("minus", "-"),
    ("times", "*"),
    ("squared", "^2"),
    ("cubed", "^3"),
    ("modulo", "%"),
    (" mod ", " % "),
    ("×", "*"),
    ("·", "*"),
    ("÷", "/"),
    ("−", "-"),
    ("–", "-"),
    ("**", "^"),
];

static BY_X: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\d)\s*x\s*(\d)").expect("tested"));
static THOUSANDS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\d),(\d{3})\b").expect("tested"));
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(sum|product|difference|quotient) (?:of|between) (-?[\d.]*\d) and (-?[\d.]*\d)").expect("tested")
});
static ROOT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?:square root of|sqrt\()\s*(\d[\d.]*)").expect("tested"));

/// Answers questions that hold an expression.
pub(super) fn answer(question: &Question, slip: bool, stream: &mut Stream) -> Option<String> {
    let (expression, value) = find(question.text)?;
    let value = if slip { wrong(value, stream) } else { value };
    let shown = show(value);
    Some(dress(question, &shown, &format!("{expression} = {shown}")))
}

/// The first expression in `text` and its value.
fn find(text: &str) -> Option<(String, f64)> {
    let text = normalize(text);
    if let Some(found) = PAIR.captures(&text) {
        let sign = match &found[1] {
            "sum" => "+",
            "product" => "*",
            "difference" => "-",
            _ => "/",
        };
        let expression = format!("{} {sign} {}", &found[2], &found[3]);
        return evaluate(&expression).map(|value| (expression, value));
    }
    if let Some(found) = ROOT.captures(&text) {
        let value: f64 = found[1].trim_end_matches('.').parse().ok()?;
        return Some((format!("sqrt({})", &found[1]), value.sqrt()));
    }
    EXPRESSION.find_iter(&text).find_map(|found| {
        let expression = balance(found.as_str().trim_end_matches(['.', ' ']));
        evaluate(expression).map(|value| (expression.to_owned(), value))
    })
}

fn normalize(text: &str) -> String {
    let mut text = text.to_lowercase();
    for (word, sign) in WORDS {
        text = text.replace(word, sign);
    }
    text = BY_X.replace_all(&text, "$1 * $2").into_owned();
    // Twice, as matches of 1,234,567 overlap.
    let once = THOUSANDS.replace_all(&text, "$1$2").into_owned();
    THOUSANDS.replace_all(&once, "$1$2").into_owned()
}

/// Drops parentheses of the surrounding prose.
fn balance(expression: &str) -> &str {
    let count = |sign| expression.matches(sign).count();
    if count('(') > count(')') && expression.starts_with('(') {
        return expression[1..].trim();
    }
    if count(')') > count('(') && expression.ends_with(')') {
        return expression[..expression.len() - 1].trim();
    }
    expression
}

/// A value near `value`, as slips of the pen are.
pub(super) fn wrong(value: f64, stream: &mut Stream) -> f64 {
    const OFF: [f64; 6] = [1.0, -1.0, 10.0, -10.0, 2.0, 100.0];
    value + OFF[stream.below(OFF.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_found_in_prose() {
        let rows = [
            ("What is 17 times 23?", "391"),
            ("Compute (4 + 6) * 3.", "30"),
            ("12 x 12 =", "144"),
            ("What is 15% of 80?", "12"),
            ("What is 15 percent of 80", "12"),
            ("1,200 + 34", "1234"),
            ("the sum of 4 and 5", "9"),
            ("the square root of 144", "12"),
            ("What is 2**10?", "1024"),
            ("What is 7 squared minus 9?", "40"),
            ("What is 100 ÷ 8?", "12.5"),
        ];
        for (text, value) in rows {
            let (_, found) = find(text).unwrap();
            assert_eq!(show(found), value, "{text}");
        }
        assert_eq!(find("On 3 May 2024 there were 5 dogs."), None);
    }
}
