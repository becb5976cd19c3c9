//! Decisions: the same from every order of arrival and from the log, rarely wrong under constant looking, and made in
//! time.

use std::sync::Arc;

use super::question::Case;
use super::rule::Share;
use super::*;
use crate::analyze::Fold;
use crate::analyze::Run;
use crate::analyze::Trials;
use crate::analyze::fixture;
use crate::analyze::slo_expr::parse_slo;
use crate::domain::CellId;
use crate::domain::Outcome;
use crate::domain::Verdict;
use crate::stats::Bits;
use crate::stats::power;
use crate::stats::power::Design;
use crate::stats::sequential::pairs;

const CASES: u32 = 200;

/// Two modes over the same cases, `repeats` times each.
fn run(repeats: u32, slos: &[&str]) -> Run {
    let mut run = fixture::run(CASES);
    run.cells = vec![fixture::cell("low", "c1", 1), fixture::cell("high", "c1", 1)];
    run.slos = slos.iter().map(|text| parse_slo(text).unwrap()).collect();
    let cases = (0..CASES).flat_map(|case| (0..repeats).map(move |_| case)).collect();
    let asked = Asked { cases, repeats };
    run.early = Some(Rule { orders: [("c1".into(), asked)].into() });
    run
}

/// Trials of both cells; `passes` says how cell, case and repeat turn out, nothing where the path failed.
fn trials(run: &Run, repeats: u32, mut passes: impl FnMut(u32, u32, u32) -> Option<bool>) -> Trials {
    let mut fold = Fold::new(run);
    for cell in 0..2 {
        for case in 0..CASES {
            for repeat in 0..repeats {
                let trial = u64::from((cell * CASES + case) * repeats + repeat);
                let found = passes(cell, case, repeat);
                let mut seen = match found {
                    Some(_) => fixture::ok(trial, case),
                    None => fixture::failed(trial, case, Outcome::Timeout),
                };
                (seen.attempt.cell, seen.attempt.repeat) = (CellId(cell), repeat);
                fold.push(&fixture::observed(seen));
                if let Some(passed) = found {
                    fold.push(&fixture::graded(trial, Verdict::decide(passed, "")));
                }
            }
        }
    }
    fold.finish()
}

/// The better mode fails now and then, the other often.
fn is_right(cell: u32, case: u32) -> bool {
    !case.is_multiple_of(if cell == 0 { 3 } else { 20 })
}

fn unequal_trials(run: &Run, repeats: u32) -> Trials {
    trials(run, repeats, |cell, case, _| Some(is_right(cell, case)))
}

#[test]
fn decisions_do_not_depend_on_the_order_in_which_trials_end() {
    let run = run(2, &["error_rate <= 5%", "pass_rate >= 50%", "p90(ttft) <= 1s"]);
    let trials = unequal_trials(&run, 2);
    let made = |order: &[usize]| {
        let mut tracker = Tracker::new(&Arc::new(run.clone()), run.early.as_ref().unwrap());
        let mut made: Vec<Decision> = order.iter().flat_map(|&at| tracker.feed(&trials.rows[at])).collect();
        assert!(tracker.is_settled(0) && tracker.is_settled(1));
        made.sort_by(|a, b| a.rule.cmp(&b.rule));
        made
    };
    let mut order: Vec<usize> = (0..trials.rows.len()).collect();
    let expected = made(&order);
    assert_eq!(expected.len(), 1 + 3 * 2);
    assert!(expected[0].text.starts_with("improved at n = "), "{expected:?}");
    let mut bits = Bits::new(5);
    for _ in 0..5 {
        (1..order.len()).rev().for_each(|at| order.swap(at, bits.below(at as u64 + 1) as usize));
        assert_eq!(made(&order), expected);
    }
}

#[test]
fn the_log_gives_the_same_decisions_again_and_a_regrade_is_noticed() {
    let run = run(1, &["error_rate <= 5%"]);
    let mut stored = unequal_trials(&run, 1);
    let mut tracker = Tracker::new(&Arc::new(run.clone()), run.early.as_ref().unwrap());
    let made: Vec<Decision> = stored.rows.iter().flat_map(|row| tracker.feed(row)).collect();
    stored.decisions = made.iter().map(|one| (one.rule.clone(), one.text.clone())).collect();
    let found = replay(&run, &stored).unwrap();
    assert!(found.replays);
    assert_eq!(found.questions[0].word, Some(Word::Improved));
    assert!(found.questions[0].n < u64::from(CASES) && found.questions[0].p_value.unwrap() < 0.05);
    stored.decisions[0].1 = stored.decisions[0].1.replace("n = ", "n = 1");
    assert!(!replay(&run, &stored).unwrap().replays);
    assert_eq!(replay(&Run { early: None, ..run }, &stored), None);
}

#[test]
fn missing_results_count_against_every_claim() {
    let run = run(1, &[]);
    let lost = trials(&run, 1, |cell, case, _| (cell == 0 || case.is_multiple_of(2)).then(|| is_right(cell, case)));
    let found = replay(&run, &lost).unwrap();
    assert_eq!((found.questions[0].word, found.questions[0].missing), (None, u64::from(CASES) / 2));
    let estimate = found.questions[0].estimate;
    assert!(estimate.low.unwrap() < -0.2 && estimate.high.unwrap() > 0.4, "{estimate:?}");
}

