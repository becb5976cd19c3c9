//! Plays a planned reply onto a socket: every event at its time, in one write, with the bytes a fault asks for.

use std::io;
use std::io::Write as _;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::sleep_until;

use super::clock;
use super::fault::Kind;
use super::ledger::Account;
use super::ledger::Settlement;
use super::profile::Tariff;
use super::reply::Piece;
use super::reply::Reply;
use super::wire::Eol;
use super::wire::Frames;
use super::wire::Wire;
use crate::domain::Usd;

/// Room for a chunk size before the payload: eight hexadecimal digits and CRLF.
const CHUNK_HEAD: usize = 10;

/// How the playing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// All was sent; the connection can be used again.
    Whole,
    /// All was sent; the connection ends with the body.
    Closed,
    /// A fault ended it in this way.
    Halted(Kind),
}

/// A reply being played.
pub(super) struct Player {
    reply: Reply,
    wire: Box<dyn Wire>,
    frames: Frames,
    fault: Option<Kind>,
    next: usize,
    /// Tokens that left so far.
    sent_tokens: usize,
    bill: Bill,
}

/// Whom a reply is charged to, and at which price.
#[derive(Debug)]
pub(super) struct Bill {
    pub(super) account: Account,
    pub(super) tariff: Option<Tariff>,
}

impl Bill {
    /// Settles a reply that was answered as a whole, or one that broke off after `sent` tokens and is billed up to there.
    pub(super) fn settle(&mut self, reply: &Reply, sent: usize, answered: bool) {
        let mut billed = reply.billed;
        if !answered {
            billed.output = billed.output.min(sent);
            billed.reasoning = billed.reasoning.min(billed.output);
        }
        let cost = self.tariff.and_then(|tariff| tariff.price().of(&billed.usage())).unwrap_or(Usd::ZERO);
        self.account.settle(&Settlement {
            status: 200,
            answered,
            input_tokens: billed.input as u64,
            cached_tokens: billed.cached as u64,
            output_tokens: billed.output as u64,
            reasoning_tokens: billed.reasoning as u64,
            cost,
        });
    }
}

impl Drop for Player {
    /// A reply that broke off is settled, too.
    fn drop(&mut self) {
        self.bill.settle(&self.reply, self.sent_tokens, false);
    }
}

/// What is to be done at a beat.
enum Step {
    Write,
    Halt(Kind),
}

impl Player {
    pub(super) fn new(reply: Reply, wire: Box<dyn Wire>, fault: Option<Kind>, stamp: bool, bill: Bill) -> Self {
        let eol = match fault {
            Some(Kind::Crlf) => Eol::CrLf,
            Some(Kind::Cr) => Eol::Cr,
            _ => Eol::Lf,
        };
        Self { reply, wire, frames: Frames::new(eol, stamp), fault, next: 0, sent_tokens: 0, bill }
    }

    /// When the first event leaves.
    pub(super) fn first(&self) -> Duration {
        self.reply.beats.first().map_or(Duration::ZERO, |beat| beat.at)
    }

    /// The body is cut into HTTP chunks.
    pub(super) fn is_chunked(&self) -> bool {
        self.fault != Some(Kind::UntilClose)
    }

    fn due(&self) -> Option<Duration> {
        let at =
            if self.fault == Some(Kind::Burst) { self.reply.duration() } else { self.reply.beats.get(self.next)?.at };
        (self.next < self.reply.beats.len()).then_some(at)
    }

    /// Renders what is due now into the frame buffer. The account is settled before the last event leaves, so that a
    /// client that has seen it finds it settled.
    fn render(&mut self) -> Step {
        self.frames.bytes.clear();
        self.frames.bytes.resize(CHUNK_HEAD, 0);
        if self.next == 0 && self.fault == Some(Kind::Bom) {
            self.frames.bytes.extend_from_slice("\u{feff}".as_bytes());
        }
        let n_beats = if self.fault == Some(Kind::Burst) { self.reply.beats.len() } else { 1 };
        for _ in 0..n_beats {
            let Some(beat) = self.reply.beats.get(self.next) else { break };
            if let Piece::Halt(kind) = beat.piece {
                return Step::Halt(kind);
            }
            if self.fault == Some(Kind::Comments) {
                self.frames.comment("SIMULATOR PROCESSING");
            }
            self.wire.piece(&beat.piece, &self.reply, &mut self.frames);
            if beat.piece == Piece::Done && self.fault == Some(Kind::NoBlank) {
                self.frames.bytes.pop();
            }
            self.sent_tokens += beat.tokens as usize;
            self.next += 1;
        }
        if self.next == self.reply.beats.len() {
            self.bill.settle(&self.reply, self.sent_tokens, true);
        }
        Step::Write
    }

