//! The room as a whole: small runs computed by hand, objectives from published tables, properties of any run.

use proptest::prelude::Strategy;
use proptest::prelude::any;
use proptest::prelude::prop;
use proptest::proptest;

use super::Fold;
use super::Metric;
use super::Run;
use super::Summary;
use super::fixture;
use super::slo_expr::parse_slo;
use super::summarize;
use super::summary::SloResult;
use super::summary::SloVerdict;
use crate::domain::CellId;
use crate::domain::Channel;
use crate::domain::Event;
use crate::domain::Health;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::RunStatus;
use crate::domain::Verdict;

fn summary_of(run: &Run, events: &[Event]) -> Summary {
    let mut fold = Fold::new(run);
    for event in events {
        fold.push(event);
    }
    summarize(run, &fold.finish())
}

fn complete(run: &Run, observations: impl IntoIterator<Item = Observation>) -> Summary {
    let events = observations.into_iter().map(fixture::observed).chain([Event::Ended(RunStatus::Complete)]);
    summary_of(run, &events.collect::<Vec<_>>())
}

#[track_caller]
fn near(actual: Option<f64>, expected: f64) {
    assert!((actual.unwrap() - expected).abs() < 1e-9, "{actual:?} is not {expected}");
}

/// Four trials one after another, due every 200 ms, first token after 100, 110, 120 and 130 ms, three gaps of 10 ms
/// each; the third fails. All figures follow from the contract's definitions on paper.
#[test]
fn a_small_run_is_as_computed_by_hand() {
    let run = fixture::run(4);
    let mut events = Vec::new();
    for i in 0..4u32 {
        let mut obs = fixture::at(u64::from(i), i, u64::from(i) * 200, 100 + 10 * u64::from(i));
        if i == 2 {
            obs.outcome = Outcome::Truncated;
        }
        events.push(fixture::observed(obs));
        events.push(fixture::graded(u64::from(i), Verdict::decide(i != 1, "")));
    }
    events.push(Event::Ended(RunStatus::Complete));
    let summary = summary_of(&run, &events);
    let cell = &summary.cells[0];
    assert_eq!((cell.n, cell.outcomes[&Outcome::Ok], cell.outcomes[&Outcome::Truncated]), (4, 3, 1));
    let ttft = &cell.metrics[&Metric::Ttft];
    assert_eq!((ttft.n, ttft.failed, ttft.min, ttft.max), (4, 1, Some(100.0), Some(f64::INFINITY)));
    near(ttft.mean.value, (100.0 + 110.0 + 130.0) / 3.0);
    assert_eq!(ttft.p50.needed_n, Some(6), "too few for a percentile with an interval");
    near(cell.metrics[&Metric::E2e].mean.value, (130.0 + 140.0 + 160.0) / 3.0);
    near(cell.metrics[&Metric::Tpot].mean.value, 10.0);
    assert_eq!(cell.metrics[&Metric::Itl].n, 9, "gaps of finished trials");
    near(cell.error_rate.value, 0.25);
    let quality = cell.quality.as_ref().unwrap();
    near(quality.pass_rate.value, 2.0 / 3.0);
    near(Some(quality.strict), 0.5);
    near(Some(quality.lenient), 0.75);
    near(cell.goodput.unwrap().value, 0.5);
    near(Some(cell.cost.total.usd), 0.004);
    near(cell.cost.per_pass.unwrap().value, 0.002);
    near(Some(cell.window_s), 0.135 + 0.145 + 0.155 + 0.165);
    near(cell.throughput_rps.value, 3.0 / 0.6);
    near(cell.throughput_tps.value, 12.0 / 0.6);
    assert_eq!(summary.failures.len(), 1);
    assert_eq!((summary.exit.code, summary.run.trials), (0, 4));
}

#[test]
fn warm_ups_are_in_no_figure_but_the_cost() {
    let run = fixture::run(2);
    let mut warmup = fixture::at(0, 0, 0, 9000);
    warmup.attempt.phase = Phase::Warmup;
    let summary = complete(&run, [warmup, fixture::ok(1, 1)]);
    assert_eq!((summary.run.trials, summary.run.warmups, summary.cells[0].n), (1, 1, 1));
    assert_eq!(summary.cells[0].metrics[&Metric::Ttft].max, Some(100.0));
    near(Some(summary.run.cost.usd), 0.002);
    near(Some(summary.cells[0].cost.total.usd), 0.001);
}

