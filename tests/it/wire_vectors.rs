//! Bytes of real and broken servers, through the event framing and the decoders, to their outcome.

use llmark::domain::Channel;
use llmark::domain::Flag;
use llmark::domain::Outcome;
use llmark::provider::Decoded;
use llmark::provider::End;
use llmark::provider::Head;
use llmark::provider::dialect;
use llmark::transport::Framed;
use llmark::transport::Framer;

const CHAT: &str = "openai-chat";
const RESPONSES: &str = "openai-responses";
const MESSAGES: &str = "anthropic-messages";

struct Seen {
    decoded: Decoded,
    channels: Vec<Channel>,
    is_done: bool,
}

fn head(status: u16, content_type: &str) -> Head {
    Head { status, content_type: content_type.into(), headers: Vec::new() }
}

/// Decodes an event stream that arrives in these parts.
fn stream<'a>(protocol: &str, parts: impl IntoIterator<Item = &'a [u8]>, end: End) -> Seen {
    let mut framer = Framer::new();
    let mut decoder = dialect(protocol).unwrap().decoder();
    let mut out = Vec::new();
    let mut emit = |framed: Framed<'_>| {
        if let Framed::Event { name, data } = framed {
            decoder.event(name, data, &mut out);
        }
    };
    for part in parts {
        framer.feed(part, &mut emit);
    }
    framer.end(&mut emit);
    let is_done = decoder.is_done();
    let end = if framer.notes().too_large { End::Capped("event_too_large") } else { end };
    let verdict = decoder.finish(&head(200, "text/event-stream"), end);
    Seen { decoded: verdict, channels: out.into_iter().map(|(channel, _)| channel).collect(), is_done }
}

fn body(protocol: &str, head: &Head, bytes: &[u8], end: End) -> Decoded {
    let mut decoder = dialect(protocol).unwrap().decoder();
    decoder.body(bytes, &mut Vec::new());
    decoder.finish(head, end)
}

/// Decodes a clean stream of these data lines: whole, and byte by byte with the same result.
#[track_caller]
fn run(protocol: &str, lines: &[&str]) -> Seen {
    let bytes = lines.iter().map(|line| ["data: ", line, "\n\n"].concat()).collect::<Vec<_>>().concat();
    let whole = stream(protocol, [bytes.as_bytes()], End::Clean);
    let slow = stream(protocol, bytes.as_bytes().chunks(1), End::Clean);
    assert_eq!((&whole.decoded, &whole.channels), (&slow.decoded, &slow.channels));
    whole
}

#[track_caller]
fn check(protocol: &str, lines: &[&str], outcome: Outcome, flags: &[Flag]) -> Decoded {
    let seen = run(protocol, lines).decoded;
    let mut found = seen.reply.flags.clone();
    found.sort();
    assert_eq!((seen.outcome, found.as_slice()), (outcome, flags), "{}: {} {:?}", seen.detail, seen.message, lines);
    seen
}

fn delta(content: &str) -> String {
    format!(
        r#"{{"id":"c","model":"m","choices":[{{"index":0,"delta":{{"content":"{content}"}},"finish_reason":null}}]}}"#
    )
}

const ROLE: &str = r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}"#;
const STOP: &str = r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USAGE: &str = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
const DONE: &str = "[DONE]";

#[test]
fn a_healthy_chat_is_ok() {
    let (a, b) = (delta("Hel"), delta("lo"));
    let seen = run(CHAT, &[ROLE, &a, &b, STOP, USAGE, DONE]);
    let reply = &seen.decoded.reply;
    assert_eq!((seen.decoded.outcome, reply.text.as_str(), seen.is_done), (Outcome::Ok, "Hello", true));
    assert_eq!((reply.id.as_deref(), reply.model.as_deref()), (Some("c"), Some("m")));
    assert_eq!(reply.usage.as_ref().map(|usage| (usage.input, usage.output)), Some((Some(9), Some(2))));
    let names: Vec<String> = seen.channels.iter().map(|channel| format!("{channel:?}")).collect();
    assert_eq!(names.join(" "), "Role Text Text Stop Usage Done");
    assert_eq!(reply.flags, []);
}

