//! False alarms and power of the gate, by simulation with fixed seeds.

use std::collections::BTreeMap;

use super::Options;
use super::compare;
use super::gate::Evidence;
use super::gate::Verdict;
use super::selection::Arm;
use super::selection::Selection;
use crate::analyze::Run;
use crate::analyze::Trials;
use crate::analyze::fixture;
use crate::analyze::fold::Fold;
use crate::analyze::grades::Grade;
use crate::analyze::grades::Reason;
use crate::domain::Outcome;
use crate::domain::Usd;
use crate::domain::Verdict as Judgement;
use crate::stats::Bits;
use crate::stats::normal;
use crate::stats::paired::binary::Discordant;
use crate::stats::paired::tango;
use crate::stats::power;
use crate::stats::power::Design;

/// Verdict of one comparison of `n` pairs; each is discordant with the given chances of either kind.
fn simulate(bits: &mut Bits, n: u64, only_candidate: f64, only_baseline: f64, margin: f64) -> (Verdict, f64) {
    let (mut b, mut c) = (0, 0);
    for _ in 0..n {
        let u = bits.uniform();
        b += u64::from(u < only_candidate);
        c += u64::from(u >= only_candidate && u < only_candidate + only_baseline);
    }
    let pairs = Discordant { b, c };
    let evidence = Evidence {
        delta: tango::difference(pairs, n),
        p_not_worse: tango::p_not_worse(pairs, n, margin),
        p_adjusted: pairs.p_mid(),
        variance: (b + c) as f64 / n as f64,
        n,
        margin,
    };
    (evidence.verdict(0.05), pairs.p_mid())
}

/// Share of runs that satisfy `holds`, and three Monte Carlo errors at the level `at`.
fn share(runs: u64, seed: u64, at: f64, mut holds: impl FnMut(&mut Bits) -> bool) -> (f64, f64) {
    let hits = (0..runs).filter(|run| holds(&mut Bits::derive(seed, *run))).count();
    (hits as f64 / runs as f64, 3.0 * (at * (1.0 - at) / runs as f64).sqrt())
}

#[test]
fn equal_arms_are_rarely_called_regressed() {
    for (n, psi) in [(100, 0.1), (200, 0.2), (400, 0.05)] {
        let (rate, slack) =
            share(2000, n, 0.025, |bits| simulate(bits, n, psi / 2.0, psi / 2.0, 0.02).0 == Verdict::Regressed);
        assert!(rate <= 0.025 + slack, "n {n}, psi {psi}: {rate}");
    }
}

#[test]
fn a_loss_of_the_margin_is_rarely_called_equivalent() {
    for (n, psi, margin) in [(200, 0.2, 0.05), (400, 0.1, 0.04)] {
        let passes = |bits: &mut Bits| {
            let (verdict, _) = simulate(bits, n, f64::midpoint(psi, -margin), f64::midpoint(psi, margin), margin);
            verdict.exit() == 0
        };
        let (rate, slack) = share(2000, 7 + n, 0.025, passes);
        assert!(rate <= 0.025 + slack, "n {n}: {rate}");
    }
}

/// Connor's sample size for 80 % power gives 80 % power: .801 in a long simulation.
#[test]
fn power_matches_the_forecast() {
    let n = power::n_for_pairs(0.2, 0.05, Design::USUAL).unwrap();
    let (rate, slack) = share(2000, 3, 0.8, |bits| simulate(bits, n, 0.125, 0.075, 0.02).1 <= 0.05);
    assert!((rate - 0.801).abs() <= slack, "{rate}");
}

const CASES: u32 = 60;

/// Trials of a run without noise, to be changed in place by [`redraw`].
fn plain(run: &Run) -> Trials {
    let mut fold = Fold::new(run);
    for case in 0..CASES {
        fold.push(&fixture::observed(fixture::at(case.into(), case, 5000 * u64::from(case), 1000)));
        fold.push(&fixture::graded(case.into(), Judgement::decide(true, "")));
    }
    fold.finish()
}

