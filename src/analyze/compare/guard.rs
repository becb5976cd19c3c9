//! What must be the same for a comparison to mean anything, and what is listed when it is not.

use super::pairing::Pairing;
use super::selection::Arm;
use crate::analyze::Run;
use crate::analyze::trial::TrialRow;

/// Why a comparison was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The selection of one side covers no cell.
    #[error("the {side} has no cell that matches `{selection}`")]
    EmptySelection {
        /// Baseline or candidate.
        side: &'static str,
        /// The selection.
        selection: String,
    },
    /// Cells of the two sides differ in more than one dimension.
    #[error("no cell of one side answers to a cell of the other; choose with RUN:target=..,mode=..,prompt=..,load=..")]
    NoMatchingCell,
    /// Nothing to pair.
    #[error("the two sides share no case: results on different cases say nothing about each other")]
    NoSharedCase,
    /// All shared cases have other contents.
    #[error("all {0} shared cases have changed: run the baseline again with the present cases")]
    AllChanged(usize),
    /// Simulated against measured.
    #[error("the {0} was answered by the simulator and the other side was not")]
    Simulated(&'static str),
    /// The same answers would be judged differently.
    #[error(
        "grader `{grader}` is version {baseline} in the baseline and {candidate} in the candidate: regrade the baseline with the candidate's suite first"
    )]
    GraderChanged {
        /// The grader.
        grader: String,
        /// Version in the baseline.
        baseline: String,
        /// Version in the candidate.
        candidate: String,
    },
    /// A margin of nothing.
    #[error("a margin of {0} cannot be certified by any number of cases; it must lie above 0 and below 1")]
    Margin(String),
    /// The gate names what is not there.
    #[error("the gate names `{metric}`, which neither run has; there are: {known}")]
    UnknownMetric {
        /// The metric.
        metric: String,
        /// Metrics that were compared.
        known: String,
    },
}

/// Refuses what would mislead before anything is computed.
pub(super) fn check(baseline: &Arm<'_>, candidate: &Arm<'_>) -> Result<(), Refusal> {
    for (side, arm) in [("baseline", baseline), ("candidate", candidate)] {
        if !arm.run.cells.iter().any(|cell| arm.selection.covers(cell)) {
            return Err(Refusal::EmptySelection { side, selection: arm.selection.to_string() });
        }
    }
    match (simulated(baseline), simulated(candidate)) {
        (true, false) => return Err(Refusal::Simulated("baseline")),
        (false, true) => return Err(Refusal::Simulated("candidate")),
        _ => {}
    }
    for grader in &baseline.run.graders {
        let other = candidate.run.graders.iter().find(|other| other.id == grader.id);
        if let Some(other) = other.filter(|other| other.version != grader.version) {
            return Err(Refusal::GraderChanged {
                grader: grader.id.to_string(),
                baseline: grader.version.clone(),
                candidate: other.version.clone(),
            });
        }
    }
    Ok(())
}

/// Every answer of the arm comes from the simulator.
fn simulated(arm: &Arm<'_>) -> bool {
    let covered = arm.run.cells.iter().filter(|cell| arm.selection.covers(cell));
    let target = |cell: &crate::analyze::run::CellInfo| arm.run.targets.iter().find(|target| target.id == cell.target);
    let mut known = covered.filter_map(target).peekable();
    known.peek().is_some() && known.all(|target| target.simulated)
}

/// Refuses a pairing without pairs.
pub(super) fn check_pairing(pairing: &Pairing<'_>) -> Result<(), Refusal> {
    if pairing.cells.is_empty() {
        return Err(Refusal::NoMatchingCell);
    }
    if pairing.cells.iter().any(|cell| cell.cases.iter().any(|c| !c.baseline.is_empty() && !c.candidate.is_empty())) {
        return Ok(());
    }
    match pairing.changed.len() {
        0 => Err(Refusal::NoSharedCase),
        changed => Err(Refusal::AllChanged(changed)),
    }
}

/// Differences between the runs that leave the comparison standing.
pub(super) fn notes(baseline: &Run, candidate: &Run, pairing: &Pairing<'_>) -> Vec<String> {
    let lists = [
        ("cases only in the baseline, left out", &pairing.only_baseline),
        ("cases only in the candidate, left out", &pairing.only_candidate),
        ("cases with another input or expectation, left out", &pairing.changed),
        ("cells without a counterpart, left out", &pairing.unmatched_cells),
        ("graders only in the baseline", &missing_graders(baseline, candidate)),
        ("graders only in the candidate", &missing_graders(candidate, baseline)),
    ];
    let mut notes: Vec<String> =
        lists.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| listed(what, names)).collect();
    if prices_differ(baseline, candidate) {
        notes.push("prices differ between the runs, so cost is not compared: recost one of them first".into());
    }
    notes
}

/// Says how many of an arm's trials were answered from the response cache.
pub(super) fn recalled(side: &str, arm: &Arm<'_>) -> Option<String> {
    let is_covered = |row: &&TrialRow| {
        let cell = arm.run.cells.get(row.cell.0 as usize);
        row.is_measured() && cell.is_some_and(|cell| arm.selection.covers(cell))
    };
    let rows = || arm.trials.rows.iter().filter(is_covered);
    let recalled = rows().filter(|row| row.recalled).count();
    (recalled > 0).then(|| {
        format!(
            "{recalled} of the {side}'s {} trials were answered from the response cache: they repeat an earlier sample, have no times, and their cost is not compared",
            rows().count()
        )
    })
}

fn missing_graders(here: &Run, there: &Run) -> Vec<String> {
    let absent = here.graders.iter().filter(|grader| !there.graders.iter().any(|other| other.id == grader.id));
    absent.map(|grader| grader.id.to_string()).collect()
}

/// The same target has another price in the other run.
pub(super) fn prices_differ(baseline: &Run, candidate: &Run) -> bool {
    baseline
        .targets
        .iter()
        .any(|target| candidate.targets.iter().any(|other| other.id == target.id && other.price != target.price))
}

/// What, how many, and the first few names.
fn listed(what: &str, names: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = if names.len() > SHOWN { ", .." } else { "" };
    format!("{what}: {} ({}{more})", names.len(), names[..names.len().min(SHOWN)].join(", "))
}
