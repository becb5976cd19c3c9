//! One request and its response, timed.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Buf as _;
use bytes::Bytes;
use memchr::memmem::Finder;
use tokio::io::AsyncRead as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::ReadBuf;

use super::alarm::Alarm;
use super::connect::ConnectError;
use super::connect::Origin;
use super::connect::connect;
use super::http1;
use super::http1::Body;
use super::http1::ResponseHead;
use super::http2::Way;
use super::pool::Wire;
use super::proxy::Proxy;
use super::raw::Block;
use super::socket::Socket;
use crate::domain::ConnTimes;
use crate::domain::Offset;
use crate::domain::Stage;
use crate::provider::End;
use crate::provider::Head;
use crate::provider::WireRequest;

/// Timers of one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Timers {
    /// DNS, TCP and TLS together.
    pub connect: Duration,
    /// From sending to the first generated token.
    pub first_token: Duration,
    /// Between two reads.
    pub idle: Duration,
    /// The whole attempt.
    pub total: Duration,
}

/// What the decoding side found out so far; set there, read here.
#[derive(Debug, Default)]
pub struct Signals {
    /// Generated material was decoded.
    pub has_token: AtomicBool,
    /// The terminal event was decoded.
    pub is_done: AtomicBool,
}

/// Where the response goes while it arrives. Must not block.
pub trait Tap {
    /// The head is complete.
    fn head(&mut self, head: Head);
    /// A piece of the body. Gives it back when the receiver is full, to be offered again with what follows.
    fn block(&mut self, block: Block) -> Result<(), Block>;
}

/// Why an exchange ended otherwise than with a complete body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No connection: the phase and what the system said.
    Connect(Stage, String),
    /// A timer fired.
    Timeout(Stage),
    /// The connection broke: `before_headers`, `mid_stream` or `conn_reuse_race`.
    Reset(&'static str),
    /// The response was no proper HTTP; names the rule.
    Protocol(&'static str),
    /// We stopped it.
    Cancelled,
    /// Nothing was sent, as recordings were to be played and there is none; says what there is.
    Unrecorded(String),
}

/// How an exchange went.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Work on it began.
    pub sent: Offset,
    /// Last byte of the request written.
    pub written: Option<Offset>,
    /// How the connection came to be.
    pub conn: ConnTimes,
    /// Response headers complete.
    pub headers: Option<Offset>,
    /// It was over.
    pub ended: Offset,
    /// The body's end, or why there is none.
    pub end: Result<End, Failure>,
}

/// A pooled connection that its server closed just as it was used again.
const RACE: &str = "conn_reuse_race";
/// Bodies larger than this are cut.
pub const MAX_BODY: u64 = 64 * 1024 * 1024;
/// Blocks are handed on at this size at the latest.
const BLOCK: usize = 32 * 1024;
/// After its terminal event a stream gets this long to end properly, so that its connection can be kept.
const GRACE: Duration = Duration::from_millis(50);

/// Sends `request` and reads the response into `tap`. Never fails: all that can go wrong is in the result.
pub async fn exchange(
    wire: &Wire,
    request: &WireRequest,
    timers: &Timers,
    signals: &Signals,
    reuse: bool,
    tap: &mut impl Tap,
) -> Ended {
    let sent = wire.clock.now();
    let mut run = Exchange {
        wire,
        request,
        timers,
        signals,
        ended: Ended {
            sent,
            written: None,
            conn: ConnTimes::default(),
            headers: None,
            ended: sent,
            end: Ok(End::Clean),
        },
        last_read: sent,
        reads: 0,
        received: 0,
    };
    let end = tokio::select! {
        biased;
        () = wire.halted() => Err(Failure::Cancelled),
        end = run.go(reuse, tap) => end,
    };
    run.ended.end = end;
    run.ended.ended = wire.clock.now();
    run.ended
}

/// An exchange under way.
pub(super) struct Exchange<'a> {
    pub(super) wire: &'a Wire,
    pub(super) request: &'a WireRequest,
    pub(super) timers: &'a Timers,
    signals: &'a Signals,
    pub(super) ended: Ended,
    pub(super) last_read: Offset,
    pub(super) reads: u32,
    received: u64,
}

/// Where the bytes of a response come from.
pub(super) trait Incoming {
    /// Reads are stamped by the task that polls, not by another one before it.
    const STAMPS_ITSELF: bool;

    /// One read, appended to `into` and stamped when it returned; 0 bytes at the end.
    fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(usize, Offset), Failure>>;
}

impl Incoming for Socket {
    const STAMPS_ITSELF: bool = true;

    fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(usize, Offset), Failure>> {
        let mut scratch = wire.scratch.borrow_mut();
        let mut buf = ReadBuf::new(&mut scratch);
        Pin::new(self).poll_read(cx, &mut buf).map(|result| {
            let at = wire.clock.now();
            into.extend_from_slice(buf.filled());
            match result {
                Ok(()) => Ok((buf.filled().len(), at)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok((0, at)),
                Err(_) => Err(Failure::Reset("mid_stream")),
            }
        })
    }
}

impl Exchange<'_> {
    async fn go(&mut self, reuse: bool, tap: &mut impl Tap) -> Result<End, Failure> {
        let origin = Origin::of(&self.request.url).ok_or(Failure::Protocol("url"))?;
        let proxy = self.wire.network.proxies.of(&origin);
        let mut socket = if self.request.http2 {
            // In boxes, so that exchanges over HTTP/1.1 need no room for it.
            match Box::pin(self.way(&origin, reuse)).await? {
                Way::Http1(socket) => socket,
                Way::Http2(link) => {
                    self.ended.conn.proxied = proxy.is_some();
                    return Box::pin(self.over_http2(link, &origin, tap)).await;
                }
            }
        } else {
            self.socket(&origin, reuse).await?
        };
        self.ended.conn.proxied = proxy.is_some();
        let proxy = proxy.filter(|_| !origin.tls);
        let mut alarm = self.alarm();
        let written = self.write(&origin, proxy, &mut socket, &mut alarm).await;
        // A server may answer, with an error, before it has read all: its answer is worth more than our broken pipe.
        let broken = match written {
            Ok(()) => None,
            Err(failure @ Failure::Reset(_)) => Some(failure),
            Err(failure) => return Err(failure),
        };
        self.ended.written = Some(self.wire.clock.now());
        self.last_read = self.wire.clock.now();
        alarm.set(self.last_read, self.wait(self.last_read)?);
        let opened = self.head(&mut socket, &mut alarm).await.map_err(|f| broken.unwrap_or(f));
        if opened == Err(Failure::Reset(RACE)) {
            self.wire.closes(&origin);
        }
        let (head, rest, at) = opened?;
        if let (407, Some(proxy)) = (head.status, proxy) {
            return Err(Failure::Connect(Stage::Proxy, proxy.refusal(head.status)));
        }
        self.ended.headers = Some(at);
        refuse_coding(&head)?;
        tap.head(summary(&head));
        let end = self.body(&head, &rest, &mut socket, &mut alarm, tap).await?;
        if end == BodyEnd::Complete && head.keep_alive && reuse {
            self.wire.keep(&origin, socket);
        }
        Ok(end.into())
    }

    pub(super) async fn socket(&mut self, origin: &Origin, reuse: bool) -> Result<Socket, Failure> {
        if let Some(socket) = reuse.then(|| self.wire.take(origin)).flatten() {
            self.ended.conn.reused = true;
            return Ok(socket);
        }
        self.connect(origin, false).await
    }

    /// A new connection.
    pub(super) async fn connect(&mut self, origin: &Origin, http2: bool) -> Result<Socket, Failure> {
        let clock = &*self.wire.clock;
        let connecting = connect(origin, http2, &self.wire.network, clock, &mut self.ended.conn);
        match tokio::time::timeout(self.timers.connect, connecting).await {
            Ok(Ok(socket)) => Ok(socket),
            Ok(Err(ConnectError { stage, message })) => Err(Failure::Connect(stage, message)),
            Err(_) => Err(Failure::Timeout(self.phase())),
        }
    }

    /// The connection phase that is under way.
    fn phase(&self) -> Stage {
        match self.ended.conn {
            ConnTimes { dns: None, .. } => Stage::Dns,
            ConnTimes { tcp: None, .. } => Stage::Tcp,
            ConnTimes { proxied: true, .. } => Stage::Proxy,
            _ => Stage::Tls,
        }
    }

    async fn write(
        &self,
        origin: &Origin,
        proxy: Option<&Arc<Proxy>>,
        socket: &mut Socket,
        alarm: &mut Alarm,
    ) -> Result<(), Failure> {
        let length: u64 = self.request.body.iter().map(|piece| piece.len() as u64).sum();
        let body_len = (!self.request.body.is_empty()).then_some(length);
        let head = http1::request_head(&self.request.url, origin, proxy.map(|p| &**p), &self.request.headers, body_len);
        let pieces: Vec<Bytes> = std::iter::once(Bytes::from(head)).chain(self.request.body.iter().cloned()).collect();
        let writing = write_all(socket, pieces);
        tokio::select! {
            result = writing => result.map_err(|_| Failure::Reset(self.before_headers())),
            () = alarm.ring() => Err(Failure::Timeout(Stage::FirstToken)),
        }
    }

    /// An alarm for the time until the first token.
    pub(super) fn alarm(&self) -> Alarm {
        Alarm::new(self.wire.clock.now(), self.timers.first_token.min(self.timers.total))
    }

