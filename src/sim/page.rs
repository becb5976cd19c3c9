//! Responses that are sent in one piece, and the head of those that are not.

use std::io;

use http::StatusCode;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::clock;

/// A response that is sent in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    /// Further headers.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Page {
    /// A JSON response.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { status, content_type: "application/json", headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends it.
    pub(super) async fn send(&self, stream: &mut TcpStream, keep_alive: bool) -> io::Result<()> {
        let mut bytes = head(self.status, self.content_type, &self.headers);
        bytes.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        bytes.extend_from_slice(if keep_alive { b"\r\n" } else { b"connection: close\r\n\r\n" });
        bytes.extend_from_slice(&self.body);
        stream.write_all(&bytes).await
    }
}

/// The head of a response, without its last headers and the blank line.
pub(super) fn head(status: u16, content_type: &str, headers: &[(&'static str, String)]) -> Vec<u8> {
    let reason = StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()).unwrap_or("Overloaded");
    let date = clock::date();
    let mut text =
        format!("HTTP/1.1 {status} {reason}\r\nserver: llmark-sim\r\ndate: {date}\r\ncontent-type: {content_type}\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.into_bytes()
}
