//! Canary cases: the same questions asked again and again during a run, so that a change of the provider shows.
//!
//! Every canary answer is held against the mean of its own case in its own cell, so that cases and cells may differ
//! as they like; what is left is put in order of time and searched for a change of level, target by target.

use std::collections::BTreeMap;

use super::Metric;
use super::quality::is_canary;
use super::run::Run;
use super::trial::TrialRow;
use super::trial::Trials;
use crate::domain::TargetId;
use crate::domain::TrialId;
use crate::stats::change_point;
use crate::stats::change_point::Search;
use crate::stats::multiplicity;
use crate::text::number::percent;
use crate::text::number::short;

/// Fewest canary answers of a target for a search.
const FEWEST: usize = 12;
/// Largest adjusted p of a change that is told.
const LEVEL: f64 = 0.01;

/// A change of a target during the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The target.
    pub target: TargetId,
    /// What changed.
    pub what: Watched,
    /// First canary trial after the change.
    pub trial: TrialId,
    /// Seconds from the run's begin to that trial.
    pub at_s: f64,
    /// Level before.
    pub before: f64,
    /// Level after.
    pub after: f64,
    /// Permutation p, adjusted by Holm over targets and what is watched.
    pub p: f64,
    /// Canary answers behind it.
    pub n: u64,
}

/// What canaries are watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watched {
    /// The share that passes.
    Passes,
    /// Milliseconds to the first token.
    FirstToken,
    /// Milliseconds to the last token.
    LastToken,
    /// Generated tokens.
    OutputTokens,
}

const WATCHED: [Watched; 4] = [Watched::Passes, Watched::FirstToken, Watched::LastToken, Watched::OutputTokens];

impl Watched {
    fn value(self, row: &TrialRow) -> Option<f64> {
        let amount = |metric: Metric| row.value(metric).filter(|value| value.is_finite() && *value > 0.0);
        match self {
            Self::Passes => row.grade.value(),
            Self::FirstToken => amount(Metric::Ttft),
            Self::LastToken => amount(Metric::E2e),
            Self::OutputTokens => amount(Metric::OutputTokens),
        }
    }

    /// Times and tokens change by factors, shares by differences.
    fn is_ratio(self) -> bool {
        self != Self::Passes
    }

    fn name(self) -> &'static str {
        match self {
            Self::Passes => "their pass rate",
            Self::FirstToken => "their time to the first token",
            Self::LastToken => "their time to the last token",
            Self::OutputTokens => "their number of output tokens",
        }
    }

    fn shown(self, value: f64) -> String {
        match self {
            Self::Passes => percent(value),
            Self::FirstToken | Self::LastToken => format!("{} ms", short(value)),
            Self::OutputTokens => short(value),
        }
    }
}

impl Change {
    /// The change in one sentence.
    pub fn sentence(&self) -> String {
        format!(
            "canaries of {} changed {} s into the run (trial {}): {} went from {} to {} (n = {}, p {:.4})",
            self.target,
            short(self.at_s),
            self.trial,
            self.what.name(),
            self.what.shown(self.before),
            self.what.shown(self.after),
            self.n,
            self.p
        )
    }
}

/// Changes that chance alone makes in one run of a hundred, over all targets and all that is watched.
pub fn changes(run: &Run, trials: &Trials) -> Vec<Change> {
    let mut rows: Vec<&TrialRow> = trials.rows.iter().filter(|row| row.is_measured() && is_canary(run, row)).collect();
    rows.sort_by_key(|row| (row.began, row.trial));
    let mut targets: BTreeMap<&TargetId, Vec<&TrialRow>> = BTreeMap::new();
    for row in rows {
        if let Some(cell) = run.cells.get(row.cell.0 as usize) {
            targets.entry(&cell.target).or_default().push(row);
        }
    }
    let watched = targets.iter().flat_map(|(target, rows)| WATCHED.map(|what| (*target, what, rows)));
    let series: Vec<Series<'_>> = watched.filter_map(|(target, what, rows)| Series::of(target, what, rows)).collect();
    let searches: Vec<Vec<Change>> = series.iter().map(|series| series.search(run)).collect();
    // One test per series: that of its first split. A series without any split has none to show.
    let least = |found: &Vec<Change>| found.iter().map(|change| change.p).fold(1.0, f64::min);
    let adjusted = multiplicity::holm(&searches.iter().map(least).collect::<Vec<f64>>());
    let told = searches.into_iter().zip(adjusted).filter(|(_, p)| *p <= LEVEL);
    told.flat_map(|(found, p)| found.into_iter().map(move |change| Change { p: p.max(change.p), ..change })).collect()
}

