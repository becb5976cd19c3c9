//! A canary key must not stand in any byte that any command writes, whatever happens.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::thread;

use llmark::text::Redactor;
use llmark::text::Secret;

use super::world::KEY;
use super::world::World;

struct Hunt {
    redactor: Redactor,
    looked: u64,
}

impl Hunt {
    fn new() -> Self {
        Self { redactor: Redactor::new(&[Secret::new(KEY)]), looked: 0 }
    }

    /// No form of the key stands in these bytes.
    fn bytes(&mut self, bytes: &[u8], whence: &str) {
        self.looked += 1;
        let text = String::from_utf8_lossy(bytes);
        assert!(!self.redactor.finds(&text), "the key stands in {whence}: {}", self.redactor.clean(&text));
    }

    fn output(&mut self, output: &Output, whence: &str) {
        self.bytes(&output.stdout, &format!("standard output of {whence}"));
        self.bytes(&output.stderr, &format!("standard error of {whence}"));
    }

    fn folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.folder(&path);
            } else {
                self.bytes(&fs::read(&path).unwrap(), &path.display().to_string());
            }
            self.bytes(path.display().to_string().as_bytes(), "a file name");
        }
    }
}

/// Answers every request with this response, in which the server echoes the key.
fn echo(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = vec![0; 65536];
            let _ = stream.read(&mut request);
            let body = body.replace("KEY", KEY);
            let reply = format!(
                "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:9/{KEY}\r\nx-request-id: {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(reply.as_bytes());
        }
    });
    format!("http://{address}/v1")
}

/// The suite of the world, pointed at another server.
fn point(world: &World, url: &str, name: &str) {
    let text = fs::read_to_string(world.suite()).unwrap().replace(&world.server().base_url(), url);
    fs::write(world.path().join(name), text).unwrap();
}

const EVERY_COMMAND: &[&str] = &[
    "check suite.yaml",
    "plan suite.yaml --show-prompts",
    "run suite.yaml --out out",
    "run suite.yaml --out out",
    "run suite.yaml --out json --json",
    "report out --format html",
    "report out --format md",
    "report out --format csv",
    "report out --format json",
    "report out --format junit",
    "report out --format table",
    "show out",
    "show out 0",
    "regrade out",
    "recost out",
    "compare out out",
    "compare out out --json",
    "resume out",
    "models",
    "schema",
    "completions bash",
    "plan suite.yaml --online",
    "plan echo401.yaml --online --json",
    "plan echo200.yaml --online",
    "plan redirect.yaml --online",
    "plan foreign.yaml --online",
    "run echo401.yaml --out p1 --preflight",
    "run echo401.yaml --out e1",
    "show e1 0",
    "report e1 --format html",
    "run echo200.yaml --out e2",
    "show e2 0",
    "report e2 --format json",
    "run redirect.yaml --out e3",
    "show e3 0",
    "run refused.yaml --out e4",
    "run literal.yaml --out e5",
    "run foreign.yaml --out e6",
    "run suite.yaml --out t1 --record tapes",
    "run suite.yaml --out t2 --replay tapes --replay-speed max",
    "run echo200.yaml --out t3 --record tapes",
    "run echo401.yaml --out t4 --record tapes",
    "run suite.yaml --out k1 --cache --cache-dir answers",
    "run echo200.yaml --out k2 --cache --cache-dir answers",
    "run suite.yaml --out k3 --cache --cache-dir answers",
    "cache ls --cache-dir answers",
    "cache why k3 0 --cache-dir answers",
    "plan suite.yaml --pilot --out pilot",
    "plan suite.yaml --from out --detect 5%",
    "trend .",
    "compare out out --format md",
    "compare out out --format junit",
    "run missing.yaml",
    "nonsense",
];

#[test]
fn no_command_writes_the_key_anywhere() {
    let world = World::new(3);
    let answer = r#"{"id":"KEY","model":"KEY","choices":[{"index":0,"message":{"role":"assistant","content":"you sent KEY"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":3,"note":"KEY"}}"#;
    point(
        &world,
        &echo("401 Unauthorized", r#"{"error":{"message":"Incorrect API key provided: KEY","code":"KEY"}}"#),
        "echo401.yaml",
    );
    point(&world, &echo("200 OK", answer), "echo200.yaml");
    point(&world, &echo("307 Temporary Redirect", "KEY"), "redirect.yaml");
    point(&world, "http://127.0.0.1:9/v1", "refused.yaml");
    point(&world, "https://evil.example/v1", "foreign.yaml");
    let mut hunt = Hunt::new();
    // Not part of what llmark writes: the user's own mistake, which must be refused without repeating it.
    let literal = fs::read_to_string(world.suite()).unwrap().replace("key_env: WORLD_KEY", &format!("key: {KEY}"));
    fs::write(world.path().join("literal.yaml"), literal).unwrap();
    for line in EVERY_COMMAND {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = world.llmark(&arguments).env("RUST_BACKTRACE", "1").env("RUST_LOG", "trace").output().unwrap();
        hunt.output(&output, line);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{line}");
    }
    fs::remove_file(world.path().join("literal.yaml")).unwrap();
    hunt.folder(world.path());
    assert!(hunt.looked > 100, "{} places were looked at", hunt.looked);
}

#[test]
fn a_suite_cannot_send_a_key_elsewhere() {
    let world = World::new(1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let text = fs::read_to_string(world.suite()).unwrap();
    let text = text.replace("key_env: WORLD_KEY", "key_env: OPENAI_API_KEY");
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    fs::write(world.suite(), text.replace(&world.server().base_url(), &url)).unwrap();
    let output = world.llmark(&["run", "suite.yaml", "--out", "out"]).env("OPENAI_API_KEY", KEY).output().unwrap();
    assert!(matches!(output.status.code(), Some(2 | 4)), "{}", super::world::told(&output));
    assert!(listener.accept().is_err(), "nothing was sent");
}
