//! Trials in doubt, put on record: a session that died may have sent them, and they may have been billed.

use crate::domain::Attempt;
use crate::domain::Basis;
use crate::domain::ConnTimes;
use crate::domain::Cost;
use crate::domain::Event;
use crate::domain::JsonText;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::domain::Outcome;
use crate::domain::Reply;
use crate::domain::Usd;
use crate::load::Plan;
use crate::store::Progress;

/// One observation per trial in doubt, with its share of the worst cost booked as an estimate. `retry` says that a
/// further attempt follows; else the doubt is how the trial ends.
pub fn observations(plan: &Plan, progress: &Progress, retry: bool, now: Offset) -> Vec<Event> {
    let doubt = progress.in_doubt();
    let count = i64::try_from(doubt.trials.count().max(1)).unwrap_or(i64::MAX);
    // Rounded up: a doubt is never booked below its worst.
    let cost = doubt.worst_cost.map_or(Cost::UNKNOWN, |worst| Cost {
        usd: Some(Usd(worst.0.saturating_add(count - 1) / count)),
        basis: Basis::Estimated,
    });
    let attempt = |trial| {
        let number = progress.attempts().get(&trial).copied().unwrap_or(0).saturating_add(1);
        Some(Attempt { number, is_last: !retry, ..planned(plan, trial)? })
    };
    doubt.trials.numbers().filter_map(attempt).map(|attempt| in_doubt(attempt, cost, now)).collect()
}

/// The first attempt of a trial as the plan has it.
fn planned(plan: &Plan, trial: u64) -> Option<Attempt> {
    plan.segments.iter().find_map(|segment| Some(segment.attempt(segment.position(trial)?)))
}

fn in_doubt(attempt: Attempt, cost: Cost, now: Offset) -> Event {
    Event::Observed(Box::new(Observation {
        attempt,
        sent_mode: JsonText::new(&serde_json::json!({})),
        due: now,
        sent: now,
        written: None,
        conn: ConnTimes::default(),
        status: None,
        headers: None,
        events: Vec::new(),
        ended: now,
        reply: Reply::default(),
        outcome: Outcome::InDoubt,
        detail: "the process ended before an answer was on record".to_owned(),
        message: String::new(),
        retry_after: None,
        should_retry: None,
        request_id: None,
        cost,
        recall: None,
    }))
}
