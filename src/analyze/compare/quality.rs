//! Shares and scores of paired cases: `McNemar` and Tango for single trials, t or permutation for means of repeats,
//! cluster-robust errors where cases share a cluster.

use super::Options;
use super::gate;
use super::gate::Evidence;
use super::judge::Draft;
use super::judge::Judge;
use super::measure::Measure;
use super::result::Comparison;
use super::unit::Unit;
use crate::analyze::Estimate;
use crate::analyze::Method;
use crate::analyze::infer;
use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::MeanEstimate;
use crate::stats::bootstrap;
use crate::stats::bootstrap::Scheme;
use crate::stats::bootstrap::Sums;
use crate::stats::mean;
use crate::stats::mean::Correction;
use crate::stats::paired::binary::Discordant;
use crate::stats::paired::sign_flip;
use crate::stats::paired::tango;
use crate::stats::power;
use crate::stats::power::Design;

/// From this many cases on a mean of differences is taken to be normal.
const T_FROM: usize = 30;
/// Below this many cases a score has no interval, and a slice is not tested.
pub(super) const FEWEST: usize = 10;
const FEW_CLUSTERS: f64 = 10.0;
const TOO_FEW_CLUSTERS: f64 = 5.0;

/// Goodness of decided pairs, larger is better, whatever the measure.
struct Pairs {
    baseline: Vec<f64>,
    candidate: Vec<f64>,
    clusters: Vec<u32>,
    is_binary: bool,
}

/// What a test says about the difference, signed so that positive is better for the candidate.
struct Tested {
    test: &'static str,
    method: Method,
    delta: f64,
    interval: Option<Interval>,
    p_value: Option<f64>,
    p_exact: Option<f64>,
    p_not_worse: f64,
    variance: f64,
    discordant: Option<Discordant>,
    groups: Option<f64>,
}

impl Tested {
    /// p of "not worse than the margin", unless nothing can be said.
    fn p_noninferior(&self) -> Option<f64> {
        Some(self.p_not_worse).filter(|p| self.interval.is_some() || *p < 1.0)
    }
}

/// Compares `units` of `measure`; an outcome's share that no case decides in both arms is left out.
pub(super) fn compare(units: &[Unit], measure: &Measure, slice: &str, options: &Options) -> Option<Draft> {
    let decided = Pairs::decided(units, measure);
    if decided.len() == 0 {
        return measure.more_is_better().then(|| undecided(measure, slice, options));
    }
    let tested = decided.test(options);
    let mut notes = remarks(&tested, &decided);
    let evidence = |tested: &Tested, n: usize| Evidence {
        delta: tested.delta,
        p_not_worse: tested.p_not_worse,
        p_adjusted: tested.p_value.unwrap_or(1.0),
        variance: tested.variance,
        n: n as u64,
        margin: options.margins.points,
    };
    let mut ends = Vec::new();
    if decided.len() < units.len() {
        let filled = [0.0, 1.0].map(|candidate| Pairs::filled(units, measure, candidate));
        let filled = filled.map(|pairs| (pairs.test(options), pairs.len()));
        let sign = if measure.more_is_better() { 1.0 } else { -1.0 };
        notes.push(bounds_note(
            units.len() - decided.len(),
            units.len(),
            filled[0].0.delta * sign,
            filled[1].0.delta * sign,
        ));
        ends = filled.iter().map(|(tested, n)| evidence(tested, *n)).collect();
    }
    let too_few = tested.groups.is_some_and(|groups| groups < TOO_FEW_CLUSTERS);
    let judge = Judge::Points { evidence: evidence(&tested, decided.len()), ends, blocked: too_few };
    Some(Draft::new(decided.describe(&tested, measure, slice, options, notes), judge))
}

/// Quality of which nothing is known in both arms: it stays open, rather than dropping out of the gate.
fn undecided(measure: &Measure, slice: &str, options: &Options) -> Draft {
    let comparison = Comparison {
        metric: measure.name(),
        slice: slice.to_owned(),
        needed_n: Some(gate::identical_pairs(options.margins.points)),
        margin: options.margins.points,
        more_is_better: true,
        ..Comparison::blank(vec!["no case is decided in both arms".into()])
    };
    Draft::new(comparison, Judge::Ratio { interval: None })
}

impl Pairs {
    fn len(&self) -> usize {
        self.baseline.len()
    }

    /// Units decided in both arms.
    fn decided(units: &[Unit], measure: &Measure) -> Self {
        let known = units.iter().filter(|unit| unit.baseline.is_some() && unit.candidate.is_some());
        Self::of(&known.copied().collect::<Vec<Unit>>(), measure)
    }

