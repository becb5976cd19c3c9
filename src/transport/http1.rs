//! HTTP/1.1 on the wire: request heads out, response heads and transfer codings in (RFC 9112).

use http::HeaderMap;
use url::Url;

use super::connect::Origin;
use super::proxy::Proxy;

/// Heads larger than this are refused.
pub const MAX_HEAD: usize = 256 * 1024;
const MAX_HEADERS: usize = 256;

/// The head of a POST (or of a GET when `body_len` is `None`).
///
/// A `proxy` that is to pass the request on learns from its target where it goes (RFC 9112, section 3.2.2).
pub fn request_head(
    url: &Url,
    origin: &Origin,
    proxy: Option<&Proxy>,
    headers: &HeaderMap,
    body_len: Option<u64>,
) -> Vec<u8> {
    let method = if body_len.is_some() { "POST" } else { "GET" };
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    let place = origin.authority();
    let (whole, login) = proxy.map_or_else(Default::default, |p| (format!("http://{place}"), p.login_line()));
    let head = format!("{method} {whole}{}{query} HTTP/1.1\r\nhost: {place}\r\n{login}", url.path());
    let mut head = head.into_bytes();
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    if let Some(len) = body_len {
        head.extend_from_slice(format!("content-length: {len}\r\n").as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// How the body of a response is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By its length.
    Length(u64),
    /// In chunks.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// A response head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// Status.
    pub status: u16,
    /// Headers with lower-case names, in order; values lossily as UTF-8.
    pub headers: Vec<(String, String)>,
    /// How the body is delimited.
    pub framing: Framing,
    /// The connection may serve another request afterwards.
    pub keep_alive: bool,
}

impl ResponseHead {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Parses a head from the start of `bytes`. `Ok(None)` needs more bytes; otherwise the head and its length.
///
/// # Errors
/// The rule that the bytes break.
pub fn parse_head(bytes: &[u8]) -> Result<Option<(ResponseHead, usize)>, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let config = &mut httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    match config.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(len)) => Ok(Some((head_of(&response)?, len))),
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD => Err("head_too_large"),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err("too_many_headers"),
        Err(_) => Err("not_http"),
    }
}

fn head_of(response: &httparse::Response<'_, '_>) -> Result<ResponseHead, &'static str> {
    let status = response.code.unwrap_or(0);
    let headers: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|h| (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).trim().to_owned()))
        .collect();
    let has = |name: &str, token: &str| {
        headers.iter().any(|(n, v)| n == name && v.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    let close = has("connection", "close") || response.version == Some(0) && !has("connection", "keep-alive");
    let framing = framing_of(status, &headers, has("transfer-encoding", "chunked"))?;
    let keep_alive = !close && framing != Framing::UntilClose;
    Ok(ResponseHead { status, headers, framing, keep_alive })
}

/// RFC 9112, section 6.3.
fn framing_of(status: u16, headers: &[(String, String)], chunked: bool) -> Result<Framing, &'static str> {
    if matches!(status, 100..=199 | 204 | 304) {
        return Ok(Framing::Length(0));
    }
    if chunked {
        return Ok(Framing::Chunked);
    }
    let mut lengths = headers.iter().filter(|(n, _)| n == "content-length").map(|(_, v)| v.parse::<u64>());
    match lengths.next() {
        None => Ok(Framing::UntilClose),
        Some(Ok(first)) if lengths.all(|other| other == Ok(first)) => Ok(Framing::Length(first)),
        Some(_) => Err("bad_content_length"),
    }
}

/// Takes the transfer coding off a body, whatever pieces it comes in.
#[derive(Debug)]
pub struct Body {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length(u64),
    UntilClose,
    /// In a chunk's size line; whether a digit was seen, and whether an extension is being skipped.
    Size {
        so_far: u64,
        digits: u8,
        skipping: bool,
    },
    Data(u64),
    /// After a chunk's data: its line end.
    DataEnd,
    /// In the trailer section; bytes of the current line so far.
    Trailer(u32),
    Done,
}

/// A chunk cannot be larger than this; a size line with more digits is nonsense.
const MAX_SIZE_DIGITS: u8 = 15;
const FRESH: State = State::Size { so_far: 0, digits: 0, skipping: false };

