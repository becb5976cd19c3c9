//! One attempt as the row that `trials.csv`, `junit.xml` and the page show.

use std::collections::BTreeMap;

use crate::analyze::Metric;
use crate::analyze::Run;
use crate::analyze::Summary;
use crate::analyze::Trials;
use crate::analyze::summary::CellKey;
use crate::analyze::summary::VerdictLine;
use crate::analyze::times::measure;
use crate::analyze::trial::Judged;
use crate::analyze::trial::TrialRow;
use crate::analyze::trial::Word;
use crate::domain::Answer;
use crate::domain::Asker;
use crate::domain::Basis;
use crate::domain::CaseId;
use crate::domain::CellId;
use crate::domain::Channel;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::Phase;

/// One attempt. Empty fields are unknown, never zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Number of the trial.
    pub trial: u64,
    /// Number of the attempt, from 1.
    pub attempt: u16,
    /// No further attempt of this trial follows.
    pub is_last: bool,
    /// Names of the cell.
    pub cell: CellKey,
    /// Position in `Summary::cells`; `None` for warm-ups and judges.
    pub cell_index: Option<usize>,
    /// Model name sent.
    pub model: String,
    /// The catalogue's provider, `custom` or `sim`.
    pub provider: String,
    /// The case.
    pub case: CaseId,
    /// Repeat, from 0.
    pub repeat: u32,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// HTTP status.
    pub http_status: Option<u16>,
    /// The provider's terminal reason, verbatim.
    pub finish_reason: Option<String>,
    /// The model that says it answered.
    pub response_model: Option<String>,
    /// Due to first byte written, in ms.
    pub queue_ms: Option<f64>,
    /// Due to response headers, in ms.
    pub ttfb_ms: Option<f64>,
    /// Due to first generated token, in ms.
    pub ttft_ms: Option<f64>,
    /// Due to first token of the answer, in ms.
    pub ttfa_ms: Option<f64>,
    /// Due to last token, in ms.
    pub e2e_ms: Option<f64>,
    /// Time per output token after the first, in ms.
    pub tpot_ms: Option<f64>,
    /// Longest gap between token-bearing events, in ms.
    pub itl_max_ms: Option<f64>,
    /// Prompt tokens.
    pub input_tokens: Option<u64>,
    /// Prompt tokens served from a cache.
    pub cached_tokens: Option<u64>,
    /// Generated tokens spent on reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Generated tokens.
    pub output_tokens: Option<u64>,
    /// Output tokens per second after the first.
    pub output_tps: Option<f64>,
    /// Dollars.
    pub cost_usd: Option<f64>,
    /// Where the cost comes from.
    pub cost_basis: Basis,
    /// Passed, failed, or not decided.
    pub pass: Option<bool>,
    /// Mean score, where decided.
    pub score: Option<f64>,
    /// What graders said.
    pub verdicts: Vec<VerdictLine>,
    /// The answer.
    pub answer: String,
    /// The reasoning.
    pub reasoning: String,
    /// The provider's message, for failures.
    pub message: String,
    /// A detail of the outcome.
    pub detail: String,
    /// What was expected, as text.
    pub expect: Option<String>,
    /// Facts worth a warning, by name.
    pub warnings: Vec<String>,
    /// Events: ms after due, what they carry, bytes of text.
    pub events: Vec<(f64, Channel, u32)>,
}

/// Makes rows from observations, with what the analysis found of their trials.
#[derive(Debug)]
pub struct Rows<'a> {
    run: &'a Run,
    trials: &'a Trials,
    positions: BTreeMap<CellId, usize>,
}

impl<'a> Rows<'a> {
    /// Rows of this run; `summary` says where each cell stands.
    pub fn new(run: &'a Run, trials: &'a Trials, summary: &Summary) -> Self {
        let positions = summary.cells.iter().enumerate().map(|(at, cell)| (cell.id, at)).collect();
        Self { run, trials, positions }
    }

