//! Sign-flip permutation test: under the null each difference is as likely to have the other sign.
//!
//! Exact up to thirty non-zero differences, over all arrangements of signs: the sums of each half are sorted, and pairs
//! of them are counted without being written out. Monte Carlo beyond: such a p is (1 + hits) / (1 + draws) and never 0
//! (Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39). Sums are compared with a relative tolerance of 1e-9, or
//! ties are lost to rounding.

use crate::stats::Bits;

const ENUMERATE_UP_TO: usize = 30;

/// p values of a sign-flip test against a mean of zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignFlip {
    /// Of "the mean is not zero".
    pub two_sided: f64,
    /// Of "the mean is above zero".
    pub above: f64,
    /// Of "the mean is below zero".
    pub below: f64,
}

#[derive(Default)]
struct Hits {
    total: u64,
    two_sided: u64,
    above: u64,
    below: u64,
}

/// Tests whether the mean of `differences` is zero; of clustered differences pass the sums per cluster.
///
/// `draws` and `seed` matter only when there are too many to enumerate.
pub fn test(differences: &[f64], draws: u64, seed: u64) -> SignFlip {
    let moving: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    if moving.len() <= ENUMERATE_UP_TO { enumerate(&moving) } else { sample(&moving, draws, seed) }
}

fn enumerate(differences: &[f64]) -> SignFlip {
    let observed: f64 = differences.iter().sum();
    let slack = slack(differences);
    let (left, right) = differences.split_at(differences.len() / 2);
    let (left, right) = (signed_sums(left), signed_sums(right));
    let reaching = |limit: f64| count_reaching(&left, &right, limit);
    let total = 1u64 << differences.len();
    // Every arrangement has its mirror image, so as many sums lie at or below -x as at or above x.
    let far = observed.abs() - slack;
    let share = |hits: u64| hits as f64 / total as f64;
    SignFlip {
        two_sided: if far <= 0.0 { 1.0 } else { share(2 * reaching(far)) },
        above: share(reaching(observed - slack)),
        below: share(reaching(-observed - slack)),
    }
}

/// Sums over all arrangements of signs, ascending.
fn signed_sums(differences: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for d in differences {
        sums = sums.iter().flat_map(|sum| [sum - d, sum + d]).collect();
    }
    sums.sort_unstable_by(f64::total_cmp);
    sums
}

/// How many pairs of an element of `left` and one of `right`, both ascending, add up to `limit` or more.
fn count_reaching(left: &[f64], right: &[f64], limit: f64) -> u64 {
    let mut from = right.len();
    let mut count = 0;
    for a in left {
        while from > 0 && a + right[from - 1] >= limit {
            from -= 1;
        }
        count += (right.len() - from) as u64;
    }
    count
}

fn sample(differences: &[f64], draws: u64, seed: u64) -> SignFlip {
    let observed: f64 = differences.iter().sum();
    let slack = slack(differences);
    let mut bits = Bits::new(seed);
    let mut hits = Hits::default();
    for _ in 0..draws {
        hits.count(flipped_sum(differences, &mut bits), observed, slack);
    }
    hits.shares()
}

/// Sum with random signs, 64 of them from one word.
fn flipped_sum(differences: &[f64], bits: &mut Bits) -> f64 {
    let mut sum = 0.0;
    for chunk in differences.chunks(64) {
        let word = bits.word();
        for (i, d) in chunk.iter().enumerate() {
            sum += f64::from_bits(d.to_bits() ^ (word >> i & 1) << 63);
        }
    }
    sum
}

fn slack(differences: &[f64]) -> f64 {
    1e-9 * differences.iter().map(|d| d.abs()).sum::<f64>()
}

impl Hits {
    fn count(&mut self, sum: f64, observed: f64, slack: f64) {
        self.total += 1;
        self.two_sided += u64::from(sum.abs() >= observed.abs() - slack);
        self.above += u64::from(sum >= observed - slack);
        self.below += u64::from(sum <= observed + slack);
    }

    /// Shares, with the observed arrangement, which is not among those drawn.
    fn shares(&self) -> SignFlip {
        let share = |hits: u64| (hits + 1) as f64 / (self.total + 1) as f64;
        SignFlip { two_sided: share(self.two_sided), above: share(self.above), below: share(self.below) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::within;

    #[test]
    fn enumeration_counts_ties() {
        let p = test(&[0.1, 0.2, 0.3], 0, 0);
        near(p.above, 1.0 / 8.0);
        near(p.two_sided, 2.0 / 8.0);
        near(p.below, 1.0);
        near(test(&[], 9, 0).two_sided, 1.0);
        near(test(&[0.0, 0.0], 9, 0).two_sided, 1.0);
    }

    /// `scipy.stats.permutation_test(.., permutation_type="samples", n_resamples=inf)`, 2^20 arrangements with ties; the
    /// longer one by adding up the distribution of the sum in integers.
    #[test]
    fn all_arrangements_agree_with_scipy() {
        let twenty: Vec<f64> = (0..20).map(|i| f64::from(7 * i % 11) / 10.0 - 0.35).collect();
        let p = test(&twenty, 0, 0);
        near(p.two_sided, 0.081_228_256_225_585_94);
        near(p.above, 0.040_614_128_112_793);
        let thirty: Vec<f64> = (0..30).map(|i| f64::from(7 * i % 11) / 10.0 - 0.35).collect();
        let p = test(&thirty, 0, 0);
        near(p.two_sided, 0.014_766_804_873_943_33);
        near(p.below, 0.993_701_155_297_458);
    }

    #[test]
    fn sampling_agrees_with_enumeration() {
        let sixteen: Vec<f64> = (0..16).map(|i| 0.3 + f64::from(i % 5) - 1.7).collect();
        let (exact, drawn) = (enumerate(&sixteen), sample(&sixteen, 9_999, 3));
        within(drawn.two_sided, exact.two_sided, 0.02);
        within(drawn.above, exact.above, 0.02);
    }

    #[test]
    fn a_sampled_p_is_never_zero() {
        near(test(&[1.0; 100], 9_999, 5).two_sided, 1e-4);
    }
}
