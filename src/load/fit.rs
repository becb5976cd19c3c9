//! Replayed requests: a prompt brought to the recorded length, with the recorded prefix in common with others.
//!
//! Lengths are in tokens: of the prompt's own text by the rule of thumb of four bytes to a token, of filler one to a word,
//! as its words are in most vocabularies. What the provider counted stands in each observation. Filler goes in front, as
//! that is where a prefix cache looks: a recording's `hash_ids` name blocks of 512 tokens (the form of Mooncake's
//! traces), and the same id is the same text in every request of a run.

use crate::domain::Message;
use crate::domain::Part;
use crate::domain::Role;
use crate::domain::random::Stream;

use super::spec::Arrival;

/// Bytes that count as a token.
pub const BYTES_PER_TOKEN: usize = 4;

/// Tokens in a block that a recording names by a hash.
const BLOCK_TOKENS: usize = 512;

/// What filler is made of: words of one token or so in most vocabularies.
const WORDS: [&str; 16] = [
    "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school", "state",
    "family", "student", "group",
];

/// The messages of arrival number `k` of a recording, at its recorded length; as they are where none was recorded.
///
/// A shorter prompt gets filler in front of its first text. A longer one loses the end of its longest text, but never
/// all of it: then the request is longer than the recorded one.
pub fn fit(messages: &[Message], arrival: &Arrival, k: u64, seed: u64) -> Vec<Message> {
    let mut fitted = messages.to_vec();
    let Some(wanted) = arrival.input_tokens.map(|tokens| tokens as usize) else { return fitted };
    let own: usize = texts(messages).map(str::len).sum();
    let missing = wanted.saturating_sub(own.div_ceil(BYTES_PER_TOKEN));
    if missing > 0 {
        lengthen(&mut fitted, filler(arrival, k, seed, missing));
    } else {
        shorten(&mut fitted, own.saturating_sub(wanted * BYTES_PER_TOKEN));
    }
    fitted
}

fn texts(messages: &[Message]) -> impl Iterator<Item = &str> {
    messages.iter().flat_map(|message| &message.content).filter_map(|part| match part {
        Part::Text(text) => Some(&**text),
        _ => None,
    })
}

fn texts_mut(messages: &mut [Message]) -> impl Iterator<Item = &mut std::sync::Arc<str>> {
    messages.iter_mut().flat_map(|message| &mut message.content).filter_map(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    })
}

fn shorten(messages: &mut [Message], excess: usize) {
    if excess == 0 {
        return;
    }
    let Some(longest) = texts_mut(messages).max_by_key(|text| text.len()) else { return };
    let mut end = longest.len().saturating_sub(excess).max(1).min(longest.len());
    while !longest.is_char_boundary(end) {
        end += 1;
    }
    *longest = longest[..end].into();
}

fn lengthen(messages: &mut Vec<Message>, filler: String) {
    if let Some(first) = texts_mut(messages).next() {
        *first = format!("{filler}{first}").into();
        return;
    }
    messages.insert(0, Message::text(Role::User, filler));
}

/// Text of `n` words, the last of them before a line feed.
fn filler(arrival: &Arrival, k: u64, seed: u64, n: usize) -> String {
    let mut all: Vec<&str> = Vec::with_capacity(n);
    for id in &arrival.blocks {
        let wanted = BLOCK_TOKENS.min(n - all.len());
        all.extend(words(&format!("replay/block/{id}"), seed).take(wanted));
    }
    let wanted = n - all.len();
    all.extend(words(&format!("replay/arrival/{k}"), seed).take(wanted));
    all.join(" ") + "\n"
}

fn words(stream: &str, seed: u64) -> impl Iterator<Item = &'static str> {
    let mut draws = Stream::new(seed, stream);
    std::iter::repeat_with(move || WORDS[draws.below(WORDS.len() as u64) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(input: u32, blocks: &[u64]) -> Arrival {
        Arrival { input_tokens: Some(input), blocks: blocks.to_vec(), ..Arrival::default() }
    }

    fn prompt(text: &str) -> Vec<Message> {
        vec![Message::text(Role::System, "Be short."), Message::text(Role::User, text)]
    }

    fn bytes(messages: &[Message]) -> usize {
        texts(messages).map(str::len).sum()
    }

    #[test]
    fn prompts_get_the_recorded_length() {
        let short = prompt("What is 2 + 3?");
        let own = bytes(&short).div_ceil(BYTES_PER_TOKEN);
        for tokens in [7, 20, 600, 5000] {
            let fitted = fit(&short, &arrival(tokens, &[]), 0, 7);
            let filler = texts(&fitted).next().unwrap().strip_suffix("\nBe short.").unwrap();
            assert_eq!(filler.split(' ').count() + own, tokens as usize);
            assert!(texts(&fitted).last().unwrap().ends_with("What is 2 + 3?"));
        }
        let long = prompt(&"ä".repeat(500));
        let fitted = fit(&long, &arrival(100, &[]), 0, 7);
        assert!((400..=401).contains(&bytes(&fitted)), "{}", bytes(&fitted));
        assert_eq!(fit(&short, &Arrival::default(), 0, 7), short);
        assert_eq!(bytes(&fit(&short, &arrival(0, &[]), 0, 7)), "Be short.".len() + 1);
        assert_eq!(texts(&fit(&[], &arrival(10, &[]), 0, 7)).next().unwrap().split_whitespace().count(), 10);
    }

    #[test]
    fn equal_hashes_are_equal_prefixes() {
        let text = |blocks: &[u64], k| {
            let fitted = fit(&prompt("x"), &arrival(1200, blocks), k, 7);
            texts(&fitted).next().unwrap().to_owned()
        };
        let common = |a: &str, b: &str| a.split(' ').zip(b.split(' ')).take_while(|(a, b)| a == b).count();
        let near = |found: usize, expected: usize| (expected..expected + 8).contains(&found);
        assert!(near(common(&text(&[46, 47], 0), &text(&[46, 48], 1)), BLOCK_TOKENS));
        assert!(near(common(&text(&[46, 47], 0), &text(&[46, 47], 1)), 2 * BLOCK_TOKENS));
        assert!(near(common(&text(&[], 0), &text(&[], 1)), 0), "without hashes nothing is shared");
        assert_eq!(text(&[46], 3), text(&[46], 3));
    }
}
