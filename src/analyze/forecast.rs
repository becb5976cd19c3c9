//! What a plan will show and cost, before it is run: from an earlier run or a pilot where there is one, else from
//! stated assumptions. Every figure says what it rests on.
//!
//! Formulas: Miller 2024, arXiv 2411.00640, section 5 (power, variance of repeats); Connor 1987, Biometrics 43:207
//! (paired proportions). A forecast of what is yet to be drawn has an interval for both: the error of the mean that it
//! rests on, and the scatter of the draws to come.

use std::collections::BTreeMap;

use super::Estimate;
use super::Method;
use super::Metric;
use super::run::Run;
use super::trial::TrialRow;
use super::trial::Trials;
use crate::domain::Price;
use crate::domain::Usage;
use crate::stats::Level;
use crate::stats::mean;
use crate::stats::mean::Correction;
use crate::stats::mean::VarianceSplit;
use crate::stats::paired;
use crate::stats::power;
use crate::stats::power::Design;
use crate::stats::power::PairedVariance;
use crate::stats::proportion;
use crate::stats::student;

/// Share of pairs that disagree, where nothing is known.
pub const ASSUMED_DISCORDANCE: f64 = 0.2;
/// Standard deviation of a pair's log ratio of latencies, where nothing is known.
pub const ASSUMED_LOG_SD: f64 = 0.35;

/// What is to be run in a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Target, mode, prompt and load.
    pub names: [String; 4],
    /// Trials, warm-up included.
    pub trials: u64,
    /// Cases.
    pub cases: u64,
    /// Repeats of each case.
    pub repeats: u32,
    /// Requests that follow one another in the longest stream; 0 where the load prescribes the time.
    pub in_sequence: u64,
    /// Seconds that the load prescribes.
    pub prescribed_s: f64,
    /// The price in force.
    pub price: Option<Price>,
}

/// Cost and time of a cell, forecast from measured trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Dollars, judges included; no value where a price or counts are unknown.
    pub cost_usd: Estimate,
    /// Seconds.
    pub time_s: Estimate,
    /// Pass rate as measured.
    pub pass_rate: Estimate,
    /// Where the error of the pass rate comes from; `None` without repeats.
    pub split: Option<VarianceSplit>,
    /// Mean variance between judgements of the same answer; `None` where no answer was judged twice.
    pub judge_variance: Option<f64>,
    /// The measured trials had another load.
    pub other_load: bool,
}

/// Forecast of a cell from the trials of the same target, mode and prompt in an earlier run; `None` without any.
pub fn outlook(run: &Run, trials: &Trials, planned: &Planned) -> Option<Outlook> {
    let (rows, other_load) = rows_like(run, trials, planned)?;
    let costs: Option<Vec<f64>> = rows.iter().map(|row| cost(row, planned.price.as_ref())).collect();
    let cost_usd = costs.map_or(Estimate::none(0), |costs| total(&costs, planned.trials));
    let seconds: Vec<f64> = rows.iter().filter_map(|row| row.ended.ms_since(row.began)).map(|ms| ms / 1e3).collect();
    let closed = total(&seconds, planned.in_sequence);
    let shifted = |end: Option<f64>| end.map(|end| end + planned.prescribed_s);
    let time_s = if planned.in_sequence == 0 {
        Estimate { method: Method::Exact, ..Estimate::point(planned.prescribed_s, rows.len() as u64) }
    } else {
        Estimate { value: shifted(closed.value), low: shifted(closed.low), high: shifted(closed.high), ..closed }
    };
    let cases = by_case(&rows);
    let values: Vec<Vec<f64>> = cases.values().cloned().collect();
    let means: Vec<f64> = values.iter().map(|case| mean::mean(case)).collect();
    Some(Outlook {
        cost_usd,
        time_s,
        pass_rate: super::infer::mean_of(&means),
        split: mean::split_variance(&values),
        judge_variance: judge_variance(run, &rows),
        other_load,
    })
}

