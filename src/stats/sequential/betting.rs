//! Evidence about the mean of bounded values, whatever their distribution: the wealth of a gambler who bets on it.
//!
//! Under "the mean is at most m", a gambler who stakes a fixed share on every value being above m cannot expect to
//! win, so the wealth is a non-negative supermartingale and the chance that it ever reaches 1/alpha is at most alpha
//! (Ville 1939). The stake is spread over all admissible shares: on 0 and 1 this is the mixture of likelihood ratios
//! of [`super::share`], on wins and losses that of [`super::pairs`], and it holds for means of repeats as well. The
//! spread is a fixed set of 64 stakes (Gauss-Legendre), so validity does not rest on an integral being exact.
//! Waudby-Smith & Ramdas 2024, JRSS-B 86:1; Robbins 1970, Ann. Math. Stat. 41:1397.

use std::sync::LazyLock;

use super::Evidence;
use crate::stats::Interval;
use crate::stats::Level;

const STAKES: usize = 64;

/// Share of the admissible stake, and its weight in the mixture.
static MIXTURE: LazyLock<[(f64, f64); STAKES]> = LazyLock::new(mixture);

/// A running bet against "the mean is at most `null`".
#[derive(Debug, Clone, PartialEq)]
pub struct Wager {
    null: f64,
    range: Interval,
    log_wealth: [f64; STAKES],
}

impl Wager {
    /// Bets on a mean above `null` of values in `range`; nothing unless `null` lies strictly within the range.
    pub fn above(null: f64, range: Interval) -> Option<Self> {
        (range.low < null && null < range.high).then_some(Self { null, range, log_wealth: [0.0; STAKES] })
    }

    /// Bets on a mean below `null`: feed it the same values, negated.
    pub fn below(null: f64, range: Interval) -> Option<Self> {
        Self::above(-null, Interval::new(-range.high, -range.low))
    }

    /// Takes the next value, cut to the range; what is no number is left out.
    pub fn observe(&mut self, value: f64) {
        self.repeat(value, 1);
    }

    fn repeat(&mut self, value: f64, times: u64) {
        if value.is_nan() {
            return;
        }
        let value = value.clamp(self.range.low, self.range.high);
        let gain = (value - self.null) / (self.null - self.range.low);
        for (wealth, (stake, _)) in self.log_wealth.iter_mut().zip(&*MIXTURE) {
            *wealth += times as f64 * (stake * gain).ln_1p();
        }
    }

    /// The wealth now: an e-value against "the mean is at most the null".
    pub fn e_value(&self) -> f64 {
        let top = self.log_wealth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let parts = self.log_wealth.iter().zip(&*MIXTURE).map(|(wealth, (_, weight))| weight * (wealth - top).exp());
        top.exp() * parts.sum::<f64>()
    }

    /// Takes the next value and brings `evidence` up to date.
    pub fn update(&mut self, value: f64, evidence: &mut Evidence) {
        self.observe(value);
        evidence.update(self.e_value());
    }
}

/// Interval of the mean that covers it at every time together: all means that neither side has been ruled out with
/// half of the level's error each. `counted` holds distinct values with their numbers; order does not matter.
pub fn interval(counted: &[(f64, u64)], range: Interval, level: Level) -> Interval {
    let mirrored: Vec<(f64, u64)> = counted.iter().map(|&(value, times)| (-value, times)).collect();
    let low = lower(counted, range, level);
    let high = -lower(&mirrored, Interval::new(-range.high, -range.low), level);
    Interval::new(low, high)
}

/// The largest mean that is ruled out from below.
fn lower(counted: &[(f64, u64)], range: Interval, level: Level) -> f64 {
    let ruled_out = |mean: f64| {
        let Some(mut wager) = Wager::above(mean, range) else { return mean <= range.low };
        for &(value, times) in counted {
            wager.repeat(value, times);
        }
        wager.e_value() >= 1.0 / level.tail()
    };
    let (mut low, mut high) = (range.low, range.high);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if ruled_out(middle) { low = middle } else { high = middle }
    }
    low
}

