//! Any event that the domain can express comes back from its line as it was.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::domain::*;
use crate::store::Record;

fn at() -> impl Strategy<Value = Offset> {
    any::<u64>().prop_map(Offset)
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![".*", any::<String>(), Just("\u{2028}\u{0}\"\\\n\u{1f600}".to_owned())].boxed()
}

fn real() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>().prop_filter("finite", |x| x.is_finite()), 0.0..1.0f64]
}

fn json_text() -> BoxedStrategy<JsonText> {
    (text(), any::<i64>(), real(), text())
        .prop_map(|(name, n, x, s)| JsonText::new(&json!({name: [n, x, null], "b": {"a": s}})))
        .boxed()
}

fn one_of<T: Clone + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn usage() -> BoxedStrategy<Usage> {
    let count = || option::of(any::<u64>());
    (count(), count(), count(), count(), count(), option::of(any::<i64>()), option::of(json_text()), any::<bool>())
        .prop_map(|(input, cached, cache_write, output, reasoning, billed, raw, told)| Usage {
            input,
            cached,
            cache_write,
            output,
            reasoning,
            billed: billed.map(Usd),
            raw,
            source: if told { TokenSource::Provider } else { TokenSource::Unknown },
        })
        .boxed()
}

fn call() -> impl Strategy<Value = ToolCall> {
    (text(), text(), text()).prop_map(|(id, name, arguments)| ToolCall { id, name, arguments })
}

fn reply() -> BoxedStrategy<Reply> {
    let words = (text(), text(), text(), vec(call(), 0..3), option::of(text()));
    let facts = (option::of(text()), option::of(text()), option::of(text()), option::of(text()), option::of(text()));
    let rest = (option::of(usage()), option::of(json_text()), option::of(one_of(&["reasoning", "thinking"])));
    (words, facts, rest, vec(one_of(&Flag::ALL), 0..3))
        .prop_map(|(words, facts, rest, flags)| Reply {
            text: words.0,
            reasoning: words.1,
            refusal: words.2,
            tool_calls: words.3,
            finish_reason: words.4,
            id: facts.0,
            model: facts.1,
            provider: facts.2,
            service_tier: facts.3,
            fingerprint: facts.4,
            usage: rest.0,
            timings: rest.1,
            reasoning_field: rest.2,
            flags,
        })
        .boxed()
}

fn attempt() -> BoxedStrategy<Attempt> {
    (any::<(u64, u16, u16, bool, u32, u32, u32, bool)>(), option::of("[a-z]{1,9}"))
        .prop_map(|(a, grader)| Attempt {
            trial: TrialId(a.0),
            number: a.1,
            turn: a.2,
            is_last: a.3,
            cell: CellId(a.4),
            case: a.5,
            repeat: a.6,
            phase: if a.7 { Phase::Warmup } else { Phase::Measure },
            asker: grader.map_or(Asker::Subject, |id| Asker::Grader(id.into())),
        })
        .boxed()
}

const CHANNELS: [Channel; 10] = [
    Channel::Role,
    Channel::Reasoning,
    Channel::Text,
    Channel::Refusal,
    Channel::Tool,
    Channel::Usage,
    Channel::Stop,
    Channel::Ping,
    Channel::Error,
    Channel::Done,
];

fn wire_event() -> impl Strategy<Value = WireEvent> {
    (at(), any::<u32>(), one_of(&CHANNELS), any::<u32>()).prop_map(|(at, read, channel, bytes)| WireEvent {
        at,
        read,
        channel,
        bytes,
    })
}

const BASES: [Basis; 4] = [Basis::Billed, Basis::Computed, Basis::Estimated, Basis::Unknown];

fn observation() -> BoxedStrategy<Event> {
    let times = (at(), at(), option::of(at()), option::of(at()), at());
    let conn = (any::<[bool; 3]>(), option::of(at()), option::of(at()), option::of(at()));
    let retry = option::of(any::<bool>());
    let end = (one_of(&Outcome::ALL), text(), text(), option::of(any::<u64>()), option::of(text()), retry);
    let cost = (option::of(any::<i64>()), one_of(&BASES), option::of(any::<u16>()), json_text());
    (attempt(), times, conn, end, cost, reply(), vec(wire_event(), 0..20), option::of(recall()))
        .prop_map(|(attempt, times, conn, end, cost, reply, events, recall)| {
            Event::Observed(Box::new(Observation {
                attempt,
                sent_mode: cost.3,
                due: times.0,
                sent: times.1,
                written: times.2,
                conn: ConnTimes {
                    reused: conn.0[0],
                    http2: conn.0[1],
                    proxied: conn.0[2],
                    dns: conn.1,
                    tcp: conn.2,
                    tls: conn.3,
                },
                status: cost.2,
                headers: times.3,
                events,
                ended: times.4,
                reply,
                outcome: end.0,
                detail: end.1,
                message: end.2,
                retry_after: end.3.map(Duration::from_nanos),
                should_retry: end.5,
                request_id: end.4,
                cost: Cost { usd: cost.0.map(Usd), basis: cost.1 },
                recall,
            }))
        })
        .boxed()
}

