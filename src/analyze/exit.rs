//! Which exit codes a run's results call for.

use super::run::Run;
use super::slo;
use super::slo_expr::SloSpec;
use super::summary::Cell;
use super::summary::Exit;
use super::summary::SloResult;
use super::summary::SloVerdict;
use super::unavailable::Unavailable;
use crate::domain::RunStatus;
use crate::text::number::count;

/// Codes by precedence: usage, interrupted, store, provider, budget, gate, invalid, undecided.
const ORDER: [u8; 8] = [2, 130, 5, 4, 7, 1, 6, 3];

impl Exit {
    /// Adds a reason and puts the code to return first. Code 0 and codes unknown to the contract are no reasons.
    pub fn add(&mut self, code: u8, reason: String) {
        let rank = |code: u8| ORDER.iter().position(|c| *c == code);
        if rank(code).is_none() {
            return;
        }
        self.reasons.push((code, reason));
        self.reasons.sort_by_key(|(code, _)| rank(*code));
        self.code = self.reasons.first().map_or(0, |(code, _)| *code);
    }
}

/// The exit codes that apply: never 0 when a cell is invalid, when every trial failed, or when a gate is undecided.
///
/// A slow client invalidates a cell whose times matter, as `is_timed` tells; the answers of a cell that only grades
/// them are as good as ever.
pub fn exit(
    run: &Run,
    status: Option<RunStatus>,
    cells: &[Cell],
    slos: &[SloResult],
    unavailable: &[Unavailable],
) -> Exit {
    let mut exit = Exit::default();
    match status {
        None if !run.recorded => exit.add(130, "the run has no end: it was interrupted and can be resumed".into()),
        Some(RunStatus::Interrupted) => exit.add(130, "the run was interrupted and can be resumed".into()),
        Some(RunStatus::Provider) if unavailable.is_empty() => exit.add(4, "a key or quota stopped the run".into()),
        Some(RunStatus::Budget) if cells.is_empty() && run.meta.budget.is_some() => exit.add(
            7,
            "the budget does not cover the worst case of a single request (a token per byte of the prompt, and \
             `max_tokens`): nothing was sent; raise it, or set a lower `max_tokens`"
                .into(),
        ),
        Some(RunStatus::Budget) => exit.add(7, "the budget was reached".into()),
        _ => {}
    }
    if !unavailable.is_empty() {
        let names: Vec<String> = unavailable.iter().map(|one| one.cell.to_string()).collect();
        exit.add(4, format!("{} unavailable: {}", count(names.len() as u64, "cell"), few(&names)));
    }
    let known = |cell: &&Cell| unavailable.iter().any(|one| one.cell == cell.key);
    let dead: Vec<String> =
        cells.iter().filter(|cell| is_dead(cell) && !known(cell)).map(|cell| cell.key.to_string()).collect();
    if !dead.is_empty() {
        let of =
            if dead.len() == cells.len() { "every trial".to_owned() } else { format!("every trial of {}", few(&dead)) };
        exit.add(4, format!("{of} failed on the path to the model"));
    }
    let with = |verdict| slos.iter().filter(|slo| slo.verdict == verdict).count() as u64;
    let missed: Vec<String> =
        slos.iter().filter(|s| s.verdict == SloVerdict::Missed).map(|s| format!("`{}` at {}", s.slo, s.cell)).collect();
    if !missed.is_empty() {
        exit.add(1, format!("{} missed: {}", count(missed.len() as u64, "objective"), few(&missed)));
    }
    let limited: Vec<String> =
        cells.iter().filter(|c| c.client_limited && is_timed(run, c)).map(|c| c.key.to_string()).collect();
    if !limited.is_empty() {
        exit.add(6, format!("the client was the limit in {}", few(&limited)));
    }
    let open = with(SloVerdict::Inconclusive);
    if open > 0 {
        exit.add(3, format!("{} undecided", count(open, "objective")));
    }
    if !run.slos.is_empty() && !run.slos.iter().any(|slo| run.cells.iter().any(|cell| slo::covers(slo, cell))) {
        exit.add(3, "no objective is about a cell of this run".into());
    }
    if cells.is_empty() {
        exit.add(3, "no trial was measured".into());
    }
    exit
}

/// The cell's load measures time, or an objective on times covers it.
fn is_timed(run: &Run, cell: &Cell) -> bool {
    let key = &cell.key;
    let names = (key.target.as_str(), key.mode.as_str(), key.prompt.as_str(), key.load.as_str());
    let covered = |slo: &SloSpec| slo.scope.covers(names.0, names.1, names.2, names.3);
    let objective = run.slos.iter().any(|slo| slo::depends_on_time(&slo.metric) && covered(slo));
    objective || run.cells.get(cell.id.0 as usize).is_some_and(|info| info.timed)
}

/// Trials were due, and none of them ended with anything but trouble on the path.
fn is_dead(cell: &Cell) -> bool {
    cell.n > 0 && cell.outcomes.keys().all(|outcome| outcome.is_infra())
}

/// The first three of a list, and how many more there are.
pub(super) fn few(names: &[String]) -> String {
    let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 3 { format!("{shown} and {} more", names.len() - 3) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_code_of_the_order_is_returned_and_all_are_named() {
        let mut exit = Exit::default();
        for code in [3, 6, 1, 7, 4, 5, 130, 2] {
            exit.add(code, String::new());
            assert_eq!(exit.code, code);
        }
        let order: Vec<u8> = exit.reasons.iter().map(|(code, _)| *code).collect();
        assert_eq!(order, ORDER);
        exit.add(0, "fine".into());
        assert_eq!(exit.reasons.len(), 8);
    }

    /// What the command line left out decides nothing, and nothing decided is no success.
    #[test]
    fn objectives_about_no_cell_are_no_success() {
        let mut run = crate::analyze::fixture::run(1);
        let slo = |text| super::super::slo_expr::parse_slo(text).unwrap();
        run.slos = vec![slo("p95(ttft) <= 1s for load=nowhere")];
        let reasons = |run: &Run| exit(run, Some(RunStatus::Complete), &[], &[], &[]).reasons;
        assert!(reasons(&run).contains(&(3, "no objective is about a cell of this run".into())));
        run.slos.push(slo("p95(ttft) <= 1s"));
        assert_eq!(reasons(&run).len(), 1);
    }

    #[test]
    fn a_run_without_an_end_or_a_trial_is_no_success() {
        let run = Run::default();
        assert_eq!(exit(&run, None, &[], &[], &[]).code, 130);
        assert_eq!(exit(&run, Some(RunStatus::Complete), &[], &[], &[]).code, 3);
        assert_eq!(exit(&run, Some(RunStatus::Budget), &[], &[], &[]).code, 7);
        assert_eq!(exit(&run, Some(RunStatus::Provider), &[], &[], &[]).code, 4);
    }
}
