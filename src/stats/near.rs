//! Comparison of computed numbers with published ones.

/// Asserts equality to nine digits, allowing for ten printed decimals.
#[track_caller]
pub(crate) fn near(actual: f64, expected: f64) {
    within(actual, expected, 1e-9 * expected.abs() + 5.1e-11);
}

/// Asserts `|actual - expected| <= tolerance`; equal infinities agree.
#[track_caller]
pub(crate) fn within(actual: f64, expected: f64, tolerance: f64) {
    let agrees = actual.to_bits() == expected.to_bits() || (actual - expected).abs() <= tolerance;
    assert!(agrees, "{actual} is not {expected} to within {tolerance:e}");
}

/// Asserts that both ends of an interval agree to nine digits.
#[track_caller]
pub(crate) fn near_interval(actual: super::Interval, low: f64, high: f64) {
    near(actual.low, low);
    near(actual.high, high);
}
