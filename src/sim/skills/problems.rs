//! Word problems of well-known kinds: the numbers are read from the text and put into the kind's formula.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::style::dress;
use crate::domain::random::Stream;

/// What the numbers of a problem come to.
type Formula = fn(&[f64]) -> Option<f64>;

/// How a kind of problem is worded, and its formula.
const KINDS: &[(&str, Formula)] = &[
    (r"(\d+)/(\d+) of (\d+)", |n| divided(n[0] * n[2], n[1])),
    (r"costs (\d+) .*?takes (\d+) percent off", |n| Some(n[0] * (1.0 - n[1] / 100.0))),
    (r"is (\d+) years older than .*?[Tt]ogether they are (\d+)", |n| Some(f64::midpoint(n[0], n[1]))),
    (r"remainder when (\d+) is divided by (\d+)", |n| (n[1] > 0.0).then(|| n[0] % n[1])),
    (r"average of (\d+), (\d+), (\d+) and (\d+)", |n| divided(n.iter().sum(), 4.0)),
    (r"rides (\d+) km in (\d+) hours", |n| divided(n[0], n[1])),
    (r"(\d+) workers need (\d+) days .*?do (\d+) workers", |n| divided(n[0] * n[1], n[2])),
    (r"starts at (\d+):(\d+) and lasts (\d+) minutes.*? past (\d+):(\d+)", |n| {
        Some(n[0] * 60.0 + n[1] + n[2] - n[3] * 60.0 - n[4])
    }),
    (r"(\d+) hens and (\d+) cows", |n| Some(2.0 * n[0] + 4.0 * n[1])),
    (r"(\d+) cm long and (\d+) cm wide.*?perimeter", |n| Some(2.0 * (n[0] + n[1]))),
    (r"(\d+) people each shake hands", |n| Some(n[0] * (n[0] - 1.0) / 2.0)),
    (r"holds (\d+) liters.*?at (\d+) liters per minute", |n| divided(n[0], n[1])),
    (r"had (\d+) euros\. \w+ spent (\d+) euros .*?and (\d+) euros", |n| Some(n[0] - n[1] - n[2])),
];

static COMPILED: LazyLock<Vec<(Regex, Formula)>> = LazyLock::new(|| {
    KINDS.iter().map(|(wording, f)| (Regex::new(&format!("(?s){wording}")).expect("tested"), *f)).collect()
});
static SEQUENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"next number in the sequence ((?:-?\d+, )+-?\d+)").expect("tested"));

const WORDS: [&str; 11] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/// Solves a problem of a known kind; with `slip` it is one off.
pub(super) fn answer(question: &Question, slip: bool, _stream: &mut Stream) -> Option<String> {
    let text = in_digits(question.text);
    let found = COMPILED.iter().find_map(|(wording, formula)| {
        let numbers: Vec<f64> =
            wording.captures(&text)?.iter().skip(1).flatten().filter_map(|n| n.as_str().parse().ok()).collect();
        (numbers.len() + 1 == wording.captures_len()).then(|| formula(&numbers)).flatten()
    });
    let result = found.or_else(|| next(&text))? + if slip { 1.0 } else { 0.0 };
    let said = ((result * 1e6).round() / 1e6).to_string();
    Some(dress(question, &said, &format!("That comes to {said}.")))
}

fn divided(above: f64, below: f64) -> Option<f64> {
    (below > 0.0).then(|| above / below)
}

/// Small numbers written as words, as digits.
fn in_digits(text: &str) -> String {
    let digits = |word: &str| WORDS.iter().position(|known| known.eq_ignore_ascii_case(word)).map(|n| n.to_string());
    text.split(' ').map(|word| digits(word).unwrap_or_else(|| word.to_owned())).collect::<Vec<_>>().join(" ")
}

/// The next number by constant differences of some order.
fn next(text: &str) -> Option<f64> {
    let listed = SEQUENCE.captures(text)?;
    let mut row: Vec<f64> = listed[1].split(", ").filter_map(|n| n.parse().ok()).collect();
    let mut last = 0.0;
    while row.len() > 1 && row.iter().any(|n| (n - row[0]).abs() > 1e-9) {
        last += row.last()?;
        row = row.windows(2).map(|pair| pair[1] - pair[0]).collect();
    }
    (row.len() > 1).then(|| last + row[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_recognized_and_solved() {
        let rows = [
            ("What is 3/4 of 96?", "72"),
            ("A coat costs 80 euros. The shop takes 25 percent off. What does it cost now?", "60"),
            ("Tom is 4 years older than Ida. Together they are 30. How old is Tom?", "17"),
            ("What is the next number in the sequence 2, 6, 12, 20, 30?", "42"),
            ("Seven people each shake hands once with every other.", "21"),
            ("A film starts at 19:45 and lasts 128 minutes. How many minutes past 21:00 does it end?", "53"),
        ];
        for (text, expected) in rows {
            let question =
                Question { text, all: format!("{text} Reply with the number only."), context: String::new() };
            let said = |slip| answer(&question, slip, &mut Stream::new(1, "x")).unwrap();
            assert_eq!(said(false), expected, "{text}");
            assert_ne!(said(true), expected, "{text}");
        }
    }
}
