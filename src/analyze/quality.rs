//! Quality of a cell: repeats averaged within their case first, missing cases bounded, never guessed.

use std::collections::BTreeMap;
use std::collections::HashMap;

use super::Estimate;
use super::Method;
use super::grades::Reason;
use super::infer;
use super::judges;
use super::reduce;
use super::run::Run;
use super::summary::Quality;
use super::summary::Score;
use super::trial::TrialRow;
use super::trial::Word;
use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::mean;
use crate::stats::proportion;

/// Tags shown at most.
const MOST_TAGS: usize = 100;

/// Values of cases with the clusters they belong to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CaseValues {
    /// One value per case, 0 to 1.
    pub values: Vec<f64>,
    /// Cluster of each case; empty when no case declares one.
    pub clusters: Vec<u32>,
}

impl CaseValues {
    fn all_binary(&self) -> bool {
        self.values.iter().all(|v| *v <= 0.0 || *v >= 1.0)
    }

    fn passes(&self) -> u64 {
        self.values.iter().sum::<f64>().round() as u64
    }

    fn n(&self) -> u64 {
        self.values.len() as u64
    }

    /// The mean with the interval that its kind asks for: Wilson for pass and fail, cluster-robust for clusters, t else.
    ///
    /// A t interval needs ten cases and variation; short of that passes are bounded by Wilson's interval, a case
    /// counting as one however often it was repeated.
    pub fn estimate(&self, kind: Kind) -> Estimate {
        if self.values.is_empty() {
            return Estimate { needed_n: Some(1), ..Estimate::none(0) };
        }
        let value = mean::mean(&self.values);
        let point = Estimate::point(value, self.n());
        let Some((interval, method)) = self.interval(Level::P95, kind) else {
            return Estimate { method: Method::T, needed_n: (self.n() < 10).then_some(10), ..point };
        };
        Estimate { low: Some(interval.low), high: Some(interval.high), method, ..point }
    }

    fn interval(&self, level: Level, kind: Kind) -> Option<(Interval, Method)> {
        if !self.clusters.is_empty() {
            let found = mean::clustered(&self.values, &self.clusters, mean::Correction::Cr1);
            if let Some(interval) = found.and_then(|m| m.interval(level)) {
                return Some((interval.clip(0.0, 1.0), Method::Cr1));
            }
        }
        if !self.all_binary() && self.n() >= 10 {
            let found = mean::estimate(&self.values).and_then(|m| m.interval(level));
            return found.map(|interval| (interval.clip(0.0, 1.0), Method::T));
        }
        let is_rate = kind == Kind::Rate || self.all_binary();
        is_rate.then(|| (proportion::wilson(self.passes(), self.n(), level), Method::Wilson))
    }

    /// One-sided limits for a gate at 95 %: exact for pass and fail, else the ends of the 90 % interval.
    pub(super) fn gate_limits(&self) -> Option<Interval> {
        if self.values.is_empty() {
            return None;
        }
        let has_repeats = !self.all_binary();
        if self.clusters.is_empty() && !has_repeats {
            let (k, n) = (self.passes(), self.n());
            let low = proportion::exact_lower(k, n, Level::P95);
            return Some(Interval::new(low, proportion::exact_upper(k, n, Level::P95)));
        }
        self.interval(Level::P90, Kind::Rate).map(|(interval, _)| interval)
    }
}

/// What the values of cases are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Shares of passes.
    Rate,
    /// Scores.
    Score,
}

/// A case's repeats, folded.
#[derive(Debug, Clone, Copy, Default)]
struct Repeats {
    decided: u32,
    sum: f64,
    least: f64,
    most: f64,
    /// Bounds of the undecided repeats, for cases that have no decided one.
    low: f64,
    high: f64,
    open: u32,
}

impl Repeats {
    fn add(&mut self, row: &TrialRow) {
        let Some(value) = row.grade.value() else {
            self.open += 1;
            self.low += row.grade.low;
            self.high += row.grade.high;
            return;
        };
        self.least = if self.decided == 0 { value } else { self.least.min(value) };
        self.most = self.most.max(value);
        self.decided += 1;
        self.sum += value;
    }

    fn value(&self) -> Option<f64> {
        (self.decided > 0).then(|| self.sum / f64::from(self.decided))
    }

