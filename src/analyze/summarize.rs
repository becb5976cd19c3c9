//! From trials to the summary: the table of contents of this room.

use std::collections::BTreeMap;

use super::Summary;
use super::audit;
use super::cell;
use super::charts;
use super::cost;
use super::early;
use super::early::Stopping;
use super::effort;
use super::exit;
use super::findings;
use super::fold;
use super::load;
use super::run::Run;
use super::samples;
use super::slo;
use super::slo::Evidence;
use super::summary::Cell;
use super::summary::CellKey;
use super::summary::CostTotal;
use super::summary::FailureClass;
use super::summary::Regrade;
use super::summary::RunRecord;
use super::summary::Timeline;
use super::trial::TrialRow;
use super::trial::Trials;
use super::unavailable;
use super::warnings;
use super::window::Window;
use crate::domain::CellId;
use crate::domain::Phase;
use crate::domain::Usd;

/// Classes of failure shown at most.
const MOST_FAILURES: usize = 200;

/// Everything that a report shows of a run.
///
/// Answers of the sampled trials are filled in afterwards by [`Summary::attach`], from a second reading of the log.
pub fn summarize(run: &Run, trials: &Trials) -> Summary {
    let rows_of = fold::by_cell(run, trials, Phase::Measure);
    let stopping = early::replay(run, trials);
    let (mut cells, windows) = cells(run, trials, &rows_of, stopping.as_ref());
    let rows = |cell: &Cell| rows_of[cell.id.0 as usize].as_slice();
    let unavailable = unavailable::unavailable(run, trials, &rows_of);
    for cell in cells.iter_mut().filter(|cell| unavailable.iter().any(|one| one.cell == cell.key)) {
        // Nobody answered: that is no score of the model, not even zero.
        cell.goodput = None;
    }
    let evidence: Vec<Evidence<'_>> = cells
        .iter()
        .map(|cell| Evidence { run, cell, rows: rows(cell), gaps: &trials.gaps[cell.id.0 as usize] })
        .collect();
    let mut slos = slo::evaluate(run, &evidence);
    if let Some(stopping) = &stopping {
        early::overrule(run, stopping, &cells, &mut slos);
    }
    let efforts = effort::curves(run, &evidence);
    let under_load = load::shifts(run, &evidence);
    let measured: Vec<&TrialRow> = trials.rows.iter().filter(|row| row.is_measured()).collect();
    let exit = exit::exit(run, trials.status, &cells, &slos, &unavailable);
    let mut summary = Summary {
        run: record(run, trials, &measured),
        simulated: run.simulated,
        recorded: run.recorded,
        instrument: audit::instrument(run, trials, &cells),
        slos,
        unavailable,
        warnings: Vec::new(),
        efforts,
        comparisons: Vec::new(),
        refused: Vec::new(),
        choice: None,
        fronts: Vec::new(),
        stopping,
        under_load,
        load_curves: load::curves(&cells),
        timeline: if run.recorded { Timeline::default() } else { charts::timeline(&measured, &windows) },
        failures: failures(trials, &evidence),
        samples: samples::choose(run, trials, &evidence),
        findings: Vec::new(),
        exit,
        cells,
    };
    summary.warnings = warnings::warnings(run, trials, &summary);
    summary.findings = findings::findings(&summary);
    summary
}

fn cells(
    run: &Run,
    trials: &Trials,
    rows_of: &[Vec<&TrialRow>],
    stopping: Option<&Stopping>,
) -> (Vec<Cell>, Vec<Window>) {
    let one = |(at, rows): (usize, &Vec<&TrialRow>)| {
        let (mut cell, window) = cell::cell(run, trials, CellId(at as u32), rows)?;
        if stopping.is_some_and(|stopping| stopping.could_end(at)) {
            early::estimates(run, rows, &mut cell);
        }
        Some((cell, window))
    };
    rows_of.iter().enumerate().filter(|(_, rows)| !rows.is_empty()).filter_map(one).unzip()
}

