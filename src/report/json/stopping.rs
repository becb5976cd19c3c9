//! What was decided before the plan ended.

use serde::Serialize;

use super::E;
use super::Key;
use super::finite;
use crate::analyze::Summary;
use crate::analyze::early;
use crate::analyze::early::Question;
use crate::analyze::summary::Cell;

#[derive(Serialize)]
pub(super) struct Stopping<'a> {
    /// Trials in the plan of the cells below, trials that ended, trials that were not needed.
    planned: u64,
    run: u64,
    saved: u64,
    /// Decisions in the log and those made again from the stored trials are the same.
    replays: bool,
    questions: Vec<Asked<'a>>,
    cells: Vec<Ended<'a>>,
}

#[derive(Serialize)]
struct Asked<'a> {
    kind: &'static str,
    question: &'a str,
    verdict: Option<&'static str>,
    n: u64,
    planned: u64,
    missing: u64,
    b: Option<u64>,
    c: Option<u64>,
    estimate: E,
    /// The evidence for each claim; infinite evidence is null.
    evidence: Vec<(&'static str, Option<f64>)>,
    p_value: Option<f64>,
}

#[derive(Serialize)]
struct Ended<'a> {
    cell: Option<Key<'a>>,
    planned: u64,
    run: u64,
    stopped: bool,
    why: &'a str,
}

impl<'a> Stopping<'a> {
    pub(super) fn of(summary: &'a Summary, found: &'a early::Stopping) -> Self {
        Self {
            planned: found.cells.iter().map(|cell| cell.planned).sum(),
            run: found.cells.iter().map(|cell| cell.run).sum(),
            saved: found.saved(),
            replays: found.replays,
            questions: found.questions.iter().map(Asked::of).collect(),
            cells: found.cells.iter().map(|cell| Ended::of(&summary.cells, cell)).collect(),
        }
    }
}

impl<'a> Asked<'a> {
    fn of(asked: &'a early::Answered) -> Self {
        let pair = matches!(asked.question, Question::Comparison { .. });
        Self {
            kind: if pair { "comparison" } else { "objective" },
            question: &asked.title,
            verdict: asked.word.map(early::Word::name),
            n: asked.n,
            planned: asked.planned,
            missing: asked.missing,
            b: pair.then_some(asked.discordant[0]),
            c: pair.then_some(asked.discordant[1]),
            estimate: E::of(&asked.estimate),
            evidence: asked.evidence.iter().map(|(word, e)| (word.name(), finite(Some(*e)))).collect(),
            p_value: asked.p_value,
        }
    }
}

impl<'a> Ended<'a> {
    fn of(cells: &'a [Cell], ended: &'a early::Ended) -> Self {
        let cell = cells.iter().find(|cell| cell.id.0 as usize == ended.cell);
        let why = match (&ended.held, ended.early) {
            (Some(held), _) => held.as_str(),
            (None, true) => "every question about it was decided",
            (None, false) => "a question about it stayed open, or its plan ended first",
        };
        Self {
            cell: cell.map(|cell| Key::of(&cell.key)),
            planned: ended.planned,
            run: ended.run,
            stopped: ended.early,
            why,
        }
    }
}
