//! Words and case as the published checks see them.

use std::sync::LazyLock;

use regex::Regex;

/// Cuts of the Penn Treebank convention that change how many words there are: punctuation stands apart, and so do
/// the ends of contractions. The original uses NLTK's `word_tokenize`.
static APART: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(\.\.\.|--|[;@#$%&?!\[\](){}<>"“”«»]|``|''|[:,]\D|[:,]$|n't\b|'(?:s|m|d|ll|re|ve)\b)"#)
        .expect("a pattern of our own compiles")
});

/// The words and marks of a text.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let spaced = APART.replace_all(text, |found: &regex::Captures<'_>| {
        let mark = &found[0];
        match mark.chars().next() {
            Some(first @ (':' | ',')) => format!(" {first} {}", &mark[1..]),
            _ => format!(" {mark}{}", if mark.contains('\'') { "" } else { " " }),
        }
    });
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// At least one letter with case, and none in lower case.
pub(super) fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
}

/// At least one letter with case, and none in upper case.
pub(super) fn is_lower(text: &str) -> bool {
    text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of NLTK 3.9's `word_tokenize`.
    #[test]
    fn contractions_and_punctuation_stand_apart() {
        let rows = [
            ("I DON'T KNOW", "I DO N'T KNOW"),
            ("IT'S A-OK, (REALLY)!", "IT 'S A-OK , ( REALLY ) !"),
            ("A...B AND/OR 1,000", "A ... B AND/OR 1,000"),
            ("WAIT: what", "WAIT : what"),
            ("**BOLD**", "**BOLD**"),
        ];
        for (text, expected) in rows {
            assert_eq!(tokens(text).join(" "), expected, "{text}");
        }
        assert!(is_upper("A1") && !is_upper("1") && !is_upper("Ab") && is_lower("a b") && !is_lower("1"));
    }
}