fn record(run: &Run, trials: &Trials, measured: &[&TrialRow]) -> RunRecord {
    let warmup: Vec<&TrialRow> = trials.rows.iter().filter(|row| row.phase == Phase::Warmup).collect();
    let judges: Usd = trials.rows.iter().map(|row| row.judge_cost).sum();
    let subjects = cost::total(measured) + cost::total(&warmup);
    let mut basis = cost::basis(trials, |_, _| true);
    for (origin, n) in &trials.judge_basis {
        *basis.entry(*origin).or_default() += n;
    }
    let preflight = preflight_cost(run);
    for (origin, n) in &preflight.basis {
        *basis.entry(*origin).or_default() += n;
    }
    let begin = trials.rows.iter().map(|row| row.began).min().unwrap_or_default();
    let end = trials.rows.iter().map(|row| row.ended).max().unwrap_or_default();
    RunRecord {
        meta: run.meta.clone(),
        status: trials.status,
        targets: run.targets.clone(),
        cases: run.cases.len() as u64,
        graders: run.graders.clone(),
        planned: run.meta.planned,
        trials: measured.len() as u64,
        warmups: warmup.len() as u64,
        attempts: trials.attempts,
        judge_requests: trials.judge_requests,
        duration_s: if run.recorded { 0.0 } else { end.ms_since(begin).unwrap_or(0.0) / 1e3 },
        cost: CostTotal { usd: subjects + judges.as_f64() + preflight.usd, basis },
        judge_cost: CostTotal { usd: judges.as_f64(), basis: trials.judge_basis.clone() },
        preflight_cost: preflight,
        warmup_cost: CostTotal {
            usd: cost::total(&warmup),
            basis: cost::basis(trials, |_, phase| phase == Phase::Warmup),
        },
        decisions: trials.decisions.clone(),
        regraded: regraded(run, trials),
    }
}

/// What was spent before the run: every question that was sent.
fn preflight_cost(run: &Run) -> CostTotal {
    let sent = run.preflight.iter().filter(|probe| probe.outcome.is_some());
    let mut total = CostTotal::default();
    for probe in sent {
        total.usd += probe.cost.usd.map_or(0.0, Usd::as_f64);
        *total.basis.entry(probe.cost.basis).or_default() += 1;
    }
    total
}

fn regraded(run: &Run, trials: &Trials) -> Vec<Regrade> {
    let regrade = |(&(grader, from, to), count): (&(u16, u32, u32), &super::trial::Replaced)| {
        Some(Regrade {
            grader: run.graders.get(usize::from(grader))?.id.clone(),
            from: trials.names.text(from).to_owned(),
            to: trials.names.text(to).to_owned(),
            trials: count.trials,
            changed: count.changed,
        })
    };
    trials.replaced.iter().filter_map(regrade).collect()
}

fn failures(trials: &Trials, cells: &[Evidence<'_>]) -> Vec<FailureClass> {
    let mut classes: BTreeMap<(CellKey, u32), FailureClass> = BTreeMap::new();
    for evidence in cells {
        for row in evidence.rows {
            let Some((index, failure)) = row.failure.and_then(|i| Some((i, trials.failures.get(i as usize)?))) else {
                continue;
            };
            let class = classes.entry((evidence.cell.key.clone(), index)).or_insert_with(|| FailureClass {
                cell: evidence.cell.key.clone(),
                outcome: failure.outcome,
                detail: failure.detail.clone(),
                status: failure.status,
                message: failure.message.clone(),
                count: 0,
                example: row.trial,
            });
            class.count += 1;
        }
    }
    let mut found: Vec<FailureClass> = classes.into_values().collect();
    found.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cell.cmp(&b.cell)).then_with(|| a.detail.cmp(&b.detail)));
    found.truncate(MOST_FAILURES);
    found
}