/// The fast path must see what the parser would see.
#[test]
fn chunks_that_differ_in_their_text_only_are_read_exactly() {
    let texts = ["a", "b\\\"c", "", "d\\u00e9", "\u{1f600}", "\\ud83d", "e\\nf", "g"];
    let lines: Vec<String> = texts.iter().map(|text| delta(text)).collect();
    let mut all: Vec<&str> = lines.iter().map(String::as_str).collect();
    all.extend([STOP, DONE]);
    let decoded = check(CHAT, &all, Outcome::Ok, &[Flag::Repaired]);
    assert_eq!(decoded.reply.text, "ab\"cd\u{e9}\u{1f600}\u{fffd}e\nfg");
    let tricky = delta(r#"x"},"finish_reason":"length"}],"y":[{"z":{"content":"#).replace("{{", "{");
    let one = delta("one");
    let broken = run(CHAT, &[&one, &tricky, STOP, DONE]).decoded;
    assert_ne!(broken.reply.text, r#"onex"},"finish_reason":"length"}],"y":[{"z":{"content":"#);
    let other = delta("no").replace("\"index\":0", "\"index\":1");
    assert_eq!(check(CHAT, &[&one, &other, &other, STOP, DONE], Outcome::Ok, &[]).reply.text, "one");
}

#[test]
fn reasoning_has_many_names_and_is_taken_once() {
    let rows = [
        (r#""reasoning_content":"Hm""#, "reasoning_content"),
        (r#""reasoning":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm"}]"#, "reasoning"),
        (r#""reasoning_content":"Hm","reasoning":"Hm""#, "reasoning_content"),
        (r#""reasoning":null,"reasoning_details":[{"type":"reasoning.summary","summary":"Hm"}]"#, "reasoning_details"),
    ];
    for (member, field) in rows {
        let line = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"",{member}}}}}]}}"#);
        let reply = check(CHAT, &[&line, STOP, DONE], Outcome::Ok, &[]).reply;
        assert_eq!((reply.reasoning.as_str(), reply.reasoning_field), ("Hm", Some(field)), "{member}");
    }
    let encrypted = r#"{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}}]}"#;
    check(CHAT, &[encrypted, STOP, DONE], Outcome::Ok, &[Flag::Empty]);
}

