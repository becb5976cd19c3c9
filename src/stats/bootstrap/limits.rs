//! From resampled values to limits: percentile, and `BCa` for smooth statistics.
//!
//! `BCa` (Efron 1987, JASA 82:171; Efron & Tibshirani 1993, ch. 14) corrects for bias and skew. Its jackknife is
//! inconsistent for quantiles and other non-smooth statistics: use percentile limits there.

use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::normal;

/// Percentile limits of `values` in any order: ranks ceil(alpha B / 2) and ceil((1 - alpha / 2) B).
///
/// Nothing when a value is undefined or all are equal.
pub fn percentile(values: &[f64], level: Level) -> Option<Interval> {
    let sorted = ascending(values)?;
    Some(Interval::new(at(&sorted, level.tail()), at(&sorted, 1.0 - level.tail())))
}

/// Bias-corrected and accelerated limits of a statistic whose observed value is `observed`.
///
/// Falls back to percentile limits when a jackknife value is infinite (`acceleration` is not finite). Nothing when
/// the observed value lies outside all resampled ones or these do not vary.
pub fn bca(values: &[f64], observed: f64, acceleration: f64, level: Level) -> Option<Interval> {
    let sorted = ascending(values)?;
    if !acceleration.is_finite() {
        return percentile(values, level);
    }
    let slack = 1e-9 * observed.abs();
    let below = sorted.partition_point(|value| *value < observed - slack);
    let equal = sorted.partition_point(|value| *value <= observed + slack) - below;
    let bias = normal::quantile((below as f64 + equal as f64 / 2.0) / sorted.len() as f64);
    if !bias.is_finite() {
        return None;
    }
    let adjusted = |z: f64| normal::cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
    Some(Interval::new(at(&sorted, adjusted(-level.z())), at(&sorted, adjusted(level.z()))))
}

/// Standard error from jackknife values: sqrt((n - 1) / n times the sum of their squared distances from their mean).
///
/// Efron & Tibshirani 1993, chapter 11; for a mean it is s / sqrt(n). NaN for no value or one that is not finite.
pub fn jackknife_error(jackknife: &[f64]) -> f64 {
    let n = jackknife.len() as f64;
    let centre = jackknife.iter().sum::<f64>() / n;
    ((n - 1.0) / n * jackknife.iter().map(|value| (value - centre).powi(2)).sum::<f64>()).sqrt()
}

/// The acceleration of one sample from its jackknife values; 0 when they do not vary, NaN when one is not finite.
pub fn acceleration(jackknife: &[f64]) -> f64 {
    acceleration_of_samples(&[jackknife])
}

/// The acceleration of a statistic of several independent samples, from the jackknife values of each.
pub fn acceleration_of_samples(samples: &[&[f64]]) -> f64 {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for jackknife in samples {
        let n = jackknife.len() as f64;
        let centre = jackknife.iter().sum::<f64>() / n.max(1.0);
        for value in *jackknife {
            let influence = (n - 1.0) * (centre - value) / n;
            squares += influence * influence;
            cubes += influence * influence * influence;
        }
    }
    if squares == 0.0 { 0.0 } else { cubes / (6.0 * squares.powf(1.5)) }
}

fn ascending(values: &[f64]) -> Option<Vec<f64>> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (first, last) = (sorted.first()?, sorted.last()?);
    let varies = last > first;
    let defined = !sorted.iter().any(|value| value.is_nan());
    (varies && defined).then_some(sorted)
}

/// Value at rank ceil(share * B), counted from 1; rounding noise does not move the rank.
fn at(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64 - 1e-9).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}
