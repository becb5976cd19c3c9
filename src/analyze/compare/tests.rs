//! Whole comparisons of runs built by hand.

use super::*;
use crate::analyze::Run;
use crate::analyze::Trials;
use crate::analyze::fixture;
use crate::analyze::fold::Fold;
use crate::domain::Outcome;
use crate::domain::Verdict as Judgement;
use crate::stats::near::near;
use crate::stats::near::within;

/// A run with one cell whose case i passed `passes[i]`; `None` is a request that failed on the path.
fn recorded(passes: &[Option<bool>]) -> (Run, Trials) {
    repeated(&passes.iter().map(|pass| vec![*pass]).collect::<Vec<_>>())
}

/// The same with repeats of each case.
fn repeated(cases: &[Vec<Option<bool>>]) -> (Run, Trials) {
    let run = fixture::run(cases.len() as u32);
    let trials = fold(&run, cases);
    (run, trials)
}

fn fold(run: &Run, cases: &[Vec<Option<bool>>]) -> Trials {
    let mut fold = Fold::new(run);
    let mut trial = 0;
    for (case, repeats) in cases.iter().enumerate() {
        for (repeat, pass) in repeats.iter().enumerate() {
            let mut obs = match pass {
                Some(_) => fixture::ok(trial, case as u32),
                None => fixture::failed(trial, case as u32, Outcome::Timeout),
            };
            obs.attempt.repeat = repeat as u32;
            fold.push(&fixture::observed(obs));
            if let Some(pass) = pass {
                fold.push(&fixture::graded(trial, Judgement::decide(*pass, "")));
            }
            trial += 1;
        }
    }
    fold.finish()
}

fn arm((run, trials): &(Run, Trials)) -> Arm<'_> {
    Arm { run, trials, selection: Selection::default() }
}

fn change_all(run: &mut Run, change: fn(&mut crate::analyze::run::CaseInfo)) {
    for case in &mut run.cases {
        change(case);
    }
}

fn quick() -> Options {
    Options { resamples: 499, ..Options::default() }
}

/// Outcomes of `n` cases: first `c` that only the baseline passes, then `b` that only the candidate passes.
fn table(b: usize, c: usize, n: usize) -> [(Run, Trials); 2] {
    let passes = |candidate: bool| -> Vec<Option<bool>> {
        (0..n)
            .map(|i| {
                Some(if i < c {
                    !candidate
                } else if i < c + b {
                    candidate
                } else {
                    i % 3 > 0
                })
            })
            .collect()
    };
    [recorded(&passes(false)), recorded(&passes(true))]
}

#[track_caller]
fn pass_rate(found: &Comparisons) -> &Comparison {
    found.comparisons.iter().find(|one| one.metric == "pass_rate" && one.slice == "all").unwrap()
}

#[test]
fn rows_of_the_gate_table_from_runs() {
    let rows = [
        (20, 22, 1000, 0.02, Verdict::Equivalent, 0, None),
        (3, 12, 200, 0.03, Verdict::Regressed, 1, None),
        (4, 6, 400, 0.02, Verdict::Inconclusive, 3, Some(491)),
        (12, 9, 60, 0.05, Verdict::Inconclusive, 3, Some(1099)),
        (40, 20, 160, 0.02, Verdict::Improved, 0, None),
        (0, 0, 200, 0.02, Verdict::Equivalent, 0, None),
    ];
    for (b, c, n, points, verdict, exit, needed) in rows {
        let [baseline, candidate] = table(b, c, n);
        let options = Options { margins: Margins { points, ..Margins::default() }, resamples: 99, ..quick() };
        let found = compare(&arm(&baseline), &arm(&candidate), &options).unwrap();
        let pass = pass_rate(&found);
        assert_eq!((pass.b, pass.c, pass.n_pairs), (Some(b as u64), Some(c as u64), n as u64));
        assert_eq!((pass.verdict, found.verdict, found.exit), (verdict, verdict, exit), "{b} {c} {n}");
        assert_eq!(pass.needed_n, needed);
        assert_eq!(found.flips.len(), b + c);
    }
}

#[test]
fn figures_beside_the_verdict() {
    let [baseline, candidate] = table(40, 20, 160);
    let found = compare(&arm(&baseline), &arm(&candidate), &quick()).unwrap();
    let pass = pass_rate(&found);
    near(pass.difference.value.unwrap(), 0.125);
    near(pass.difference.low.unwrap(), 0.030_864_533_1);
    near(pass.difference.high.unwrap(), 0.218_064_244_2);
    near(pass.p_value.unwrap(), 2.0 * 0.004_926_724_1);
    assert_eq!(pass.p_adjusted, pass.p_value);
    assert!(pass.p_exact.unwrap() > pass.p_value.unwrap());
    assert!(pass.gates && pass.smallest_detectable.is_some());
    assert!(found.flips[0].change < 0.0 && found.flips[0].noise == Noise::Unknown);
    assert_eq!((found.flips[0].baseline.as_str(), found.flips[0].candidate.as_str()), ("pass", "fail"));
    let ttft = found.comparisons.iter().find(|one| one.metric == "ttft").unwrap();
    near(ttft.ratio.unwrap().value.unwrap(), 1.0);
    assert!(!ttft.gates);
}

