//! Exact binomial probabilities for any n, in logarithms.
//!
//! The mass uses Loader's saddle-point form (C. Loader 2000, *Fast and Accurate Computation of Binomial
//! Probabilities*): the large terms cancel on paper instead of in floating point, so the error stays near 1e-15
//! where a difference of log-factorials of a million loses half of its digits. Tails are summed outwards from
//! their largest term.

/// P(X = k) for X ~ Bin(n, p).
pub fn pmf(k: u64, n: u64, p: f64) -> f64 {
    ln_pmf(k, n, p).exp()
}

/// The natural logarithm of P(X = k); negative infinity when impossible.
pub fn ln_pmf(k: u64, n: u64, p: f64) -> f64 {
    if k > n || (p <= 0.0 && k > 0) || (p >= 1.0 && k < n) {
        return f64::NEG_INFINITY;
    }
    let (x, size) = (k as f64, n as f64);
    if k == 0 {
        return if n == 0 { 0.0 } else { size * (-p).ln_1p() };
    }
    if k == n {
        return size * p.ln();
    }
    let core = stirling_error(n)
        - stirling_error(k)
        - stirling_error(n - k)
        - deviance(x, size * p)
        - deviance(size - x, size * (1.0 - p));
    core - 0.5 * (std::f64::consts::TAU.ln() + x.ln() + (-x / size).ln_1p())
}

/// P(X <= k).
pub fn at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if k as f64 > n as f64 * p {
        return 1.0 - tail_up(k + 1, n, p);
    }
    tail_down(k, n, p)
}

/// P(X >= k).
pub fn at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if (k as f64) < n as f64 * p {
        return 1.0 - tail_down(k - 1, n, p);
    }
    tail_up(k, n, p)
}

/// Sum of the mass from `k` upward; `k` lies at or above the mean, so terms shrink.
fn tail_up(k: u64, n: u64, p: f64) -> f64 {
    if k > n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let odds = p / (1.0 - p);
    let (mut term, mut sum) = (1.0, 0.0);
    for x in k..=n {
        sum += term;
        term *= (n - x) as f64 / (x + 1) as f64 * odds;
        if term < sum * 1e-17 {
            break;
        }
    }
    (pmf(k, n, p) * sum).min(1.0)
}

/// Sum of the mass from `k` downward.
fn tail_down(k: u64, n: u64, p: f64) -> f64 {
    tail_up(n - k, n, 1.0 - p)
}

/// ln(n!) minus Stirling's approximation of it.
fn stirling_error(n: u64) -> f64 {
    let x = n as f64;
    if n < 16 {
        let factorial: f64 = (1..=n).map(|i| i as f64).product();
        return factorial.ln() - ((x + 0.5) * x.max(f64::MIN_POSITIVE).ln() - x + 0.5 * std::f64::consts::TAU.ln());
    }
    let square = x * x;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - (1.0 / 1188.0) / square) / square) / square) / square)
        / x
}

/// x ln(x / mean) + mean - x, without cancellation where x is near the mean.
fn deviance(x: f64, mean: f64) -> f64 {
    let gap = x - mean;
    if gap.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + mean - x;
    }
    let ratio = gap / (x + mean);
    let (mut sum, mut term) = (gap * ratio, 2.0 * x * ratio);
    for j in 1..1000 {
        term *= ratio * ratio;
        let next = sum + term / f64::from(2 * j + 1);
        if next.to_bits() == sum.to_bits() {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::within;

    #[test]
    fn masses_are_exact_for_small_n() {
        near(pmf(3, 10, 0.5), 120.0 / 1024.0);
        near(pmf(0, 1, 0.3), 0.7);
        near(pmf(2, 4, 0.25), 6.0 * 0.0625 * 0.5625);
        assert!((pmf(4, 3, 0.5)).abs() < f64::MIN_POSITIVE);
        near(pmf(0, 0, 0.5), 1.0);
    }

    #[test]
    fn masses_sum_to_one_even_for_large_n() {
        for (n, p) in [(20, 0.1), (1_000, 0.37), (1_000_000, 0.5)] {
            let middle = (n as f64 * p) as u64;
            within(at_most(middle, n, p) + at_least(middle + 1, n, p), 1.0, 1e-12);
            within(tail_down(middle, n, p) + tail_up(middle + 1, n, p), 1.0, 1e-11);
        }
    }

    /// Exceedance gates at the edge: published values of scipy 1.17.1.
    #[test]
    fn tails_agree_with_scipy() {
        near(at_most(0, 300, 0.01), 0.049_040_894_1);
        near(at_least(7, 300, 0.01), 0.032_750_946_4);
        near(at_most(4, 1000, 0.01), 0.028_686_400_0);
        near(at_least(16, 1000, 0.01), 0.047_870_585_8);
        near(at_most(16, 500, 0.05), 0.034_290_186_6);
        near(at_least(63, 1000, 0.05), 0.038_393_235_6);
    }

    /// Masses with 40 digits by `mpmath`, tails by `scipy.stats.binom`.
    #[test]
    fn large_samples_agree_with_many_digits() {
        let relative = |actual: f64, expected: f64, digits: f64| within(actual / expected, 1.0, digits);
        relative(pmf(370, 1000, 0.37), 0.026_122_808_087_172_34, 1e-13);
        relative(pmf(498_000, 1_000_000, 0.5), 2.676_568_158_124_882e-7, 1e-12);
        relative(pmf(17_200, 10_000_000, 0.0017), 0.000_941_249_495_169_693_1, 1e-12);
        near(ln_pmf(0, 1000, 0.01), -10.050_335_853_501_442);
        near(ln_pmf(498_000, 1_000_000, 0.5), -15.133_560_215_123);
        near(at_most(370, 1000, 0.37), 0.514_192_428_744_9);
        near(at_least(370, 1000, 0.37), 0.511_930_379_342_3);
        relative(at_most(498_000, 1_000_000, 0.5), 3.180_466_875_039e-5, 1e-10);
        near(at_least(17_200, 10_000_000, 0.0017), 0.063_046_204_425_3);
    }

    #[test]
    fn degenerate_probabilities_do_not_break() {
        near(at_most(0, 10, 0.0), 1.0);
        near(at_least(10, 10, 1.0), 1.0);
        near(at_most(9, 10, 1.0), 0.0);
        near(at_least(1, 10, 0.0), 0.0);
    }
}
