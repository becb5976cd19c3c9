//! Trials for a reader to look into: failures first, then some of each cell.

use super::Summary;
use super::run::Run;
use super::slo::Evidence;
use super::summary::TrialSample;
use super::summary::VerdictLine;
use super::trial::TrialRow;
use super::trial::Trials;
use super::trial::Word;
use super::trial::bounded;
use crate::domain::Observation;

/// Samples over all cells at most.
const MOST_SAMPLES: usize = 500;
/// Failed trials of one cell at most, and others.
const PER_CELL: [usize; 2] = [20, 5];
/// Bytes of a sampled text at most.
const LONGEST_TEXT: usize = 4_000;

/// Picks the samples of every cell; their texts are still empty.
pub fn choose(run: &Run, trials: &Trials, cells: &[Evidence<'_>]) -> Vec<TrialSample> {
    let share = (MOST_SAMPLES / cells.len().max(1)).max(1);
    let mut picked = Vec::new();
    for (cell_index, evidence) in cells.iter().enumerate() {
        let (bad, good): (Vec<&TrialRow>, Vec<&TrialRow>) = evidence.rows.iter().partition(|row| is_of_interest(row));
        let few = |rows: Vec<&TrialRow>, most: usize| -> Vec<TrialSample> {
            rows.into_iter().take(most.min(share)).map(|row| sample(run, trials, row, cell_index)).collect()
        };
        picked.extend(few(bad, PER_CELL[0]));
        picked.extend(few(good, PER_CELL[1]));
    }
    picked.sort_by_key(|sample| {
        (sample.pass != Some(false) && !sample.outcome.is_infra(), sample.cell_index, sample.trial)
    });
    picked.truncate(MOST_SAMPLES);
    picked
}

fn is_of_interest(row: &TrialRow) -> bool {
    row.grade.pass == Some(false) || !row.outcome.is_sample() || row.verdicts.iter().any(|v| v.word == Word::Ungradable)
}

fn sample(run: &Run, trials: &Trials, row: &TrialRow, cell_index: usize) -> TrialSample {
    let case = run.cases.get(row.case as usize);
    TrialSample {
        trial: row.trial,
        cell_index,
        case: case.map_or_else(|| "?".into(), |case| case.id.clone()),
        cluster: case.and_then(|case| case.cluster.clone()),
        repeat: row.repeat,
        outcome: row.outcome,
        pass: row.grade.pass,
        score: row.grade.score,
        answer: String::new(),
        reasoning: String::new(),
        expect: case.and_then(|case| case.expect.as_deref()).map(|text| bounded(text, LONGEST_TEXT).to_owned()),
        verdicts: verdict_lines(run, trials, row),
        ttft_ms: row.times.ttft,
        ttfa_ms: row.times.ttfa,
        e2e_ms: row.times.e2e,
        output_tokens: row.tokens.output,
        reasoning_tokens: row.tokens.reasoning,
        cost_usd: row.cost.map(crate::domain::Usd::as_f64),
        attempts: row.attempts,
    }
}

/// A trial's verdicts in force, one line each, in suite order.
pub fn verdict_lines(run: &Run, trials: &Trials, row: &TrialRow) -> Vec<VerdictLine> {
    let line = |judged: &super::trial::Judged| {
        Some(VerdictLine {
            grader: run.graders.get(usize::from(judged.grader))?.id.clone(),
            verdict: judged.word.name(),
            value: (judged.word != Word::Ungradable).then_some(judged.value),
            why: judged.why.to_string(),
            version: trials.names.text(judged.version).to_owned(),
        })
    };
    row.verdicts.iter().filter_map(line).collect()
}

impl Summary {
    /// Fills in the texts of a sampled trial from its observation; others are left alone. The last attempt wins.
    pub fn attach(&mut self, obs: &Observation) {
        let wanted = |sample: &&mut TrialSample| sample.trial == obs.attempt.trial;
        if obs.attempt.asker != crate::domain::Asker::Subject {
            return;
        }
        if let Some(sample) = self.samples.iter_mut().find(wanted) {
            let answer = obs.answer();
            sample.answer = shown(&answer.text, &answer.tool_calls);
            bounded(&answer.reasoning, LONGEST_TEXT).clone_into(&mut sample.reasoning);
        }
    }
}

/// The answer with its tool calls, as text.
fn shown(text: &str, calls: &[crate::domain::ToolCall]) -> String {
    let mut shown = bounded(text, LONGEST_TEXT).to_owned();
    for call in calls.iter().take(20) {
        let gap = if shown.is_empty() { "" } else { "\n" };
        shown = format!("{shown}{gap}{}({})", bounded(&call.name, 200), bounded(&call.arguments, LONGEST_TEXT));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::analyze::summarize::summarize;
    use crate::domain::Verdict;

    #[test]
    fn failures_come_first_and_texts_are_filled_in_later() {
        let run = fixture::run(60);
        let mut fold = Fold::new(&run);
        for i in 0..60u32 {
            fold.push(&fixture::observed(fixture::ok(u64::from(i), i)));
            fold.push(&fixture::graded(u64::from(i), Verdict::decide(i % 2 == 0, "because")));
        }
        let mut summary = summarize(&run, &fold.finish());
        assert_eq!(summary.samples.len(), 25);
        assert!(summary.samples[..20].iter().all(|s| s.pass == Some(false) && s.verdicts[0].why == "because"));
        let mut obs = fixture::ok(1, 1);
        obs.reply.text = "<think>hm</think>".to_owned() + &"ä".repeat(10_000);
        summary.attach(&obs);
        let sample = summary.samples.iter().find(|s| s.trial == obs.attempt.trial).unwrap();
        assert!(sample.answer.starts_with('ä') && sample.answer.len() <= LONGEST_TEXT);
        assert_eq!(sample.reasoning, "hm");
    }
}