/// Measured trials of the same cell, or of the same arm under another load.
fn rows_like<'t>(run: &Run, trials: &'t Trials, planned: &Planned) -> Option<(Vec<&'t TrialRow>, bool)> {
    let [target, mode, prompt, load] = &planned.names;
    let arm: Vec<usize> = (0..run.cells.len())
        .filter(|&at| {
            let cell = &run.cells[at];
            cell.target.as_str() == target && cell.mode.as_str() == mode && cell.prompt.as_str() == prompt
        })
        .collect();
    let same: Vec<usize> = arm.iter().copied().filter(|&at| run.cells[at].load.as_str() == load).collect();
    let rows_of = |cells: &[usize]| -> Vec<&TrialRow> {
        let wanted = |row: &&TrialRow| row.is_measured() && cells.contains(&(row.cell.0 as usize));
        trials.rows.iter().filter(wanted).filter(|row| !row.outcome.is_excluded()).collect()
    };
    let rows = rows_of(&same);
    if !rows.is_empty() {
        return Some((rows, false));
    }
    let rows = rows_of(&arm);
    (!rows.is_empty()).then_some((rows, true))
}

/// Dollars of a trial at `price`, judges included; as it was booked where its tokens are not known.
fn cost(row: &TrialRow, price: Option<&Price>) -> Option<f64> {
    let tokens = &row.tokens;
    let usage = Usage {
        input: tokens.input,
        cached: tokens.cached,
        cache_write: tokens.cache_write,
        output: tokens.output,
        reasoning: tokens.reasoning,
        ..Usage::default()
    };
    let own = price.and_then(|price| price.of(&usage)).or(row.cost)?;
    Some((own + row.judge_cost).as_f64())
}

/// Sum of `n` further draws like `values`, with the 95 % interval of such a sum.
fn total(values: &[f64], n: u64) -> Estimate {
    let seen = values.len() as f64;
    if values.is_empty() {
        return Estimate::none(0);
    }
    let value = mean::mean(values) * n as f64;
    if values.len() < 2 || n == 0 {
        return Estimate { needed_n: Some(2), ..Estimate::point(value, seen as u64) };
    }
    let scatter = mean::variance(values) * (1.0 / seen + 1.0 / n as f64);
    let half = student::critical(Level::P95.tail(), seen - 1.0) * scatter.sqrt() * n as f64;
    Estimate::new(value, (value - half).max(0.0), value + half, Method::T, seen as u64)
}

/// Sum of forecasts that err independently: half widths add as squares.
pub fn sum(parts: &[Estimate]) -> Estimate {
    let Some(value) = parts.iter().map(|part| part.value).sum::<Option<f64>>() else { return Estimate::none(0) };
    let n = parts.iter().map(|part| part.n).min().unwrap_or(0);
    let square = |end: fn(&Estimate) -> Option<f64>| {
        let gap = |part: &Estimate| Some((end(part)? - part.value?).powi(2));
        let certain = |part: &Estimate| if part.method == Method::Exact { Some(0.0) } else { gap(part) };
        parts.iter().map(certain).sum::<Option<f64>>()
    };
    match (square(|part| part.low), square(|part| part.high)) {
        (Some(low), Some(high)) => {
            Estimate::new(value, (value - low.sqrt()).max(0.0), value + high.sqrt(), Method::T, n)
        }
        _ => Estimate::point(value, n),
    }
}

/// Values of decided trials, case by case.
fn by_case(rows: &[&TrialRow]) -> BTreeMap<u32, Vec<f64>> {
    let mut cases: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for row in rows {
        if let Some(value) = row.grade.value() {
            cases.entry(row.case).or_default().push(value);
        }
    }
    cases
}

/// Mean variance between judges of one answer, where two or more judged it.
fn judge_variance(run: &Run, rows: &[&TrialRow]) -> Option<f64> {
    let is_judge = |at: u16| run.graders.get(usize::from(at)).is_some_and(|grader| grader.kind == "judge");
    let of_row = |row: &&TrialRow| {
        let judged = row.verdicts.iter().filter(|v| is_judge(v.grader) && v.word != super::trial::Word::Ungradable);
        let values: Vec<f64> = judged.map(|v| v.value).collect();
        (values.len() >= 2).then(|| mean::variance(&values))
    };
    let found: Vec<f64> = rows.iter().filter_map(of_row).collect();
    (!found.is_empty()).then(|| mean::mean(&found))
}

/// What a comparison of two arms will be able to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Power {
    /// Cases in each arm.
    pub cases: u64,
    /// Repeats of each.
    pub repeats: u32,
    /// Share of pairs of single trials that disagree, with its interval where it was measured.
    pub discordance: Estimate,
    /// Variances of a pair, where repeats were measured.
    pub variance: Option<PairedVariance>,
    /// Smallest difference in pass rate that is found with 80 % power; `None` where none can be.
    pub smallest: Option<f64>,
    /// The same at both ends of the discordance's interval.
    pub smallest_range: (Option<f64>, Option<f64>),
    /// Standard deviation of the log ratio of a pair's latencies.
    pub log_sd: f64,
    /// The latency's name, and whether its scatter was measured.
    pub latency: (Metric, bool),
    /// Smallest change of the typical latency that is found with 80 % power, as a share.
    pub smallest_latency: f64,
    /// Factor on variances for cases that share clusters; 1 where they do not.
    pub design_effect: f64,
}

