//! The event framing against the vectors of the web platform tests and of servers seen in the field.

use proptest::prelude::any;
use proptest::prelude::prop;
use proptest::prelude::prop_assert_eq;
use proptest::prelude::proptest;

use super::*;

type Events = Vec<(String, String)>;

fn parse<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Events, Notes) {
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
    (events, framer.notes())
}

/// Whole, byte by byte, and under every two-way split.
#[track_caller]
fn check(id: &str, bytes: &[u8], expected: &[(&str, &str)]) {
    let expected: Events = expected.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect();
    let (whole, notes) = parse([bytes]);
    assert_eq!(whole, expected, "{id} whole");
    assert_eq!(parse(bytes.chunks(1)), (whole.clone(), notes), "{id} byte by byte");
    for at in 0..=bytes.len() {
        assert_eq!(parse([&bytes[..at], &bytes[at..]]), (whole.clone(), notes), "{id} split at {at}");
    }
}

#[test]
fn lines_end_at_lf_cr_or_both() {
    check("S01", b"data: {\"a\":1}\n\n", &[("", "{\"a\":1}")]);
    check("S02", b"data: {\"a\":1}\r\n\r\n", &[("", "{\"a\":1}")]);
    check("S03", b"data: {\"a\":1}\r\r", &[("", "{\"a\":1}")]);
    check("S04", b"event: x\rdata: 1\r\ndata: 2\n\r\n", &[("x", "1\n2")]);
    check("S05", b"data: 1\r\n\r\ndata: 2\r\n\r\n", &[("", "1"), ("", "2")]);
    let separated = "data: {\"t\":\"a\u{2028}b\u{85}c\u{b}d\"}\n\n";
    check("S09", separated.as_bytes(), &[("", "{\"t\":\"a\u{2028}b\u{85}c\u{b}d\"}")]);
}

#[test]
fn an_event_leaves_with_its_blank_line_and_not_later() {
    let mut framer = Framer::new();
    let mut seen = Vec::new();
    let mut counts = Vec::new();
    for part in [&b"data: 1\r"[..], b"\n\r", b"\ndata: 2\r\n\r", b"\n"] {
        framer.feed(part, &mut |framed| {
            if let Framed::Event { data, .. } = framed {
                seen.push(data.to_owned());
            }
        });
        counts.push(seen.len());
    }
    assert_eq!((seen.join(","), counts), ("1,2".to_owned(), vec![0, 1, 2, 2]));
}

#[test]
fn a_byte_order_mark_counts_at_the_start_only() {
    check("S06", b"\xEF\xBB\xBFdata: 1\n\n", &[("", "1")]);
    check("S07", b"data: 1\n\n\xEF\xBB\xBFdata: 2\n\ndata: 3\n\n", &[("", "1"), ("", "3")]);
    check("lone", b"\xEF\xBB\xBF\ndata: 1\n\n", &[("", "1")]);
}

#[test]
fn fields_follow_the_grammar() {
    check("S08", b"data: \"\xF0\x9F\x98\x80\"\n\n", &[("", "\"\u{1f600}\"")]);
    check("S10", b"data\n\n", &[("", "")]);
    check("S11", b"data\ndata\n\n", &[("", "\n")]);
    check("S12", b"data: {\"a\":\ndata: 1}\n\n", &[("", "{\"a\":\n1}")]);
    check("S13", b"data:{\"a\":1}\n\n", &[("", "{\"a\":1}")]);
    check("S14", b"data:  x\n\n", &[("", " x")]);
    check("S15", b"data:\tx\n\n", &[("", "\tx")]);
    check("S16", b": OPENROUTER PROCESSING\n\ndata: 1\n\n", &[("", "1")]);
    check("S17", b"event: ping\n\ndata: 1\n\n", &[("", "1")]);
    check("S18", b"id: 7\ndata: 1\n\n\n\ndata: 2\n\n", &[("", "1"), ("", "2")]);
    check("S19", b"id: a\0b\ndata: 1\n\n", &[("", "1")]);
    check("S20", b"retry: 1000\n\nretry: x\n\ndata: 1\n\n", &[("", "1")]);
    check("S21", b"Data: 1\n\n DATA: 2\n\ndata: 3\n\n", &[("", "3")]);
    check("S25", b"data: a:b:c\n\n", &[("", "a:b:c")]);
    check("S26", b"event: error\ndata: 1\n\ndata: 2\n\n", &[("error", "1"), ("", "2")]);
    let comments = b"data:1\r:\0\n:\r\ndata:2\n:xx\rdata:3\n:data:fail\r:yy\ndata:4\n\n";
    check("S28", comments, &[("", "1\n2\n3\n4")]);
    check("S29", b"data: a\0b\n\n", &[("", "a\0b")]);
}