    fn before_headers(&self) -> &'static str {
        if self.ended.conn.reused { RACE } else { "before_headers" }
    }

    async fn head(
        &mut self,
        socket: &mut Socket,
        alarm: &mut Alarm,
    ) -> Result<(ResponseHead, Vec<u8>, Offset), Failure> {
        let mut bytes = Vec::new();
        loop {
            let at = match self.read(socket, alarm, &mut bytes).await? {
                Read::Bytes(at) => at,
                Read::End | Read::Broken(_) => return Err(Failure::Reset(self.before_headers())),
            };
            while let Some((head, len)) = http1::parse_head(&bytes).map_err(|rule| self.no_http(rule, &bytes))? {
                bytes.drain(..len);
                if head.status >= 200 || head.status == 101 {
                    return Ok((head, bytes, at));
                }
            }
        }
    }

    /// What answered was no HTTP; perhaps it was TLS, which complains about our plain text with an alert.
    fn no_http(&self, rule: &'static str, bytes: &[u8]) -> Failure {
        if !bytes.starts_with(TLS_ALERT) {
            return Failure::Protocol(rule);
        }
        let place = Origin::of(&self.request.url).map(|origin| origin.authority()).unwrap_or_default();
        Failure::Connect(Stage::Tls, format!("{place} speaks TLS; perhaps it is meant to be https://"))
    }

    pub(super) async fn body(
        &mut self,
        head: &ResponseHead,
        rest: &[u8],
        socket: &mut impl Incoming,
        alarm: &mut Alarm,
        tap: &mut impl Tap,
    ) -> Result<BodyEnd, Failure> {
        let mut body = Body::new(head.framing);
        let mut block = Block::default();
        let mut incoming = rest.to_vec();
        let mut at = self.last_read;
        loop {
            let seen = block.bytes.len();
            if seen == 0 && self.signals.has_token.load(Ordering::Acquire) {
                block.make_room();
            }
            let used = body.feed(&incoming, &mut block.bytes).map_err(Failure::Protocol);
            block.mark(at, self.reads);
            self.received += (block.bytes.len() - seen) as u64;
            let over = used.is_err() || body.is_done() || self.received > MAX_BODY;
            let fresh = &block.bytes[seen.saturating_sub(LONGEST_MARKER)..];
            let terminal = looks_terminal(fresh);
            if over || terminal || self.wants_decoding(block.bytes.len()) {
                offer(tap, &mut block);
            }
            if terminal {
                // The decoder decides whether it is the end; then a server that holds the stream open does not delay us.
                alarm.set(self.wire.clock.now(), GRACE);
            }
            if over {
                drain(tap, block).await;
                let complete = if used? == incoming.len() { BodyEnd::Complete } else { BodyEnd::Stopped };
                return Ok(if body.is_done() { complete } else { BodyEnd::Capped });
            }
            incoming.clear();
            let read = self.read(socket, alarm, &mut incoming).await;
            match read {
                Ok(Read::Bytes(when)) => at = when,
                Ok(Read::End) | Err(Failure::Timeout(Stage::Idle)) if self.signals.is_done.load(Ordering::Acquire) => {
                    drain(tap, block).await;
                    return Ok(BodyEnd::Stopped);
                }
                other => {
                    drain(tap, block).await;
                    return Self::stopped(other, &body);
                }
            }
        }
    }

    /// What the end of the connection, or a failure, means for the body.
    fn stopped(read: Result<Read, Failure>, body: &Body) -> Result<BodyEnd, Failure> {
        match read? {
            Read::End if body.may_end_here() => Ok(BodyEnd::Stopped),
            Read::End => Ok(BodyEnd::Cut),
            Read::Broken(failure) => Err(failure),
            Read::Bytes(_) => Err(Failure::Reset("mid_stream")),
        }
    }

    /// Until the first token every read is decoded at once, since a timer waits for it; later only full blocks.
    fn wants_decoding(&self, held: usize) -> bool {
        held >= BLOCK || !self.signals.has_token.load(Ordering::Acquire)
    }

    /// One read into `into`, stamped when it returns.
    async fn read<S: Incoming>(
        &mut self,
        socket: &mut S,
        alarm: &mut Alarm,
        into: &mut Vec<u8>,
    ) -> Result<Read, Failure> {
        // The first time it is still awake from the read before this one.
        let mut awake = S::STAMPS_ITSELF.then_some(self.last_read);
        loop {
            let ready = poll_fn(|cx| match socket.poll_some(cx, self.wire, into) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending => alarm.poll(cx, awake.take()).map(|()| None),
            })
            .await;
            match ready {
                Some(Ok((0, _))) => return Ok(Read::End),
                Some(Ok((_, at))) => {
                    // Frames of HTTP/2 may share a read.
                    self.reads += u32::from(at != self.last_read);
                    self.last_read = at;
                    return Ok(Read::Bytes(at));
                }
                Some(Err(failure)) => return Ok(Read::Broken(failure)),
                None => {
                    let now = self.wire.clock.now();
                    alarm.set(now, self.wait(now)?);
                }
            }
        }
    }

    /// Which timer went off, or how long until the next could: never longer than the idle time, so that a stream that
    /// begins to stall later is still found in time.
    pub(super) fn wait(&self, now: Offset) -> Result<Duration, Failure> {
        let has_token = self.signals.has_token.load(Ordering::Acquire);
        let idle = if self.signals.is_done.load(Ordering::Acquire) { GRACE } else { self.timers.idle };
        let due = [
            (Stage::Total, self.ended.sent.plus(self.timers.total)),
            (
                Stage::FirstToken,
                if has_token { Offset(u64::MAX) } else { self.ended.sent.plus(self.timers.first_token) },
            ),
            (Stage::Idle, if has_token { self.last_read.plus(idle) } else { Offset(u64::MAX) }),
        ];
        if let Some((stage, _)) = due.iter().find(|(_, at)| *at <= now) {
            return Err(Failure::Timeout(*stage));
        }
        let next = due.iter().map(|(_, at)| *at).min().unwrap_or(now);
        Ok(next.since(now).unwrap_or_default().min(idle))
    }
}

