//! Chances over k attempts, estimated without bias from n attempts of which c succeeded.

/// Chance that at least one of `k` attempts succeeds: 1 - C(n-c, k) / C(n, k); nothing when n < k or k is 0.
///
/// Chen et al. 2021, arXiv 2107.03374 (`openai/human-eval: human_eval/evaluation.py`).
pub fn any_of(n: u64, c: u64, k: u64) -> Option<f64> {
    all_of(n, n.checked_sub(c)?, k).map(|all_fail| 1.0 - all_fail)
}

/// Chance that all of `k` attempts succeed: C(c, k) / C(n, k); nothing when n < k, c > n or k is 0.
///
/// Yao et al. 2024, arXiv 2406.12045.
pub fn all_of(n: u64, c: u64, k: u64) -> Option<f64> {
    if k == 0 || n < k || c > n {
        return None;
    }
    Some((0..k).map(|i| c.saturating_sub(i) as f64 / (n - i) as f64).product())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::prop_assert;
    use proptest::proptest;

    use super::*;
    use crate::stats::near::near;

    #[test]
    fn published_estimators() {
        for (k, value) in [(1, 0.3), (2, 0.533_333_333_3), (5, 0.916_666_666_7), (8, 1.0)] {
            near(any_of(10, 3, k).unwrap(), value);
        }
        near(any_of(200, 1, 100).unwrap(), 0.5);
        near(any_of(5, 0, 3).unwrap(), 0.0);
        for (k, value) in [(1, 0.7), (2, 0.466_666_666_7), (4, 0.166_666_666_7)] {
            near(all_of(10, 7, k).unwrap(), value);
        }
        for (k, value) in [(1, 0.3), (2, 0.066_666_666_7), (3, 0.008_333_333_3), (4, 0.0)] {
            near(all_of(10, 3, k).unwrap(), value);
        }
    }

    #[test]
    fn undefined_without_enough_attempts() {
        assert_eq!(any_of(3, 1, 4), None);
        assert_eq!(all_of(0, 0, 1), None);
        assert_eq!(any_of(3, 4, 1), None);
        assert_eq!(any_of(3, 1, 0), None);
    }

    proptest! {
        #[test]
        fn more_attempts_help_any_and_hurt_all(n in 2u64..60, share in 0.0..=1.0f64) {
            let c = (share * n as f64) as u64;
            for k in 1..n {
                prop_assert!(any_of(n, c, k).unwrap() <= any_of(n, c, k + 1).unwrap() + 1e-12);
                prop_assert!(all_of(n, c, k).unwrap() >= all_of(n, c, k + 1).unwrap() - 1e-12);
            }
        }
    }
}
