//! How fast a stream's bytes become decoded events, on one core.

use std::hint::black_box;

use criterion::BenchmarkId;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use llmark::provider::dialect;
use llmark::transport::Framed;
use llmark::transport::Framer;

const EVENTS: usize = 10_000;
/// About what a busy connection delivers per read.
const READ: usize = 16 << 10;

fn chat(text: &str, n: usize) -> String {
    let text = text.replace('#', &n.to_string());
    format!(
        r#"data: {{"id":"chatcmpl-9f3c","object":"chat.completion.chunk","created":1790000000,"model":"bytedance-seed/seed-2.0-mini","system_fingerprint":"fp_1","choices":[{{"index":0,"delta":{{{text}}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#
    ) + "\n\n"
}

fn anthropic(n: usize) -> String {
    let data =
        format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":" word{n}"}}}}"#);
    format!("event: content_block_delta\ndata: {data}\n\n")
}

fn streams() -> Vec<(&'static str, &'static str, String)> {
    let all = |event: &dyn Fn(usize) -> String| (0..EVENTS).map(event).collect::<Vec<_>>().concat();
    vec![
        ("chat", "openai-chat", all(&|n| chat(r#""content":" word#""#, n))),
        ("chat, escaped", "openai-chat", all(&|n| chat(r#""content":"\nword#""#, n))),
        (
            "chat, two reasoning fields",
            "openai-chat",
            all(&|n| chat(r#""reasoning":"a#","reasoning_details":[{"text":"a#"}]"#, n)),
        ),
        ("messages", "anthropic-messages", all(&anthropic)),
    ]
}

fn decode(protocol: &str, bytes: &[u8]) -> usize {
    let mut framer = Framer::new();
    let mut decoder = dialect(protocol).expect("a known protocol").decoder();
    let mut out = Vec::new();
    let mut n = 0;
    for part in bytes.chunks(READ) {
        framer.feed(part, &mut |framed| {
            if let Framed::Event { name, data } = framed {
                decoder.event(name, data, &mut out);
            }
        });
        n += out.len();
        out.clear();
    }
    n
}

fn frame(bytes: &[u8]) -> usize {
    let mut framer = Framer::new();
    let mut n = 0;
    for part in bytes.chunks(READ) {
        framer.feed(part, &mut |framed| n += usize::from(matches!(framed, Framed::Event { .. })));
    }
    n
}

fn sse(criterion: &mut Criterion) {
    for (name, protocol, bytes) in streams() {
        let mut group = criterion.benchmark_group(name);
        for (unit, throughput) in
            [("events", Throughput::Elements(EVENTS as u64)), ("bytes", Throughput::Bytes(bytes.len() as u64))]
        {
            group.throughput(throughput);
            group.bench_with_input(BenchmarkId::new("frame", unit), &bytes, |b, bytes| {
                b.iter(|| frame(black_box(bytes.as_bytes())));
            });
            group.bench_with_input(BenchmarkId::new("frame and decode", unit), &bytes, |b, bytes| {
                b.iter(|| decode(protocol, black_box(bytes.as_bytes())));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, sse);
criterion_main!(benches);
