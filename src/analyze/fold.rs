//! Folds a run's events into compact trials, one event at a time.
//!
//! What an observation's event ledger says is reduced to a few figures on the spot, so memory grows by a few hundred
//! bytes per trial, not with the length of answers.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::gaps::Gaps;
use super::grades;
use super::grades::Grade;
use super::grades::Reason;
use super::run::Run;
use super::times;
use super::trial::Failure;
use super::trial::Judged;
use super::trial::Names;
use super::trial::Tokens;
use super::trial::TrialRow;
use super::trial::Trials;
use super::trial::Word;
use super::trial::bounded;
use crate::domain::Asker;
use crate::domain::Basis;
use crate::domain::CellId;
use crate::domain::Event;
use crate::domain::Flag;
use crate::domain::GraderId;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::TrialId;
use crate::domain::Usage;
use crate::domain::Usd;
use crate::domain::Verdict;
use crate::domain::observation::split_thinking;

const LONGEST_WHY: usize = 200;
const MOST_FAILURES: usize = 1000;
/// Trials that room is made for at once; a manifest may claim any number.
const MOST_RESERVED: u64 = 200_000;

/// Reads events in the order of the log.
#[derive(Debug)]
pub struct Fold<'a> {
    run: &'a Run,
    hash_answers: bool,
    index: HashMap<TrialId, usize>,
    graders: HashMap<GraderId, u16>,
    failures: HashMap<(Outcome, Option<u16>, String), u32>,
    scratch: Vec<f32>,
    into: Trials,
}

impl<'a> Fold<'a> {
    /// A fold over the events of `run`.
    pub fn new(run: &'a Run) -> Self {
        let graders = run.graders.iter().enumerate().map(|(at, g)| (g.id.clone(), at as u16)).collect();
        Self {
            run,
            hash_answers: has_two_loads(run),
            index: HashMap::new(),
            graders,
            failures: HashMap::new(),
            scratch: Vec::new(),
            into: Trials {
                rows: Vec::with_capacity(run.meta.planned.min(MOST_RESERVED) as usize),
                gaps: vec![Gaps::default(); run.cells.len()],
                names: Names::default(),
                failures: Vec::new(),
                health: Vec::new(),
                decisions: Vec::new(),
                status: None,
                attempts: 0,
                judge_requests: 0,
                judge_basis: BTreeMap::new(),
                basis: BTreeMap::new(),
                replaced: BTreeMap::new(),
            },
        }
    }

    /// Takes in one event.
    pub fn push(&mut self, event: &Event) {
        match event {
            Event::Intent { .. } => {}
            Event::Observed(obs) => match &obs.attempt.asker {
                Asker::Subject => self.observe(obs),
                Asker::Grader(_) => self.observe_judge(obs),
            },
            Event::Graded { trial, grader, version, verdict } => self.judge(*trial, grader, version, verdict),
            Event::Health(health) => self.into.health.push((**health).clone()),
            Event::Decided { rule, decision } => self.into.decisions.push((rule.clone(), decision.clone())),
            Event::Ended(status) => self.into.status = Some(*status),
        }
    }

    /// The trials, graded and in order.
    pub fn finish(mut self) -> Trials {
        for row in &mut self.into.rows {
            row.grade = grades::grade(row, &self.run.graders, self.run.policy);
        }
        self.into.rows.sort_unstable_by_key(|row| row.trial);
        self.into
    }

    fn observe(&mut self, obs: &Observation) {
        if !obs.is_recalled() {
            self.into.attempts += 1;
            *self.into.basis.entry((obs.attempt.cell, obs.attempt.phase, obs.cost.basis)).or_default() += 1;
        }
        let at = *self.index.entry(obs.attempt.trial).or_insert_with(|| {
            self.into.rows.push(blank(obs));
            self.into.rows.len() - 1
        });
        let row = &mut self.into.rows[at];
        let is_newest = row.attempts == 0 || obs.attempt.number >= row.number;
        row.attempts += 1;
        row.began = row.began.min(obs.due);
        row.basis = row.basis.max(obs.cost.basis);
        if let Some(usd) = obs.cost.usd {
            row.cost = Some(row.cost.unwrap_or(Usd::ZERO) + usd);
        }
        if let Some(kept) = obs.recall.as_ref().and_then(|recall| recall.kept.as_ref()) {
            row.recalled = true;
            row.avoided = kept.avoided.map(|usd| row.avoided.unwrap_or(Usd::ZERO) + usd).or(row.avoided);
        }
        if let Some(usage) = &obs.reply.usage {
            row.tokens.add(&Tokens::of(usage));
        }
        if is_newest {
            self.decide(at, obs);
        }
    }

