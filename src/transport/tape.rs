//! Exchanges recorded as they happen, and played back through the same tap.

use std::time::Duration;

use tokio::time::Instant;
use tokio::time::sleep_until;

use super::Wire;
use super::exchange::Ended;
use super::exchange::Failure;
use super::exchange::Tap;
use super::flow::drain;
use super::raw::Block;
use super::raw::Mark;
use crate::domain::Clock;
use crate::domain::ConnTimes;
use crate::domain::Offset;
use crate::domain::tape::Chunk;
use crate::domain::tape::Heard;
use crate::domain::tape::Sent;
use crate::domain::tape::Stop;
use crate::domain::tape::Tape;
use crate::provider::End;
use crate::provider::Head;
use crate::provider::WireRequest;

/// A tap that keeps what flows through it.
pub struct Taping<'a, T> {
    tap: &'a mut T,
    head: Option<Head>,
    chunks: Vec<Chunk>,
}

impl<T: Tap> Tap for Taping<'_, T> {
    fn head(&mut self, head: Head) {
        self.head = Some(head.clone());
        self.tap.head(head);
    }

    fn block(&mut self, block: Block) -> Result<(), Block> {
        let mut from = 0;
        let chunks = block.marks.iter().map(|mark| {
            let bytes = block.bytes[from..mark.end as usize].to_vec();
            from = mark.end as usize;
            Chunk { at: mark.at, read: mark.read, bytes }
        });
        let chunks: Vec<Chunk> = chunks.collect();
        // What is given back comes again.
        self.tap.block(block)?;
        self.chunks.extend(chunks);
        Ok(())
    }
}

impl<'a, T: Tap> Taping<'a, T> {
    /// Keeps what goes to `tap`.
    pub fn new(tap: &'a mut T) -> Self {
        Self { tap, head: None, chunks: Vec::new() }
    }

    /// The recording of an exchange that ended so; none of one that we stopped ourselves.
    pub fn tape(self, request: &WireRequest, ended: &Ended) -> Option<Tape> {
        let since = |at: Offset| Offset(at.0.saturating_sub(ended.sent.0));
        let head = self.head.map(|head| Heard {
            at: since(ended.headers.unwrap_or(ended.ended)),
            status: head.status,
            headers: head.headers,
        });
        let chunks = self.chunks.into_iter().map(|chunk| Chunk { at: since(chunk.at), ..chunk });
        Some(Tape {
            sent: sent(request),
            conn: shifted(ended.conn, since),
            written: ended.written.map(since),
            head,
            chunks: chunks.collect(),
            ended: since(ended.ended),
            stop: stop(&ended.end)?,
        })
    }
}

fn sent(request: &WireRequest) -> Sent {
    let shown = |value: &http::HeaderValue| {
        if value.is_sensitive() {
            crate::text::secret::MASK.to_owned()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        }
    };
    Sent {
        method: if request.body.is_empty() { "GET" } else { "POST" }.to_owned(),
        url: request.url.to_string(),
        headers: request.headers.iter().map(|(name, value)| (name.to_string(), shown(value))).collect(),
        body: request.body.concat(),
    }
}

fn shifted(conn: ConnTimes, shift: impl Fn(Offset) -> Offset) -> ConnTimes {
    ConnTimes { dns: conn.dns.map(&shift), tcp: conn.tcp.map(&shift), tls: conn.tls.map(&shift), ..conn }
}

fn stop(end: &Result<End, Failure>) -> Option<Stop> {
    Some(match end {
        Ok(End::Clean) => Stop::Clean,
        Ok(End::Cut) => Stop::Cut,
        Ok(End::Capped(cap)) => Stop::Capped(cap),
        Err(Failure::Connect(stage, message)) => Stop::Connect(*stage, message.clone()),
        Err(Failure::Timeout(stage)) => Stop::Timeout(*stage),
        Err(Failure::Reset(when)) => Stop::Reset(when),
        Err(Failure::Protocol(rule)) => Stop::Protocol(rule),
        Err(Failure::Cancelled | Failure::Unrecorded(_)) => return None,
    })
}

fn end(stop: &Stop) -> Result<End, Failure> {
    match stop {
        Stop::Clean => Ok(End::Clean),
        Stop::Cut => Ok(End::Cut),
        Stop::Capped(cap) => Ok(End::Capped(cap)),
        Stop::Connect(stage, message) => Err(Failure::Connect(*stage, message.clone())),
        Stop::Timeout(stage) => Err(Failure::Timeout(*stage)),
        Stop::Reset(when) => Err(Failure::Reset(when)),
        Stop::Protocol(rule) => Err(Failure::Protocol(rule)),
    }
}

/// How fast a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// As it was recorded.
    Recorded,
    /// Without waiting.
    Max,
}

/// Plays a recording: the same pieces through the same tap. Stamps are the recorded ones, whatever the speed, counted
/// from now.
pub async fn play(wire: &Wire, tape: &Tape, speed: Speed, tap: &mut impl Tap) -> Ended {
    let sent = wire.clock.now();
    let at = |offset: Offset| sent.plus(Duration::from_nanos(offset.0));
    let is_played = tokio::select! {
        biased;
        () = wire.halted() => false,
        () = feed(tape, speed, at, tap) => true,
    };
    Ended {
        sent,
        written: tape.written.map(at),
        conn: shifted(tape.conn, at),
        headers: tape.head.as_ref().map(|head| at(head.at)),
        ended: if is_played { at(tape.ended) } else { wire.clock.now() },
        end: if is_played { end(&tape.stop) } else { Err(Failure::Cancelled) },
    }
}

async fn feed(tape: &Tape, speed: Speed, at: impl Fn(Offset) -> Offset, tap: &mut impl Tap) {
    let start = Instant::now();
    let wait = async |offset: Offset| {
        if speed == Speed::Recorded {
            sleep_until(start + Duration::from_nanos(offset.0)).await;
        }
    };
    if let Some(head) = &tape.head {
        wait(head.at).await;
        let kind = head.headers.iter().find(|(name, _)| name == "content-type");
        let content_type = kind.map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default();
        tap.head(Head { status: head.status, content_type, headers: head.headers.clone() });
    }
    for chunk in &tape.chunks {
        wait(chunk.at).await;
        let end = chunk.bytes.len() as u32;
        let marks = vec![Mark { at: at(chunk.at), read: chunk.read, end }];
        drain(tap, Block { bytes: chunk.bytes.clone(), marks }).await;
    }
    wait(tape.ended).await;
}

/// What an exchange comes to that nobody recorded.
pub fn unrecorded(clock: &dyn Clock, why: String) -> Ended {
    let now = clock.now();
    Ended {
        sent: now,
        written: None,
        conn: ConnTimes::default(),
        headers: None,
        ended: now,
        end: Err(Failure::Unrecorded(why)),
    }
}