#[test]
fn an_unfinished_event_counts_only_if_it_is_whole() {
    let first = ("", "{\"a\":1}");
    check("S22", b"data: {\"a\":1}\n\ndata: [DONE]\n", &[first, ("", "[DONE]")]);
    check("S23", b"data: {\"a\":1}\n\ndata: [DONE]", &[first, ("", "[DONE]")]);
    check("json", b"data: {\"a\":1}", &[first]);
    check("cut", b"data: {\"a\":1}\n\ndata: {\"a\":", &[first]);
    check("number", b"data: 12", &[]);
    assert!(parse([&b"data: [DONE]\n"[..]]).1.missing_final_blank);
    assert!(!parse([&b"data: {\"a\":\n"[..]]).1.missing_final_blank);
}

#[test]
fn invalid_utf8_is_replaced_and_noted() {
    check("S24", b"data: \"\xFF\xC3\"\n\n", &[("", "\"\u{fffd}\u{fffd}\"")]);
    assert!(parse([&b"data: \"\xFF\xC3\"\n\n"[..]]).1.repaired);
    assert!(!parse([&b"data: \"\xC3\xA4\"\n\n"[..]]).1.repaired);
}

#[test]
fn long_lines_pass_up_to_the_cap() {
    let line = |n: usize| [b"data: ".to_vec(), vec![b'x'; n], b"\n\ndata: 2\n\n".to_vec()].concat();
    let (events, notes) = parse(line(8 << 20).chunks(1 << 14));
    assert_eq!((events.len(), events[0].1.len(), notes.too_large), (2, 8 << 20, false), "S30");
    for size in [64 << 20, 1 << 14] {
        let (events, notes) = parse(line(64 << 20).chunks(size));
        assert_eq!((events.len(), notes.too_large), (0, true), "S30 in reads of {size}");
    }
    let many = b"data: 0123456789abcdef\n".repeat(1 << 20);
    assert!(parse(many.chunks(1 << 16)).1.too_large, "many short lines of one event");
}

#[test]
fn comments_do_not_accumulate() {
    let mut framer = Framer::new();
    let mut comments = 0u32;
    for _ in 0..1_000_000 {
        framer.feed(b": keep-alive\n", &mut |framed| comments += u32::from(framed == Framed::Comment));
    }
    assert_eq!((comments, framer.line.capacity(), framer.data.capacity()), (1_000_000, 0, 0), "S31");
}

/// What event streams are made of, and what they should not be made of.
const PIECES: &[&[u8]] = &[
    b"data: ",
    b"data",
    b":",
    b"event: x",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b" ",
    b"{\"a\":1}",
    b"[DONE]",
    b"\xEF\xBB\xBF",
    b"\xF0\x9F\x98\x80",
    b"\xFF",
    b"\0",
    b"id: 1",
    b"y",
];

proptest! {
    /// Any bytes, cut anywhere, give the same events as in one piece.
    #[test]
    fn splits_change_nothing(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let bytes = pieces.concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let parts: Vec<&[u8]> = at.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        prop_assert_eq!(parse(parts), parse([&bytes[..]]));
    }
}