    /// Lowest and highest value of the case.
    fn bounds(&self) -> (f64, f64) {
        let open = f64::from(self.open.max(1));
        self.value().map_or((self.low / open, self.high / open), |value| (value, value))
    }
}

/// Quality of a cell's rows; `None` when the suite grades nothing.
pub fn quality(run: &Run, rows: &[&TrialRow]) -> Option<Quality> {
    if run.graders.is_empty() {
        return None;
    }
    let rows: Vec<&TrialRow> = rows.iter().copied().filter(|row| !is_canary(run, row)).collect();
    let mut cases: BTreeMap<u32, Repeats> = BTreeMap::new();
    for row in &rows {
        cases.entry(row.case).or_default().add(row);
    }
    let values = |of: &dyn Fn(&Repeats) -> Option<f64>| gather(run, cases.iter().map(|(case, r)| (*case, of(r))));
    let decided = values(&Repeats::value);
    let strict = values(&|r| Some(r.bounds().0));
    let lenient = values(&|r| Some(r.bounds().1));
    let end = |values: &CaseValues| values.interval(Level::P95, Kind::Rate).map(|(interval, _)| interval);
    let because = |reason: Reason| rows.iter().filter(|row| row.grade.reason == reason).count() as u64;
    Some(Quality {
        pass_rate: decided.estimate(Kind::Rate),
        cases: cases.len() as u64,
        decided: decided.n(),
        passed: cases.values().filter(|r| r.decided > 0 && r.least >= 1.0).count() as u64,
        strict: mean::mean(&strict.values),
        lenient: if cases.is_empty() { 1.0 } else { mean::mean(&lenient.values) },
        envelope: (end(&strict).map_or(0.0, |i| i.low), end(&lenient).map_or(1.0, |i| i.high)),
        scores: scores(run, &rows),
        ungradable: rows.iter().filter(|row| row.verdicts.iter().any(|v| v.word == Word::Ungradable)).count() as u64,
        infra: because(Reason::Infra),
        length: because(Reason::Length),
        refused: because(Reason::Refused),
        flaky: cases.values().filter(|r| r.decided > 1 && r.least < r.most).count() as u64,
        by_tag: by_tag(run, &cases),
        reduced: run.reducers.iter().map(|reducer| reduce::reduce(run, &rows, *reducer)).collect(),
    })
}

/// Limits on which a pass-rate gate decides: from all missing wrong to all missing right, one-sided 95 % at each end.
pub fn gate_envelope(run: &Run, rows: &[&TrialRow]) -> Option<Interval> {
    let mut cases: BTreeMap<u32, Repeats> = BTreeMap::new();
    for row in rows.iter().filter(|row| !is_canary(run, row)) {
        cases.entry(row.case).or_default().add(row);
    }
    let strict = gather(run, cases.iter().map(|(case, r)| (*case, Some(r.bounds().0)))).gate_limits()?;
    let lenient = gather(run, cases.iter().map(|(case, r)| (*case, Some(r.bounds().1)))).gate_limits()?;
    Some(Interval::new(strict.low, lenient.high))
}

/// Values of the decided cases, canaries left out.
pub(crate) fn decided_values(run: &Run, rows: &[&TrialRow]) -> Vec<f64> {
    let mut cases: BTreeMap<u32, Repeats> = BTreeMap::new();
    for row in rows.iter().filter(|row| !is_canary(run, row)) {
        cases.entry(row.case).or_default().add(row);
    }
    cases.values().filter_map(Repeats::value).collect()
}

/// One-sided limits on which a gate on a grader's score decides.
pub fn score_limits(run: &Run, rows: &[&TrialRow], grader: usize) -> Option<Interval> {
    score_values(run, rows, grader).gate_limits()
}

pub(crate) fn is_canary(run: &Run, row: &TrialRow) -> bool {
    run.cases.get(row.case as usize).is_some_and(|case| case.canary)
}