/// One quantity of one target's canaries in order of time.
struct Series<'a> {
    target: &'a TargetId,
    what: Watched,
    rows: Vec<(&'a TrialRow, f64)>,
    /// Distance of each from the mean of its case in its cell.
    left: Vec<f64>,
}

impl<'a> Series<'a> {
    fn of(target: &'a TargetId, what: Watched, rows: &[&'a TrialRow]) -> Option<Self> {
        let rows: Vec<(&TrialRow, f64)> = rows.iter().filter_map(|row| Some((*row, what.value(row)?))).collect();
        if rows.len() < FEWEST {
            return None;
        }
        let scaled = |value: f64| if what.is_ratio() { value.ln() } else { value };
        let mut own: BTreeMap<(u32, u32), (f64, f64)> = BTreeMap::new();
        for (row, value) in &rows {
            let (sum, n) = own.entry((row.cell.0, row.case)).or_default();
            *sum += scaled(*value);
            *n += 1.0;
        }
        let mean = |row: &TrialRow| own.get(&(row.cell.0, row.case)).map_or(0.0, |(sum, n)| sum / n);
        let left = rows.iter().map(|(row, value)| scaled(*value) - mean(row)).collect();
        Some(Self { target, what, rows, left })
    }

    fn search(&self, run: &Run) -> Vec<Change> {
        let search = Search { min_segment: 5, alpha: LEVEL, shuffles: 9_999, seed: run.terms.options.seed };
        let splits = change_point::find(&self.left, search);
        let edges: Vec<usize> =
            std::iter::once(0).chain(splits.iter().map(|split| split.at)).chain([self.rows.len()]).collect();
        let level = |from: usize, to: usize| {
            let values = self.rows[from..to].iter().map(|(_, value)| *value);
            values.sum::<f64>() / (to - from).max(1) as f64
        };
        let change = |(at, split): (usize, &change_point::ChangePoint)| Change {
            target: self.target.clone(),
            what: self.what,
            trial: self.rows[split.at].0.trial,
            at_s: self.rows[split.at].0.began.0 as f64 / 1e9,
            before: level(edges[at], edges[at + 1]),
            after: level(edges[at + 1], edges[at + 2]),
            p: split.p,
            n: self.rows.len() as u64,
        };
        splits.iter().enumerate().map(change).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::domain::Verdict;

    /// Two canaries asked in turn, the second twice as slow as the first; from trial `slower` on both take twice as
    /// long.
    fn changes_from(slower: u64, failing: u64) -> Vec<Change> {
        let mut run = fixture::run(3);
        run.cases[0].canary = true;
        run.cases[1].canary = true;
        let mut fold = Fold::new(&run);
        for trial in 0..60u64 {
            let case = (trial % 3) as u32;
            let slow = if trial >= slower { 2 } else { 1 };
            let ttft = (100 + 100 * u64::from(case) + trial * 7 % 13) * slow;
            fold.push(&fixture::observed(fixture::at(trial, case, 1000 * trial, ttft)));
            fold.push(&fixture::graded(trial, Verdict::decide(trial < failing, "")));
        }
        changes(&run, &fold.finish())
    }

    #[test]
    fn a_change_in_the_middle_is_found_with_its_place() {
        let found = changes_from(30, 60);
        let what: Vec<Watched> = found.iter().map(|change| change.what).collect();
        assert_eq!(what, [Watched::FirstToken, Watched::LastToken]);
        assert_eq!((found[0].trial, found[0].at_s, found[0].n), (TrialId(30), 30.0, 40));
        assert!(found[0].p <= 0.01 && found[0].after > 1.8 * found[0].before, "{found:?}");
        let failing = changes_from(60, 33);
        assert_eq!((failing[0].what, failing[0].before, failing[0].after), (Watched::Passes, 1.0, 0.0));
        assert!(failing[0].sentence().contains("pass rate went from 100.0 % to 0.0 %"), "{}", failing[0].sentence());
    }

    #[test]
    fn a_steady_provider_is_left_alone() {
        assert_eq!(changes_from(60, 60), []);
        assert_eq!(changes(&fixture::run(3), &Fold::new(&fixture::run(3)).finish()), []);
    }
}
