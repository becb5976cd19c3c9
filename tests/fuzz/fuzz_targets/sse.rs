//! Event framing: any bytes, in any two parts, give the same events as whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use llmark::transport::Framed;
use llmark::transport::Framer;

fn framed<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String)> {
    let mut framer = Framer::new();
    let mut events = Vec::new();
    let mut emit = |framed: Framed<'_>| {
        if let Framed::Event { name, data } = framed {
            events.push((name.to_owned(), data.to_owned()));
        }
    };
    for part in parts {
        framer.feed(part, &mut emit);
    }
    framer.end(&mut emit);
    events
}

fuzz_target!(|bytes: &[u8]| {
    let Some((at, bytes)) = bytes.split_first() else { return };
    let whole = framed([bytes]);
    let (left, right) = bytes.split_at(usize::from(*at).min(bytes.len()));
    assert_eq!(whole, framed([left, right]));
    if bytes.len() < 512 {
        assert_eq!(whole, framed(bytes.chunks(1)));
    }
});
