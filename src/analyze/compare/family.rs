//! All metrics and slices of two arms: what is held against what, and which of it decides.

use std::collections::BTreeSet;

use super::Options;
use super::flips;
use super::gate::Verdict;
use super::guard;
use super::guard::Refusal;
use super::judge;
use super::judge::Draft;
use super::judge::Drafted;
use super::measure;
use super::measure::Measure;
use super::money;
use super::pairing;
use super::pairing::CasePair;
use super::pairing::CellPair;
use super::quality;
use super::result::Comparison;
use super::result::Comparisons;
use super::selection::Arm;
use super::sequential;
use super::slices;
use super::speed;
use super::unit;
use crate::analyze::Estimate;
use crate::analyze::Metric;
use crate::analyze::early;
use crate::analyze::trial::TrialRow;

const LATENCIES: [Metric; 5] = [Metric::Ttft, Metric::Ttfa, Metric::E2e, Metric::Tpot, Metric::OutputTps];
const TAILED: [Metric; 2] = [Metric::Ttft, Metric::E2e];
const AMOUNTS: [Metric; 4] = [Metric::CostUsd, Metric::OutputTokens, Metric::ReasoningTokens, Metric::InputTokens];
/// Names that a gate can have, besides `score.GRADER`.
const NAMES: [&str; 20] = [
    "pass_rate",
    "score",
    "error_rate",
    "length_rate",
    "refusal_rate",
    "ttft",
    "ttfa",
    "e2e",
    "tpot",
    "output_tps",
    "p90(ttft)",
    "p95(ttft)",
    "p99(ttft)",
    "p90(e2e)",
    "p95(e2e)",
    "p99(e2e)",
    "cost_per_case",
    "cost_per_pass",
    "output_tokens",
    "reasoning_tokens",
];

/// Names of the metrics that arms are compared in; graders add `score.GRADER`.
pub fn metrics() -> &'static [&'static str] {
    &NAMES
}

impl Comparison {
    /// A comparison of nothing, to be filled in.
    pub(super) fn blank(notes: Vec<String>) -> Self {
        Self {
            metric: String::new(),
            slice: String::new(),
            test: "none",
            n_pairs: 0,
            b: None,
            c: None,
            baseline: Estimate::none(0),
            candidate: Estimate::none(0),
            difference: Estimate::none(0),
            ratio: None,
            p_value: None,
            p_exact: None,
            p_noninferior: None,
            p_adjusted: None,
            verdict: Verdict::Inconclusive,
            needed_n: None,
            smallest_detectable: None,
            margin: 0.0,
            gates: false,
            more_is_better: false,
            notes,
        }
    }
}

/// Compares two arms.
///
/// # Errors
/// The comparison would mislead.
pub fn compare(baseline: &Arm<'_>, candidate: &Arm<'_>, options: &Options) -> Result<Comparisons, Refusal> {
    let drafted = drafted(baseline, candidate, options)?;
    judge::together(vec![drafted]).pop().ok_or(Refusal::NoMatchingCell)
}

/// Everything about two arms but the verdicts, which depend on what else is compared with them.
pub(super) fn drafted(baseline: &Arm<'_>, candidate: &Arm<'_>, options: &Options) -> Result<Drafted, Refusal> {
    for margin in [options.margins.points, options.margins.ratio] {
        if !(margin > 0.0 && margin < 1.0) {
            return Err(Refusal::Margin(margin.to_string()));
        }
    }
    guard::check(baseline, candidate)?;
    let pairing = pairing::pair(baseline, candidate);
    guard::check_pairing(&pairing)?;
    let mut notes = guard::notes(baseline.run, candidate.run, &pairing);
    notes.extend(guard::recalled("baseline", baseline));
    notes.extend(guard::recalled("candidate", candidate));
    let mut drafts = Vec::new();
    let stopping = if baseline.run.meta.id == candidate.run.meta.id {
        early::replay(baseline.run, baseline.trials)
    } else {
        notes.extend([baseline, candidate].into_iter().filter(|arm| arm.run.early.is_some()).map(could_stop));
        None
    };
    for cell in &pairing.cells {
        let mut found = of_cell(cell, baseline, candidate, options);
        if let Some(stopping) = &stopping {
            sequential::overrule(&mut found, stopping, cell.at);
        }
        drafts.extend(found);
    }
    drafts.extend(slices::drafts(&pairing.cells, options));
    notes.extend(slices::notes(&pairing.cells, options));
    choose_gate(&mut drafts, options)?;
    Ok(Drafted {
        baseline: title(baseline),
        candidate: title(candidate),
        drafts,
        flips: flips::ledger(&pairing.cells),
        notes,
    })
}

