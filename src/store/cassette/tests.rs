//! Cassettes survive the disk, keep no secret and say what is missing.

use super::*;
use crate::domain::ConnTimes;
use crate::domain::Offset;
use crate::domain::Stage;
use crate::domain::tape::Chunk;
use crate::domain::tape::Heard;
use crate::domain::tape::Sent;
use crate::domain::tape::Stop;
use crate::text::Secret;

fn label(case: &str) -> Label {
    Label {
        target: "a/b@c".into(),
        mode: "low".into(),
        prompt: "p".into(),
        load: "c1".into(),
        case: case.into(),
        repeat: 0,
        warmup: false,
        attempt: 1,
        grader: String::new(),
        path: "/v1/chat/completions".into(),
        content: 7,
    }
}

fn tape(pieces: &[&[u8]], stop: Stop) -> Tape {
    let chunk =
        |(n, bytes): (usize, &&[u8])| Chunk { at: Offset(n as u64 * 10), read: n as u32, bytes: bytes.to_vec() };
    Tape {
        sent: Sent {
            method: "POST".into(),
            url: "http://127.0.0.1:1/v1/chat/completions".into(),
            headers: vec![("accept".into(), "text/event-stream".into())],
            body: b"{}".to_vec(),
        },
        conn: ConnTimes { reused: true, tls: Some(Offset(3)), ..ConnTimes::default() },
        written: Some(Offset(4)),
        head: Some(Heard {
            at: Offset(5),
            status: 200,
            headers: vec![("content-type".into(), "text/event-stream".into())],
        }),
        chunks: pieces.iter().enumerate().map(chunk).collect(),
        ended: Offset(99),
        stop,
    }
}

fn kept(tape: Tape, redactor: Redactor) -> (tempfile::TempDir, Cassettes) {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(folder.path(), redactor).unwrap();
    recorder.keep(label("one"), tape);
    assert_eq!(recorder.finish().unwrap(), 1);
    let cassettes = Cassettes::open(folder.path()).unwrap();
    (folder, cassettes)
}

#[test]
fn every_end_and_every_byte_survives_the_disk() {
    let stops = [
        Stop::Clean,
        Stop::Cut,
        Stop::Capped("body_too_large"),
        Stop::Connect(Stage::Proxy, "no".into()),
        Stop::Timeout(Stage::Idle),
        Stop::Reset("mid_stream"),
        Stop::Protocol("chunk_size"),
    ];
    for stop in stops {
        let tape = tape(&[b"data: \"\xf0\x9f", b"\x98\x80\"\r\n", b"\n\0", b""], stop);
        let (_folder, cassettes) = kept(tape.clone(), Redactor::default());
        assert_eq!(cassettes.find(&label("one")), Ok(tape));
    }
}

#[test]
fn a_secret_cut_by_a_border_is_masked_where_it_stands() {
    let redactor = Redactor::new(&[Secret::new("sk-0123456789abcdef0123")]);
    let (folder, cassettes) = kept(tape(&[b"you sent sk-01234567", b"89abcdef0123!"], Stop::Clean), redactor);
    let found = cassettes.find(&label("one")).unwrap();
    assert_eq!(found.chunks[0].bytes, b"you sent ***********");
    assert_eq!(found.chunks[1].bytes, b"************!");
    let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    assert!(!fs::read_to_string(file).unwrap().contains("sk-0"));
}

#[test]
fn the_closest_recording_is_named_with_what_differs() {
    let (folder, cassettes) = kept(tape(&[], Stop::Clean), Redactor::default());
    let why = cassettes.find(&Label { mode: "high".into(), content: 8, ..label("one") }).unwrap_err();
    assert!(why.contains("differs in mode (`low`, not `high`), what is sent"), "{why}");
    assert!(why.contains("a-b-c.low.one."), "{why}");
    for entry in fs::read_dir(folder.path()).unwrap() {
        fs::write(entry.unwrap().path(), "{\"cassette\":1}\n").unwrap();
    }
    assert!(cassettes.find(&label("one")).unwrap_err().contains("is no recorded exchange"));
    assert!(Cassettes::open(&folder.path().join("none")).is_err());
}
