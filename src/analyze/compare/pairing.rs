//! Cells of one arm matched with cells of the other, and within them case with case.
//!
//! A dimension on which each arm has one value only is what is being compared, and need not match; any other must.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::selection::Arm;
use super::selection::DIMENSIONS;
use super::selection::Selection;
use super::selection::names;
use crate::analyze::run::CaseInfo;
use crate::analyze::run::CellInfo;
use crate::analyze::trial::TrialRow;

/// A case as both arms saw it.
#[derive(Debug, Clone)]
pub(super) struct CasePair<'a> {
    pub(super) case: &'a CaseInfo,
    pub(super) baseline: Vec<&'a TrialRow>,
    pub(super) candidate: Vec<&'a TrialRow>,
}

/// A cell of the baseline, the cell of the candidate that it is compared with, and their cases.
#[derive(Debug, Clone)]
pub(super) struct CellPair<'a> {
    /// `all` when there is one pair of cells, else what tells it from the others.
    pub(super) label: String,
    /// Positions of the cells: baseline, candidate; `None` where several are pooled.
    pub(super) at: Option<(usize, usize)>,
    /// The prompt, where both cells have the same.
    pub(super) prompt: Option<&'a str>,
    pub(super) cases: Vec<CasePair<'a>>,
}

/// All matching cells, and what has no counterpart.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairing<'a> {
    pub(super) cells: Vec<CellPair<'a>>,
    pub(super) unmatched_cells: Vec<String>,
    pub(super) only_baseline: Vec<String>,
    pub(super) only_candidate: Vec<String>,
    pub(super) changed: Vec<String>,
}

type Key<'a> = Vec<&'a str>;

/// Matches two arms.
pub(super) fn pair<'a>(baseline: &Arm<'a>, candidate: &Arm<'a>) -> Pairing<'a> {
    let matching = Matching::of(
        chosen(&baseline.run.cells, &baseline.selection),
        chosen(&candidate.run.cells, &candidate.selection),
    );
    let mut found = Pairing::default();
    let cases = Cases::new(baseline, candidate, &mut found);
    found.unmatched_cells = matching.unmatched();
    for (label, base_at, cand_at) in matching.matched() {
        let prompt = baseline.run.cells[base_at].prompt.as_str();
        found.cells.push(CellPair {
            label,
            at: Some((base_at, cand_at)),
            prompt: (candidate.run.cells[cand_at].prompt.as_str() == prompt).then_some(prompt),
            cases: cases.of(base_at, cand_at),
        });
    }
    if let [only] = found.cells.as_mut_slice() {
        "all".clone_into(&mut only.label);
    }
    found
}

/// Positions of the cells of two selections that answer to each other: baseline, candidate.
pub fn matched(cells: &[CellInfo], baseline: &Selection, candidate: &Selection) -> Vec<(usize, usize)> {
    let matching = Matching::of(chosen(cells, baseline), chosen(cells, candidate));
    matching.matched().into_iter().map(|(_, base_at, cand_at)| (base_at, cand_at)).collect()
}

/// Cells of both arms by the names that must agree.
struct Matching<'a> {
    dimensions: Vec<usize>,
    baseline: BTreeMap<Key<'a>, usize>,
    candidate: BTreeMap<Key<'a>, usize>,
}

