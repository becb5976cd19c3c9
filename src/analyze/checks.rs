//! Was what was asked for what was measured? Modes, caches, models and hosts behind an endpoint.

use std::collections::BTreeMap;

use super::Estimate;
use super::Method;
use super::infer;
use super::run::CellInfo;
use super::run::Run;
use super::summary::CacheCheck;
use super::summary::ModeCheck;
use super::trial::TrialRow;
use super::trial::Trials;
use crate::stats::Level;
use crate::stats::mean;

/// A mode that reasons in fewer (or one that should not, in more) than this share of trials was not honoured.
const REASONS_RARELY: f64 = 0.05;
/// Cached tokens above this share cannot come from chance.
const CACHED_SHARE: f64 = 0.01;
/// Repeats this much faster than the first are beyond the noise of a reasonable server.
const FASTER: f64 = 0.8;

/// What became of the mode that a cell asked for.
pub fn mode(run: &Run, trials: &Trials, cell: &CellInfo, rows: &[&TrialRow]) -> ModeCheck {
    let target = run.targets.iter().find(|target| target.id == cell.target);
    let info = target.and_then(|target| target.modes.iter().find(|mode| mode.name == cell.mode));
    let finished: Vec<&&TrialRow> = rows.iter().filter(|row| row.is_sample()).collect();
    let reasoned = finished.iter().filter(|row| row.reasoned).count() as u64;
    let hidden = finished.iter().filter(|row| !row.recalled && row.hides_reasoning()).count() as u64;
    let tokens: Vec<f64> = finished.iter().filter_map(|row| row.tokens.reasoning).map(|n| n as f64).collect();
    let (n, expected) = (finished.len() as u64, info.and_then(|mode| mode.reasons));
    ModeCheck {
        sent: tally(rows.iter().map(|row| Some(row.sent_mode)), trials).into_iter().map(|(text, _)| text).collect(),
        expected,
        verified: info.is_none_or(|mode| mode.verified),
        reasoned,
        finished: n,
        reasoning_tokens: infer::mean_of(&tokens),
        hidden: reasoned > 0 && hidden * 2 > reasoned,
        honoured: expected.filter(|_| n > 0).map(|expected| {
            let share = reasoned as f64 / n as f64;
            if expected { share > REASONS_RARELY } else { share <= REASONS_RARELY }
        }),
    }
}

/// Recurring texts with their number, most frequent first.
pub fn tally(indices: impl Iterator<Item = Option<u32>>, trials: &Trials) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for index in indices.flatten() {
        *counts.entry(index).or_default() += 1;
    }
    let mut found: Vec<(String, u64)> =
        counts.into_iter().map(|(index, n)| (trials.names.text(index).to_owned(), n)).collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    found
}

/// What the provider's cache did in a cell.
pub fn cache(cell: &CellInfo, rows: &[&TrialRow]) -> CacheCheck {
    let sum = |of: fn(&TrialRow) -> Option<u64>| rows.iter().filter_map(|row| of(row)).sum::<u64>() as f64;
    let known = rows.iter().any(|row| row.tokens.input.is_some());
    let (input, cached) = (sum(|row| row.tokens.input), sum(|row| row.tokens.cached));
    let cached_share = (known && input > 0.0).then(|| (cached / input).min(1.0));
    let repeat_ratio = repeats(rows);
    let served = cached_share.is_some_and(|share| share > CACHED_SHARE);
    let faster = repeat_ratio
        .is_some_and(|r| r.value.is_some_and(|ratio| ratio < FASTER) && r.high.is_some_and(|high| high < 1.0));
    CacheCheck {
        salted: cell.salted,
        cached_share,
        repeat_ratio,
        contaminated: (served || faster) && (cell.salted || cell.timed),
    }
}

/// TTFT of a case's later trials over its first one: the geometric mean over cases.
///
/// Over cold connections nothing is compared: the first request of a run is slow for other reasons.
fn repeats(rows: &[&TrialRow]) -> Option<Estimate> {
    let mut in_time: Vec<&&TrialRow> = rows.iter().filter(|row| row.is_sample() && row.reused).collect();
    in_time.sort_by_key(|row| row.began);
    let mut cases: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for row in in_time {
        let ttft = row.times.ttft.filter(|ms| *ms > 0.0);
        cases.entry(row.case).or_default().extend(ttft.map(f64::ln));
    }
    let ratios: Vec<f64> =
        cases.values().filter(|times| times.len() >= 2).map(|times| mean::mean(&times[1..]) - times[0]).collect();
    let n = ratios.len() as u64;
    let interval = mean::estimate(&ratios)?.interval(Level::P95).map(|interval| interval.map(f64::exp));
    let point = Estimate { method: Method::T, ..Estimate::point(mean::mean(&ratios).exp(), n) };
    Some(Estimate { low: interval.map(|i| i.low), high: interval.map(|i| i.high), ..point })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::analyze::run::ModeInfo;
    use crate::domain::Observation;

    fn check(expected: Option<bool>, observations: Vec<Observation>) -> ModeCheck {
        let mut run = fixture::run(20);
        let patch = None;
        run.targets[0].modes = vec![ModeInfo { name: "default".into(), verified: true, reasons: expected, patch }];
        let mut fold = Fold::new(&run);
        for obs in observations {
            fold.push(&fixture::observed(obs));
        }
        let trials = fold.finish();
        mode(&run, &trials, &run.cells[0], &trials.rows.iter().collect::<Vec<_>>())
    }

    fn reasoning(trial: u64, text: &str) -> Observation {
        let mut obs = fixture::ok(trial, 0);
        obs.reply.reasoning = text.into();
        obs
    }

    #[test]
    fn a_mode_is_held_against_what_was_seen() {
        assert_eq!(check(Some(false), vec![reasoning(0, "hm")]).honoured, Some(false));
        assert_eq!(check(Some(false), vec![reasoning(0, " ")]).honoured, Some(true));
        assert_eq!(check(Some(true), vec![reasoning(0, "")]).honoured, Some(false));
        assert_eq!(check(None, vec![reasoning(0, "hm")]).honoured, None);
        assert_eq!(check(Some(true), Vec::new()).honoured, None, "nothing was finished");
    }

    fn cached(first: u64, later: u64, salted: bool) -> CacheCheck {
        let mut run = fixture::run(10);
        run.cells[0].salted = salted;
        let mut fold = Fold::new(&run);
        for i in 0..30u64 {
            let ttft = if i < 10 { first + i } else { later + i % 7 };
            fold.push(&fixture::observed(fixture::at(i, (i % 10) as u32, i * 1000, ttft)));
        }
        let trials = fold.finish();
        cache(&run.cells[0], &trials.rows.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_prompt_that_is_faster_the_second_time_was_cached() {
        let found = cached(500, 100, true);
        assert!(found.contaminated && found.repeat_ratio.unwrap().value.unwrap() < 0.25);
        assert!(!cached(500, 500, true).contaminated);
        assert!(!cached(500, 100, false).contaminated, "nobody promised otherwise");
    }
}
