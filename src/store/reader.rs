//! Reads an event log in constant memory.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;

use super::StoreError;
use super::format;
use super::format::Head;
use super::manifest::Anchor;
use crate::domain::Event;
use crate::domain::Offset;
use crate::domain::TrialId;

/// One line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its sequence number, from 0.
    pub n: u64,
    /// When it was written. Offsets go on over the sessions of a resumed run.
    pub at: Offset,
    /// What it says.
    pub record: Record,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A process began to write.
    Opened {
        /// Which session of the run this is, from 1.
        session: u32,
        /// Major and minor version of the format.
        version: (u32, u32),
        /// Both clocks.
        anchor: Anchor,
    },
    /// A process ended its session in order: nothing was in flight.
    Closed(Anchor),
    /// An event of the run.
    Event(Event),
}

/// A line longer than this is not ours.
const LONGEST_LINE: usize = 256 << 20;

/// Iterates over a log. Ends after the first error.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    input: BufReader<File>,
    line: Vec<u8>,
    number: u64,
    next: u64,
    good: u64,
    torn: u64,
    over: bool,
    only: Option<HashSet<TrialId>>,
}

impl Reader {
    /// Opens a log.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|e| StoreError::io("open", path, e))?;
        Ok(Self {
            path: path.to_owned(),
            input: BufReader::with_capacity(1 << 16, file),
            line: Vec::new(),
            number: 0,
            next: 0,
            good: 0,
            torn: 0,
            over: false,
            only: None,
        })
    }

    /// Passes over what is about other trials, reading no more of it than the trial's number.
    #[must_use]
    pub fn only_trials(self, trials: HashSet<TrialId>) -> Self {
        Self { only: Some(trials), ..self }
    }

    /// Torn last lines that were dropped: 0 or 1. Known once the iterator has ended.
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// Bytes of the log up to the end of the last good line.
    pub fn good_bytes(&self) -> u64 {
        self.good
    }

    /// Number of the line after the last good one.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    fn advance(&mut self) -> Result<Option<Stored>, StoreError> {
        let read = loop {
            self.line.clear();
            self.number += 1;
            let read = self.fill().map_err(|e| StoreError::io("read", &self.path, e))?;
            if read == 0 {
                return Ok(None);
            }
            if self.line.pop() != Some(b'\n') {
                // Only the end of the file ends a line without a line feed: the process died while writing it.
                self.torn = 1;
                return Ok(None);
            }
            if !self.is_passed_over() {
                break read;
            }
            self.good += read;
            self.next += 1;
        };
        let stored = self.parse().map_err(|problem| match problem {
            Problem::Says(text) => StoreError::corrupt(&self.path, self.number, text),
            Problem::Newer(found) => StoreError::Newer {
                path: self.path.clone(),
                found,
                known: format!("{}.{}", format::MAJOR, format::MINOR),
            },
        })?;
        self.good += read;
        self.next = stored.n + 1;
        Ok(Some(stored))
    }

    /// The line is about a trial that nobody asked for.
    fn is_passed_over(&self) -> bool {
        let Some(only) = &self.only else { return false };
        format::trial_of(&self.line).is_some_and(|trial| !only.contains(&TrialId(trial)))
    }

    /// Reads up to and with the next line feed.
    fn fill(&mut self) -> std::io::Result<u64> {
        loop {
            let chunk = self.input.fill_buf()?;
            let (used, done) = match memchr::memchr(b'\n', chunk) {
                Some(at) => (at + 1, true),
                None => (chunk.len(), chunk.is_empty()),
            };
            self.line.extend_from_slice(&chunk[..used]);
            self.input.consume(used);
            if done {
                return Ok(self.line.len() as u64);
            }
            if self.line.len() > LONGEST_LINE {
                return Err(std::io::Error::other(format!("line {} is longer than 256 MiB", self.number)));
            }
        }
    }

    fn parse(&self) -> Result<Stored, Problem> {
        format::verify(&self.line)?;
        let line = std::str::from_utf8(&self.line).map_err(|e| e.to_string())?;
        let head = Head::of(line).map_err(|e| e.to_string())?;
        if head.n != self.next {
            return Err(format!("number {} where {} should follow", head.n, self.next).into());
        }
        if head.n == 0 && head.k != "open" {
            return Err("the log does not begin with its format".to_owned().into());
        }
        let record = format::decode(&head, line)?;
        if let Record::Opened { version: (major, minor), .. } = record
            && major > format::MAJOR
        {
            return Err(Problem::Newer(format!("{major}.{minor}")));
        }
        Ok(Stored { n: head.n, at: Offset(head.t), record })
    }
}

enum Problem {
    Says(String),
    Newer(String),
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self::Says(text)
    }
}

impl Iterator for Reader {
    type Item = Result<Stored, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.advance().transpose();
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}

#[cfg(test)]
mod tests;
