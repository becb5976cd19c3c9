//! The simulator as a server: raw bytes in and out over TCP, for every protocol and fault.

use std::io::ErrorKind;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use llmark::sim::Profile;
use llmark::sim::Running;
use llmark::sim::Server;
use serde_json::Value;
use serde_json::json;

fn start(profile: &str) -> Running {
    let profile = Profile::builtin(profile).unwrap_or_else(|| Profile::parse(profile).unwrap());
    Server::start(vec![profile], 0).unwrap()
}

fn connect(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn request(path: &str, body: &Value, headers: &str) -> String {
    let body = body.to_string();
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

/// All bytes that come until the server closes, and whether it did so with a reset.
fn exchange(server: &Running, path: &str, body: &Value) -> (String, bool) {
    let mut stream = connect(server);
    stream.write_all(request(path, body, "connection: close\r\n").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    let reset = end.is_err_and(|e| e.kind() == ErrorKind::ConnectionReset);
    (String::from_utf8_lossy(&bytes).into_owned(), reset)
}

/// The body of a chunked or sized response.
fn body_of(response: &str) -> String {
    let (head, rest) = response.split_once("\r\n\r\n").unwrap();
    if !head.contains("transfer-encoding: chunked") {
        return rest.to_owned();
    }
    let mut body = String::new();
    let mut rest = rest;
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&tail[..size]);
        rest = &tail[size + 2..];
    }
    body
}

fn data_of(body: &str) -> Vec<Value> {
    body.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

fn chat(text: &str) -> Value {
    json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": text}]})
}

fn stream_of(server: &Running, text: &str) -> String {
    body_of(&exchange(server, "/v1/chat/completions", &chat(text)).0)
}

#[test]
fn three_protocols_say_the_same() {
    let server = start("instant");
    let text = "What is 6 * 7? Reply with the number only.";
    let messages = json!([{"role": "user", "content": text}]);
    let rows = [
        ("/v1/chat/completions", json!({"model": "m", "messages": messages}), "/choices/0/message/content"),
        (
            "/api/v7/llm/chat/completions",
            json!({"model_id": "m", "key": "k", "messages": messages}),
            "/choices/0/message/content",
        ),
        ("/v1/responses", json!({"model": "m", "input": text}), "/output/0/content/0/text"),
        ("/v1/messages", json!({"model": "m", "max_tokens": 9, "messages": messages}), "/content/0/text"),
    ];
    for (path, body, place) in rows {
        let (response, _) = exchange(&server, path, &body);
        assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
        let reply: Value = serde_json::from_str(&body_of(&response)).unwrap();
        assert_eq!(reply.pointer(place), Some(&json!("42")), "{path}: {reply}");
    }
    assert_eq!(server.ledger().totals().answered, 4);
}

#[test]
fn streams_bill_what_they_send() {
    let server = start("name: p\nmodels: [{id: m, price: {input: 1, output: 2}, modes: {medium: {reasoning: 5}}}]");
    let events = data_of(&stream_of(&server, "[[sim:tokens=12]]"));
    let n_pieces = |name: &str| {
        events.iter().filter(|e| !e["choices"][0]["delta"][name].as_str().unwrap_or_default().is_empty()).count()
    };
    assert_eq!((n_pieces("reasoning_content"), n_pieces("content")), (5, 12));
    let usage = &events.last().unwrap()["usage"];
    assert_eq!(
        (&usage["completion_tokens"], &usage["completion_tokens_details"]["reasoning_tokens"]),
        (&json!(17), &json!(5))
    );
    let entry = &server.ledger().entries()[0];
    assert_eq!((entry.output_tokens, entry.reasoning_tokens, entry.answered), (17, 5, true));
    assert_eq!(entry.cost.to_string(), format!("0.{:06}", entry.input_tokens + 2 * 17));
}

#[test]
fn limits_end_a_reply_early() {
    let server = start("instant");
    let mut body = chat("[[sim:tokens=50]]");
    body["max_tokens"] = json!(7);
    let events = data_of(&body_of(&exchange(&server, "/v1/chat/completions", &body).0));
    assert!(events.iter().any(|e| e["choices"][0]["finish_reason"] == "length"));
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 7);
}

#[test]
fn connections_are_reused_and_requests_may_be_pipelined() {
    let server = start("instant");
    let mut stream = connect(&server);
    let one = request("/v1/chat/completions", &chat("Say hi"), "");
    let last = request("/v1/chat/completions", &chat("Say hi"), "connection: close\r\n");
    stream.write_all(format!("{one}{one}{last}").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text.matches("[DONE]").count(), 3);
    assert_eq!((server.ledger().totals().connections, server.ledger().totals().accepted), (1, 3));
}

#[test]
fn chunked_and_expecting_requests_are_understood() {
    let server = start("instant");
    let mut stream = connect(&server);
    let body = chat("Say hi").to_string();
    let (first, second) = body.split_at(20);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    stream
        .write_all(
            format!("{head}{:x}\r\n{first}\r\n{:x};x=y\r\n{second}\r\n0\r\n\r\n", first.len(), second.len()).as_bytes(),
        )
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"), "{text}");
    assert!(text.contains("[DONE]"));
}

#[test]
fn refusals_carry_their_status_and_headers() {
    let server = start("instant");
    let rows = [
        ("429,retry_after=7", "429 Too Many Requests", "retry-after: 7"),
        ("503", "503 Service Unavailable", "retry-after: 1"),
        ("529", "529 Overloaded", "overloaded"),
        ("quota", "429 Too", "insufficient_quota"),
        ("html", "200 OK", "<!DOCTYPE html>"),
        ("html_502", "502 Bad Gateway", "text/html"),
        ("redirect", "307 Temporary", "location: http://127.0.0.1:9/"),
        ("error_body", "200 OK", "\"error\""),
        ("status_body", "200 OK", "\"messege\""),
        ("empty_body", "200 OK", "content-length: 0"),
    ];
    for (fault, status, part) in rows {
        let (response, _) = exchange(&server, "/v1/chat/completions", &chat(&format!("hi [[sim:fault={fault}]]")));
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")) && response.contains(part), "{fault}: {response}");
    }
}

#[test]
fn broken_streams_break_as_told() {
    let server = start("instant");
    let broken =
        |fault: &str| exchange(&server, "/v1/chat/completions", &chat(&format!("[[sim:fault={fault},tokens=9]]")));
    let (cut, reset) = broken("cut,after=4");
    assert!(!reset && cut.ends_with("000000ff\r\ndata: {\"id\":") && !cut.contains("finish_reason\":\"stop"), "{cut}");
    assert_eq!(cut.matches("\"content\":\"").count(), 5, "the role and four tokens: {cut}");
    let (early, reset) = broken("reset_before");
    assert!(reset && early.is_empty());
    assert!(broken("reset").1);
    let (closed, reset) = broken("close_before");
    assert!(!reset && closed.is_empty());
    let truncated = broken("truncated").0;
    assert!(truncated.ends_with("0\r\n\r\n") && !truncated.contains("[DONE]"));
    let error = broken("error_mid_done").0;
    assert!(error.contains("\"error\":{") && error.contains("[DONE]"));
    assert_eq!(server.ledger().totals().answered, 2, "the clean ends: truncated and error_mid_done");
}

#[test]
fn odd_but_legal_streams_are_sent() {
    let server = start("instant");
    let odd = |fault: &str| {
        exchange(&server, "/v1/chat/completions", &chat(&format!("Repeat exactly: 😀 é! [[sim:fault={fault}]]"))).0
    };
    assert!(odd("crlf").contains("data: [DONE]\r\n\r\n"));
    assert!(body_of(&odd("cr")).ends_with("data: [DONE]\r\r"));
    assert!(body_of(&odd("bom")).starts_with('\u{feff}'));
    assert!(body_of(&odd("comments")).contains(": SIMULATOR PROCESSING\n\n"));
    assert!(!odd("no_usage").contains("prompt_tokens"));
    assert_eq!(odd("double_usage").matches("prompt_tokens\"").count(), 2);
    assert!(!odd("no_done").contains("[DONE]"));
    assert!(body_of(&odd("no_blank")).ends_with("data: [DONE]\n"));
    assert!(odd("not_streamed").contains("\"chat.completion\""));
    assert!(!odd("until_close").contains("chunked"));
    assert!(odd("empty_reply").contains("\"completion_tokens\":0"));
    assert!(odd("refusal").contains("\"refusal\":\"I cannot"));
    assert!(odd("content_filter").contains("\"finish_reason\":\"content_filter\""));
    assert!(odd("bad_json").contains("data: {\"choices\":[{\"delta\":{\"content\":\"bro\n\n"));
    assert_eq!(data_of(&body_of(&odd("burst"))).len(), data_of(&body_of(&odd("comments"))).len());
}

#[test]
fn writes_that_split_characters_still_make_a_whole() {
    let server = start("instant");
    for fault in ["split_utf8", "slow_bytes"] {
        let mut body = chat(&format!("Repeat exactly: 😀 é [[sim:fault={fault}]]"));
        body["stream_options"] = Value::Null;
        let mut stream = connect(&server);
        stream.write_all(request("/v1/chat/completions", &body, "connection: close\r\n").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains('😀') && text.contains("[DONE]"), "{fault}");
    }
}

#[test]
fn a_fault_may_befall_a_prompt_once() {
    let server = start("instant");
    let mut answers =
        (0..3).map(|_| exchange(&server, "/v1/chat/completions", &chat("hi [[sim:fault=500,times=1]]")).0);
    assert!(answers.next().unwrap().starts_with("HTTP/1.1 500"));
    assert!(answers.all(|answer| answer.starts_with("HTTP/1.1 200")));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test times the server from outside any run")]
fn the_queue_is_served_one_after_another_and_has_an_end() {
    // Long enough that a machine which stands still for a while finds the queue as full as it left it.
    let server = start("name: q\nslots: 1\nqueue: 2\nmodels: [{id: m, ttft: 1s}]");
    let begun = Instant::now();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(request("/v1/chat/completions", &chat("hi"), "connection: close\r\n").as_bytes()).unwrap();
            std::thread::spawn(move || {
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                (text.starts_with("HTTP/1.1 200"), begun.elapsed())
            })
        })
        .collect();
    while server.ledger().totals().accepted < 3 {
        std::thread::yield_now();
    }
    let (refused, _) = exchange(&server, "/v1/chat/completions", &chat("hi"));
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    let mut ends: Vec<(bool, Duration)> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    ends.sort_by_key(|(_, at)| *at);
    assert!(ends.iter().all(|(served, _)| *served));
    assert!(ends[2].1 >= Duration::from_secs(3), "{ends:?}");
}