    /// The rendered bytes, framed.
    fn framed(&mut self) -> &[u8] {
        if self.frames.bytes.len() == CHUNK_HEAD {
            return &[];
        }
        if !self.is_chunked() {
            return &self.frames.bytes[CHUNK_HEAD..];
        }
        let size = self.frames.bytes.len() - CHUNK_HEAD;
        let mut head = &mut self.frames.bytes[..CHUNK_HEAD];
        write!(head, "{size:08x}\r\n").expect("eight digits and CRLF are ten bytes");
        self.frames.bytes.extend_from_slice(b"\r\n");
        &self.frames.bytes
    }

    /// Where a write is to be cut for the faults that cut; the last one is the end.
    fn cuts(&self, bytes: &[u8]) -> Vec<usize> {
        match self.fault {
            Some(Kind::SlowBytes) => (1..=bytes.len()).collect(),
            Some(Kind::SplitUtf8) => {
                let inside =
                    bytes.iter().enumerate().filter(|(_, byte)| (0x80..0xc0).contains(*byte)).map(|(at, _)| at);
                inside.chain([bytes.len()]).collect()
            }
            _ => vec![bytes.len()],
        }
    }

    fn is_cut(&self) -> bool {
        matches!(self.fault, Some(Kind::SlowBytes | Kind::SplitUtf8))
    }

    /// Plays on an asynchronous socket, whose timers round up to a millisecond.
    pub(super) async fn play(&mut self, stream: &mut TcpStream, start: Instant) -> io::Result<Ending> {
        while let Some(at) = self.due() {
            let due = start + at;
            if due > Instant::now() {
                sleep_until(due).await;
            }
            if let Step::Halt(kind) = self.render() {
                return Ok(Ending::Halted(kind));
            }
            if self.is_cut() {
                self.dribble(stream).await?;
            } else {
                stream.write_all(self.framed()).await?;
            }
        }
        self.end(stream).await
    }

    async fn dribble(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let bytes = self.framed().to_vec();
        let mut from = 0;
        for to in self.cuts(&bytes) {
            stream.write_all(&bytes[from..to]).await?;
            tokio::time::sleep(Duration::from_micros(200)).await;
            from = to;
        }
        Ok(())
    }

    async fn end(&self, stream: &mut TcpStream) -> io::Result<Ending> {
        if !self.is_chunked() {
            return Ok(Ending::Closed);
        }
        stream.write_all(b"0\r\n\r\n").await?;
        Ok(Ending::Whole)
    }

    /// Plays on a blocking socket with a precise clock; `start` is `CLOCK_MONOTONIC` in ns.
    pub(super) fn play_precisely(&mut self, stream: &mut std::net::TcpStream, start: u64) -> io::Result<Ending> {
        while let Some(at) = self.due() {
            clock::sleep_until(start + at.as_nanos() as u64);
            if let Step::Halt(kind) = self.render() {
                return Ok(Ending::Halted(kind));
            }
            stream.write_all(self.framed())?;
        }
        if !self.is_chunked() {
            return Ok(Ending::Closed);
        }
        stream.write_all(b"0\r\n\r\n")?;
        Ok(Ending::Whole)
    }
}

/// Ends a connection in the way of `kind`; falls silent until the client leaves, for those that hang.
pub(super) async fn halt(mut stream: TcpStream, kind: Kind) {
    match kind {
        Kind::Cut => {
            // A chunk that announces more than it holds.
            let _sent = stream.write_all(b"000000ff\r\ndata: {\"id\":").await;
            let _sent = stream.shutdown().await;
        }
        Kind::Reset | Kind::ResetBefore => reset(stream),
        Kind::Hang | Kind::HangBefore => until_gone(&mut stream).await,
        _ => {
            let _sent = stream.shutdown().await;
        }
    }
}

/// Drops the socket so that the kernel sends RST instead of FIN.
fn reset(stream: TcpStream) {
    // Should it fail, the client sees FIN instead, which is the most that can be done.
    let _set = stream.set_zero_linger();
    drop(stream);
}

/// Completes when the client is gone; never while it is there.
pub(super) async fn gone(stream: &mut TcpStream) {
    let mut first = [0; 1];
    if stream.peek(&mut first).await.is_ok_and(|n| n > 0) {
        std::future::pending::<()>().await;
    }
}

/// Waits until the client closes; what it sends meanwhile is dropped.
async fn until_gone(stream: &mut TcpStream) {
    let mut sink = [0; 1024];
    while stream.read(&mut sink).await.is_ok_and(|n| n > 0) {}
}
