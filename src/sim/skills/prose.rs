//! Short prose on any topic, for prompts that no other skill takes; and text of an exact length.

use crate::sim::tokens;

const FRAMES: &[&str] = &[
    "{t} is easier to grasp with a small example.",
    "First, look at what {t} is made of, and what each part does.",
    "Then see how the parts of {t} work together in practice.",
    "A common mistake about {t} is to take a rule of thumb for the whole.",
    "In short, {t} rewards those who start simple and measure.",
];

/// A few sentences about what `text` asks; with `slip` about something else.
pub(super) fn about(text: &str, slip: bool) -> String {
    let topic = if slip { "the weather".to_owned() } else { topic(text) };
    FRAMES.iter().map(|frame| frame.replace("{t}", &topic)).collect::<Vec<_>>().join(" ")
}

/// `n` sentences about what `text` asks.
pub(super) fn sentences(text: &str, n: usize) -> Vec<String> {
    let topic = topic(text);
    FRAMES.iter().cycle().take(n).map(|frame| frame.replace("{t}", &topic)).collect()
}

/// Text of exactly `n` tokens.
pub(super) fn exactly(n: usize) -> String {
    let (first, rest) = ("Once", " and then more words came");
    tokens::split(first).chain(tokens::split(rest).cycle_all()).take(n).collect()
}

trait CycleAll<'a> {
    fn cycle_all(self) -> std::iter::Cycle<std::vec::IntoIter<&'a str>>;
}

impl<'a, I: Iterator<Item = &'a str>> CycleAll<'a> for I {
    fn cycle_all(self) -> std::iter::Cycle<std::vec::IntoIter<&'a str>> {
        self.collect::<Vec<_>>().into_iter().cycle()
    }
}

const LEADS: &[&str] = &[
    "explain ",
    "describe ",
    "tell me about ",
    "write about ",
    "write ",
    "compare ",
    "create ",
    "what is ",
    "what are ",
    "give me ",
    "summarize ",
    "discuss ",
    "hello",
    "hi ",
    "please ",
    "can you ",
    "an essay about ",
    "a poem about ",
    "a story about ",
    "a short ",
];

/// The topic of a prompt: its first line without the words of command.
fn topic(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut rest = line.trim().trim_end_matches(['.', '?', '!', ':']);
    while let Some(lead) =
        LEADS.iter().find(|lead| rest.get(..lead.len()).is_some_and(|head| head.eq_ignore_ascii_case(lead)))
    {
        rest = rest[lead.len()..].trim_start();
    }
    let end = rest.char_indices().nth(80).map_or(rest.len(), |(at, _)| at);
    let rest = rest[..end].trim_matches([',', ' ', '!']);
    if rest.is_empty() { "a conversation".into() } else { rest.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_exact() {
        for n in [0, 1, 2, 7, 64, 500] {
            assert_eq!(tokens::count(&exactly(n)), n);
        }
    }

    #[test]
    fn topics_lose_their_commands() {
        assert_eq!(topic("Explain quantum computing in simple terms"), "quantum computing in simple terms");
        assert_eq!(topic("Hello!"), "a conversation");
        assert_eq!(topic(""), "a conversation");
    }
}
