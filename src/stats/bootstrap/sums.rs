//! Smooth statistics: functions of a few sums over units, such as a ratio of means.

use super::Statistic;

/// A function of the sums of `M` columns, each with one value per unit.
#[derive(Debug, Clone)]
pub struct Sums<const M: usize> {
    columns: [Vec<f64>; M],
    combine: fn([f64; M]) -> f64,
}

impl<const M: usize> Sums<M> {
    /// The statistic `combine` of the sums of `columns`; it must not depend on their common scale.
    ///
    /// Columns are cut to the length of the shortest.
    pub fn new(mut columns: [Vec<f64>; M], combine: fn([f64; M]) -> f64) -> Self {
        let n = columns.iter().map(Vec::len).min().unwrap_or(0);
        for column in &mut columns {
            column.truncate(n);
        }
        Self { columns, combine }
    }

    /// The statistic of the sample itself.
    pub fn observed(&self) -> f64 {
        (self.combine)(self.totals())
    }

    /// The statistic without unit i, for every i.
    pub fn jackknife(&self) -> Vec<f64> {
        let totals = self.totals();
        let n = self.columns.first().map_or(0, Vec::len);
        let without = |i: usize| (self.combine)(std::array::from_fn(|column| totals[column] - self.columns[column][i]));
        (0..n).map(without).collect()
    }

    fn totals(&self) -> [f64; M] {
        std::array::from_fn(|column| self.columns[column].iter().sum())
    }
}

impl<const M: usize> Statistic for Sums<M> {
    fn value(&self, weights: &[u16]) -> f64 {
        (self.combine)(std::array::from_fn(|column| weighted_sum(weights, &self.columns[column])))
    }
}

/// `a / b`, +infinity when there is nothing to divide by.
pub fn safe_ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { f64::INFINITY }
}

/// Dot product in eight lanes, so that the additions need not wait for each other.
fn weighted_sum(weights: &[u16], values: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (weights, values) = (&weights[..values.len().min(weights.len())], values);
    let mut lanes = [0.0; LANES];
    let (mut w, mut v) = (weights.chunks_exact(LANES), values.chunks_exact(LANES));
    for (w, v) in w.by_ref().zip(v.by_ref()) {
        for i in 0..LANES {
            lanes[i] += f64::from(w[i]) * v[i];
        }
    }
    let rest: f64 = w.remainder().iter().zip(v.remainder()).map(|(w, v)| f64::from(*w) * v).sum();
    lanes.iter().sum::<f64>() + rest
}
