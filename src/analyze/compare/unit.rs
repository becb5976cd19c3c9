//! A case reduced to what a comparison needs: a mean in each arm, or the fact that there is none.

use std::collections::HashMap;

use super::measure::Measure;
use super::measure::Side;
use super::pairing::CasePair;

/// One case of one measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    /// Mean over the baseline's decided repeats.
    pub(super) baseline: Option<f64>,
    /// Mean over the candidate's decided repeats.
    pub(super) candidate: Option<f64>,
    /// Both means are of a single trial that is 0 or 1.
    pub(super) is_binary: bool,
    /// The case's cluster.
    pub(super) cluster: u32,
}

/// The units of `pairs`, in order, each in the cluster of its place.
pub(super) fn units(pairs: &[&CasePair<'_>], measure: &Measure, clusters: &[u32]) -> Vec<Unit> {
    let one = |(pair, &cluster): (&&CasePair<'_>, &u32)| {
        let values = |side: Side| -> Vec<f64> {
            let rows = if side == Side::Baseline { &pair.baseline } else { &pair.candidate };
            rows.iter().filter_map(|row| measure.value(row, side)).collect()
        };
        let (baseline, candidate) = (values(Side::Baseline), values(Side::Candidate));
        let single = |values: &[f64]| matches!(values, [] | [0.0 | 1.0]);
        Unit {
            is_binary: single(&baseline) && single(&candidate),
            baseline: mean(&baseline),
            candidate: mean(&candidate),
            cluster,
        }
    };
    pairs.iter().zip(clusters).map(one).collect()
}

/// A number for each pair's cluster; cases without a declared cluster are clusters of their own.
pub(super) fn clusters<'a>(pairs: &[&CasePair<'a>]) -> Vec<u32> {
    let mut numbers: HashMap<&'a str, u32> = HashMap::new();
    let mut next = 0;
    let mut number = |pair: &CasePair<'a>| {
        next += 1;
        pair.case.cluster.as_ref().map_or(next - 1, |cluster| *numbers.entry(cluster.as_str()).or_insert(next - 1))
    };
    pairs.iter().map(|pair| number(pair)).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
