//! One square of the result table, from its rows.

use std::collections::BTreeMap;
use std::fmt;

use super::audit;
use super::charts;
use super::checks;
use super::cost;
use super::dist;
use super::infer;
use super::quality;
use super::run::CellInfo;
use super::run::Run;
use super::slo;
use super::summary::Cell;
use super::summary::CellKey;
use super::trial::TrialRow;
use super::trial::Trials;
use super::window;
use super::window::Window;
use crate::domain::CellId;
use crate::domain::Health;
use crate::domain::Outcome;

impl CellKey {
    /// The names of a cell of the plan.
    pub fn of(cell: &CellInfo) -> Self {
        Self {
            target: cell.target.clone(),
            mode: cell.mode.clone(),
            prompt: cell.prompt.clone(),
            load: cell.load.clone(),
        }
    }
}

impl fmt::Display for CellKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.target, self.mode, self.prompt, self.load)
    }
}

/// The cell `id` from its measured rows, with the window in which they ran.
pub fn cell(run: &Run, trials: &Trials, id: CellId, rows: &[&TrialRow]) -> Option<(Cell, Window)> {
    let info = run.cells.get(id.0 as usize)?;
    let gaps = trials.gaps.get(id.0 as usize)?;
    let health: Vec<&Health> = trials.health.iter().filter(|h| h.cell == Some(id)).collect();
    let window = Window::of(rows, &health, info.arrivals);
    let window = if run.recorded { Window::default() } else { window };
    let (requests, tokens) = window::throughput(rows, &window);
    let audit = audit::audit(&health, rows, audit::typical_ttft(rows), info.arrivals);
    let limits = slo::limits(&run.slos, info);
    let due = rows.iter().filter(|row| !row.outcome.is_excluded()).count() as u64;
    let failed = rows.iter().filter(|row| row.is_failed()).count() as u64;
    let cell = Cell {
        id,
        key: CellKey::of(info),
        arrivals: info.arrivals,
        n: rows.len() as u64,
        cases: distinct_cases(rows),
        planned: info.planned,
        outcomes: outcomes(rows),
        metrics: dist::distributions(rows, gaps),
        connections: dist::connections(rows),
        throughput_rps: requests,
        throughput_tps: tokens,
        window_s: window.seconds(),
        error_rate: infer::share(failed, due),
        quality: quality::quality(run, rows),
        goodput: quality::goodput(run, rows, &limits),
        cost: cost::cell_cost(run, trials, id, rows),
        tokens: cost::token_sums(rows),
        mode: checks::mode(run, trials, info, rows),
        cache: checks::cache(info, rows),
        stalls: dist::stalls(rows),
        client_limited: audit.as_ref().is_some_and(|audit| !audit.limits.is_empty()),
        audit,
        response_models: checks::tally(rows.iter().map(|row| row.model), trials),
        upstreams: checks::tally(rows.iter().map(|row| row.upstream), trials),
        charts: charts::cell(rows, gaps),
    };
    Some((cell, window))
}

fn distinct_cases(rows: &[&TrialRow]) -> u64 {
    let mut cases: Vec<u32> = rows.iter().map(|row| row.case).collect();
    cases.sort_unstable();
    cases.dedup();
    cases.len() as u64
}

fn outcomes(rows: &[&TrialRow]) -> BTreeMap<Outcome, u64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.outcome).or_default() += 1;
    }
    counts
}
