//! What takes resampling over arms: comparisons within the run, steps of effort, fronts. It costs seconds where the
//! rest of a summary costs milliseconds, so that only those ask for it who show it.

use super::choice;
use super::compare;
use super::compare::Comparisons;
use super::compare::Verdict;
use super::effort::steps;
use super::exit::few;
use super::findings;
use super::fold;
use super::front;
use super::run::Run;
use super::slo::Evidence;
use super::summary::Summary;
use super::trial::Trials;
use crate::domain::Phase;

/// Adds comparisons of the run's own arms, steps of effort and fronts to a summary of the same run.
pub fn add(run: &Run, trials: &Trials, summary: &mut Summary) {
    let (comparisons, refused) = compare::within(run, trials);
    summary.comparisons = comparisons;
    summary.refused = refused;
    steps::add(run, trials, &mut summary.efforts);
    let rows_of = fold::by_cell(run, trials, Phase::Measure);
    let evidence: Vec<Evidence<'_>> = summary
        .cells
        .iter()
        .map(|cell| {
            let at = cell.id.0 as usize;
            Evidence { run, cell, rows: &rows_of[at], gaps: &trials.gaps[at] }
        })
        .collect();
    summary.fronts = front::fronts(run, &evidence);
    summary.choice = choice::choose(run, trials, summary);
    decide(run, summary);
    summary.findings = findings::findings(summary);
}

/// Adds a comparison with something outside of the run, which gates it.
pub fn add_comparison(summary: &mut Summary, found: Comparisons) {
    gate(summary, std::slice::from_ref(&found));
    summary.comparisons.insert(0, found);
    summary.findings = findings::findings(summary);
}

/// The suite's gate over its own arms becomes part of the exit code.
fn decide(run: &Run, summary: &mut Summary) {
    let gating: Vec<Comparisons> = summary.comparisons.iter().filter(|found| found.gates).cloned().collect();
    gate(summary, &gating);
    if run.terms.gates {
        for why in summary.refused.clone() {
            summary.exit.add(3, format!("a comparison was refused: {why}"));
        }
    }
}

fn gate(summary: &mut Summary, gating: &[Comparisons]) {
    for (verdict, word) in [(Verdict::Regressed, "regressed"), (Verdict::Inconclusive, "undecided")] {
        for found in gating.iter().filter(|found| found.verdict == verdict) {
            let lines = found.comparisons.iter().filter(|one| one.gates && one.verdict == verdict);
            let lines: Vec<String> = lines.map(|one| format!("{} ({})", one.metric, one.slice)).collect();
            let what = if lines.is_empty() { "no metric of the gate".to_owned() } else { few(&lines) };
            let pair = format!("{} against {}", found.candidate, found.baseline);
            summary.exit.add(verdict.exit(), format!("{pair} {word}: {what}"));
        }
    }
}
