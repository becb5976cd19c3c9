//! Preflight and `plan --online` with the real binary: what is asked, of whom, and what becomes of targets that are gone.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;

use super::world::World;
use super::world::told;

const ANSWER: &str = r#"{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"w0"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
const LISTING: &str = r#"{"object":"list","data":[{"id":"m"},{"id":"other"}]}"#;

/// A server that answers by the first line of the request and remembers it.
struct Recorded {
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Recorded {
    fn start(answer: impl Fn(&str) -> (&'static str, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&lines);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let request = whole_request(&mut stream);
                let line = request.lines().next().unwrap_or_default().to_owned();
                let (status, body) = answer(&request);
                seen.lock().unwrap().push(line);
                let reply = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(reply.as_bytes());
            }
        });
        Self { url, lines }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn count(&self, method: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(method)).count()
    }
}

fn whole_request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
            _ => return text,
        }
    }
}

fn healthy(request: &str) -> (&'static str, String) {
    if request.starts_with("GET") { ("200 OK", LISTING.into()) } else { ("200 OK", ANSWER.into()) }
}

/// The world's suite with these targets instead of its own.
fn retarget(world: &World, targets: &str) {
    let text = fs::read_to_string(world.suite()).unwrap();
    let (head, rest) = text.split_once("targets:\n").unwrap();
    let (_, rest) = rest.split_once("params:").unwrap();
    fs::write(world.suite(), format!("{head}targets:\n{targets}params:{rest}")).unwrap();
}

fn target(id: &str, url: &str, model: &str) -> String {
    format!(
        "  - {{id: {id}, protocol: openai-chat, base_url: \"{url}/v1\", model: {model}, price: {{input: 1, output: 2}}}}\n"
    )
}

fn summary(world: &World) -> Value {
    serde_json::from_slice(&fs::read(world.out().join("summary.json")).unwrap()).unwrap()
}

#[test]
fn a_server_on_this_machine_sees_the_plans_requests_and_no_others() {
    let world = World::new(3);
    let server = Recorded::start(healthy);
    retarget(&world, &target("t", &server.url, "m"));
    let output = world.run(&["run", "suite.yaml", "--out", "out", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!((server.count("GET"), server.count("POST")), (0, 3), "{:?}", server.lines());

    let output = world.run(&["run", "suite.yaml", "--out", "asked", "--quiet", "--preflight"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!((server.count("GET"), server.count("POST")), (1, 7), "a listing, one question and the plan");
}

#[test]
fn a_retired_model_is_unavailable_and_the_others_are_measured() {
    let world = World::new(2);
    let server = Recorded::start(|request| {
        let gone = request.contains(r#""model":"old""#);
        let body = r#"{"error":{"message":"The model `old` does not exist","code":"model_not_found"}}"#;
        if gone { ("404 Not Found", body.into()) } else { healthy(request) }
    });
    let targets = [target("new", &server.url, "m"), target("old", &server.url, "old")].concat();
    retarget(&world, &targets);
    let output = world.run(&["run", "suite.yaml", "--out", "out", "--quiet", "--preflight"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    assert!(told(&output).contains("`old` is unavailable"), "{}", told(&output));
    let summary = summary(&world);
    let cells = summary["cells"].as_array().unwrap();
    assert_eq!(cells.iter().map(|cell| cell["target"].as_str().unwrap()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(summary["unavailable"][0]["cell"]["target"], "old");
    assert!(summary["unavailable"][0]["reason"].as_str().unwrap().contains("not served there"));
    assert!(summary["run"]["preflight_cost"]["usd"].as_f64().unwrap() > 0.0, "the questions were paid for");
    assert_eq!(server.count("POST"), 4, "two questions, two trials: nothing more was asked of the retired model");

    let again = world.run(&["report", "out", "--format", "json"]);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["unavailable"], summary["unavailable"], "the stored run says the same");
}

#[test]
fn nothing_is_sent_when_nobody_is_there() {
    let world = World::new(2);
    retarget(&world, &[target("a", "http://127.0.0.1:9", "m"), target("b", "http://127.0.0.1:9", "m")].concat());
    let output = world.run(&["run", "suite.yaml", "--out", "out", "--quiet", "--preflight"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let summary = summary(&world);
    assert_eq!((summary["cells"].as_array().unwrap().len(), summary["run"]["trials"].as_u64()), (0, Some(0)));
    assert_eq!(summary["unavailable"].as_array().unwrap().len(), 2);
}

#[test]
fn online_plans_tell_a_wrong_address_from_a_missing_server() {
    let world = World::new(1);
    let page = Recorded::start(|_| ("404 Not Found", "<html><body>no such page</body></html>".into()));
    let good = Recorded::start(healthy);
    let targets = [
        target("good", &good.url, "m"),
        format!("  - {{id: path, protocol: openai-chat, base_url: \"{}\", model: m}}\n", page.url),
        target("down", "http://127.0.0.1:9", "m"),
        target("tls", &Recorded::start(healthy).url.replace("http://", "https://"), "m"),
        target("typo", &good.url, "n"),
    ];
    retarget(&world, &targets.concat());
    let output = world.run(&["plan", "suite.yaml", "--online", "--json"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let probe = |id: &str| {
        let probes = plan["online"]["probes"].as_array().unwrap();
        probes.iter().find(|probe| probe["target"] == id).unwrap().clone()
    };
    let verdict =
        |id: &str| format!("{} {}", probe(id)["standing"].as_str().unwrap(), probe(id)["cause"].as_str().unwrap());
    assert_eq!(verdict("good"), "ok ok");
    assert_eq!(verdict("path"), "unavailable address");
    assert!(probe("path")["advice"].as_str().unwrap().contains("/v1`"), "{:?}", probe("path"));
    assert_eq!(verdict("down"), "unavailable connect");
    assert_eq!(verdict("tls"), "unavailable tls");
    assert_eq!((verdict("typo"), &probe("typo")["listed"]), ("ok ok".into(), &Value::Bool(false)));
}

/// The simulator counts prompt tokens for Anthropic's protocol: the plan's bounds rest on them.
#[test]
fn online_plans_count_prompt_tokens_where_the_provider_does() {
    let world = World::new(2);
    let address = world.server().base_url();
    let root = address.trim_end_matches("/v1");
    retarget(
        &world,
        &format!(
            "  - {{id: t, protocol: anthropic-messages, base_url: \"{root}\", model: m, price: {{input: 1, output: 2}}}}\n"
        ),
    );
    let plan = |more: &[&str]| -> Value {
        let output = world.run(&[&["plan", "suite.yaml", "--json"], more].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)))
    };
    let (alone, online) = (plan(&[]), plan(&["--online"]));
    assert_eq!(
        (&alone["cells"][0]["input_tokens_counted"], &online["cells"][0]["input_tokens_counted"]),
        (&false.into(), &true.into())
    );
    let mean = online["online"]["input_tokens_counted"]["t"]["p"]["mean"].as_f64().unwrap();
    let tokens = online["cells"][0]["input_tokens_estimated"].as_f64().unwrap();
    assert!((tokens - 2.0 * mean).abs() <= 0.5, "{online}");
    assert!((online["cost_usd_low"].as_f64().unwrap() - tokens * 1e-6).abs() < 1e-12, "{online}");
}
