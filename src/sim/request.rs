//! HTTP/1.1 requests from raw bytes, with limits. Written out here because the simulator must control every byte.

use std::io;

use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Longest request head.
const LONGEST_HEAD: usize = 64 << 10;
/// Longest request body.
const LONGEST_BODY: usize = 64 << 20;

/// One request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path without query.
    pub(super) path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The connection stays open afterwards.
    pub(super) keep_alive: bool,
}

impl Request {
    /// The first header of this lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no request.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The client closed the connection, or it broke.
    Gone,
    /// The bytes are no request that is served: status and reason.
    Bad(u16, &'static str),
}

impl From<io::Error> for Unreadable {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Bytes that arrived and were not used yet; what follows a request is the next one (pipelining).
#[derive(Debug, Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
}

impl Incoming {
    /// Reads one request.
    pub(super) async fn read(&mut self, stream: &mut TcpStream) -> Result<Request, Unreadable> {
        let end = self.head(stream).await?;
        let head: Vec<u8> = self.bytes.drain(..end).collect();
        let mut request = parse(&head).map_err(|reason| Unreadable::Bad(400, reason))?;
        if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        request.body = match request.header("transfer-encoding") {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => self.chunked(stream).await?,
            Some(_) => return Err(Unreadable::Bad(501, "only chunked transfer coding is served")),
            None => self.sized(stream, &request).await?,
        };
        Ok(request)
    }

    async fn head(&mut self, stream: &mut TcpStream) -> Result<usize, Unreadable> {
        let mut seen = 0;
        loop {
            if let Some(at) = find(&self.bytes[seen..], b"\r\n\r\n") {
                return Ok(seen + at + 4);
            }
            if self.bytes.len() > LONGEST_HEAD {
                return Err(Unreadable::Bad(431, "the request head is longer than 64 KiB"));
            }
            seen = self.bytes.len().saturating_sub(3);
            self.more(stream).await?;
        }
    }

    async fn sized(&mut self, stream: &mut TcpStream, request: &Request) -> Result<Vec<u8>, Unreadable> {
        let length = request.header("content-length").unwrap_or("0");
        let length: usize = length.parse().map_err(|_| Unreadable::Bad(400, "content-length is not a number"))?;
        if length > LONGEST_BODY {
            return Err(Unreadable::Bad(413, "the request body is longer than 64 MiB"));
        }
        self.take(stream, length).await
    }

    async fn chunked(&mut self, stream: &mut TcpStream) -> Result<Vec<u8>, Unreadable> {
        let mut body = Vec::new();
        loop {
            let line = self.line(stream).await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| Unreadable::Bad(400, "a chunk size is not hex"))?;
            if size > LONGEST_BODY || body.len() + size > LONGEST_BODY {
                return Err(Unreadable::Bad(413, "the request body is longer than 64 MiB"));
            }
            if size == 0 {
                while !self.line(stream).await?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(stream, size).await?);
            self.line(stream).await?;
        }
    }

    async fn line(&mut self, stream: &mut TcpStream) -> Result<String, Unreadable> {
        loop {
            if let Some(at) = find(&self.bytes, b"\r\n") {
                let line: Vec<u8> = self.bytes.drain(..at + 2).take(at).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if self.bytes.len() > LONGEST_HEAD {
                return Err(Unreadable::Bad(400, "a line inside the request body is too long"));
            }
            self.more(stream).await?;
        }
    }

    async fn take(&mut self, stream: &mut TcpStream, length: usize) -> Result<Vec<u8>, Unreadable> {
        while self.bytes.len() < length {
            self.more(stream).await?;
        }
        Ok(self.bytes.drain(..length).collect())
    }

    async fn more(&mut self, stream: &mut TcpStream) -> Result<(), Unreadable> {
        self.bytes.reserve(2 << 10);
        if stream.read_buf(&mut self.bytes).await? == 0 { Err(Unreadable::Gone) } else { Ok(()) }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

fn parse(head: &[u8]) -> Result<Request, &'static str> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("the request line is not `METHOD TARGET VERSION`");
    };
    if !version.starts_with("HTTP/1.") {
        return Err("only HTTP/1.1 is served");
    }
    let mut headers = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or("a header line has no colon")?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let mut request = Request { method: method.to_owned(), path, headers, ..Request::default() };
    let connection = request.header("connection").unwrap_or_default().to_ascii_lowercase();
    request.keep_alive =
        if version == "HTTP/1.0" { connection.contains("keep-alive") } else { !connection.contains("close") };
    Ok(request)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    #[test]
    fn heads_are_parsed() {
        let request = parse(b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: x\r\nX-API-Key:  k \r\n\r\n").unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/messages"));
        assert_eq!((request.header("x-api-key"), request.keep_alive), (Some("k"), true));
        assert!(!parse(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap().keep_alive);
        assert!(!parse(b"GET / HTTP/1.0\r\n\r\n").unwrap().keep_alive);
        for bad in [&b"GET /\r\n\r\n"[..], b"GET / HTTP/2\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b""] {
            assert!(parse(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_head_is_survived(head: Vec<u8>) {
            let _outcome = parse(&head);
        }
    }
}
