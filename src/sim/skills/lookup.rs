//! Lookup: finds in the prompt or the conversation what a question asks for.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::style::dress;
use crate::domain::random::Stream;

static ASKED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)what(?:'s| is| was| are) (?:the |my |our |his |her |its )?([\w -]{3,60}?)(?: mentioned[^?]*| in the text[^?]*| above[^?]*| given[^?]*)?\s*\?").expect("tested")
});

/// A sentence ends at a mark with space behind it: `12.50` and `home.example` are no ends.
static END: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[.?!]+(?:\s+|$)|\n+").expect("tested"));

/// Words too common to tell one sentence from another.
const COMMON: &[&str] = &[
    "what",
    "when",
    "where",
    "which",
    "that",
    "this",
    "does",
    "with",
    "from",
    "have",
    "about",
    "into",
    "many",
    "much",
    "your",
    "answer",
    "only",
    "reply",
    "name",
    "word",
    "question",
    "following",
    "text",
    "were",
    "they",
    "their",
    "will",
];

/// Answers `what is the X` from a sentence `the X is Y`.
pub(super) fn named(question: &Question, slip: bool, _stream: &mut Stream) -> Option<String> {
    let asked = ASKED.captures_iter(question.text).last()?;
    let name = regex::escape(asked[1].trim());
    let stated = Regex::new(&format!(
        r"(?i)\b{name}(?: \w+){{0,3}}?\s*(?:is|was|are|=|:)\s*([^\n.;,?!]*[^\n.;,?!\s])(?:[.;,!\n]|$)"
    ))
    .ok()?;
    let found = stated.captures_iter(&question.context).find(|found| !found[0].ends_with('?'))?;
    let value = found[1].trim_matches(['"', '\'', '`', ' ']).to_owned();
    let said = if slip { value.chars().rev().collect() } else { value };
    let sentence = format!("The {} is {said}.", asked[1].trim());
    Some(dress(question, &said, &sentence))
}

/// Answers a question about a text with the sentence that shares most words with it.
pub(super) fn sentence(question: &Question, slip: bool, _stream: &mut Stream) -> Option<String> {
    let asked = question.text.split_inclusive(['.', '?', '\n']).rev().find(|part| part.contains('?'))?;
    let wanted: Vec<String> = words(asked).collect();
    let others = END.split(&question.context).map(str::trim);
    let others: Vec<&str> = others.filter(|part| !part.is_empty() && !asked.contains(part)).collect();
    let shared = |part: &str| words(part).filter(|word| wanted.contains(word)).count();
    let best = others.iter().copied().max_by_key(|part| shared(part)).filter(|part| shared(part) > 0)?;
    let said = if slip { others.iter().copied().min_by_key(|part| shared(part))? } else { best };
    Some(format!("{said}."))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| word.len() > 3 && !COMMON.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(skill: super::super::Skill, text: &str, part: &str) {
        let question = Question { text, all: text.to_owned(), context: text.to_owned() };
        let said = skill(&question, false, &mut Stream::new(1, "x")).unwrap();
        assert!(said.contains(part), "{said}");
    }

    #[test]
    fn needles_are_found() {
        let hay = "The grass is green. ".repeat(50);
        let text = format!("{hay}The magic number is 8127. {hay}\nWhat is the magic number?");
        check(named, &text, "8127");
        check(named, "Access code: QX-7. Note it. What is the access code?", "QX-7");
    }

    #[test]
    fn sentences_are_found_by_their_words() {
        let text =
            "Rivers run to the sea. The factory in Lyon makes glass bottles. Where does the factory make bottles?";
        check(sentence, text, "Lyon");
    }
}