/// Of 100 cases 90 are decided in both arms; of the others the candidate misses 4 (3 passes, 1 failure in the
/// baseline), the baseline 4 (2 and 2), both miss 2. The bounds of the difference are -.10 and +.02.
#[test]
fn missing_cases_can_only_leave_a_gate_open() {
    let mut baseline = vec![Some(true); 100];
    let mut candidate = vec![Some(true); 100];
    candidate[0..9].fill(Some(false));
    baseline[9..15].fill(Some(false));
    candidate[90..94].fill(None);
    baseline[93] = Some(false);
    baseline[94..98].fill(None);
    candidate[96] = Some(false);
    candidate[97] = Some(false);
    for i in 98..100 {
        (baseline[i], candidate[i]) = (None, None);
    }
    let found = compare(&arm(&recorded(&baseline)), &arm(&recorded(&candidate)), &quick()).unwrap();
    let pass = pass_rate(&found);
    near(pass.difference.value.unwrap(), -3.0 / 90.0);
    assert!(pass.notes.iter().any(|note| note.contains("[-10.0, +2.0]")), "{:?}", pass.notes);
    let outage = vec![None; 100];
    let open = compare(&arm(&recorded(&[Some(true); 100])), &arm(&recorded(&outage)), &quick()).unwrap();
    assert_eq!((open.exit, pass_rate(&open).n_pairs), (3, 0));
}

#[test]
fn repeats_are_averaged_before_cases_are_counted() {
    let case = |passes: &[u8]| passes.iter().map(|p| Some(*p == 1)).collect::<Vec<_>>();
    let baseline: Vec<_> = (0..40).map(|_| case(&[1, 1, 1])).collect();
    let mut changed = baseline.clone();
    changed[0] = case(&[0, 0, 0]);
    changed[1] = case(&[1, 0, 1]);
    let found = compare(&arm(&repeated(&baseline)), &arm(&repeated(&changed)), &quick()).unwrap();
    let pass = pass_rate(&found);
    assert_eq!((pass.n_pairs, pass.b, pass.test), (40, None, "paired-t"));
    near(pass.difference.value.unwrap(), -4.0 / 3.0 / 40.0);
    assert_eq!(found.flips.iter().map(|flip| flip.noise).collect::<Vec<_>>(), [Noise::Outside, Noise::Inside]);
    assert_eq!(found.flips[1].candidate, "2/3");
}

#[test]
fn clusters_widen_or_block() {
    let [mut baseline, mut candidate] = table(0, 30, 120);
    for run in [&mut baseline.0, &mut candidate.0] {
        for (case, at) in run.cases.iter_mut().zip(0..) {
            case.cluster = Some(format!("passage-{}", at / 30).as_str().into());
        }
    }
    let found = compare(&arm(&baseline), &arm(&candidate), &quick()).unwrap();
    let pass = pass_rate(&found);
    assert_eq!(pass.test, "cr1-t");
    assert_eq!(found.exit, 3, "four clusters cannot decide");
    assert!(pass.notes.iter().any(|note| note.contains("few clusters: 4")));
}

#[test]
fn slices_join_the_gate_when_they_are_large_enough() {
    let [mut baseline, mut candidate] = table(0, 20, 600);
    for run in [&mut baseline.0, &mut candidate.0] {
        for (case, at) in run.cases.iter_mut().zip(0..) {
            case.tags = vec![if at < 100 { "hard" } else { "easy" }.into()];
            if at < 5 {
                case.tags.push("rare".into());
            }
        }
    }
    let options = Options { by: vec![By::Tag], ..quick() };
    let found = compare(&arm(&baseline), &arm(&candidate), &options).unwrap();
    let gate: Vec<(&str, Verdict)> =
        found.comparisons.iter().filter(|one| one.gates).map(|one| (one.slice.as_str(), one.verdict)).collect();
    let expected = [("all", Verdict::Regressed), ("tag=easy", Verdict::Equivalent), ("tag=hard", Verdict::Regressed)];
    assert_eq!(gate, expected);
    let hard = found.comparisons.iter().find(|one| one.slice == "tag=hard").unwrap();
    assert!(hard.p_adjusted.unwrap() > hard.p_value.unwrap());
    assert_eq!(found.exit, 1);
}

