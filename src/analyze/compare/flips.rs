//! The flip ledger: every case whose grade changed, worst first, with a trial of each arm to look at.

use super::pairing::CellPair;
use super::result::Flip;
use super::result::Noise;
use crate::analyze::trial::TrialRow;

/// All flips of all cells: losses before gains, and those outside repeat noise first.
pub(super) fn ledger(cells: &[CellPair<'_>]) -> Vec<Flip> {
    let mut found: Vec<Flip> = cells.iter().flat_map(of_cell).collect();
    let noise = |flip: &Flip| match flip.noise {
        Noise::Outside => 0,
        Noise::Unknown => 1,
        Noise::Inside => 2,
    };
    found.sort_by(|a, b| a.change.total_cmp(&b.change).then(noise(a).cmp(&noise(b))).then_with(|| a.case.cmp(&b.case)));
    found
}

fn of_cell<'a>(cell: &'a CellPair<'a>) -> impl Iterator<Item = Flip> + 'a {
    cell.cases.iter().filter_map(|pair| {
        let (before, after) = (Passes::of(&pair.baseline)?, Passes::of(&pair.candidate)?);
        let change = after.share() - before.share();
        (change.abs() > 1e-12).then(|| Flip {
            case: pair.case.id.clone(),
            slice: cell.label.clone(),
            baseline: before.word(),
            candidate: after.word(),
            change,
            noise: before.noise(&after),
            baseline_trial: before.example(change < 0.0),
            candidate_trial: after.example(change > 0.0),
            answers: None,
        })
    })
}

/// Decided trials of a case in one arm.
struct Passes<'a> {
    rows: Vec<(&'a TrialRow, bool)>,
}

impl<'a> Passes<'a> {
    fn of(rows: &[&'a TrialRow]) -> Option<Self> {
        let rows: Vec<(&TrialRow, bool)> = rows.iter().filter_map(|row| Some((*row, row.grade.pass?))).collect();
        (!rows.is_empty()).then_some(Self { rows })
    }

    fn passed(&self) -> usize {
        self.rows.iter().filter(|(_, pass)| *pass).count()
    }

    fn share(&self) -> f64 {
        self.passed() as f64 / self.rows.len() as f64
    }

    fn word(&self) -> String {
        match (self.passed(), self.rows.len()) {
            (1, 1) => "pass".into(),
            (0, 1) => "fail".into(),
            (passed, all) => format!("{passed}/{all}"),
        }
    }

    fn is_unanimous(&self) -> bool {
        self.passed() == 0 || self.passed() == self.rows.len()
    }

    fn noise(&self, other: &Self) -> Noise {
        if self.rows.len() < 2 || other.rows.len() < 2 {
            Noise::Unknown
        } else if self.is_unanimous() && other.is_unanimous() {
            Noise::Outside
        } else {
            Noise::Inside
        }
    }

    /// A trial that shows what this arm did: one that passed, where this arm is the better one.
    fn example(&self, passed: bool) -> crate::domain::TrialId {
        let shown = self.rows.iter().find(|(_, pass)| *pass == passed);
        shown.unwrap_or(&self.rows[0]).0.trial
    }
}
