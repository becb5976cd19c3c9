//! Decoders: any body and any stream, from any protocol, has an outcome; how the bytes are cut changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use llmark::provider::Decoded;
use llmark::provider::End;
use llmark::provider::Head;
use llmark::provider::dialect;
use llmark::transport::Framed;
use llmark::transport::Framer;

const PROTOCOLS: [&str; 3] = ["openai-chat", "openai-responses", "anthropic-messages"];

fn head(choice: u8, content_type: &str) -> Head {
    let status = [200, 400, 404, 429, 500, 307][usize::from(choice) % 6];
    Head { status, content_type: content_type.into(), headers: Vec::new() }
}

fn end(choice: u8) -> End {
    [End::Clean, End::Cut, End::Capped("body_too_large")][usize::from(choice) % 3].clone()
}

fn stream<'a>(protocol: &str, parts: impl IntoIterator<Item = &'a [u8]>, how: u8) -> Decoded {
    let mut framer = Framer::new();
    let mut decoder = dialect(protocol).expect("a known protocol").decoder();
    let mut channels = Vec::new();
    let mut emit = |framed: Framed<'_>| {
        if let Framed::Event { name, data } = framed {
            decoder.event(name, data, &mut channels);
        }
    };
    for part in parts {
        framer.feed(part, &mut emit);
    }
    framer.end(&mut emit);
    decoder.finish(&head(0, "text/event-stream"), end(how))
}

fuzz_target!(|bytes: &[u8]| {
    let [which, how, status, bytes @ ..] = bytes else { return };
    let protocol = PROTOCOLS[usize::from(*which) % 3];
    let whole = stream(protocol, [bytes], *how);
    let (left, right) = bytes.split_at(bytes.len() / 2);
    assert_eq!(whole, stream(protocol, [left, right], *how));
    let mut decoder = dialect(protocol).expect("a known protocol").decoder();
    decoder.body(bytes, &mut Vec::new());
    decoder.finish(&head(*status, "application/json"), end(*how));
});
