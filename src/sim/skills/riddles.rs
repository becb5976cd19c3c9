//! Puzzles from every book of puzzles, known by heart: a lettered question that holds the words has that answer.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::style::dress;
use crate::domain::random::Stream;

static OPTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^([A-J])\) (.+?)\.?$").expect("tested"));

/// Words of a puzzle, and the option that answers it.
const KNOWN: &[(&[&str], &str)] = &[
    (&["all roses are flowers", "some flowers fade"], "roses are flowers"),
    (&["no reptile has fur", "all snakes are reptiles"], "no snake has fur"),
    (&["ann is taller than bea", "cleo is shorter"], "ann"),
    (&["if it rains", "the match was not canceled"], "it did not rain"),
    (&["today is wednesday", "in 100 days"], "friday"),
    (&["two guards", "we are both liars"], "the liar"),
    (&["overtake", "second place"], "second"),
    (&["as many brothers as sisters", "twice as many sisters"], "7"),
    (&["three doors", "exactly one sign is true"], "door 2"),
    (&["18 play chess", "15 play go", "8 play both"], "5"),
    (&["face north", "turn right again"], "east"),
    (&["fair coin", "next toss"], "1/2"),
    (&["necessary to enter", "not sufficient"], "whether max may enter is not known"),
    (&["begins on a friday", "31 days"], "sunday"),
    (&["x is greater than y", "y is at least z"], "x is greater than z"),
    (&["not all birds fly"], "some bird does not fly"),
];

/// Answers a known puzzle with its letter; with `slip` with the next one.
pub(super) fn answer(question: &Question, slip: bool, _stream: &mut Stream) -> Option<String> {
    let text = question.text.to_lowercase();
    let (_, right) = KNOWN.iter().find(|(words, _)| words.iter().all(|word| text.contains(word)))?;
    let options: Vec<(String, String)> =
        OPTION.captures_iter(question.text).map(|found| (found[1].to_owned(), found[2].to_lowercase())).collect();
    let at = options.iter().position(|(_, option)| option == right)?;
    let letter = &options[(at + usize::from(slip)) % options.len()].0;
    Some(dress(question, letter, &format!("The answer is {letter}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_found_wherever_it_stands() {
        let text =
            "In a race you overtake the runner in second place. Which place are you in now?\nA) Third\nB) Second.";
        let question = Question { text, all: format!("{text} Reply with the letter only."), context: String::new() };
        let said = |slip| answer(&question, slip, &mut Stream::new(1, "x")).unwrap();
        assert_eq!((said(false), said(true)), ("B".into(), "A".into()));
    }
}
