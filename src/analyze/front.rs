//! Which arms no other beats in quality, time and money at once, and how sure that is.
//!
//! Cases are resampled jointly in all arms (clusters of cases, where they are declared), so that an easy draw is easy
//! for everybody; in each resample the front and the ranks are worked out anew.

use std::collections::BTreeMap;
use std::collections::HashMap;

use super::Metric;
use super::quality::is_canary;
use super::run::Run;
use super::slo::Evidence;
use super::summary::Front;
use super::summary::FrontArm;
use super::summary::Rank;
use crate::domain::LoadId;
use crate::stats::Level;
use crate::stats::Quantile;
use crate::stats::bootstrap;
use crate::stats::bootstrap::QuantileOf;
use crate::stats::bootstrap::Scheme;
use crate::stats::bootstrap::Statistic;
use crate::stats::bootstrap::Sums;
use crate::stats::pareto;
use crate::stats::quantile;

/// Resamples: a share is known to one point.
const RESAMPLES: u64 = 1_999;
/// Fewest independent cases or clusters for a bootstrap.
const FEWEST: usize = 5;

/// What arms are compared in; larger is better on every axis once `sign` is applied.
struct Axis {
    metric: &'static str,
    sign: f64,
    /// One statistic per arm.
    statistics: Vec<Box<dyn Statistic>>,
}

