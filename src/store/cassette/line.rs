//! The lines of a cassette's file.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::domain::ConnTimes;
use crate::domain::Offset;
use crate::domain::Stage;
use crate::domain::tape::Chunk;
use crate::domain::tape::Heard;
use crate::domain::tape::Label;
use crate::domain::tape::Sent;
use crate::domain::tape::Stop;
use crate::domain::tape::Tape;
use crate::store::format::intern;
use crate::text::Redactor;

/// Version of these lines.
const SCHEMA: u32 = 1;

/// Headers of a response that belong to the recorder's own session.
const PRIVATE: [&str; 2] = ["set-cookie", "set-cookie2"];

#[derive(Serialize, Deserialize)]
struct First {
    cassette: u32,
    label: BTreeMap<String, String>,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    #[serde(flatten)]
    body: Bytes,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Second {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ns: Option<u64>,
    headers: Vec<(String, String)>,
    reused: bool,
    http2: bool,
    proxied: bool,
    dns_ns: Option<u64>,
    tcp_ns: Option<u64>,
    tls_ns: Option<u64>,
    written_ns: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Piece {
    at_ns: u64,
    read: u32,
    #[serde(flatten)]
    bytes: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Last {
    end: String,
    at_ns: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    detail: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    message: String,
}

/// Bytes: text where they are text.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Bytes {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self { text: Some(text), base64: None },
            Err(error) => Self { text: None, base64: Some(STANDARD.encode(error.into_bytes())) },
        }
    }
}

impl TryFrom<Bytes> for Vec<u8> {
    type Error = String;
    fn try_from(bytes: Bytes) -> Result<Self, String> {
        match (bytes.text, bytes.base64) {
            (Some(text), None) => Ok(text.into_bytes()),
            (None, Some(text)) => STANDARD.decode(text).map_err(|error| format!("base64: {error}")),
            _ => Err("a piece has either `text` or `base64`".into()),
        }
    }
}