fn could_stop(arm: &Arm<'_>) -> String {
    format!(
        "{} could stop on what it saw, so p values and intervals for a fixed number of cases are only indicative",
        arm.run.meta.id
    )
}

fn title(arm: &Arm<'_>) -> String {
    let selection = arm.selection.to_string();
    if selection.is_empty() { arm.run.meta.id.clone() } else { format!("{}:{selection}", arm.run.meta.id) }
}

/// Every metric of a pair of cells, over all of its cases.
fn of_cell(cell: &CellPair<'_>, baseline: &Arm<'_>, candidate: &Arm<'_>, options: &Options) -> Vec<Draft> {
    let with_cost = !guard::prices_differ(baseline.run, candidate.run);
    let pairs: Vec<&CasePair<'_>> = cell.cases.iter().collect();
    let rows = rows(&pairs);
    let mut measures = quality_measures(&rows);
    measures.extend(measure::scored_graders(baseline.run, candidate.run, &rows, &options.gate));
    measures.extend([Measure::Error, Measure::Length, Measure::Refusal]);
    let slice = cell.label.as_str();
    let units = |measure: &Measure| unit::units(&pairs, measure, &unit::clusters(&pairs));
    let mut drafts: Vec<Draft> =
        measures.iter().filter_map(|measure| quality::compare(&units(measure), measure, slice, options)).collect();
    if baseline.run.recorded != candidate.run.recorded {
        return drafts;
    }
    let ordered = speed::Ordered::new(&pairs, baseline.run.recorded);
    for metric in LATENCIES {
        drafts.extend(speed::typical(&ordered, metric, slice, options));
    }
    for metric in TAILED {
        drafts.extend(speed::tails(&ordered, metric, slice, options));
    }
    let amounts = AMOUNTS.into_iter().filter(|metric| with_cost || *metric != Metric::CostUsd);
    drafts.extend(amounts.filter_map(|metric| money::per_case(&pairs, metric, slice, options)));
    if with_cost {
        drafts.extend(money::per_pass(&pairs, slice, options));
    }
    if baseline.run.meta.id == candidate.run.meta.id {
        for draft in &mut drafts {
            draft.comparison.notes.retain(|note| note != speed::WITHIN);
        }
    }
    drafts
}

/// Rows of both arms.
pub(super) fn rows<'a>(pairs: &[&CasePair<'a>]) -> Vec<&'a TrialRow> {
    pairs.iter().flat_map(|pair| pair.baseline.iter().chain(&pair.candidate)).copied().collect()
}

/// Pass rate where anything was judged, score where anything got one between.
pub(super) fn quality_measures(rows: &[&TrialRow]) -> Vec<Measure> {
    let mut measures = Vec::new();
    if rows.iter().any(|row| row.grade.pass.is_some() || row.grade.value().is_some()) {
        measures.push(Measure::Pass);
    }
    let is_between = |score: f64| score > 0.0 && score < 1.0;
    if rows.iter().any(|row| row.grade.score.is_some_and(is_between)) {
        measures.push(Measure::Score);
    }
    measures
}

/// Marks the drafts that decide.
fn choose_gate(drafts: &mut [Draft], options: &Options) -> Result<(), Refusal> {
    let known: BTreeSet<String> = drafts.iter().map(|draft| draft.comparison.metric.clone()).collect();
    if let Some(missing) = options.gate.iter().find(|metric| !known.contains(metric.as_str())) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Refusal::UnknownMetric { metric: missing.clone(), known });
    }
    let default: &[&str] = if known.contains("pass_rate") {
        &["pass_rate"]
    } else if known.contains("score") {
        &["score"]
    } else {
        &["ttft", "e2e", "error_rate"]
    };
    for draft in drafts {
        let metric = draft.comparison.metric.as_str();
        let named = options.gate.iter().any(|wanted| wanted == metric);
        let decides = if options.gate.is_empty() { default.contains(&metric) } else { named };
        draft.comparison.gates = decides && !draft.explores;
    }
    Ok(())
}
