//! Quantiles by nearest rank, with distribution-free intervals from order statistics.
//!
//! The quantile of n values is the value of rank ceil(n q): an observed value, never an interpolation, so it works
//! with +infinity and agrees with the intervals. Ranks are computed on integers, because in floating point 0.55 of
//! 100 is 55.00000000000001.

use super::Level;
use super::binomial;

/// A quantile, exact to one part in a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantile(u32);

const WHOLE: u32 = 1_000_000;

impl Quantile {
    /// The median.
    pub const P50: Self = Self(500_000);
    /// The ninetieth percentile.
    pub const P90: Self = Self(900_000);
    /// The ninety-fifth percentile.
    pub const P95: Self = Self(950_000);
    /// The ninety-ninth percentile.
    pub const P99: Self = Self(990_000);
    /// The quantile that one value in a thousand exceeds.
    pub const P999: Self = Self(999_000);

    /// The quantile `fraction`, or nothing unless it lies strictly inside (0, 1) to one part in a million.
    pub fn new(fraction: f64) -> Option<Self> {
        let parts = (fraction * f64::from(WHOLE)).round();
        (parts >= 1.0 && parts < f64::from(WHOLE)).then_some(Self(parts as u32))
    }

    /// The fraction, such as 0.95.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }

    /// The share of values above, such as 0.05; exact where `1.0 - 0.95` is not.
    pub fn above(self) -> f64 {
        f64::from(WHOLE - self.0) / f64::from(WHOLE)
    }

    /// Rank ceil(n q), counted from 1; 0 only when `n` is 0.
    pub fn rank(self, n: u64) -> u64 {
        (u128::from(n) * u128::from(self.0)).div_ceil(u128::from(WHOLE)) as u64
    }
}

/// The quantile of values in ascending order; nothing when there are none.
pub fn nearest_rank(sorted: &[f64], q: Quantile) -> Option<f64> {
    let rank = q.rank(sorted.len() as u64) as usize;
    sorted.get(rank.checked_sub(1)?).copied()
}

/// Sorts ascending; +infinity last. The caller keeps NaN out; were there any it would sort beyond infinity.
pub fn sort(values: &mut [f64]) {
    values.sort_unstable_by(f64::total_cmp);
}

/// Ranks, counted from 1, of the order statistics that enclose a quantile; `None` means unbounded on that side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankInterval {
    /// Rank of the lower limit.
    pub low: Option<u64>,
    /// Rank of the upper limit.
    pub high: Option<u64>,
}

/// Distribution-free two-sided interval of quantile `q` from n independent values.
///
/// With X ~ Bin(n, q): the low rank is the largest l with P(X <= l-1) <= alpha/2, the high rank the smallest u with
/// P(X >= u) <= alpha/2.
pub fn rank_interval(n: u64, q: Quantile, level: Level) -> RankInterval {
    let (p, tail) = (q.fraction(), level.tail());
    let low = last_where(n, |l| binomial::at_most(l - 1, n, p) <= tail);
    let high = last_where(n, |u| binomial::at_least(u, n, p) > tail) + 1;
    RankInterval { low: (low > 0).then_some(low), high: (high <= n).then_some(high) }
}

/// P(l <= X <= u-1), the exact coverage of a rank interval.
pub fn coverage(ranks: RankInterval, n: u64, q: Quantile) -> f64 {
    let p = q.fraction();
    let below = ranks.low.map_or(0.0, |l| binomial::at_most(l - 1, n, p));
    let above = ranks.high.map_or(0.0, |u| binomial::at_least(u, n, p));
    1.0 - below - above
}

/// A quantile with its order-statistic interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileEstimate {
    /// The nearest-rank value; +infinity when failures reach this far down.
    pub value: f64,
    /// Lower limit; negative infinity when there is none.
    pub low: f64,
    /// Upper limit; +infinity when there is none.
    pub high: f64,
}

/// Quantile and interval of values in ascending order.
///
/// The error is the number of values needed, when there are too few for a two-sided interval.
pub fn estimate(sorted: &[f64], q: Quantile, level: Level) -> Result<QuantileEstimate, u64> {
    let n = sorted.len() as u64;
    let needed = minimum_n(q, level);
    let Some(value) = nearest_rank(sorted, q).filter(|_| n >= needed) else { return Err(needed) };
    let ranks = rank_interval(n, q, level);
    let at = |rank: u64| sorted[rank as usize - 1];
    Ok(QuantileEstimate {
        value,
        low: ranks.low.map_or(f64::NEG_INFINITY, at),
        high: ranks.high.map_or(f64::INFINITY, at),
    })
}

/// Fewest values for which a two-sided interval of `q` is bounded on the side of its tail.
pub fn minimum_n(q: Quantile, level: Level) -> u64 {
    let far = q.fraction().max(q.above());
    (level.tail().ln() / far.ln() - 1e-9).ceil() as u64
}

/// Fewest values for which a one-sided bound exists.
pub fn minimum_n_one_sided(q: Quantile, level: Level) -> u64 {
    let far = q.fraction().max(q.above());
    (level.alpha().ln() / far.ln() - 1e-9).ceil() as u64
}

/// The last of 1..=n for which `holds`, given that it holds up to some point and not beyond; 0 if never.
fn last_where(n: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

#[cfg(test)]
mod tests;
