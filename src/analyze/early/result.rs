//! What a run decided early, made again from its stored trials, and what that changes in its figures.

use std::sync::Arc;

use super::question;
use super::question::Word;
use super::rule::Question;
use super::rule::Rule;
use super::tracker::Decision;
use super::tracker::Grant;
use super::tracker::Tracker;
use super::tracker::Watched;
use crate::analyze::Estimate;
use crate::analyze::quality;
use crate::analyze::run::Run;
use crate::analyze::slo;
use crate::analyze::slo_expr::SloMetric;
use crate::analyze::summary::Cell;
use crate::analyze::summary::SloResult;
use crate::analyze::summary::SloVerdict;
use crate::analyze::trial::TrialRow;
use crate::analyze::trial::Trials;

/// What was decided early, and what it saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopping {
    /// Every question, in the order of the plan.
    pub questions: Vec<Answered>,
    /// Every cell that could have been ended early, and those that were held to their plan.
    pub cells: Vec<Ended>,
    /// Decisions in the log and those made again from the stored trials are the same.
    pub replays: bool,
}

/// One question and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The question.
    pub question: Question,
    /// The question for people.
    pub title: String,
    /// What was decided; `None` while it is open.
    pub word: Option<Word>,
    /// Cases or trials behind it.
    pub n: u64,
    /// Cases or trials that the plan had for it.
    pub planned: u64,
    /// Units with a missing result, which counted against every claim.
    pub missing: u64,
    /// Pairs that only the candidate passes, and only the baseline; of comparisons.
    pub discordant: [u64; 2],
    /// The difference, or the share, with the interval that holds at any time.
    pub estimate: Estimate,
    /// Evidence for each claim.
    pub evidence: Vec<(Word, f64)>,
    /// Two-sided p of "no difference" that holds at any time; of comparisons.
    pub p_value: Option<f64>,
}

/// A cell beside its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Position in the run's cells.
    pub cell: usize,
    /// Trials in the plan.
    pub planned: u64,
    /// Trials that ended.
    pub run: u64,
    /// It was ended because all about it was decided.
    pub early: bool,
    /// Why it had to run to the end of its plan.
    pub held: Option<String>,
}

/// The tracker of a run after all of its trials, and the decisions that it made on the way.
fn follow(run: &Run, rule: &Rule, trials: &Trials) -> (Tracker, Vec<Decision>) {
    let mut tracker = Tracker::new(&Arc::new(run.clone()), rule);
    for grant in trials.decisions.iter().filter_map(|(rule, text)| Grant::read(rule, text)) {
        tracker.grant(grant);
    }
    let made = trials.rows.iter().flat_map(|row| tracker.feed(row)).collect();
    (tracker, made)
}

/// Makes a run's early decisions again; `None` where its suite asked for none.
pub fn replay(run: &Run, trials: &Trials) -> Option<Stopping> {
    let rule = run.early.as_ref()?;
    let (tracker, made) = follow(run, rule, trials);
    let logged = |one: &Decision| trials.decisions.iter().any(|(rule, text)| *rule == one.rule && *text == one.text);
    let questions: Vec<Answered> = tracker.watched().iter().map(|watched| asked(run, &tracker, watched)).collect();
    let known = |rule: &str| questions.iter().any(|one| one.question.rule() == rule);
    let stored = trials.decisions.iter().filter(|(rule, _)| known(rule)).count();
    let cells = (0..run.cells.len()).filter(|&at| tracker.is_watched(at) || tracker.why_held(at).is_some());
    Some(Stopping {
        cells: cells.map(|at| ended(&tracker, trials, at)).collect(),
        replays: made.iter().all(logged) && stored == made.len(),
        questions,
    })
}

fn asked(run: &Run, tracker: &Tracker, watched: &Watched) -> Answered {
    let case = &watched.case;
    Answered {
        question: watched.question.clone(),
        title: watched.question.title(run),
        word: case.word(),
        n: case.n(),
        planned: tracker.units(watched),
        missing: case.missing(),
        discordant: case.discordant(),
        estimate: case.estimate(),
        evidence: case.evidence(),
        p_value: case.p_value(),
    }
}

