//! Gates on a quantile, decided by counting: "at most one in twenty lies above the limit".
//!
//! "p95 <= L" is the statement P(X > L) <= .05 and needs no estimate of the quantile: count how many of n lie above.

use super::Level;
use super::Quantile;
use super::binomial;

/// What the count says about the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// The statement holds at this confidence.
    Met,
    /// The statement is refuted at this confidence.
    Missed,
    /// Neither.
    Inconclusive {
        /// Fewest observations that could certify the statement with as many above as seen so far.
        needed_n: u64,
    },
}

/// Decides "quantile `q` is at most the limit" from `over` observations above the limit among `n`.
///
/// Met if P(Bin(n, 1-q) <= over) <= alpha, missed if P(Bin(n, 1-q) >= over) <= alpha, one-sided.
pub fn gate(over: u64, n: u64, q: Quantile, level: Level) -> Gate {
    gate_share(over, n, q.above(), level)
}

/// Decides "at most the share `allowed` lies above", such as an error rate of .01.
pub fn gate_share(over: u64, n: u64, allowed: f64, level: Level) -> Gate {
    let alpha = level.alpha();
    if n > 0 && binomial::at_most(over, n, allowed) <= alpha {
        Gate::Met
    } else if over > 0 && binomial::at_least(over, n, allowed) <= alpha {
        Gate::Missed
    } else {
        Gate::Inconclusive { needed_n: certifying_n(over, allowed, level) }
    }
}

/// Smallest n at which `over` observations above still certify that at most the share `allowed` lies above.
///
/// These are the counts of early stopping in `mlcommons/inference: loadgen/early_stopping.cc`. Saturates when nothing
/// is allowed, since no n can certify a share of zero.
pub fn certifying_n(over: u64, allowed: f64, level: Level) -> u64 {
    if allowed <= 0.0 {
        return u64::MAX;
    }
    if allowed >= 1.0 {
        return over + 1;
    }
    let certifies = |n: u64| binomial::at_most(over, n, allowed) <= level.alpha();
    let mut high = over + 1;
    while !certifies(high) {
        if high > 1 << 52 {
            return u64::MAX;
        }
        high *= 2;
    }
    let mut low = over;
    while high - low > 1 {
        let middle = low.midpoint(high);
        if certifies(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_turn_at_the_exact_counts() {
        let table = [
            (300, Quantile::P99, 0, 7),
            (1000, Quantile::P99, 4, 16),
            (500, Quantile::P95, 16, 34),
            (1000, Quantile::P95, 38, 63),
        ];
        for (n, q, met, missed) in table {
            assert_eq!(gate(met, n, q, Level::P95), Gate::Met);
            assert!(matches!(gate(met + 1, n, q, Level::P95), Gate::Inconclusive { needed_n } if needed_n > n));
            assert!(matches!(gate(missed - 1, n, q, Level::P95), Gate::Inconclusive { .. }));
            assert_eq!(gate(missed, n, q, Level::P95), Gate::Missed);
        }
    }

    /// `mlcommons/inference: loadgen/early_stopping.cc` with d = 0, at 95 and 99 % confidence.
    #[test]
    fn certifying_counts() {
        let table = [
            (Quantile::P90, [(29, 44), (46, 64), (61, 81), (103, 127), (167, 197)]),
            (Quantile::P95, [(59, 90), (93, 130), (124, 165), (208, 259), (336, 398)]),
            (Quantile::P99, [(299, 459), (473, 662), (628, 838), (1049, 1307), (1693, 2010)]),
            (Quantile::P999, [(2995, 4603), (4742, 6636), (6294, 8403), (10511, 13105), (16959, 20140)]),
        ];
        for (q, row) in table {
            for (over, (at_95, at_99)) in [0, 1, 2, 5, 10].into_iter().zip(row) {
                assert_eq!(certifying_n(over, q.above(), Level::P95), at_95);
                assert_eq!(certifying_n(over, q.above(), Level::P99), at_99);
            }
        }
    }

    #[test]
    fn no_observations_decide_nothing() {
        assert_eq!(gate(0, 0, Quantile::P95, Level::P95), Gate::Inconclusive { needed_n: 59 });
        assert_eq!(gate_share(1, 10, 0.0, Level::P95), Gate::Missed);
        assert_eq!(gate_share(0, 10, 0.0, Level::P95), Gate::Inconclusive { needed_n: u64::MAX });
    }
}
