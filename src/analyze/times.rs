//! Every figure of one attempt that follows from its raw offsets. Definitions are those of the public contract.

use crate::domain::Channel;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::WireEvent;
use crate::domain::observation::answer_start;

/// A gap longer than this is a stall: long enough for anyone to notice.
pub const STALL_MS: f64 = 500.0;

/// Reading speed of the reader model, in words per second.
const READER_WORDS_PER_S: f64 = 6.0;

/// Bytes of text that count as one word of the reader model.
const BYTES_PER_WORD: f64 = 6.0;

/// Times of one attempt in milliseconds. `None` where undefined, never 0 in its place.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Times {
    /// Due to first byte written: our own queue and the connection's making.
    pub queue: Option<f64>,
    /// Due to response headers.
    pub ttfb: Option<f64>,
    /// Due to first generated token of any channel.
    pub ttft: Option<f64>,
    /// Due to first token of the answer.
    pub ttfa: Option<f64>,
    /// Due to last token-bearing event.
    pub e2e: Option<f64>,
    /// Request written to first generated token.
    pub service: Option<f64>,
    /// First to last generated token; `None` with fewer than two token-bearing events.
    pub span: Option<f64>,
    /// The longest gap between token-bearing events.
    pub itl_max: Option<f64>,
    /// Share of a reader's time that is spent waiting.
    pub waiting: Option<f64>,
    /// Name resolution, TCP and TLS of a new connection.
    pub setup: Option<f64>,
    /// Gaps longer than [`STALL_MS`].
    pub stalls: u32,
    /// Token-bearing events.
    pub events: u32,
    /// Token-bearing events that shared a read with the one before.
    pub coalesced: u32,
    /// Reasoning arrived on a channel of its own.
    pub reasoning_streamed: bool,
}

/// Times of `obs`, counted from `due`; gaps between token-bearing events go to `gap`.
///
/// `due` differs from the observation's own where an earlier attempt of the same request failed: the wait for the
/// retry counts.
pub fn measure(obs: &Observation, due: Offset, mut gap: impl FnMut(f64)) -> Times {
    let since = |at: Option<Offset>| at?.ms_since(due);
    let streamed = obs.ttft_ms().is_some();
    let first = obs.first_token().filter(|_| streamed);
    let answer = first_of_answer(obs).filter(|_| streamed);
    let mut times = Times {
        queue: since(first_byte_out(obs)),
        ttfb: since(obs.headers),
        ttft: since(first),
        ttfa: since(answer.map(|event| event.at)),
        e2e: since(obs.last_token()),
        service: obs.written.and_then(|written| first?.ms_since(written)),
        setup: setup(obs),
        reasoning_streamed: obs.events.iter().any(|e| e.channel == Channel::Reasoning && e.bytes > 0),
        ..Times::default()
    };
    let mut before: Option<&WireEvent> = None;
    for event in obs.events.iter().filter(|event| event.channel.is_generated()) {
        times.events += 1;
        if let Some(before) = before
            && streamed
        {
            let ms = event.at.ms_since(before.at).unwrap_or(0.0);
            times.itl_max = Some(times.itl_max.unwrap_or(0.0).max(ms));
            times.stalls += u32::from(ms > STALL_MS);
            times.coalesced += u32::from(event.read == before.read);
            gap(ms);
        }
        before = Some(event);
    }
    times.span = if times.events >= 2 { obs.last_token().and_then(|last| last.ms_since(first?)) } else { None };
    times.waiting = waiting(obs);
    times
}

/// The event that brings the first of the answer: thinking aloud inside the text is no answer yet.
fn first_of_answer(obs: &Observation) -> Option<&WireEvent> {
    let (start, mut seen) = (answer_start(&obs.reply.text), 0);
    obs.events.iter().find(|event| {
        if event.channel != Channel::Text {
            return event.channel.is_answer();
        }
        seen += event.bytes as usize;
        start.is_some_and(|start| start == 0 || seen > start)
    })
}

/// When the first byte of the request left: after the connection was made, where one had to be.
fn first_byte_out(obs: &Observation) -> Option<Offset> {
    obs.written?;
    let made = obs.conn.tls.or(obs.conn.tcp).filter(|_| !obs.conn.reused);
    Some(made.map_or(obs.sent, |made| made.max(obs.sent)))
}

fn setup(obs: &Observation) -> Option<f64> {
    if obs.conn.reused {
        return None;
    }
    obs.conn.tls.or(obs.conn.tcp)?.ms_since(obs.sent)
}

