//! Words and case as the published checks see them.

use std::sync::LazyLock;

use regex::Regex;

use super::sentences;

/// Cuts of NLTK's `word_tokenize` (up to 3.9) that part letters from letters, in its order: after quotation marks come
/// punctuation, brackets, dashes and at last the ends of contractions.
const CUTS: [(&str, &str); 22] = [
    (r"([«“‘„]|`+)", " $1 "),
    (r#"^""#, " `` "),
    (r#"([ (\[{<])("|'{2})"#, "$1 `` "),
    (r#"([^.])(\.)([\])}>"'»”’ ]*)\s*$"#, "$1 $2 $3 "),
    (r"([:,])([^\d])", " $1 $2"),
    (r"([:,])$", " $1 "),
    (r"(\.{2,})", " $1 "),
    (r"([;@#$%&])", " $1 "),
    (r"([?!])", " $1 "),
    (r"([^'])' ", "$1 ' "),
    (r"([*])", " $1 "),
    (r"([\]\[(){}<>])", " $1 "),
    (r"--", " -- "),
    (r"^|$", " "),
    (r"([»”’])", " $1 "),
    (r#"''|""#, " '' "),
    (r"([^' ])('[sS]|'[mM]|'[dD]|') ", "$1 $2 "),
    (r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", "$1 $2 "),
    (r"(?i)\b(can)(not)\b", "$1 $2"),
    (r"(?i)\b(gim|lem)(me)\b|\b(gon)(na)\b|\b(got)(ta)\b", "$1$3$5 $2$4$6"),
    (r"(?i)\b(d)('ye)\b|\b(more)('n)\b|\b(wan)(na\s)", "$1$3$5 $2$4$6"),
    (r"(?i) ('t)(is|was)\b", " $1 $2"),
];

static COMPILED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    CUTS.iter().map(|(cut, with)| (Regex::new(cut).expect("a pattern of our own compiles"), *with)).collect()
});

/// The words and marks of a text, sentence by sentence.
pub(super) fn tokens(text: &str) -> Vec<String> {
    sentences::split(text).iter().flat_map(|sentence| tokens_of(sentence)).collect()
}

fn tokens_of(sentence: &str) -> Vec<String> {
    let mut text = sentence.to_owned();
    for (cut, with) in COMPILED.iter() {
        if let std::borrow::Cow::Owned(apart) = cut.replace_all(&text, *with) {
            text = apart;
        }
    }
    text.split_whitespace().map(str::to_owned).collect()
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
            ("**BOLD**", "* * BOLD * *"),
            ("I CANNOT. \"NO\"", "I CAN NOT . `` NO ''"),
            ("The U.S. NAVY", "The U.S. NAVY"),
        ];
        for (text, expected) in rows {
            assert_eq!(tokens(text).join(" "), expected, "{text}");
        }
        assert!(is_upper("A1") && !is_upper("1") && !is_upper("Ab") && is_lower("a b") && !is_lower("1"));
    }
}
