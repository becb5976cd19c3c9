//! What all measurements of a search come to: the level met, where the limit lies, the knee.

use super::point::Counts;
use super::point::Point;
use crate::analyze::Estimate;
use crate::analyze::Method;
use crate::stats::Bits;
use crate::stats::Level;
use crate::stats::bootstrap;
use crate::stats::isotonic;

/// Resamples behind the interval of the crossing.
const RESAMPLES: u64 = 999;
/// Trials drawn one by one up to here, by a normal approximation beyond.
const EXACT_DRAWS: u64 = 2_000;

/// The outcome of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// The highest level that was measured and met, with nothing lower missed; `None` when there is none.
    pub highest_met: Option<f64>,
    /// The lowest level that was missed or could not be decided; `None` when all were met.
    pub first_not_met: Option<f64>,
    /// That level was missed beyond doubt, rather than undecided.
    pub is_missed: bool,
    /// Where a rising fit through all measurements of the binding objective reaches what is allowed. An estimate
    /// between measured levels, never a promise.
    pub crossing: Estimate,
    /// The objective that binds, as written.
    pub binding: Option<String>,
    /// The level beyond which throughput grows no more in proportion.
    pub knee: Option<f64>,
    /// At the first level not met the client was the limit: the server may bear more.
    pub client_limited: bool,
}

pub(super) fn capacity(points: &[Point], met: Option<&Point>, not_met: Option<&Point>, seed: u64) -> Capacity {
    let binding = not_met.and_then(Point::binding).map(|held| held.slo.clone());
    let series: Vec<(f64, Counts)> = binding
        .as_ref()
        .map(|slo| points.iter().filter_map(|point| Some((point.level, counts(point, slo)?))).collect())
        .unwrap_or_default();
    let throughput = points.iter().filter_map(|point| Some((point.level, point.throughput_rps.value?))).collect();
    Capacity {
        highest_met: met.map(|point| point.level),
        first_not_met: not_met.map(|point| point.level),
        is_missed: not_met.is_some_and(|point| point.verdict() == crate::analyze::summary::SloVerdict::Missed),
        crossing: crossing(&series, seed),
        binding,
        knee: knee(throughput),
        client_limited: not_met.is_some_and(|point| point.client_limited),
    }
}

fn counts(point: &Point, slo: &str) -> Option<Counts> {
    point.held.iter().find(|held| held.slo == slo)?.counts.filter(|counts| counts.n > 0)
}

/// The level at which the fitted share reaches what is allowed, with an interval from resampled counts.
fn crossing(series: &[(f64, Counts)], seed: u64) -> Estimate {
    let n = series.iter().map(|(_, counts)| counts.n).sum();
    let shares: Vec<f64> = series.iter().map(|(_, counts)| counts.share()).collect();
    let Some(value) = reached(series, &shares).filter(|level| level.is_finite()) else { return Estimate::none(n) };
    let resampled: Vec<f64> = (0..RESAMPLES)
        .filter_map(|number| {
            let mut bits = Bits::derive(seed, number);
            let draws: Vec<f64> = series.iter().map(|(_, counts)| draw(*counts, &mut bits)).collect();
            reached(series, &draws)
        })
        .collect();
    let point = Estimate { method: Method::Percentile, ..Estimate::point(value, n) };
    match bootstrap::percentile(&resampled, Level::P95) {
        Some(interval) => {
            Estimate { low: Some(interval.low.min(value)), high: Some(interval.high.max(value)), ..point }
        }
        None => point,
    }
}

/// A share drawn anew, with half a trial of each kind added so that 0 of n is no certainty.
fn draw(counts: Counts, bits: &mut Bits) -> f64 {
    let (n, p) = (counts.n as f64, (counts.over as f64 + 0.5) / (counts.n as f64 + 1.0));
    if counts.n > EXACT_DRAWS {
        let normal: f64 = (0..12).map(|_| bits.uniform()).sum::<f64>() - 6.0;
        return (p + normal * (p * (1.0 - p) / n).sqrt()).clamp(0.0, 1.0);
    }
    (0..counts.n).filter(|_| bits.uniform() < p).count() as f64 / n
}

/// Where a rising fit passes the allowed share, linear between levels; infinite when it never does.
fn reached(series: &[(f64, Counts)], shares: &[f64]) -> Option<f64> {
    let weights: Vec<f64> = series.iter().map(|(_, counts)| counts.n as f64).collect();
    let fit = isotonic::rising(shares, &weights);
    let allowed = series.first()?.1.allowed;
    let Some(at) = fit.iter().position(|share| *share > allowed) else { return Some(f64::INFINITY) };
    let (level, share) = (series[at].0, fit[at]);
    let (before, base) = if at == 0 { (0.0, 0.0) } else { (series[at - 1].0, fit[at - 1]) };
    Some(before + (level - before) * ((allowed - base) / (share - base)).clamp(0.0, 1.0))
}

/// The level with the largest distance between the curve of throughput and its chord, both axes from 0 to 1
/// (Satopaa et al. 2011, "Finding a Kneedle in a Haystack"); `None` for fewer than three levels or a straight curve.
pub fn knee(mut curve: Vec<(f64, f64)>) -> Option<f64> {
    curve.retain(|(level, value)| level.is_finite() && value.is_finite());
    curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (first, last) = (*curve.first()?, *curve.last()?);
    let most = curve.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    if curve.len() < 3 || last.0 <= first.0 || most <= first.1 {
        return None;
    }
    let bulge =
        |(level, value): (f64, f64)| (value - first.1) / (most - first.1) - (level - first.0) / (last.0 - first.0);
    let (level, _) = curve.iter().map(|p| (p.0, bulge(*p))).filter(|p| p.1 > 0.1).max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(rows: &[(f64, u64, u64)]) -> Vec<(f64, Counts)> {
        rows.iter().map(|&(level, over, n)| (level, Counts { over, n, allowed: 0.05 })).collect()
    }

    #[test]
    fn the_crossing_lies_between_the_levels_around_it() {
        let found = crossing(&series(&[(8.0, 2, 400), (16.0, 4, 400), (32.0, 80, 400)]), 7);
        let value = found.value.unwrap();
        assert!((value - (16.0 + 16.0 * 0.04 / 0.19)).abs() < 1e-9);
        assert!(found.low.unwrap() > 8.0 && found.low.unwrap() <= value && found.high.unwrap() < 32.0);
    }

    #[test]
    fn nothing_crosses_what_stays_below() {
        assert_eq!(crossing(&series(&[(8.0, 0, 400), (16.0, 1, 400)]), 7).value, None);
        assert_eq!(crossing(&[], 7).value, None);
    }

    #[test]
    fn the_knee_is_where_throughput_flattens() {
        let saturating: Vec<(f64, f64)> = (1..=32).map(|c| (f64::from(c), f64::from(c).min(8.0))).collect();
        assert_eq!(knee(saturating), Some(8.0));
        assert_eq!(knee((1..=32).map(|c| (f64::from(c), f64::from(c))).collect()), None);
        assert_eq!(knee(vec![(1.0, 1.0), (2.0, f64::NAN)]), None);
    }
}
