//! Multiple choice: works the stem out and matches it with the options, else takes the option nearest to the stem.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::arithmetic;
use super::facts;
use super::story;
use super::style::wants_bare;
use crate::domain::random::Stream;

static OPTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)(?:^|[\s(])([A-J])[).:]\s*([^\n]*?)\s*(?:$|\s[(]?[B-J][).:]\s)").expect("tested")
});

/// Answers with a letter.
pub(super) fn answer(question: &Question, slip: bool, stream: &mut Stream) -> Option<String> {
    let (stem, options) = options(question.text)?;
    let solved = solve(stem, stream);
    let right = solved.and_then(|value| options.iter().position(|(_, text)| same(text, &value)));
    let right = right.unwrap_or_else(|| nearest(stem, &options));
    let pick = if slip { (right + 1) % options.len() } else { right };
    let letter = options[pick].0;
    let all = question.all.to_lowercase();
    Some(match () {
        () if all.contains("answer:") => format!("Answer: {letter}"),
        () if wants_bare(&all) || all.contains("letter") => letter.to_string(),
        () => format!("The answer is ({letter})."),
    })
}

/// The stem and at least two options in alphabetical order.
fn options(text: &str) -> Option<(&str, Vec<(char, String)>)> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut stem = text.len();
    while let Some(option) = OPTION.captures_at(text, at) {
        let (letter, body) = (option.get(1)?, option.get(2)?);
        let name = letter.as_str().chars().next()?;
        if name as usize != 'A' as usize + found.len() {
            at = letter.end();
            continue;
        }
        stem = stem.min(letter.start());
        found.push((name, body.as_str().trim().to_owned()));
        at = body.end();
    }
    (found.len() >= 2).then(|| (&text[..stem], found))
}

fn solve(stem: &str, stream: &mut Stream) -> Option<String> {
    let question = Question { text: stem, all: format!("{stem} only"), context: stem.to_owned() };
    [arithmetic::answer, story::answer, facts::answer].iter().find_map(|skill| skill(&question, false, stream))
}

fn same(option: &str, value: &str) -> bool {
    let bare = |text: &str| text.trim_end_matches('.').replace(',', "").to_lowercase();
    bare(option) == bare(value)
}

/// The option that shares most words with the stem; without any, one by the stem's length.
fn nearest(stem: &str, options: &[(char, String)]) -> usize {
    let stem_words: Vec<String> = words(stem).collect();
    let shared = |text: &str| words(text).filter(|word| stem_words.contains(word)).count();
    let most = options.iter().map(|(_, text)| shared(text)).max().unwrap_or(0);
    if most == 0 {
        return stem.len() % options.len();
    }
    options.iter().position(|(_, text)| shared(text) == most).unwrap_or(0)
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_lines_and_in_a_row() {
        for text in ["What is 6*7?\nA) 40\nB) 42\nC) 44\nReply with the letter only.", "What is 6*7? A. 40 B. 42 C. 44"]
        {
            let (stem, found) = options(text).unwrap();
            assert!(stem.starts_with("What is 6*7?"));
            assert_eq!(found.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["40", "42", "44"], "{text}");
            let question = Question { text, all: text.into(), context: String::new() };
            let said = answer(&question, false, &mut Stream::new(1, "x")).unwrap();
            assert!(said.contains('B'), "{said}");
        }
        assert!(options("Vitamin A: good. Nothing else.").is_none());
    }
}