/// `over` of `n` trials have a TTFT above one second.
fn held(slo: &str, over: u64, n: u64) -> SloResult {
    let mut run = fixture::run(1);
    run.graders.clear();
    run.slos = vec![parse_slo(slo).unwrap()];
    let mut summary = complete(&run, (0..n).map(|i| fixture::at(i, 0, i * 10, if i < over { 2000 } else { 500 })));
    summary.slos.remove(0)
}

/// Counts from the early-stopping table: t over the limit are certified by n and by no fewer.
#[test]
fn percentile_objectives_follow_the_early_stopping_table() {
    let rows = [("p90", 0, 29), ("p90", 5, 103), ("p95", 0, 59), ("p95", 1, 93), ("p95", 10, 336), ("p99", 0, 299)];
    for (percentile, over, n) in rows {
        let slo = format!("{percentile}(ttft) <= 1s");
        assert_eq!(held(&slo, over, n).verdict, SloVerdict::Met, "{slo} {over}/{n}");
        let fewer = held(&slo, over, n - 1);
        assert_eq!((fewer.verdict, fewer.needed_n), (SloVerdict::Inconclusive, Some(n)), "{slo} {over}/{}", n - 1);
    }
    let missed = [("p99", 7, 300), ("p99", 16, 1000), ("p95", 34, 500), ("p95", 63, 1000)];
    for (percentile, over, n) in missed {
        let slo = format!("{percentile}(ttft) <= 1s");
        assert_eq!(held(&slo, over, n).verdict, SloVerdict::Missed, "{slo} {over}/{n}");
        assert_eq!(held(&slo, over - 1, n).verdict, SloVerdict::Inconclusive, "{slo} {}/{n}", over - 1);
    }
}

#[test]
fn a_verdict_says_when_its_trials_come_together() {
    let together = held("p90(ttft) <= 1s", 5, 103);
    assert_eq!(together.verdict, SloVerdict::Met);
    assert!(together.why.contains("come together") && together.why.contains("would not certify"), "{}", together.why);
    assert!(!held("p90(ttft) <= 1s", 0, 103).why.contains("come together"));
}

#[test]
fn means_extremes_and_shares_are_held_too() {
    assert_eq!(held("mean(ttft) <= 600ms", 0, 20).verdict, SloVerdict::Met);
    assert_eq!(held("mean(ttft) <= 400ms", 2, 20).verdict, SloVerdict::Missed);
    assert_eq!(held("max(ttft) <= 1s", 1, 20).verdict, SloVerdict::Missed);
    assert_eq!(held("min(ttft) >= 100ms", 0, 20).verdict, SloVerdict::Met);
    assert_eq!(held("p5(output_tps) >= 50", 0, 100).verdict, SloVerdict::Met);
    assert_eq!(held("p50(itl) <= 20ms", 0, 20).verdict, SloVerdict::Met);
    assert_eq!(held("p50(itl) <= 5ms", 0, 20).verdict, SloVerdict::Missed);
    assert_eq!(held("error_rate <= 1%", 0, 299).verdict, SloVerdict::Met);
    assert_eq!(held("error_rate <= 1%", 0, 298).needed_n, Some(299));
    assert_eq!(held("error_rate <= 0%", 0, 5).verdict, SloVerdict::Met);
    assert_eq!(held("cost_per_case <= 0.002 usd", 0, 20).verdict, SloVerdict::Met);
    assert_eq!(held("cost_per_case <= 0.0001 usd", 0, 20).verdict, SloVerdict::Missed);
    assert_eq!(held("throughput_rps >= 1", 0, 200).verdict, SloVerdict::Met);
    assert_eq!(held("p95(reasoning_tokens) <= 100", 0, 20).verdict, SloVerdict::Inconclusive);
}

