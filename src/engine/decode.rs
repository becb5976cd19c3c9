//! The decoding thread: raw blocks to events and replies, away from the threads that stamp.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::TrySendError;

use crate::domain::Channel;
use crate::domain::Flag;
use crate::domain::Outcome;
use crate::domain::Stage;
use crate::domain::WireEvent;
use crate::provider::Decoded;
use crate::provider::Decoder;
use crate::provider::End;
use crate::provider::Head;
use crate::transport::Block;
use crate::transport::Ended;
use crate::transport::Failure;
use crate::transport::Framed;
use crate::transport::Framer;
use crate::transport::Mark;
use crate::transport::Signals;
use crate::transport::Tap;

/// What the I/O threads tell the decoding thread. `T` is whatever the engine needs back with the result.
pub enum Msg<T> {
    /// A stream begins.
    Open(u64, Box<Stream<T>>),
    /// Its head arrived.
    Head(u64, Head),
    /// A piece of its body arrived.
    Block(u64, Block),
    /// It is over.
    Close(u64, Box<Ended>),
}

/// A stream being decoded.
pub struct Stream<T> {
    /// Handed back with the result.
    pub ticket: T,
    /// The protocol's decoder.
    pub decoder: Box<dyn Decoder>,
    /// Tells the I/O thread what was found.
    pub signals: Arc<Signals>,
    /// A stream was asked for.
    pub stream: bool,
    /// The decoding state.
    pub state: State,
}

/// What was decoded so far.
#[derive(Default)]
pub struct State {
    head: Option<Head>,
    framer: Framer,
    events: Vec<WireEvent>,
    /// The body where it is no event stream.
    body: Vec<u8>,
    body_marks: Vec<Mark>,
    sniffed: Option<bool>,
}

/// A response decoded, with its times.
pub struct Finished<T> {
    /// What was handed over with the stream.
    pub ticket: T,
    /// Times and end.
    pub ended: Ended,
    /// HTTP status.
    pub head: Option<Head>,
    /// Events in order.
    pub events: Vec<WireEvent>,
    /// What was said and how it ended.
    pub decoded: Decoded,
}

/// The I/O side of the channel to the decoding thread.
pub struct ToDecoder<T> {
    /// The stream's number.
    pub key: u64,
    /// The channel, bounded.
    pub sender: SyncSender<Msg<T>>,
    /// Raised when the channel was full: the decoder lags.
    pub overflow: Arc<AtomicBool>,
}

impl<T> Tap for ToDecoder<T> {
    fn head(&mut self, head: Head) {
        // A head is small and comes once per stream: waiting here is bounded by the decoder's next message.
        let _ = self.sender.send(Msg::Head(self.key, head));
    }