/// Values of cases in case order; clusters are numbered by first appearance, a case without one is its own.
pub(super) fn gather(run: &Run, cases: impl Iterator<Item = (u32, Option<f64>)>) -> CaseValues {
    let cluster = |case: u32| run.cases.get(case as usize).and_then(|info| info.cluster.as_ref());
    let known: Vec<(u32, f64)> = cases.filter_map(|(case, value)| Some((case, value?))).collect();
    let mut found = CaseValues { values: known.iter().map(|(_, value)| *value).collect(), clusters: Vec::new() };
    if known.iter().any(|(case, _)| cluster(*case).is_some()) {
        let mut numbers = HashMap::new();
        let mut number = |case| {
            let next = numbers.len() as u32;
            *numbers.entry(cluster(case).ok_or(case)).or_insert(next)
        };
        found.clusters = known.iter().map(|(case, _)| number(*case)).collect();
    }
    found
}

fn score_values(run: &Run, rows: &[&TrialRow], grader: usize) -> CaseValues {
    let mut cases: BTreeMap<u32, (f64, u32)> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.outcome.is_infra()) {
        let judged = row.verdicts.iter().find(|v| usize::from(v.grader) == grader);
        if let Some(judged) = judged.filter(|v| v.word != Word::Ungradable) {
            let (sum, n) = cases.entry(row.case).or_default();
            *sum += judged.value;
            *n += 1;
        }
    }
    gather(run, cases.into_iter().map(|(case, (sum, n))| (case, Some(sum / f64::from(n)))))
}

fn scores(run: &Run, rows: &[&TrialRow]) -> Vec<Score> {
    let score = |(at, grader): (usize, &super::run::GraderInfo)| {
        let words = rows.iter().flat_map(|row| row.verdicts.iter()).filter(|v| usize::from(v.grader) == at);
        let mut counts = [0; 4];
        words.for_each(|v| counts[v.word as usize] += 1);
        let values = score_values(run, rows, at);
        let corrected = judges::corrected(&values.values, &run.labelled, &grader.id);
        let own = rows.iter().flat_map(|row| row.verdicts.iter()).filter(|v| usize::from(v.grader) == at);
        let alpha = if grader.judges.len() > 1 { judges::alpha_of(own.map(|v| &*v.why)) } else { None };
        let (mean, is_judge) = (values.estimate(Kind::Score), !grader.judges.is_empty());
        Score { grader: grader.id.clone(), mean, counts, is_judge, corrected, alpha }
    };
    run.graders.iter().enumerate().map(score).filter(|s| s.counts.iter().sum::<u64>() > 0).collect()
}

fn by_tag(run: &Run, cases: &BTreeMap<u32, Repeats>) -> Vec<(String, Estimate)> {
    let mut tagged: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (case, repeats) in cases {
        let tags = run.cases.get(*case as usize).map(|info| info.tags.as_slice()).unwrap_or_default();
        if let Some(value) = repeats.value() {
            for tag in tags {
                tagged.entry(tag.as_str()).or_default().push(value);
            }
        }
    }
    let kept = tagged.into_iter().filter(|(_, values)| values.len() >= 2).take(MOST_TAGS);
    kept.map(|(tag, values)| (tag.to_owned(), CaseValues { values, clusters: Vec::new() }.estimate(Kind::Rate)))
        .collect()
}

/// Share of trials that pass every grader and keep every limit; `None` without either.
///
/// Failed, shed and empty trials are not met; those that we stopped or know nothing of are left out.
pub fn goodput(run: &Run, rows: &[&TrialRow], limits: &[super::slo::Limit]) -> Option<Estimate> {
    if run.graders.is_empty() && limits.is_empty() {
        return None;
    }
    let (good, n) = good_trials(run, rows, limits);
    Some(infer::share(good, n))
}

