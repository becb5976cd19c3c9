//! Latency of paired cases: typical times by their ratio, tails by the ratio of percentiles.
//!
//! Server state makes requests of one run depend on each other, so neighbors in time are kept together in blocks, and
//! two runs that were not interleaved are compared "within-run only".

use std::collections::HashMap;

use super::Options;
use super::judge::Draft;
use super::judge::Judge;
use super::pairing::CasePair;
use super::result::Comparison;
use super::unit;
use crate::analyze::Estimate;
use crate::analyze::Method;
use crate::analyze::Metric;
use crate::analyze::infer;
use crate::analyze::trial::TrialRow;
use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::Quantile;
use crate::stats::bootstrap;
use crate::stats::bootstrap::QuantileRatios;
use crate::stats::mean;
use crate::stats::mean::Correction;
use crate::stats::paired;

/// Said of two runs.
pub(super) const WITHIN: &str =
    "within-run only: server state differs between runs, and one run each cannot show by how much";
const TAILS: [(&str, Quantile); 3] = [("p90", Quantile::P90), ("p95", Quantile::P95), ("p99", Quantile::P99)];
/// Fewest blocks for a block-robust error; below, cases count as independent.
const FEWEST_BLOCKS: u32 = 10;

/// Cases in the order in which the baseline met them, with the block of each.
pub(super) struct Ordered<'a> {
    cases: Vec<(&'a CasePair<'a>, u32)>,
    n_blocks: u32,
}

impl<'a> Ordered<'a> {
    /// Orders `pairs`; recorded answers have no order in time, so that their blocks are the clusters of cases.
    pub(super) fn new(pairs: &[&'a CasePair<'a>], recorded: bool) -> Self {
        let mut both: Vec<&CasePair<'_>> =
            pairs.iter().copied().filter(|p| !p.baseline.is_empty() && !p.candidate.is_empty()).collect();
        if recorded {
            let blocks = dense(&unit::clusters(&both));
            let n_blocks = blocks.iter().max().map_or(0, |last| last + 1);
            return Self { cases: both.into_iter().zip(blocks).collect(), n_blocks };
        }
        both.sort_by_key(|pair| pair.baseline.iter().map(|row| row.began).min());
        let length = bootstrap::block_length(both.len()) as u32;
        let n_blocks = (both.len() as u32).div_ceil(length);
        Self { cases: both.into_iter().zip(0..).map(|(pair, at): (_, u32)| (pair, at / length)).collect(), n_blocks }
    }
}

impl Ordered<'_> {
    /// Cases share blocks, and there are enough of them for a robust error.
    fn are_blocks(&self) -> bool {
        self.n_blocks >= FEWEST_BLOCKS && (self.n_blocks as usize) < self.cases.len()
    }
}

/// The same groups numbered without gaps, in order of appearance.
fn dense(clusters: &[u32]) -> Vec<u32> {
    let mut numbers: HashMap<u32, u32> = HashMap::new();
    let mut number = |cluster: &u32| {
        let next = numbers.len() as u32;
        *numbers.entry(*cluster).or_insert(next)
    };
    clusters.iter().map(&mut number).collect()
}

/// Ratio of typical times: geometric mean over cases of the ratio of medians.
pub(super) fn typical(ordered: &Ordered<'_>, metric: Metric, slice: &str, options: &Options) -> Option<Draft> {
    let median = |rows: &[&TrialRow]| infer::plain_median(rows.iter().filter_map(|row| row.latency(metric)).collect());
    let medians = ordered
        .cases
        .iter()
        .filter_map(|(pair, block)| Some((median(&pair.candidate)?, median(&pair.baseline)?, *block)));
    let all: Vec<(f64, f64, u32)> = medians.collect();
    let finite = |(a, b, _): &&(f64, f64, u32)| a.is_finite() && b.is_finite() && *a > 0.0 && *b > 0.0;
    let used: Vec<(f64, f64, u32)> = all.iter().filter(finite).copied().collect();
    let (candidate, baseline): (Vec<f64>, Vec<f64>) = used.iter().map(|(a, b, _)| (*a, *b)).unzip();
    let logs = paired::log_ratios(&candidate, &baseline)?;
    let blocks: Vec<u32> = used.iter().map(|(_, _, block)| *block).collect();
    let robust = mean::clustered(&logs, &blocks, Correction::Cr1).filter(|_| ordered.are_blocks());
    let fit = robust.or_else(|| mean::estimate(&logs))?;
    let interval = fit.interval(Level::P95).map(|interval| interval.map(f64::exp));
    let mut notes = vec![WITHIN.to_owned()];
    if used.len() < all.len() {
        notes.push(format!(
            "{} of {} cases left out: they failed in at least one arm",
            all.len() - used.len(),
            all.len()
        ));
    }
    let n = used.len() as u64;
    let (a, b) = (geometric(&candidate), geometric(&baseline));
    let ratio = with_limits(fit.mean.exp(), interval, if robust.is_some() { Method::Cr1 } else { Method::T }, n);
    let z = Level::P95.z() + crate::stats::normal::quantile(0.8);
    let comparison = Comparison {
        metric: metric.name().to_owned(),
        slice: slice.to_owned(),
        test: "log-ratio-t",
        n_pairs: n,
        difference: Estimate::point(minus(a.value, b.value), n),
        baseline: b,
        candidate: a,
        ratio: Some(ratio),
        p_value: (fit.se > 0.0).then(|| fit.p_two_sided(0.0)),
        smallest_detectable: (fit.se > 0.0).then(|| (z * fit.se).exp_m1()),
        margin: options.margins.ratio,
        more_is_better: metric.more_is_better(),
        ..Comparison::blank(notes)
    };
    Some(Draft::new(comparison, Judge::Ratio { interval }))
}

