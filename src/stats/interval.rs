//! Interval and confidence level: the two words every estimate needs.

use super::normal;

/// A closed interval; either end may be infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// The interval from `low` to `high`.
    pub fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Whether `value` lies inside, ends included.
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// The interval of `f(x)` for an increasing `f`.
    #[must_use]
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(f(self.low), f(self.high))
    }

    /// The interval cut to `low..=high`, for display of a bounded quantity.
    #[must_use]
    pub fn clip(self, low: f64, high: f64) -> Self {
        self.map(|end| end.clamp(low, high))
    }

    /// Distance between the ends.
    pub fn width(self) -> f64 {
        self.high - self.low
    }
}

/// A confidence level, strictly between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Level(f64);

impl Level {
    /// 90 %.
    pub const P90: Self = Self(0.90);
    /// 95 %, the level of every interval unless something else is said.
    pub const P95: Self = Self(0.95);
    /// 97.5 %: one-sided, the counterpart of a two-sided 95 % interval.
    pub const P975: Self = Self(0.975);
    /// 99 %.
    pub const P99: Self = Self(0.99);

    /// The level `confidence`, or nothing outside (0, 1).
    pub fn new(confidence: f64) -> Option<Self> {
        (confidence > 0.0 && confidence < 1.0).then_some(Self(confidence))
    }

    /// The confidence, such as 0.95.
    pub fn value(self) -> f64 {
        self.0
    }

    /// Chance of error on both sides together. Rounded to fifteen digits, so that 1 - 0.95 is 0.05.
    pub fn alpha(self) -> f64 {
        ((1.0 - self.0) * 1e15).round() / 1e15
    }

    /// Chance of error on one side of a two-sided statement.
    pub fn tail(self) -> f64 {
        self.alpha() / 2.0
    }

    /// Normal quantile of a two-sided statement: 1.96 at 95 %.
    pub fn z(self) -> f64 {
        -normal::quantile(self.tail())
    }

    /// Normal quantile of a one-sided statement: 1.645 at 95 %.
    pub fn z_one_sided(self) -> f64 {
        -normal::quantile(self.alpha())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;

    #[test]
    fn levels_give_the_usual_normal_quantiles() {
        near(Level::P95.z(), 1.959_963_984_540_054);
        near(Level::P95.z_one_sided(), 1.644_853_626_951_472);
        near(Level::P975.z_one_sided(), Level::P95.z());
        assert_eq!(Level::new(1.0), None);
        assert_eq!(Level::new(f64::NAN), None);
    }
}
