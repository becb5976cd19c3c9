//! Where sentences end: the Punkt algorithm (Kiss & Strunk 2006, Computational Linguistics 32:485) for English.
//!
//! The published checks count with NLTK, and so do we: candidates, tokens and the two passes of annotation follow the
//! paper as NLTK up to 3.9 applies it. Of the trained parameters the abbreviations, frequent sentence starters and
//! collocations stand in [`punkt`](super::punkt). The table of how twenty thousand words are capitalized is
//! represented by the common words alone: it speaks only where an abbreviation, an initial, an ellipsis or an ordinal
//! is followed by a capitalized word.

use super::punkt;

/// Sentences of a text, as `len(sent_tokenize(text))` counts them.
pub fn count(text: &str) -> usize {
    spans(text).len()
}

/// The sentences of a text.
pub(super) fn split(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    spans(text).into_iter().map(|(from, to)| chars[from..to].iter().collect()).collect()
}

/// Where the sentences stand, in characters.
fn spans(text: &str) -> Vec<(usize, usize)> {
    let text = Text(text.chars().collect());
    realigned(&text, &text.slices())
}

/// White space as Python sees it.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Marks that cannot be part of a word.
fn is_mark(c: char) -> bool {
    matches!(c, ')' | '"' | ';' | '}' | ']' | '*' | ':' | '@' | '\'' | '(' | '{' | '[' | '!' | '?')
}

/// A mark that may end a sentence, and what follows it.
struct Candidate {
    /// Where the word before the mark begins.
    word: usize,
    /// The mark.
    at: usize,
    /// The token after white space; none where another mark follows directly.
    next: Option<(usize, usize)>,
}

struct Text(Vec<char>);

impl Text {
    fn get(&self, at: usize) -> Option<char> {
        self.0.get(at).copied()
    }

    fn until(&self, from: usize, stop: impl Fn(char) -> bool) -> usize {
        from + self.0[from..].iter().take_while(|c| !stop(**c)).count()
    }

    /// The token that follows white space at `from`.
    fn token_after(&self, from: usize) -> Option<(usize, usize)> {
        let start = self.until(from, |c| !is_space(c));
        (start > from && start < self.0.len()).then(|| (start, self.until(start, is_space)))
    }

    /// Candidates that do not overlap; of a run of marks the last one counts.
    fn candidates(&self) -> Vec<Candidate> {
        let mut kept: Vec<Candidate> = Vec::new();
        for at in (0..self.0.len()).filter(|at| matches!(self.0[*at], '.' | '?' | '!')) {
            let marked = self.get(at + 1).is_some_and(is_mark);
            let next = if marked { None } else { self.token_after(at + 1) };
            if !marked && next.is_none() {
                continue;
            }
            let (before, end) = kept.last().map_or((0, 0), |last| (last.word, last.at));
            let blank = (end + 1..at).rev().find(|i| self.0[*i].is_ascii_whitespace() || self.0[*i] == '\u{b}');
            let word = blank.map_or(before, |blank| blank + 1);
            if !kept.is_empty() && word < end {
                kept.pop();
            }
            kept.push(Candidate { word, at, next });
        }
        kept
    }

    fn slices(&self) -> Vec<(usize, usize)> {
        let (mut slices, mut from) = (Vec::new(), 0);
        for candidate in self.candidates() {
            let end = candidate.at + 1;
            let mut context = self.0[candidate.word..end].to_vec();
            match candidate.next {
                Some((start, stop)) => context.extend(&self.0[end..stop.max(start)]),
                None => context.extend(self.get(end)),
            }
            if holds_a_break(&context) {
                slices.push((from, end));
                from = candidate.next.map_or(end, |(start, _)| start);
            }
        }
        let trimmed = self.0.iter().rposition(|c| !is_space(*c)).map_or(0, |last| last + 1);
        slices.push((from, trimmed));
        slices
    }
}

/// Closing marks after a sentence's end belong to it; what is empty then is no sentence.
fn realigned(text: &Text, slices: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let (mut sentences, mut shift) = (Vec::new(), 0);
    for (at, (from, to)) in slices.iter().enumerate() {
        let from = from + shift;
        let Some((next, stop)) = slices.get(at + 1) else {
            sentences.extend((from < *to).then_some((from, *to)));
            continue;
        };
        if let Some((marks, length)) = closing(text, *next, *stop) {
            sentences.push((from, next + marks));
            shift = length;
        } else {
            shift = 0;
            sentences.extend((from < *to).then_some((from, *to)));
        }
    }
    sentences
}

/// Closing marks at the start of a slice, up to white space, dashes or a line's end: their number, and with the white
/// space after them.
fn closing(text: &Text, from: usize, to: usize) -> Option<(usize, usize)> {
    let is_closing = |c: char| matches!(c, '"' | '\'' | ')' | ']' | '}');
    let run = (from..to).take_while(|at| text.get(*at).is_some_and(is_closing)).count();
    let after = from + run;
    let spaces = (after..to).take_while(|at| text.get(*at).is_some_and(is_space)).count();
    let dashes = after + 1 < to && text.get(after) == Some('-') && text.get(after + 1) == Some('-');
    (run > 0 && (spaces > 0 || dashes || after >= to)).then_some((run, run + spaces))
}

/// A token of a context with its annotations.
struct Token {
    text: String,
    kind: String,
    is_break: bool,
    is_abbreviation: bool,
    is_ellipsis: bool,
}