/// The file of an exchange, without secrets.
pub(super) fn text(label: &Label, mut tape: Tape, redactor: &Redactor) -> String {
    blot(&mut tape.chunks, redactor);
    let clean = |(name, value): (String, String)| (name, redactor.clean(&value));
    let body = match String::from_utf8(tape.sent.body) {
        Ok(text) => redactor.clean(&text).into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let first = First {
        cassette: SCHEMA,
        label: label.facts().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        method: tape.sent.method,
        url: redactor.clean(&tape.sent.url),
        headers: tape.sent.headers.into_iter().map(clean).collect(),
        body: body.into(),
    };
    let public = |(name, _): &(String, String)| !PRIVATE.contains(&name.as_str());
    let (status, at_ns) = tape.head.as_ref().map(|head| (head.status, head.at.0)).unzip();
    let headers = tape.head.map(|head| head.headers).unwrap_or_default();
    let ns = |at: Option<Offset>| at.map(|at| at.0);
    let second = Second {
        status,
        at_ns,
        headers: headers.into_iter().filter(public).map(clean).collect(),
        reused: tape.conn.reused,
        http2: tape.conn.http2,
        proxied: tape.conn.proxied,
        dns_ns: ns(tape.conn.dns),
        tcp_ns: ns(tape.conn.tcp),
        tls_ns: ns(tape.conn.tls),
        written_ns: ns(tape.written),
    };
    let pieces = tape.chunks.into_iter();
    let pieces = pieces.map(|chunk| json(&Piece { at_ns: chunk.at.0, read: chunk.read, bytes: chunk.bytes.into() }));
    let (end, detail, message) = words(tape.stop);
    let last = Last { end: end.into(), at_ns: tape.ended.0, detail, message: redactor.clean(&message) };
    let lines = [json(&first), json(&second)].into_iter().chain(pieces).chain([json(&last)]);
    lines.map(|line| line + "\n").collect()
}

fn json(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("strings, numbers and lists are always JSON")
}

/// Masks secrets even where a border between pieces cuts them.
fn blot(chunks: &mut [Chunk], redactor: &Redactor) {
    let mut whole: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect();
    if !redactor.blot(&mut whole) {
        return;
    }
    let mut rest = whole.as_slice();
    for chunk in chunks {
        let (own, after) = rest.split_at(chunk.bytes.len());
        chunk.bytes.copy_from_slice(own);
        rest = after;
    }
}

/// The label in a file's first line.
pub(super) fn label(line: &str) -> Option<BTreeMap<String, String>> {
    serde_json::from_str::<First>(line).ok().map(|first| first.label)
}

/// Reads a file.
pub(super) fn read(text: &str) -> Result<Tape, String> {
    let mut lines = text.lines();
    let first: First = parse(lines.next())?;
    if first.cassette > SCHEMA {
        return Err(format!("it has format {}, and this llmark reads up to {SCHEMA}", first.cassette));
    }
    let second: Second = parse(lines.next())?;
    let last: Last = parse(lines.next_back())?;
    let chunk = |line| {
        let piece: Piece = parse(Some(line))?;
        Ok(Chunk { at: Offset(piece.at_ns), read: piece.read, bytes: piece.bytes.try_into()? })
    };
    let at = |ns: Option<u64>| ns.map(Offset);
    let head = second.status.map(|status| Heard {
        at: Offset(second.at_ns.unwrap_or_default()),
        status,
        headers: second.headers,
    });
    Ok(Tape {
        sent: Sent { method: first.method, url: first.url, headers: first.headers, body: first.body.try_into()? },
        conn: ConnTimes {
            reused: second.reused,
            http2: second.http2,
            proxied: second.proxied,
            dns: at(second.dns_ns),
            tcp: at(second.tcp_ns),
            tls: at(second.tls_ns),
        },
        written: at(second.written_ns),
        head,
        chunks: lines.map(chunk).collect::<Result<_, String>>()?,
        ended: Offset(last.at_ns),
        stop: stop(last)?,
    })
}

fn parse<'a, T: Deserialize<'a>>(line: Option<&'a str>) -> Result<T, String> {
    let line = line.ok_or("it ends too early")?;
    serde_json::from_str(line).map_err(|error| {
        let start: String = line.chars().take(60).collect();
        format!("`{start}`: {error}")
    })
}

fn words(stop: Stop) -> (&'static str, String, String) {
    let (name, detail, message) = match stop {
        Stop::Clean => ("clean", "", String::new()),
        Stop::Cut => ("cut", "", String::new()),
        Stop::Capped(cap) => ("capped", cap, String::new()),
        Stop::Connect(stage, message) => ("connect", stage.name(), message),
        Stop::Timeout(stage) => ("timeout", stage.name(), String::new()),
        Stop::Reset(when) => ("reset", when, String::new()),
        Stop::Protocol(rule) => ("protocol", rule, String::new()),
    };
    (name, detail.to_owned(), message)
}

fn stop(last: Last) -> Result<Stop, String> {
    let stage = || stage(&last.detail);
    Ok(match last.end.as_str() {
        "clean" => Stop::Clean,
        "cut" => Stop::Cut,
        "capped" => Stop::Capped(intern(&last.detail)),
        "connect" => Stop::Connect(stage()?, last.message),
        "timeout" => Stop::Timeout(stage()?),
        "reset" => Stop::Reset(intern(&last.detail)),
        "protocol" => Stop::Protocol(intern(&last.detail)),
        other => return Err(format!("`{}` is no end of an exchange", Value::from(other))),
    })
}

fn stage(name: &str) -> Result<Stage, String> {
    let all = [Stage::Dns, Stage::Tcp, Stage::Proxy, Stage::Tls, Stage::FirstToken, Stage::Idle, Stage::Total];
    all.into_iter().find(|stage| stage.name() == name).ok_or_else(|| format!("`{name}` is no stage of an exchange"))
}
