//! The standard normal distribution, accurate in both tails.

use std::f64::consts::SQRT_2;

use statrs::function::erf::erfc;
use statrs::function::erf::erfc_inv;

/// P(Z <= z).
pub fn cdf(z: f64) -> f64 {
    0.5 * erfc(-z / SQRT_2)
}

/// P(Z > z), without cancellation for large `z`.
pub fn upper(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// The `z` with P(Z <= z) = `p`; infinite at 0 and 1.
pub fn quantile(p: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * p)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::within;

    #[test]
    fn tails_and_quantiles_agree_with_tables() {
        near(cdf(1.959_963_984_540_054), 0.975);
        within(upper(10.0), 7.619_853_024_160_526e-24, 1e-33);
        within(upper(8.0), 6.220_960_574_271_74e-16, 1e-25);
        near(cdf(0.3), 0.617_911_422_188_953);
        near(upper(-1.0), 0.841_344_746_068_543);
        near(quantile(0.8), 0.841_621_233_572_914);
        near(quantile(1e-10), -6.361_340_902_404_056);
        near(quantile(0.9999), 3.719_016_485_455_709);
        near(quantile(0.0), f64::NEG_INFINITY);
        near(quantile(1.0), f64::INFINITY);
    }
}
