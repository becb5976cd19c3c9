//! What real sockets do to a response: cuts, resets, silences, redirects, foreign pages. Each row has its own outcome.

use std::sync::mpsc::channel;
use std::time::Duration;

use llmark::domain::Outcome;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::support::asking::Asking;

/// What the server does after it has read the request.
#[derive(Clone)]
enum Act {
    Write(String),
    Close,
    Reset,
    Hold,
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn event(json: &str) -> String {
    format!("data: {json}\n\n")
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn content() -> String {
    event(r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#)
}

fn stop() -> String {
    event(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#) + "data: [DONE]\n\n"
}

fn page(status: &str, content_type: &str, body: &str) -> Vec<Act> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    vec![Act::Write(head + body), Act::Close]
}

/// Starts a server that plays the acts to its first connection; returns its port.
fn serve(acts: Vec<Act>) -> u16 {
    let (told, port) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap().port()).unwrap();
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let _ = socket.read(&mut request).await;
            for act in acts {
                match act {
                    Act::Write(text) => {
                        let _ = socket.write_all(text.as_bytes()).await;
                        let _ = socket.flush().await;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Act::Close => return,
                    Act::Reset => {
                        socket.set_zero_linger().unwrap();
                        return;
                    }
                    Act::Hold => tokio::time::sleep(Duration::from_secs(3)).await,
                }
            }
        });
    });
    port.recv().unwrap()
}

/// How one request for a stream ends against a server on this port.
fn ask(port: u16) -> (Outcome, String, Duration) {
    told(&asking(port))
}

fn asking(port: u16) -> Asking {
    Asking::at(format!("http://127.0.0.1:{port}/v1/chat/completions"))
}

fn told(asking: &Asking) -> (Outcome, String, Duration) {
    let seen = asking.once();
    (seen.outcome, seen.detail, seen.took)
}

#[track_caller]
fn check(what: &str, acts: Vec<Act>, outcome: Outcome, detail: &str) {
    let (found, why, _) = ask(serve(acts));
    assert_eq!((found, why.contains(detail)), (outcome, true), "{what}: {found} {why}");
}

#[test]
fn ends_of_a_connection_have_their_own_outcomes() {
    let w = |text: String| Act::Write(text);
    let whole = chunk(&(content() + &stop())) + "0\r\n\r\n";
    check("complete", vec![w(CHUNKED.into()), w(whole.clone()), Act::Close], Outcome::Ok, "");
    check(
        "no terminal reason",
        vec![w(CHUNKED.into()), w(chunk(&content()) + "0\r\n\r\n"), Act::Close],
        Outcome::Truncated,
        "",
    );
    check("cut inside the chunks", vec![w(CHUNKED.into()), w(chunk(&content())), Act::Close], Outcome::Truncated, "");
    check(
        "close in mid-event",
        vec![w(UNTIL_CLOSE.into()), w(content() + "data: {\"cho"), Act::Close],
        Outcome::Truncated,
        "",
    );
    check(
        "reset in mid-stream",
        vec![w(CHUNKED.into()), w(chunk(&content())), Act::Reset],
        Outcome::Reset,
        "mid_stream",
    );
    check("reset before the head", vec![Act::Reset], Outcome::Reset, "before_headers");
    check("closed before the head", vec![Act::Close], Outcome::Reset, "before_headers");
    check("no HTTP", vec![w("SSH-2.0-x\r\n\r\n".into()), Act::Close], Outcome::ProtocolError, "not_http");
    check(
        "nonsense chunk",
        vec![w(CHUNKED.into()), w("zz\r\n".into()), Act::Close],
        Outcome::ProtocolError,
        "chunk_size",
    );
}

#[test]
fn silence_runs_into_the_timer_that_watches_it() {
    let w = |text: String| Act::Write(text);
    check("no head", vec![Act::Hold], Outcome::Timeout, "first_token");
    check("head and silence", vec![w(CHUNKED.into()), Act::Hold], Outcome::Timeout, "first_token");
    check("comments only", vec![w(CHUNKED.into()), w(chunk(": ping\n\n")), Act::Hold], Outcome::Timeout, "first_token");
    check("a token and silence", vec![w(CHUNKED.into()), w(chunk(&content())), Act::Hold], Outcome::Timeout, "idle");
}