#[test]
fn modes_of_one_run_are_compared() {
    let mut run = fixture::run(20);
    run.cells = vec![fixture::cell("low", "c1", 1), fixture::cell("high", "c1", 1)];
    let mut trials = fold(&run, &vec![vec![Some(true), Some(true)]; 20]);
    for row in &mut trials.rows {
        row.cell = crate::domain::CellId(row.repeat);
    }
    let side = |text: &str| Arm { run: &run, trials: &trials, selection: text.parse().unwrap() };
    let found = compare(&side("mode=low"), &side("mode=high"), &quick()).unwrap();
    assert_eq!(pass_rate(&found).n_pairs, 20);
    let empty = compare(&side("mode=low"), &side("mode=max"), &quick()).unwrap_err();
    assert!(matches!(empty, Refusal::EmptySelection { side: "candidate", .. }));
}

#[test]
fn what_would_mislead_is_refused() {
    let whole = recorded(&[Some(true); 12]);
    let refuse = |change: fn(&mut Run)| {
        let mut other = recorded(&[Some(true); 12]);
        change(&mut other.0);
        compare(&arm(&whole), &arm(&other), &quick()).map(|found| found.notes)
    };
    assert!(matches!(refuse(|run| run.graders[0].version = "2".into()), Err(Refusal::GraderChanged { .. })));
    assert!(matches!(refuse(|run| run.targets[0].simulated = true), Err(Refusal::Simulated("candidate"))));
    assert_eq!(refuse(|run| change_all(run, |case| case.hash += 1)), Err(Refusal::AllChanged(12)));
    let renamed = refuse(|run| change_all(run, |case| case.id = format!("x-{}", case.id).into()));
    assert_eq!(renamed, Err(Refusal::NoSharedCase));
    let listed = refuse(|run| run.cases[3].hash += 1).unwrap();
    assert!(listed[0].contains("another input or expectation") && listed[0].contains("case-3"), "{listed:?}");
    let options = Options { margins: Margins { points: 0.0, ratio: 0.1 }, ..quick() };
    assert!(matches!(compare(&arm(&whole), &arm(&whole), &options), Err(Refusal::Margin(_))));
    let options = Options { gate: vec!["speed".into()], ..quick() };
    assert!(matches!(compare(&arm(&whole), &arm(&whole), &options), Err(Refusal::UnknownMetric { .. })));
}

/// Twice as slow in every case, with some spread: the typical ratio and p90 say so, by intervals.
#[test]
fn slower_is_regressed() {
    let timed = |factor: u64| {
        let mut run = fixture::run(60);
        run.graders.clear();
        let mut fold = Fold::new(&run);
        for case in 0..60 {
            let ttft = factor * (100 + 7 * (u64::from(case) * 11 % 13)) + u64::from(case) * factor % 7;
            fold.push(&fixture::observed(fixture::at(u64::from(case), case, 1000 * u64::from(case), ttft)));
        }
        let trials = fold.finish();
        (run, trials)
    };
    let (fast, mut slow) = (timed(1), timed(2));
    let found = compare(&arm(&fast), &arm(&slow), &quick()).unwrap();
    let one = |metric: &str| found.comparisons.iter().find(|one| one.metric == metric).unwrap();
    assert_eq!(one("p90(ttft)").verdict, Verdict::Regressed);
    within(one("p90(ttft)").ratio.unwrap().value.unwrap(), 2.0, 0.1);
    assert_eq!(one("p99(ttft)").ratio.unwrap().needed_n, Some(368));
    let back = compare(&arm(&slow), &arm(&fast), &quick()).unwrap();
    let e2e = back.comparisons.iter().find(|one| one.metric == "e2e").unwrap();
    assert_eq!(e2e.verdict, Verdict::Improved);
    let warns =
        |found: &Comparisons| found.comparisons.iter().any(|one| one.notes.iter().any(|n| n.contains("within-run")));
    assert!(e2e.gates && !warns(&back), "both arms are of one run");
    "another".clone_into(&mut slow.0.meta.id);
    assert!(warns(&compare(&arm(&slow), &arm(&fast), &quick()).unwrap()));
}

#[test]
fn empty_runs_do_not_panic() {
    let empty = recorded(&[]);
    assert_eq!(compare(&arm(&empty), &arm(&empty), &quick()), Err(Refusal::NoSharedCase));
    let one = recorded(&[Some(true)]);
    let found = compare(&arm(&one), &arm(&one), &quick()).unwrap();
    assert_eq!(found.exit, 3);
}