/// The limit of a percentile objective is what makes a single trial good or bad.
#[test]
fn goodput_counts_trials_within_their_limits() {
    let mut run = fixture::run(1);
    run.graders.clear();
    run.slos = ["p95(ttft) <= 1s", "goodput >= 50%"].map(|s| parse_slo(s).unwrap()).to_vec();
    let summary = complete(&run, (0..100).map(|i| fixture::at(i, 0, i * 10, if i < 20 { 2000 } else { 500 })));
    near(summary.cells[0].goodput.unwrap().value, 0.8);
    assert_eq!(summary.slos[1].verdict, SloVerdict::Met);
}

/// Eight of ten cases pass and two are lost to the network: trouble on the path can neither fail nor pass a gate.
#[test]
fn lost_cases_leave_a_quality_gate_open() {
    let mut run = fixture::run(100);
    run.slos = ["pass_rate >= 75%", "pass_rate >= 99%"].map(|s| parse_slo(s).unwrap()).to_vec();
    let with_lost = |lost: u32| {
        let mut events = Vec::new();
        for i in 0..100u32 {
            let obs =
                if i < lost { fixture::failed(u64::from(i), i, Outcome::Reset) } else { fixture::ok(u64::from(i), i) };
            events.push(fixture::observed(obs));
            events.push(fixture::graded(u64::from(i), Verdict::decide(i < 90, "")));
        }
        events.push(Event::Ended(RunStatus::Complete));
        summary_of(&run, &events).slos.iter().map(|slo| slo.verdict).collect::<Vec<_>>()
    };
    assert_eq!(with_lost(0), [SloVerdict::Met, SloVerdict::Missed]);
    assert_eq!(with_lost(30), [SloVerdict::Inconclusive, SloVerdict::Missed]);
}

#[test]
fn a_limited_client_decides_nothing_and_an_objective_is_held_in_its_scope() {
    let mut run = fixture::run(1);
    run.graders.clear();
    run.cells = vec![fixture::cell("low", "c1", 1), fixture::cell("high", "c1", 1)];
    run.slos = ["p50(ttft) <= 1s", "p50(ttft) <= 1s for mode=high"].map(|s| parse_slo(s).unwrap()).to_vec();
    let mut events: Vec<Event> = (0..80)
        .map(|i| {
            let mut obs = fixture::at(i, 0, i * 100, 50);
            obs.attempt.cell = CellId((i % 2) as u32);
            fixture::observed(obs)
        })
        .collect();
    events.push(Event::Health(Box::new(Health { cell: Some(CellId(1)), io_cpu: 0.99, ..Health::default() })));
    events.push(Event::Ended(RunStatus::Complete));
    let summary = summary_of(&run, &events);
    let verdicts: Vec<_> = summary.slos.iter().map(|slo| (slo.cell_index, slo.verdict)).collect();
    let (met, open) = (SloVerdict::Met, SloVerdict::Inconclusive);
    assert_eq!(verdicts, [(0, met), (1, open), (1, open)]);
    let codes: Vec<u8> = summary.exit.reasons.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [6, 3]);
}

#[test]
fn every_trial_failing_is_no_success() {
    let run = fixture::run(3);
    let summary = complete(&run, (0..3).map(|i| fixture::failed(i, i as u32, Outcome::ConnectError)));
    assert_eq!(summary.exit.code, 4);
    assert_eq!(summary.cells[0].quality.as_ref().unwrap().pass_rate.value, None, "nothing is known of the model");
}

/// Any trial: outcome, times and counts within reach of a hostile server.
fn any_trial() -> impl Strategy<Value = (Observation, Option<Verdict>)> {
    let events = prop::collection::vec((0u64..5000, 0u32..4, 0usize..6), 0..12);
    let counts = (any::<Option<u32>>(), any::<Option<u32>>(), any::<Option<u32>>());
    (0usize..17, 0u64..20_000, events, counts, 0u8..5, 0u32..6, any::<bool>()).prop_map(
        |(outcome, due, mut events, (input, output, reasoning), verdict, case, reused)| {
            let channels =
                [Channel::Role, Channel::Reasoning, Channel::Text, Channel::Tool, Channel::Usage, Channel::Refusal];
            events.sort_unstable();
            let mut obs = fixture::at(0, case, due, 1);
            let rows: Vec<_> = events.iter().map(|&(at, read, channel)| (due + at, read, channels[channel])).collect();
            obs.events = fixture::events(&rows);
            obs.outcome = Outcome::ALL[outcome];
            obs.conn.reused = reused;
            let usage = obs.reply.usage.as_mut().unwrap();
            (usage.input, usage.output) = (input.map(u64::from), output.map(u64::from));
            usage.reasoning = reasoning.map(u64::from);
            let verdict = match verdict {
                0 => Some(Verdict::decide(true, "")),
                1 => Some(Verdict::decide(false, "")),
                2 => Some(Verdict::score(0.3, "")),
                3 => Some(Verdict::ungradable("")),
                _ => None,
            };
            (obs, verdict)
        },
    )
}

