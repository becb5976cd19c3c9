//! Forecasts against published sizes, and against what simulations then show.

use super::*;
use crate::analyze::Fold;
use crate::analyze::fixture;
use crate::domain::CellId;
use crate::domain::Verdict;
use crate::stats::Bits;
use crate::stats::near::within;

fn planned(mode: &str, cases: u64, repeats: u32) -> Planned {
    Planned {
        names: ["t", mode, "p", "c1"].map(str::to_owned),
        trials: cases * u64::from(repeats),
        cases,
        repeats,
        in_sequence: cases * u64::from(repeats),
        prescribed_s: 0.0,
        price: None,
    }
}

/// Two modes over `cases` cases, `repeats` times each.
fn measured(cases: u32, repeats: u32, mut passes: impl FnMut(u32, u32) -> bool) -> (Run, Trials) {
    let mut run = fixture::run(cases);
    run.cells = vec![fixture::cell("low", "c1", 1), fixture::cell("high", "c1", 1)];
    let mut events = Vec::new();
    for cell in 0..2 {
        for case in 0..cases {
            for repeat in 0..repeats {
                let trial = u64::from((cell * cases + case) * repeats + repeat);
                let mut seen = fixture::ok(trial, case);
                (seen.attempt.cell, seen.attempt.repeat) = (CellId(cell), repeat);
                events.push(fixture::observed(seen));
                events.push(fixture::graded(trial, Verdict::decide(passes(cell, case), "")));
            }
        }
    }
    let mut fold = Fold::new(&run);
    for event in &events {
        fold.push(event);
    }
    let trials = fold.finish();
    (run, trials)
}

/// Connor's sizes for a discordance of .2, which is what is assumed where nothing was measured.
#[test]
fn without_a_run_the_assumption_is_used_and_said() {
    let found = power(1000, 1, None);
    within(found.smallest.unwrap(), 0.039_574, 1e-6);
    assert_eq!((found.discordance.n, found.latency.1), (0, false));
    assert_eq!(found.needed(0.05), Needed { cases: Some(626), repeats: None });
}

/// A hundred further trials at a tenth of a cent each, in a line of a tenth of a second each.
#[test]
fn cost_and_time_are_scaled_to_the_plan() {
    let (run, trials) = measured(10, 1, |_, _| true);
    let found = outlook(&run, &trials, &planned("low", 100, 1)).unwrap();
    within(found.cost_usd.value.unwrap(), 0.1, 1e-9);
    within(found.time_s.value.unwrap(), 13.5, 1e-9);
    assert_eq!(outlook(&run, &trials, &planned("medium", 100, 1)), None);
}

/// Of 2,000 pilots of ten draws, 95 % foresee the sum of the next fifty.
#[test]
fn totals_cover_what_is_yet_to_be_drawn() {
    let hits = (0..2000).filter(|at| {
        let mut bits = Bits::derive(17, *at);
        let mut draw = || 1.0 + bits.uniform() + bits.uniform();
        let seen: Vec<f64> = (0..10).map(|_| draw()).collect();
        let next: f64 = (0..50).map(|_| draw()).sum();
        let found = total(&seen, 50);
        found.low.unwrap() <= next && next <= found.high.unwrap()
    });
    let share = hits.count() as f64 / 2000.0;
    assert!((share - 0.95).abs() < 0.015, "{share}");
}

/// A forecast from a repeated pilot is kept: the difference that it names is then found in 80 % of simulated runs.
#[test]
fn the_power_that_was_foreseen_is_found() {
    let mut bits = Bits::new(23);
    let chances: Vec<f64> = (0..400).map(|_| bits.uniform()).collect();
    let (run, trials) = measured(400, 3, |_, case| bits.uniform() < chances[case as usize]);
    let (low, high) = (planned("low", 300, 3), planned("high", 300, 3));
    let found = power(300, 3, Some((&run, &trials, (&low, &high))));
    let delta = found.smallest.unwrap();
    let hits = (0..1000).filter(|at| {
        let mut bits = Bits::derive(29, *at);
        let differences: Vec<f64> = (0..300)
            .map(|_| {
                let chance = bits.uniform() * (1.0 - delta);
                let mut arm = |chance: f64| (0..3).filter(|_| bits.uniform() < chance).count() as f64 / 3.0;
                arm(chance + delta) - arm(chance)
            })
            .collect();
        mean::estimate(&differences).unwrap().p_two_sided(0.0) <= 0.05
    });
    let share = hits.count() as f64 / 1000.0;
    assert!((share - 0.8).abs() < 0.05, "{share} at {delta}");
}

/// (0.09 + 0.18 / 2) / 100: as new cases 100 trials add 50 cases, as repeats one repeat each.
#[test]
fn new_cases_buy_more_than_repeats() {
    let split = VarianceSplit { between: 0.09, within: 0.18, se_square_cases: 0.0, se_square_repeats: 0.0 };
    let (new, again) = next_trials(&split, 100, 2, 100);
    within(new, 1.0 - (100.0f64 / 150.0).sqrt(), 1e-12);
    within(again, 1.0 - (0.15f64 / 0.18).sqrt(), 1e-12);
}
