//! All metrics and slices of a comparison, adjusted for their number, and what they come to.
//!
//! The gate family is tested one by one for "not worse" (all must pass: Berger & Hsu 1996, Stat. Sci. 11:283) and
//! adjusted by Holm for "regressed" and "improved". Everything else is exploration, adjusted by Benjamini and
//! Hochberg, and never fails a build.

use std::collections::BTreeSet;

use super::By;
use super::Options;
use super::flips;
use super::gate;
use super::gate::Evidence;
use super::gate::Verdict;
use super::guard;
use super::guard::Refusal;
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
use super::speed;
use super::unit;
use crate::analyze::Estimate;
use crate::analyze::Metric;
use crate::analyze::trial::TrialRow;
use crate::stats::Interval;
use crate::stats::multiplicity;

/// Two-sided level of a discovery within the gate.
const GATE_LEVEL: f64 = 0.05;
/// False discovery rate of exploration.
const EXPLORATION_LEVEL: f64 = 0.10;
const LATENCIES: [Metric; 5] = [Metric::Ttft, Metric::Ttfa, Metric::E2e, Metric::Tpot, Metric::OutputTps];
const TAILED: [Metric; 2] = [Metric::Ttft, Metric::E2e];
const AMOUNTS: [Metric; 4] = [Metric::CostUsd, Metric::OutputTokens, Metric::ReasoningTokens, Metric::InputTokens];

/// A comparison before the family is known.
pub(super) struct Draft {
    pub(super) comparison: Comparison,
    pub(super) judge: Judge,
}

/// How a draft becomes a verdict.
pub(super) enum Judge {
    /// By test and margin; `ends` holds the evidence with all missing cases at their worst and at their best.
    Points { evidence: Evidence, ends: Vec<Evidence>, blocked: bool },
    /// By the interval of the ratio; none where there are too few data.
    Ratio { interval: Option<Interval> },
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
pub fn compare(baseline: &Arm<'_>, candidate: &Arm<'_>, options: &Options) -> Result<Comparisons, Refusal> {
    for margin in [options.margins.points, options.margins.ratio] {
        if !(margin > 0.0 && margin < 1.0) {
            return Err(Refusal::Margin(margin.to_string()));
        }
    }
    guard::check(baseline, candidate)?;
    let pairing = pairing::pair(baseline, candidate);
    guard::check_pairing(&pairing)?;
    let mut notes = guard::notes(baseline.run, candidate.run, &pairing);
    let with_cost = !guard::prices_differ(baseline.run, candidate.run);
    let mut drafts = Vec::new();
    for cell in &pairing.cells {
        drafts.extend(of_cell(cell, baseline, candidate, with_cost, options));
        drafts.extend(slices_of(cell, options));
    }
    choose_gate(&mut drafts, options)?;
    let comparisons = judge(drafts);
    let gates: Vec<&Comparison> = comparisons.iter().filter(|comparison| comparison.gates).collect();
    if gates.is_empty() {
        notes.push("nothing can decide: no metric of the gate has enough data".into());
    }
    let verdict = overall(&gates);
    Ok(Comparisons {
        baseline: title(baseline),
        candidate: title(candidate),
        flips: flips::ledger(&pairing.cells),
        exit: verdict.exit(),
        comparisons,
        notes,
        verdict,
    })
}

fn title(arm: &Arm<'_>) -> String {
    let selection = arm.selection.to_string();
    if selection.is_empty() { arm.run.meta.id.clone() } else { format!("{}:{selection}", arm.run.meta.id) }
}

/// Every metric of a pair of cells, over all of its cases.
fn of_cell(
    cell: &CellPair<'_>,
    baseline: &Arm<'_>,
    candidate: &Arm<'_>,
    with_cost: bool,
    options: &Options,
) -> Vec<Draft> {
    let pairs: Vec<&CasePair<'_>> = cell.cases.iter().collect();
    let rows: Vec<&TrialRow> =
        pairs.iter().flat_map(|pair| pair.baseline.iter().chain(&pair.candidate)).copied().collect();
    let mut measures = quality_measures(&rows);
    measures.extend(measure::scored_graders(baseline.run, candidate.run, &rows));
    measures.extend([Measure::Error, Measure::Length, Measure::Refusal]);
    let slice = cell.label.as_str();
    let mut drafts: Vec<Draft> = measures
        .iter()
        .filter_map(|measure| quality::compare(&unit::units(&pairs, measure), measure, slice, options))
        .collect();
    if baseline.run.recorded != candidate.run.recorded {
        return drafts;
    }
    let ordered = speed::Ordered::new(&pairs);
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
    drafts
}

/// Pass rate where anything passed or failed, score where anything got one between.
fn quality_measures(rows: &[&TrialRow]) -> Vec<Measure> {
    let mut measures = Vec::new();
    if rows.iter().any(|row| row.grade.pass.is_some()) {
        measures.push(Measure::Pass);
    }
    let is_between = |score: f64| score > 0.0 && score < 1.0;
    if rows.iter().any(|row| row.grade.score.is_some_and(is_between)) {
        measures.push(Measure::Score);
    }
    measures
}

/// Quality within each slice of the break-down that was asked for. Slices under ten cases are not tested.
fn slices_of(cell: &CellPair<'_>, options: &Options) -> Vec<Draft> {
    let prefix = if cell.label == "all" { String::new() } else { format!("{},", cell.label) };
    let names: BTreeSet<String> = cell.cases.iter().flat_map(|pair| slice_names(pair, &options.by)).collect();
    let mut drafts = Vec::new();
    for name in names {
        let pairs: Vec<&CasePair<'_>> =
            cell.cases.iter().filter(|pair| slice_names(pair, &options.by).contains(&name)).collect();
        if pairs.len() < quality::FEWEST {
            continue;
        }
        let rows: Vec<&TrialRow> =
            pairs.iter().flat_map(|pair| pair.baseline.iter().chain(&pair.candidate)).copied().collect();
        let slice = format!("{prefix}{name}");
        drafts.extend(
            quality_measures(&rows)
                .iter()
                .filter_map(|measure| quality::compare(&unit::units(&pairs, measure), measure, &slice, options)),
        );
    }
    drafts
}

fn slice_names(pair: &CasePair<'_>, by: &[By]) -> Vec<String> {
    let names = |by: &By| -> Vec<String> {
        match by {
            By::Tag => pair.case.tags.iter().map(|tag| format!("tag={tag}")).collect(),
            By::Cluster => pair.case.cluster.iter().map(|cluster| format!("cluster={cluster}")).collect(),
            By::Prompt => Vec::new(),
        }
    };
    by.iter().flat_map(names).collect()
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
        draft.comparison.gates = if options.gate.is_empty() { default.contains(&metric) } else { named };
    }
    Ok(())
}

