//! Server-sent events: bytes in, framed events out, the same under every split of the bytes.
//!
//! Follows the event stream grammar of the WHATWG HTML standard (section 9.2.6). Two deliberate differences: comments
//! are reported, because they prove that the server is alive; and an event left unfinished at the end of the body is
//! accepted with a warning if it is visibly whole, because several servers forget the last blank line.
//!
//! Each byte is looked at once. An event whose only data line lies inside one read is passed on without a copy.

use std::borrow::Cow;

use memchr::memchr;
use memchr::memchr2;
use serde::de::IgnoredAny;

/// No event and no line may be longer; bounds the memory that a server can claim.
pub const EVENT_CAP: usize = 16 << 20;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One piece of an event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed<'a> {
    /// A dispatched event.
    Event {
        /// The `event:` field; empty where there was none.
        name: &'a str,
        /// The data lines, joined by line feeds.
        data: &'a str,
    },
    /// A line that starts with a colon; carries nothing but a sign of life.
    Comment,
}

/// What was noticed on the way; facts for the attempt's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notes {
    /// Invalid UTF-8 was replaced by U+FFFD.
    pub repaired: bool,
    /// The last event lacked its blank line and was accepted all the same.
    pub missing_final_blank: bool,
    /// An event outgrew [`EVENT_CAP`]; everything from there on was dropped.
    pub too_large: bool,
}

/// An incremental parser of one event stream.
#[derive(Debug, Default)]
pub struct Framer {
    /// An unfinished line of earlier reads.
    line: Vec<u8>,
    /// Data lines of the current event, joined by line feeds.
    data: Vec<u8>,
    has_data: bool,
    name: String,
    /// The last byte was a CR that ended a line; an LF right behind it belongs to it.
    after_cr: bool,
    /// The first line, which may carry a byte order mark, has been seen.
    started: bool,
    notes: Notes,
}

impl Framer {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was noticed so far.
    pub fn notes(&self) -> Notes {
        self.notes
    }

    /// Takes the next bytes and emits what they complete.
    pub fn feed(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Framed<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.notes.too_large {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                self.carry(rest);
                return;
            };
            self.after_cr = rest[end] == b'\r';
            let (line, behind) = (&rest[..end], &rest[end + 1..]);
            rest = if self.line.is_empty() {
                self.take_line(line, behind, emit)
            } else {
                self.take_carried(line, emit);
                behind
            };
        }
    }

    /// The body is over. An unfinished event counts only if it is `[DONE]` or a whole JSON object.
    pub fn end(&mut self, emit: &mut dyn FnMut(Framed<'_>)) {
        if self.notes.too_large {
            return;
        }
        self.take_carried(b"", emit);
        if self.has_data && is_whole(&self.data) {
            self.notes.missing_final_blank = true;
            self.dispatch(emit);
        }
        self.reset();
    }

    fn carry(&mut self, part: &[u8]) {
        if self.fits(part.len()) {
            self.line.extend_from_slice(part);
        }
    }

    /// Whether `more` bytes may be added; notes it where not.
    fn fits(&mut self, more: usize) -> bool {
        self.notes.too_large |= self.line.len() + self.data.len() + more > EVENT_CAP;
        !self.notes.too_large
    }

    /// Finishes the carried line with `tail`.
    fn take_carried(&mut self, tail: &[u8], emit: &mut dyn FnMut(Framed<'_>)) {
        self.carry(tail);
        if self.notes.too_large || self.line.is_empty() {
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        self.field(self.without_bom(&line), emit);
        self.started = true;
        line.clear();
        self.line = line;
    }

    /// Takes a line that lies whole inside the read; returns what is left of `behind`, the bytes after its
    /// terminator.
    fn take_line<'b>(&mut self, line: &[u8], behind: &'b [u8], emit: &mut dyn FnMut(Framed<'_>)) -> &'b [u8] {
        let line = self.without_bom(line);
        self.started = true;
        if line.is_empty() {
            self.dispatch(emit);
            return behind;
        }
        if !self.has_data
            && let Some(data) = line.strip_prefix(b"data:")
            && let Some(rest) = self.blank_line(behind)
        {
            if self.fits(data.len()) {
                self.send(data.strip_prefix(b" ").unwrap_or(data), emit);
                self.name.clear();
            }
            return rest;
        }
        self.field(line, emit);
        behind
    }

    /// The bytes after the blank line that `behind` begins with; `None` where it does not begin with one.
    fn blank_line<'b>(&mut self, behind: &'b [u8]) -> Option<&'b [u8]> {
        let behind = match behind {
            [b'\n', rest @ ..] if self.after_cr => rest,
            other => other,
        };
        let (&terminator, rest) = behind.split_first()?;
        if terminator != b'\n' && terminator != b'\r' {
            return None;
        }
        self.after_cr = terminator == b'\r';
        Some(rest)
    }

    fn without_bom<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        if self.started { line } else { line.strip_prefix(BOM).unwrap_or(line) }
    }

    /// One line that is not blank. `id` and `retry` mean nothing here: nothing reconnects.
    fn field(&mut self, line: &[u8], emit: &mut dyn FnMut(Framed<'_>)) {
        let colon = memchr(b':', line);
        let name = &line[..colon.unwrap_or(line.len())];
        let value = colon.map_or(&b""[..], |at| &line[at + 1..]);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"" if colon.is_some() => emit(Framed::Comment),
            b"data" => self.add_data(value),
            b"event" => {
                self.name.clear();
                self.name.push_str(&decode(value, &mut self.notes));
            }
            _ => {}
        }
    }

    fn add_data(&mut self, value: &[u8]) {
        if self.data.len() + value.len() + 1 > EVENT_CAP {
            self.notes.too_large = true;
            return;
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
    }

    /// A blank line: sends the event if it has data; a name without data is forgotten.
    fn dispatch(&mut self, emit: &mut dyn FnMut(Framed<'_>)) {
        if self.has_data {
            let data = std::mem::take(&mut self.data);
            self.send(&data, emit);
            self.data = data;
        }
        self.reset();
    }

    fn send(&mut self, data: &[u8], emit: &mut dyn FnMut(Framed<'_>)) {
        let data = decode(data, &mut self.notes);
        emit(Framed::Event { name: &self.name, data: &data });
    }

    fn reset(&mut self) {
        self.data.clear();
        self.has_data = false;
        self.name.clear();
    }
}

/// Text of `bytes`, with U+FFFD for what is not UTF-8. Checked first, as checking alone is several times faster.
fn decode<'b>(bytes: &'b [u8], notes: &mut Notes) -> Cow<'b, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    notes.repaired = true;
    String::from_utf8_lossy(bytes)
}

/// Whether an event without its blank line is visibly complete: only what marks its own end can be told from a
/// piece cut off.
fn is_whole(data: &[u8]) -> bool {
    let data = data.trim_ascii();
    data == b"[DONE]" || (data.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(data).is_ok())
}

#[cfg(test)]
mod tests;