#[test]
fn a_stall_is_found_in_time_though_the_first_token_had_longer() {
    let acts = vec![Act::Write(CHUNKED.into()), Act::Write(chunk(&content())), Act::Hold];
    let (first_token, idle) = (Duration::from_millis(2500), Duration::from_millis(100));
    let (outcome, detail, took) = told(&Asking { first_token, idle, ..asking(serve(acts)) });
    assert_eq!((outcome, detail.as_str()), (Outcome::Timeout, "idle"));
    assert!(took < Duration::from_secs(2), "{took:?}: the first token's timer would have ended it after 2.5 s");
}

#[test]
fn a_stream_held_open_after_its_end_does_not_delay_the_result() {
    let acts = vec![Act::Write(CHUNKED.into()), Act::Write(chunk(&(content() + &stop()))), Act::Hold];
    let (outcome, _, took) = told(&Asking { idle: Duration::from_millis(2500), ..asking(serve(acts)) });
    assert_eq!(outcome, Outcome::Ok);
    assert!(took < Duration::from_secs(2), "{took:?}: the idle timer would have ended it after 2.5 s");
}

#[test]
fn pages_instead_of_streams_are_told_apart() {
    let error = r#"{"error":{"message":"boom","type":"server_error"}}"#;
    check("a proxy's page", page("200 OK", "text/html", "<html>login</html>"), Outcome::ProtocolError, "content_type");
    check("an error under 200", page("200 OK", "application/json", error), Outcome::HttpError, "");
    check("overloaded", page("503 Service Unavailable", "text/html", "<html>busy</html>"), Outcome::HttpError, "");
    check("rate limit", page("429 Too Many Requests", "application/json", error), Outcome::RateLimited, "");
    check("an empty body", page("200 OK", "application/json", ""), Outcome::ProtocolError, "");
    let redirect =
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/elsewhere\r\ncontent-length: 0\r\n\r\n";
    check("a redirect is not followed", vec![Act::Write(redirect.into()), Act::Close], Outcome::HttpError, "");
}

#[test]
fn redirects_are_never_followed() {
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let head = format!("HTTP/1.1 {status}\r\nlocation: https://127.0.0.1:9/v1\r\ncontent-length: 0\r\n\r\n");
        check(status, vec![Act::Write(head), Act::Close], Outcome::HttpError, "redirect");
    }
}

#[test]
fn heads_of_any_shape_are_bounded_and_understood() {
    let whole = chunk(&(content() + &stop()));
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let trailers = "0\r\nx-trailer: 1\r\n\r\n";
    check(
        "interim heads and trailers",
        vec![Act::Write(format!("{early}{CHUNKED}{whole}{trailers}")), Act::Close],
        Outcome::Ok,
        "",
    );
    let long = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n", "x".repeat(60 << 10));
    let kind = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    check("60 KiB of head", vec![Act::Write(format!("{long}{kind}{whole}0\r\n\r\n")), Act::Close], Outcome::Ok, "");
    let endless = format!("HTTP/1.1 200 OK\r\nx-long: {}", "x".repeat(300 << 10));
    check("endless head", vec![Act::Write(endless), Act::Hold], Outcome::ProtocolError, "head_too_large");
    let short =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n".to_owned() + &content();
    check("short of its length", vec![Act::Write(short), Act::Close], Outcome::Truncated, "");
    let packed = CHUNKED.replace("transfer", "content-encoding: gzip\r\ntransfer");
    check(
        "compressed unasked",
        vec![Act::Write(packed + &whole), Act::Close],
        Outcome::ProtocolError,
        "content_encoding",
    );
}

#[test]
fn nobody_listening_is_a_connection_error() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (outcome, detail, _) = ask(free);
    assert_eq!((outcome, detail.as_str()), (Outcome::ConnectError, "tcp"));
}
