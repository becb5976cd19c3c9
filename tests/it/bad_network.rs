//! The bad network of the fault tests does what it says: held against the simulator by raw sockets.

use std::io::ErrorKind;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use llmark::sim::Profile;
use llmark::sim::Running;
use llmark::sim::Server;

use super::support::proxy::End;
use super::support::proxy::Proxy;
use super::support::proxy::Trouble;

/// What came through, how, and when.
struct Heard {
    text: String,
    reset: bool,
    took: Duration,
}

#[expect(clippy::disallowed_methods, reason = "the test times the network from outside any run")]
fn hear(server: &Running, trouble: Trouble) -> Heard {
    let proxy = Proxy::start(server.addr(), trouble);
    let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"[[sim:tokens=20]]"}]}"#;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nconnection: close\r\n";
    let mut stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let begun = Instant::now();
    stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    let reset = end.is_err_and(|e| e.kind() == ErrorKind::ConnectionReset);
    Heard { text: String::from_utf8_lossy(&bytes).into_owned(), reset, took: begun.elapsed() }
}

fn server() -> Running {
    Server::start(vec![Profile::builtin("instant").unwrap()], 0).unwrap()
}

#[test]
fn slices_and_delays_change_no_byte() {
    let server = server();
    let clear = hear(&server, Trouble::default());
    let sliced = Trouble { slice: 7, seed: 3, ..Trouble::default() };
    let late = Trouble { latency: Duration::from_millis(1), jitter: Duration::from_millis(1), ..Trouble::default() };
    for trouble in [sliced, late] {
        let heard = hear(&server, trouble);
        assert!(!heard.reset);
        assert_eq!(heard.text.matches("\"content\":").count(), clear.text.matches("\"content\":").count());
        assert!(heard.text.ends_with("0\r\n\r\n"));
    }
}

#[test]
fn stalls_last_as_long_as_told() {
    let heard = hear(&server(), Trouble { stall: Some((500, Duration::from_millis(150))), ..Trouble::default() });
    assert!(heard.took >= Duration::from_millis(150) && heard.text.ends_with("0\r\n\r\n"), "{:?}", heard.took);
}

#[test]
fn connections_end_where_told() {
    let server = server();
    for (end, reset) in [(End::Reset, true), (End::HalfClose, false), (End::Truncate, false)] {
        let heard = hear(&server, Trouble { end: Some((900, end)), ..Trouble::default() });
        assert_eq!(heard.reset, reset, "{end:?}");
        // A reset may overtake what was sent before it.
        assert!(heard.text.len() == 900 || reset && heard.text.len() < 900, "{end:?}: {}", heard.text.len());
    }
}