enum Read {
    Bytes(Offset),
    End,
    Broken(Failure),
}

/// How the body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// By its own framing; the connection is clean.
    Complete,
    /// Properly, but the connection cannot be kept.
    Stopped,
    /// The connection closed inside it.
    Cut,
    /// It was too large.
    Capped,
}

impl From<BodyEnd> for End {
    fn from(end: BodyEnd) -> Self {
        match end {
            BodyEnd::Complete | BodyEnd::Stopped => Self::Clean,
            BodyEnd::Cut => Self::Cut,
            BodyEnd::Capped => Self::Capped("body_too_large"),
        }
    }
}

/// Type and major version of a TLS record that carries an alert (RFC 8446, section 5.1).
const TLS_ALERT: &[u8] = &[21, 3];

const LONGEST_MARKER: usize = 32;

/// What a terminal event of some protocol holds. Made once: this looks through every byte of every stream.
static MARKERS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| [b"[DONE]".as_slice(), b"message_stop", b"response."].map(Finder::new));

/// Whether bytes hold what a terminal event of any protocol holds. Model text may hold it too: the decoder decides.
fn looks_terminal(bytes: &[u8]) -> bool {
    let [done, stop, response] = &*MARKERS;
    let ends = |rest: &[u8]| [&b"completed"[..], b"incomplete", b"failed"].iter().any(|end| rest.starts_with(end));
    done.find(bytes).is_some()
        || stop.find(bytes).is_some()
        || response.find_iter(bytes).any(|at| ends(&bytes[at + b"response.".len()..]))
}

fn offer(tap: &mut impl Tap, block: &mut Block) {
    if block.bytes.is_empty() {
        return;
    }
    if let Err(back) = tap.block(block.take()) {
        *block = back;
    }
}

/// Hands over what is left, waiting for the receiver where it must.
pub(super) async fn drain(tap: &mut impl Tap, mut block: Block) {
    offer(tap, &mut block);
    while !block.bytes.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        offer(tap, &mut block);
    }
}

async fn write_all(socket: &mut Socket, pieces: Vec<Bytes>) -> io::Result<()> {
    let mut pieces: Vec<Bytes> = pieces.into_iter().filter(|piece| !piece.is_empty()).rev().collect();
    while let Some(mut piece) = pieces.pop() {
        let slices: Vec<io::IoSlice<'_>> =
            std::iter::once(&piece).chain(pieces.iter().rev()).take(16).map(|p| io::IoSlice::new(p)).collect();
        let mut written = socket.write_vectored(&slices).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        while written >= piece.len() {
            written -= piece.len();
            let Some(next) = pieces.pop() else { return socket.flush().await };
            piece = next;
        }
        piece.advance(written);
        pieces.push(piece);
    }
    socket.flush().await
}

/// Nothing compressed was asked for: it would hide when events arrive.
pub(super) fn refuse_coding(head: &ResponseHead) -> Result<(), Failure> {
    let coding = head.header("content-encoding").unwrap_or("identity");
    if coding.is_empty() || coding.eq_ignore_ascii_case("identity") {
        return Ok(());
    }
    Err(Failure::Protocol("content_encoding"))
}

pub(super) fn summary(head: &ResponseHead) -> Head {
    let content_type = head.header("content-type").unwrap_or_default().to_ascii_lowercase();
    Head { status: head.status, content_type, headers: head.headers.clone() }
}
