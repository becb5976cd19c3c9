//! Arms of one run held against each other: targets, modes and prompts against the first, or against the baseline that
//! the suite names.

use super::Options;
use super::family;
use super::guard::Refusal;
use super::judge;
use super::judge::Drafted;
use super::result::Comparisons;
use super::selection::Arm;
use super::selection::DIMENSIONS;
use super::selection::Selection;
use super::selection::names;
use crate::analyze::Run;
use crate::analyze::Trials;
use crate::analyze::run::CellInfo;

/// The place of the load among [`DIMENSIONS`]: arms share it, they do not differ in it.
const LOAD: usize = 3;

/// How a run's arms are compared, as its suite says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terms {
    /// Margins, slices, metrics of the gate.
    pub options: Options,
    /// The arm that others are compared with; the first of each dimension where it is not given.
    pub baseline: Option<Selection>,
    /// The suite asks for a gate: the verdict goes into the exit code.
    pub gates: bool,
}

/// Baseline and candidate of every comparison within a run.
///
/// A baseline is compared with every other combination of the dimensions that it names; a load that it names restricts
/// both sides. Without one, each dimension with several values has them compared with its first.
pub fn pairs(cells: &[CellInfo], baseline: Option<&Selection>) -> Vec<(Selection, Selection)> {
    if let Some(baseline) = baseline {
        return against(cells, baseline);
    }
    let of = |dimension: usize| {
        let mut values = distinct(cells.iter().map(|cell| vec![names(cell)[dimension]])).into_iter();
        let first = values.next();
        let pair = move |other: Vec<&str>| {
            let first = first.as_deref()?;
            Some((selection(&[dimension], first), selection(&[dimension], &other)))
        };
        values.filter_map(pair).collect::<Vec<_>>()
    };
    (0..LOAD).flat_map(of).collect()
}

fn against(cells: &[CellInfo], baseline: &Selection) -> Vec<(Selection, Selection)> {
    let named = baseline.named();
    let dimensions: Vec<usize> = (0..LOAD).filter(|&d| named[d].is_some()).collect();
    let same_load = |cell: &&CellInfo| named[LOAD].is_none_or(|load| load == cell.load.as_str());
    let own: Vec<&str> = dimensions.iter().filter_map(|&d| named[d]).collect();
    let keys = cells.iter().filter(same_load).map(|cell| dimensions.iter().map(|&d| names(cell)[d]).collect());
    let others = distinct(keys).into_iter().filter(|key| *key != own);
    let arm = |key: Vec<&str>| Selection { load: baseline.load.clone(), ..selection(&dimensions, &key) };
    others.map(|key| (baseline.clone(), arm(key))).collect()
}

/// Each key once, in order of appearance.
fn distinct<'a>(keys: impl Iterator<Item = Vec<&'a str>>) -> Vec<Vec<&'a str>> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    for key in keys {
        if !found.contains(&key) {
            found.push(key);
        }
    }
    found
}

fn selection(dimensions: &[usize], values: &[&str]) -> Selection {
    let mut selection = Selection::default();
    for (&dimension, value) in dimensions.iter().zip(values) {
        if let Some(slot) = selection.slot(DIMENSIONS[dimension]) {
            *slot = Some((*value).to_owned());
        }
    }
    selection
}

/// Compares the arms of a run with one another, all in one family; a refused comparison says why.
pub fn within(run: &Run, trials: &Trials) -> (Vec<Comparisons>, Vec<String>) {
    let arm = |selection: Selection| Arm { run, trials, selection };
    let (mut drafted, mut refused): (Vec<Drafted>, Vec<String>) = (Vec::new(), Vec::new());
    for (base, cand) in pairs(&run.cells, run.terms.baseline.as_ref()) {
        let named = format!("{cand} against {base}");
        match family::drafted(&arm(base.clone()), &arm(cand.clone()), &run.terms.options) {
            Ok(found) => drafted.push(Drafted { baseline: base.to_string(), candidate: cand.to_string(), ..found }),
            // A dimension whose cells do not overlap is no mistake of anybody: there is nothing to compare.
            Err(Refusal::NoMatchingCell | Refusal::NoSharedCase) if !run.terms.gates => {}
            Err(why) => refused.push(format!("{named}: {why}")),
        }
    }
    let mut found = judge::together(drafted);
    for one in &mut found {
        one.gates = run.terms.gates;
    }
    (found, refused)
}

/// Compares pairs of selections of one run in `metrics` only, all in one family; `None` where a comparison would
/// mislead.
pub fn selected(
    run: &Run,
    trials: &Trials,
    pairs: &[(Selection, Selection)],
    metrics: &[&str],
    options: &Options,
) -> Vec<Option<Comparisons>> {
    let arm = |selection: &Selection| Arm { run, trials, selection: selection.clone() };
    let drafted = pairs.iter().map(|(base, cand)| {
        let mut found = family::drafted(&arm(base), &arm(cand), options).ok()?;
        found.drafts.retain(|draft| metrics.contains(&draft.comparison.metric.as_str()) && !draft.explores);
        // One family: whether a line decides is of no interest here, that it is adjusted is.
        found.drafts.iter_mut().for_each(|draft| draft.comparison.gates = true);
        Some(found)
    });
    let drafted: Vec<Option<Drafted>> = drafted.collect();
    let kept: Vec<bool> = drafted.iter().map(Option::is_some).collect();
    let mut judged = judge::together(drafted.into_iter().flatten().collect()).into_iter();
    kept.into_iter().map(|kept| if kept { judged.next() } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;

    fn cells() -> Vec<CellInfo> {
        let mut cells = Vec::new();
        for target in ["a", "b"] {
            for mode in ["low", "high", "max"] {
                cells.push(CellInfo { target: target.into(), ..fixture::cell(mode, "c1", 1) });
            }
        }
        cells
    }

    fn shown(baseline: Option<&str>) -> Vec<String> {
        let baseline = baseline.map(|text| text.parse().unwrap());
        pairs(&cells(), baseline.as_ref()).iter().map(|(base, cand)| format!("{base} | {cand}")).collect()
    }

    #[test]
    fn each_dimension_is_held_against_its_first() {
        assert_eq!(shown(None), ["target=a | target=b", "mode=low | mode=high", "mode=low | mode=max"]);
        assert!(pairs(&cells()[..1], None).is_empty() && pairs(&[], None).is_empty());
    }

    #[test]
    fn a_baseline_is_held_against_all_that_it_names() {
        assert_eq!(shown(Some("mode=high")), ["mode=high | mode=low", "mode=high | mode=max"]);
        let all = shown(Some("target=b,mode=low,load=c1"));
        assert_eq!(all.len(), 5);
        assert_eq!(all[0], "target=b,mode=low,load=c1 | target=a,mode=low,load=c1");
        assert!(shown(Some("target=b,load=c9")).is_empty());
    }
}