    fn block(&mut self, block: Block) -> Result<(), Block> {
        match self.sender.try_send(Msg::Block(self.key, block)) {
            Err(TrySendError::Full(Msg::Block(_, block))) => {
                self.overflow.store(true, Ordering::Relaxed);
                Err(block)
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Decodes until all senders are gone. The thread gives way to others of this process: a reply may be decoded late, a
/// read must not be stamped late.
pub fn run<T>(inbox: &Receiver<Msg<T>>, mut done: impl FnMut(Finished<T>)) {
    give_way();
    let mut streams: HashMap<u64, Box<Stream<T>>> = HashMap::new();
    while let Ok(msg) = inbox.recv() {
        match msg {
            Msg::Open(key, stream) => {
                streams.insert(key, stream);
            }
            Msg::Head(key, head) => {
                if let Some(stream) = streams.get_mut(&key) {
                    stream.state.head = Some(head);
                }
            }
            Msg::Block(key, block) => {
                if let Some(stream) = streams.get_mut(&key) {
                    stream.decode(&block);
                }
            }
            Msg::Close(key, ended) => {
                if let Some(stream) = streams.remove(&key) {
                    done((*stream).close(*ended));
                }
            }
        }
    }
}

/// Lets the threads that stamp go before the calling one where processors are scarce. On Linux the niceness is a
/// thread's own; where it is refused, all are equal.
pub(super) fn give_way() {
    let _ = rustix::process::nice(NICER);
}

/// A third of the processor time of a thread that does not give way.
const NICER: i32 = 5;

impl<T> Stream<T> {
    fn decode(&mut self, block: &Block) {
        let mut from = 0;
        for mark in &block.marks {
            let bytes = &block.bytes[from..mark.end as usize];
            from = mark.end as usize;
            if self.is_event_stream(bytes) {
                self.frame(bytes, *mark);
            } else {
                self.state.body.extend_from_slice(bytes);
                self.state.body_marks.push(Mark { end: self.state.body.len() as u32, ..*mark });
            }
        }
        self.signals.has_token.fetch_or(self.decoder.has_token(), Ordering::Release);
        self.signals.is_done.fetch_or(self.decoder.is_done(), Ordering::Release);
    }

    /// By the content type; where it says nothing, by the first bytes.
    fn is_event_stream(&mut self, bytes: &[u8]) -> bool {
        if let Some(known) = self.state.sniffed {
            return known;
        }
        let head = self.state.head.as_ref();
        let content_type = head.map(|h| h.content_type.as_str()).unwrap_or_default();
        let declared = content_type.starts_with("text/event-stream");
        let other = content_type.contains("json") || content_type.contains("html");
        let success = head.is_some_and(|h| (200..300).contains(&h.status));
        let looks = [&b"data:"[..], b"event:", b":", b"id:", b"retry:"].iter().any(|p| bytes.starts_with(p));
        let is_stream = success && (declared || (!other && self.stream && looks));
        self.state.sniffed = Some(is_stream);
        is_stream
    }

    fn frame(&mut self, bytes: &[u8], mark: Mark) {
        let (decoder, events) = (&mut self.decoder, &mut self.state.events);
        let mut found = Vec::new();
        self.state.framer.feed(bytes, &mut |framed| step(&mut **decoder, framed, mark, &mut found, events));
    }

    fn close(mut self, ended: Ended) -> Finished<T> {
        let last = self.state.events.last().map_or(Mark { at: ended.ended, read: 0, end: 0 }, |e| Mark {
            at: e.at,
            read: e.read,
            end: 0,
        });
        let (decoder, events) = (&mut self.decoder, &mut self.state.events);
        let mut found = Vec::new();
        self.state.framer.end(&mut |framed| step(&mut **decoder, framed, last, &mut found, events));
        if !self.state.body.is_empty() {
            let at = self.state.body_marks.last().copied().unwrap_or(last);
            self.decoder.body(&self.state.body, &mut found);
            note(&mut found, at, &mut self.state.events);
        }
        let notes = self.state.framer.notes();
        let is_done = self.decoder.is_done();
        let mut response = finish(self.decoder, self.state.head.as_ref(), &ended, is_done);
        add(&mut response.reply.flags, Flag::Repaired, notes.repaired);
        add(&mut response.reply.flags, Flag::MissingFinalBlank, notes.missing_final_blank);
        let success = self.state.head.as_ref().is_some_and(|head| (200..300).contains(&head.status));
        add(&mut response.reply.flags, Flag::NotStreamed, self.stream && !self.state.body.is_empty());
        // An error is no answer that should have been streamed.
        response.reply.flags.retain(|flag| success || *flag != Flag::NotStreamed);
        if notes.too_large {
            response.outcome = Outcome::ProtocolError;
            response.detail = "event_too_large".into();
        }
        Finished { ticket: self.ticket, ended, head: self.state.head, events: self.state.events, decoded: response }
    }
}

fn add(flags: &mut Vec<Flag>, flag: Flag, raised: bool) {
    if raised && !flags.contains(&flag) {
        flags.push(flag);
    }
}

fn step(
    decoder: &mut dyn Decoder,
    framed: Framed<'_>,
    mark: Mark,
    found: &mut Vec<(Channel, u32)>,
    events: &mut Vec<WireEvent>,
) {
    match framed {
        Framed::Event { name, data } => decoder.event(name, data, found),
        // Comments prove that the server lives; a million of them must not cost a million entries.
        Framed::Comment if events.last().is_some_and(|e| e.channel == Channel::Ping) => return,
        Framed::Comment => found.push((Channel::Ping, 0)),
    }
    note(found, mark, events);
}

fn note(found: &mut Vec<(Channel, u32)>, mark: Mark, events: &mut Vec<WireEvent>) {
    events.extend(found.drain(..).map(|(channel, bytes)| WireEvent { at: mark.at, read: mark.read, channel, bytes }));
}

/// The exchange's own end outranks what was decoded before it, unless the terminal event had been seen.
fn finish(decoder: Box<dyn Decoder>, head: Option<&Head>, ended: &Ended, is_done: bool) -> Decoded {
    let nothing = Head::default();
    let failure = match &ended.end {
        Ok(end) => return decoder.finish(head.unwrap_or(&nothing), if is_done { End::Clean } else { *end }),
        Err(failure) => failure,
    };
    let response = decoder.finish(head.unwrap_or(&nothing), if is_done { End::Clean } else { End::Cut });
    if is_done && *failure != Failure::Cancelled {
        return response;
    }
    let (outcome, detail, message) = classify(failure);
    Decoded { outcome, detail: detail.into(), message, ..response }
}

/// Detail of an exchange that was to be played and was never recorded.
pub const UNRECORDED: &str = "not_recorded";

fn classify(failure: &Failure) -> (Outcome, &'static str, String) {
    match failure {
        Failure::Connect(stage, message) => (Outcome::ConnectError, stage.name(), message.clone()),
        Failure::Timeout(stage @ (Stage::Dns | Stage::Tcp | Stage::Proxy | Stage::Tls)) => {
            (Outcome::Timeout, "connect", format!("no connection in time: stuck in {}", stage.name()))
        }
        Failure::Timeout(stage) => (Outcome::Timeout, stage.name(), format!("the {} timer fired", stage.name())),
        Failure::Reset(when) => (Outcome::Reset, when, format!("the connection broke: {when}")),
        Failure::Protocol(rule @ "http2") => {
            let message =
                "the server does not keep to HTTP/2; if it speaks HTTP/1.1 alone, take `http: 2` from its target";
            (Outcome::ProtocolError, rule, message.into())
        }
        Failure::Protocol(rule) => {
            (Outcome::ProtocolError, rule, format!("the response breaks a rule of HTTP: {rule}"))
        }
        Failure::Unrecorded(why) => (Outcome::ConnectError, UNRECORDED, why.clone()),
        Failure::Cancelled => (Outcome::Cancelled, "cancelled", "stopped by us".into()),
    }
}
