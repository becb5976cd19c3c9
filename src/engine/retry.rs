//! Which failed attempts are worth another, and when.

use std::time::Duration;

use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::random::Stream;

/// A provider that asks for a longer wait than this is not waited for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Time may heal this outcome.
pub fn is_worth_it(observation: &Observation) -> bool {
    match observation.outcome {
        Outcome::RateLimited
        | Outcome::ConnectError
        | Outcome::Reset
        | Outcome::Timeout
        | Outcome::StreamError
        | Outcome::Truncated => true,
        Outcome::HttpError => observation.status.is_some_and(|s| matches!(s, 408 | 409 | 425) || s >= 500),
        _ => false,
    }
}

/// How long to wait before attempt `next` (from 2): the provider's wish, else half a second doubled each time up to
/// eight, less up to a quarter at random. `None` gives up.
pub fn wait(observation: &Observation, next: u16, jitter: &mut Stream) -> Option<Duration> {
    if let Some(asked) = observation.retry_after {
        return (asked <= LONGEST_WAIT).then_some(asked);
    }
    let doubled = 0.5 * f64::from(1u32 << u32::from(next.saturating_sub(2)).min(4));
    Some(Duration::from_secs_f64(doubled.min(8.0) * (1.0 - 0.25 * jitter.uniform())))
}
