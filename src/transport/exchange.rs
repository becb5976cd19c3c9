//! One request and its response, timed.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use bytes::Buf as _;
use bytes::Bytes;
use tokio::io::AsyncRead as _;
use tokio::io::AsyncWriteExt as _;
use tokio::io::ReadBuf;

use super::alarm::Alarm;
use super::connect::ConnectError;
use super::connect::Origin;
use super::connect::connect;
use super::flow::Flow;
use super::http1;
use super::http1::Framing;
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
        has_token: false,
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
    /// Generated material was decoded, as far as this side was told.
    has_token: bool,
}

/// Where the bytes of a response come from.
pub(super) trait Incoming {
    /// Reads are stamped by the task that polls, not by another one before it.
    const STAMPS_ITSELF: bool;

    /// One read, given to `take` right after it was stamped; 0 bytes at the end.
    fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        take: &mut impl FnMut(&[u8]),
    ) -> Poll<Result<(usize, Offset), Failure>>;
}

impl Incoming for Socket {
    const STAMPS_ITSELF: bool = true;

    fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        take: &mut impl FnMut(&[u8]),
    ) -> Poll<Result<(usize, Offset), Failure>> {
        let mut scratch = wire.scratch.borrow_mut();
        let mut buf = ReadBuf::new(&mut scratch);
        Pin::new(self).poll_read(cx, &mut buf).map(|result| {
            let at = wire.clock.now();
            take(buf.filled());
            match result {
                Ok(()) => Ok((buf.filled().len(), at)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok((0, at)),
                Err(_) => Err(Failure::Reset("mid_stream")),
            }
        })
    }
}

impl Exchange<'_> {
    /// All that comes before the body is done in boxes: the smaller the task of a stream, the less memory each of its
    /// thousand wake-ups touches.
    async fn go(&mut self, reuse: bool, tap: &mut impl Tap) -> Result<End, Failure> {
        let origin = Origin::of(&self.request.url).ok_or(Failure::Protocol("url"))?;
        let way = Box::pin(self.way(&origin, reuse)).await?;
        self.ended.conn.proxied = self.wire.network.proxies.of(&origin).is_some();
        let mut socket = match way {
            Way::Http1(socket) => socket,
            Way::Http2(link) => return Box::pin(self.over_http2(link, &origin, tap)).await,
        };
        let (head, rest, mut alarm) = Box::pin(self.ask(&origin, &mut socket)).await?;
        let keep_alive = head.keep_alive && reuse;
        let framing = head.framing;
        tap.head(summary(&head));
        let end = self.body(framing, &rest, &mut socket, &mut alarm, tap).await?;
        if end == BodyEnd::Complete && keep_alive {
            self.wire.keep(&origin, socket);
        }
        Ok(end.into())
    }

    async fn way(&mut self, origin: &Origin, reuse: bool) -> Result<Way, Failure> {
        if self.request.http2 {
            self.way_of_http2(origin, reuse).await
        } else {
            self.socket(origin, reuse).await.map(Way::Http1)
        }
    }

    /// Sends the request and reads the head of the answer, with what came behind it.
    async fn ask(&mut self, origin: &Origin, socket: &mut Socket) -> Result<(ResponseHead, Vec<u8>, Alarm), Failure> {
        let proxy = self.wire.network.proxies.of(origin).filter(|_| !origin.tls);
        let mut alarm = self.alarm();
        let written = self.write(origin, proxy, socket, &mut alarm).await;
        // A server may answer, with an error, before it has read all: its answer is worth more than our broken pipe.
        let broken = match written {
            Ok(()) => None,
            Err(failure @ Failure::Reset(_)) => Some(failure),
            Err(failure) => return Err(failure),
        };
        self.ended.written = Some(self.wire.clock.now());
        self.last_read = self.wire.clock.now();
        alarm.set(self.last_read, self.wait(self.last_read)?);
        let opened = self.head(socket, &mut alarm).await.map_err(|f| broken.unwrap_or(f));
        if opened == Err(Failure::Reset(RACE)) {
            self.wire.closes(origin);
        }
        let (head, rest, at) = opened?;
        if let (407, Some(proxy)) = (head.status, proxy) {
            return Err(Failure::Connect(Stage::Proxy, proxy.refusal(head.status)));
        }
        self.ended.headers = Some(at);
        refuse_coding(&head)?;
        Ok((head, rest, alarm))
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
            let at = match self.read(socket, alarm, |read| bytes.extend_from_slice(read)).await? {
                Read::Bytes => self.last_read,
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
        framing: Framing,
        rest: &[u8],
        socket: &mut impl Incoming,
        alarm: &mut Alarm,
        tap: &mut impl Tap,
    ) -> Result<BodyEnd, Failure> {
        let mut flow = Flow::new(framing);
        flow.take(rest);
        loop {
            flow.mark(self.last_read, self.reads);
            let (is_over, is_terminal) = (flow.is_over(), flow.looks_terminal());
            if is_over || is_terminal || self.wants_decoding(flow.held()) {
                flow.offer(tap);
            }
            if is_terminal {
                // The decoder decides whether it is the end; then a server that holds the stream open does not delay us.
                alarm.set(self.wire.clock.now(), GRACE);
            }
            if is_over {
                let end = flow.end();
                flow.drain(tap).await;
                return end;
            }
            flow.expect(self.has_token);
            match self.read(socket, alarm, |bytes| flow.take(bytes)).await {
                Ok(Read::Bytes) => {}
                Ok(Read::End) | Err(Failure::Timeout(Stage::Idle)) if self.signals.is_done.load(Ordering::Acquire) => {
                    flow.drain(tap).await;
                    return Ok(BodyEnd::Stopped);
                }
                other => {
                    let end = flow.stopped(other);
                    flow.drain(tap).await;
                    return end;
                }
            }
        }
    }

    /// Until the first token every read is decoded at once, since a timer waits for it; later only full blocks.
    fn wants_decoding(&mut self, held: usize) -> bool {
        // What the decoding side found is asked for no longer than it is news: another thread's memory is dear.
        self.has_token = self.has_token || self.signals.has_token.load(Ordering::Acquire);
        held >= BLOCK || !self.has_token
    }

    /// One read, given to `take` and stamped when it returns.
    fn read<S: Incoming>(
        &mut self,
        socket: &mut S,
        alarm: &mut Alarm,
        mut take: impl FnMut(&[u8]),
    ) -> impl Future<Output = Result<Read, Failure>> {
        // The first time it is still awake from the read before this one.
        let mut awake = S::STAMPS_ITSELF.then_some(self.last_read);
        poll_fn(move |cx| {
            loop {
                let Poll::Ready(read) = socket.poll_some(cx, self.wire, &mut take) else {
                    ready!(alarm.poll(cx, awake.take()));
                    let now = self.wire.clock.now();
                    alarm.set(now, self.wait(now)?);
                    continue;
                };
                return Poll::Ready(Ok(self.noted(read)));
            }
        })
    }

    fn noted(&mut self, read: Result<(usize, Offset), Failure>) -> Read {
        match read {
            Ok((0, _)) => Read::End,
            Ok((_, at)) => {
                // Frames of HTTP/2 may share a read.
                self.reads += u32::from(at != self.last_read);
                self.last_read = at;
                Read::Bytes
            }
            Err(failure) => Read::Broken(failure),
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

/// What a read brought.
pub(super) enum Read {
    /// Bytes.
    Bytes,
    /// The end of the connection.
    End,
    /// The end of everything.
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
