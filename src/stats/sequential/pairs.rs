//! E-values for "neither arm wins more often", from wins and losses of one arm on discordant pairs.
//!
//! E = 2^(w+l) B(1+w, 1+l), the uniform mixture of likelihood ratios against one half (Robbins 1970, Ann. Math. Stat.
//! 41:1397). Since B(1+w, 1+l) = 1 / ((n+1) C(n,w)), E is 1 / ((n+1) P(Bin(n, 1/2) = w)) and needs no beta function.

use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::binomial;

/// Two-sided e-value.
pub fn e_value(wins: u64, losses: u64) -> f64 {
    let n = wins + losses;
    (-((n + 1) as f64).ln() - binomial::ln_pmf(wins, n, 0.5)).exp()
}

/// One-sided e-value of "this arm wins more often"; swap the arguments for the other side.
///
/// 2 E P(Bin(n+1, 1/2) <= wins): the mixture restricted to win shares above one half.
pub fn e_better(wins: u64, losses: u64) -> f64 {
    2.0 * e_value(wins, losses) * binomial::at_most(wins, wins + losses + 1, 0.5)
}

/// Interval of the win share, valid at any time: all shares with mixture likelihood ratio below 1 / alpha.
pub fn win_share(wins: u64, losses: u64, level: Level) -> Interval {
    let n = wins + losses;
    if n == 0 {
        return Interval::new(0.0, 1.0);
    }
    let low = lower(wins, n, level);
    Interval::new(low, 1.0 - lower(losses, n, level))
}

fn lower(wins: u64, n: u64, level: Level) -> f64 {
    if wins == 0 {
        return 0.0;
    }
    let limit = (level.alpha() / (n + 1) as f64).ln();
    let (mut low, mut high) = (0.0, wins as f64 / n as f64);
    for _ in 0..1100 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if binomial::ln_pmf(wins, n, middle) > limit { high = middle } else { low = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::prop_assert;
    use proptest::proptest;

    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::near_interval;

    #[test]
    fn e_values() {
        near(e_value(0, 0), 1.0);
        for (w, l, e) in [
            (5, 0, 5.333_333_333_3),
            (7, 0, 16.0),
            (8, 0, 28.444_444_444_4),
            (8, 2, 2.068_686_868_7),
            (10, 0, 93.090_909_090_9),
            (20, 5, 24.290_515_281_8),
            (5, 20, 24.290_515_281_8),
            (40, 20, 4.508_839_130_0),
        ] {
            near(e_value(w, l), e);
        }
        for (w, l, e) in [
            (5, 0, 10.5),
            (8, 2, 4.002_020_202_0),
            (20, 5, 48.520_452_011_8),
            (5, 20, 0.060_578_551_9),
            (40, 20, 8.973_250_647_2),
        ] {
            near(e_better(w, l), e);
        }
    }

    #[test]
    fn a_path_crosses_one_sided_first() {
        let expected = [
            1.0,
            1.333_333_333_3,
            0.666_666_666_7,
            0.8,
            1.066_666_666_7,
            1.523_809_523_8,
            2.285_714_285_7,
            3.555_555_555_6,
            1.422_222_222_2,
            2.068_686_868_7,
            3.103_030_303_0,
            4.773_892_773_9,
            7.501_831_501_8,
            12.002_930_402_9,
        ];
        let (mut wins, mut losses) = (0, 0);
        for (step, e) in "++-+++++-+++++".chars().zip(expected) {
            if step == '+' {
                wins += 1;
            } else {
                losses += 1;
            }
            near(e_value(wins, losses), e);
        }
        near(e_better(wins, losses), 23.917_216_117_2);
    }

    #[test]
    fn win_shares() {
        near_interval(win_share(8, 2, Level::P95), 0.353_042_192_1, 0.989_516_904_8);
        near_interval(win_share(10, 0, Level::P95), 0.583_119_724_3, 1.0);
        near_interval(win_share(20, 5, Level::P95), 0.506_549_582_6, 0.962_078_103_7);
        near_interval(win_share(40, 20, Level::P95), 0.466_236_822_2, 0.832_642_872_8);
        assert_eq!(win_share(0, 0, Level::P95), Interval::new(0.0, 1.0));
    }

    proptest! {
        #[test]
        fn evidence_mirrors_and_averages(w in 0u64..400, l in 0u64..400) {
            let two_sided = e_value(w, l);
            prop_assert!((two_sided - e_value(l, w)).abs() <= 1e-9 * two_sided);
            let halves = f64::midpoint(e_better(w, l), e_better(l, w));
            prop_assert!((two_sided - halves).abs() <= 1e-9 * two_sided);
        }

        /// The mean of the next e-value under the null is the present one.
        #[test]
        fn e_is_a_martingale(w in 0u64..100, l in 0u64..100) {
            let next = f64::midpoint(e_better(w + 1, l), e_better(w, l + 1));
            prop_assert!((next - e_better(w, l)).abs() <= 1e-9 * next);
        }
    }
}
