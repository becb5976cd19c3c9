//! Bytes of a response body with the times of their arrival.

use crate::domain::Offset;

/// One network read: all bytes up to `end` that no earlier mark covers arrived with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When the read returned.
    pub at: Offset,
    /// The read's number within the response, from 0.
    pub read: u32,
    /// End of its bytes in the block.
    pub end: u32,
}

/// A piece of a response body, transfer coding removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The reads they came in, ascending by `end`.
    pub marks: Vec<Mark>,
}

/// What a block gets room for at first, in bytes: some thirty events of one token.
const ROOM: usize = 8 * 1024;
/// Bytes of a small read.
const READ: usize = 128;

impl Block {
    /// Notes that everything added since the last mark arrived with this read.
    pub fn mark(&mut self, at: Offset, read: u32) {
        let end = self.bytes.len() as u32;
        if self.marks.last().map_or(0, |mark| mark.end) < end {
            self.marks.push(Mark { at, read, end });
        }
    }

    /// Makes room for many reads in one go, so that the block is not moved each time it doubles.
    pub fn make_room(&mut self) {
        self.bytes.reserve(ROOM);
        self.marks.reserve(ROOM / READ);
    }

    /// Takes everything out, leaving an empty block.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}
