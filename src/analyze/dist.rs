//! Distributions of what is measured per trial, failures included.

use std::collections::BTreeMap;

use super::Metric;
use super::gaps::Gaps;
use super::infer;
use super::summary::Connections;
use super::summary::Distribution;
use super::summary::Stalls;
use super::summary::SuccessOnly;
use super::times::STALL_MS;
use super::trial::TrialRow;
use crate::domain::Flag;
use crate::stats::Quantile;
use crate::stats::batch;
use crate::stats::quantile;

impl TrialRow {
    /// The trial's value of a metric; `None` where undefined, never 0 in its place. Gaps are no trial's.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        let count = |tokens: Option<u64>| tokens.map(|n| n as f64);
        match metric {
            _ if self.recalled && metric.is_of_time() => None,
            Metric::Queue => self.times.queue,
            Metric::Ttfb => self.times.ttfb,
            Metric::Ttft => self.times.ttft,
            Metric::Ttfa => self.times.ttfa,
            Metric::E2e => self.times.e2e,
            Metric::Service => self.times.service,
            Metric::Tpot => self.per_token_ms(),
            Metric::Itl => None,
            Metric::ItlMax => self.times.itl_max,
            Metric::OutputTps => self.per_token_ms().filter(|ms| *ms > 0.0).map(|ms| 1e3 / ms),
            Metric::E2eTps => {
                let ms = self.times.e2e.filter(|ms| *ms > 0.0)?;
                count(self.turn_tokens.output).map(|n| n * 1e3 / ms)
            }
            Metric::Waiting => self.times.waiting,
            Metric::InputTokens => count(self.tokens.input),
            Metric::CachedTokens => count(self.tokens.cached),
            Metric::ReasoningTokens => count(self.tokens.reasoning),
            Metric::OutputTokens => count(self.tokens.output),
            Metric::CostUsd => self.cost.filter(|_| !self.recalled).map(crate::domain::Usd::as_f64),
        }
    }

    /// Milliseconds per token after the first, over what was streamed.
    ///
    /// Reasoning that was billed but not streamed is taken off: its time lies before the first token. `None` under two
    /// tokens or two events, and where the counts contradict each other.
    pub fn per_token_ms(&self) -> Option<f64> {
        let output = self.turn_tokens.output?;
        let hidden = if self.times.reasoning_streamed { 0 } else { self.turn_tokens.reasoning.unwrap_or(0) };
        let visible = output.checked_sub(hidden).filter(|n| *n >= 2)?;
        Some(self.times.span? / (visible - 1) as f64)
    }

    /// Reasoning was billed but not shown.
    pub fn hides_reasoning(&self) -> bool {
        !self.times.reasoning_streamed && self.tokens.reasoning.is_some_and(|n| n > 0)
    }

    /// How the trial enters the headline percentiles of a latency: its value, infinitely late, or not at all.
    pub fn latency(&self, metric: Metric) -> Option<f64> {
        if self.recalled {
            return None;
        }
        if metric == Metric::Queue {
            return self.value(metric).or(self.is_failed().then_some(f64::INFINITY));
        }
        if self.is_failed() {
            return Some(f64::INFINITY);
        }
        if !self.is_sample() {
            return None;
        }
        let unanswered = metric == Metric::Ttfa && !self.answered && !self.has(Flag::NotStreamed);
        self.value(metric).or(unanswered.then_some(f64::INFINITY))
    }
}

/// Every distribution of a cell's rows; metrics without a value are left out.
pub fn distributions(rows: &[&TrialRow], gaps: &Gaps) -> BTreeMap<Metric, Distribution> {
    let all = Metric::ALL.into_iter().filter_map(|metric| {
        let found = if metric == Metric::Itl { pooled(gaps) } else { of_metric(rows, metric) };
        found.map(|distribution| (metric, distribution))
    });
    all.collect()
}

fn of_metric(rows: &[&TrialRow], metric: Metric) -> Option<Distribution> {
    let values: Vec<f64> = if metric.counts_failures() {
        rows.iter().filter_map(|row| row.latency(metric)).collect()
    } else if metric == Metric::CostUsd {
        rows.iter().filter_map(|row| row.value(metric)).collect()
    } else {
        rows.iter().filter(|row| row.is_sample()).filter_map(|row| row.value(metric)).collect()
    };
    let has_value = values.iter().any(|v| v.is_finite());
    let is_headline = matches!(metric, Metric::Ttft | Metric::E2e);
    (has_value || is_headline && !values.is_empty()).then(|| distribution(values))
}