fn any_run() -> impl Strategy<Value = Vec<(Observation, Option<Verdict>)>> {
    prop::collection::vec(any_trial(), 0..60).prop_map(|mut trials| {
        for (number, (obs, _)) in trials.iter_mut().enumerate() {
            obs.attempt.trial.0 = number as u64;
            obs.attempt.cell = CellId(number as u32 % 2);
        }
        trials
    })
}

fn two_cells() -> Run {
    let mut run = fixture::run(6);
    run.cells = vec![fixture::cell("low", "c1", 1), fixture::cell("low", "c9", 9)];
    run.slos = ["p50(ttft) <= 1s", "p90(itl) <= 20ms", "error_rate <= 10%", "pass_rate >= 50%", "goodput >= 10%"]
        .map(|s| parse_slo(s).unwrap())
        .to_vec();
    run
}

fn as_events(trials: Vec<(Observation, Option<Verdict>)>) -> Vec<Event> {
    let each = |(obs, verdict): (Observation, Option<Verdict>)| {
        let trial = obs.attempt.trial.0;
        [Some(fixture::observed(obs)), verdict.map(|v| fixture::graded(trial, v))].into_iter().flatten()
    };
    trials.into_iter().flat_map(each).collect()
}

proptest! {
    #[test]
    fn any_run_adds_up(trials in any_run()) {
        let (run, n) = (two_cells(), trials.len() as u64);
        let summary = summary_of(&run, &as_events(trials));
        assert!(!format!("{summary:?}").contains("NaN"));
        assert_eq!(summary.cells.iter().map(|cell| cell.n).sum::<u64>(), n);
        for cell in &summary.cells {
            assert_eq!(cell.outcomes.values().sum::<u64>(), cell.n);
            for (metric, found) in &cell.metrics {
                let values = [found.p50.value, found.p90.value, found.p95.value, found.p99.value, found.max];
                let known: Vec<f64> = values.into_iter().flatten().collect();
                assert!(known.is_sorted(), "{metric}: {known:?}");
                for e in [found.mean, found.p50, found.p90, found.p95, found.p99] {
                    let Some(value) = e.value else { continue };
                    let is_below = |a: f64, b: f64| a <= b || a - b <= 1e-9 * a.abs();
                    assert!(e.low.is_none_or(|low| is_below(low, value)), "{metric}: {e:?}");
                    assert!(e.high.is_none_or(|high| is_below(value, high)), "{metric}: {e:?}");
                }
            }
            let quality = cell.quality.as_ref().unwrap();
            assert!(quality.strict <= quality.lenient && quality.envelope.0 <= quality.envelope.1);
        }
        assert_eq!(summary.slos.len(), summary.cells.len() * run.slos.len());
    }

    /// Trials of two halves of a log, in whatever order they are read, give the figures of the whole.
    #[test]
    fn the_order_of_trials_in_the_log_changes_nothing(trials in any_run()) {
        let run = two_cells();
        let halves = trials.len() / 2;
        let swapped = [&trials[halves..], &trials[..halves]].concat();
        let (a, b) = (summary_of(&run, &as_events(trials)), summary_of(&run, &as_events(swapped)));
        for (a, b) in a.cells.iter().zip(&b.cells) {
            assert_eq!((&a.outcomes, a.throughput_rps, a.error_rate, a.goodput), (&b.outcomes, b.throughput_rps, b.error_rate, b.goodput));
            assert_eq!(a.quality, b.quality);
            for metric in a.metrics.keys().filter(|metric| **metric != Metric::Itl) {
                assert_eq!(a.metrics[metric], b.metrics[metric]);
            }
        }
    }
}