    /// The row of an attempt; `None` for warm-ups and graders' own requests, which are in no figure.
    pub fn row(&self, obs: &Observation) -> Option<Row> {
        let attempt = &obs.attempt;
        if attempt.phase != Phase::Measure || attempt.asker != Asker::Subject {
            return None;
        }
        let cell = self.run.cells.get(attempt.cell.0 as usize)?;
        let case = self.run.cases.get(attempt.case as usize)?;
        let target = self.run.targets.iter().find(|t| t.id == cell.target);
        let trial = self.trials.get(attempt.trial).filter(|row| row.number == attempt.number);
        let times = trial.map_or_else(|| measure(obs, obs.due, |_| ()), |row| row.times);
        let usage = obs.reply.usage.clone().unwrap_or_default();
        let answer = obs.answer();
        let key = CellKey {
            target: cell.target.clone(),
            mode: cell.mode.clone(),
            prompt: cell.prompt.clone(),
            load: cell.load.clone(),
        };
        Some(Row {
            trial: attempt.trial.0,
            attempt: attempt.number,
            is_last: trial.is_some(),
            cell: key,
            cell_index: self.positions.get(&attempt.cell).copied(),
            model: target.map(|t| t.model.clone()).unwrap_or_default(),
            provider: target.map(|t| t.provider.to_string()).unwrap_or_default(),
            case: case.id.clone(),
            repeat: attempt.repeat,
            outcome: obs.outcome,
            http_status: obs.status,
            finish_reason: obs.reply.finish_reason.clone(),
            response_model: obs.reply.model.clone(),
            queue_ms: times.queue,
            ttfb_ms: times.ttfb,
            ttft_ms: times.ttft,
            ttfa_ms: times.ttfa,
            e2e_ms: times.e2e,
            tpot_ms: trial.and_then(|row| row.value(Metric::Tpot)),
            itl_max_ms: times.itl_max,
            input_tokens: usage.input,
            cached_tokens: usage.cached,
            reasoning_tokens: usage.reasoning,
            output_tokens: usage.output,
            output_tps: trial.and_then(|row| row.value(Metric::OutputTps)),
            cost_usd: obs.cost.usd.map(crate::domain::Usd::as_f64),
            cost_basis: obs.cost.basis,
            pass: trial.and_then(|row| row.grade.pass),
            score: trial.and_then(|row| row.grade.score),
            verdicts: trial.map(|row| self.verdicts(row)).unwrap_or_default(),
            answer: shown(&answer, &obs.reply.refusal),
            reasoning: answer.reasoning,
            message: obs.message.clone(),
            detail: obs.detail.clone(),
            expect: case.expect.clone(),
            warnings: warnings(obs),
            events: obs.events.iter().filter_map(|e| Some((e.at.ms_since(obs.due)?, e.channel, e.bytes))).collect(),
        })
    }

    fn verdicts(&self, row: &TrialRow) -> Vec<VerdictLine> {
        let line = |judged: &Judged| {
            let grader = self.run.graders.get(judged.grader as usize)?;
            Some(VerdictLine {
                grader: grader.id.clone(),
                verdict: judged.word.name(),
                value: (judged.word != Word::Ungradable).then_some(judged.value),
                why: judged.why.to_string(),
                version: self.trials.names.text(judged.version).to_owned(),
            })
        };
        row.verdicts.iter().filter_map(line).collect()
    }
}

/// Facts worth a warning, and where the answer comes from if it was not asked for.
fn warnings(obs: &Observation) -> Vec<String> {
    let flags = obs.reply.flags.iter().map(|flag| flag.name().to_owned());
    flags.chain(obs.is_recalled().then(|| "response_cache".to_owned())).collect()
}

/// The answer as a reader sees it: its text, its tool calls one per line, or the refusal.
fn shown(answer: &Answer, refusal: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !answer.text.is_empty() {
        parts.push(answer.text.clone());
    }
    parts.extend(answer.tool_calls.iter().map(|call| format!("{}({})", call.name, call.arguments)));
    if parts.is_empty() {
        parts.push(refusal.to_owned());
    }
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::Fold;
    use crate::analyze::fixture;
    use crate::domain::Event;
    use crate::domain::Verdict;
    use crate::report::sample;

    fn made(observations: &[Observation], verdicts: Vec<Event>) -> Vec<Option<Row>> {
        let run = fixture::run(2);
        let mut fold = Fold::new(&run);
        observations.iter().cloned().map(fixture::observed).chain(verdicts).for_each(|event| fold.push(&event));
        let trials = fold.finish();
        let rows = Rows::new(&run, &trials, &sample::summary());
        observations.iter().map(|obs| rows.row(obs)).collect()
    }

    #[test]
    fn the_deciding_attempt_carries_the_verdict() {
        let first = fixture::failed(0, 0, Outcome::RateLimited);
        let mut second = fixture::ok(0, 0);
        second.attempt.number = 2;
        let rows = made(&[first, second], vec![fixture::graded(0, Verdict::decide(true, "found 42"))]);
        let [Some(first), Some(second)] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((first.pass, first.is_last, first.ttft_ms), (None, false, None));
        assert_eq!((second.pass, second.is_last, second.attempt), (Some(true), true, 2));
        assert_eq!(second.tpot_ms, Some(10.0));
        assert_eq!(second.verdicts[0].why, "found 42");
        assert_eq!(second.events.len(), 4);
        assert_eq!(second.cell_index, Some(0));
    }

    #[test]
    fn warm_ups_are_no_rows() {
        let mut obs = fixture::ok(0, 0);
        obs.attempt.phase = Phase::Warmup;
        assert_eq!(made(&[obs], Vec::new()), [None]);
    }
}
