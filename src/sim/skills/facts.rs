//! A handful of facts that everybody knows, for questions that everybody asks.

use super::Question;
use super::style::dress;
use crate::domain::random::Stream;

const CAPITALS: &[(&str, &str)] = &[
    ("france", "Paris"),
    ("germany", "Berlin"),
    ("italy", "Rome"),
    ("spain", "Madrid"),
    ("portugal", "Lisbon"),
    ("austria", "Vienna"),
    ("switzerland", "Bern"),
    ("poland", "Warsaw"),
    ("greece", "Athens"),
    ("norway", "Oslo"),
    ("sweden", "Stockholm"),
    ("finland", "Helsinki"),
    ("denmark", "Copenhagen"),
    ("ireland", "Dublin"),
    ("united kingdom", "London"),
    ("england", "London"),
    ("japan", "Tokyo"),
    ("china", "Beijing"),
    ("india", "New Delhi"),
    ("australia", "Canberra"),
    ("canada", "Ottawa"),
    ("brazil", "Brasília"),
    ("argentina", "Buenos Aires"),
    ("mexico", "Mexico City"),
    ("egypt", "Cairo"),
    ("kenya", "Nairobi"),
    ("turkey", "Ankara"),
    ("united states", "Washington, D.C."),
    ("russia", "Moscow"),
    ("south korea", "Seoul"),
];

const OTHERS: &[(&[&str], &str)] = &[
    (&["chemical symbol", "gold"], "Au"),
    (&["chemical symbol", "silver"], "Ag"),
    (&["chemical symbol", "iron"], "Fe"),
    (&["chemical symbol", "water"], "H2O"),
    (&["chemical formula", "water"], "H2O"),
    (&["largest planet"], "Jupiter"),
    (&["red planet"], "Mars"),
    (&["how many continents"], "7"),
    (&["how many days", "leap year"], "366"),
    (&["how many days", "week"], "7"),
    (&["how many minutes", "hour"], "60"),
    (&["boiling point", "water"], "100"),
    (&["speed of light"], "299792458"),
    (&["opposite of hot"], "cold"),
    (&["color", "sky"], "blue"),
    (&["wrote", "hamlet"], "William Shakespeare"),
];

/// Answers from memory.
pub(super) fn answer(question: &Question, slip: bool, stream: &mut Stream) -> Option<String> {
    let text = question.text.to_lowercase();
    if text.contains("capital") {
        let at = CAPITALS.iter().position(|(country, _)| text.contains(country))?;
        let other = (at + 1 + stream.below(CAPITALS.len() as u64 - 1) as usize) % CAPITALS.len();
        let city = CAPITALS[if slip { other } else { at }].1;
        return Some(dress(question, city, &format!("The capital is {city}.")));
    }
    let at = OTHERS.iter().position(|(words, _)| words.iter().all(|word| text.contains(word)))?;
    let fact = OTHERS[if slip { (at + 1) % OTHERS.len() } else { at }].1;
    Some(dress(question, fact, &format!("It is {fact}.")))
}
