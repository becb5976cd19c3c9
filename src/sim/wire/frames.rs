//! Server-sent events as bytes: line ends, comments, stamps. One buffer is reused for all events of a reply.

use std::io::Write as _;

use crate::sim::clock;

/// Line ends of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Eol {
    Lf,
    CrLf,
    Cr,
}

/// Events being written.
#[derive(Debug)]
pub(in crate::sim) struct Frames {
    pub(in crate::sim) bytes: Vec<u8>,
    eol: Eol,
    /// Adds the member `sim_ns` at the end of every JSON object.
    stamp: bool,
}

impl Frames {
    pub(in crate::sim) fn new(eol: Eol, stamp: bool) -> Self {
        Self { bytes: Vec::with_capacity(512), eol, stamp }
    }

    /// One event whose data is the JSON object that `json` writes; `name` is empty for the default.
    pub(super) fn event(&mut self, name: &str, json: impl FnOnce(&mut Vec<u8>)) {
        if !name.is_empty() {
            self.bytes.extend_from_slice(b"event: ");
            self.bytes.extend_from_slice(name.as_bytes());
            self.end();
        }
        self.bytes.extend_from_slice(b"data: ");
        json(&mut self.bytes);
        if self.stamp && self.bytes.last() == Some(&b'}') {
            self.bytes.pop();
            write!(self.bytes, ",\"sim_ns\":{}}}", clock::now_ns()).expect("a Vec takes all bytes");
        }
        self.end();
        self.end();
    }

    /// One event with this data, as it is.
    pub(super) fn data(&mut self, data: &str) {
        self.bytes.extend_from_slice(b"data: ");
        self.bytes.extend_from_slice(data.as_bytes());
        self.end();
        self.end();
    }

    /// A comment, which carries nothing.
    pub(in crate::sim) fn comment(&mut self, text: &str) {
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(text.as_bytes());
        self.end();
        self.end();
    }

    fn end(&mut self) {
        self.bytes.extend_from_slice(match self.eol {
            Eol::Lf => b"\n",
            Eol::CrLf => b"\r\n",
            Eol::Cr => b"\r",
        });
    }
}

/// Writes `text` as a JSON string.
pub(super) fn quote(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string is always JSON and a Vec takes all bytes");
}