impl Body {
    /// A decoder for this framing.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(n) => State::Length(n),
            Framing::Chunked => FRESH,
            Framing::UntilClose => State::UntilClose,
        };
        Self { state }
    }

    /// The body is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the end of the connection is a proper end of the body.
    pub fn may_end_here(&self) -> bool {
        matches!(self.state, State::Done | State::UntilClose)
    }

    /// Decodes `bytes` and appends the content to `out`. Returns how many bytes were used: all, unless the body
    /// ended before them.
    ///
    /// # Errors
    /// The rule that the bytes break.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, &'static str> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Done {
            match self.state {
                State::UntilClose => {
                    out.extend_from_slice(&bytes[at..]);
                    at = bytes.len();
                }
                State::Length(left) | State::Data(left) => {
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    out.extend_from_slice(&bytes[at..at + n]);
                    at += n;
                    self.consumed(left - n as u64);
                }
                _ => {
                    self.state = self.framing_byte(bytes[at])?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    fn consumed(&mut self, left: u64) {
        self.state = match self.state {
            State::Length(_) if left == 0 => State::Done,
            State::Length(_) => State::Length(left),
            _ if left == 0 => State::DataEnd,
            _ => State::Data(left),
        };
    }

    fn framing_byte(&self, byte: u8) -> Result<State, &'static str> {
        Ok(match self.state {
            State::Size { so_far, digits, skipping } => size_byte(byte, so_far, digits, skipping)?,
            State::DataEnd if byte == b'\r' => State::DataEnd,
            State::DataEnd if byte == b'\n' => FRESH,
            State::DataEnd => return Err("chunk_end"),
            State::Trailer(0) if byte == b'\n' => State::Done,
            State::Trailer(_) if byte == b'\n' => State::Trailer(0),
            State::Trailer(n) if byte == b'\r' => State::Trailer(n),
            State::Trailer(n) if n as usize > MAX_HEAD => return Err("trailer_too_large"),
            State::Trailer(n) => State::Trailer(n + 1),
            state => state,
        })
    }
}

fn size_byte(byte: u8, so_far: u64, digits: u8, skipping: bool) -> Result<State, &'static str> {
    let digit = (byte as char).to_digit(16);
    Ok(match (byte, digit) {
        (b'\n', _) if digits == 0 => return Err("chunk_size"),
        (b'\n', _) if so_far == 0 => State::Trailer(0),
        (b'\n', _) => State::Data(so_far),
        _ if skipping => State::Size { so_far, digits, skipping },
        (b'\r' | b';' | b' ' | b'\t', _) if digits > 0 => State::Size { so_far, digits, skipping: true },
        (_, Some(value)) if digits < MAX_SIZE_DIGITS => {
            State::Size { so_far: so_far * 16 + u64::from(value), digits: digits + 1, skipping }
        }
        _ => return Err("chunk_size"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(framing: Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), &'static str> {
        let (mut body, mut out) = (Body::new(framing), Vec::new());
        for piece in pieces {
            body.feed(piece, &mut out)?;
        }
        Ok((out, body.is_done()))
    }

    const CHUNKED: &[u8] = b"5;ext=\"1\"\r\nhello\r\n0a \r\n0123456789\r\n0\r\nx-trailer: 1\r\n\r\n";

    #[test]
    fn chunks_decode_under_every_split() {
        for cut in 0..CHUNKED.len() {
            let (out, done) = decode(Framing::Chunked, &[&CHUNKED[..cut], &CHUNKED[cut..]]).unwrap();
            assert_eq!((out.as_slice(), done), (&b"hello0123456789"[..], true), "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = CHUNKED.chunks(1).collect();
        assert_eq!(decode(Framing::Chunked, &bytes).unwrap().0, b"hello0123456789");
    }

    #[test]
    fn a_cut_body_is_not_done() {
        for cut in 0..CHUNKED.len() - 1 {
            assert!(!decode(Framing::Chunked, &[&CHUNKED[..cut]]).unwrap().1, "cut at {cut}");
        }
        assert!(!decode(Framing::Length(3), &[b"ab"]).unwrap().1);
    }

    #[test]
    fn nonsense_sizes_are_refused() {
        for bad in [&b"zz\r\n"[..], b"\r\n", b"fffffffffffffffff\r\n", b"-1\r\n", b"3\r\nabcX"] {
            assert!(decode(Framing::Chunked, &[bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn heads_say_how_the_body_ends() {
        let head = |text: &str| parse_head(text.as_bytes()).map(|h| h.map(|(head, _)| (head.framing, head.keep_alive)));
        assert_eq!(head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), Ok(Some((Framing::Length(5), true))));
        assert_eq!(
            head("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            Ok(Some((Framing::Chunked, true)))
        );
        assert_eq!(head("HTTP/1.0 200 OK\r\n\r\n"), Ok(Some((Framing::UntilClose, false))));
        assert_eq!(head("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), Ok(Some((Framing::Length(0), false))));
        assert_eq!(
            head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
            Err("bad_content_length")
        );
        assert_eq!(head("HTTP/1.1 200 OK\r\nContent-"), Ok(None));
        assert_eq!(head("SSH-2.0-OpenSSH\r\n"), Err("not_http"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let _ = decode(Framing::Chunked, &pieces);
            let _ = parse_head(&pieces.concat());
        }
    }
}
