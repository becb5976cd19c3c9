//! `McNemar`'s test on the pairs in which two arms disagree.
//!
//! The mid-p version decides: it keeps its level in practice and is less conservative than the exact one (Fagerland,
//! Lydersen & Laake 2013, BMC Med. Res. Methodol. 13:91).

use crate::stats::binomial;

/// Pairs in which exactly one arm succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discordant {
    /// Only the first arm succeeds.
    pub b: u64,
    /// Only the second arm succeeds.
    pub c: u64,
}

impl Discordant {
    /// Exact two-sided p: min(1, 2 P(X <= min(b, c))) with X ~ Bin(b + c, 1/2); 1 without discordant pairs.
    pub fn p_exact(self) -> f64 {
        let (n, least) = (self.b + self.c, self.b.min(self.c));
        (2.0 * binomial::at_most(least, n, 0.5)).min(1.0)
    }

    /// Two-sided mid-p; 1 without discordant pairs.
    pub fn p_mid(self) -> f64 {
        let n = self.b + self.c;
        if n == 0 {
            return 1.0;
        }
        let tie = binomial::pmf(self.b, n, 0.5);
        if self.b == self.c { 1.0 - tie / 2.0 } else { 2.0 * self.p_worse().min(self.p_better()) }
    }

    /// One-sided mid-p of "the first arm is worse": P(X < b) + P(X = b) / 2.
    pub fn p_worse(self) -> f64 {
        lower_mid_p(self.b, self.b + self.c)
    }

    /// One-sided mid-p of "the first arm is better".
    pub fn p_better(self) -> f64 {
        lower_mid_p(self.c, self.b + self.c)
    }

    /// The same pairs seen from the other arm.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self { b: self.c, c: self.b }
    }
}

fn lower_mid_p(k: u64, n: u64) -> f64 {
    let below = if k == 0 { 0.0 } else { binomial::at_most(k - 1, n, 0.5) };
    below + binomial::pmf(k, n, 0.5) / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::prop_assert;
    use proptest::proptest;

    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::within;

    /// Row 1: `ocbe-uio/contingencytables: tests/testthat/test-ch8.R`; row 2: `statsmodels/statsmodels:
    /// statsmodels/stats/tests/results/contingency_table_r_results.csv`, mid-p by scipy.
    #[test]
    fn exact_and_mid_p() {
        let table = [
            (6, 16, 0.052_478_790_3, 0.034_689_664_8),
            (15, 19, 0.607_591_361_3, 0.499_559_833_2),
            (8, 2, 0.109_375, 0.065_429_687_5),
            (1, 7, 0.070_312_5, 0.039_062_5),
            (5, 5, 1.0, 0.876_953_125),
            (0, 0, 1.0, 1.0),
            (4, 0, 0.125, 0.062_5),
            (5, 0, 0.062_5, 0.031_25),
        ];
        for (b, c, exact, mid) in table {
            near(Discordant { b, c }.p_exact(), exact);
            near(Discordant { b, c }.p_mid(), mid);
        }
        let many = Discordant { b: 121, c: 59 };
        within(many.p_exact(), 4.434_449e-6, 5e-13);
        within(many.p_mid(), 3.266_647e-6, 5e-13);
    }

    #[test]
    fn one_sided_values_of_the_gate_table() {
        near(Discordant { b: 20, c: 22 }.p_worse(), 0.380_395_821_3);
        near(Discordant { b: 30, c: 52 }.p_worse(), 0.007_616_100_9);
        near(Discordant { b: 12, c: 9 }.p_worse(), 0.738_266_468_0);
        near(Discordant { b: 40, c: 20 }.p_better(), 0.004_926_724_1);
        near(Discordant { b: 0, c: 0 }.p_worse(), 0.5);
        within(Discordant { b: 10, c: 40 }.p_worse(), 7.368_858e-6, 5e-13);
    }

    /// Size of the one-sided mid-p test at .025, summed over all outcomes: never above .0249 on this grid.
    #[test]
    fn the_level_is_kept() {
        for n in [20, 50, 100, 200] {
            let size: Vec<f64> = (0..=n)
                .map(|m| (0..=m).filter(move |&b| Discordant { b, c: m - b }.p_worse() <= 0.025))
                .zip(0..)
                .map(|(rejected, m)| rejected.map(|b| binomial::pmf(b, m, 0.5)).sum())
                .collect();
            for psi in [0.02, 0.05, 0.1, 0.2, 0.3, 0.5] {
                let total: f64 = size.iter().zip(0..).map(|(s, m)| s * binomial::pmf(m, n, psi)).sum();
                assert!(total <= 0.0249, "n {n}, psi {psi}: {total}");
            }
        }
    }

    #[test]
    fn a_million_discordant_pairs() {
        let even = Discordant { b: 500_000, c: 500_000 };
        assert!(even.p_mid() > 0.999);
        let uneven = Discordant { b: 501_000, c: 499_000 };
        within(uneven.p_mid(), 0.0455, 1e-4);
    }

    proptest! {
        #[test]
        fn swapping_the_arms_exchanges_the_sides(b in 0u64..500, c in 0u64..500) {
            let pairs = Discordant { b, c };
            prop_assert!((pairs.p_worse() - pairs.swapped().p_better()).abs() < 1e-14);
            prop_assert!((pairs.p_mid() - pairs.swapped().p_mid()).abs() < 1e-14);
            prop_assert!((pairs.p_worse() + pairs.p_better() - 1.0).abs() < 1e-12);
            prop_assert!(pairs.p_mid() <= pairs.p_exact() + 1e-15);
        }
    }
}
