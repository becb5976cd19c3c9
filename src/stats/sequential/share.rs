//! E-values for a limit on a share, such as "at most one in twenty lies above".

use crate::stats::binomial;

/// E-value against the null "the share of `over` is at least `limit`", from `over` among `n`.
///
/// Mixture over a uniform prior on (0, limit). With T ~ Bin(n, limit) it is
/// P(Bin(n+1, limit) > over) / (limit (n+1) P(T = over)).
pub fn e_below(over: u64, n: u64, limit: f64) -> f64 {
    let above = binomial::at_least(over + 1, n + 1, limit);
    (above.ln() - limit.ln() - ((n + 1) as f64).ln() - binomial::ln_pmf(over, n, limit)).exp()
}

/// E-value against the null "the share is at most `limit`": evidence that the limit is missed.
pub fn e_above(over: u64, n: u64, limit: f64) -> f64 {
    e_below(n - over.min(n), n, 1.0 - limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;

    #[test]
    fn evidence_for_keeping_a_limit() {
        near(e_below(0, 0, 0.05), 1.0);
        near(e_below(0, 100, 0.05), 33.258_182_120_3);
        near(e_below(2, 200, 0.05), 51.379_897_559_8);
        near(e_below(25, 500, 0.05), 0.220_738_077_4);
        let first = (1..200).find(|&n| e_below(0, n, 0.05) >= 20.0);
        assert_eq!(first, Some(88));
    }

    #[test]
    fn evidence_against_a_limit_is_the_mirror_image() {
        near(e_above(98, 100, 0.5), e_below(2, 100, 0.5));
        // Mixtures of likelihood ratios over (limit, 1), integrated with 30 digits by `mpmath`.
        near(e_above(30, 100, 0.2), 2.367_869_934_069_77);
        near(e_above(12, 100, 0.05), 3.703_196_470_642_37);
        near(e_above(0, 20, 0.05), 0.047_619_047_619_047_6);
        assert!(e_above(30, 100, 0.05) > 1e6);
        assert!(e_above(0, 100, 0.05) < 1.0);
    }
}
