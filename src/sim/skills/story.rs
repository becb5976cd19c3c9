//! Word problems of the simple kind: a running amount, and clauses that change it.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::arithmetic::wrong;
use super::expression::show;
use super::style::dress;
use crate::domain::random::Stream;

/// Words of a clause, and what its number does to the amount. The first that fits decides.
const CHANGES: &[(&str, Change)] = &[
    (
        r"\b(?:gives?|gave|loses?|lost|eats?|ate|sells?|sold|spends?|spent|uses?|used|breaks?|broke|leaves?|left the|gets? off|remove[sd]?|drinks?|drank|took|takes?|fewer|less|fly away|flew away|donate[sd]?|pay|pays|paid)\b",
        Change::Less,
    ),
    (r"\b(?:split|shared?|divided?|equally|evenly|among)\b", Change::Split),
    (r"\b(?:each|every|per|an hour|apiece|rows of|boxes of|packs of|bags of)\b", Change::Times),
    (
        r"\b(?:more|buys?|bought|gets?|got|finds?|found|receives?|received|adds?|added|picks?|picked|and|another|join|earns?|board|arrive)\b",
        Change::More,
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    More,
    Less,
    Times,
    Split,
}

static RULES: LazyLock<Vec<(Regex, Change)>> =
    LazyLock::new(|| CHANGES.iter().map(|(words, change)| (Regex::new(words).expect("tested"), *change)).collect());
static CLAUSE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:[.;?!](?:\s|$)|,\s|\band (?:then )?|\bthen\b|\bbut\b)").expect("tested"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d+(?:\.\d+)?").expect("tested"));

const WORDS: &[(&str, &str)] = &[
    ("twelve", "12"),
    ("eleven", "11"),
    ("three", "3"),
    ("seven", "7"),
    ("eight", "8"),
    ("four", "4"),
    ("five", "5"),
    ("nine", "9"),
    ("two", "2"),
    ("six", "6"),
    ("ten", "10"),
    ("dozen", "12"),
];

/// Answers `how many`, `how much` and `how far`.
pub(super) fn answer(question: &Question, slip: bool, stream: &mut Stream) -> Option<String> {
    let text = question.text.to_lowercase();
    if !["how many", "how much", "how far", "how long", "how old", "what is the total"]
        .iter()
        .any(|ask| text.contains(ask))
    {
        return None;
    }
    let value = amount(&text)?;
    let value = if slip { wrong(value, stream) } else { value };
    let shown = show(value);
    Some(dress(question, &shown, &format!("Step by step, the amount comes to {shown}. The answer is {shown}.")))
}

fn amount(text: &str) -> Option<f64> {
    let text = WORDS.iter().fold(text.to_owned(), |text, (word, digits)| {
        text.split_inclusive(' ')
            .map(|part| if part.trim_end() == *word { part.replace(word, digits) } else { part.into() })
            .collect()
    });
    let mut amount: Option<f64> = None;
    let mut n_numbers = 0;
    for clause in CLAUSE.split(&text) {
        let mut numbers = NUMBER.find_iter(clause).filter_map(|found| found.as_str().parse::<f64>().ok());
        let Some(number) = numbers.next() else {
            amount = amount.map(|value| alone(clause, value));
            continue;
        };
        n_numbers += 1;
        let mut part = change(clause);
        if clause.contains("how ") && ["each", "apiece", " per "].iter().any(|word| text.contains(word)) {
            part = Some(Change::Times);
        }
        amount = Some(match amount {
            None => number,
            Some(value) => apply(part.unwrap_or(Change::More), value, number),
        });
        for number in numbers {
            n_numbers += 1;
            if part.is_none() || part == Some(Change::More) {
                part = change(clause);
            }
            amount = amount.map(|value| apply(part.unwrap_or(Change::Times), value, number));
        }
    }
    amount.filter(|value| n_numbers >= 2 && value.is_finite())
}

/// What a clause without a number does.
fn alone(clause: &str, value: f64) -> f64 {
    if clause.contains("half") {
        return value / 2.0;
    }
    if clause.contains("twice") || clause.contains("doubles") { value * 2.0 } else { value }
}

fn change(clause: &str) -> Option<Change> {
    RULES.iter().find(|(words, _)| words.is_match(clause)).map(|(_, change)| *change)
}

fn apply(change: Change, value: f64, number: f64) -> f64 {
    match change {
        Change::More => value + number,
        Change::Less => value - number,
        Change::Times => value * number,
        Change::Split => value / number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_followed() {
        let rows = [
            ("tom has 12 apples. he buys 5 more and gives 3 to ann. how many apples does tom have?", "14"),
            ("a box holds 8 eggs. how many eggs are in 6 boxes if each is full?", "48"),
            ("a train travels 60 km per hour for 3 hours. how far does it go?", "180"),
            ("24 sweets are shared equally among 6 children. how many does each get?", "4"),
            ("lena had 20 euros. she spent 7 euros on a book. how much is left?", "13"),
            ("there are 5 rows of 7 chairs. how many chairs are there?", "35"),
            ("a shop sells pens at 3 dollars each. how much do 4 pens cost?", "12"),
        ];
        for (text, value) in rows {
            assert_eq!(amount(text).map(show).as_deref(), Some(value), "{text}");
        }
        assert_eq!(amount("how many legs has a dog?"), None);
    }
}