impl Token {
    /// First pass: by the token alone.
    fn new(chars: &[char]) -> Self {
        let text: String = chars.iter().collect();
        let lower = text.to_lowercase();
        let kind = if is_number(&lower) { punkt::NUMBER.to_owned() } else { lower.clone() };
        let marks = matches!(text.as_str(), "." | "?" | "!");
        let is_ellipsis = chars.len() > 1 && chars.iter().all(|c| *c == '.');
        let stem = lower.strip_suffix('.').filter(|stem| !marks && !stem.ends_with('.'));
        let listed = |stem: &str| {
            punkt::is_abbreviation(stem) || punkt::is_abbreviation(stem.rsplit('-').next().unwrap_or_default())
        };
        let is_abbreviation = stem.is_some_and(listed);
        let is_break = marks || (stem.is_some() && !is_abbreviation);
        Self { text, kind, is_break, is_abbreviation, is_ellipsis }
    }

    fn bare(&self) -> &str {
        if self.kind.len() > 1 { self.kind.strip_suffix('.').unwrap_or(&self.kind) } else { &self.kind }
    }

    /// Its type, without the period that ends a sentence.
    fn word(&self) -> &str {
        if self.is_break { self.bare() } else { &self.kind }
    }

    fn is_initial(&self) -> bool {
        let mut chars = self.text.chars();
        chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.as_str() == "."
    }

    fn begins(&self, case: fn(char) -> bool) -> bool {
        self.text.chars().next().is_some_and(case)
    }

    /// Whether it opens a sentence, as far as its capitals tell.
    fn opens(&self) -> Option<bool> {
        if matches!(self.text.as_str(), ";" | ":" | "," | "." | "!" | "?") || self.begins(char::is_lowercase) {
            return Some(false);
        }
        (self.begins(char::is_uppercase) && punkt::is_opener(self.word())).then_some(true)
    }

    /// Second pass: whether it ends a sentence, seen what follows.
    fn ends_before(&self, next: &Self) -> bool {
        if !self.text.ends_with('.') {
            return self.is_break;
        }
        let (bare, word) = (self.bare(), next.word());
        if punkt::is_collocation(bare, word) {
            return false;
        }
        if (self.is_abbreviation || self.is_ellipsis) && !self.is_initial() {
            let starts = next.begins(char::is_uppercase) && punkt::is_starter(word);
            if next.opens() == Some(true) || starts {
                return true;
            }
        }
        let is_name = || self.is_initial() && next.begins(char::is_uppercase) && !punkt::is_common(word);
        if self.is_initial() || bare == punkt::NUMBER {
            return match next.opens() {
                Some(false) => false,
                None if is_name() => false,
                _ => self.is_break,
            };
        }
        self.is_break
    }
}

/// `12`, `-3.5`, `1,000.`: digits with marks between.
fn is_number(word: &str) -> bool {
    let word = word.strip_prefix('-').unwrap_or(word);
    let word = word.strip_prefix(['.', ',']).unwrap_or(word);
    word.starts_with(|c: char| c.is_numeric()) && word.chars().all(|c| c.is_numeric() || matches!(c, ',' | '.' | '-'))
}

fn holds_a_break(context: &[char]) -> bool {
    let tokens: Vec<Token> = context.split(|c| *c == '\n').flat_map(words).collect();
    tokens.windows(2).any(|pair| pair[0].ends_before(&pair[1]))
}

fn words(line: &[char]) -> Vec<Token> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < line.len() {
        if is_space(line[at]) {
            at += 1;
            continue;
        }
        let end = dots_and_dashes(line, at).unwrap_or_else(|| word_end(line, at));
        tokens.push(Token::new(&line[at..end]));
        at = end;
    }
    tokens
}

/// Where a run of dashes or dots, or of spaced dots, ends.
fn dots_and_dashes(line: &[char], at: usize) -> Option<usize> {
    let run = |mark: char| line[at..].iter().take_while(|c| **c == mark).count();
    let run = run('-').max(run('.'));
    if run >= 2 {
        return Some(at + run);
    }
    let spaced = |i: usize| line.get(i) == Some(&'.') && line.get(i + 1).is_some_and(|c| is_space(*c));
    let pairs = (0..line.len()).take_while(|k| spaced(at + 2 * k)).count();
    // The last pair gives its dot back where no further dot follows it.
    let pairs = if line.get(at + 2 * pairs) == Some(&'.') { pairs } else { pairs.saturating_sub(1) };
    (pairs >= 2).then_some(at + 2 * pairs + 1)
}

fn word_end(line: &[char], at: usize) -> usize {
    if matches!(line[at], '(' | '"' | '`' | '{' | '[' | ':' | ';' | '&' | '#' | '*' | '@' | ')' | '}' | ']' | '-' | ',')
    {
        return at + 1;
    }
    let stops =
        |i: usize| line.get(i).is_none_or(|c| is_space(*c) || is_mark(*c)) || dots_and_dashes(line, i).is_some();
    let comma = |i: usize| line.get(i) == Some(&',') && stops(i + 1);
    (at + 1..line.len()).find(|i| stops(*i) || comma(*i)).unwrap_or(line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts of NLTK 3.9 with its English model.
    #[test]
    fn sentences_are_counted() {
        let rows = [
            ("", 0),
            ("No end", 1),
            ("One. Two! Three?", 3),
            ("Dr. Smith met Mr. J. Jones at 5 p.m. on Monday.", 1),
            ("It costs 3.50 dollars. Yes.", 2),
            ("He said \"Hi.\" Then he left.", 2),
            ("Wait... what? It works... The end.", 3),
            ("1. First\n2. Second", 3),
            ("In the U.S. the sun rises. It sets.", 2),
            ("Wow!! Great", 2),
            ("One.) Two.", 2),
            ("A line\nand more", 1),
        ];
        for (text, expected) in rows {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn a_hostile_megabyte_is_counted() {
        for unit in [".", "a. ", "é.”", "!\" ", ". ", "a,", "'", "-", "x.y"] {
            assert!(count(&unit.repeat((1 << 17) / unit.len())) >= 1);
        }
    }
}
