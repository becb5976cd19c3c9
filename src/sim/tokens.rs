//! The simulator's tokenizer: a stated estimate, not any real model's.
//!
//! A token is an optional leading space and either up to six letters or digits or one other character. What is streamed is
//! cut by the same rule, so a reply of n tokens bills exactly n.

use std::iter;

const LONGEST: usize = 6;

/// The tokens of `text`, in order; joined they are `text`.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (token, tail) = rest.split_at(first_len(rest));
        rest = tail;
        Some(token)
    })
}

/// Number of tokens in `text`.
pub(super) fn count(text: &str) -> usize {
    split(text).count()
}

fn first_len(text: &str) -> usize {
    let space = usize::from(text.starts_with(' '));
    let word: usize = text[space..].chars().take(LONGEST).take_while(|c| c.is_alphanumeric()).map(char::len_utf8).sum();
    if word > 0 {
        return space + word;
    }
    let sign = text[space..].chars().next().filter(|c| !c.is_whitespace()).map_or(0, char::len_utf8);
    (space + sign).max(text.chars().next().map_or(0, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    #[test]
    fn words_spaces_and_signs_are_tokens() {
        let rows = [
            ("", 0),
            ("one two", 2),
            ("internationalization", 4),
            ("12 + 3 = 15", 5),
            ("ja, nein", 3),
            ("  x", 2),
            ("\n\n", 2),
            (" ", 1),
        ];
        for (text, n) in rows {
            assert_eq!(count(text), n, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn joined_tokens_are_the_text(text: String) {
            assert_eq!(split(&text).collect::<String>(), text);
            assert!(split(&text).all(|token| !token.is_empty()));
        }
    }
}
