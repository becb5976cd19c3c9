//! A response body between the socket and the decoding side.

use std::sync::LazyLock;
use std::time::Duration;

use memchr::memmem::Finder;

use super::exchange::BodyEnd;
use super::exchange::Failure;
use super::exchange::Read;
use super::exchange::Tap;
use super::http1::Body;
use super::http1::Framing;
use super::raw::Block;
use crate::domain::Offset;

/// Bodies larger than this are cut.
const MAX_BODY: u64 = 64 * 1024 * 1024;

/// Takes reads, removes the transfer coding, and gathers what is left in blocks with the times of the reads.
pub(super) struct Flow {
    body: Body,
    block: Block,
    /// Length of the block before the last read.
    seen: usize,
    /// Content so far in bytes.
    received: u64,
    /// The block gets room for many reads at once.
    roomy: bool,
    /// More came than the body.
    surplus: bool,
    /// The rule of HTTP that the bytes broke.
    broken: Option<&'static str>,
}

impl Flow {
    pub(super) fn new(framing: Framing) -> Self {
        Self {
            body: Body::new(framing),
            block: Block::default(),
            seen: 0,
            received: 0,
            roomy: false,
            surplus: false,
            broken: None,
        }
    }

    /// A read begins; in a stream of many it is worth to make room for several.
    pub(super) fn expect(&mut self, many: bool) {
        self.seen = self.block.bytes.len();
        self.roomy = many && self.seen == 0;
    }

    /// Takes bytes of a read.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.roomy) {
            self.block.make_room();
        }
        let before = self.block.bytes.len();
        match self.body.feed(bytes, &mut self.block.bytes) {
            Ok(used) => self.surplus |= used < bytes.len(),
            Err(rule) => self.broken = Some(rule),
        }
        self.received += (self.block.bytes.len() - before) as u64;
    }

    /// Notes when the read returned.
    pub(super) fn mark(&mut self, at: Offset, read: u32) {
        self.block.mark(at, read);
    }

    /// Bytes that the decoding side has not got.
    pub(super) fn held(&self) -> usize {
        self.block.bytes.len()
    }

    /// Nothing more is to be read.
    pub(super) fn is_over(&self) -> bool {
        self.broken.is_some() || self.body.is_done() || self.received > MAX_BODY
    }

    /// Whether the last read brought what a terminal event of any protocol holds. Model text may hold it too: the
    /// decoder decides.
    pub(super) fn looks_terminal(&self) -> bool {
        looks_terminal(&self.block.bytes[self.seen.saturating_sub(LONGEST_MARKER)..])
    }

    /// Hands the block on, if the receiver has room for it.
    pub(super) fn offer(&mut self, tap: &mut impl Tap) {
        offer(tap, &mut self.block);
    }

    /// Hands over what is left.
    pub(super) async fn drain(self, tap: &mut impl Tap) {
        drain(tap, self.block).await;
    }

    /// How a body ended that [`Flow::is_over`].
    pub(super) fn end(&self) -> Result<BodyEnd, Failure> {
        match self.broken {
            Some(rule) => Err(Failure::Protocol(rule)),
            None if !self.body.is_done() => Ok(BodyEnd::Capped),
            None if self.surplus => Ok(BodyEnd::Stopped),
            None => Ok(BodyEnd::Complete),
        }
    }

    /// What the end of the connection, or a failure, means for the body.
    pub(super) fn stopped(&self, read: Result<Read, Failure>) -> Result<BodyEnd, Failure> {
        match read? {
            Read::End if self.body.may_end_here() => Ok(BodyEnd::Stopped),
            Read::End => Ok(BodyEnd::Cut),
            Read::Broken(failure) => Err(failure),
            Read::Bytes => Err(Failure::Reset("mid_stream")),
        }
    }
}

fn offer(tap: &mut impl Tap, block: &mut Block) {
    if block.bytes.is_empty() {
        return;
    }
    if let Err(back) = tap.block(block.take()) {
        *block = back;
    }
}

/// Hands over a block, waiting for the receiver where it must.
pub(super) async fn drain(tap: &mut impl Tap, mut block: Block) {
    offer(tap, &mut block);
    while !block.bytes.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        offer(tap, &mut block);
    }
}

const LONGEST_MARKER: usize = 32;

/// What a terminal event of some protocol holds. Made once: this looks through every byte of every stream.
static MARKERS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| [b"[DONE]".as_slice(), b"message_stop", b"response."].map(Finder::new));

fn looks_terminal(bytes: &[u8]) -> bool {
    let [done, stop, response] = &*MARKERS;
    let ends = |rest: &[u8]| [&b"completed"[..], b"incomplete", b"failed"].iter().any(|end| rest.starts_with(end));
    done.find(bytes).is_some()
        || stop.find(bytes).is_some()
        || response.find_iter(bytes).any(|at| ends(&bytes[at + b"response.".len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(framing: Framing, reads: &[&[u8]]) -> Flow {
        let mut flow = Flow::new(framing);
        for (n, read) in reads.iter().enumerate() {
            flow.expect(true);
            flow.take(read);
            flow.mark(Offset(n as u64), n as u32);
        }
        flow
    }

    #[test]
    fn reads_keep_their_times_without_the_transfer_coding() {
        let flow = fed(Framing::Chunked, &[b"3\r\nabc", b"\r\n", b"2\r\nde\r\n0\r\n\r\n"]);
        assert_eq!(flow.block.bytes, b"abcde");
        let ends: Vec<(u64, u32)> = flow.block.marks.iter().map(|mark| (mark.at.0, mark.end)).collect();
        assert_eq!(ends, [(0, 3), (2, 5)], "a read without content leaves no mark");
        assert!(flow.is_over());
        assert_eq!(flow.end(), Ok(BodyEnd::Complete));
    }

    #[test]
    fn bytes_behind_the_body_spoil_the_connection() {
        assert_eq!(fed(Framing::Length(3), &[b"abc"]).end(), Ok(BodyEnd::Complete));
        assert_eq!(fed(Framing::Length(3), &[b"ab", b"cd"]).end(), Ok(BodyEnd::Stopped));
    }

    #[test]
    fn broken_chunks_and_endless_bodies_are_over() {
        let flow = fed(Framing::Chunked, &[b"zz\r\n"]);
        assert!(flow.is_over());
        assert_eq!(flow.end(), Err(Failure::Protocol("chunk_size")));
        let megabyte = vec![b'x'; 1 << 20];
        let mut flow = Flow::new(Framing::UntilClose);
        (0..64).for_each(|_| flow.take(&megabyte));
        assert!(!flow.is_over());
        flow.take(b"x");
        assert!(flow.is_over());
        assert_eq!(flow.end(), Ok(BodyEnd::Capped));
    }

    #[test]
    fn a_marker_is_seen_under_every_split() {
        let event = b"data: [DONE]\n\n";
        for at in 1..event.len() {
            let (first, second) = event.split_at(at);
            let seen = [fed(Framing::UntilClose, &[first]), fed(Framing::UntilClose, &[first, second])];
            assert!(seen.iter().any(Flow::looks_terminal), "split at {at}");
        }
        assert!(!fed(Framing::UntilClose, &[b"event: response.created\n\n"]).looks_terminal());
        assert!(fed(Framing::UntilClose, &[b"event: response.completed\n\n"]).looks_terminal());
    }
}
