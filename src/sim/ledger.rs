//! The server's own account of what it accepted, the oracle against which a client's records are held.
//!
//! Totals cover everything; single entries are kept for the latest requests only, so that memory stays bounded. A file
//! gets every entry, synced: its acceptance before the answer begins, its settlement before the answer's last event. Headers that carry keys never come here.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde_json::Value;
use serde_json::json;

use crate::domain::Usd;

/// How many entries are kept in memory.
const KEPT: usize = 65_536;

/// One accepted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Position in the order of acceptance, from 1.
    pub seq: u64,
    /// The client's id: `x-llmark-id`, else `x-client-request-id`, else `x-request-id`; where it sent none, the
    /// reply's.
    pub id: String,
    /// Path of the request.
    pub path: String,
    /// The model asked for.
    pub model: String,
    /// The reasoning mode as recognized; empty for requests that are no generation.
    pub mode: String,
    /// When it was accepted, `CLOCK_MONOTONIC` in ns.
    pub accepted_ns: u64,
    /// HTTP status of the answer; 0 where none was sent.
    pub status: u16,
    /// The answer was sent to its regular end.
    pub answered: bool,
    /// Prompt tokens billed.
    pub input_tokens: u64,
    /// Prompt tokens of these that came from the cache.
    pub cached_tokens: u64,
    /// Generated tokens billed, reasoning included.
    pub output_tokens: u64,
    /// Generated tokens of these that were reasoning.
    pub reasoning_tokens: u64,
    /// What was charged.
    pub cost: Usd,
}

/// Sums over all requests so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Accepted requests.
    pub accepted: u64,
    /// Requests answered to their regular end.
    pub answered: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Prompt tokens billed.
    pub input_tokens: u64,
    /// Generated tokens billed.
    pub output_tokens: u64,
    /// What was charged.
    pub cost: Usd,
}

/// The account. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    totals: Totals,
    entries: VecDeque<Entry>,
    file: Option<File>,
    broken: Option<io::ErrorKind>,
}

impl Ledger {
    /// An account that is also appended to `file`, one JSON object a line, synced.
    pub fn to_file(file: File) -> Self {
        Self(Arc::new(Mutex::new(Book { file: Some(file), ..Book::default() })))
    }

    /// Sums over all requests so far.
    pub fn totals(&self) -> Totals {
        self.book(|book| book.totals)
    }

    /// The latest entries, in order of acceptance.
    pub fn entries(&self) -> Vec<Entry> {
        self.book(|book| book.entries.iter().cloned().collect())
    }

    /// Why the file could not be written, if it could not.
    pub fn broken(&self) -> Option<io::ErrorKind> {
        self.book(|book| book.broken)
    }

    pub(super) fn connected(&self) {
        self.book(|book| book.totals.connections += 1);
    }

    /// Books a request.
    pub(super) fn accept(&self, mut entry: Entry) -> Account {
        let seq = self.book(|book| {
            book.totals.accepted += 1;
            entry.seq = book.totals.accepted;
            let line = json!({"event": "accepted", "seq": entry.seq, "id": entry.id, "path": entry.path,
                "model": entry.model, "mode": entry.mode, "accepted_ns": entry.accepted_ns});
            book.append(&line);
            if book.entries.len() == KEPT {
                book.entries.pop_front();
            }
            book.entries.push_back(entry);
            book.totals.accepted
        });
        Account { ledger: self.clone(), seq, is_settled: false }
    }

    fn settle(&self, seq: u64, end: &Settlement) {
        self.book(|book| {
            book.totals.answered += u64::from(end.answered);
            book.totals.input_tokens += end.input_tokens;
            book.totals.output_tokens += end.output_tokens;
            book.totals.cost = book.totals.cost + end.cost;
            let first = book.entries.front().map_or(seq, |entry| entry.seq);
            if let Some(entry) = seq.checked_sub(first).and_then(|at| book.entries.get_mut(at as usize)) {
                end.enter(entry);
            }
            let line = json!({"event": "settled", "seq": seq, "status": end.status, "answered": end.answered,
                "input_tokens": end.input_tokens, "cached_tokens": end.cached_tokens,
                "output_tokens": end.output_tokens, "reasoning_tokens": end.reasoning_tokens,
                "cost_usd": end.cost.to_string()});
            book.append(&line);
        });
    }

