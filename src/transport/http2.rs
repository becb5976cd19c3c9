//! HTTP/2: one connection per server and I/O thread, shared by its streams (RFC 9113).
//!
//! Over TLS by ALPN, over plain TCP by prior knowledge. A stamp is the time of the connection's latest read when a
//! stream takes what arrived for it: frames that one read brought share it. Bodies take the road of HTTP/1.1 bodies.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use h2::Reason;
use h2::RecvStream;
use h2::SendStream;
use h2::client::ResponseFuture;
use h2::client::SendRequest;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::Uri;
use http::Version;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::time::timeout;

use super::alarm::Alarm;
use super::connect::Origin;
use super::exchange::Exchange;
use super::exchange::Failure;
use super::exchange::Incoming;
use super::exchange::Tap;
use super::exchange::refuse_coding;
use super::exchange::summary;
use super::http1::Framing;
use super::http1::MAX_HEAD;
use super::http1::ResponseHead;
use super::pool::Wire;
use super::socket::Socket;
use crate::domain::Clock;
use crate::domain::Offset;
use crate::domain::Stage;
use crate::provider::End;
use crate::provider::WireRequest;

/// What a server may send on a stream before we take it. Never the limit: a stream is read as fast as it arrives.
const STREAM_WINDOW: u32 = 16 << 20;
/// The same for all streams of a connection; the largest that the protocol has.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// A connection on which further streams can be opened.
#[derive(Clone)]
pub(super) struct Link {
    send: SendRequest<Bytes>,
    read_at: Rc<Cell<Offset>>,
}

/// What is known of a server that was asked for HTTP/2.
#[derive(Default)]
pub(super) enum Known {
    /// Nothing yet, or its connection ended.
    #[default]
    Nothing,
    /// It chose HTTP/1.1 in the handshake.
    Http1,
    /// A connection to it.
    Http2(Link),
}

/// A way to a server.
pub(super) enum Way {
    /// It chose HTTP/1.1.
    Http1(Socket),
    /// HTTP/2.
    Http2(Link),
}

impl Exchange<'_> {
    /// The shared connection to a server, or a new one. Whoever comes first connects, the others wait for it.
    pub(super) async fn way_of_http2(&mut self, origin: &Origin, reuse: bool) -> Result<Way, Failure> {
        if !reuse {
            return self.dial(origin).await;
        }
        let shared = self.wire.known(origin);
        let late = Failure::Timeout(Stage::Tcp);
        let mut known = timeout(self.timers.connect, shared.lock()).await.map_err(|_| late)?;
        match &*known {
            Known::Nothing => {}
            Known::Http1 => {
                drop(known);
                return self.socket(origin, reuse).await.map(Way::Http1);
            }
            Known::Http2(link) => {
                // Fails once the connection ended or the server said that it takes no more streams.
                if let Ok(send) = link.send.clone().ready().await {
                    self.ended.conn.reused = true;
                    self.ended.conn.http2 = true;
                    return Ok(Way::Http2(Link { send, read_at: Rc::clone(&link.read_at) }));
                }
            }
        }
        let way = self.dial(origin).await?;
        *known = match &way {
            Way::Http1(_) => Known::Http1,
            Way::Http2(link) => Known::Http2(link.clone()),
        };
        Ok(way)
    }

    async fn dial(&mut self, origin: &Origin) -> Result<Way, Failure> {
        let socket = self.connect(origin, true).await?;
        if origin.tls && !socket.speaks_http2() {
            return Ok(Way::Http1(socket));
        }
        let read_at = Rc::new(Cell::new(self.wire.clock.now()));
        let stamped = Stamped { socket, clock: Arc::clone(&self.wire.clock), read_at: Rc::clone(&read_at) };
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        builder.max_header_list_size(MAX_HEAD as u32).enable_push(false);
        // How many streams it takes, the server says first.
        builder.initial_max_send_streams(1);
        let (send, connection) = builder.handshake(stamped).await.map_err(|e| broken(&e, "before_headers"))?;
        // Its end shows on its streams.
        tokio::task::spawn_local(async move { drop(connection.await) });
        self.ended.conn.http2 = true;
        Ok(Way::Http2(Link { send, read_at }))
    }

    /// One exchange as a stream of a connection.
    pub(super) async fn over_http2(
        &mut self,
        mut link: Link,
        origin: &Origin,
        tap: &mut impl Tap,
    ) -> Result<End, Failure> {
        let mut alarm = self.alarm();
        let request = request_head(self.request, origin).ok_or(Failure::Protocol("url"))?;
        let opened = link.send.send_request(request, self.request.body.is_empty());
        let (response, body) = opened.map_err(|e| broken(&e, "before_headers"))?;
        tokio::select! {
            // A server that refuses the body answers; the answer is worth more than our broken stream.
            _ = push(body, &self.request.body) => {}
            () = alarm.ring() => return Err(Failure::Timeout(Stage::FirstToken)),
        }
        // Handed to the connection, which writes it in its next turn.
        self.ended.written = Some(self.wire.clock.now());
        self.last_read = self.wire.clock.now();
        let response = self.response(response, &mut alarm).await?;
        self.last_read = link.read_at.get();
        self.reads += 1;
        self.ended.headers = Some(self.last_read);
        let (parts, stream) = response.into_parts();
        let head = response_head(&parts);
        refuse_coding(&head)?;
        tap.head(summary(&head));
        let mut frames = Frames { stream, read_at: link.read_at, end: None };
        let end = self.body(head.framing, &[], &mut frames, &mut alarm, tap).await?;
        Ok(end.into())
    }

    async fn response(
        &self,
        mut response: ResponseFuture,
        alarm: &mut Alarm,
    ) -> Result<http::Response<RecvStream>, Failure> {
        loop {
            let ready = poll_fn(|cx| match Pin::new(&mut response).poll(cx) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending => alarm.poll(cx, None).map(|()| None),
            });
            if let Some(result) = ready.await {
                return result.map_err(|e| broken(&e, "before_headers"));
            }
            let now = self.wire.clock.now();
            alarm.set(now, self.wait(now)?);
        }
    }
}