/// A distribution of `values` in order of time; `+infinity` stands for a failure.
pub fn distribution(values: Vec<f64>) -> Distribution {
    let good: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let n_effective = effective(&good);
    let mut sorted = values;
    quantile::sort(&mut sorted);
    let failed = (sorted.len() - good.len()) as u64;
    let success = (failed > 0).then(|| Box::new(success_only(&sorted[..good.len()])));
    Distribution {
        n: sorted.len() as u64,
        failed,
        mean: infer::mean_of(&good),
        p50: infer::percentile(&sorted, Quantile::P50),
        p90: infer::percentile(&sorted, Quantile::P90),
        p95: infer::percentile(&sorted, Quantile::P95),
        p99: infer::percentile(&sorted, Quantile::P99),
        min: sorted.first().copied().filter(|v| v.is_finite()),
        max: sorted.last().copied(),
        success,
        n_effective,
        kept: 1.0,
    }
}

fn success_only(sorted: &[f64]) -> SuccessOnly {
    SuccessOnly {
        n: sorted.len() as u64,
        p50: infer::percentile(sorted, Quantile::P50),
        p90: infer::percentile(sorted, Quantile::P90),
        p95: infer::percentile(sorted, Quantile::P95),
        p99: infer::percentile(sorted, Quantile::P99),
        max: sorted.last().copied(),
    }
}

/// What n is worth by batch means over about the square root of n windows; `None` when at least half of n.
pub(super) fn effective(in_time: &[f64]) -> Option<f64> {
    let windows = (in_time.len() as f64).sqrt() as usize;
    if windows < 5 {
        return None;
    }
    let chunks: Vec<&[f64]> = in_time.chunks_exact(in_time.len() / windows).collect();
    batch::batch_means(&chunks).filter(batch::BatchMeans::is_dependent).map(|found| found.n_eff)
}

fn pooled(gaps: &Gaps) -> Option<Distribution> {
    let sorted = gaps.sorted();
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    Some(Distribution {
        n: gaps.total(),
        failed: 0,
        mean: gaps.mean(),
        p50: gaps.quantile(&sorted, Quantile::P50),
        p90: gaps.quantile(&sorted, Quantile::P90),
        p95: gaps.quantile(&sorted, Quantile::P95),
        p99: gaps.quantile(&sorted, Quantile::P99),
        min: Some(first),
        max: Some(last),
        success: None,
        n_effective: None,
        kept: gaps.kept_share(),
    })
}

/// TTFT by the state of the connection.
pub fn connections(rows: &[&TrialRow]) -> Connections {
    let ttft = |reused: bool| {
        let mut values: Vec<f64> =
            rows.iter().filter(|r| r.reused == reused && r.is_sample()).filter_map(|r| r.times.ttft).collect();
        quantile::sort(&mut values);
        infer::percentile(&values, Quantile::P50)
    };
    let sent = || rows.iter().filter(|row| row.times.queue.is_some());
    let warm = sent().filter(|row| row.reused).count() as u64;
    Connections {
        cold: sent().count() as u64 - warm,
        warm,
        cold_ttft: ttft(false),
        warm_ttft: ttft(true),
        setup_ms: infer::plain_median(rows.iter().filter_map(|row| row.times.setup).collect()),
    }
}

