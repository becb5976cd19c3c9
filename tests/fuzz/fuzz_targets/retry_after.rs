//! Retry-After in all its forms: any headers give a bounded wait or none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use llmark::provider::Head;
use llmark::provider::retry_after;

const NAMES: [&str; 6] = [
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-reset",
    "date",
];

fuzz_target!(|parts: (Vec<(u8, String)>, Option<f64>)| {
    let (headers, body) = parts;
    let named = |(name, value): (u8, String)| (NAMES[usize::from(name) % NAMES.len()].into(), value.into());
    let head = Head { status: 429, content_type: "".into(), headers: headers.into_iter().map(named).collect() };
    retry_after::wait(&head, body);
});