/// Power of a comparison of `cases` cases; `measured` holds the earlier run and the cells that stand for the arms.
pub fn power(cases: u64, repeats: u32, measured: Option<(&Run, &Trials, (&Planned, &Planned))>) -> Power {
    let pairs = measured.and_then(|(run, trials, (base, cand))| Pairs::of(run, trials, base, cand));
    let discordance = pairs.as_ref().map_or_else(assumed, Pairs::discordance);
    let variance = pairs.as_ref().and_then(Pairs::variance);
    let design_effect = pairs.as_ref().map_or(1.0, Pairs::design_effect);
    let sd = pairs.as_ref().and_then(Pairs::log_sd);
    let log_sd = sd.unwrap_or(ASSUMED_LOG_SD);
    let by_pairs = |psi: f64| power::smallest_pairs(psi, (cases as f64 / design_effect) as u64, Design::USUAL);
    let smallest = match &variance {
        Some(split) if repeats > 1 => {
            let per_unit = split.per_unit(repeats, repeats) * design_effect;
            Some(power::smallest_mean(per_unit, cases, Design::USUAL)).filter(|delta| delta.is_finite())
        }
        _ => discordance.value.and_then(by_pairs),
    };
    Power {
        cases,
        repeats,
        smallest,
        smallest_range: (discordance.low.and_then(by_pairs), discordance.high.and_then(by_pairs)),
        discordance,
        variance,
        log_sd,
        latency: (Metric::E2e, sd.is_some()),
        smallest_latency: power::smallest_mean(log_sd * log_sd, cases, Design::USUAL).exp_m1(),
        design_effect,
    }
}

fn assumed() -> Estimate {
    Estimate { method: Method::None, ..Estimate::point(ASSUMED_DISCORDANCE, 0) }
}

/// What a given difference takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needed {
    /// Cases, with the plan's repeats.
    pub cases: Option<u64>,
    /// Repeats, with the plan's cases; `None` where no number of repeats is enough, or where repeats were not measured.
    pub repeats: Option<u64>,
}

impl Power {
    /// What it takes to find a difference of `delta` with 80 % power.
    pub fn needed(&self, delta: f64) -> Needed {
        let inflate = |n: u64| (n as f64 * self.design_effect).ceil() as u64;
        let Some(split) = &self.variance else {
            let psi = self.discordance.value.unwrap_or(ASSUMED_DISCORDANCE).max(delta.abs());
            let cases = power::n_for_pairs(psi, delta, Design::USUAL).map(inflate);
            return Needed { cases, repeats: None };
        };
        let one = split.per_unit(self.repeats, self.repeats) * self.design_effect;
        let budget = self.cases as f64 * (delta / power::smallest_mean(1.0, 1, Design::USUAL)).powi(2);
        let left = budget / self.design_effect - split.between;
        let repeats = (left > 0.0).then(|| ((split.within_a + split.within_b) / left).ceil().max(1.0) as u64);
        Needed { cases: Some(power::n_for_mean(one, delta, Design::USUAL)), repeats }
    }
}

/// Cases that both arms of an earlier run saw.
struct Pairs {
    baseline: Vec<Vec<f64>>,
    candidate: Vec<Vec<f64>>,
    clusters: Vec<u32>,
    log_ratios: Vec<f64>,
}

impl Pairs {
    fn of(run: &Run, trials: &Trials, base: &Planned, cand: &Planned) -> Option<Self> {
        let (base, cand) = (rows_like(run, trials, base)?.0, rows_like(run, trials, cand)?.0);
        let (base_cases, cand_cases) = (by_case(&base), by_case(&cand));
        let mut found = Self {
            baseline: Vec::new(),
            candidate: Vec::new(),
            clusters: Vec::new(),
            log_ratios: log_ratios(&base, &cand),
        };
        let mut numbers = BTreeMap::new();
        for (case, values) in base_cases {
            let Some(others) = cand_cases.get(&case) else { continue };
            found.baseline.push(values);
            found.candidate.push(others.clone());
            let cluster = run.cases.get(case as usize).and_then(|info| info.cluster.clone());
            let next = numbers.len() as u32;
            found.clusters.push(*numbers.entry(cluster.ok_or(case)).or_insert(next));
        }
        (found.baseline.len() >= 2).then_some(found)
    }