/// Milliseconds from acceptance to the first and the tenth token, by the server's own stamps.
fn stamped(server: &Running) -> [f64; 2] {
    let mut stream = connect(server);
    let body = chat("[[sim:tokens=10]]");
    stream
        .write_all(request("/v1/chat/completions", &body, "connection: close\r\nx-llmark-stamp: 1\r\n").as_bytes())
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let stamps: Vec<u64> = data_of(&body_of(&text)).iter().filter_map(|event| event["sim_ns"].as_u64()).collect();
    let accepted = server.ledger().entries().last().unwrap().accepted_ns;
    [1, 10].map(|event| (stamps[event] - accepted) as f64 / 1e6)
}

/// A machine that gives the server no processor makes it late, hence several tries; nothing may make it early.
#[test]
fn known_times_are_kept_and_stamped() {
    let server = start("known-times");
    let tries: Vec<[f64; 2]> = (0..10).map(|_| stamped(&server)).collect();
    assert!(tries.iter().all(|[first, tenth]| *first >= 50.0 && *tenth >= 140.0), "early: {tries:?}");
    assert!(tries.iter().any(|[first, tenth]| *first < 55.0 && *tenth < 145.0), "late: {tries:?}");
}

#[test]
fn models_health_and_counts_are_served() {
    let server = start("seed-2.0-mini");
    for (path, part) in [
        ("/v1/models", "\"data\":[{\"id\":\"seed-2.0-mini\""),
        ("/models", "\"object\":\"list\""),
        ("/v1/models/seed-2.0-mini", "\"simulated\"".trim_matches('"')),
        ("/health", "\"ok\""),
        ("/sim/ledger", "\"accepted\":0"),
        ("/v1/nonsense", "nothing is served at"),
    ] {
        let mut stream = connect(&server);
        stream.write_all(format!("GET {path} HTTP/1.1\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.contains(part), "{path}: {text}");
    }
    let count = json!({"model": "m", "messages": [{"role": "user", "content": "one two three"}]});
    assert_eq!(body_of(&exchange(&server, "/v1/messages/count_tokens", &count).0), r#"{"input_tokens":10}"#);
    let (unknown, _) = exchange(&server, "/v1/chat/completions", &chat("hi"));
    assert!(unknown.starts_with("HTTP/1.1 404") && unknown.contains("served: seed-2.0-mini"), "{unknown}");
}

#[test]
fn garbage_is_answered_or_ended_but_survived() {
    let server = start("instant");
    for garbage in [
        "\r\n\r\n",
        "GET\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        "\u{0}\u{1}\r\n\r\n",
    ] {
        let mut stream = connect(&server);
        stream.write_all(garbage.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 400"), "{garbage:?}: {text}");
    }
    let (bad, _) = exchange(&server, "/v1/chat/completions", &json!([1]));
    assert!(bad.starts_with("HTTP/1.1 400"), "{bad}");
    assert!(stream_of(&server, "Say hi").contains("[DONE]"));
}

#[test]
fn a_client_that_leaves_frees_its_slot() {
    let server = start("name: q\nslots: 1\nmodels: [{id: m, ttft: 30s}]");
    let mut quick = chat("hi [[sim:ttft=1ms]]");
    quick["stream"] = json!(false);
    let mut slow = connect(&server);
    let mut whole = chat("hi");
    whole["stream"] = json!(false);
    slow.write_all(request("/v1/chat/completions", &whole, "").as_bytes()).unwrap();
    while server.ledger().totals().accepted < 1 {
        std::thread::yield_now();
    }
    drop(slow);
    assert!(exchange(&server, "/v1/chat/completions", &quick).0.starts_with("HTTP/1.1 200"));
}

#[test]
fn a_stopped_server_frees_its_port() {
    let server = start("instant");
    let addr = server.addr();
    server.stop();
    assert!(TcpStream::connect(addr).is_err());
}