/// Good trials and trials due.
pub fn good_trials(run: &Run, rows: &[&TrialRow], limits: &[super::slo::Limit]) -> (u64, u64) {
    let due = || rows.iter().filter(|row| !row.outcome.is_excluded());
    let passes = |row: &TrialRow| run.graders.is_empty() || row.grade.pass == Some(true);
    let is_good = |row: &TrialRow| !row.is_failed() && passes(row) && limits.iter().all(|limit| limit.is_kept(row));
    (due().filter(|row| is_good(row)).count() as u64, due().count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::domain::Flag;
    use crate::domain::Outcome;
    use crate::domain::Verdict;

    #[track_caller]
    fn near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
    }

    fn quality_of(run: &Run, fold: Fold<'_>) -> Quality {
        let trials = fold.finish();
        quality(run, &trials.rows.iter().collect::<Vec<_>>()).unwrap()
    }

    /// 200 cases: 150 pass, 30 fail, 5 out of tokens, 3 refused, 8 ungradable, 4 lost. Headline 150/188 with Wilson
    /// limits, worst-case bounds .75 to .81, envelope as computed by hand.
    #[test]
    fn missing_cases_are_bounded_not_guessed() {
        let run = fixture::run(200);
        let mut fold = Fold::new(&run);
        for i in 0..200u32 {
            let mut obs = fixture::ok(u64::from(i), i);
            let verdict = match i {
                0..150 => Some(Verdict::decide(true, "")),
                150..180 => Some(Verdict::decide(false, "")),
                188..196 => Some(Verdict::ungradable("")),
                _ => None,
            };
            match i {
                180..185 => {
                    obs.outcome = Outcome::Length;
                    obs.reply.text.clear();
                }
                185..188 => obs.outcome = Outcome::Refusal,
                196.. => obs = fixture::failed(u64::from(i), i, Outcome::Timeout),
                _ => {}
            }
            fold.push(&fixture::observed(obs));
            if let Some(v) = verdict {
                fold.push(&fixture::graded(u64::from(i), v));
            }
        }
        let q = quality_of(&run, fold);
        near(q.pass_rate.value.unwrap(), 150.0 / 188.0);
        near(q.pass_rate.low.unwrap(), 0.734_768_312_7);
        near(q.pass_rate.high.unwrap(), 0.849_047_097_7);
        assert_eq!((q.cases, q.decided, q.passed), (200, 188, 150));
        assert_eq!((q.ungradable, q.infra, q.length, q.refused), (8, 4, 5, 3));
        near(q.strict, 0.75);
        near(q.lenient, 0.81);
        near(q.envelope.0, 0.685_659_016_9);
        near(q.envelope.1, 0.858_328_284_7);
    }

    /// Twelve cases in five repeats each: the unit is the case, so n is 12, not 60.
    #[test]
    fn repeats_are_no_cases() {
        let run = fixture::run(12);
        let mut fold = Fold::new(&run);
        for i in 0..60u64 {
            let mut obs = fixture::ok(i, (i % 12) as u32);
            obs.attempt.repeat = (i / 12) as u32;
            fold.push(&fixture::observed(obs));
            fold.push(&fixture::graded(i, Verdict::decide(i % 12 < 6 || i < 12, "")));
        }
        let q = quality_of(&run, fold);
        assert_eq!((q.pass_rate.n, q.pass_rate.method, q.flaky), (12, Method::T, 6));
        near(q.pass_rate.value.unwrap(), (6.0 + 6.0 * 0.2) / 12.0);
    }

    #[test]
    fn clusters_widen_the_interval() {
        let mut run = fixture::run(40);
        let fold = |run: &Run| {
            let mut fold = Fold::new(run);
            for i in 0..40u32 {
                fold.push(&fixture::observed(fixture::ok(u64::from(i), i)));
                fold.push(&fixture::graded(u64::from(i), Verdict::decide(i / 10 % 2 == 0, "")));
            }
            fold.finish()
        };
        let alone = quality(&run, &fold(&run).rows.iter().collect::<Vec<_>>()).unwrap().pass_rate;
        for (i, case) in run.cases.iter_mut().enumerate() {
            case.cluster = Some(format!("c{}", i / 10).into());
        }
        let clustered = quality(&run, &fold(&run).rows.iter().collect::<Vec<_>>()).unwrap().pass_rate;
        assert_eq!((alone.method, clustered.method), (Method::Wilson, Method::Cr1));
        assert!(clustered.high.unwrap() - clustered.low.unwrap() > alone.high.unwrap() - alone.low.unwrap());
    }

    #[test]
    fn goodput_counts_what_was_due() {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        for i in 0..5u64 {
            let mut obs = fixture::ok(i, 0);
            match i {
                1 => obs.outcome = Outcome::Shed,
                2 => obs.outcome = Outcome::Cancelled,
                3 => obs.reply.flags.push(Flag::Empty),
                _ => {}
            }
            fold.push(&fixture::observed(obs));
            fold.push(&fixture::graded(i, Verdict::decide(i != 4, "")));
        }
        let trials = fold.finish();
        assert_eq!(good_trials(&run, &trials.rows.iter().collect::<Vec<_>>(), &[]), (1, 4));
    }
}