    /// The newest attempt decides how the trial ended.
    fn decide(&mut self, at: usize, obs: &Observation) {
        let row = &self.into.rows[at];
        let due = if row.turn == obs.attempt.turn { row.due.min(obs.due) } else { obs.due };
        self.scratch.clear();
        let scratch = &mut self.scratch;
        let mut times = times::measure(obs, due, |gap| scratch.push(gap as f32));
        let inline = thinks_inline(&obs.reply.text);
        times.reasoning_streamed |= inline;
        let failure = (obs.outcome.is_infra() || obs.outcome.is_withheld()).then(|| self.failure(obs));
        let names = &mut self.into.names;
        let (sent_mode, model) =
            (names.index(obs.sent_mode.as_str()), obs.reply.model.as_ref().map(|m| names.index(m)));
        let upstream = obs.reply.provider.as_ref().map(|p| names.index(p));
        let reasoning_tokens = obs.reply.usage.as_ref().and_then(|usage| usage.reasoning).unwrap_or(0);
        let row = &mut self.into.rows[at];
        row.number = obs.attempt.number;
        row.turn = obs.attempt.turn;
        row.outcome = obs.outcome;
        row.status = obs.status;
        row.due = due;
        row.ended = obs.ended;
        row.turn_tokens = obs.reply.usage.as_ref().map(Tokens::of).unwrap_or_default();
        row.flags |= flag_bits(obs);
        row.answered = obs.outcome != Outcome::Length || has_answer(obs);
        row.reasoned = reasoning_tokens > 0 || !obs.reply.reasoning.trim().is_empty() || inline;
        row.reused = obs.conn.reused;
        row.sent_mode = sent_mode;
        row.model = model;
        row.upstream = upstream;
        row.failure = failure;
        row.answer_hash = if self.hash_answers { hash_answer(obs) } else { 0 };
        row.times = times;
        if row.is_measured()
            && row.is_sample()
            && let Some(gaps) = self.into.gaps.get_mut(obs.attempt.cell.0 as usize)
        {
            gaps.add(obs.attempt.trial.0, &self.scratch);
        }
    }

    fn failure(&mut self, obs: &Observation) -> u32 {
        let key = (obs.outcome, obs.status, bounded(&obs.detail, LONGEST_WHY).to_owned());
        if let Some(&at) = self.failures.get(&key) {
            return at;
        }
        let at = self.into.failures.len().min(MOST_FAILURES) as u32;
        if self.into.failures.len() <= MOST_FAILURES {
            let (outcome, status, detail) = key.clone();
            let message = bounded(&obs.message, LONGEST_WHY).to_owned();
            self.into.failures.push(Failure { outcome, detail, status, message });
            self.failures.insert(key, at);
        }
        at
    }

    fn observe_judge(&mut self, obs: &Observation) {
        if obs.is_recalled() {
            return;
        }
        self.into.judge_requests += 1;
        *self.into.judge_basis.entry(obs.cost.basis).or_default() += 1;
        if let Some(&at) = self.index.get(&obs.attempt.trial) {
            let row = &mut self.into.rows[at];
            row.judge_cost = row.judge_cost + obs.cost.usd.unwrap_or(Usd::ZERO);
        }
    }

    /// A later verdict of the same grader takes the place of an earlier one; what changed is counted.
    fn judge(&mut self, trial: TrialId, grader: &GraderId, version: &str, verdict: &Verdict) {
        let (Some(&at), Some(&grader)) = (self.index.get(&trial), self.graders.get(grader)) else { return };
        let judged = compact(grader, self.into.names.index(version), verdict);
        let verdicts = &mut self.into.rows[at].verdicts;
        match verdicts.binary_search_by_key(&grader, |v| v.grader) {
            Err(place) => verdicts.insert(place, judged),
            Ok(place) => {
                let old = std::mem::replace(&mut verdicts[place], judged);
                let new = &verdicts[place];
                if old.version != new.version {
                    let count = self.into.replaced.entry((grader, old.version, new.version)).or_default();
                    count.trials += 1;
                    count.changed += u64::from(old.word != new.word || (old.value - new.value).abs() > 1e-9);
                }
            }
        }
    }
}