    /// All units, with unknown values at one extreme: the candidate's at `candidate`, the baseline's at the other.
    fn filled(units: &[Unit], measure: &Measure, candidate: f64) -> Self {
        let raw = if measure.more_is_better() { candidate } else { 1.0 - candidate };
        let fill = |unit: &Unit| Unit {
            baseline: unit.baseline.or(Some(1.0 - raw)),
            candidate: unit.candidate.or(Some(raw)),
            ..*unit
        };
        Self::of(&units.iter().map(fill).collect::<Vec<Unit>>(), measure)
    }

    fn of(units: &[Unit], measure: &Measure) -> Self {
        let good = |value: Option<f64>| {
            let value = value.unwrap_or(0.0);
            if measure.more_is_better() { value } else { 1.0 - value }
        };
        let mut clusters: Vec<u32> = units.iter().map(|unit| unit.cluster).collect();
        clusters.sort_unstable();
        let is_clustered = clusters.windows(2).any(|pair| pair[0] == pair[1]);
        Self {
            baseline: units.iter().map(|unit| good(unit.baseline)).collect(),
            candidate: units.iter().map(|unit| good(unit.candidate)).collect(),
            is_binary: units.iter().all(|unit| unit.is_binary)
                && !matches!(measure, Measure::Score | Measure::Grader { .. }),
            clusters: if is_clustered { units.iter().map(|unit| unit.cluster).collect() } else { Vec::new() },
        }
    }

    fn differences(&self) -> Vec<f64> {
        self.candidate.iter().zip(&self.baseline).map(|(a, b)| a - b).collect()
    }

    fn discordant(&self) -> Option<Discordant> {
        let count = |sign: f64| self.differences().iter().filter(|d| **d * sign > 0.5).count() as u64;
        self.is_binary.then(|| Discordant { b: count(1.0), c: count(-1.0) })
    }

    fn test(&self, options: &Options) -> Tested {
        if !self.clusters.is_empty() {
            return self.clustered(options.margins.points);
        }
        match self.discordant() {
            Some(pairs) => self.binary(pairs, options.margins.points),
            None => self.scores(options),
        }
    }

    fn binary(&self, pairs: Discordant, margin: f64) -> Tested {
        let n = self.len() as u64;
        Tested {
            test: "mcnemar-mid-p",
            method: Method::Tango,
            delta: tango::difference(pairs, n),
            interval: Some(tango::interval(pairs, n, Level::P95)),
            p_value: Some(pairs.p_mid()),
            p_exact: Some(pairs.p_exact()),
            p_not_worse: tango::p_not_worse(pairs, n, margin),
            variance: (pairs.b + pairs.c) as f64 / n as f64,
            discordant: Some(pairs),
            groups: None,
        }
    }

    fn scores(&self, options: &Options) -> Tested {
        let (d, n) = (self.differences(), self.len());
        let fit = mean::estimate(&d);
        let varies = fit.is_some_and(|fit| fit.se > 0.0);
        let flips = || sign_flip::test(&d, options.resamples, options.seed).two_sided;
        let by_t = fit.filter(|_| varies && n >= T_FROM);
        let (method, interval) = match fit.filter(|_| varies) {
            Some(fit) if n >= T_FROM => (Method::T, fit.interval(Level::P95)),
            Some(_) if n >= FEWEST => (Method::Bca, bca(&d, options)),
            _ => (Method::None, None),
        };
        Tested {
            test: if by_t.is_some() { "paired-t" } else { "sign-flip" },
            method,
            delta: mean::mean(&d),
            interval,
            p_value: (n >= 2).then(|| by_t.map_or_else(flips, |fit| fit.p_two_sided(0.0))),
            p_exact: None,
            p_not_worse: p_not_worse(fit.filter(|_| n >= FEWEST), n, options.margins.points),
            variance: mean::variance(&d),
            discordant: None,
            groups: None,
        }
    }

    fn clustered(&self, margin: f64) -> Tested {
        let d = self.differences();
        let fit = mean::clustered(&d, &self.clusters, Correction::Cr1);
        let usable = fit.filter(|fit| fit.se > 0.0);
        let plain = mean::estimate(&d).map_or(0.0, |fit| fit.se);
        let design_effect = usable.map_or(1.0, |fit| if plain > 0.0 { (fit.se / plain).powi(2) } else { 1.0 });
        let unclustered = self.discordant();
        Tested {
            test: "cr1-t",
            method: Method::Cr1,
            delta: mean::mean(&d),
            interval: usable.and_then(|fit| fit.interval(Level::P95)),
            p_value: usable.map(|fit| fit.p_two_sided(0.0)),
            p_exact: None,
            p_not_worse: usable.map_or(1.0, |fit| fit.p_above(-margin)),
            variance: mean::variance(&d) * design_effect,
            discordant: unclustered,
            groups: Some(fit.map_or(1.0, |fit| fit.df + 1.0)),
        }
    }

