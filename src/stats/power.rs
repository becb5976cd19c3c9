//! How many units a difference needs, and the smallest difference that n units can show.

use super::Level;
use super::normal;

/// A two-sided test: its level and the chance with which it should find what is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// Confidence level of the two-sided interval.
    pub level: Level,
    /// Power, such as 0.8.
    pub power: f64,
}

impl Design {
    /// 95 % confidence and 80 % power.
    pub const USUAL: Self = Self { level: Level::P95, power: 0.8 };

    fn z_power(self) -> f64 {
        normal::quantile(self.power)
    }

    fn z_sum(self) -> f64 {
        self.level.z() + self.z_power()
    }
}

/// Variances of a paired comparison of means, for one unit (Miller 2024, section 5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedVariance {
    /// Variance of the difference of the units' true values: Var(a) + Var(b) - 2 Cov(a, b).
    pub between: f64,
    /// Mean variance of repeats within a unit, first arm.
    pub within_a: f64,
    /// The same, second arm.
    pub within_b: f64,
}

impl PairedVariance {
    /// Variance of one unit's difference when the arms repeat it `repeats_a` and `repeats_b` times.
    pub fn per_unit(&self, repeats_a: u32, repeats_b: u32) -> f64 {
        self.between + self.within_a / f64::from(repeats_a.max(1)) + self.within_b / f64::from(repeats_b.max(1))
    }
}

/// Units needed to show a difference of means `delta` when one unit's difference has this variance.
///
/// Saturates when `delta` is 0.
pub fn n_for_mean(variance: f64, delta: f64, design: Design) -> u64 {
    whole(design.z_sum().powi(2) * variance / (delta * delta))
}

/// Smallest difference of means that `n` units can show; infinite when `n` is 0.
pub fn smallest_mean(variance: f64, n: u64, design: Design) -> f64 {
    design.z_sum() * (variance / n as f64).sqrt()
}

/// Pairs needed to show a difference `delta` of paired proportions when the share `discordant` of pairs disagrees.
///
/// Connor 1987, Biometrics 43:207. Nothing when |delta| exceeds the discordance or is 0, which cannot be.
pub fn n_for_pairs(discordant: f64, delta: f64, design: Design) -> Option<u64> {
    let possible = delta != 0.0 && delta.abs() <= discordant && discordant <= 1.0;
    possible.then(|| whole(pairs_needed(discordant, delta, design)))
}

/// Smallest difference of paired proportions that `n` pairs can show; nothing when even `discordant` is too little.
pub fn smallest_pairs(discordant: f64, n: u64, design: Design) -> Option<f64> {
    let enough = |delta: f64| pairs_needed(discordant, delta, design) <= n as f64;
    if discordant.is_nan() || discordant <= 0.0 || !enough(discordant) {
        return None;
    }
    let (mut low, mut high) = (0.0, discordant);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// Units needed to resolve a margin, given the variance of one unit's difference.
pub fn n_for_margin(variance: f64, margin: f64) -> u64 {
    n_for_mean(variance, margin, Design::USUAL)
}

fn pairs_needed(discordant: f64, delta: f64, design: Design) -> f64 {
    let root = design.level.z() * discordant.sqrt() + design.z_power() * (discordant - delta * delta).max(0.0).sqrt();
    (root / delta).powi(2)
}

/// Rounds up, forgiving rounding noise; saturates.
fn whole(n: f64) -> u64 {
    (n * (1.0 - 1e-12)).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::within;

    #[test]
    fn cases_for_a_difference_of_scores() {
        let split = PairedVariance { between: 1.0 / 9.0, within_a: 1.0 / 6.0, within_b: 1.0 / 6.0 };
        assert_eq!(n_for_mean(split.per_unit(1, 1), 0.03, Design::USUAL), 3876);
        assert_eq!(n_for_mean(split.between, 0.03, Design::USUAL), 969);
        for (correlation, n) in [(0.0, 4361), (0.5, 2181), (0.7, 1309)] {
            assert_eq!(n_for_mean(0.5 * (1.0 - correlation), 0.03, Design::USUAL), n);
        }
        within(smallest_mean(split.between, 969, Design::USUAL), 0.03, 1e-5);
        assert!(smallest_mean(1.0, 0, Design::USUAL).is_infinite());
        assert_eq!(n_for_mean(1.0, 0.0, Design::USUAL), u64::MAX);
    }

    /// The closed forms at other levels and powers, with the normal quantiles of `scipy.stats.norm`.
    #[test]
    fn other_designs_agree_with_the_closed_form() {
        let design = |level, power| Design { level, power };
        assert_eq!(n_for_mean(0.25, 0.04, design(Level::P99, 0.9)), 2325);
        assert_eq!(n_for_mean(0.09, 0.02, design(Level::P95, 0.95)), 2924);
        within(smallest_mean(0.25, 500, design(Level::P99, 0.9)), 0.086_253_658_384, 1e-12);
        within(smallest_mean(0.09, 500, design(Level::P95, 0.95)), 0.048_363_703_355, 1e-12);
        assert_eq!(n_for_pairs(0.2, 0.05, design(Level::P99, 0.9)), Some(1186));
        assert_eq!(n_for_pairs(0.3, 0.1, design(Level::P95, 0.9)), Some(312));
        assert_eq!(n_for_margin(0.1, 0.02), 1963);
    }

    #[test]
    fn pairs_for_a_difference_of_rates() {
        for (psi, delta, n) in [(0.2, 0.05, 626), (0.15, 0.03, 1306), (0.1, 0.03, 870)] {
            assert_eq!(n_for_pairs(psi, delta, Design::USUAL), Some(n));
        }
        let table = [
            (0.2, [(200, 0.088_073), (500, 0.055_900), (1000, 0.039_574)]),
            (0.1, [(200, 0.062_277), (500, 0.039_527), (1000, 0.027_983)]),
        ];
        for (psi, row) in table {
            for (n, delta) in row {
                within(smallest_pairs(psi, n, Design::USUAL).unwrap(), delta, 6e-7);
            }
        }
        assert_eq!(n_for_pairs(0.1, 0.2, Design::USUAL), None);
        assert_eq!(n_for_pairs(0.1, 0.0, Design::USUAL), None);
        assert_eq!(smallest_pairs(0.01, 10, Design::USUAL), None);
        assert_eq!(smallest_pairs(0.0, 10, Design::USUAL), None);
    }
}
