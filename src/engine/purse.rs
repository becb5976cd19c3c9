//! What may be spent: worst cases are reserved before a send and settled after.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use crate::domain::Price;
use crate::domain::Usage;
use crate::domain::Usd;

/// Money of a run. Shared by all that issue requests, so that parallel streams cannot overshoot together.
#[derive(Debug)]
pub struct Purse {
    cap: Option<Usd>,
    /// Spent plus reserved.
    claimed: AtomicI64,
    spent: AtomicI64,
}

impl Purse {
    /// A purse with a cap, of which something may be spent already (by the run that is resumed).
    pub fn new(cap: Option<Usd>, spent: Usd) -> Self {
        Self { cap, claimed: AtomicI64::new(spent.0), spent: AtomicI64::new(spent.0) }
    }

    /// Sets aside the worst case of one request; `false` when that could exceed the cap.
    pub fn reserve(&self, worst: Usd) -> bool {
        let Some(cap) = self.cap else { return true };
        self.claimed
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |claimed| {
                let next = claimed.saturating_add(worst.0);
                (next <= cap.0).then_some(next)
            })
            .is_ok()
    }

    /// Replaces a reservation by what the request really cost; an unknown cost keeps the worst case.
    pub fn settle(&self, worst: Usd, cost: Option<Usd>) {
        let cost = cost.unwrap_or(worst);
        self.spent.fetch_add(cost.0, Ordering::AcqRel);
        if self.cap.is_some() {
            self.claimed.fetch_add(cost.0 - worst.0, Ordering::AcqRel);
        }
    }

    /// Spent so far.
    pub fn spent(&self) -> Usd {
        Usd(self.spent.load(Ordering::Acquire))
    }
}

/// Tokens that a chat template may add around the messages.
const TEMPLATE_TOKENS: u64 = 256;
/// Output of a request that sets no limit, where the endpoint states none.
pub const UNBOUNDED_OUTPUT: u64 = 131_072;

/// The most that a request can cost: a token holds at least one byte, so bytes bound the prompt.
pub fn worst_case(price: &Price, body_bytes: u64, max_output: Option<u64>) -> Usd {
    let usage = Usage {
        input: Some(body_bytes + TEMPLATE_TOKENS),
        output: Some(max_output.unwrap_or(UNBOUNDED_OUTPUT)),
        reasoning: Some(0),
        ..Usage::default()
    };
    let dearest = price.cache_write.map_or(price.input, |rate| rate.max(price.input));
    let output = price.reasoning.map_or(price.output, |rate| rate.max(price.output));
    let price = Price { input: dearest, output, reasoning: None, cached_input: None, ..price.clone() };
    price.of(&usage).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_never_exceed_the_cap() {
        let purse = Purse::new(Some(Usd(100)), Usd(10));
        assert!(purse.reserve(Usd(60)));
        assert!(!purse.reserve(Usd(40)));
        purse.settle(Usd(60), Some(Usd(20)));
        assert!(purse.reserve(Usd(70)));
        assert!(!purse.reserve(Usd(1)));
        purse.settle(Usd(70), None);
        assert_eq!(purse.spent(), Usd(100));
    }
}