    /// Share of pairs of single trials that disagree: over all pairs of repeats of a case.
    fn discordance(&self) -> Estimate {
        let disagree = |(a, b): (&Vec<f64>, &Vec<f64>)| {
            let (a, b) = (mean::mean(a), mean::mean(b));
            a * (1.0 - b) + b * (1.0 - a)
        };
        let shares: Vec<f64> = self.baseline.iter().zip(&self.candidate).map(disagree).collect();
        let n = shares.len() as u64;
        let interval = proportion::wilson(shares.iter().sum::<f64>().round() as u64, n, Level::P95);
        // So few pairs may all agree by chance: half a disagreement more is taken in.
        let value = (shares.iter().sum::<f64>() + 0.5) / (n as f64 + 1.0);
        Estimate::new(value, interval.low.min(value), interval.high.max(value), Method::Wilson, n)
    }

    /// Variances between and within cases; `None` unless cases were repeated in both arms.
    fn variance(&self) -> Option<PairedVariance> {
        let within = |arm: &[Vec<f64>]| {
            let repeated: Vec<f64> =
                arm.iter().filter(|case| case.len() >= 2).map(|case| mean::variance(case)).collect();
            (!repeated.is_empty()).then(|| mean::mean(&repeated))
        };
        let (within_a, within_b) = (within(&self.baseline)?, within(&self.candidate)?);
        let noise = |arm: &[Vec<f64>], within: f64| {
            within * arm.iter().map(|case| 1.0 / case.len() as f64).sum::<f64>() / arm.len() as f64
        };
        let total = mean::variance(&self.differences());
        let between = total - noise(&self.baseline, within_a) - noise(&self.candidate, within_b);
        Some(PairedVariance { between: between.max(0.0), within_a, within_b })
    }

    fn differences(&self) -> Vec<f64> {
        self.baseline.iter().zip(&self.candidate).map(|(a, b)| mean::mean(b) - mean::mean(a)).collect()
    }

    fn design_effect(&self) -> f64 {
        let d = self.differences();
        let (Some(plain), Some(clustered)) = (mean::estimate(&d), mean::clustered(&d, &self.clusters, Correction::Cr1))
        else {
            return 1.0;
        };
        let shared = self.clusters.iter().collect::<std::collections::BTreeSet<_>>().len() < self.clusters.len();
        if shared && plain.se > 0.0 { (clustered.se / plain.se).powi(2).max(1.0) } else { 1.0 }
    }

    fn log_sd(&self) -> Option<f64> {
        (self.log_ratios.len() >= 2).then(|| mean::variance(&self.log_ratios).sqrt()).filter(|sd| *sd > 0.0)
    }
}

/// Log ratios of the cases' mean times to the end.
fn log_ratios(base: &[&TrialRow], cand: &[&TrialRow]) -> Vec<f64> {
    let times = |rows: &[&TrialRow]| {
        let mut cases: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.is_sample()) {
            cases.entry(row.case).or_default().extend(row.value(Metric::E2e));
        }
        cases.retain(|_, times| !times.is_empty());
        cases
    };
    let (base, cand) = (times(base), times(cand));
    let shared = base.iter().filter_map(|(case, times)| Some((mean::mean(cand.get(case)?), mean::mean(times))));
    let (a, b): (Vec<f64>, Vec<f64>) = shared.unzip();
    paired::log_ratios(&a, &b).unwrap_or_default()
}

/// Where the next trials buy most: by how much the standard error of a cell falls when `more` trials are spent on new
/// cases, and when they are spent on further repeats of the same ones.
pub fn next_trials(split: &VarianceSplit, cases: u64, repeats: u32, more: u64) -> (f64, f64) {
    let (n, k) = (cases as f64, f64::from(repeats.max(1)));
    let square = |n: f64, k: f64| (split.between + split.within / k) / n;
    let now = square(n, k);
    let fall = |then: f64| if now > 0.0 { 1.0 - (then / now).sqrt() } else { 0.0 };
    (fall(square(n + more as f64 / k, k)), fall(square(n, k + more as f64 / n)))
}

#[cfg(test)]
mod tests;
