//! Quantiles as functions of weights, and the ratio of the same quantile in two arms, resampled jointly.
//!
//! A resample needs no sorting: observations are sorted once, and those well below the quantile are counted per unit,
//! so that only the neighborhood of the quantile is walked. Where there are many units, most are drawn in groups.

use std::ops::Range;

use super::Scheme;
use super::Statistic;
use super::condensed::Condensed;
use super::condensed::Seen;
use super::replicate;
use super::weights::POISSON_FROM;
use crate::stats::Quantile;

/// Several quantiles of one arm, each over that of another, with both arms resampled jointly.
#[derive(Debug, Clone)]
pub struct QuantileRatios {
    ratios: Vec<QuantileRatio>,
    units: Units,
}

/// How units are drawn.
#[derive(Debug, Clone)]
enum Units {
    /// One by one: so many.
    Single(usize),
    /// Most of them in groups.
    Grouped(Condensed),
}

impl QuantileRatios {
    /// Values of both arms with the unit of each, out of `n_units`; observations of unknown units are dropped.
    pub fn new(first: &[(f64, u32)], second: &[(f64, u32)], n_units: usize, quantiles: &[Quantile]) -> Self {
        let arms = [first, second].map(|arm| ascending(arm, n_units));
        if n_units < POISSON_FROM {
            let arms = arms.map(|arm| one_by_one(&arm));
            return Self { ratios: ratios(&arms, n_units, quantiles), units: Units::Single(n_units) };
        }
        let condensed = Condensed::new([&arms[0], &arms[1]], n_units, quantiles);
        let ratios = ratios(&condensed.arms, condensed.n_units(), quantiles);
        Self { ratios, units: Units::Grouped(condensed) }
    }

    /// The ratios in the sample itself; NaN when both quantiles are infinite or an arm is empty.
    pub fn observed(&self) -> Vec<f64> {
        let once = match &self.units {
            Units::Single(n_units) => vec![1; *n_units],
            Units::Grouped(condensed) => condensed.once(),
        };
        self.ratios.iter().map(|ratio| ratio.value(&once)).collect()
    }

    /// The ratios in the resamples `numbers` of `seed`; one inner vector per quantile.
    pub fn replicate(&self, seed: u64, numbers: Range<u64>) -> Vec<Vec<f64>> {
        let statistics: Vec<&dyn Statistic> = self.ratios.iter().map(|ratio| ratio as &dyn Statistic).collect();
        match &self.units {
            Units::Single(n_units) => replicate(*n_units, &Scheme::Units, &statistics, seed, numbers),
            Units::Grouped(condensed) => replicate(condensed.n_units(), condensed, &statistics, seed, numbers),
        }
    }
}

fn ratios(arms: &[Vec<Seen>; 2], n_units: usize, quantiles: &[Quantile]) -> Vec<QuantileRatio> {
    let arm = |at: usize, q: Quantile| Arm::new(arms[at].clone(), n_units, q);
    quantiles.iter().map(|&q| QuantileRatio { above: arm(0, q), below: arm(1, q), q }).collect()
}

/// Quantile of the first arm over that of the second; NaN when both are infinite or an arm is empty.
#[derive(Debug, Clone)]
struct QuantileRatio {
    above: Arm,
    below: Arm,
    q: Quantile,
}

/// A quantile of one arm; NaN when no observation is drawn.
#[derive(Debug, Clone)]
pub struct QuantileOf {
    arm: Arm,
    q: Quantile,
}

impl QuantileOf {
    /// Values with the unit of each, out of `n_units`; observations of unknown units are dropped.
    pub fn new(values: &[(f64, u32)], n_units: usize, q: Quantile) -> Self {
        Self { arm: Arm::new(one_by_one(&ascending(values, n_units)), n_units, q), q }
    }
}

impl Statistic for QuantileOf {
    fn value(&self, weights: &[u16]) -> f64 {
        self.arm.quantile(weights, self.q)
    }
}

#[derive(Debug, Clone)]
struct Arm {
    /// Ascending by value.
    sorted: Vec<Seen>,
    sizes: Vec<u32>,
    /// Observations of each unit before `start`.
    before: Vec<u32>,
    start: usize,
}

impl Statistic for QuantileRatio {
    fn value(&self, weights: &[u16]) -> f64 {
        let (a, b) = (self.above.quantile(weights, self.q), self.below.quantile(weights, self.q));
        if b.is_infinite() && a.is_finite() { 0.0 } else { a / b }
    }
}

impl Arm {
    /// An arm of observations in ascending order, of units below `n_units`.
    fn new(sorted: Vec<Seen>, n_units: usize, q: Quantile) -> Self {
        let count = |observations: &[Seen]| {
            let mut counts = vec![0; n_units];
            for seen in observations {
                counts[seen.unit as usize] += seen.count;
            }
            counts
        };
        let n: u64 = sorted.iter().map(|seen| u64::from(seen.count)).sum();
        let per_unit = (n as f64 / n_units.max(1) as f64).max(1.0);
        let spread = (n as f64 * q.fraction() * q.above() * per_unit).sqrt();
        let below = (q.rank(n) as f64 - 5.0 * spread - 1.0).max(0.0) as u64;
        let mut passed = 0;
        let reaches = |seen: &Seen| {
            passed += u64::from(seen.count);
            passed > below
        };
        let start = sorted.iter().position(reaches).unwrap_or(sorted.len());
        Self { sizes: count(&sorted), before: count(&sorted[..start]), start, sorted }
    }

    fn quantile(&self, weights: &[u16], q: Quantile) -> f64 {
        let rank = q.rank(dot(weights, &self.sizes));
        let before = dot(weights, &self.before);
        if before < rank { self.walk(weights, self.start, before, rank) } else { self.walk(weights, 0, 0, rank) }
    }

    /// The value at which the count, `seen` before position `from`, reaches `rank`.
    fn walk(&self, weights: &[u16], from: usize, mut seen: u64, rank: u64) -> f64 {
        for one in &self.sorted[from..] {
            seen += u64::from(weights[one.unit as usize]) * u64::from(one.count);
            if seen >= rank {
                return one.value;
            }
        }
        f64::NAN
    }
}

/// Observations of known units in ascending order.
fn ascending(values: &[(f64, u32)], n_units: usize) -> Vec<(f64, u32)> {
    let mut sorted: Vec<(f64, u32)> = values.iter().copied().filter(|(_, unit)| (*unit as usize) < n_units).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    sorted
}

fn one_by_one(sorted: &[(f64, u32)]) -> Vec<Seen> {
    sorted.iter().map(|&(value, unit)| Seen { value, unit, count: 1 }).collect()
}

fn dot(weights: &[u16], counts: &[u32]) -> u64 {
    weights.iter().zip(counts).map(|(w, c)| u64::from(*w) * u64::from(*c)).sum()
}
