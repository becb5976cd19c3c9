//! How often each unit is drawn in one resample.

use super::Draw;
use crate::stats::Bits;

/// From this many units on, weights are independent Poisson counts instead of one multinomial draw.
///
/// The two differ by O(1/n) in any statistic that ignores the scale of the weights; Poisson weights need no random
/// memory access and a quarter of the random bits.
pub(super) const POISSON_FROM: usize = 1024;

/// How units are resampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Units are independent.
    Units,
    /// Units are in order of time; blocks of this many neighbors are drawn together (Kuensch 1989).
    MovingBlocks(usize),
    /// As moving blocks, on a circle: the first unit follows the last, so that all are drawn equally often (Politis &
    /// Romano 1992).
    CircularBlocks(usize),
}

/// Block length for `n` dependent units: ceil(n^(1/3)).
pub fn block_length(n: usize) -> usize {
    let mut length = (n as f64).cbrt() as usize;
    while length * length * length < n {
        length += 1;
    }
    length.max(1)
}

impl Draw for Scheme {
    fn draw(&self, bits: &mut Bits, weights: &mut [u16]) {
        let longest = weights.len().max(1);
        match self {
            Self::Units if weights.len() < POISSON_FROM => multinomial(bits, weights),
            Self::Units => poisson(bits, weights),
            Self::MovingBlocks(length) => moving_blocks(bits, (*length).clamp(1, longest), weights),
            Self::CircularBlocks(length) => circular_blocks(bits, (*length).clamp(1, longest), weights),
        }
    }
}

/// Poisson counts of any mean up to a few ten thousand, by inversion of their distribution.
#[derive(Debug, Clone)]
pub(super) struct Poisson {
    mean: u16,
    /// The count that the first entry of `up_to` belongs to.
    first: u16,
    /// P(W <= first), P(W <= first + 1), .. as far as it is not 1.
    up_to: Vec<f64>,
}

impl Poisson {
    /// Counts with this mean; what lies more than eight standard deviations from it is never drawn.
    pub(super) fn new(mean: u16) -> Self {
        let centre = f64::from(mean);
        let reach = (8.0 * centre.sqrt()).ceil() as u16 + 12;
        let first = mean.saturating_sub(reach);
        let falling = (first..mean).rev().scan(1.0, |term, k| {
            *term *= (f64::from(k) + 1.0) / centre;
            Some(*term)
        });
        let mut masses: Vec<f64> = falling.collect();
        masses.reverse();
        let mut term = 1.0;
        for k in mean..mean.saturating_add(reach) {
            masses.push(term);
            term *= centre / (f64::from(k) + 1.0);
        }
        let total: f64 = masses.iter().sum();
        let up_to = masses.iter().scan(0.0, |sum, mass| {
            *sum += mass / total;
            Some(*sum)
        });
        Self { mean, first, up_to: up_to.collect() }
    }

    pub(super) fn mean(&self) -> u16 {
        self.mean
    }

    pub(super) fn draw(&self, bits: &mut Bits) -> u16 {
        let u = bits.uniform();
        let steps = self.up_to.partition_point(|up_to| *up_to <= u).min(self.up_to.len().saturating_sub(1));
        self.first + steps as u16
    }
}

fn multinomial(bits: &mut Bits, weights: &mut [u16]) {
    weights.fill(0);
    for _ in 0..weights.len() {
        weights[bits.below(weights.len() as u64) as usize] += 1;
    }
}

/// P(W >= k), k = 1.., of a Poisson count with mean 1 in units of 2^-16, rounded so that the mean is exactly 1.
const AT_LEAST: [u16; 8] = [41_427, 17_317, 5_263, 1_244, 240, 39, 5, 1];

/// Four counts from each word, by inversion of sixteen bits; the inner loops run over neighbors, so that they vectorize.
pub(super) fn poisson(bits: &mut Bits, weights: &mut [u16]) {
    const LANES: usize = 64;
    for chunk in weights.chunks_mut(LANES) {
        let mut uniform = [0u16; LANES];
        for four in uniform.chunks_exact_mut(4) {
            let word = bits.word();
            four.copy_from_slice(&[word as u16, (word >> 16) as u16, (word >> 32) as u16, (word >> 48) as u16]);
        }
        let mut counts = [0u16; LANES];
        for limit in AT_LEAST {
            for (count, u) in counts.iter_mut().zip(&uniform) {
                *count += u16::from(*u < limit);
            }
        }
        chunk.copy_from_slice(&counts[..chunk.len()]);
    }
}

