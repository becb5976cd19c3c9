//! One row per attempt, in the order of the log: a pass over the events with the trials already judged.

use std::collections::BTreeMap;

use crate::analyze::Run;
use crate::analyze::Summary;
use crate::analyze::Trials;
use crate::analyze::summary::CellKey;
use crate::analyze::summary::VerdictLine;
use crate::analyze::times;
use crate::domain::Asker;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Phase;
use crate::report::Row;

/// Makes rows from events.
pub struct Rows<'a> {
    run: &'a Run,
    trials: &'a Trials,
    index: BTreeMap<u32, usize>,
}

impl<'a> Rows<'a> {
    /// Rows of a run whose trials were folded and judged.
    pub fn new(run: &'a Run, trials: &'a Trials, summary: &Summary) -> Self {
        let index = summary.cells.iter().enumerate().map(|(at, cell)| (cell.id.0, at)).collect();
        Self { run, trials, index }
    }

    /// The row of an event, if it has one: measured attempts of the models under test.
    pub fn take(&mut self, event: &Event) -> Option<Row> {
        let Event::Observed(observation) = event else { return None };
        let attempt = &observation.attempt;
        (attempt.asker == Asker::Subject && attempt.phase == Phase::Measure).then(|| self.row(observation))
    }

    fn row(&self, seen: &Observation) -> Row {
        let attempt = &seen.attempt;
        let cell = &self.run.cells[attempt.cell.0 as usize];
        let target = self.run.targets.iter().find(|target| target.id == cell.target);
        let trial = self.trials.get(attempt.trial).filter(|_| attempt.is_last);
        let answer = seen.answer();
        let usage = &answer.usage;
        let measured = times::measure(seen, seen.due, |_| {});
        let graded = trial.map(|row| &row.grade);
        Row {
            trial: attempt.trial.0,
            attempt: attempt.number,
            is_last: attempt.is_last,
            cell: CellKey {
                target: cell.target.clone(),
                mode: cell.mode.clone(),
                prompt: cell.prompt.clone(),
                load: cell.load.clone(),
            },
            cell_index: self.index.get(&attempt.cell.0).copied(),
            model: target.map(|t| t.model.clone()).unwrap_or_default(),
            provider: target.map(|t| t.provider.to_string()).unwrap_or_default(),
            case: self.run.cases[attempt.case as usize].id.clone(),
            repeat: attempt.repeat,
            outcome: seen.outcome,
            http_status: seen.status,
            finish_reason: seen.reply.finish_reason.clone(),
            response_model: seen.reply.model.clone(),
            queue_ms: seen.written.and_then(|at| at.ms_since(seen.due)),
            ttfb_ms: seen.headers.and_then(|at| at.ms_since(seen.due)),
            ttft_ms: seen.ttft_ms(),
            ttfa_ms: seen.ttfa_ms(),
            e2e_ms: seen.e2e_ms(),
            tpot_ms: measured.tpot_ms,
            itl_max_ms: measured.itl_max_ms,
            input_tokens: usage.input,
            cached_tokens: usage.cached,
            reasoning_tokens: usage.reasoning,
            output_tokens: usage.output,
            output_tps: measured.output_tps,
            cost_usd: seen.cost.usd.map(crate::domain::Usd::as_f64),
            cost_basis: seen.cost.basis,
            pass: graded.and_then(|grade| grade.pass),
            score: graded.and_then(|grade| grade.score),
            verdicts: trial.map(|row| self.verdicts(row)).unwrap_or_default(),
            answer: answer.text,
            reasoning: answer.reasoning,
            message: seen.message.clone(),
            detail: seen.detail.clone(),
            expect: self.run.cases[attempt.case as usize].expect.clone(),
            warnings: seen.reply.flags.iter().map(|flag| flag.name().to_owned()).collect(),
            events: events(seen),
        }
    }

    fn verdicts(&self, row: &crate::analyze::trial::TrialRow) -> Vec<VerdictLine> {
        let line = |judged: &crate::analyze::trial::Judged| VerdictLine {
            grader: self.run.graders[usize::from(judged.grader)].id.clone(),
            verdict: judged.word.name(),
            value: judged.is_decided().then_some(judged.value),
            why: judged.why.to_string(),
            version: self.trials.names.text(judged.version).to_owned(),
        };
        row.judged.iter().map(line).collect()
    }
}

fn events(seen: &Observation) -> Vec<(f64, crate::domain::Channel, u32)> {
    let event = |e: &crate::domain::WireEvent| e.at.ms_since(seen.due).map(|ms| (ms, e.channel, e.bytes));
    seen.events.iter().filter_map(event).collect()
}