impl<'a> Matching<'a> {
    fn of(baseline: Vec<(usize, [&'a str; 4])>, candidate: Vec<(usize, [&'a str; 4])>) -> Self {
        let dimensions: Vec<usize> =
            (0..DIMENSIONS.len()).filter(|&d| !(is_single(&baseline, d) && is_single(&candidate, d))).collect();
        let keyed = |cells: Vec<(usize, [&'a str; 4])>| -> BTreeMap<Key<'a>, usize> {
            cells.into_iter().map(|(at, names)| (dimensions.iter().map(|&d| names[d]).collect(), at)).collect()
        };
        let (baseline, candidate) = (keyed(baseline), keyed(candidate));
        Self { dimensions, baseline, candidate }
    }

    fn matched(&self) -> Vec<(String, usize, usize)> {
        let pair = |(key, base_at): (&Key<'a>, &usize)| {
            let cand_at = self.candidate.get(key)?;
            Some((label(&self.dimensions, key), *base_at, *cand_at))
        };
        self.baseline.iter().filter_map(pair).collect()
    }

    fn unmatched(&self) -> Vec<String> {
        let missing = |keys: &BTreeMap<Key<'a>, usize>, others: &BTreeMap<Key<'a>, usize>| -> Vec<String> {
            keys.keys().filter(|key| !others.contains_key(*key)).map(|key| key.join(" ")).collect()
        };
        let mut found = missing(&self.baseline, &self.candidate);
        found.extend(missing(&self.candidate, &self.baseline));
        found
    }
}

/// Position and names of the cells that a selection covers.
fn chosen<'a>(cells: &'a [CellInfo], selection: &Selection) -> Vec<(usize, [&'a str; 4])> {
    let covered = cells.iter().enumerate().filter(|(_, cell)| selection.covers(cell));
    covered.map(|(at, cell)| (at, names(cell))).collect()
}

fn is_single(cells: &[(usize, [&str; 4])], dimension: usize) -> bool {
    cells.windows(2).all(|pair| pair[0].1[dimension] == pair[1].1[dimension])
}

fn label(dimensions: &[usize], key: &[&str]) -> String {
    let parts = dimensions.iter().zip(key).map(|(&d, name)| format!("{}={name}", DIMENSIONS[d]));
    parts.collect::<Vec<_>>().join(",")
}

/// Which case of the candidate answers to which case of the baseline.
struct Cases<'a> {
    rows: [Vec<Vec<&'a TrialRow>>; 2],
    shared: Vec<(u32, u32, &'a CaseInfo)>,
}

impl<'a> Cases<'a> {
    fn new(baseline: &Arm<'a>, candidate: &Arm<'a>, found: &mut Pairing<'a>) -> Self {
        let ours: HashMap<&str, (u32, &CaseInfo)> =
            candidate.run.cases.iter().zip(0..).map(|(case, at)| (case.id.as_str(), (at, case))).collect();
        let mut shared = Vec::new();
        for (case, at) in baseline.run.cases.iter().zip(0u32..) {
            match ours.get(case.id.as_str()) {
                None => found.only_baseline.push(case.id.to_string()),
                Some((_, other)) if other.hash != case.hash => found.changed.push(case.id.to_string()),
                Some((other_at, _)) if !case.canary => shared.push((at, *other_at, case)),
                Some(_) => {}
            }
        }
        let theirs: HashSet<&str> = baseline.run.cases.iter().map(|case| case.id.as_str()).collect();
        let missing = candidate.run.cases.iter().filter(|case| !theirs.contains(case.id.as_str()));
        found.only_candidate = missing.map(|case| case.id.to_string()).collect();
        Self { rows: [by_cell(baseline), by_cell(candidate)], shared }
    }

    /// The shared cases of two cells, each with its measured trials; cases that neither arm tried are left out.
    fn of(&self, base_at: usize, cand_at: usize) -> Vec<CasePair<'a>> {
        let (base, cand) = (by_case(&self.rows[0][base_at]), by_case(&self.rows[1][cand_at]));
        let take = |rows: &HashMap<u32, Vec<&'a TrialRow>>, at: u32| rows.get(&at).cloned().unwrap_or_default();
        let pairs = self.shared.iter().map(|&(base_case, cand_case, case)| CasePair {
            case,
            baseline: take(&base, base_case),
            candidate: take(&cand, cand_case),
        });
        pairs.filter(|pair| !(pair.baseline.is_empty() && pair.candidate.is_empty())).collect()
    }
}

fn by_cell<'a>(arm: &Arm<'a>) -> Vec<Vec<&'a TrialRow>> {
    let mut cells = vec![Vec::new(); arm.run.cells.len()];
    for row in arm.trials.rows.iter().filter(|row| row.is_measured()) {
        if let Some(cell) = cells.get_mut(row.cell.0 as usize) {
            cell.push(row);
        }
    }
    cells
}

fn by_case<'a>(rows: &[&'a TrialRow]) -> HashMap<u32, Vec<&'a TrialRow>> {
    let mut cases: HashMap<u32, Vec<&'a TrialRow>> = HashMap::new();
    for row in rows {
        cases.entry(row.case).or_default().push(row);
    }
    cases
}
