//! Client-side limits of a target: requests and tokens per minute, concurrent requests.

use std::time::Duration;

use crate::domain::Offset;
use crate::provider::endpoint::Limits;

/// Holds back requests of one target.
#[derive(Debug, Clone)]
pub struct Limiter {
    limits: Limits,
    /// Requests and tokens that may be sent now; negative after an overdraft.
    requests: f64,
    tokens: f64,
    refilled: Offset,
    /// Outstanding.
    pub in_flight: u32,
    /// Concurrency that the server has borne so far, where it is being learnt.
    learnt: Option<f64>,
}

const MINUTE: f64 = 60.0;

impl Limiter {
    /// Full buckets: a second's worth, at least one request.
    pub fn new(limits: Limits, learn: bool) -> Self {
        let burst = |per_minute: Option<f64>| per_minute.map_or(f64::INFINITY, |n| (n / MINUTE).max(1.0));
        let learnt = learn.then_some(f64::INFINITY);
        Self {
            limits,
            requests: burst(limits.rpm),
            tokens: burst(limits.tpm),
            refilled: Offset::ZERO,
            in_flight: 0,
            learnt,
        }
    }

    /// How long until another request may be sent; zero when it may be sent now, `None` when one must end first.
    pub fn wait(&mut self, now: Offset) -> Option<Duration> {
        let cap = self.limits.concurrency.map_or(f64::INFINITY, f64::from).min(self.learnt.unwrap_or(f64::INFINITY));
        if f64::from(self.in_flight) >= cap.max(1.0) {
            return None;
        }
        self.refill(now);
        let missing = |have: f64, need: f64, per_minute: Option<f64>| {
            per_minute.map_or(0.0, |rate| ((need - have) / rate * MINUTE).max(0.0))
        };
        let seconds = missing(self.requests, 1.0, self.limits.rpm).max(missing(self.tokens, 0.0, self.limits.tpm));
        Some(Duration::from_secs_f64(seconds))
    }

    fn refill(&mut self, now: Offset) {
        let passed = now.since(self.refilled).unwrap_or_default().as_secs_f64() / MINUTE;
        self.refilled = now;
        let fill = |have: f64, per_minute: Option<f64>| {
            per_minute.map_or(f64::INFINITY, |rate| (have + rate * passed).min((rate / MINUTE).max(1.0)))
        };
        self.requests = fill(self.requests, self.limits.rpm);
        self.tokens = fill(self.tokens, self.limits.tpm);
    }

    /// A request was sent.
    pub fn sent(&mut self) {
        self.in_flight += 1;
        self.requests -= 1.0;
    }

    /// A request ended and used this many tokens. A refusal for rate halves what is let through; success lets a little
    /// more through, as TCP does.
    pub fn ended(&mut self, tokens: u64, was_limited: bool) {
        self.tokens -= tokens as f64;
        if let Some(cap) = self.learnt {
            let borne = if was_limited { (cap.min(f64::from(self.in_flight)) / 2.0).max(1.0) } else { cap + 1.0 / cap };
            self.learnt = Some(borne);
        }
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Offset {
        Offset(seconds * 1_000_000_000)
    }

    #[test]
    fn requests_per_minute_are_spread() {
        let mut limiter = Limiter::new(Limits { rpm: Some(30.0), ..Limits::default() }, false);
        assert_eq!(limiter.wait(at(0)), Some(Duration::ZERO));
        limiter.sent();
        assert_eq!(limiter.wait(at(0)), Some(Duration::from_secs(2)));
        assert_eq!(limiter.wait(at(2)), Some(Duration::ZERO));
    }

    #[test]
    fn concurrency_waits_for_an_end() {
        let mut limiter = Limiter::new(Limits { concurrency: Some(1), ..Limits::default() }, false);
        limiter.sent();
        assert_eq!(limiter.wait(at(0)), None);
        limiter.ended(0, false);
        assert_eq!(limiter.wait(at(0)), Some(Duration::ZERO));
    }

    #[test]
    fn a_refusal_halves_what_is_let_through() {
        let mut limiter = Limiter::new(Limits::default(), true);
        for _ in 0..8 {
            limiter.sent();
        }
        limiter.ended(0, true);
        assert_eq!(limiter.wait(at(0)), None, "seven outstanding, four let through");
        for _ in 0..4 {
            limiter.ended(0, false);
        }
        assert_eq!(limiter.wait(at(0)), Some(Duration::ZERO));
    }
}
