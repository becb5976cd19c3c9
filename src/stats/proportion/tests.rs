//! Proportions against R, scipy and exact enumeration.

use proptest::prelude::prop_assert;
use proptest::proptest;

use super::*;
use crate::stats::near::near;
use crate::stats::near::near_interval;
use crate::stats::near::within;

#[test]
fn wilson_and_clopper_pearson() {
    let table = [
        (0, 10, 0.0, 0.277_532_799_9, 0.0, 0.308_497_107_8),
        (3, 10, 0.107_791_267_4, 0.603_221_852_5, 0.066_739_511_2, 0.652_452_850_1),
        (8, 10, 0.490_162_471_5, 0.943_317_848_5, 0.443_904_537_7, 0.974_789_273_7),
        (10, 10, 0.722_467_200_1, 1.0, 0.691_502_892_2, 1.0),
        (29, 30, 0.833_296_090_1, 0.994_091_409_6, 0.827_830_544_4, 0.999_156_429_1),
        (995, 1000, 0.988_349_044_6, 0.997_862_464_5, 0.988_370_529_4, 0.998_374_580_5),
    ];
    for (k, n, wilson_low, wilson_high, exact_low, exact_high) in table {
        near_interval(wilson(k, n, Level::P95), wilson_low, wilson_high);
        near_interval(clopper_pearson(k, n, Level::P95), exact_low, exact_high);
    }
}

/// `scipy/scipy: scipy/stats/tests/test_morestats.py` and `ocbe-uio/contingencytables: tests/testthat/test-ch8.R`.
#[test]
fn values_from_r() {
    near_interval(wilson(3, 10, Level::P99), 0.079_566_316_5, 0.679_975_320_8);
    let exact = clopper_pearson(13, 16, Level::P95);
    within(exact.low, 0.5435, 5e-5);
    within(exact.high, 0.9595, 5e-5);
}

#[test]
fn one_sided_bounds() {
    near(exact_lower(298, 298, Level::P95), 0.989_997_567_6);
    near(exact_lower(299, 299, Level::P95), 0.990_030_853_2);
    near(exact_lower(995, 1000, Level::P95), 0.989_515_923_1);
    near(exact_upper(0, 50, Level::P95), 0.058_155_079_1);
}

/// Coverage summed over all outcomes.
#[test]
fn coverage_by_enumeration() {
    let covered = |n: u64, p: f64, interval: fn(u64, u64, Level) -> Interval| -> f64 {
        (0..=n).filter(|&k| interval(k, n, Level::P95).contains(p)).map(|k| binomial::pmf(k, n, p)).sum()
    };
    near(covered(20, 0.1, wilson), 0.956_825_504_7);
    near(covered(20, 0.1, clopper_pearson), 0.988_746_865_8);
    near(covered(100, 0.9, wilson), 0.936_398_390_2);
    near(covered(100, 0.9, clopper_pearson), 0.955_690_107_2);
}

#[test]
fn nothing_seen_says_nothing() {
    assert_eq!(wilson(0, 0, Level::P95), Interval::new(0.0, 1.0));
    assert_eq!(clopper_pearson(0, 0, Level::P95), Interval::new(0.0, 1.0));
    assert_eq!(clopper_pearson(7, 3, Level::P95), clopper_pearson(3, 3, Level::P95));
}

proptest! {
    #[test]
    fn intervals_contain_the_rate_mirror_and_widen(n in 1u64..3000, share in 0.0..=1.0f64) {
        let k = (share * n as f64) as u64;
        let rate = k as f64 / n as f64;
        for interval in [wilson, clopper_pearson] {
            let (narrow, wide) = (interval(k, n, Level::P90), interval(k, n, Level::P99));
            prop_assert!(narrow.low <= rate + 1e-12 && rate <= narrow.high + 1e-12);
            prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
            let mirrored = interval(n - k, n, Level::P90);
            prop_assert!((mirrored.low - (1.0 - narrow.high)).abs() < 1e-12);
        }
    }
}