/// Ratios of p90, p95 and p99, failures counted as infinitely late.
pub(super) fn tails(ordered: &Ordered<'_>, metric: Metric, slice: &str, options: &Options) -> Vec<Draft> {
    let values = |candidate: bool| -> Vec<(f64, u32)> {
        let rows = |(pair, block): &(&CasePair<'_>, u32)| {
            let rows = if candidate { &pair.candidate } else { &pair.baseline };
            let block = *block;
            rows.iter().filter_map(move |row| Some((row.latency(metric)?, block))).collect::<Vec<_>>()
        };
        ordered.cases.iter().flat_map(rows).collect()
    };
    let arms = [values(false), values(true)];
    if arms.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    let sorted = arms.each_ref().map(|arm| {
        let mut values: Vec<f64> = arm.iter().map(|(value, _)| *value).collect();
        crate::stats::quantile::sort(&mut values);
        values
    });
    let n_blocks = ordered.n_blocks as usize;
    let ratios = QuantileRatios::new(&arms[1], &arms[0], n_blocks, &TAILS.map(|(_, q)| q));
    let points = TAILS.map(|(_, q)| sorted.each_ref().map(|values| infer::percentile(values, q)));
    let defined = points.iter().any(|[b, c]| b.value.is_some() && c.value.is_some());
    let resamples = if defined { options.resamples } else { 0 };
    let (observed, drawn) = (ratios.observed(), ratios.replicate(options.seed, 0..resamples));
    let tail = |(at, [baseline, candidate]): (usize, [Estimate; 2])| {
        let interval =
            bootstrap::percentile(&drawn[at], Level::P95).filter(|_| baseline.value.and(candidate.value).is_some());
        let name = format!("{}({})", TAILS[at].0, metric.name());
        tail_draft(name, slice, [baseline, candidate], observed[at], interval, ordered.cases.len(), options)
    };
    points.into_iter().enumerate().map(tail).collect()
}

fn tail_draft(
    metric: String,
    slice: &str,
    [baseline, candidate]: [Estimate; 2],
    observed: f64,
    interval: Option<Interval>,
    n: usize,
    options: &Options,
) -> Draft {
    let n = n as u64;
    let ratio = match (baseline.value, candidate.value) {
        (Some(_), Some(_)) => with_limits(observed, interval, Method::Percentile, n),
        _ => Estimate { needed_n: baseline.needed_n.max(candidate.needed_n), ..Estimate::none(n) },
    };
    let comparison = Comparison {
        metric,
        slice: slice.to_owned(),
        test: "bootstrap-percentile",
        n_pairs: n,
        difference: Estimate::point(minus(candidate.value, baseline.value), n),
        needed_n: ratio.needed_n,
        baseline,
        candidate,
        ratio: Some(ratio),
        margin: options.margins.ratio,
        ..Comparison::blank(vec![WITHIN.to_owned()])
    };
    Draft::new(comparison, Judge::Ratio { interval })
}

/// Geometric mean with a t interval on logarithms.
fn geometric(values: &[f64]) -> Estimate {
    let logs: Vec<f64> = values.iter().map(|x| x.ln()).collect();
    let fit = mean::estimate(&logs);
    let interval = fit.and_then(|fit| fit.interval(Level::P95)).map(|interval| interval.map(f64::exp));
    with_limits(mean::mean(&logs).exp(), interval, Method::T, values.len() as u64)
}

/// Candidate minus baseline; NaN, hence no value, where either is missing or both are infinite.
pub(super) fn minus(candidate: Option<f64>, baseline: Option<f64>) -> f64 {
    candidate.zip(baseline).map_or(f64::NAN, |(candidate, baseline)| candidate - baseline)
}

/// An estimate with limits, or without where there are none.
pub(super) fn with_limits(value: f64, interval: Option<Interval>, method: Method, n: u64) -> Estimate {
    match interval {
        Some(interval) => Estimate::new(value, interval.low, interval.high, method, n),
        None => Estimate::point(value, n),
    }
}