/// Silences inside streams.
pub fn stalls(rows: &[&TrialRow]) -> Stalls {
    let streamed = || rows.iter().filter(|row| row.times.itl_max.is_some());
    let trials = streamed().filter(|row| row.times.stalls > 0).count() as u64;
    Stalls {
        threshold_ms: STALL_MS,
        count: streamed().map(|row| u64::from(row.times.stalls)).sum(),
        trials,
        share: infer::share(trials, streamed().count() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::domain::Channel;
    use crate::domain::Observation;
    use crate::domain::Outcome;
    use crate::domain::Usage;

    fn rows(observations: Vec<Observation>) -> Vec<TrialRow> {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        for obs in observations {
            fold.push(&fixture::observed(obs));
        }
        fold.finish().rows
    }

    fn of(observations: Vec<Observation>, metric: Metric) -> Distribution {
        let rows = rows(observations);
        of_metric(&rows.iter().collect::<Vec<_>>(), metric).unwrap()
    }

    /// 250 of 256 trials fail: the headline is infinite, not the latency of the six that did not.
    #[test]
    fn failures_do_not_vanish_from_percentiles() {
        let trials = (0..256).map(|i| if i < 6 { fixture::ok(i, 0) } else { fixture::failed(i, 0, Outcome::Timeout) });
        let ttft = of(trials.collect(), Metric::Ttft);
        assert_eq!((ttft.n, ttft.failed), (256, 250));
        assert_eq!(
            (ttft.p50.value, ttft.p95.value, ttft.max),
            (Some(f64::INFINITY), Some(f64::INFINITY), Some(f64::INFINITY))
        );
        assert_eq!(ttft.mean.value, Some(100.0), "of the successes");
        assert_eq!(ttft.success.unwrap().p50.value, Some(100.0));
    }

    #[test]
    fn an_empty_success_is_late_for_ever_not_instant() {
        let mut empty = fixture::ok(0, 0);
        empty.events.clear();
        empty.reply.flags.push(Flag::Empty);
        let ttft = of(vec![empty], Metric::Ttft);
        assert_eq!((ttft.n, ttft.failed, ttft.min), (1, 1, None));
    }

    #[test]
    fn withheld_and_canceled_trials_carry_no_latency() {
        let with = |outcome| {
            let mut obs = fixture::ok(1, 0);
            obs.outcome = outcome;
            obs
        };
        for outcome in [Outcome::Refusal, Outcome::ContentFilter, Outcome::Cancelled, Outcome::InDoubt] {
            let ttft = of(vec![fixture::ok(0, 0), with(outcome)], Metric::Ttft);
            assert_eq!((ttft.n, ttft.failed), (1, 0), "{outcome}");
        }
    }

    /// Four tokens billed of which two were hidden reasoning: the span of 30 ms holds one gap between two visible
    /// tokens, whatever the number of events.
    #[test]
    fn hidden_reasoning_is_no_token_of_the_stream() {
        let mut obs = fixture::ok(0, 0);
        let usage = Usage { output: Some(4), reasoning: Some(2), ..Usage::default() };
        obs.reply.usage = Some(usage.clone());
        assert_eq!(rows(vec![obs.clone()])[0].per_token_ms(), Some(30.0));
        obs.events[0].channel = Channel::Reasoning;
        assert_eq!(rows(vec![obs.clone()])[0].per_token_ms(), Some(10.0), "streamed");
        obs.events[0].channel = Channel::Text;
        obs.reply.usage = Some(Usage { reasoning: Some(9), ..usage });
        assert_eq!(rows(vec![obs])[0].per_token_ms(), None, "more reasoning than output is no count");
    }

    #[test]
    fn rates_follow_their_definitions() {
        let row = &rows(vec![fixture::ok(0, 0)])[0];
        assert_eq!(row.value(Metric::Tpot), Some(10.0));
        assert_eq!(row.value(Metric::OutputTps), Some(100.0));
        assert!((row.value(Metric::E2eTps).unwrap() - 4.0 / 0.13).abs() < 1e-9);
        let mut single = fixture::ok(0, 0);
        single.reply.usage = Some(Usage { output: Some(1), ..Usage::default() });
        assert_eq!(rows(vec![single])[0].value(Metric::Tpot), None);
    }

    /// The limit hit inside the reasoning: there was a first token, but never an answer.
    #[test]
    fn an_answer_that_never_came_is_infinitely_late() {
        let mut obs = fixture::ok(0, 0);
        obs.outcome = Outcome::Length;
        obs.reply.text.clear();
        obs.events.iter_mut().for_each(|event| event.channel = Channel::Reasoning);
        assert_eq!(of(vec![obs.clone()], Metric::Ttft).failed, 0);
        let row = &rows(vec![obs])[0];
        assert_eq!(row.latency(Metric::Ttfa), Some(f64::INFINITY));
    }

    #[test]
    fn drifting_latency_is_worth_fewer_trials() {
        let steady: Vec<f64> = (0..400).map(|i| f64::from(i * 7919 % 101)).collect();
        assert_eq!(distribution(steady).n_effective, None);
        let drifting: Vec<f64> = (0..400).map(|i| f64::from(i) + f64::from(i * 7919 % 101)).collect();
        assert!(distribution(drifting).n_effective.unwrap() < 100.0);
    }
}
