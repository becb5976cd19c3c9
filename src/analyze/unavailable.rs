//! Cells whose target was not to be had: reported as that, never scored, never compared.

use super::run::Run;
use super::summary::CellKey;
use super::trial::Failure;
use super::trial::TrialRow;
use super::trial::Trials;
use crate::domain::Outcome;
use crate::domain::Probe;
use crate::domain::Standing;

/// A cell without a single answer, since its target could not be asked at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// The cell.
    pub cell: CellKey,
    /// Why: retired, unreachable, key refused, no quota.
    pub reason: String,
    /// What would be right; empty where nothing can be said.
    pub advice: String,
    /// Trials that were sent all the same, before it was known.
    pub trials: u64,
}

/// The cells that are unavailable: preflight said so and nothing was sent, or every trial met the same closed door.
pub fn unavailable(run: &Run, trials: &Trials, rows_of: &[Vec<&TrialRow>]) -> Vec<Unavailable> {
    let mut found = Vec::new();
    for (info, rows) in run.cells.iter().zip(rows_of) {
        let cell = CellKey::of(info);
        if rows.is_empty() {
            let probe = last(run, &cell).filter(|probe| probe.standing == Standing::Unavailable);
            let told = probe.map(|probe| (probe.reason.clone(), probe.advice.clone()));
            let told = told.or_else(|| Some((given_up(run, trials, rows_of, &cell)?, String::new())));
            found.extend(told.map(|(reason, advice)| Unavailable { cell, reason, advice, trials: 0 }));
        } else if let Some(failure) = closed(trials, rows) {
            found.push(Unavailable {
                cell,
                reason: sentence(failure),
                advice: "`llmark plan SUITE --online` tells what is wrong and what would be right".into(),
                trials: rows.len() as u64,
            });
        }
    }
    found
}

/// The last word of preflight on a cell's target and mode.
fn last<'r>(run: &'r Run, cell: &CellKey) -> Option<&'r Probe> {
    let of_cell = |probe: &&Probe| probe.target == cell.target && probe.mode == cell.mode && probe.candidate.is_empty();
    run.preflight.iter().rev().find(of_cell)
}

/// Another cell of the same target lost its key or quota, so this one was never asked.
fn given_up(run: &Run, trials: &Trials, rows_of: &[Vec<&TrialRow>], cell: &CellKey) -> Option<String> {
    let others = run.cells.iter().zip(rows_of).filter(|(info, _)| info.target == cell.target);
    let mut failures = others.flat_map(|(_, rows)| rows).filter_map(|row| failure(trials, row));
    failures.find(|failure| ends_all(failure)).map(sentence)
}

/// The failure of the last trial, when every trial met one that no other trial could have escaped.
fn closed<'t>(trials: &'t Trials, rows: &[&TrialRow]) -> Option<&'t Failure> {
    let failures: Option<Vec<&Failure>> =
        rows.iter().map(|row| failure(trials, row).filter(|failure| is_closed(failure))).collect();
    failures?.last().copied()
}

fn failure<'t>(trials: &'t Trials, row: &TrialRow) -> Option<&'t Failure> {
    trials.failures.get(row.failure? as usize)
}

/// A key or a quota stops all further requests to a target.
fn ends_all(failure: &Failure) -> bool {
    failure.outcome == Outcome::QuotaExhausted
        || failure.outcome == Outcome::HttpError && matches!(failure.status, Some(401 | 403))
}

fn is_closed(failure: &Failure) -> bool {
    match failure.outcome {
        Outcome::ConnectError | Outcome::QuotaExhausted => true,
        Outcome::Timeout => failure.detail == "connect",
        Outcome::HttpError => matches!(failure.status, Some(300..=399 | 401 | 403 | 404 | 405 | 407 | 410)),
        Outcome::ProtocolError => failure.detail == "content_type",
        _ => false,
    }
}

fn sentence(failure: &Failure) -> String {
    let status = failure.status.map_or(String::new(), |status| format!(" (HTTP {status})"));
    let detail = if failure.detail.is_empty() { String::new() } else { format!(" {}", failure.detail) };
    let message = if failure.message.is_empty() { String::new() } else { format!(": {}", failure.message) };
    format!("{}{detail}{status}{message}", failure.outcome)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::fold::Fold;
    use super::super::summarize::summarize;
    use super::*;
    use crate::domain::Basis;
    use crate::domain::Cost;
    use crate::domain::Event;
    use crate::domain::JsonText;
    use crate::domain::RunStatus;

    fn probe(run: &Run, standing: Standing) -> Probe {
        Probe {
            target: run.cells[0].target.clone(),
            mode: run.cells[0].mode.clone(),
            candidate: String::new(),
            sent_mode: JsonText::new(&serde_json::json!({})),
            standing,
            cause: "model".into(),
            reason: "retired".into(),
            advice: String::new(),
            outcome: Some(Outcome::HttpError),
            listed: None,
            input_tokens: None,
            output_tokens: None,
            reasoning_tokens: None,
            reasoned: false,
            ttft_ms: None,
            e2e_ms: None,
            cost: Cost { usd: None, basis: Basis::Unknown },
        }
    }

    #[test]
    fn a_cell_that_was_not_asked_says_why_and_has_no_score() {
        let mut run = fixture::run(1);
        run.preflight = vec![probe(&run, Standing::Ok), probe(&run, Standing::Unavailable)];
        let mut fold = Fold::new(&run);
        fold.push(&Event::Ended(RunStatus::Provider));
        let summary = summarize(&run, &fold.finish());
        assert_eq!(summary.unavailable.len(), 1);
        assert_eq!((summary.unavailable[0].reason.as_str(), summary.unavailable[0].trials), ("retired", 0));
        assert!(summary.cells.is_empty(), "nothing was measured, so there is no score");
        assert_eq!(summary.exit.code, 4);
        run.preflight.push(probe(&run, Standing::Ok));
        let summary = summarize(&run, &Fold::new(&run).finish());
        assert!(summary.unavailable.is_empty(), "the last word holds");
    }

    #[test]
    fn a_closed_door_is_unavailable_and_a_mixed_cell_is_not() {
        let run = fixture::run(1);
        let refused = |trial| fixture::observed(fixture::failed(trial, 0, Outcome::ConnectError));
        let mut fold = Fold::new(&run);
        fold.push(&refused(0));
        fold.push(&refused(1));
        let summary = summarize(&run, &fold.finish());
        assert_eq!(summary.unavailable.iter().map(|u| u.trials).collect::<Vec<_>>(), [2]);
        let mut fold = Fold::new(&run);
        fold.push(&refused(0));
        fold.push(&fixture::observed(fixture::ok(1, 0)));
        assert!(summarize(&run, &fold.finish()).unavailable.is_empty());
    }
}
