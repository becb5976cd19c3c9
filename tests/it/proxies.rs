//! Requests through an HTTP proxy: absolute targets, tunnels, logins, refusals, and what never goes through one.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::cassettes::rows;
use super::support::asking::serve;
use super::world::World;
use super::world::told;

const PASSWORD: &str = "pr0xy-pass-canary-8Kd2";

/// A proxy that takes every way, whatever the name, to one server. Keeps the heads of the requests it was sent.
fn proxy(server: SocketAddr, refusal: Option<&'static str>) -> (String, Arc<Mutex<Vec<String>>>) {
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&heads);
    let port = serve(async move |listener| {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, server, refusal, Arc::clone(&kept)));
        }
    });
    (format!("http://user:{PASSWORD}@127.0.0.1:{port}"), heads)
}

async fn carry(mut client: TcpStream, server: SocketAddr, refusal: Option<&str>, heads: Arc<Mutex<Vec<String>>>) {
    let mut first = vec![0; 64 << 10];
    let n = client.read(&mut first).await.unwrap_or(0);
    let text = String::from_utf8_lossy(&first[..n]).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    let tunnels = head.starts_with("CONNECT ");
    heads.lock().unwrap().push(head);
    if let Some(status) = refusal {
        let _ = client.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    if tunnels {
        let _ = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
    } else {
        // A server takes absolute targets as well as others; the simulator wants its own form.
        let _ = server.write_all(text.replacen("http://model.invalid", "", 1).as_bytes()).await;
    }
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

/// Points the suite at a name that only a proxy can resolve.
fn elsewhere(world: &World, base_url: &str, more: &str) {
    let text = fs::read_to_string(world.suite()).unwrap();
    let text = text.replace(&world.server().base_url(), base_url).replace("    key_env: WORLD_KEY\n", more);
    fs::write(world.suite(), text).unwrap();
}

fn outcomes(world: &World) -> Vec<String> {
    rows(&world.path().join("out"), &["outcome"]).into_values().flatten().collect()
}

#[test]
fn plain_requests_go_to_the_proxy_whole() {
    let world = World::new(2);
    let (url, heads) = proxy(world.server().addr(), None);
    elsewhere(&world, "http://model.invalid/v1", "");
    let output = world
        .llmark(&["run", "suite.yaml", "--out", "out", "--no-preflight"])
        .env("HTTP_PROXY", &url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(outcomes(&world), ["ok", "ok"]);
    let heads = heads.lock().unwrap();
    assert!(heads[0].starts_with("POST http://model.invalid/v1/chat/completions HTTP/1.1\r\nhost: model.invalid\r\n"));
    assert!(heads[0].contains("\r\nproxy-authorization: Basic "), "{}", heads[0]);
    let log = fs::read_to_string(world.out().join("events.jsonl")).unwrap();
    assert_eq!(log.matches("\"proxied\":true").count(), 2);
    for file in ["events.jsonl", "manifest.json", "report.html", "summary.json"] {
        assert!(!fs::read_to_string(world.out().join(file)).unwrap().contains(PASSWORD), "{file}");
    }
    assert!(!told(&output).contains(PASSWORD));
}

#[test]
fn tunnels_carry_what_the_proxy_must_not_see() {
    let world = World::new(2);
    let (url, heads) = proxy(world.server().addr(), None);
    elsewhere(&world, "http://model.invalid:8080/v1", "    http: 2\n");
    let output = world
        .llmark(&["run", "suite.yaml", "--out", "out", "--no-preflight"])
        .env("http_proxy", &url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert!(
        heads.lock().unwrap()[0].starts_with("CONNECT model.invalid:8080 HTTP/1.1\r\nhost: model.invalid:8080\r\n")
    );
}

#[test]
fn a_refusing_proxy_is_named_without_its_password() {
    for (status, told, base_url) in [
        ("407 Proxy Authentication Required", "does not accept its user and password", "https://model.invalid/v1"),
        ("407 Proxy Authentication Required", "does not accept its user and password", "http://model.invalid/v1"),
        ("502 Bad Gateway", "cannot reach the server (502)", "https://model.invalid/v1"),
        ("403 Forbidden", "forbids the way", "https://model.invalid/v1"),
    ] {
        let world = World::new(1);
        let (url, _) = proxy(world.server().addr(), Some(status));
        elsewhere(&world, base_url, "");
        let text = fs::read_to_string(world.suite()).unwrap();
        fs::write(world.suite(), text + "retry: {max_attempts: 1}\n").unwrap();
        let arguments = ["run", "suite.yaml", "--out", "out", "--no-preflight"];
        let output = world.llmark(&arguments).env("ALL_PROXY", &url).output().unwrap();
        assert!(!output.status.success());
        assert_eq!(outcomes(&world), ["connect_error"], "{status}");
        let log = fs::read_to_string(world.out().join("events.jsonl")).unwrap();
        assert!(log.contains(told) && !log.contains(PASSWORD), "{log}");
    }
}

#[test]
fn this_machine_and_exceptions_are_reached_directly() {
    let world = World::new(1);
    let (url, heads) = proxy(world.server().addr(), None);
    let output = world.llmark(&["run", "suite.yaml", "--out", "out"]).env("HTTP_PROXY", &url).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    // An address that leads here and is none of this machine's own.
    elsewhere(&world, &format!("http://0.0.0.0:{}/v1", world.server().addr().port()), "");
    for (out, flag, except) in [("a", "--no-proxy", ""), ("b", "--quiet", "10.0.0.0/8, 0.0.0.0/8")] {
        let mut command = world.llmark(&["run", "suite.yaml", "--out", out, flag, "--no-preflight"]);
        let output = command.env("HTTP_PROXY", &url).env("NO_PROXY", except).output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
    }
    assert!(heads.lock().unwrap().is_empty());
    let output =
        world.llmark(&["run", "suite.yaml", "--out", "c"]).env("HTTPS_PROXY", "socks5://h:1").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}
