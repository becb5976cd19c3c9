//! The three estimates that most figures need: a share, a mean, a percentile. Formulas live in `stats`.

use super::Estimate;
use super::Method;
use super::estimate::LEVEL;
use crate::stats::Level;
use crate::stats::Quantile;
use crate::stats::mean;
use crate::stats::proportion;
use crate::stats::quantile;

/// `k` of `n` with a Wilson interval; nothing known when `n` is 0.
pub fn share(k: u64, n: u64) -> Estimate {
    if n == 0 {
        return Estimate { needed_n: Some(1), ..Estimate::none(0) };
    }
    let interval = proportion::wilson(k, n, Level::P95);
    Estimate::new(k.min(n) as f64 / n as f64, interval.low, interval.high, Method::Wilson, n)
}

/// Mean of independent values with a t interval; without limits where nothing varies or there is one value.
pub fn mean_of(values: &[f64]) -> Estimate {
    let n = values.len() as u64;
    if values.is_empty() {
        return Estimate::none(0);
    }
    let point = Estimate { method: Method::T, ..Estimate::point(mean::mean(values), n) };
    match mean::estimate(values).map(|m| m.interval(Level::P95)) {
        None => Estimate { needed_n: Some(2), ..point },
        Some(None) => point,
        Some(Some(interval)) => Estimate { low: Some(interval.low), high: Some(interval.high), ..point },
    }
}

/// Mean of values in clusters, t with one degree of freedom less than clusters.
pub fn clustered_mean(values: &[f64], clusters: &[u32]) -> Estimate {
    let Some(estimate) = mean::clustered(values, clusters, mean::Correction::Cr1) else {
        return Estimate { needed_n: Some(2), ..Estimate::point(mean::mean(values), values.len() as u64) };
    };
    let point = Estimate { method: Method::Cr1, ..Estimate::point(estimate.mean, values.len() as u64) };
    match estimate.interval(Level::P95) {
        Some(interval) => Estimate { low: Some(interval.low), high: Some(interval.high), ..point },
        None => point,
    }
}

/// Percentile of values in ascending order with its order-statistic interval, or how many values it takes.
pub fn percentile(sorted: &[f64], q: Quantile) -> Estimate {
    let n = sorted.len() as u64;
    match quantile::estimate(sorted, q, Level::P95) {
        Err(needed) => Estimate::needs(n, needed),
        Ok(found) => Estimate {
            value: Some(found.value),
            low: found.low.is_finite().then_some(found.low).or((found.low > 0.0).then_some(f64::INFINITY)),
            high: Some(found.high),
            level: LEVEL,
            method: Method::OrderStat,
            n,
            needed_n: None,
        },
    }
}

/// The q-quantile of values in any order, for pictures: no interval, `None` when there are no values.
pub(crate) fn plain_median(mut values: Vec<f64>) -> Option<f64> {
    quantile::sort(&mut values);
    quantile::nearest_rank(&values, Quantile::P50)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 latencies of a worked example: p50 231 [219, 252], higher percentiles need more values. One failure on top
    /// moves the median to 236 and makes the largest value infinite.
    #[test]
    fn percentiles_follow_the_worked_example() {
        let mut values = vec![
            198., 201., 208., 212., 215., 219., 220., 226., 229., 231., 236., 238., 240., 244., 252., 258., 263., 305.,
            410., 1900.,
        ];
        let p50 = percentile(&values, Quantile::P50);
        assert_eq!((p50.value, p50.low, p50.high), (Some(231.0), Some(219.0), Some(252.0)));
        assert_eq!(percentile(&values, Quantile::P95).needed_n, Some(72));
        assert_eq!(percentile(&values, Quantile::P99).needed_n, Some(368));
        values.push(f64::INFINITY);
        assert_eq!(percentile(&values, Quantile::P50).value, Some(236.0));
    }

    #[test]
    fn nothing_and_no_variation_are_said_so() {
        assert_eq!(share(0, 0).value, None);
        assert_eq!(mean_of(&[]).value, None);
        assert_eq!(mean_of(&[3.0]).needed_n, Some(2));
        let flat = mean_of(&[3.0, 3.0, 3.0]);
        assert_eq!((flat.value, flat.low, flat.high), (Some(3.0), None, None));
        let all_failed = percentile(&[f64::INFINITY; 50], Quantile::P50);
        assert_eq!((all_failed.value, all_failed.low), (Some(f64::INFINITY), Some(f64::INFINITY)));
    }
}