/// Draws blocks until there are as many units as before; the last block is cut.
fn moving_blocks(bits: &mut Bits, length: usize, weights: &mut [u16]) {
    weights.fill(0);
    let n = weights.len();
    let mut left = n;
    while left > 0 {
        let start = bits.below((n - length + 1) as u64) as usize;
        let take = length.min(left);
        weights[start..start + take].iter_mut().for_each(|weight| *weight += 1);
        left -= take;
    }
}

fn circular_blocks(bits: &mut Bits, length: usize, weights: &mut [u16]) {
    weights.fill(0);
    let n = weights.len();
    let mut left = n;
    while left > 0 {
        let start = bits.below(n as u64) as usize;
        let take = length.min(left);
        (start..start + take).for_each(|at| weights[at % n] += 1);
        left -= take;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mean;
    use crate::stats::near::within;

    #[test]
    fn poisson_limits_are_those_of_the_distribution() {
        assert_eq!(AT_LEAST.iter().map(|limit| u32::from(*limit)).sum::<u32>(), 1 << 16);
        let (mut term, mut below) = ((-1.0f64).exp(), 0.0);
        for (k, limit) in AT_LEAST.iter().enumerate() {
            below += term;
            term /= (k + 1) as f64;
            within(f64::from(*limit) / 65_536.0, 1.0 - below, 1e-5);
        }
    }

    /// `scipy.stats.poisson.cdf`.
    #[test]
    fn counts_follow_their_distribution() {
        let at_most = |mean: u16, k: u16| {
            let table = Poisson::new(mean);
            table.up_to[usize::from(k - table.first)]
        };
        let table = [
            (1, 0, 0.367_879_441_171_442_45),
            (1, 3, 0.981_011_843_123_846_2),
            (40, 40, 0.541_918_178_362_537_1),
            (40, 25, 0.007_566_375_789_866_66),
            (1000, 950, 0.057_836_292_955_323_276),
            (16384, 16384, 0.502_077_808_172_358_5),
            (16384, 16700, 0.993_169_512_929_677_6),
        ];
        for (mean, k, expected) in table {
            within(at_most(mean, k), expected, 1e-12);
        }
        let (table, mut bits) = (Poisson::new(1000), Bits::new(3));
        let counts: Vec<f64> = (0..40_000).map(|_| f64::from(table.draw(&mut bits))).collect();
        within(mean::mean(&counts), 1000.0, 0.5);
        within(mean::variance(&counts), 1000.0, 22.0);
    }

    #[test]
    fn weights_have_mean_and_variance_one() {
        let mut weights = vec![0; 100_003];
        Scheme::Units.draw(&mut Bits::new(1), &mut weights);
        let n = weights.len() as f64;
        let mean = weights.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
        let variance = weights.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / n;
        within(mean, 1.0, 0.015);
        within(variance, 1.0, 0.02);
    }

    #[test]
    fn every_scheme_draws_as_many_units_as_there_are() {
        for scheme in [
            Scheme::Units,
            Scheme::MovingBlocks(7),
            Scheme::MovingBlocks(5000),
            Scheme::MovingBlocks(0),
            Scheme::CircularBlocks(7),
            Scheme::CircularBlocks(0),
        ] {
            let mut weights = vec![0; 100];
            scheme.draw(&mut Bits::new(3), &mut weights);
            assert_eq!(weights.iter().sum::<u16>(), 100);
            scheme.draw(&mut Bits::new(3), &mut []);
        }
    }

    #[test]
    fn block_lengths_are_exact_cube_roots() {
        for (n, length) in [(0, 1), (1, 1), (8, 2), (27, 3), (28, 4), (1000, 10), (100_000, 47)] {
            assert_eq!(block_length(n), length);
        }
    }
}
