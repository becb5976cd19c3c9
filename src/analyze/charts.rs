//! Distributions and the run over time, reduced to what a picture can show.

use super::Metric;
use super::gaps::Gaps;
use super::infer;
use super::summary::CellCharts;
use super::summary::Ecdf;
use super::summary::Histogram;
use super::summary::Timeline;
use super::trial::TrialRow;
use super::window::Window;
use crate::domain::Offset;
use crate::stats::quantile;

/// Steps of a cumulative distribution at most.
const STEPS: usize = 200;
/// Bins of a histogram at most.
const BINS: usize = 40;
/// Bins of the timeline at most.
const TIME_BINS: usize = 120;

/// Pictures of one cell.
pub fn cell(rows: &[&TrialRow], gaps: &Gaps) -> CellCharts {
    let tps: Vec<f64> = rows.iter().filter(|r| r.is_sample()).filter_map(|r| r.value(Metric::OutputTps)).collect();
    CellCharts {
        ecdf: [Metric::Ttft, Metric::Ttfa, Metric::E2e].into_iter().filter_map(|metric| ecdf(rows, metric)).collect(),
        itl: logarithmic(&gaps.sorted()),
        output_tps: linear(&tps),
    }
}

/// The cumulative distribution of a latency; failures keep it below 1.
///
/// The band is simultaneous over all values: sqrt(ln(2 / .05) / 2n) (Massart 1990, Ann. Probab. 18:1269).
fn ecdf(rows: &[&TrialRow], metric: Metric) -> Option<Ecdf> {
    let mut values: Vec<f64> = rows.iter().filter_map(|row| row.latency(metric)).collect();
    quantile::sort(&mut values);
    let finite = values.partition_point(|v| v.is_finite());
    if finite == 0 {
        return None;
    }
    let n = values.len();
    let step = finite.div_ceil(STEPS);
    let ranks = (0..finite).filter(|rank| (rank + 1) % step == 0 || rank + 1 == finite || *rank == 0);
    Some(Ecdf {
        metric,
        points: ranks.map(|rank| (values[rank], (rank + 1) as f64 / n as f64)).collect(),
        band: ((2.0f64 / 0.05).ln() / (2.0 * n as f64)).sqrt(),
        n: n as u64,
        failed: (n - finite) as u64,
    })
}

/// Counts in bins that grow by a constant factor; zeros and what lies below the first edge go into the first bin.
fn logarithmic(sorted: &[f64]) -> Histogram {
    let Some(largest) = sorted.last().copied().filter(|v| *v > 0.0) else {
        return Histogram { logarithmic: true, ..Histogram::default() };
    };
    let smallest = sorted[sorted.partition_point(|v| *v < 0.01).min(sorted.len() - 1)].max(0.01);
    let factor = (largest.max(smallest * 1.01) / smallest).ln() / BINS as f64;
    let mut edges: Vec<f64> = (0..=BINS).map(|i| smallest * (factor * i as f64).exp()).collect();
    edges[BINS] = edges[BINS].max(largest);
    Histogram { counts: count(&edges, sorted), edges, logarithmic: true }
}

fn linear(values: &[f64]) -> Histogram {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() || !low.is_finite() || !high.is_finite() {
        return Histogram::default();
    }
    let bins = ((values.len() as f64).sqrt().ceil() as usize).clamp(1, BINS);
    let width = ((high - low) / bins as f64).max(high.abs().max(1.0) * 1e-9);
    let mut edges: Vec<f64> = (0..=bins).map(|i| low + width * i as f64).collect();
    edges[bins] = edges[bins].max(high);
    Histogram { counts: count(&edges, values), edges, logarithmic: false }
}

fn count(edges: &[f64], values: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; edges.len() - 1];
    for value in values {
        let bin = edges.partition_point(|edge| edge <= value).saturating_sub(1);
        counts[bin.min(edges.len() - 2)] += 1;
    }
    counts
}

