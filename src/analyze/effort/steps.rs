//! Effort curves, tested: what each step changes, and the cheapest mode that is good enough.

use super::super::compare;
use super::super::compare::Comparison;
use super::super::compare::Comparisons;
use super::super::compare::Options;
use super::super::compare::Selection;
use super::super::compare::Verdict;
use super::super::estimate::Estimate;
use super::super::run::Run;
use super::super::summary::Cheapest;
use super::super::summary::EffortCurve;
use super::super::summary::EffortPoint;
use super::super::summary::EffortStep;
use super::super::trial::Trials;
use crate::text::number::percent;
use crate::text::number::short;

/// What a step is judged by.
const CHANGES: [&str; 4] = ["pass_rate", "reasoning_tokens", "ttfa", "cost_per_case"];
/// Resamples of an interval beside a picture; a gate takes more.
const RESAMPLES: u64 = 1_999;

/// Fills in the steps of each curve, and its cheapest mode.
pub fn add(run: &Run, trials: &Trials, curves: &mut [EffortCurve]) {
    for curve in curves {
        let pairs: Vec<_> = curve.points.windows(2).map(|two| (arm(curve, &two[0]), arm(curve, &two[1]))).collect();
        let changes = against(run, trials, &pairs);
        let names = curve.points.windows(2).map(|two| (two[0].mode.clone(), two[1].mode.clone()));
        let step = |((from, to), found): (_, Option<Comparisons>)| EffortStep {
            from,
            to,
            changes: found.map_or_else(Vec::new, |found| found.comparisons),
        };
        curve.steps = names.zip(changes).map(step).collect();
        curve.cheapest = cheapest(run, trials, curve);
    }
}

fn arm(curve: &EffortCurve, point: &EffortPoint) -> Selection {
    Selection {
        target: Some(curve.target.to_string()),
        mode: Some(point.mode.to_string()),
        prompt: Some(curve.prompt.to_string()),
        load: Some(curve.load.to_string()),
    }
}

fn against(run: &Run, trials: &Trials, pairs: &[(Selection, Selection)]) -> Vec<Option<Comparisons>> {
    let margins = run.terms.options.margins;
    let options = Options { margins, seed: run.terms.options.seed, resamples: RESAMPLES, ..Options::default() };
    compare::selected(run, trials, pairs, &CHANGES, &options)
}

/// Goes from the best mode down in price as long as the next cheaper one is shown to be good enough: tests in a fixed
/// order, each only after the one before, need no adjustment.
fn cheapest(run: &Run, trials: &Trials, curve: &EffortCurve) -> Option<Cheapest> {
    let rate = |point: &EffortPoint| point.pass_rate.and_then(|e| e.value);
    let best = curve.points.iter().filter(|p| rate(p).is_some()).max_by(|a, b| {
        let (x, y) = (rate(a).unwrap_or(0.0), rate(b).unwrap_or(0.0));
        x.total_cmp(&y).then_with(|| price(curve, b).total_cmp(&price(curve, a)))
    })?;
    let mut cheaper: Vec<&EffortPoint> = curve.points.iter().filter(|p| price(curve, p) < price(curve, best)).collect();
    cheaper.sort_by(|a, b| price(curve, b).total_cmp(&price(curve, a)));
    let pairs: Vec<_> = cheaper.iter().map(|point| (arm(curve, best), arm(curve, point))).collect();
    let found: Vec<Option<Comparison>> = against(run, trials, &pairs).into_iter().map(pass_rate).collect();
    let shown = |one: &Option<Comparison>| one.as_ref().is_some_and(|one| one.verdict.exit() == 0);
    let n_shown = found.iter().take_while(|one| shown(one)).count();
    let chosen = n_shown.checked_sub(1).map_or(best, |last| cheaper[last]);
    let difference = n_shown.checked_sub(1).and_then(|last| found[last].as_ref()).map(|one| one.difference);
    let open = cheaper.get(n_shown).zip(found.get(n_shown).and_then(Option::as_ref));
    let margin = run.terms.options.margins.points;
    let sentence = sentence(curve, (best, chosen), difference, open, margin);
    Some(Cheapest {
        mode: chosen.mode.clone(),
        best: best.mode.clone(),
        basis: if has_cost(curve) { "cost" } else { "reasoning tokens" },
        margin,
        difference: difference.unwrap_or_else(|| Estimate::none(0)),
        sentence,
    })
}

fn pass_rate(found: Option<Comparisons>) -> Option<Comparison> {
    found?.comparisons.into_iter().find(|one| one.metric == "pass_rate")
}

fn has_cost(curve: &EffortCurve) -> bool {
    curve.points.iter().all(|point| point.cost.value.is_some())
}

/// Dollars per trial, or reasoning tokens where a price is unknown.
fn price(curve: &EffortCurve, point: &EffortPoint) -> f64 {
    let known = if has_cost(curve) { point.cost.value } else { point.reasoning_tokens.value };
    known.unwrap_or(f64::INFINITY)
}

fn sentence(
    curve: &EffortCurve,
    (best, chosen): (&EffortPoint, &EffortPoint),
    difference: Option<Estimate>,
    open: Option<(&&EffortPoint, &Comparison)>,
    margin: f64,
) -> String {
    let place = format!("{} ({}, {})", curve.target, curve.prompt, curve.load);
    let rate = |point: &EffortPoint| point.pass_rate.and_then(|e| e.value).map_or_else(|| "n/a".to_owned(), percent);
    let cost = |point: &EffortPoint| {
        let what = price(curve, point);
        if has_cost(curve) { format!("${} per trial", short(what)) } else { format!("{} tokens", short(what)) }
    };
    let points = short(100.0 * margin);
    if let Some(difference) = difference {
        format!(
            "On {place} the cheapest mode that is not worse than the best within {points} points is {}: {} at {}, against {} at {} for {} (difference {}).",
            chosen.mode,
            rate(chosen),
            cost(chosen),
            rate(best),
            cost(best),
            best.mode,
            in_points(&difference),
        )
    } else if let Some((next, one)) = open {
        let verdict = match one.verdict {
            Verdict::Regressed => "is worse".to_owned(),
            _ => one
                .needed_n
                .map_or_else(|| "is undecided".into(), |n| format!("is undecided, about {n} cases would tell")),
        };
        format!(
            "On {place} no cheaper mode is shown to be within {points} points of the best, {} ({} at {}): {} {verdict} (difference {}).",
            best.mode,
            rate(best),
            cost(best),
            next.mode,
            in_points(&one.difference),
        )
    } else {
        format!("On {place} the best mode, {} ({} at {}), is also the cheapest.", best.mode, rate(best), cost(best))
    }
}

fn in_points(difference: &Estimate) -> String {
    let points = |value: f64| format!("{:+.1}", 100.0 * value);
    match (difference.value, difference.low, difference.high) {
        (Some(value), Some(low), Some(high)) => format!("{} [{}, {}] points", points(value), points(low), points(high)),
        (Some(value), ..) => format!("{} points", points(value)),
        _ => "unknown".to_owned(),
    }
}
