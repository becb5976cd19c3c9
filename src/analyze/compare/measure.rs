//! What is held against each other: one number, or a range of possible numbers, per trial.

use crate::analyze::grades::Reason;
use crate::analyze::run::Run;
use crate::analyze::trial::TrialRow;
use crate::analyze::trial::Word;
use crate::domain::Outcome;

/// A quantity in [0, 1] of which every trial has one, known or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Measure {
    /// Passed; where all graders give scores, their mean, as in the pass rate of a cell.
    Pass,
    /// The weighted score.
    Score,
    /// One grader's score; positions in the graders of baseline and candidate.
    Grader { id: String, positions: [u16; 2] },
    /// Failed on the path.
    Error,
    /// Hit the token limit.
    Length,
    /// Refused.
    Refusal,
}

/// Baseline or candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Baseline,
    Candidate,
}

impl Measure {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Pass => "pass_rate".into(),
            Self::Score => "score".into(),
            Self::Grader { id, .. } => format!("score.{id}"),
            Self::Error => "error_rate".into(),
            Self::Length => "length_rate".into(),
            Self::Refusal => "refusal_rate".into(),
        }
    }

    pub(super) fn more_is_better(&self) -> bool {
        matches!(self, Self::Pass | Self::Score | Self::Grader { .. })
    }

    /// Value of a trial; `None` while it may be anything.
    pub(super) fn value(&self, row: &TrialRow, side: Side) -> Option<f64> {
        let share = |holds: bool| Some(f64::from(u8::from(holds)));
        match self {
            Self::Pass => row.grade.pass.and_then(share).or_else(|| row.grade.value()),
            Self::Score => row.grade.value().and(row.grade.score),
            Self::Grader { positions, .. } => {
                let position = positions[usize::from(side == Side::Candidate)];
                let judged = row.verdicts.iter().find(|v| v.grader == position && v.word != Word::Ungradable);
                judged.filter(|_| row.grade.reason != Reason::Infra).map(|v| v.value)
            }
            Self::Error => share(row.is_failed()).filter(|_| !row.outcome.is_excluded()),
            Self::Length => share(row.outcome == Outcome::Length).filter(|_| !row.outcome.is_infra()),
            Self::Refusal => share(row.outcome.is_withheld()).filter(|_| !row.outcome.is_infra()),
        }
    }
}

/// Graders that both runs share and that gave scores between pass and fail, or that the gate names.
pub(super) fn scored_graders(baseline: &Run, candidate: &Run, rows: &[&TrialRow], gate: &[String]) -> Vec<Measure> {
    let named = |id: &str| gate.iter().any(|metric| metric.strip_prefix("score.") == Some(id));
    let gave_score =
        |at: u16| rows.iter().any(|row| row.verdicts.iter().any(|v| v.grader == at && v.word == Word::Score));
    let mut found = Vec::new();
    for (grader, at) in baseline.graders.iter().zip(0u16..) {
        let other = candidate.graders.iter().zip(0u16..).find(|(other, _)| other.id == grader.id);
        if let Some((_, other)) = other.filter(|_| named(grader.id.as_str()) || gave_score(at)) {
            found.push(Measure::Grader { id: grader.id.to_string(), positions: [at, other] });
        }
    }
    found
}