fn request_head(request: &WireRequest, origin: &Origin) -> Option<Request<()>> {
    let url = &request.url;
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    let uri = Uri::builder().scheme(url.scheme()).authority(origin.authority());
    let mut head = Request::new(());
    *head.uri_mut() = uri.path_and_query(format!("{}{query}", url.path())).build().ok()?;
    *head.method_mut() = if request.body.is_empty() { Method::GET } else { Method::POST };
    *head.version_mut() = Version::HTTP_2;
    *head.headers_mut() = request.headers.clone();
    let length: usize = request.body.iter().map(Bytes::len).sum();
    if length > 0 {
        head.headers_mut().insert("content-length", HeaderValue::from(length));
    }
    Some(head)
}

fn response_head(parts: &http::response::Parts) -> ResponseHead {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
    ResponseHead {
        status: parts.status.as_u16(),
        headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        // The stream's own end is the body's.
        framing: Framing::UntilClose,
        keep_alive: true,
    }
}

/// Sends a body as far as the server takes it.
async fn push(mut stream: SendStream<Bytes>, pieces: &[Bytes]) -> Result<(), h2::Error> {
    for (n, piece) in pieces.iter().enumerate() {
        let mut rest = piece.clone();
        while !rest.is_empty() {
            stream.reserve_capacity(rest.len());
            let granted = poll_fn(|cx| stream.poll_capacity(cx)).await.transpose()?.unwrap_or(0);
            let now = rest.split_to(granted.min(rest.len()));
            let is_last = rest.is_empty() && n + 1 == pieces.len();
            stream.send_data(now, is_last)?;
        }
    }
    Ok(())
}

/// What a failed stream means.
fn broken(error: &h2::Error, when: &'static str) -> Failure {
    if error.is_library() {
        Failure::Protocol("http2")
    } else if error.is_go_away() {
        Failure::Reset("go_away")
    } else if error.reason() == Some(Reason::REFUSED_STREAM) {
        Failure::Reset("refused_stream")
    } else {
        Failure::Reset(when)
    }
}

/// The frames of one stream.
struct Frames {
    stream: RecvStream,
    read_at: Rc<Cell<Offset>>,
    /// How it ended, told after what came before.
    end: Option<Result<(), h2::Error>>,
}

impl Incoming for Frames {
    const STAMPS_ITSELF: bool = false;

    fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        _wire: &Wire,
        take: &mut impl FnMut(&[u8]),
    ) -> Poll<Result<(usize, Offset), Failure>> {
        let mut taken = 0;
        while self.end.is_none() {
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(bytes))) => {
                    // Fails only where the stream is gone, which the next turn tells.
                    let _ = self.stream.flow_control().release_capacity(bytes.len());
                    taken += bytes.len();
                    take(&bytes);
                }
                Poll::Ready(Some(Err(error))) => self.end = Some(Err(error)),
                Poll::Ready(None) => self.end = Some(Ok(())),
                Poll::Pending => break,
            }
        }
        match (taken, &self.end) {
            (0, None) => Poll::Pending,
            (0, Some(Err(error))) => Poll::Ready(Err(broken(error, "mid_stream"))),
            (n, _) => Poll::Ready(Ok((n, self.read_at.get()))),
        }
    }
}

/// A socket that remembers when it was last read from.
struct Stamped {
    socket: Socket,
    clock: Arc<dyn Clock>,
    read_at: Rc<Cell<Offset>>,
}

impl AsyncRead for Stamped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ready = Pin::new(&mut this.socket).poll_read(cx, buf);
        if ready.is_ready() {
            this.read_at.set(this.clock.now());
        }
        ready
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