/// Nodes and weights of Gauss-Legendre quadrature on [0, 1]: roots of the Legendre polynomial by Newton's method.
fn mixture() -> [(f64, f64); STAKES] {
    let n = STAKES as f64;
    std::array::from_fn(|at| {
        let mut x = (std::f64::consts::PI * (at as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (mut value, mut before) = (1.0, 0.0);
            for k in 0..STAKES {
                let k = k as f64;
                (value, before) = (((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0), value);
            }
            slope = n * (x * value - before) / (x * x - 1.0);
            let step = value / slope;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        (f64::midpoint(1.0, x), 1.0 / ((1.0 - x * x) * slope * slope))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::prop_assert;
    use proptest::proptest;

    use super::*;
    use crate::stats::Bits;
    use crate::stats::near::near;
    use crate::stats::near::within;
    use crate::stats::sequential::pairs;
    use crate::stats::sequential::share;

    const SIGNS: Interval = Interval { low: -1.0, high: 1.0 };
    const SHARES: Interval = Interval { low: 0.0, high: 1.0 };

    fn fed(wager: Option<Wager>, values: &[(f64, u64)]) -> f64 {
        let mut wager = wager.unwrap();
        for &(value, times) in values {
            wager.repeat(value, times);
        }
        wager.e_value()
    }

    #[test]
    fn on_wins_and_losses_it_is_the_mixture_of_likelihood_ratios() {
        for (wins, losses) in [(5, 0), (8, 2), (20, 5), (5, 20), (40, 20), (0, 0)] {
            let e = fed(Wager::above(0.0, SIGNS), &[(1.0, wins), (-1.0, losses), (0.0, 77)]);
            near(e, pairs::e_better(wins, losses));
        }
    }

    #[test]
    fn on_zeros_and_ones_it_is_the_mixture_of_shares() {
        for (over, n, limit) in [(0, 100, 0.05), (2, 200, 0.05), (25, 500, 0.05), (30, 100, 0.2)] {
            let below = fed(Wager::below(limit, SHARES), &[(-1.0, over), (0.0, n - over)]);
            let above = fed(Wager::above(limit, SHARES), &[(1.0, over), (0.0, n - over)]);
            within(below / share::e_below(over, n, limit), 1.0, 1e-8);
            within(above / share::e_above(over, n, limit), 1.0, 1e-8);
        }
    }

    /// Integrals by 30-digit quadrature (mpmath).
    #[test]
    fn on_other_values_it_is_the_integral() {
        let ramp: Vec<(f64, u64)> = (1..=100).map(|t| (f64::from(37 * t % 100) / 100.0, 1)).collect();
        let mirrored: Vec<(f64, u64)> = ramp.iter().map(|&(x, times)| (-x, times)).collect();
        near(fed(Wager::above(0.4, SHARES), &ramp), 79.908_378_308_0);
        near(fed(Wager::below(0.6, SHARES), &mirrored), 272.032_730_794_6);
        near(fed(Wager::above(0.0, SIGNS), &DIFFERENCES), 23.749_699_858_3);
        near(fed(Wager::above(-0.02, SIGNS), &DIFFERENCES), 72.415_655_389_4);
        near(fed(Wager::above(-0.02, SIGNS), &[(0.0, 250)]), 30.905_996_179_1);
    }

    const DIFFERENCES: [(f64, u64); 5] = [(0.5, 20), (1.0, 12), (-0.5, 9), (-1.0, 4), (0.0, 55)];

    #[test]
    fn intervals_rule_out_what_was_bet_against() {
        let check = |values: &[(f64, u64)], range: Interval, low: f64, high: f64| {
            let found = interval(values, range, Level::P95);
            within(found.low, low, 1e-9);
            within(found.high, high, 1e-9);
        };
        check(&DIFFERENCES, SIGNS, -0.009_623_833_745, 0.282_327_466_899);
        check(&[(1.0, 70), (0.0, 30)], SHARES, 0.544_208_693_280, 0.835_915_344_504);
        check(&[(0.0, 50)], SHARES, 0.0, 0.101_192_484_396);
        check(&[], SHARES, 0.0, 1.0);
    }

    #[test]
    fn hostile_values_do_no_harm() {
        assert_eq!(Wager::above(0.0, SHARES), None);
        assert_eq!(Wager::above(f64::NAN, SHARES), None);
        let mut wager = Wager::above(0.5, SHARES).unwrap();
        for value in [f64::NAN, f64::INFINITY, -3.0] {
            wager.observe(value);
        }
        near(wager.e_value(), 2.0 / 3.0);
        (0..100_000).for_each(|_| wager.observe(1.0));
        assert!(wager.e_value() > 1e300);
        assert!(fed(Wager::above(0.5, SHARES), &[(0.0, 1_000_000)]) >= 0.0);
    }

    /// Peeking after every one of 200 values, in 2,000 runs on the boundary of the null: means of repeats that
    /// hang together within their case, which no sign test would stand.
    #[test]
    fn looking_all_the_time_raises_no_more_alarms_than_promised() {
        let alarms = (0..2000).filter(|run| {
            let mut bits = Bits::derive(11, *run);
            let mut wager = Wager::above(0.0, SIGNS).unwrap();
            (0..200).any(|_| {
                let case = bits.uniform();
                let mut arm = || (0..3).filter(|_| bits.uniform() < case).count() as f64 / 3.0;
                wager.observe(arm() - arm());
                wager.e_value() >= 20.0
            })
        });
        let rate = alarms.count() as f64 / 2000.0;
        assert!(rate <= 0.05, "{rate}");
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_sides_mirror(values in proptest::collection::vec(-1.0f64..1.0, 1..40)) {
            let counted: Vec<(f64, u64)> = values.iter().map(|x| (*x, 1)).collect();
            let reversed: Vec<(f64, u64)> = counted.iter().rev().copied().collect();
            let (a, b) = (fed(Wager::above(0.1, SIGNS), &counted), fed(Wager::above(0.1, SIGNS), &reversed));
            prop_assert!((a - b).abs() <= 1e-9 * a);
            let found = interval(&counted, SIGNS, Level::P95);
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            prop_assert!(found.low <= mean && mean <= found.high);
            let mirrored: Vec<(f64, u64)> = counted.iter().map(|&(x, times)| (-x, times)).collect();
            let other = interval(&mirrored, SIGNS, Level::P95);
            prop_assert!((other.low + found.high).abs() < 1e-9);
        }
    }
}