    fn describe(
        &self,
        tested: &Tested,
        measure: &Measure,
        slice: &str,
        options: &Options,
        notes: Vec<String>,
    ) -> Comparison {
        let up = measure.more_is_better();
        let n = self.len() as u64;
        let shown = |interval: Interval| if up { interval } else { Interval::new(-interval.high, -interval.low) };
        let limits = tested.interval.map(shown);
        let difference = Estimate {
            low: limits.map(|interval| interval.low),
            high: limits.map(|interval| interval.high),
            method: if limits.is_some() { tested.method } else { Method::None },
            ..Estimate::point(if up || tested.delta == 0.0 { tested.delta } else { -tested.delta }, n)
        };
        Comparison {
            metric: measure.name(),
            slice: slice.to_owned(),
            test: tested.test,
            n_pairs: n,
            b: tested.discordant.map(|pairs| pairs.b),
            c: tested.discordant.map(|pairs| pairs.c),
            baseline: self.arm(&self.baseline, up),
            candidate: self.arm(&self.candidate, up),
            difference,
            ratio: None,
            p_value: tested.p_value,
            p_exact: tested.p_exact,
            p_noninferior: tested.p_noninferior(),
            smallest_detectable: smallest(tested, n),
            margin: options.margins.points,
            more_is_better: up,
            ..Comparison::blank(notes)
        }
    }

    fn arm(&self, good: &[f64], up: bool) -> Estimate {
        let values: Vec<f64> = good.iter().map(|value| if up { *value } else { 1.0 - value }).collect();
        if self.is_binary && self.clusters.is_empty() {
            return infer::share(values.iter().filter(|value| **value > 0.5).count() as u64, values.len() as u64);
        }
        let found = if self.clusters.is_empty() {
            infer::mean_of(&values)
        } else {
            infer::clustered_mean(&values, &self.clusters)
        };
        // Rates and scores lie between 0 and 1, whatever t makes of a few of them.
        Estimate { low: found.low.map(|low| low.max(0.0)), high: found.high.map(|high| high.min(1.0)), ..found }
    }
}

/// p of "not worse than the margin" by t; where nothing varies, as for so many pairs that agree.
fn p_not_worse(fit: Option<MeanEstimate>, n: usize, margin: f64) -> f64 {
    match fit {
        Some(fit) if fit.se > 0.0 => fit.p_above(-margin),
        Some(fit) if fit.mean.abs() < 1e-12 => tango::p_not_worse(Discordant { b: 0, c: 0 }, n as u64, margin),
        _ => 1.0,
    }
}

fn bca(differences: &[f64], options: &Options) -> Option<Interval> {
    let n = differences.len();
    let shifted = Sums::new([differences.to_vec(), vec![1.0; n]], |[sum, n]| sum / n);
    let values = bootstrap::replicate(n, &Scheme::Units, &[&shifted], options.seed, 0..options.resamples);
    bootstrap::bca(&values[0], shifted.observed(), bootstrap::acceleration(&shifted.jackknife()), Level::P95)
}

fn smallest(tested: &Tested, n: u64) -> Option<f64> {
    let by_variance = (tested.variance > 0.0).then(|| power::smallest_mean(tested.variance, n, Design::USUAL));
    match tested.discordant.filter(|_| tested.groups.is_none()) {
        Some(_) => power::smallest_pairs(tested.variance, n, Design::USUAL),
        None => by_variance,
    }
}

fn remarks(tested: &Tested, pairs: &Pairs) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(groups) = tested.groups {
        if groups < FEW_CLUSTERS {
            notes.push(format!("few clusters: {groups}"));
        }
        if tested.p_value.is_none() {
            notes.push(format!("no variation between {groups} clusters"));
        }
        if let Some(given) = tested.discordant {
            notes.push(format!("given these clusters, the mid-p would be {:.2e}", given.p_mid()));
        }
    } else if let Some(found) = tested.discordant {
        let total = found.b + found.c;
        if total == 0 {
            notes.push(format!("identical on {} cases", pairs.len()));
        } else if total < 5 {
            notes.push(format!("{total} discordant pairs cannot show a difference, whichever way they go"));
        }
    } else if tested.variance == 0.0 {
        notes.push(format!("no variation in {} differences", pairs.len()));
    }
    notes
}

fn bounds_note(missing: usize, total: usize, low: f64, high: f64) -> String {
    let (low, high) = (100.0 * low.min(high), 100.0 * low.max(high));
    format!(
        "{missing} of {total} cases missing: the difference lies in [{low:+.1}, {high:+.1}] points, whatever they hold"
    )
}