fn recall() -> BoxedStrategy<Recall> {
    let kept = (text(), any::<u64>(), option::of(any::<i64>())).prop_map(|(run, unix_ms, avoided)| Kept {
        run,
        unix_ms,
        avoided: avoided.map(Usd),
    });
    (text(), option::of(kept)).prop_map(|(key, kept)| Recall { key, kept }).boxed()
}

fn verdict() -> BoxedStrategy<Verdict> {
    let why = (text(), option::of(text()), option::of(one_of(&["last_number", "letter"])))
        .prop_map(|(text, extracted, step)| Why { text, extracted, step });
    (0..4, 0.0..=1.0f64, why)
        .prop_map(|(kind, value, why)| match kind {
            0 => Verdict::Pass { why },
            1 => Verdict::Fail { why },
            2 => Verdict::Score { value, why },
            _ => Verdict::Ungradable { why },
        })
        .boxed()
}

fn health() -> BoxedStrategy<Event> {
    let times = any::<([u64; 3], [u64; 3], [u64; 3], (u64, u64), Option<u32>, u32, bool)>();
    (times, vec(real(), 6))
        .prop_map(|((lag, dispatch, arrivals, window, cell, fds, overflow), x)| {
            Event::Health(Box::new(Health {
                cell: cell.map(CellId),
                window: (Offset(window.0), Offset(window.1)),
                lag: lag.map(Duration::from_nanos),
                dispatch: dispatch.map(Duration::from_nanos),
                cpu: x[0],
                io_cpu: x[1],
                coalesced: x[2],
                fds,
                arrivals,
                clock_step_s: x[3],
                suspended_s: x[4],
                steal: x[5],
                overflow,
            }))
        })
        .boxed()
}

fn event() -> BoxedStrategy<Event> {
    prop_oneof![
        (any::<(u64, u64)>(), option::of(any::<i64>()))
            .prop_map(|((first, end), usd)| Event::Intent { trials: first..end, worst_cost: usd.map(Usd) }),
        observation(),
        (any::<u64>(), text(), text(), verdict()).prop_map(|(trial, grader, version, verdict)| Event::Graded {
            trial: TrialId(trial),
            grader: grader.into(),
            version,
            verdict
        }),
        health(),
        (text(), text()).prop_map(|(rule, decision)| Event::Decided { rule, decision }),
        one_of(&RunStatus::ALL).prop_map(Event::Ended),
    ]
    .boxed()
}

fn line_of(n: u64, at: Offset, event: &Event) -> Vec<u8> {
    let mut line = Vec::new();
    encode(&mut line, n, at, event).unwrap();
    finish(&mut line);
    line
}

fn read(line: &[u8]) -> Result<(u64, u64, Record), String> {
    verify(line)?;
    let line = std::str::from_utf8(line).map_err(|e| e.to_string())?;
    let head: Head<'_> = serde_json::from_str(line).map_err(|e| e.to_string())?;
    Ok((head.n, head.t, decode(&head, line)?))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_event_survives_its_line(n in any::<u64>(), at in at(), event in event()) {
        let mut line = line_of(n, at, &event);
        prop_assert_eq!(line.pop(), Some(b'\n'));
        prop_assert!(!line.contains(&b'\n'));
        let value: Value = serde_json::from_slice(&line).unwrap();
        prop_assert!(value.is_object());
        prop_assert_eq!(read(&line), Ok((n, at.0, Record::Event(event))));
    }

    #[test]
    fn hostile_members_are_an_error_not_a_panic(kind in "[a-z]{0,9}", members in ".{0,80}") {
        let line = format!("{{\"n\":0,\"t\":0,\"k\":\"{kind}\",{members}}}");
        let head = Head { n: 0, t: 0, k: kind.as_str().into() };
        prop_assert!(decode(&head, &line).is_err() || kind.len() > 3);
    }
}

/// What a line looks like is a promise: tools read it with `jq`.
#[test]
fn lines_keep_their_look() {
    let worst_cost = Some("0.25".parse().unwrap());
    let lines = [
        line_of(1, Offset(1_000), &Event::Intent { trials: 0..16, worst_cost }),
        line_of(
            2,
            Offset(2_000),
            &Event::Graded {
                trial: TrialId(3),
                grader: "exact".into(),
                version: "1:9f".into(),
                verdict: Verdict::decide(false, "found `a`, wanted `b`"),
            },
        ),
        line_of(3, Offset(3_000), &Event::Ended(RunStatus::Complete)),
    ];
    insta::assert_snapshot!(String::from_utf8(lines.concat()).unwrap());
}
