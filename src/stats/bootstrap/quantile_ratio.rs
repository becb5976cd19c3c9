//! Ratio of the same quantile in two arms, resampled jointly.
//!
//! A resample needs no sorting: observations are sorted once, and those well below the quantile are counted per unit,
//! so that only the neighborhood of the quantile is walked.

use super::Statistic;
use crate::stats::Quantile;

/// Quantile of the first arm over that of the second; NaN when both are infinite or an arm is empty.
#[derive(Debug, Clone)]
pub struct QuantileRatio {
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
        Self { arm: Arm::new(values, n_units, q), q }
    }
}

impl Statistic for QuantileOf {
    fn value(&self, weights: &[u16]) -> f64 {
        self.arm.quantile(weights, self.q)
    }
}

#[derive(Debug, Clone)]
struct Arm {
    /// Value and unit, ascending by value.
    sorted: Vec<(f64, u32)>,
    sizes: Vec<u32>,
    /// Observations of each unit before `start`.
    before: Vec<u32>,
    start: usize,
}

impl QuantileRatio {
    /// Values of both arms with the unit of each, out of `n_units`; observations of unknown units are dropped.
    pub fn new(first: &[(f64, u32)], second: &[(f64, u32)], n_units: usize, q: Quantile) -> Self {
        Self { above: Arm::new(first, n_units, q), below: Arm::new(second, n_units, q), q }
    }

    /// The ratio in the sample itself.
    pub fn observed(&self) -> f64 {
        self.value(&vec![1; self.above.sizes.len()])
    }
}

impl Statistic for QuantileRatio {
    fn value(&self, weights: &[u16]) -> f64 {
        let (a, b) = (self.above.quantile(weights, self.q), self.below.quantile(weights, self.q));
        if b.is_infinite() && a.is_finite() { 0.0 } else { a / b }
    }
}

impl Arm {
    fn new(values: &[(f64, u32)], n_units: usize, q: Quantile) -> Self {
        let mut sorted: Vec<(f64, u32)> =
            values.iter().copied().filter(|(_, unit)| (*unit as usize) < n_units).collect();
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let n = sorted.len() as f64;
        let per_unit = (n / n_units.max(1) as f64).max(1.0);
        let spread = (n * q.fraction() * q.above() * per_unit).sqrt();
        let start = (q.rank(sorted.len() as u64) as f64 - 5.0 * spread - 1.0).max(0.0) as usize;
        let count = |observations: &[(f64, u32)]| {
            let mut counts = vec![0; n_units];
            for (_, unit) in observations {
                counts[*unit as usize] += 1;
            }
            counts
        };
        Self { sizes: count(&sorted), before: count(&sorted[..start]), start, sorted }
    }

    fn quantile(&self, weights: &[u16], q: Quantile) -> f64 {
        let rank = q.rank(dot(weights, &self.sizes));
        let before = dot(weights, &self.before);
        if before < rank { self.walk(weights, self.start, before, rank) } else { self.walk(weights, 0, 0, rank) }
    }

    /// The value at which the count, `seen` before position `from`, reaches `rank`.
    fn walk(&self, weights: &[u16], from: usize, mut seen: u64, rank: u64) -> f64 {
        for (value, unit) in &self.sorted[from..] {
            seen += u64::from(weights[*unit as usize]);
            if seen >= rank {
                return *value;
            }
        }
        f64::NAN
    }
}

fn dot(weights: &[u16], counts: &[u32]) -> u64 {
    weights.iter().zip(counts).map(|(w, c)| u64::from(*w) * u64::from(*c)).sum()
}
