//! The same work at several loads: curves for pictures, and whether answers get worse under load.

use std::collections::BTreeMap;

use super::Estimate;
use super::Method;
use super::run::Arrivals;
use super::run::Run;
use super::slo::Evidence;
use super::summary::Cell;
use super::summary::CellKey;
use super::summary::LoadCurve;
use super::summary::LoadPoint;
use super::summary::LoadShift;
use super::trial::TrialRow;
use crate::domain::ModeName;
use crate::domain::Outcome;
use crate::domain::PromptId;
use crate::domain::TargetId;
use crate::stats::Level;
use crate::stats::mean;
use crate::stats::paired::binary::Discordant;
use crate::stats::paired::tango;

/// Fewer pairs than this are not compared.
const FEWEST_PAIRS: usize = 5;

impl Arrivals {
    /// Requests in flight, or per second.
    pub fn level(self) -> f64 {
        match self {
            Self::Closed(n) => f64::from(n),
            Self::Open(rate) => rate,
        }
    }

    fn is_open(self) -> bool {
        matches!(self, Self::Open(_))
    }
}

/// Positions of cells that differ in their load alone, by rising load; closed and open loops apart.
fn groups<'a>(keys: impl Iterator<Item = (&'a CellKey, Arrivals)>) -> Vec<Vec<usize>> {
    type Same<'a> = (&'a TargetId, &'a ModeName, &'a PromptId, bool);
    let mut groups: BTreeMap<Same<'a>, Vec<(f64, usize)>> = BTreeMap::new();
    for (at, (key, arrivals)) in keys.enumerate() {
        let same = (&key.target, &key.mode, &key.prompt, arrivals.is_open());
        groups.entry(same).or_default().push((arrivals.level(), at));
    }
    let sorted = |mut members: Vec<(f64, usize)>| {
        members.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        members.into_iter().map(|(_, at)| at).collect::<Vec<_>>()
    };
    let mut found: Vec<Vec<usize>> = groups.into_values().filter(|m| m.len() >= 2).map(sorted).collect();
    found.sort_by_key(|members| members.iter().min().copied());
    found
}

/// Curves of percentiles against load.
pub fn curves(cells: &[Cell]) -> Vec<LoadCurve> {
    let curve = |members: Vec<usize>| {
        let key = &cells[members[0]].key;
        let point = |at: usize| LoadPoint {
            load: cells[at].key.load.clone(),
            level: cells[at].arrivals.level(),
            open: cells[at].arrivals.is_open(),
            cell_index: at,
        };
        LoadCurve {
            target: key.target.clone(),
            mode: key.mode.clone(),
            prompt: key.prompt.clone(),
            points: members.into_iter().map(point).collect(),
        }
    };
    groups(cells.iter().map(|cell| (&cell.key, cell.arrivals))).into_iter().map(curve).collect()
}

/// Each load held against the lowest one, paired by case: passes, token limits, answers.
pub fn shifts(run: &Run, cells: &[Evidence<'_>]) -> Vec<LoadShift> {
    let mut found = Vec::new();
    for members in groups(cells.iter().map(|e| (&e.cell.key, e.cell.arrivals))) {
        for high in &members[1..] {
            let (low, high) = (&cells[members[0]], &cells[*high]);
            if !run.graders.is_empty() {
                let pairs = pairs(&shares(low.rows, passes), &shares(high.rows, passes));
                found.extend(shift(low, high, "pass", &pairs));
            }
            let pairs_of = pairs(&shares(low.rows, is_cut), &shares(high.rows, is_cut));
            found.extend(shift(low, high, "length", &pairs_of));
            found.extend(shift(low, high, "answer", &changed_answers(low.rows, high.rows)));
        }
    }
    found
}

fn passes(row: &TrialRow) -> Option<f64> {
    row.grade.value()
}

fn is_cut(row: &TrialRow) -> Option<f64> {
    (!row.outcome.is_infra()).then_some(f64::from(u8::from(row.outcome == Outcome::Length)))
}

/// Mean of a property over the repeats of each case.
fn shares(rows: &[&TrialRow], of: fn(&TrialRow) -> Option<f64>) -> BTreeMap<u32, f64> {
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for row in rows {
        if let Some(value) = of(row) {
            let (sum, n) = sums.entry(row.case).or_default();
            *sum += value;
            *n += 1.0;
        }
    }
    sums.into_iter().map(|(case, (sum, n))| (case, sum / n)).collect()
}

/// Low and high value of the cases that both know.
fn pairs(low: &BTreeMap<u32, f64>, high: &BTreeMap<u32, f64>) -> Vec<(f64, f64)> {
    low.iter().filter_map(|(case, l)| Some((*l, *high.get(case)?))).collect()
}

/// Whether a case's second answer at the low load, and its first at the high load, differ from the first at the low
/// one: without repeats at the low load there is no telling load from chance.
fn changed_answers(low: &[&TrialRow], high: &[&TrialRow]) -> Vec<(f64, f64)> {
    let answers = |rows: &[&TrialRow]| {
        let mut found: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.outcome.is_sample()) {
            found.entry(row.case).or_default().push(row.answer_hash);
        }
        found
    };
    let (low, high) = (answers(low), answers(high));
    let differs = |a: u64, b: u64| f64::from(u8::from(a != b));
    let pair = |(case, own): (&u32, &Vec<u64>)| {
        let other = high.get(case)?.first()?;
        Some((differs(own[0], *own.get(1)?), differs(own[0], *other)))
    };
    low.iter().filter_map(pair).collect()
}