#[test]
fn a_cell_with_a_question_that_cannot_be_watched_runs_to_its_end() {
    let run = run(1, &["mean(ttft) <= 1s for mode=high"]);
    let found = replay(&run, &unequal_trials(&run, 1)).unwrap();
    assert_eq!(found.questions[0].word, Some(Word::Improved));
    assert!(found.could_end(0) && !found.could_end(1));
    let mut clustered = run;
    clustered.slos.clear();
    clustered.cases[0].cluster = Some("thread".into());
    let stored = unequal_trials(&clustered, 1);
    assert!(replay(&clustered, &stored).unwrap().questions.is_empty());
}

/// Share of 2,000 runs in which a comparison of `n` pairs, looked at after each, comes to one of `words`.
fn rate(words: &[Word], gates: bool, n: u64, [psi, delta, margin]: [f64; 3]) -> f64 {
    let hits = (0..2000).filter(|at| {
        let mut bits = Bits::derive(n, *at);
        let mut case = Case::comparison(margin, 1, gates).unwrap();
        let word = (0..n).find_map(|_| {
            let u = bits.uniform();
            let better = u < f64::midpoint(psi, delta);
            let d = if better { 1.0 } else { -f64::from(u8::from(u < psi)) };
            case.take(d, d)
        });
        word.is_some_and(|word| words.contains(&word))
    });
    hits.count() as f64 / 2000.0
}

/// Each side has a level of .025, with no allowance for chance: the bound of Ville is not reached in practice.
#[test]
fn equal_arms_are_rarely_told_apart_by_looking_all_the_time() {
    let improved = rate(&[Word::Improved], false, 150, [0.4, 0.0, 0.02]);
    let regressed = rate(&[Word::Regressed], false, 150, [0.4, 0.0, 0.02]);
    assert!(improved <= 0.025 && regressed <= 0.025, "{improved} {regressed}");
}

#[test]
fn a_loss_of_the_margin_rarely_passes() {
    let passed = rate(&[Word::Improved, Word::Equivalent], true, 150, [0.3, -0.1, 0.1]);
    assert!(passed <= 0.025, "{passed}");
}

/// Looking all the time costs cases: twice the fixed number finds a difference with the fixed number's power.
#[test]
fn twice_the_fixed_number_of_pairs_gives_its_power() {
    let n = power::n_for_pairs(0.4, 0.25, Design::USUAL).unwrap();
    let found = rate(&[Word::Improved], false, 2 * n, [0.4, 0.25, 0.02]);
    assert!(found >= 0.8, "{found} with 2 x {n}");
}

/// The moment of decision is the first at which the closed form of the mixture reaches 40.
#[test]
fn the_moment_is_that_of_the_closed_form() {
    for at in 0..20 {
        let mut bits = Bits::derive(3, at);
        let mut case = Case::comparison(0.3, 1, false).unwrap();
        let (mut wins, mut losses) = (0, 0);
        let (mut found, mut expected) = (None, None);
        for n in 1..=120 {
            let d = if bits.uniform() < 0.75 { 1.0 } else { -1.0 };
            wins += u64::from(d > 0.0);
            losses += u64::from(d < 0.0);
            if case.take(d, d) == Some(Word::Improved) {
                found = Some(n);
            }
            if n >= 30 && pairs::e_better(wins, losses) >= 40.0 && expected.is_none() {
                expected = Some(n);
            }
        }
        assert_eq!(found, expected);
    }
}

/// Without a failure in 88 trials the evidence for "at most 5 %" reaches 20.
#[test]
fn an_objective_is_met_when_the_closed_form_says_so() {
    let share = Share::of(&parse_slo("error_rate <= 5%").unwrap()).unwrap();
    let mut case = Case::objective(share).unwrap();
    let met = (1..200).find(|_| case.take(0.0, 0.0) == Some(Word::Met));
    assert_eq!(met, Some(88));
    assert_eq!(Share::of(&parse_slo("error_rate <= 0%").unwrap()), None);
    assert_eq!(Share::of(&parse_slo("cost_per_pass <= 0.002 usd").unwrap()), None);
}

#[test]
fn grants_are_read_as_they_were_written() {
    let grant = Grant { cell: 3, case: 17, trials: 6 };
    let Decision { rule, text } = grant.decision();
    assert_eq!(Grant::read(&rule, &text), Some(grant));
    assert_eq!(Grant::read("cell 3", "every question about it is decided"), None);
}

/// A case of one arm was given a third trial; it counts, and its pair waits for it.
#[test]
fn granted_trials_count() {
    let mut run = run(3, &[]);
    for asked in run.early.as_mut().unwrap().orders.values_mut() {
        asked.repeats = 2;
    }
    let mut stored =
        trials(&run, 3, |cell, case, repeat| Some(if case == 5 && cell == 1 { repeat == 2 } else { true }));
    stored.rows.retain(|row| row.repeat < 2 || row.case == 5 && row.cell == CellId(1));
    let plain = replay(&run, &stored).unwrap().questions[0].clone();
    stored.decisions = vec![("repeats of case 5 in cell 1".into(), "3".into())];
    let granted = replay(&run, &stored).unwrap().questions[0].clone();
    let mean = |asked: &Answered| asked.estimate.value.unwrap() * asked.n as f64;
    assert!((mean(&plain) + 1.0).abs() < 1e-6 && (mean(&granted) + 2.0 / 3.0).abs() < 1e-6);
}
