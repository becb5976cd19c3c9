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
use super::summary::Recalled;
use super::trial::TrialRow;
use super::trial::Trials;
use super::window;
use super::window::Window;
use crate::domain::CellId;
use crate::domain::Health;
use crate::domain::Outcome;
use crate::domain::Usd;

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
    // Answers from the response cache are of the target, but say nothing about its times, failures and costs today.
    let sent: Vec<&TrialRow> = rows.iter().copied().filter(|row| !row.recalled).collect();
    let window = if sent.is_empty() { Window::default() } else { window };
    let (requests, tokens) = window::throughput(&sent, &window);
    let audit = audit::audit(&health, rows, audit::typical_ttft(rows), info.arrivals);
    let limits = slo::limits(&run.slos, info);
    let due = sent.iter().filter(|row| !row.outcome.is_excluded()).count() as u64;
    let failed = sent.iter().filter(|row| row.is_failed()).count() as u64;
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
        cost: cost::cell_cost(run, trials, id, &sent),
        tokens: cost::token_sums(&sent),
        recalled: recalled(rows),
        mode: checks::mode(run, trials, info, rows),
        cache: checks::cache(info, &sent),
        stalls: dist::stalls(rows),
        client_limited: audit.as_ref().is_some_and(|audit| !audit.limits.is_empty()),
        audit,
        response_models: checks::tally(rows.iter().map(|row| row.model), trials),
        upstreams: checks::tally(rows.iter().map(|row| row.upstream), trials),
        charts: charts::cell(rows, gaps),
    };
    Some((cell, window))
}

fn recalled(rows: &[&TrialRow]) -> Recalled {
    let avoided = rows.iter().filter_map(|row| row.avoided).sum::<Usd>().as_f64();
    Recalled { trials: rows.iter().filter(|row| row.recalled).count() as u64, avoided_usd: avoided }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::Metric;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::domain::Cost;
    use crate::domain::Kept;
    use crate::domain::Recall;
    use crate::domain::Verdict;

    /// Four trials, two of them answered from the response cache: all four count for quality, two for everything else.
    #[test]
    fn kept_answers_count_for_quality_alone() {
        let run = fixture::run(4);
        let mut fold = Fold::new(&run);
        for i in 0..4u32 {
            let mut obs = fixture::ok(u64::from(i), i);
            if i >= 2 {
                let kept = Kept { run: "earlier".into(), unix_ms: 1, avoided: obs.cost.usd };
                obs.recall = Some(Recall { key: "k".into(), kept: Some(kept) });
                obs.events.clear();
                obs.written = None;
                obs.headers = None;
                obs.cost = Cost { usd: Some(Usd::ZERO), ..obs.cost };
            }
            fold.push(&fixture::observed(obs));
            fold.push(&fixture::graded(u64::from(i), Verdict::decide(true, "")));
        }
        let trials = fold.finish();
        let rows: Vec<&TrialRow> = trials.rows.iter().collect();
        let (cell, _) = cell(&run, &trials, CellId(0), &rows).unwrap();
        assert_eq!((cell.n, cell.recalled.trials, trials.attempts), (4, 2, 2));
        assert_eq!(cell.quality.unwrap().pass_rate.n, 4);
        for metric in [Metric::Ttft, Metric::E2e, Metric::CostUsd] {
            let found = &cell.metrics[&metric];
            assert_eq!((found.n, found.failed), (2, 0), "{metric}");
        }
        assert_eq!((cell.throughput_rps.n, cell.error_rate.n), (2, 2));
        assert!((cell.cost.total.usd - 0.002).abs() < 1e-12, "what this run spent");
        assert!((cell.recalled.avoided_usd - 0.002).abs() < 1e-12);
        assert!((cell.cost.per_case.value.unwrap() - 0.001).abs() < 1e-12, "not halved by what was free");
    }
}
