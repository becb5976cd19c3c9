//! What is wrong with a suite: every problem at once, each with its place, a caret and the remedy.
//!
//! Reading collects problems in a [`Sink`] and goes on where it can, so that one run of `check` shows everything.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::text::plain::for_terminal;

/// A place in one of the files of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Which file, by its number in the sink.
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

impl Span {
    /// Bytes `within` of a text that starts where this span starts, one byte per byte.
    #[must_use]
    pub fn part(self, within: Range<usize>) -> Self {
        let at = |byte: usize| self.start.saturating_add(byte as u32).min(self.end);
        Self { source: self.source, start: at(within.start), end: at(within.end) }
    }

    /// The first byte only.
    #[must_use]
    pub fn head(self) -> Self {
        Self { end: self.start, ..self }
    }
}

/// A file that was read, for positions and carets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name shown to the user.
    pub name: String,
    /// The whole text.
    pub text: Arc<str>,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file's name.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Bytes of the file that are wrong.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    /// The line that it stands in, cut to a readable length.
    pub excerpt: String,
    /// Where the caret stands below the excerpt, and how wide it is, in characters.
    pub caret: Range<usize>,
}

/// Longest excerpt in characters.
const EXCERPT: usize = 160;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, .. } = self;
        let message = for_terminal(message);
        if *line == 0 {
            writeln!(f, "{file}: {message}")?;
        } else {
            writeln!(f, "{file}:{line}:{column}: {message}")?;
            let margin = line.to_string().len();
            writeln!(f, "{:margin$} |", "")?;
            writeln!(f, "{line} | {}", self.excerpt)?;
            let (indent, width) = (self.caret.start, self.caret.len().max(1));
            writeln!(f, "{:margin$} | {:indent$}{}", "", "", "^".repeat(width))?;
        }
        match &self.help {
            Some(help) => writeln!(f, "  help: {}", for_terminal(help)),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a suite; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// A problem that has no place in a text, such as a file that cannot be read.
    pub fn without_place(file: impl Into<String>, message: impl Into<String>, help: Option<String>) -> Self {
        Self(vec![Problem {
            file: file.into(),
            line: 0,
            column: 0,
            span: 0..0,
            message: message.into(),
            help,
            excerpt: String::new(),
            caret: 0..0,
        }])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[derive(Debug)]
struct Note {
    span: Span,
    message: String,
    help: Option<String>,
}

/// Collects problems and the texts that they point into.
#[derive(Debug, Default)]
pub struct Sink {
    sources: RefCell<Vec<Source>>,
    notes: RefCell<Vec<Note>>,
    hidden: RefCell<Vec<Span>>,
}

/// More problems than this are counted, not shown.
const SHOWN: usize = 100;

impl Sink {
    /// Registers a text; spans refer to it by the number returned.
    pub fn add_source(&self, name: impl Into<String>, text: impl Into<Arc<str>>) -> u32 {
        let mut sources = self.sources.borrow_mut();
        sources.push(Source { name: name.into(), text: text.into() });
        sources.len() as u32 - 1
    }

    /// Notes a problem.
    pub fn report(&self, span: Span, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.notes.borrow_mut().push(Note { span, message: message.into(), help: help.into() });
    }

    /// Notes a problem with advice.
    pub fn advise(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.report(span, message, Some(help.into()));
    }

    /// Keeps the bytes at `span` out of every excerpt: they are a secret.
    pub fn hide(&self, span: Span) {
        self.hidden.borrow_mut().push(span);
    }

    /// Number of problems so far.
    pub fn count(&self) -> usize {
        self.notes.borrow().len()
    }

    /// The source's text at `span`, for mapping positions inside a scalar back to the file.
    pub fn slice(&self, span: Span) -> String {
        let sources = self.sources.borrow();
        let text = sources.get(span.source as usize).map_or("", |source| &*source.text);
        text.get(span.start as usize..span.end as usize).unwrap_or_default().to_owned()
    }

    /// `value`, unless there were problems.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        let problems = self.into_problems();
        match value {
            Some(value) if problems.0.is_empty() => Ok(value),
            _ => Err(problems),
        }
    }

    fn into_problems(self) -> Problems {
        let mut sources = self.sources.into_inner();
        for span in self.hidden.into_inner() {
            mask(&mut sources, span);
        }
        let mut notes = self.notes.into_inner();
        notes.sort_by_key(|note| note.span);
        notes.dedup_by(|a, b| a.span == b.span && a.message == b.message);
        let hidden = notes.len().saturating_sub(SHOWN);
        let mut problems: Vec<Problem> = notes.into_iter().take(SHOWN).map(|note| place(&sources, note)).collect();
        if hidden > 0
            && let Some(last) = problems.last_mut()
        {
            last.help = Some(format!("{hidden} more problems are not shown; mend these first"));
        }
        Problems(problems)
    }
}

/// Replaces bytes by stars, one each, so that places stay true.
fn mask(sources: &mut [Source], span: Span) {
    let Some(source) = sources.get_mut(span.source as usize) else { return };
    let (start, end) = (floor(&source.text, span.start as usize), floor(&source.text, span.end as usize));
    if start < end {
        let mask = "*".repeat(end - start);
        source.text = format!("{}{mask}{}", &source.text[..start], &source.text[end..]).into();
    }
}

fn place(sources: &[Source], note: Note) -> Problem {
    let Some(source) = sources.get(note.span.source as usize) else {
        let Problems(mut list) = Problems::without_place("suite", note.message, note.help);
        return list.remove(0);
    };
    let text = &source.text;
    let start = floor(text, note.span.start as usize);
    let end = floor(text, note.span.end as usize).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let before = text[line_start..start].chars().count();
    let width = text[start..end.min(line_end).max(start)].chars().count();
    let (excerpt, caret) = excerpt(&text[line_start..line_end], before, width);
    Problem {
        file: source.name.clone(),
        line: text[..start].matches('\n').count() + 1,
        column: before + 1,
        span: start..end,
        message: note.message,
        help: note.help,
        excerpt,
        caret,
    }
}

/// The largest boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// A window of the line around the caret, every character one column wide.
fn excerpt(line: &str, before: usize, width: usize) -> (String, Range<usize>) {
    let skip = before.saturating_sub(EXCERPT * 3 / 4);
    let window = line.trim_end().chars().skip(skip).take(EXCERPT);
    let text: String = window.map(|c| if c == '\t' || is_odd(c) { ' ' } else { c }).collect();
    let start = before - skip;
    let width = width.min(text.chars().count().saturating_sub(start)).max(1);
    (text, start..start + width)
}

fn is_odd(c: char) -> bool {
    c.is_control() || crate::text::plain::is_harmful(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, span: Range<u32>) -> String {
        let sink = Sink::default();
        let source = sink.add_source("s.yaml", text);
        sink.advise(Span { source, start: span.start, end: span.end }, "wrong", "right");
        sink.finish(Some(())).unwrap_err().to_string()
    }

    #[test]
    fn a_caret_stands_under_what_is_wrong() {
        let expected = "s.yaml:2:4: wrong\n  |\n2 | é: grün\n  |    ^^^^\n  help: right\n";
        assert_eq!(rendered("a: b\né: grün\nc: d\n", 9..14), expected);
    }

    #[test]
    fn places_outside_the_text_are_survived() {
        assert!(rendered("é", 1..900).starts_with("s.yaml:1:1: wrong"));
        assert!(rendered("", 7..9).starts_with("s.yaml:1:1: wrong"));
        assert!(rendered(&"x".repeat(5000), 4000..4001).contains('^'));
    }
}