/// Draws what one arm sees: cases that are hard are slow, long, dear and rarely right, and three requests in a hundred
/// fail. Quality is a pass or, with `scores`, a share.
fn redraw(trials: &mut Trials, bits: &mut Bits, hard: &[f64], scores: bool) {
    let mut noise = || normal::quantile(bits.uniform().clamp(1e-9, 1.0 - 1e-9));
    for (row, hard) in trials.rows.iter_mut().zip(hard) {
        let failed = noise() > 1.88;
        row.outcome = if failed { Outcome::Timeout } else { Outcome::Ok };
        let slow = 1000.0 * (0.5 * hard + 0.3 * noise()).exp();
        (row.times.ttft, row.times.e2e) = (Some(slow), Some(1.5 * slow));
        let tokens = (200.0 * (0.5 * hard + 0.3 * noise()).exp()).ceil();
        row.tokens.output = Some(tokens as u64).filter(|_| !failed);
        row.cost = Some(Usd::from_f64(tokens * 1e-6)).filter(|_| !failed);
        let quality = normal::cdf(1.0 - hard + 0.7 * noise());
        let value = if scores { quality } else { f64::from(u8::from(quality > 0.7)) };
        row.grade = if failed {
            Grade::missing(Reason::Infra)
        } else {
            let pass = (!scores).then_some(value > 0.5);
            Grade { low: value, high: value, reason: Reason::Verdict, pass, score: Some(value) }
        };
    }
}

/// How often each metric of a gate is called regressed or improved in 2,000 comparisons of an arm with itself.
fn false_alarms(run: &Run, scores: bool, gate: &[&str]) -> BTreeMap<String, [u64; 2]> {
    let options =
        Options { gate: gate.iter().map(|name| (*name).to_owned()).collect(), resamples: 99, ..Options::default() };
    let mut alarms: BTreeMap<String, [u64; 2]> = gate.iter().map(|name| ((*name).to_owned(), [0, 0])).collect();
    let mut arms = [plain(run), plain(run)];
    for number in 0..2000 {
        let mut bits = Bits::derive(17, number);
        let hard: Vec<f64> = (0..CASES).map(|_| normal::quantile(bits.uniform().max(1e-9))).collect();
        for arm in &mut arms {
            redraw(arm, &mut bits, &hard, scores);
        }
        let [baseline, candidate] = arms.each_ref().map(|trials| Arm { run, trials, selection: Selection::default() });
        for line in compare(&baseline, &candidate, &options).unwrap().comparisons.iter().filter(|line| line.gates) {
            let counts = alarms.get_mut(&line.metric).unwrap();
            counts[0] += u64::from(line.verdict == Verdict::Regressed);
            counts[1] += u64::from(line.verdict == Verdict::Improved);
        }
    }
    alarms
}

/// Each side of each gate has a level of .025; three Monte Carlo errors are allowed.
#[track_caller]
fn check_alarms(alarms: &BTreeMap<String, [u64; 2]>) {
    let limit = 2000.0 * 0.025 + 3.0 * (2000.0f64 * 0.025 * 0.975).sqrt();
    assert!(alarms.values().flatten().all(|count| (*count as f64) <= limit), "{alarms:?}");
}

/// Passes, failures, times, tails, tokens and money.
#[test]
fn an_arm_is_rarely_told_from_itself_by_any_gate() {
    let gate = ["pass_rate", "error_rate", "ttft", "p90(e2e)", "output_tokens", "cost_per_case", "cost_per_pass"];
    check_alarms(&false_alarms(&fixture::run(CASES), false, &gate));
}

/// Scores of cases in clusters of four.
#[test]
fn scores_are_rarely_told_apart_from_themselves() {
    let mut run = fixture::run(CASES);
    for (case, at) in run.cases.iter_mut().zip(0..) {
        case.cluster = Some(format!("g{}", at / 4).as_str().into());
    }
    check_alarms(&false_alarms(&run, true, &["score"]));
}
