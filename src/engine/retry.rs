//! Which failed attempts are worth another, and when.

use std::time::Duration;

use super::decode::UNRECORDED;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::random::Stream;

/// A provider that asks for a longer wait than this is not waited for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Time may heal this outcome. What the provider says of it (`x-should-retry`) overrules our own guess from the status,
/// but repeats neither an answer nor a request whose quota is gone.
pub fn is_worth_it(observation: &Observation) -> bool {
    match (observation.should_retry, observation.outcome) {
        // Nothing was asked, and nothing will be.
        (_, Outcome::ConnectError) if observation.detail == UNRECORDED => false,
        (Some(false), _) => false,
        (Some(true), Outcome::HttpError) => true,
        (_, outcome) => may_heal(outcome, observation.status),
    }
}

fn may_heal(outcome: Outcome, status: Option<u16>) -> bool {
    match outcome {
        Outcome::RateLimited
        | Outcome::ConnectError
        | Outcome::Reset
        | Outcome::Timeout
        | Outcome::StreamError
        | Outcome::Truncated => true,
        Outcome::HttpError => status.is_some_and(|s| matches!(s, 408 | 409 | 425) || s >= 500),
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

#[cfg(test)]
mod tests {
    use super::super::observe::unsent;
    use super::*;
    use crate::domain::Asker;
    use crate::domain::Attempt;
    use crate::domain::CellId;
    use crate::domain::Offset;
    use crate::domain::Phase;
    use crate::domain::TrialId;

    fn ended(outcome: Outcome, status: u16, should_retry: Option<bool>) -> Observation {
        let attempt = Attempt {
            trial: TrialId(0),
            number: 1,
            turn: 1,
            is_last: true,
            cell: CellId(0),
            case: 0,
            repeat: 0,
            phase: Phase::Measure,
            asker: Asker::Subject,
        };
        let seen = unsent(attempt, Offset::ZERO, Offset::ZERO);
        Observation { outcome, status: Some(status), should_retry, ..seen }
    }

    #[test]
    fn the_providers_word_overrules_the_status() {
        assert!(is_worth_it(&ended(Outcome::HttpError, 503, None)));
        assert!(!is_worth_it(&ended(Outcome::HttpError, 503, Some(false))));
        assert!(!is_worth_it(&ended(Outcome::RateLimited, 429, Some(false))));
        assert!(!is_worth_it(&ended(Outcome::HttpError, 400, None)));
        assert!(is_worth_it(&ended(Outcome::HttpError, 400, Some(true))));
        assert!(!is_worth_it(&ended(Outcome::QuotaExhausted, 429, Some(true))), "a quota does not come back");
        assert!(!is_worth_it(&ended(Outcome::Ok, 200, Some(true))), "an answer is an answer");
    }
}
