//! HTTP/2 as real servers speak it: shared connections, resets, goodbyes, held-open streams. The outcomes are those of
//! HTTP/1.1.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::SendStream;
use h2::server::SendResponse;
use llmark::domain::Outcome;

use super::cassettes::rows;
use super::support::asking::Asking;
use super::support::asking::Seen;
use super::support::asking::serve;
use super::world::World;
use super::world::told;

const CONTENT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// What the server does with a stream.
#[derive(Clone, Copy)]
enum Act {
    Answer,
    /// Everything but the end of the stream.
    Hold,
    /// The stream ends after the first token.
    End,
    Reset(Reason),
    ResetMidway,
    Goodbye,
    Page,
}

/// A server that does the same with every stream; counts its connections.
fn server(act: Act) -> (u16, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let port = serve(async move |listener| {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(converse(socket, act));
        }
    });
    (port, connections)
}

async fn converse(socket: tokio::net::TcpStream, act: Act) {
    let Ok(mut connection) = h2::server::Builder::new().max_concurrent_streams(2).handshake(socket).await else {
        return;
    };
    while let Some(Ok((_, respond))) = connection.accept().await {
        if let Act::Goodbye = act {
            connection.abrupt_shutdown(Reason::NO_ERROR);
        } else {
            tokio::spawn(play(respond, act));
        }
    }
}

async fn play(mut respond: SendResponse<Bytes>, act: Act) {
    if let Act::Reset(reason) = act {
        return respond.send_reset(reason);
    }
    let kind = if let Act::Page = act { "text/html" } else { "text/event-stream" };
    let head = http::Response::builder().header("content-type", kind).body(()).unwrap();
    let mut stream: SendStream<Bytes> = respond.send_response(head, false).unwrap();
    let mut send = |text: &'static str, end| stream.send_data(Bytes::from_static(text.as_bytes()), end).unwrap();
    match act {
        Act::Page => send("<html>log in</html>", true),
        Act::End => send(CONTENT, true),
        Act::Answer => {
            send(CONTENT, false);
            send(STOP, true);
        }
        Act::Hold => {
            send(CONTENT, false);
            send(STOP, false);
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        _ => {
            send(CONTENT, false);
            tokio::time::sleep(Duration::from_millis(20)).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
    }
}

fn asking(port: u16) -> Asking {
    Asking { http2: true, ..Asking::at(format!("http://127.0.0.1:{port}/v1/chat/completions")) }
}

#[track_caller]
fn check(act: Act, outcome: Outcome, detail: &str) -> Seen {
    let seen = asking(server(act).0).once();
    assert_eq!((seen.outcome, seen.detail.contains(detail)), (outcome, true), "{seen:?}");
    seen
}

#[test]
fn ends_of_a_stream_have_the_outcomes_of_http1() {
    let seen = check(Act::Answer, Outcome::Ok, "");
    assert!(seen.conn.http2 && !seen.conn.reused && seen.text == "Hi");
    check(Act::End, Outcome::Truncated, "");
    check(Act::ResetMidway, Outcome::Reset, "mid_stream");
    check(Act::Reset(Reason::INTERNAL_ERROR), Outcome::Reset, "before_headers");
    check(Act::Reset(Reason::REFUSED_STREAM), Outcome::Reset, "refused_stream");
    check(Act::Goodbye, Outcome::Reset, "before_headers");
    check(Act::Page, Outcome::ProtocolError, "content_type");
}

#[test]
fn a_stream_held_open_after_its_end_does_not_delay_the_result() {
    let seen = Asking { idle: Duration::from_millis(2500), ..asking(server(Act::Hold).0) }.once();
    assert_eq!(seen.outcome, Outcome::Ok);
    assert!(seen.took < Duration::from_secs(2), "{seen:?}: the idle timer would have ended it after 2.5 s");
}

#[test]
fn streams_share_a_connection_and_wait_for_their_turn() {
    let (port, connections) = server(Act::Answer);
    let seen = asking(port).times(12);
    assert!(seen.iter().all(|one| one.outcome == Outcome::Ok && one.text == "Hi"), "{seen:?}");
    assert_eq!(seen.iter().filter(|one| !one.conn.reused).count(), 1, "{seen:?}");
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[test]
fn a_server_of_http1_alone_is_told_apart() {
    let port = serve(async |listener| {
        use tokio::io::AsyncReadExt as _;
        use tokio::io::AsyncWriteExt as _;
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            // Closed with unread bytes, the connection would be reset before the answer is read.
            let _ = socket.read_to_end(&mut Vec::new()).await;
        }
    });
    let seen = asking(port).once();
    assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::ProtocolError, "http2"), "{seen:?}");
    assert!(seen.message.contains("HTTP/2"), "{}", seen.message);
}

#[test]
fn the_simulator_says_the_same_in_both_versions() {
    let world = World::new(6);
    let first = world.run(&["run", "suite.yaml", "--out", "one", "--quiet"]);
    assert!(first.status.success(), "{}", told(&first));
    let text = std::fs::read_to_string(world.suite()).unwrap();
    std::fs::write(world.suite(), text.replace("model: m\n", "model: m\n    http: 2\n")).unwrap();
    let second = world.run(&["run", "suite.yaml", "--out", "two", "--quiet"]);
    assert!(second.status.success(), "{}", told(&second));
    let columns = ["case", "outcome", "http_status", "finish_reason", "output_tokens", "pass"];
    let [one, two] = ["one", "two"].map(|out| rows(&world.path().join(out), &columns));
    assert_eq!(one, two);
    let log = std::fs::read_to_string(world.path().join("two/events.jsonl")).unwrap();
    assert_eq!(log.matches("\"http2\":true").count(), 6);
}