fn shift(low: &Evidence<'_>, high: &Evidence<'_>, what: &'static str, pairs: &[(f64, f64)]) -> Option<LoadShift> {
    if pairs.len() < FEWEST_PAIRS {
        return None;
    }
    let is_whole = |v: f64| v <= 0.0 || v >= 1.0;
    let (difference, p_value) =
        if pairs.iter().all(|(l, h)| is_whole(*l) && is_whole(*h)) { binary(pairs) } else { graded(pairs) };
    let moved = difference.value.unwrap_or(0.0);
    let against = if what == "pass" { moved < 0.0 } else { moved > 0.0 };
    let key = &low.cell.key;
    Some(LoadShift {
        target: key.target.clone(),
        mode: key.mode.clone(),
        prompt: key.prompt.clone(),
        low: key.load.clone(),
        high: high.cell.key.load.clone(),
        what,
        pairs: pairs.len() as u64,
        changed: {
            let discordant = discordant(pairs);
            (discordant.b, discordant.c)
        },
        difference,
        p_value,
        worse: against && p_value.is_some_and(|p| p <= 0.05),
    })
}

/// b: cases with more of the property at the high load; c: at the low one.
fn discordant(pairs: &[(f64, f64)]) -> Discordant {
    let count = |holds: fn(&(f64, f64)) -> bool| pairs.iter().filter(|pair| holds(pair)).count() as u64;
    Discordant { b: count(|(l, h)| h > l), c: count(|(l, h)| h < l) }
}

fn binary(pairs: &[(f64, f64)]) -> (Estimate, Option<f64>) {
    let (moved, n) = (discordant(pairs), pairs.len() as u64);
    let interval = tango::interval(moved, n, Level::P95);
    let value = tango::difference(moved, n);
    (Estimate::new(value, interval.low, interval.high, Method::Tango, n), Some(moved.p_mid()))
}

fn graded(pairs: &[(f64, f64)]) -> (Estimate, Option<f64>) {
    let differences: Vec<f64> = pairs.iter().map(|(l, h)| h - l).collect();
    let p = mean::estimate(&differences).filter(|m| m.se > 0.0).map(|m| m.p_two_sided(0.0));
    (super::infer::mean_of(&differences), p.filter(|p| p.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::analyze::summarize::summarize;
    use crate::domain::CellId;
    use crate::domain::Verdict;

    /// 40 cases at 1 and at 64 in flight; twelve that were right become wrong, one the other way round.
    #[test]
    fn a_drop_of_quality_under_load_is_found() {
        let mut run = fixture::run(40);
        run.cells = vec![fixture::cell("default", "c64", 64), fixture::cell("default", "c1", 1)];
        let mut fold = Fold::new(&run);
        for i in 0..80u64 {
            let (cell, case) = ((i / 40) as u32, (i % 40) as u32);
            let mut obs = fixture::ok(i, case);
            obs.attempt.cell = CellId(cell);
            fold.push(&fixture::observed(obs));
            let passed = if cell == 1 { case != 39 } else { case >= 12 };
            fold.push(&fixture::graded(i, Verdict::decide(passed, "")));
        }
        let summary = summarize(&run, &fold.finish());
        let shift = summary.under_load.iter().find(|s| s.what == "pass").unwrap();
        assert_eq!((shift.low.as_str(), shift.high.as_str(), shift.pairs), ("c1", "c64", 40));
        assert_eq!(shift.changed, (1, 12));
        let expected = Discordant { b: 1, c: 12 }.p_mid();
        assert!(shift.worse && (shift.p_value.unwrap() - expected).abs() < 1e-15);
        let length = summary.under_load.iter().find(|s| s.what == "length").unwrap();
        assert!(!length.worse && length.p_value == Some(1.0));
        assert!(summary.under_load.iter().all(|s| s.what != "answer"), "no repeats to hold it against");
        let levels: Vec<f64> = summary.load_curves[0].points.iter().map(|p| p.level).collect();
        assert_eq!(levels, [1.0, 64.0]);
    }
}