    fn book<T>(&self, f: impl FnOnce(&mut Book) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Book {
    fn append(&mut self, line: &Value) {
        let Some(file) = &mut self.file else { return };
        let written = file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_data());
        if let Err(e) = written {
            self.broken = Some(e.kind());
        }
    }
}

/// The open entry of one request: settled once, at the latest when dropped, then as unanswered.
#[derive(Debug)]
pub(super) struct Account {
    ledger: Ledger,
    seq: u64,
    is_settled: bool,
}

impl Account {
    /// Books how the request ended; only the first word counts.
    pub(super) fn settle(&mut self, end: &Settlement) {
        if !std::mem::replace(&mut self.is_settled, true) {
            self.ledger.settle(self.seq, end);
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.settle(&Settlement::default());
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Settlement {
    pub(super) status: u16,
    pub(super) answered: bool,
    pub(super) input_tokens: u64,
    pub(super) cached_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) reasoning_tokens: u64,
    pub(super) cost: Usd,
}

impl Settlement {
    fn enter(&self, entry: &mut Entry) {
        entry.status = self.status;
        entry.answered = self.answered;
        entry.input_tokens = self.input_tokens;
        entry.cached_tokens = self.cached_tokens;
        entry.output_tokens = self.output_tokens;
        entry.reasoning_tokens = self.reasoning_tokens;
        entry.cost = self.cost;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn entry(id: &str) -> Entry {
        Entry {
            seq: 0,
            id: id.into(),
            path: "/v1/chat/completions".into(),
            model: "m".into(),
            mode: "low".into(),
            accepted_ns: 1,
            status: 0,
            answered: false,
            input_tokens: 0,
            cached_tokens: 0,
            output_tokens: 0,
            reasoning_tokens: 0,
            cost: Usd::ZERO,
        }
    }

    #[test]
    fn entries_are_settled_once_and_summed() {
        let ledger = Ledger::default();
        drop(ledger.accept(entry("a")));
        let mut second = ledger.accept(entry("b"));
        let end = Settlement { status: 200, answered: true, output_tokens: 7, ..Settlement::default() };
        second.settle(&end);
        second.settle(&end);
        drop(second);
        let entries = ledger.entries();
        assert_eq!((entries[0].seq, entries[1].seq), (1, 2));
        assert_eq!((entries[0].answered, entries[1].answered, entries[1].output_tokens), (false, true, 7));
        let totals = ledger.totals();
        assert_eq!((totals.accepted, totals.answered, totals.output_tokens), (2, 1, 7));
    }

    #[test]
    fn old_entries_leave_and_late_settlements_still_count() {
        let ledger = Ledger::default();
        let mut first = ledger.accept(entry("first"));
        for n in 1..KEPT + 10 {
            drop(ledger.accept(entry(&n.to_string())));
        }
        first.settle(&Settlement { answered: true, ..Settlement::default() });
        assert_eq!(ledger.entries().len(), KEPT);
        assert_eq!(ledger.entries()[0].seq, 11);
        assert_eq!(ledger.totals().answered, 1);
    }

    #[test]
    fn the_file_gets_both_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let ledger = Ledger::to_file(File::create(&path).unwrap());
        drop(ledger.accept(entry("a")));
        let lines: Vec<Value> =
            fs::read_to_string(&path).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!((&lines[0]["event"], &lines[1]["event"], lines.len()), (&json!("accepted"), &json!("settled"), 2));
        assert_eq!(ledger.broken(), None);
    }
}