/// One observation as a trial of its own, for those who watch a run while it goes on.
pub(crate) fn row_of(obs: &Observation) -> TrialRow {
    let run = Run::default();
    let mut fold = Fold::new(&run);
    fold.observe(obs);
    fold.into.rows.pop().unwrap_or_else(|| blank(obs))
}

fn has_two_loads(run: &Run) -> bool {
    let mut seen = HashSet::new();
    run.cells.iter().any(|cell| !seen.insert((&cell.target, &cell.mode, &cell.prompt)))
}

fn blank(obs: &Observation) -> TrialRow {
    TrialRow {
        trial: obs.attempt.trial,
        cell: obs.attempt.cell,
        case: obs.attempt.case,
        repeat: obs.attempt.repeat,
        phase: obs.attempt.phase,
        attempts: 0,
        number: 0,
        turn: obs.attempt.turn,
        outcome: obs.outcome,
        status: None,
        due: obs.due,
        began: obs.due,
        ended: obs.ended,
        times: times::Times::default(),
        tokens: Tokens::default(),
        turn_tokens: Tokens::default(),
        cost: None,
        basis: Basis::Billed,
        judge_cost: Usd::ZERO,
        flags: 0,
        answered: true,
        reasoned: false,
        reused: false,
        recalled: false,
        avoided: None,
        sent_mode: 0,
        model: None,
        upstream: None,
        failure: None,
        answer_hash: 0,
        verdicts: Vec::new(),
        grade: Grade::missing(Reason::Ungradable),
    }
}

fn flag_bits(obs: &Observation) -> u16 {
    let bit = |flag| Flag::ALL.iter().position(|f| *f == flag).map_or(0, |at| 1u16 << at);
    obs.reply.flags.iter().map(|flag| bit(*flag)).fold(0, |bits, bit| bits | bit)
}

/// Reasoning inside the answer, between `<think>` tags; empty blocks are what models leave that were told not to.
fn thinks_inline(text: &str) -> bool {
    text.contains("think>") && !split_thinking(text).1.trim().is_empty()
}

fn has_answer(obs: &Observation) -> bool {
    !obs.reply.tool_calls.is_empty() || !split_thinking(&obs.reply.text).0.trim().is_empty()
}

/// FNV-1a over the letters and digits of the answer, case and punctuation aside.
fn hash_answer(obs: &Observation) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let matters = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    let hash =
        |seed: u64, text: &str| text.bytes().filter(matters).map(|byte| byte.to_ascii_lowercase()).fold(seed, fnv);
    let (text, _) = split_thinking(&obs.reply.text);
    let seed = hash(0xcbf2_9ce4_8422_2325, &text);
    obs.reply.tool_calls.iter().fold(seed, |seed, call| hash(hash(seed, &call.name), &call.arguments))
}

fn compact(grader: u16, version: u32, verdict: &Verdict) -> Judged {
    let (word, value) = match verdict {
        Verdict::Pass { .. } => (Word::Pass, 1.0),
        Verdict::Fail { .. } => (Word::Fail, 0.0),
        Verdict::Score { value, .. } if (0.0..=1.0).contains(value) => (Word::Score, *value),
        Verdict::Score { .. } | Verdict::Ungradable { .. } => (Word::Ungradable, 0.0),
    };
    Judged { grader, version, word, value, why: bounded(&verdict.why().text, LONGEST_WHY).into() }
}

impl Tokens {
    /// The counts of a usage object.
    pub fn of(usage: &Usage) -> Self {
        Self {
            input: usage.input,
            cached: usage.cached,
            cache_write: usage.cache_write,
            output: usage.output,
            reasoning: usage.reasoning,
        }
    }