/// The run over time, from the first due request to the last end.
pub fn timeline(rows: &[&TrialRow], windows: &[Window]) -> Timeline {
    let Some(start) = rows.iter().map(|row| row.began).min() else { return Timeline::default() };
    let end = rows.iter().map(|row| row.ended).max().unwrap_or(start);
    let seconds = |at: Offset| at.ms_since(start).unwrap_or(0.0) / 1e3;
    let bins = rows.len().clamp(1, TIME_BINS);
    let width = (seconds(end) / bins as f64).max(1e-6);
    let bin = |at: Offset| ((seconds(at) / width) as usize).min(bins - 1);
    let mut line = Timeline {
        bin_s: width,
        arrivals: vec![0; bins],
        finished: vec![0; bins],
        errors: vec![0; bins],
        in_flight: vec![0.0; bins],
        ttft_p50: Vec::new(),
        segments: Vec::new(),
    };
    let mut ttft: Vec<Vec<f64>> = vec![Vec::new(); bins];
    for row in rows {
        line.arrivals[bin(row.began)] += 1;
        let ended = if row.is_failed() { &mut line.errors } else { &mut line.finished };
        ended[bin(row.ended)] += 1;
        let (from, to) = (seconds(row.began) / width, seconds(row.ended) / width);
        for at in bin(row.began)..=bin(row.ended) {
            line.in_flight[at] += (to.min(at as f64 + 1.0) - from.max(at as f64)).max(0.0);
        }
        ttft[bin(row.began)].extend(row.latency(Metric::Ttft).filter(|ms| ms.is_finite()));
    }
    line.ttft_p50 = ttft.into_iter().map(infer::plain_median).collect();
    let spans = windows.iter().enumerate().flat_map(|(cell, window)| window.spans().map(move |span| (cell, span)));
    line.segments = spans.map(|(cell, (from, to))| (cell, seconds(from), seconds(to))).collect();
    line.segments.sort_by(|a, b| a.1.total_cmp(&b.1));
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::domain::Outcome;

    fn rows(n: u64) -> Vec<TrialRow> {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        for i in 0..n {
            let obs =
                if i % 4 == 3 { fixture::failed(i, 0, Outcome::Reset) } else { fixture::at(i, 0, i * 10, 50 + i) };
            fold.push(&fixture::observed(obs));
        }
        fold.finish().rows
    }

    #[test]
    fn failures_keep_a_cumulative_distribution_below_one() {
        let rows = rows(1000);
        let found = ecdf(&rows.iter().collect::<Vec<_>>(), Metric::Ttft).unwrap();
        assert!(found.points.len() <= STEPS + 2 && (found.points.last().unwrap().1 - 0.75).abs() < 1e-12);
        assert!(found.points.windows(2).all(|p| p[0].0 <= p[1].0 && p[0].1 < p[1].1));
        assert_eq!((found.n, found.failed), (1000, 250));
    }

    #[test]
    fn every_value_is_in_a_bin() {
        for values in [vec![5.0], vec![0.0, 0.0], vec![0.0, 1.0, 1000.0], vec![3.0; 7], vec![1e-9, 1e9]] {
            let log = logarithmic(&values);
            let total = if values.iter().all(|v| *v == 0.0) { 0 } else { values.len() as u64 };
            assert_eq!(log.counts.iter().sum::<u64>(), total, "{values:?}");
            assert_eq!(linear(&values).counts.iter().sum::<u64>(), values.len() as u64, "{values:?}");
        }
        assert_eq!(linear(&[]), Histogram::default());
    }

    #[test]
    fn the_timeline_counts_every_trial_once() {
        let rows = rows(300);
        let line = timeline(&rows.iter().collect::<Vec<_>>(), &[]);
        assert_eq!(line.arrivals.iter().sum::<u64>(), 300);
        assert_eq!(line.finished.iter().sum::<u64>() + line.errors.iter().sum::<u64>(), 300);
        assert!(line.in_flight.iter().all(|n| n.is_finite() && *n >= 0.0) && line.arrivals.len() <= TIME_BINS);
        assert_eq!(timeline(&[], &[]), Timeline::default());
    }
}