#[test]
fn tool_calls_are_keyed_by_index() {
    let call = |index: &str, id: &str, name: &str, arguments: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"content":null,"tool_calls":[{{{index}"id":"{id}","function":{{"name":"{name}","arguments":{arguments}}}}}]}}}}]}}"#
        )
    };
    let finish = r#"{"choices":[{"delta":{"role":null,"tool_calls":null},"finish_reason":"tool_calls"}]}"#;
    let lines = [
        call(r#""index":0,"#, "a", "get", r#""""#),
        call(r#""index":0,"#, "a", "", r#""{\"q\":""#),
        call(r#""index":1000000000,"#, "c", "far", r#""{}""#),
        call(r#""index":5,"#, "b", "mid", r#"{"x":1}"#),
        call(r#""index":0,"#, "", "", r#""1}""#),
    ];
    let mut all: Vec<&str> = lines.iter().map(String::as_str).collect();
    all.extend([finish, DONE]);
    let reply = check(CHAT, &all, Outcome::ToolCalls, &[Flag::OddShape]).reply;
    let calls: Vec<_> =
        reply.tool_calls.iter().map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str())).collect();
    assert_eq!(calls, [("a", "get", r#"{"q":1}"#), ("b", "mid", r#"{"x":1}"#), ("c", "far", "{}")]);
    let nameless = [call("", "a", "one", r#""1""#), call("", "b", "two", r#""2""#), call("", "a", "", r#""3""#)];
    let mut all: Vec<&str> = nameless.iter().map(String::as_str).collect();
    all.extend([STOP, DONE]);
    let reply = check(CHAT, &all, Outcome::ToolCalls, &[]).reply;
    let calls: Vec<_> = reply.tool_calls.iter().map(|c| (c.name.as_str(), c.arguments.as_str())).collect();
    assert_eq!(calls, [("one", "13"), ("two", "2")]);
}

#[test]
fn how_a_chat_ends() {
    let a = delta("x");
    let finish = |reason: &str| STOP.replace("stop", reason);
    check(CHAT, &[&a, &finish("length"), DONE], Outcome::Length, &[]);
    check(CHAT, &[ROLE, &finish("length"), DONE], Outcome::Length, &[Flag::EmptyAfterReasoning]);
    check(CHAT, &[&a, &finish("content_filter"), DONE], Outcome::ContentFilter, &[]);
    check(CHAT, &[&a, &finish("error"), DONE], Outcome::StreamError, &[]);
    check(CHAT, &[&a, &finish("quite_new"), DONE], Outcome::Ok, &[]);
    check(CHAT, &[&a, STOP], Outcome::Ok, &[Flag::MissingDone]);
    check(CHAT, &[&a, DONE], Outcome::Truncated, &[]);
    check(CHAT, &[ROLE, STOP, DONE], Outcome::Ok, &[Flag::Empty]);
    check(CHAT, &[&a, STOP, &a, DONE], Outcome::Ok, &[Flag::DataAfterTerminal]);
    check(CHAT, &[&a, STOP, DONE, &a], Outcome::Ok, &[Flag::DataAfterTerminal]);
    let think = delta("<think>hm");
    check(CHAT, &[&think, STOP, DONE], Outcome::Length, &[Flag::EmptyAfterReasoning]);
    let refusal = r#"{"choices":[{"delta":{"refusal":"I can"}}]}"#;
    assert_eq!(check(CHAT, &[refusal, STOP, DONE], Outcome::Refusal, &[]).reply.refusal, "I can");
}

#[test]
fn an_error_object_is_a_stream_error_wherever_it_stands() {
    let a = delta("x");
    let shapes = [
        (r#"{"error":{"message":"boom","type":"server_error","param":null,"code":"internal"}}"#, "internal"),
        (r#"{"error":{"message":"EngineCore","type":"InternalServerError","param":null,"code":500}}"#, "500"),
        (r#"{"object":"error","message":"no","type":"BadRequestError","code":400}"#, "400"),
        (
            r#"{"id":"g","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"down","metadata":{"error_type":"provider_unavailable"}}}"#,
            "502",
        ),
        (r#"{"status":"error","messege":"no"}"#, "error"),
        (r#"{"error":"plain"}"#, ""),
    ];
    for (error, code) in shapes {
        for lines in [
            vec![error],
            vec![a.as_str(), error],
            vec![&a, STOP, error],
            vec![&a, error, DONE],
            vec![error, STOP, DONE],
        ] {
            let decoded = run(CHAT, &lines).decoded;
            assert_eq!((decoded.outcome, decoded.detail.as_str()), (Outcome::StreamError, code), "{lines:?}");
        }
    }
    let anthropic = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#;
    assert_eq!(check(MESSAGES, &[anthropic], Outcome::StreamError, &[]).detail, "overloaded_error");
    let flat = r#"{"type":"error","code":"server_error","message":"no","param":null,"sequence_number":1}"#;
    assert_eq!(check(RESPONSES, &[flat], Outcome::StreamError, &[]).message, "no");
}

#[test]
fn usage_is_taken_from_the_last_word() {
    let a = delta("xxxx");
    let usage = |n: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{}}}}],"usage":{{"prompt_tokens":9,"completion_tokens":{n}}}}}"#)
    };
    let output = |decoded: &Decoded| decoded.reply.usage.as_ref().and_then(|usage| usage.output);
    let (two, five) = (usage("2"), usage("5"));
    assert_eq!(output(&check(CHAT, &[&a, &two, STOP, &five, DONE], Outcome::Ok, &[])), Some(5));
    assert_eq!(output(&check(CHAT, &[&a, &five, STOP, &two, DONE], Outcome::Ok, &[Flag::UsageShrank])), Some(2));
    assert_eq!(check(CHAT, &[&a, STOP, DONE], Outcome::Ok, &[]).reply.usage, None);
    let rows = [
        ("12.0", Some(12), &[Flag::UsageCoerced][..]),
        ("1e3", Some(1000), &[Flag::UsageCoerced]),
        ("\"12\"", Some(12), &[Flag::UsageCoerced]),
        ("-1", None, &[Flag::UsageDropped]),
        ("18446744073709551616", None, &[Flag::UsageDropped]),
        ("null", None, &[]),
    ];
    for (count, expected, flags) in rows {
        let line = usage(count);
        assert_eq!(output(&check(CHAT, &[&a, &line, STOP, DONE], Outcome::Ok, flags)), expected, "{count}");
    }
    let billed = r#"{"provider":"x","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":40,"cost":0.00012}}"#;
    let reply = check(CHAT, &[&a, STOP, billed, DONE], Outcome::Ok, &[]).reply;
    assert_eq!(
        (reply.usage.unwrap().billed.unwrap().to_string().as_str(), reply.provider.as_deref()),
        ("0.00012", Some("x"))
    );
    let timings = r#"{"choices":[],"usage":{"completion_tokens":48},"timings":{"cache_n":37}}"#;
    let reply = check(CHAT, &[&a, STOP, timings, DONE], Outcome::Ok, &[]).reply;
    assert_eq!(reply.timings.unwrap().as_str(), r#"{"cache_n":37}"#);
}

#[test]
fn odd_shapes_do_no_harm() {
    let a = delta("x");
    let shapes = [
        "{}",
        r#"{"choices":null}"#,
        r#"{"choices":[]}"#,
        r#"{"choices":{}}"#,
        r#"{"choices":[null]}"#,
        r#"{"choices":7}"#,
        r#"{"choices":[{"delta":null}]}"#,
        r#"{"choices":[{}]}"#,
        r#"{"choices":[{"delta":"x"}]}"#,
        "[]",
        "7",
        "null",
        r#"{"choices":[{"delta":{"content":{"a":1}}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[null]}}]}"#,
        r#"{"usage":[]}"#,
        r#"{"usage":"x"}"#,
        r#"{"moderation":{"input":[]}}"#,
        r#"{"choices":[{"delta":{"content":5}}]}"#,
    ];
    for shape in shapes {
        for protocol in [CHAT, RESPONSES, MESSAGES] {
            run(protocol, &[shape]);
        }
        assert_eq!(run(CHAT, &[&a, shape, STOP, DONE]).decoded.outcome, Outcome::Ok, "{shape}");
    }
    let parts = r#"{"choices":[{"delta":{"content":[{"type":"text","text":"ab"}]}}]}"#;
    assert_eq!(check(CHAT, &[parts, STOP, DONE], Outcome::Ok, &[]).reply.text, "ab");
    let twice = r#"{"choices":[{"delta":{"content":"a","content":"b"}}]}"#;
    assert_eq!(check(CHAT, &[twice, STOP, DONE], Outcome::Ok, &[]).reply.text, "b");
}

#[test]
fn what_is_no_json_breaks_the_protocol() {
    let a = delta("x");
    let deep = "[".repeat(200_000);
    for broken in ["NaN", "{\"a\":Infinity}", "1e999", "{\"a\":", &deep, "\u{b}"] {
        for protocol in [CHAT, RESPONSES, MESSAGES] {
            let decoded = run(protocol, &[broken]).decoded;
            assert_eq!((decoded.outcome, decoded.detail.as_str()), (Outcome::ProtocolError, "json"), "{protocol}");
        }
        let decoded = run(CHAT, &[&a, broken, STOP, DONE]).decoded;
        assert_eq!(decoded.outcome, Outcome::ProtocolError);
        assert!(decoded.message.len() <= 2048);
    }
}

#[test]
fn ends_of_the_connection() {
    let a = format!("data: {}\n\n", delta("x"));
    let whole = format!("{a}data: {STOP}\n\n");
    let outcome = |bytes: &str, end| stream(CHAT, [bytes.as_bytes()], end).decoded.outcome;
    assert_eq!(outcome(&a, End::Clean), Outcome::Truncated, "H01");
    assert_eq!(outcome(&whole, End::Cut), Outcome::Truncated, "H02");
    assert_eq!(outcome(&format!("{a}data: {{\"choi"), End::Clean), Outcome::Truncated, "H03");
    assert_eq!(outcome("", End::Clean), Outcome::ProtocolError, "H06");
    assert_eq!(outcome("", End::Cut), Outcome::Truncated);
    let huge = format!("data: {}\n\n", "x".repeat(17 << 20));
    let seen = stream(CHAT, [huge.as_bytes()], End::Clean).decoded;
    assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::ProtocolError, "event_too_large"), "S30");
}

#[test]
fn many_empty_events_carry_no_token() {
    let bytes = format!("data: {ROLE}\n\n").repeat(100_000) + &format!("data: {STOP}\n\ndata: [DONE]\n\n");
    let seen = stream(CHAT, bytes.as_bytes().chunks(8192), End::Clean);
    assert_eq!(seen.decoded.outcome, Outcome::Ok, "S32");
    assert!(seen.channels.iter().all(|channel| !channel.is_generated()));
    assert_eq!(seen.decoded.reply.flags, [Flag::Empty]);
}

#[test]
fn bodies_that_are_no_stream() {
    let json = "application/json";
    let full = r#"{"id":"c","choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let rows: &[(u16, &str, &str, Outcome, &str)] = &[
        (200, json, full, Outcome::Ok, ""),
        (200, json, r#"{"error":{"message":"no","code":"bad"}}"#, Outcome::HttpError, "error_body/bad"),
        (200, json, r#"{"status":"error","message":"no"}"#, Outcome::HttpError, "error_body/error"),
        (200, json, r#"{"status":"error","messege":"no"}"#, Outcome::HttpError, "error_body/error"),
        (200, json, r#"{"status":"processing","id":"1","eta":5}"#, Outcome::HttpError, "error_body/processing"),
        (200, json, r#"{"code":404,"message":"no"}"#, Outcome::HttpError, "error_body/404"),
        (200, json, r#"{"choices":[]}"#, Outcome::ProtocolError, "choices"),
        (200, json, "{\"choices\":[{\"mess", Outcome::ProtocolError, "json"),
        (200, "text/html; charset=utf-8", "<html>login</html>", Outcome::ProtocolError, "content_type"),
        (200, json, "", Outcome::ProtocolError, "content_type"),
        (204, "", "", Outcome::ProtocolError, "content_type"),
        (502, "text/html", "<html>bad gateway</html>", Outcome::HttpError, "server_error"),
        (503, "text/html", "<html></html>", Outcome::HttpError, "unavailable"),
        (
            529,
            json,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#,
            Outcome::RateLimited,
            "overloaded/overloaded_error",
        ),
        (408, json, "", Outcome::HttpError, "request_timeout"),
        (409, json, "", Outcome::HttpError, "conflict"),
        (421, json, "", Outcome::HttpError, "misdirected"),
        (425, json, "", Outcome::HttpError, "too_early"),
        (
            429,
            json,
            r#"{"status":"error","message":"slow","retry_after":30}"#,
            Outcome::RateLimited,
            "rate_limited/error",
        ),
        (
            429,
            json,
            r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#,
            Outcome::QuotaExhausted,
            "rate_limited/insufficient_quota",
        ),
        (307, "", "", Outcome::HttpError, "redirect"),
    ];
    for (status, content_type, text, outcome, detail) in rows {
        let decoded = body(CHAT, &head(*status, content_type), text.as_bytes(), End::Clean);
        assert_eq!((decoded.outcome, decoded.detail.as_str()), (*outcome, *detail), "{status} {text}");
        assert_eq!(decoded.outcome == Outcome::Ok, decoded.reply.text == "hi");
    }
    let decoded = body(CHAT, &head(200, json), full.as_bytes(), End::Clean);
    assert_eq!(decoded.reply.flags, [Flag::NotStreamed], "H07");
    let decoded = body(CHAT, &head(429, json), br#"{"status":"error","retry_after":30}"#, End::Clean);
    assert_eq!(decoded.retry_after.map(|wait| wait.as_secs()), Some(30));
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":28,"cache_read_input_tokens":2,"output_tokens":1}}}"#;
const TEXT: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}          }"#;
const END_TURN: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":40,"output_tokens_details":{"thinking_tokens":30}}}"#;
const MESSAGE_STOP: &str = r#"{"type":"message_stop"}"#;

#[test]
fn an_anthropic_message_streams_in_blocks() {
    let lines = [
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}  }"#,
        r#"{"type": "ping"}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}        }"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"x"}}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
        TEXT,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t","name":"get","input":{}}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"q\":1}"}}"#,
        r#"{"type":"something_new","index":3}"#,
        r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":20}}"#,
        &END_TURN.replace("end_turn", "tool_use"),
        MESSAGE_STOP,
    ];
    let reply = check(MESSAGES, &lines, Outcome::ToolCalls, &[]).reply;
    assert_eq!((reply.text.as_str(), reply.reasoning.as_str()), ("Hi", "Hm"));
    assert_eq!((reply.tool_calls[0].name.as_str(), reply.tool_calls[0].arguments.as_str()), ("get", "{\"q\":1}"));
    let usage = reply.usage.unwrap();
    assert_eq!((usage.input, usage.cached, usage.output, usage.reasoning), (Some(30), Some(2), Some(40), Some(30)));
}

#[test]
fn broken_anthropic_streams_have_defined_outcomes() {
    check(MESSAGES, &[START, TEXT, END_TURN, MESSAGE_STOP], Outcome::Ok, &[]);
    check(MESSAGES, &[START, TEXT, END_TURN], Outcome::Ok, &[Flag::MissingDone]);
    check(MESSAGES, &[START, TEXT, MESSAGE_STOP], Outcome::Truncated, &[]);
    // What is stated before the answer is no count of the answer.
    let counted = r#"{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#;
    let usage = check(MESSAGES, &[counted, TEXT], Outcome::Truncated, &[]).reply.usage.unwrap();
    assert_eq!((usage.input, usage.output), (Some(9), None));
    check(MESSAGES, &[TEXT, START, END_TURN, MESSAGE_STOP], Outcome::Ok, &[Flag::OddShape]);
    check(MESSAGES, &[START, START, TEXT, END_TURN, MESSAGE_STOP], Outcome::Ok, &[Flag::OddShape]);
    let far = r#"{"type":"content_block_start","index":7,"content_block":{"type":"text","text":""}}"#;
    check(MESSAGES, &[START, far, TEXT, END_TURN, MESSAGE_STOP], Outcome::Ok, &[Flag::Gap]);
    let limit = END_TURN.replace("end_turn", "max_tokens");
    check(MESSAGES, &[START, &limit, MESSAGE_STOP], Outcome::Length, &[Flag::EmptyAfterReasoning]);
    let refused = END_TURN.replace("end_turn", "refusal");
    check(MESSAGES, &[START, TEXT, &refused, MESSAGE_STOP], Outcome::Refusal, &[]);
    let wrapped = r#"{"type":"message_delta","delta":{"type":"content_block_delta","delta":{"text":"x"}}}"#;
    check(MESSAGES, &[wrapped, wrapped, DONE], Outcome::Truncated, &[Flag::OddShape]);
    let whole = br#"{"id":"msg","type":"message","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":15,"output_tokens":8}}"#;
    let decoded = body(MESSAGES, &head(200, "application/json"), whole, End::Clean);
    assert_eq!((decoded.outcome, decoded.reply.text.as_str()), (Outcome::Ok, "hi"));
}

#[test]
fn responses_stream_in_numbered_events() {
    let event = |n: u32, rest: &str| format!(r#"{{"type":"response.{rest},"sequence_number":{n}}}"#);
    let text = event(1, r#"output_text.delta","delta":"Hi""#);
    let thought = event(0, r#"reasoning_summary_text.delta","delta":"Hm""#);
    let usage = r#""usage":{"input_tokens":9,"output_tokens":40,"output_tokens_details":{"reasoning_tokens":32}}"#;
    let done = event(2, &format!(r#"completed","response":{{"id":"r","status":"completed",{usage}}}"#));
    let reply = check(RESPONSES, &[&thought, &text, &done], Outcome::Ok, &[]).reply;
    assert_eq!((reply.text.as_str(), reply.reasoning.as_str(), reply.id.as_deref()), ("Hi", "Hm", Some("r")));
    assert_eq!(reply.usage.map(|usage| (usage.output, usage.reasoning)), Some((Some(40), Some(32))));
    check(RESPONSES, &[&thought, &done], Outcome::Ok, &[Flag::Gap]);
    check(RESPONSES, &[&thought, &text], Outcome::Truncated, &[]);
    let cut = event(
        2,
        r#"incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#,
    );
    assert_eq!(
        check(RESPONSES, &[&thought, &text, &cut], Outcome::Length, &[]).reply.finish_reason.as_deref(),
        Some("max_output_tokens")
    );
    let failed = event(2, r#"failed","response":{"status":"failed","error":{"code":"server_error","message":"no"}}"#);
    assert_eq!(check(RESPONSES, &[&thought, &text, &failed], Outcome::StreamError, &[]).detail, "server_error");
    let added = event(
        0,
        r#"output_item.added","output_index":1,"item":{"type":"function_call","call_id":"c","name":"get","arguments":""}"#,
    );
    let arguments = event(1, r#"function_call_arguments.delta","output_index":1,"delta":"{}""#);
    let reply = check(RESPONSES, &[&added, &arguments, &done], Outcome::ToolCalls, &[]).reply;
    assert_eq!((reply.tool_calls[0].name.as_str(), reply.tool_calls[0].arguments.as_str()), ("get", "{}"));
    let whole = r#"{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}]}"#;
    let decoded = body(RESPONSES, &head(200, "application/json"), whole.as_bytes(), End::Clean);
    assert_eq!((decoded.outcome, decoded.reply.text.as_str()), (Outcome::Ok, "hi"));
}
