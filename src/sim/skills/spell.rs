//! Letters: reversing, counting and changing the case of a word or phrase in the prompt.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::style::dress;
use crate::domain::random::Stream;

static REVERSE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:reverse|spell backwards?)(?: the)?(?: word| string| letters of)?:?\s+["'`“]?([^"'`”\n.?]+)"#)
        .expect("tested")
});
static COUNT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)how many (?:times does )?(?:the )?(?:letters? )?["'`]?([a-z])["'`]?(?:'?s)? (?:are |appear |occur )?(?:there )?in (?:the word )?["'`]?(\w+)"#)
        .expect("tested")
});
static CASE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:convert|write|put|change)?\s*(?:to|in)? ?(uppercase|lowercase|capital letters|upper case|lower case):\s*["'`]?([^"'`\n]+)"#)
        .expect("tested")
});

/// Answers tasks about letters.
pub(super) fn answer(question: &Question, slip: bool, _stream: &mut Stream) -> Option<String> {
    if let Some(found) = COUNT.captures(question.text) {
        let letter = found[1].to_lowercase();
        let n = found[2].to_lowercase().matches(letter.as_str()).count() + usize::from(slip);
        return Some(dress(question, &n.to_string(), &format!("The letter {letter} appears {n} times.")));
    }
    let (answer, original) = if let Some(found) = REVERSE.captures(question.text) {
        (found[1].trim().chars().rev().collect::<String>(), found[1].trim().to_owned())
    } else {
        let found = CASE.captures(question.text)?;
        let upper = found[1].to_lowercase().starts_with(['u', 'c']);
        (if upper { found[2].to_uppercase() } else { found[2].to_lowercase() }, found[2].to_owned())
    };
    let said = if slip { original } else { answer };
    Some(dress(question, &said, &said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_handled() {
        let rows = [
            ("How many times does the letter r appear in strawberry?", "3"),
            ("How many r's are in the word strawberry? Number only.", "3"),
            ("Reverse the string \"abc def\".", "fed cba"),
            ("Convert to uppercase: hello there", "HELLO THERE"),
        ];
        for (text, part) in rows {
            let question = Question { text, all: text.to_owned(), context: String::new() };
            let said = answer(&question, false, &mut Stream::new(1, "x")).unwrap();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
