//! Instructions about form: counts of words, sentences, bullets and paragraphs, case, commas, first and last words.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::prose;
use crate::domain::random::Stream;

static BULLETS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d+|two|three|four|five) (?:short )?bullet").expect("tested"));
static SENTENCES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:exactly|in|at least|only) (\d+|one|two|three|four|five) (?:short )?sentences?").expect("tested")
});
static PARAGRAPHS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d+|two|three|four|five) paragraphs").expect("tested"));
static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(at least|exactly|at most|less than|fewer than|more than|in|under|no more than) (\d+|one|two|three|four|five) words").expect("tested")
});
static STARTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?:start|begin) (?:your (?:answer|response|reply) )?with (?:the (?:word|phrase) )?["'`]([^"'`]+)["'`]"#,
    )
    .expect("tested")
});
static ENDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:end|finish) (?:your (?:answer|response|reply) )?with (?:the (?:exact )?(?:word|phrase|sentence) )?["'`]([^"'`]+)["'`]"#).expect("tested")
});
static KEYWORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:include|use|mention|contain)(?:s|ing)? (?:the )?(?:key)?words?:? ["'`]?([^."'`\n]+)["'`]?"#)
        .expect("tested")
});

/// Answers when the prompt gives at least one instruction about form.
pub(super) fn answer(question: &Question, slip: bool, _stream: &mut Stream) -> Option<String> {
    let all = question.all.to_lowercase();
    let form = Form::read(&all, &question.all);
    if form == Form::default() {
        return None;
    }
    Some(form.write(question.text, slip))
}

/// What the answer must look like.
#[derive(Debug, Default, PartialEq, Eq)]
struct Form {
    bullets: Option<usize>,
    sentences: Option<usize>,
    paragraphs: Option<usize>,
    /// Fewest and most words.
    words: Option<(usize, usize)>,
    upper: bool,
    lower: bool,
    no_comma: bool,
    starts: Option<String>,
    ends: Option<String>,
    keywords: Vec<String>,
    /// Paragraphs stand apart by `***`.
    divided: bool,
    quoted: bool,
    titled: bool,
    postscript: bool,
}

impl Form {
    fn read(lower: &str, all: &str) -> Self {
        let count = |pattern: &Regex| pattern.captures(lower).and_then(|found| number(&found[1]));
        let quoted = |pattern: &Regex| pattern.captures(all).map(|found| found[1].to_owned());
        let keywords = KEYWORDS.captures(all).map(|found| {
            found[1]
                .split(',')
                .flat_map(|part| part.split(" and "))
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty())
                .collect()
        });
        let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        Self {
            bullets: count(&BULLETS),
            sentences: count(&SENTENCES),
            paragraphs: count(&PARAGRAPHS),
            words: WORDS.captures(lower).and_then(|found| bounds(&found[1], number(&found[2])?)),
            upper: any(&["all caps", "all capital", "capital letters", "in uppercase", "all uppercase"]),
            lower: any(&["all lowercase", "in lowercase", "lowercase letters", "no capital"]),
            no_comma: any(&["no comma", "without comma", "any commas", "not use commas"]),
            starts: quoted(&STARTS),
            ends: quoted(&ENDS),
            keywords: keywords.unwrap_or_default(),
            divided: lower.contains("***"),
            quoted: any(&["in double quotation marks", "with double quotation marks"]),
            titled: any(&["title in double angular brackets", "title wrapped in double angular"]),
            postscript: any(&["postscript"]),
        }
    }

    fn write(&self, topic: &str, slip: bool) -> String {
        // How paragraphs are told apart is no part of what they are about.
        let topic = topic.split(", separated").next().unwrap_or(topic);
        let less = usize::from(slip);
        let mut text = if let Some(n) = self.bullets {
            prose::sentences(topic, n.saturating_sub(less))
                .iter()
                .map(|line| format!("- {line}"))
                .collect::<Vec<_>>()
                .join("\n")
        } else if let Some(n) = self.paragraphs {
            prose::sentences(topic, n.saturating_sub(less)).join(if self.divided { "\n\n***\n\n" } else { "\n\n" })
        } else {
            prose::sentences(topic, self.sentences.unwrap_or(3).saturating_sub(less).max(1)).join(" ")
        };
        if let Some((fewest, most)) = self.words {
            text = fit(&text, fewest, most + 3 * less);
        }
        if !self.keywords.is_empty() && !slip {
            text = format!("{text} Keywords: {}.", self.keywords.join("; "));
        }
        if let Some(start) = &self.starts {
            text = format!("{start} {text}");
        }
        if let Some(end) = self.ends.as_ref().filter(|_| !slip) {
            text = format!("{text} {end}");
        }
        if self.no_comma && !slip {
            text = text.replace(',', "");
        }
        text = self.dressed(text, slip);
        match () {
            () if self.upper && !slip => text.to_uppercase(),
            () if self.lower && !slip => text.to_lowercase(),
            () => text,
        }
    }

    /// With title, postscript and quotation marks, where they are asked for.
    fn dressed(&self, text: String, slip: bool) -> String {
        match () {
            () if slip => text,
            () if self.titled => format!("<<a few lines>>\n{text}"),
            () if self.postscript => format!("{text}\n\nP.S. Thank you."),
            () if self.quoted => format!("\"{}\"", text.replace('"', "'")),
            () => text,
        }
    }
}

fn bounds(word: &str, n: usize) -> Option<(usize, usize)> {
    if n > 5_000 {
        return None;
    }
    Some(match word {
        "at least" => (n, usize::MAX - 3),
        "more than" => (n + 1, usize::MAX - 3),
        "less than" | "fewer than" | "under" => (1, n.saturating_sub(1)),
        "at most" | "no more than" => (1, n),
        _ => (n, n),
    })
}

/// Repeats or cuts `text` until it has between `fewest` and `most` words.
fn fit(text: &str, fewest: usize, most: usize) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let n = words.len().clamp(fewest.min(most), most);
    words.iter().cycle().take(n).copied().collect::<Vec<_>>().join(" ")
}

fn number(text: &str) -> Option<usize> {
    let named = ["zero", "one", "two", "three", "four", "five"].iter().position(|name| *name == text);
    named.or_else(|| text.parse().ok()).filter(|n| *n <= 5_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn say(text: &str) -> String {
        let question = Question { text, all: text.to_owned(), context: String::new() };
        answer(&question, false, &mut Stream::new(1, "x")).unwrap()
    }

    #[test]
    fn forms_are_kept() {
        assert_eq!(
            say("Name risks of haste in exactly 3 bullet points.").lines().filter(|l| l.starts_with("- ")).count(),
            3
        );
        assert_eq!(say("Describe tea in exactly 12 words.").split(' ').count(), 12);
        assert!(say("Describe tea in at least 120 words.").split(' ').count() >= 120);
        assert!(!say("Describe tea, do not use any commas.").contains(','));
        let loud = say("Describe tea in all capital letters.");
        assert_eq!(loud, loud.to_uppercase());
        assert!(say("Write on tea. End your answer with \"That is all\".").ends_with("That is all"));
        assert_eq!(say("Write two paragraphs about tea.").split("\n\n").count(), 2);
        assert_eq!(say("Write two paragraphs on tea, separated by the divider ***.").split("***").count(), 2);
        assert!(say("Describe tea. Wrap your whole answer in double quotation marks.").ends_with('"'));
        assert!(say("Write on tea, with a title in double angular brackets.").starts_with("<<"));
        assert!(say("A note on tea. At the end, add a postscript starting with P.S.").contains("P.S."));
    }
}
