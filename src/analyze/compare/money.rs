//! Cost and tokens of paired cases: ratios of means, resampling cases jointly in both arms.

use std::collections::BTreeMap;

use super::Options;
use super::judge::Draft;
use super::judge::Judge;
use super::pairing::CasePair;
use super::result::Comparison;
use super::speed::minus;
use super::speed::with_limits;
use super::unit::clusters;
use crate::analyze::Estimate;
use crate::analyze::Method;
use crate::analyze::Metric;
use crate::analyze::infer;
use crate::analyze::trial::TrialRow;
use crate::stats::Level;
use crate::stats::bootstrap;
use crate::stats::bootstrap::Scheme;
use crate::stats::bootstrap::Sums;
use crate::stats::bootstrap::safe_ratio;
use crate::stats::student;

/// Means of one case in one arm.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    amount: f64,
    passed: f64,
}

/// Cases whose amounts are known in both arms, summed by cluster.
struct Ledger {
    /// Candidate and baseline of each case.
    cases: Vec<[Spent; 2]>,
    clusters: Vec<u32>,
    left_out: usize,
}

/// Ratio of the mean cost (or tokens) per case.
pub(super) fn per_case(pairs: &[&CasePair<'_>], metric: Metric, slice: &str, options: &Options) -> Option<Draft> {
    let ledger = Ledger::new(pairs, metric);
    let columns = [ledger.column(|[a, _]| a.amount), ledger.column(|[_, b]| b.amount)];
    if columns.iter().any(|column| column.iter().sum::<f64>() <= 0.0) {
        return None;
    }
    let arm = |at: usize| infer::mean_of(&ledger.cases.iter().map(|case| case[at].amount).collect::<Vec<f64>>());
    let statistic = Sums::new(columns, |[a, b]| safe_ratio(a, b));
    let name = if metric == Metric::CostUsd { "cost_per_case" } else { metric.name() };
    Some(ledger.draft(name, slice, &statistic, [arm(1), arm(0)], options))
}

/// Ratio of the cost per passed case; a resample in which nothing passes counts as infinite.
pub(super) fn per_pass(pairs: &[&CasePair<'_>], slice: &str, options: &Options) -> Option<Draft> {
    let ledger = Ledger::new(pairs, Metric::CostUsd);
    let amounts = [ledger.column(|[a, _]| a.amount), ledger.column(|[_, b]| b.amount)];
    let passes = [ledger.column(|[a, _]| a.passed), ledger.column(|[_, b]| b.passed)];
    let total = |column: &Vec<f64>| column.iter().sum::<f64>();
    if amounts.iter().chain(&passes).any(|column| total(column) <= 0.0) {
        return None;
    }
    let n = ledger.cases.len() as u64;
    let arm = |at: usize| Estimate::point(total(&amounts[at]) / total(&passes[at]), n);
    let arms = [arm(1), arm(0)];
    let [cost_a, cost_b] = amounts;
    let [pass_a, pass_b] = passes;
    let statistic = Sums::new([cost_a, pass_a, cost_b, pass_b], |[cost_a, pass_a, cost_b, pass_b]| {
        let (a, b) = (safe_ratio(cost_a, pass_a), safe_ratio(cost_b, pass_b));
        if b.is_infinite() && a.is_finite() { 0.0 } else { a / b }
    });
    Some(ledger.draft("cost_per_pass", slice, &statistic, arms, options))
}

impl Ledger {
    fn new(pairs: &[&CasePair<'_>], metric: Metric) -> Self {
        let mut found = Self { cases: Vec::new(), clusters: Vec::new(), left_out: 0 };
        for (pair, cluster) in pairs.iter().zip(clusters(pairs)) {
            match spent(&pair.candidate, metric).zip(spent(&pair.baseline, metric)) {
                Some((candidate, baseline)) => {
                    found.cases.push([candidate, baseline]);
                    found.clusters.push(cluster);
                }
                None => found.left_out += 1,
            }
        }
        found
    }

    /// Sums of a quantity over the cases of each cluster.
    fn column(&self, of: impl Fn([Spent; 2]) -> f64) -> Vec<f64> {
        let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
        for (case, cluster) in self.cases.iter().zip(&self.clusters) {
            *sums.entry(*cluster).or_default() += of(*case);
        }
        sums.into_values().collect()
    }

    fn draft<const M: usize>(
        &self,
        name: &str,
        slice: &str,
        statistic: &Sums<M>,
        [baseline, candidate]: [Estimate; 2],
        options: &Options,
    ) -> Draft {
        let jackknife = statistic.jackknife();
        let pooled = statistic.pooled(bootstrap::MOST_UNITS, options.seed);
        let drawn =
            bootstrap::replicate(pooled.n_units(), &Scheme::Units, &[&pooled], options.seed, 0..options.resamples);
        let acceleration = bootstrap::acceleration(&jackknife);
        let interval = bootstrap::bca(&drawn[0], statistic.observed(), acceleration, Level::P95);
        let (p_value, error) = no_change(statistic.observed(), &jackknife);
        let z = Level::P95.z() + crate::stats::normal::quantile(0.8);
        let n = self.cases.len() as u64;
        let unknown = format!("{} cases left out: unknown in at least one arm", self.left_out);
        let comparison = Comparison {
            metric: name.to_owned(),
            slice: slice.to_owned(),
            test: "bootstrap-bca",
            n_pairs: n,
            difference: Estimate::point(minus(candidate.value, baseline.value), n),
            baseline,
            candidate,
            ratio: Some(with_limits(statistic.observed(), interval, Method::Bca, n)),
            p_value,
            smallest_detectable: error.map(|error| (z * error).exp_m1()),
            margin: options.margins.ratio,
            ..Comparison::blank(if self.left_out > 0 { vec![unknown] } else { Vec::new() })
        };
        Draft::new(comparison, Judge::Ratio { interval })
    }
}

/// p of "the ratio is 1" and the error of its logarithm: t with the jackknife's error, one degree of freedom less than
/// units. Of few or skewed units `BCa` limits leave out a little more than they should (about 3 % on each side of
/// sixty), so that they alone would raise more alarms than promised; nothing where the ratio has no finite logarithm.
fn no_change(observed: f64, jackknife: &[f64]) -> (Option<f64>, Option<f64>) {
    let logs: Vec<f64> = jackknife.iter().map(|value| value.ln()).collect();
    let error = Some(bootstrap::jackknife_error(&logs)).filter(|error| error.is_finite() && *error > 0.0);
    let t = error.map(|error| observed.ln() / error).filter(|t| t.is_finite());
    (t.map(|t| student::two_sided(t, jackknife.len() as f64 - 1.0)), error)
}

/// Mean amount and pass share of a case's trials; nothing where no amount is known.
fn spent(rows: &[&TrialRow], metric: Metric) -> Option<Spent> {
    let amounts: Vec<f64> = rows.iter().filter_map(|row| row.value(metric)).collect();
    let passed = rows.iter().filter(|row| row.grade.pass == Some(true)).count();
    (!amounts.is_empty()).then(|| Spent {
        amount: amounts.iter().sum::<f64>() / amounts.len() as f64,
        passed: passed as f64 / rows.len() as f64,
    })
}