/// Share of the time from the first word to the last in which a reader of steady speed waits for text.
///
/// The reader starts with the first piece of the answer and reads what is there; when nothing is left the reader
/// waits for the next piece. `None` under two pieces of text.
fn waiting(obs: &Observation) -> Option<f64> {
    let ms_per_byte = 1e3 / READER_WORDS_PER_S / BYTES_PER_WORD;
    let mut pieces = obs.events.iter().filter(|event| event.channel == Channel::Text && event.bytes > 0);
    let first = pieces.next()?;
    let (mut free_at, mut waited) = (f64::from(first.bytes) * ms_per_byte, 0.0);
    let mut count = 1;
    for piece in pieces {
        let at = piece.at.ms_since(first.at)?;
        waited += (at - free_at).max(0.0);
        free_at = free_at.max(at) + f64::from(piece.bytes) * ms_per_byte;
        count += 1;
    }
    (count >= 2).then_some(waited / free_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;

    #[track_caller]
    fn near(actual: Option<f64>, expected: f64) {
        assert!((actual.unwrap() - expected).abs() < 1e-9, "{actual:?} is not {expected}");
    }

    /// A role-only delta and an empty start end nothing; reasoning ends TTFT, text ends TTFA; usage and `[DONE]` end
    /// nothing at the other side either.
    #[test]
    fn the_right_events_end_the_clocks() {
        let mut obs = fixture::ok(0, 0);
        obs.due = fixture::ms(1);
        obs.sent = fixture::ms(3);
        obs.written = Some(fixture::ms(4));
        obs.headers = Some(fixture::ms(5));
        obs.events = fixture::events(&[
            (6, 0, Channel::Role),
            (10, 1, Channel::Reasoning),
            (20, 2, Channel::Text),
            (20, 2, Channel::Text),
            (50, 3, Channel::Text),
            (80, 4, Channel::Usage),
            (90, 5, Channel::Done),
        ]);
        let mut gaps = Vec::new();
        let times = measure(&obs, obs.due, |gap| gaps.push(gap));
        near(times.queue, 2.0);
        near(times.ttfb, 4.0);
        near(times.ttft, 9.0);
        near(times.ttfa, 19.0);
        near(times.e2e, 49.0);
        near(times.service, 6.0);
        near(times.span, 40.0);
        near(times.itl_max, 30.0);
        assert_eq!(gaps, [10.0, 0.0, 30.0]);
        assert_eq!((times.events, times.coalesced), (4, 1));
    }

    /// Servers without a parser stream thought as text; tags may straddle events.
    #[test]
    fn thinking_aloud_is_no_answer() {
        let mut obs = fixture::ok(0, 0);
        let pieces = [(10, "<thi"), (20, "nk>hm</th"), (30, "ink>\n"), (40, "4"), (50, "2")];
        let stamped: Vec<_> = pieces.iter().zip(0..).map(|((at, _), read)| (*at, read, Channel::Text)).collect();
        obs.events = fixture::events(&stamped);
        for (event, (_, text)) in obs.events.iter_mut().zip(pieces) {
            event.bytes = text.len() as u32;
        }
        obs.reply.text = pieces.iter().map(|(_, text)| *text).collect();
        let times = measure(&obs, obs.due, |_| ());
        near(times.ttfa.zip(times.ttft).map(|(ttfa, ttft)| ttfa - ttft), 30.0);
        obs.reply.text = "<think>never to be closed".into();
        let times = measure(&obs, obs.due, |_| ());
        assert_eq!((times.ttfa, times.ttft.is_some()), (None, true));
    }

    #[test]
    fn no_token_has_no_time_rather_than_zero() {
        let mut obs = fixture::ok(0, 0);
        obs.events = fixture::events(&[(6, 0, Channel::Role), (90, 5, Channel::Done)]);
        let times = measure(&obs, obs.due, |_| panic!("no gap"));
        assert_eq!((times.ttft, times.ttfa, times.e2e, times.span, times.itl_max), (None, None, None, None, None));
    }

    #[test]
    fn a_time_before_due_is_no_negative_figure() {
        let mut obs = fixture::ok(0, 0);
        obs.due = fixture::ms(1_000_000);
        let times = measure(&obs, obs.due, |_| ());
        assert_eq!((times.ttft, times.e2e, times.queue), (None, None, None));
    }

    /// 36 bytes are six words, a second of reading. A second piece after 1.5 s makes the reader wait half a second,
    /// of 2.5 s in all.
    #[test]
    fn a_reader_waits_only_when_nothing_is_left_to_read() {
        let mut obs = fixture::ok(0, 0);
        obs.events = fixture::events(&[(100, 1, Channel::Text), (1600, 2, Channel::Text)]);
        obs.events.iter_mut().for_each(|event| event.bytes = 36);
        near(measure(&obs, obs.due, |_| ()).waiting, 0.2);
        obs.events[1].at = fixture::ms(900);
        near(measure(&obs, obs.due, |_| ()).waiting, 0.0);
    }
}
