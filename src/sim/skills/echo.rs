//! Echo: repeats what a prompt says should be said.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use crate::domain::random::Stream;

static TOLD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?is)\b(?:repeat|echo|say|print|output|return|(?:reply|respond|answer) with)(?: back)?(?: exactly)?(?: the)?(?: following)?(?: text| words?| phrase| sentence| string)?(?: exactly| verbatim| and nothing else| only)*(?::\s*|\s+)(.+)",
    )
    .expect("tested")
});
static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?s)^(?:"([^"]+)"|'([^']+)'|`([^`]+)`|“([^”]+)”)"#).expect("tested"));

/// Repeats.
pub(super) fn answer(question: &Question, slip: bool, _stream: &mut Stream) -> Option<String> {
    let told = TOLD.captures(question.text)?;
    let rest = told[1].trim();
    let text = match QUOTED.captures(rest) {
        Some(quoted) => quoted.iter().skip(1).flatten().next()?.as_str().to_owned(),
        None => rest.to_owned(),
    };
    if !slip {
        return Some(text);
    }
    let kept = text.trim_end().char_indices().next_back().map_or(0, |(at, _)| at);
    Some(format!("{}~", &text[..kept]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_repeated() {
        let rows = [
            ("Repeat exactly: a b c", "a b c"),
            ("Say \"good morning\" please", "good morning"),
            ("Reply with exactly: OK", "OK"),
            ("Echo: 😀 héllo", "😀 héllo"),
            ("Respond with the word `pong` and nothing else.", "pong"),
        ];
        for (text, said) in rows {
            let question = Question { text, all: text.to_owned(), context: String::new() };
            assert_eq!(answer(&question, false, &mut Stream::new(1, "x")).as_deref(), Some(said), "{text}");
        }
    }
}
