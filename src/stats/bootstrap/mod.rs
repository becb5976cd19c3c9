//! The bootstrap: resample units with replacement, jointly for all arms and statistics.
//!
//! A resample is a vector of weights, one per unit (a cluster, a case, a block of time), and every statistic is a
//! function of these weights, so that units are gathered once and then only multiplied. Resample number `b` of a seed
//! has the same weights whoever computes it: a range can be split among workers without changing the result.

mod condensed;
mod limits;
mod quantile_ratio;
mod sums;
mod weights;

pub use limits::acceleration;
pub use limits::acceleration_of_samples;
pub use limits::bca;
pub use limits::jackknife_error;
pub use limits::percentile;
pub use quantile_ratio::QuantileOf;
pub use quantile_ratio::QuantileRatios;
pub use sums::Sums;
pub use sums::safe_ratio;
pub use weights::Scheme;
pub use weights::block_length;

use std::ops::Range;

use super::Bits;

/// Most units that a bootstrap draws; more are pooled at random, see [`Sums::pooled`].
pub const MOST_UNITS: usize = 4096;

/// Resamples of every interval unless something else is said.
pub const RESAMPLES: u64 = 9_999;

/// A statistic as a function of how often each unit was drawn.
///
/// It must not change when all weights are multiplied by the same number.
pub trait Statistic {
    /// The value when unit i counts `weights[i]` times; NaN when undefined.
    fn value(&self, weights: &[u16]) -> f64;
}

/// How a resample is drawn.
pub trait Draw {
    /// Draws how often each unit counts in one resample.
    fn draw(&self, bits: &mut Bits, weights: &mut [u16]);
}

/// Values of each statistic over the resamples `numbers` of `seed`; one inner vector per statistic, in order.
pub fn replicate(
    n_units: usize,
    scheme: &impl Draw,
    statistics: &[&dyn Statistic],
    seed: u64,
    numbers: Range<u64>,
) -> Vec<Vec<f64>> {
    let mut weights = vec![0; n_units];
    let mut values: Vec<Vec<f64>> = statistics.iter().map(|_| Vec::with_capacity(numbers.clone().count())).collect();
    for number in numbers {
        scheme.draw(&mut Bits::derive(seed, number), &mut weights);
        for (statistic, values) in statistics.iter().zip(&mut values) {
            values.push(statistic.value(&weights));
        }
    }
    values
}

#[cfg(test)]
mod tests;