/// A front for every load with two arms or more of which at least two things are known.
pub fn fronts(run: &Run, cells: &[Evidence<'_>]) -> Vec<Front> {
    let mut loads: BTreeMap<&LoadId, Vec<usize>> = BTreeMap::new();
    for (at, evidence) in cells.iter().enumerate() {
        loads.entry(&evidence.cell.key.load).or_default().push(at);
    }
    let mut groups: Vec<(&LoadId, Vec<usize>)> = loads.into_iter().filter(|(_, members)| members.len() > 1).collect();
    groups.sort_by_key(|(_, members)| members[0]);
    groups.into_iter().filter_map(|(load, members)| front(run, load, cells, &members)).collect()
}

fn front(run: &Run, load: &LoadId, cells: &[Evidence<'_>], members: &[usize]) -> Option<Front> {
    let units = units(run);
    let n_units = units.iter().max().map_or(0, |most| *most as usize + 1);
    let arms: Vec<&Evidence<'_>> = members.iter().map(|&at| &cells[at]).collect();
    let tail = arms.iter().all(|arm| arm.rows.len() as u64 >= quantile::minimum_n(Quantile::P95, Level::P95));
    let (latency, q) = if tail { ("p95(e2e)", Quantile::P95) } else { ("p50(e2e)", Quantile::P50) };
    let axes = axes(run, &arms, &units, n_units, (latency, q));
    if axes.len() < 2 || n_units < FEWEST {
        return None;
    }
    let observed = points(&axes, |statistic| statistic.value(&vec![1; n_units]));
    let drawn: Vec<Vec<Vec<f64>>> = axes.iter().map(|axis| drawn(axis, n_units, run.terms.options.seed)).collect();
    let mut on_front = vec![0u64; arms.len()];
    let mut places: Vec<Vec<Vec<u32>>> = vec![vec![Vec::new(); arms.len()]; axes.len()];
    for resample in 0..RESAMPLES as usize {
        let at = |arm: usize| axes.iter().zip(&drawn).map(|(axis, drawn)| axis.sign * drawn[arm][resample]).collect();
        let points: Vec<Vec<f64>> = (0..arms.len()).map(at).collect();
        for (count, is_on) in on_front.iter_mut().zip(pareto::front(&points)) {
            *count += u64::from(is_on);
        }
        for (axis, places) in places.iter_mut().enumerate() {
            for (arm, places) in places.iter_mut().enumerate() {
                places.push(place(&points, arm, axis));
            }
        }
    }
    let best = pareto::front(&observed);
    let arm = |at: usize| FrontArm {
        cell_index: members[at],
        on_front: best[at],
        share: on_front[at] as f64 / RESAMPLES as f64,
        dominated_by: (0..arms.len())
            .find(|&other| best[other] && pareto::dominates(&observed[other], &observed[at]))
            .map(|other| members[other]),
        ranks: axes
            .iter()
            .enumerate()
            .map(|(axis, one)| rank(one, &observed, at, axis, &mut places[axis][at].clone()))
            .collect(),
    };
    Some(Front { load: load.clone(), latency, arms: (0..arms.len()).map(arm).collect(), resamples: RESAMPLES })
}

fn drawn(axis: &Axis, n_units: usize, seed: u64) -> Vec<Vec<f64>> {
    let statistics: Vec<&dyn Statistic> = axis.statistics.iter().map(|one| &**one).collect();
    bootstrap::replicate(n_units, &Scheme::Units, &statistics, seed, 0..RESAMPLES)
}

/// A point per arm, larger being better on every axis.
fn points(axes: &[Axis], value: impl Fn(&dyn Statistic) -> f64) -> Vec<Vec<f64>> {
    let n_arms = axes.first().map_or(0, |axis| axis.statistics.len());
    (0..n_arms).map(|arm| axes.iter().map(|axis| axis.sign * value(&*axis.statistics[arm])).collect()).collect()
}

/// One more than the number of arms that are better on this axis.
fn place(points: &[Vec<f64>], arm: usize, axis: usize) -> u32 {
    1 + points.iter().filter(|other| other[axis] > points[arm][axis]).count() as u32
}

fn rank(axis: &Axis, observed: &[Vec<f64>], arm: usize, at: usize, places: &mut [u32]) -> Rank {
    places.sort_unstable();
    let of = |share: f64| places.get(((share * places.len() as f64).ceil() as usize).max(1) - 1).copied().unwrap_or(1);
    Rank {
        metric: axis.metric,
        rank: place(observed, arm, at),
        low: of(Level::P95.tail()),
        high: of(1.0 - Level::P95.tail()),
    }
}

/// The bootstrap's unit of each case: its cluster, or itself; pooled where there are too many to draw one by one.
fn units(run: &Run) -> Vec<u32> {
    let mut numbers = HashMap::new();
    let mut next = 0u32;
    let mut number = |case: &super::run::CaseInfo| {
        let fresh = next;
        let unit = case.cluster.as_ref().map_or(fresh, |cluster| *numbers.entry(cluster.clone()).or_insert(fresh));
        next += u32::from(unit == fresh);
        unit % bootstrap::MOST_UNITS as u32
    };
    run.cases.iter().map(&mut number).collect()
}

/// What is known of all arms.
fn axes(
    run: &Run,
    arms: &[&Evidence<'_>],
    units: &[u32],
    n_units: usize,
    latency: (&'static str, Quantile),
) -> Vec<Axis> {
    let mut axes = Vec::new();
    let mut add = |metric, sign, statistics: Vec<Option<Box<dyn Statistic>>>| {
        if let Some(statistics) = statistics.into_iter().collect() {
            axes.push(Axis { metric, sign, statistics });
        }
    };
    add("pass_rate", 1.0, arms.iter().map(|arm| passes(run, arm, units, n_units)).collect());
    add(latency.0, -1.0, arms.iter().map(|arm| times(arm, units, n_units, latency.1)).collect());
    add("cost_per_case", -1.0, arms.iter().map(|arm| money(arm, units, n_units)).collect());
    axes
}

/// Mean over cases of the mean over their decided repeats.
fn passes(run: &Run, arm: &Evidence<'_>, units: &[u32], n_units: usize) -> Option<Box<dyn Statistic>> {
    let mut cases: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for row in arm.rows.iter().filter(|row| !is_canary(run, row)) {
        if let Some(value) = row.grade.value() {
            let (sum, n) = cases.entry(row.case).or_default();
            *sum += value;
            *n += 1.0;
        }
    }
    let values = cases.into_iter().map(|(case, (sum, n))| (case, sum / n));
    mean(values, units, n_units)
}

fn money(arm: &Evidence<'_>, units: &[u32], n_units: usize) -> Option<Box<dyn Statistic>> {
    mean(arm.rows.iter().filter_map(|row| Some((row.case, row.cost?.as_f64()))), units, n_units)
}

/// The mean of values of cases, as a function of how often each unit is drawn.
fn mean(values: impl Iterator<Item = (u32, f64)>, units: &[u32], n_units: usize) -> Option<Box<dyn Statistic>> {
    let (mut sums, mut counts) = (vec![0.0; n_units], vec![0.0; n_units]);
    for (case, value) in values {
        let unit = *units.get(case as usize)? as usize;
        sums[unit] += value;
        counts[unit] += 1.0;
    }
    let known = counts.iter().sum::<f64>() > 0.0;
    known.then(|| Box::new(Sums::new([sums, counts], |[sum, n]| sum / n)) as Box<dyn Statistic>)
}

fn times(arm: &Evidence<'_>, units: &[u32], n_units: usize, q: Quantile) -> Option<Box<dyn Statistic>> {
    let timed = arm.rows.iter().filter_map(|row| Some((row.latency(Metric::E2e)?, *units.get(row.case as usize)?)));
    let values: Vec<(f64, u32)> = timed.collect();
    (!values.is_empty()).then(|| Box::new(QuantileOf::new(&values, n_units, q)) as Box<dyn Statistic>)
}