/// Adjusts p values within the gate and outside of it, then gives each comparison its verdict; the gate first.
fn judge(drafts: Vec<Draft>) -> Vec<Comparison> {
    let (gate, exploration): (Vec<Draft>, Vec<Draft>) = drafts.into_iter().partition(|draft| draft.comparison.gates);
    let mut judged = adjusted(gate, multiplicity::holm, GATE_LEVEL);
    judged.extend(adjusted(exploration, multiplicity::benjamini_hochberg, EXPLORATION_LEVEL));
    judged
}

fn adjusted(drafts: Vec<Draft>, adjust: fn(&[f64]) -> Vec<f64>, level: f64) -> Vec<Comparison> {
    let p: Vec<f64> = drafts.iter().filter_map(|draft| draft.comparison.p_value).collect();
    let mut adjusted = adjust(&p).into_iter();
    let mut judged = Vec::with_capacity(drafts.len());
    for mut draft in drafts {
        draft.comparison.p_adjusted = draft.comparison.p_value.and_then(|_| adjusted.next());
        judged.push(draft.judge(level));
    }
    judged
}

impl Draft {
    fn judge(self, level: f64) -> Comparison {
        let mut comparison = self.comparison;
        match self.judge {
            Judge::Points { mut evidence, ends, blocked } => {
                evidence.p_adjusted = comparison.p_adjusted.unwrap_or(1.0);
                comparison.verdict = evidence.verdict(level);
                if evidence.is_loss_within_margin(level) {
                    comparison.notes.push("loss within margin".into());
                }
                let exits: BTreeSet<u8> = ends.iter().map(|end| end.verdict(level).exit()).collect();
                if exits.len() > 1 {
                    comparison.verdict = Verdict::Inconclusive;
                    comparison.notes.push("undecided: the missing cases alone could turn the verdict".into());
                }
                if blocked {
                    comparison.verdict = Verdict::Inconclusive;
                    comparison.notes.push("fewer than five clusters cannot decide".into());
                }
                let is_open = comparison.verdict == Verdict::Inconclusive;
                comparison.needed_n = is_open.then(|| evidence.needed_n()).flatten();
            }
            Judge::Ratio { interval } => judge_ratio(&mut comparison, interval, level),
        }
        comparison
    }
}

fn judge_ratio(comparison: &mut Comparison, interval: Option<Interval>, level: f64) {
    let Some(interval) = interval else { return };
    let flipped = Interval::new(1.0 / interval.high, 1.0 / interval.low);
    let worse_if_larger = if comparison.more_is_better { flipped } else { interval };
    let verdict = gate::of_ratio(worse_if_larger, comparison.margin);
    let discovered = comparison.p_adjusted.is_none_or(|p| p <= level);
    comparison.verdict = match verdict {
        Verdict::Improved if !discovered => Verdict::Equivalent,
        Verdict::Regressed if !discovered => Verdict::Inconclusive,
        other => other,
    };
    if comparison.verdict == Verdict::Equivalent && worse_if_larger.low > 1.0 {
        comparison.notes.push("loss within margin".into());
    }
    if comparison.verdict == Verdict::Inconclusive {
        comparison.needed_n = gate::needed_for_ratio(worse_if_larger, comparison.margin, comparison.n_pairs);
    }
}

/// One regression fails the gate, one open question leaves it open.
fn overall(gates: &[&Comparison]) -> Verdict {
    let has = |verdict: Verdict| gates.iter().any(|comparison| comparison.verdict == verdict);
    if has(Verdict::Regressed) {
        Verdict::Regressed
    } else if gates.is_empty() || has(Verdict::Inconclusive) {
        Verdict::Inconclusive
    } else if has(Verdict::Improved) {
        Verdict::Improved
    } else {
        Verdict::Equivalent
    }
}