fn ended(tracker: &Tracker, trials: &Trials, cell: usize) -> Ended {
    let own = trials.rows.iter().filter(|row| row.is_measured() && row.cell.0 as usize == cell);
    let (planned, run) = (tracker.planned(cell), own.count() as u64);
    let early = tracker.is_settled(cell) && run < planned;
    Ended { cell, planned, run, early, held: tracker.why_held(cell).map(str::to_owned) }
}

impl Stopping {
    /// The comparison of two cells.
    pub fn comparison(&self, cells: (usize, usize)) -> Option<&Answered> {
        let (baseline, candidate) = cells;
        self.questions.iter().find(|asked| asked.question == Question::Comparison { baseline, candidate })
    }

    /// The size of the cell's sample could depend on what it showed.
    pub fn could_end(&self, cell: usize) -> bool {
        self.cells.iter().any(|one| one.cell == cell && one.held.is_none())
    }

    /// Trials that were planned and not needed.
    pub fn saved(&self) -> u64 {
        self.cells.iter().map(|cell| cell.planned.saturating_sub(cell.run)).sum()
    }
}

/// Gives the shares of a cell that could end early the interval that holds although it could.
pub fn estimates(run: &Run, rows: &[&TrialRow], cell: &mut Cell) {
    let bit = |holds: bool| f64::from(u8::from(holds));
    let due: Vec<&TrialRow> = rows.iter().copied().filter(|row| !row.outcome.is_excluded()).collect();
    cell.error_rate = question::share(due.iter().map(|row| bit(row.is_failed())), cell.error_rate);
    if let (Some(goodput), Some(info)) = (cell.goodput, run.cells.get(cell.id.0 as usize)) {
        let limits = slo::limits(&run.slos, info);
        let good = due.iter().map(|row| bit(quality::good_trials(run, &[row], &limits).0 == 1));
        cell.goodput = Some(question::share(good, goodput));
    }
    if let Some(quality) = &mut cell.quality {
        let values = quality::decided_values(run, rows);
        quality.pass_rate = question::share(values.into_iter(), quality.pass_rate);
    }
}

/// Objectives that were watched are decided by what was seen when they were, and by nothing that came after.
pub fn overrule(run: &Run, stopping: &Stopping, cells: &[Cell], results: &mut [SloResult]) {
    for asked in &stopping.questions {
        let Question::Objective { slo: at, cell } = asked.question else { continue };
        let Some(spec) = run.slos.get(at) else { continue };
        let own = results.iter_mut().find(|result| {
            result.slo == spec.text && cells.get(result.cell_index).is_some_and(|c| c.id.0 as usize == cell)
        });
        let Some(result) = own else { continue };
        let limited = cells.get(result.cell_index).is_some_and(|cell| cell.client_limited);
        if limited && slo::depends_on_time(&spec.metric) {
            continue;
        }
        result.verdict = match asked.word {
            Some(Word::Met) => SloVerdict::Met,
            Some(Word::Missed) => SloVerdict::Missed,
            _ => SloVerdict::Inconclusive,
        };
        result.why = why(asked);
        // A percentile's own value stays; what was tested is the share of trials beyond its limit.
        if matches!(spec.metric, SloMetric::ErrorRate | SloMetric::Goodput | SloMetric::PassRate) {
            result.value = asked.estimate;
        }
        result.needed_n = None;
    }
}

fn why(asked: &Answered) -> String {
    let strongest = asked.evidence.iter().map(|(_, e)| *e).fold(0.0, f64::max);
    let e = crate::text::number::short(strongest);
    match asked.word {
        Some(_) => format!("decided after {} of {} planned, with evidence {e} (20 needed)", asked.n, asked.planned),
        None => format!("not decided after {}: evidence {e}, 20 needed", asked.n),
    }
}
