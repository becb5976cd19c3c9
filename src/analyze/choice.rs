//! What a reader may choose: the arm to take, and what each rival would gain, lose, cost or save.
//!
//! The arm that passes most cases stands first, the cheapest of those that pass equally many; a cheaper mode of the
//! same target takes its place only where it is shown to be no worse than the margin allows.

use super::Metric;
use super::compare;
use super::compare::Options;
use super::compare::Selection;
use super::run::Run;
use super::summary::Cell;
use super::summary::Choice;
use super::summary::Rival;
use super::summary::Summary;
use super::trial::Trials;

/// Rivals at most: a reader has one screen.
const MOST_RIVALS: usize = 4;
/// Resamples of an interval beside a sentence; a gate takes more.
const RESAMPLES: u64 = 1_999;

/// The choice at the run's first load; `None` where nothing is graded.
pub fn choose(run: &Run, trials: &Trials, summary: &Summary) -> Option<Choice> {
    let load = &summary.cells.first()?.key.load;
    let arms: Vec<usize> = (0..summary.cells.len())
        .filter(|at| summary.cells[*at].key.load == *load && pass_rate(&summary.cells[*at]).is_some())
        .collect();
    let best = best_of(summary, arms.iter().copied())?;
    let chosen = good_enough(summary, best).unwrap_or(best);
    let rivals = rivals(summary, &arms, chosen, best);
    let pairs: Vec<_> = rivals.iter().map(|at| (arm(&summary.cells[chosen]), arm(&summary.cells[*at]))).collect();
    let margins = run.terms.options.margins;
    let options = Options { margins, seed: run.terms.options.seed, resamples: RESAMPLES, ..Options::default() };
    let found = compare::selected(run, trials, &pairs, &["pass_rate"], &options);
    let rival = |(at, found): (usize, Option<compare::Comparisons>)| {
        let line = found.and_then(|found| found.comparisons.into_iter().next());
        Rival { cell_index: at, pass_rate: line, cost_ratio: cost_ratio(&summary.cells[chosen], &summary.cells[at]) }
    };
    Some(Choice { cell_index: chosen, rivals: rivals.into_iter().zip(found).map(rival).collect() })
}

fn pass_rate(cell: &Cell) -> Option<f64> {
    cell.quality.as_ref()?.pass_rate.value
}

fn price(cell: &Cell) -> f64 {
    cell.cost.per_case.value.unwrap_or(f64::INFINITY)
}

fn cost_ratio(lead: &Cell, other: &Cell) -> Option<f64> {
    let (a, b) = (lead.cost.per_case.value?, other.cost.per_case.value?);
    (a > 0.0 && b.is_finite()).then(|| b / a)
}

/// The most passes; among equals the cheapest, then the quickest to answer, then the first of the plan.
fn best_of(summary: &Summary, arms: impl Iterator<Item = usize>) -> Option<usize> {
    let rank = |at: &usize| {
        let cell = &summary.cells[*at];
        let time = cell.metrics.get(&Metric::Ttfa).and_then(|d| d.p50.value).unwrap_or(f64::INFINITY);
        (-pass_rate(cell).unwrap_or(0.0), price(cell), time)
    };
    arms.min_by(|a, b| {
        let (x, y) = (rank(a), rank(b));
        x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1)).then(x.2.total_cmp(&y.2)).then(a.cmp(b))
    })
}

/// The cheapest mode of the best arm's curve that is shown to be good enough, where it is another one.
fn good_enough(summary: &Summary, best: usize) -> Option<usize> {
    let curve = summary.efforts.iter().find(|curve| curve.points.iter().any(|p| p.cell_index == best))?;
    let cheapest = curve.cheapest.as_ref()?;
    curve.points.iter().find(|p| p.mode == cheapest.mode).map(|p| p.cell_index)
}

/// The best arm itself, the best of each other target, the next cheaper mode, and the cheapest arm of all.
fn rivals(summary: &Summary, arms: &[usize], lead: usize, best: usize) -> Vec<usize> {
    let cell = |at: usize| &summary.cells[at];
    let own = |at: &usize| cell(*at).key.target == cell(lead).key.target;
    let mut targets: Vec<_> = arms.iter().map(|at| &cell(*at).key.target).collect();
    targets.dedup();
    let others = targets.into_iter().filter(|target| **target != cell(lead).key.target);
    let of_target =
        others.filter_map(|t| best_of(summary, arms.iter().copied().filter(|at| cell(*at).key.target == *t)));
    let mut of_targets: Vec<usize> = of_target.collect();
    of_targets.sort_by(|a, b| pass_rate(cell(*b)).unwrap_or(0.0).total_cmp(&pass_rate(cell(*a)).unwrap_or(0.0)));
    of_targets.truncate(2);
    let cheaper = arms.iter().copied().filter(|at| own(at) && price(cell(*at)) < price(cell(lead)));
    let next = best_of(summary, cheaper);
    let cheapest = arms.iter().copied().min_by(|a, b| price(cell(*a)).total_cmp(&price(cell(*b))));
    let all = std::iter::once(best).chain(of_targets).chain(next).chain(cheapest);
    let mut found: Vec<usize> = Vec::new();
    for at in all.filter(|at| *at != lead) {
        if !found.contains(&at) {
            found.push(at);
        }
    }
    found.truncate(MOST_RIVALS);
    found
}

fn arm(cell: &Cell) -> Selection {
    let key = &cell.key;
    Selection {
        target: Some(key.target.to_string()),
        mode: Some(key.mode.to_string()),
        prompt: Some(key.prompt.to_string()),
        load: Some(key.load.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::analyze::study;
    use crate::analyze::summarize::summarize;
    use crate::domain::CellId;
    use crate::domain::Verdict;

    /// `low` passes 30 of 40 cases, `high` all of them.
    #[test]
    fn the_choice_and_its_rival_are_said_in_plain_words() {
        let mut run = fixture::run(40);
        run.cells = ["low", "high"].map(|mode| fixture::cell(mode, "c1", 1)).to_vec();
        let mut fold = Fold::new(&run);
        for i in 0..80u64 {
            let (cell, case) = ((i / 40) as u32, (i % 40) as u32);
            let mut obs = fixture::ok(i, case);
            obs.attempt.cell = CellId(cell);
            fold.push(&fixture::observed(obs));
            fold.push(&fixture::graded(i, Verdict::decide(cell == 1 || case >= 10, "")));
        }
        let trials = fold.finish();
        let mut summary = summarize(&run, &trials);
        study::add(&run, &trials, &mut summary);
        let choice = summary.choice.as_ref().unwrap();
        assert_eq!(summary.cells[choice.cell_index].key.mode.as_str(), "high");
        assert_eq!(choice.rivals.len(), 1);
        let text: Vec<&str> = summary.findings.iter().map(|f| f.text.as_str()).collect();
        assert!(text[0].starts_with("On this suite t at high passes 100.0 % (91.2 to 100.0) of 40 cases"), "{text:?}");
        assert!(text[1].starts_with("Mode low passes 25.0 points fewer (significant"), "{text:?}");
    }
}
