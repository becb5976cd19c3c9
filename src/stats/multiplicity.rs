//! Many tests at once: Holm against any false claim, Benjamini and Hochberg against too large a share of them.

/// Holm's adjusted p values, in the order given (Holm 1979, Scand. J. Stat. 6:65).
pub fn holm(p: &[f64]) -> Vec<f64> {
    let m = p.len();
    let mut adjusted = vec![1.0; m];
    let mut running = 0.0f64;
    for (place, idx) in ascending(p).into_iter().enumerate() {
        running = running.max(((m - place) as f64 * p[idx]).min(1.0));
        adjusted[idx] = running;
    }
    adjusted
}

/// Benjamini and Hochberg's adjusted p values, in the order given (1995, JRSS-B 57:289).
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let m = p.len();
    let mut adjusted = vec![1.0; m];
    let mut running = 1.0f64;
    for (place, idx) in ascending(p).into_iter().enumerate().rev() {
        running = running.min(m as f64 * p[idx] / (place + 1) as f64);
        adjusted[idx] = running;
    }
    adjusted
}

/// Indices of `p` from smallest to largest.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::prop;
    use proptest::prelude::prop_assert;
    use proptest::proptest;

    use super::*;
    use crate::stats::near::within;

    #[track_caller]
    fn check(actual: &[f64], expected: &[f64]) {
        assert_eq!(actual.len(), expected.len());
        for (a, e) in actual.iter().zip(expected) {
            within(*a, *e, 1e-8);
        }
    }

    #[test]
    fn four_tests() {
        let p = [0.01, 0.04, 0.03, 0.005];
        check(&holm(&p), &[0.03, 0.06, 0.06, 0.02]);
        check(&benjamini_hochberg(&p), &[0.02, 0.04, 0.04, 0.02]);
    }

    /// R `multtest`, from `statsmodels/statsmodels: statsmodels/stats/tests/test_multi.py`.
    #[test]
    fn ten_tests_from_r() {
        let p = [
            0.838_541_367_553,
            0.642_193_923_795,
            0.680_845_947_633,
            0.967_833_824_309,
            0.716_269_382_38,
            0.177_096_952_723,
            5.236_567_772_08e-05,
            0.020_273_268_879_8,
            0.000_281_405_061_98,
            0.014_987_731_079_6,
        ];
        let holms = [1., 1., 1., 1., 1., 1., 5.236_567_77e-04, 0.141_912_882, 2.532_645_56e-03, 0.119_901_849];
        let bhs = [
            0.931_712_631,
            0.895_336_728,
            0.895_336_728,
            0.967_833_824,
            0.895_336_728,
            0.354_193_905,
            5.236_567_77e-04,
            0.050_683_172_2,
            1.407_025_31e-03,
            0.049_959_103_6,
        ];
        check(&holm(&p), &holms);
        check(&benjamini_hochberg(&p), &bhs);
    }

    #[test]
    fn no_tests_need_no_adjustment() {
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
        check(&holm(&[0.2]), &[0.2]);
    }

    proptest! {
        #[test]
        fn holm_is_stricter_than_bh_and_bh_than_raw(p in prop::collection::vec(0.0..=1.0f64, 1..40)) {
            let (strict, loose) = (holm(&p), benjamini_hochberg(&p));
            for i in 0..p.len() {
                prop_assert!(strict[i] >= loose[i] - 1e-15 && loose[i] >= p[i] - 1e-15);
                prop_assert!(strict[i] <= 1.0);
            }
        }
    }
}
