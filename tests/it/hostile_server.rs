//! Servers that mean harm, over real sockets: each ends in its outcome, in bounded time and memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::io::Result;
use std::io::Write as _;
use std::net::TcpListener;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::world::World;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const TOKEN: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"more \"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

/// What a server does, by the first segment of its path, and how a trial may end: on a busy machine a timer can be faster
/// than a size.
const SERVERS: &[(&str, &[&str])] = &[
    ("endless", &["protocol_error", "timeout"]),
    ("endless-comments", &["protocol_error", "timeout"]),
    ("million-comments", &["ok"]),
    ("one-event", &["protocol_error", "timeout"]),
    ("deep", &["protocol_error", "timeout"]),
    ("slow", &["timeout"]),
    ("endless-head", &["protocol_error", "timeout"]),
    ("lying", &["ok"]),
    ("endless-error", &["http_error", "timeout"]),
];

/// Writes a text again and again, this many bytes in all.
fn repeat(stream: &mut TcpStream, text: &str, bytes: usize) -> Result<()> {
    let block = text.repeat((64 << 10) / text.len() + 1);
    (0..=bytes / block.len()).try_for_each(|_| stream.write_all(block.as_bytes()))
}

fn misbehave(stream: &mut TcpStream, kind: &str) -> Result<()> {
    match kind {
        "endless-head" => return repeat(stream, "HTTP/1.1 100 Continue\r\nx: y\r\n", 32 << 20),
        "endless-error" => {
            stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-type: text/plain\r\n\r\n")?;
            return repeat(stream, "error ", 256 << 20);
        }
        _ => {}
    }
    stream.write_all(HEAD.as_bytes())?;
    match kind {
        "endless" => repeat(stream, TOKEN, 256 << 20),
        "endless-comments" => repeat(stream, ": still here\n\n", 256 << 20),
        "million-comments" => {
            repeat(stream, ":\n\n", 3_000_000)?;
            stream.write_all(format!("{TOKEN}{STOP}data: [DONE]\n\n").as_bytes())
        }
        "one-event" => {
            stream.write_all(b"data: ")?;
            repeat(stream, "x", 64 << 20)
        }
        "deep" => stream.write_all(format!("data: {}\n\n", "[".repeat(1 << 20)).as_bytes()),
        "slow" => TOKEN.bytes().cycle().try_for_each(|byte| {
            thread::park_timeout(Duration::from_millis(40));
            stream.write_all(&[byte])
        }),
        "lying" => {
            let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":1e300}}\n\n";
            stream.write_all(format!("{TOKEN}{STOP}{usage}data: [DONE]\n\n").as_bytes())
        }
        other => unreachable!("{other}"),
    }
}

/// A server that reads a request and misbehaves as its path says. Its threads end with the sockets.
fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut request = vec![0; 64 << 10];
                let n = stream.read(&mut request).unwrap_or(0);
                let line = String::from_utf8_lossy(&request[..n]).into_owned();
                let kind = line.split('/').nth(1).unwrap_or_default().to_owned();
                drop(misbehave(&mut stream, &kind));
            });
        }
    });
    port
}

fn suite(port: u16) -> String {
    let target = |(kind, _): &(&str, &[&str])| {
        format!("  - {{id: {kind}, protocol: openai-chat, base_url: 'http://127.0.0.1:{port}/{kind}/v1', model: m}}\n")
    };
    let targets = SERVERS.iter().map(target).collect::<Vec<_>>().concat();
    format!(
        "name: hostile\nseed: 7\ntargets:\n{targets}prompts:\n  - {{id: p, user: hi}}\ncases:\n  - {{id: a}}\n  - {{id: b}}\n\
         loads:\n  - {{concurrency: 2}}\ntimeout: {{first_token: 4s, idle: 3s, total: 6s}}\nretry: {{max_attempts: 1}}\n"
    )
}

/// Runs the suite; gives the exit code and the most memory that the client held, in MiB.
fn run(world: &World) -> (Option<i32>, u64) {
    let mut child = world.start();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        most = peak.unwrap_or(most);
        thread::park_timeout(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    (output.status.code(), most >> 10)
}

#[test]
fn servers_that_mean_harm_are_bounded() {
    let world = World::new(1);
    fs::write(world.suite(), suite(serve())).unwrap();
    let (code, most) = run(&world);
    assert!(matches!(code, Some(0 | 3 | 4 | 6)), "{code:?}");
    let text = fs::read_to_string(world.out().join("summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&text).unwrap();
    let cells = summary["cells"].as_array().unwrap();
    let seen: BTreeMap<&str, &Value> =
        cells.iter().map(|cell| (cell["target"].as_str().unwrap(), &cell["outcomes"])).collect();
    for (kind, allowed) in SERVERS {
        let right: u64 = allowed.iter().filter_map(|outcome| seen[kind][outcome].as_u64()).sum();
        assert_eq!(right, 2, "{kind}: {}, not of {allowed:?}", seen[kind]);
    }
    assert!(most < 400, "the client held {most} MiB");
    let rows = fs::metadata(world.out().join("trials.csv")).unwrap().len();
    assert!(rows < 128 << 20, "what strangers send does not fill the disk: {rows} bytes");
}
