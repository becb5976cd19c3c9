//! Score interval and score test for the difference of two paired proportions (Tango 1998, Stat. Med. 17:891).
//!
//! Good at small n and with empty cells, where Wald's interval fails.

use super::binary::Discordant;
use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::normal;

/// Estimate of the difference, (b - c) / n; 0 when there are no pairs.
pub fn difference(pairs: Discordant, n: u64) -> f64 {
    if n == 0 { 0.0 } else { (pairs.b as f64 - pairs.c as f64) / n as f64 }
}

/// All differences that the score test does not reject; [-1, 1] when there are no pairs.
///
/// `n` counts all pairs, concordant ones included.
pub fn interval(pairs: Discordant, n: u64, level: Level) -> Interval {
    if n == 0 {
        return Interval::new(-1.0, 1.0);
    }
    let low = lower(pairs, n, level.z());
    Interval::new(low, -lower(pairs.swapped(), n, level.z()))
}

/// p of the claim "the first arm is less than `margin` worse": 1 - Phi(T(-margin)).
///
/// The claim cannot be shown with a margin of zero or less; 1 without pairs.
pub fn p_not_worse(pairs: Discordant, n: u64, margin: f64) -> f64 {
    if n == 0 { 1.0 } else { normal::upper(score(pairs, n, -margin.min(1.0))) }
}

/// The score statistic T at the difference `delta`; falls as `delta` grows.
fn score(pairs: Discordant, n: u64, delta: f64) -> f64 {
    let (b, c, n) = (pairs.b as f64, pairs.c as f64, n as f64);
    let gap = b - c - n * delta;
    if gap == 0.0 {
        return 0.0;
    }
    let variance = n * (2.0 * only_second(b, c, n, delta) + delta * (1.0 - delta));
    gap / variance.max(0.0).sqrt()
}

/// Maximum-likelihood probability that only the second arm succeeds, given the difference `delta`.
fn only_second(b: f64, c: f64, n: f64, delta: f64) -> f64 {
    let linear = -b - c + (2.0 * n - b + c) * delta;
    let constant = -c * delta * (1.0 - delta);
    let root = (linear * linear - 8.0 * n * constant).max(0.0).sqrt();
    if linear > 0.0 { -2.0 * constant / (linear + root) } else { (root - linear) / (4.0 * n) }
}

/// The difference at which T is `z`, below the estimate; -1 when T never gets there.
fn lower(pairs: Discordant, n: u64, z: f64) -> f64 {
    let (mut low, mut high) = (-1.0, difference(pairs, n));
    if pairs.c == n {
        return -1.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if score(pairs, n, middle) > z { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::prop_assert;
    use proptest::prelude::prop_assert_eq;
    use proptest::proptest;

    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::within;

    /// First row: R, `ocbe-uio/contingencytables: tests/testthat/test-ch8.R`; the others by a second bisection.
    #[test]
    fn limits() {
        let table = [
            (6, 16, 161, -0.124_023_432_5, -0.005_433_395_7),
            (1, 7, 21, -0.517_232_276_4, -0.026_003_032_5),
            (8, 2, 50, -0.004_660_321_4, 0.254_802_514_7),
            (12, 2, 50, 0.061_112_406_2, 0.344_708_748_3),
            (40, 20, 160, 0.030_864_533_1, 0.218_064_244_2),
            (5, 0, 50, 0.021_517_641_0, 0.213_602_314_4),
            (0, 0, 20, -0.161_125_158_1, 0.161_125_158_1),
            (20, 22, 1000, -0.015_290_447_6, 0.011_145_773_2),
            (30, 52, 2000, -0.020_255_914_8, -0.002_175_710_4),
            (3, 12, 200, -0.089_170_346_0, -0.008_060_575_8),
            (10, 40, 500, -0.089_405_983_2, -0.033_718_423_5),
            (4, 6, 400, -0.023_638_662_9, 0.012_385_186_0),
            (12, 9, 60, -0.103_126_891_4, 0.201_866_383_4),
            (0, 0, 200, -0.018_845_326_4, 0.018_845_326_4),
        ];
        for (b, c, n, low, high) in table {
            let interval = interval(Discordant { b, c }, n, Level::P95);
            within(interval.low, low, 1e-8);
            within(interval.high, high, 1e-8);
        }
    }

    #[test]
    fn non_inferiority() {
        let table = [
            (20, 22, 1000, 0.02, 0.004_926_230_2),
            (30, 52, 2000, 0.02, 0.028_149_286_0),
            (3, 12, 200, 0.03, 0.792_148_398_6),
            (10, 40, 500, 0.03, 0.987_322_222_0),
            (4, 6, 400, 0.02, 0.050_099_994_7),
            (12, 9, 60, 0.05, 0.097_258_241_7),
            (0, 0, 200, 0.02, 0.021_675_875_6),
            (0, 0, 100, 0.02, 0.076_563_725_5),
            (40, 20, 160, 0.02, 0.001_451_070_4),
        ];
        for (b, c, n, margin, p) in table {
            near(p_not_worse(Discordant { b, c }, n, margin), p);
        }
        within(p_not_worse(Discordant { b: 30, c: 52 }, 2000, 0.03), 8.104_568e-5, 5e-12);
    }

    #[test]
    fn extremes_stay_inside() {
        let all = interval(Discordant { b: 20, c: 0 }, 20, Level::P95);
        near(all.high, 1.0);
        assert!(all.low > 0.6 && all.low < 1.0);
        assert_eq!(interval(Discordant { b: 0, c: 0 }, 0, Level::P95), Interval::new(-1.0, 1.0));
        near(p_not_worse(Discordant { b: 0, c: 0 }, 0, 0.02), 1.0);
        let big = interval(Discordant { b: 500_000, c: 500_000 }, 2_000_000, Level::P95);
        within(big.high, 1.96 * (0.5f64 / 2e6).sqrt(), 1e-6);
    }

    proptest! {
        #[test]
        fn intervals_contain_the_estimate_swap_and_widen(b in 0u64..200, c in 0u64..200, agree in 0u64..400) {
            let (pairs, n) = (Discordant { b, c }, b + c + agree);
            let (narrow, wide) = (interval(pairs, n, Level::P90), interval(pairs, n, Level::P99));
            prop_assert!(narrow.low <= difference(pairs, n) && difference(pairs, n) <= narrow.high);
            prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
            let swapped = interval(pairs.swapped(), n, Level::P90);
            prop_assert!((swapped.low + narrow.high).abs() < 1e-9 && (swapped.high + narrow.low).abs() < 1e-9);
        }

        /// The score test rejects a margin exactly when the interval excludes it.
        #[test]
        fn test_and_interval_agree(b in 0u64..60, c in 0u64..60, agree in 1u64..300, margin in 0.005..0.3f64) {
            let (pairs, n) = (Discordant { b, c }, b + c + agree);
            let limit = interval(pairs, n, Level::P95).low;
            if (limit + margin).abs() > 1e-6 {
                prop_assert_eq!(p_not_worse(pairs, n, margin) < 0.025, limit > -margin);
            }
        }
    }
}