    /// Adds another attempt's counts; what one of them knows is known.
    pub fn add(&mut self, other: &Self) {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (known, None) | (None, known) => known,
        };
        self.input = sum(self.input, other.input);
        self.cached = sum(self.cached, other.cached);
        self.cache_write = sum(self.cache_write, other.cache_write);
        self.output = sum(self.output, other.output);
        self.reasoning = sum(self.reasoning, other.reasoning);
    }
}

/// Which cell a row belongs to, as an index; rows of cells that the run does not have are left out of every table.
pub(crate) fn by_cell<'t>(run: &Run, trials: &'t Trials, phase: Phase) -> Vec<Vec<&'t TrialRow>> {
    let mut cells: Vec<Vec<&TrialRow>> = vec![Vec::new(); run.cells.len()];
    for row in trials.rows.iter().filter(|row| row.phase == phase) {
        let CellId(at) = row.cell;
        if let Some(cell) = cells.get_mut(at as usize) {
            cell.push(row);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;

    #[test]
    fn the_last_attempt_decides_and_its_wait_counts() {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        let mut first = fixture::failed(0, 0, Outcome::RateLimited);
        first.attempt.is_last = false;
        fold.push(&fixture::observed(first));
        let mut second = fixture::at(0, 0, 1000, 100);
        second.attempt.number = 2;
        fold.push(&fixture::observed(second));
        let trials = fold.finish();
        let row = &trials.rows[0];
        assert_eq!((trials.rows.len(), row.attempts, row.outcome), (1, 2, Outcome::Ok));
        assert_eq!(row.times.ttft, Some(1100.0), "from the first attempt's due time");
        assert_eq!(row.basis, Basis::Unknown, "the failed attempt may have been billed");
        assert_eq!(trials.attempts, 2);
    }

    #[test]
    fn a_new_turn_starts_a_new_clock() {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        fold.push(&fixture::observed(fixture::ok(0, 0)));
        let mut second = fixture::at(0, 0, 1000, 100);
        (second.attempt.number, second.attempt.turn) = (2, 2);
        fold.push(&fixture::observed(second));
        let row = &fold.finish().rows[0];
        assert_eq!(row.times.ttft, Some(100.0));
        assert_eq!(row.tokens.output, Some(8), "both turns were billed");
        assert_eq!(row.turn_tokens.output, Some(4));
    }

    #[test]
    fn a_regrade_takes_the_place_of_the_verdict_before() {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        fold.push(&fixture::observed(fixture::ok(0, 0)));
        fold.push(&fixture::graded(0, Verdict::decide(false, "no")));
        let verdict = Verdict::decide(true, "yes");
        fold.push(&Event::Graded { trial: TrialId(0), grader: "exact".into(), version: "2".into(), verdict });
        let trials = fold.finish();
        assert_eq!(trials.rows[0].grade.pass, Some(true));
        let (&(grader, from, to), count) = trials.replaced.first_key_value().unwrap();
        assert_eq!((grader, trials.names.text(from), trials.names.text(to)), (0, "1", "2"));
        assert_eq!((count.trials, count.changed), (1, 1));
    }

    #[test]
    fn a_verdict_on_an_unknown_trial_or_by_an_unknown_grader_is_nothing() {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        fold.push(&fixture::graded(9, Verdict::decide(true, "")));
        fold.push(&fixture::observed(fixture::ok(0, 0)));
        let verdict = Verdict::decide(true, "");
        fold.push(&Event::Graded { trial: TrialId(0), grader: "other".into(), version: "1".into(), verdict });
        assert_eq!(fold.finish().rows[0].verdicts.len(), 0);
    }

    #[test]
    fn thinking_inside_the_answer_is_seen_and_empty_blocks_are_not() {
        assert!(thinks_inline("<think>hm</think>4") && thinks_inline("hm</think>4") && thinks_inline("<think>cut off"));
        assert!(!thinks_inline("<think>\n\n</think>4") && !thinks_inline("I think> so is no tag <b>"));
    }

    #[test]
    fn answers_are_the_same_apart_from_case_and_punctuation() {
        let hash = |text: &str| {
            let mut obs = fixture::ok(0, 0);
            obs.reply.text = text.into();
            hash_answer(&obs)
        };
        assert_eq!(hash("Paris."), hash(" paris"));
        assert_ne!(hash("Paris"), hash("London"));
    }
}
