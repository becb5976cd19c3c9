//! Trials in compact form: what is kept of each while a run's events stream by.

use std::collections::BTreeMap;
use std::collections::HashMap;

use super::grades::Grade;
use super::times::Times;
use crate::domain::Basis;
use crate::domain::CellId;
use crate::domain::Flag;
use crate::domain::Health;
use crate::domain::Offset;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::RunStatus;
use crate::domain::TrialId;
use crate::domain::Usd;

/// Tokens of a trial, over its turns and attempts; `None` where nobody counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Prompt tokens.
    pub input: Option<u64>,
    /// Prompt tokens from the provider's cache.
    pub cached: Option<u64>,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: Option<u64>,
    /// Generated tokens.
    pub output: Option<u64>,
    /// Generated tokens spent on reasoning.
    pub reasoning: Option<u64>,
}

/// The word of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// Met.
    Pass,
    /// Not met.
    Fail,
    /// A value between.
    Score,
    /// Could not judge.
    Ungradable,
}

impl Word {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Score => "score",
            Self::Ungradable => "ungradable",
        }
    }
}

/// A verdict, compact.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Position in the run's graders.
    pub grader: u16,
    /// The grader's version, as an index into [`Trials::names`].
    pub version: u32,
    /// The word.
    pub word: Word,
    /// The value, 0 to 1; 0 when not judged.
    pub value: f64,
    /// Why, bounded.
    pub why: Box<str>,
}

/// One trial: its final attempt's outcome, its times, its money, its verdicts.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRow {
    /// Its number.
    pub trial: TrialId,
    /// Its cell.
    pub cell: CellId,
    /// Position in the case table.
    pub case: u32,
    /// Repeat, from 0.
    pub repeat: u32,
    /// Warm-up or measured.
    pub phase: Phase,
    /// Attempts seen.
    pub attempts: u32,
    /// Number of the attempt that decides.
    pub number: u16,
    /// Turn of that attempt.
    pub turn: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status of that attempt.
    pub status: Option<u16>,
    /// Due time of the deciding turn's first attempt.
    pub due: Offset,
    /// Due time of the trial's first attempt.
    pub began: Offset,
    /// End of the deciding attempt.
    pub ended: Offset,
    /// Times of the deciding turn.
    pub times: Times,
    /// Tokens, over all attempts.
    pub tokens: Tokens,
    /// Tokens of the deciding turn alone, which its rates are made of.
    pub turn_tokens: Tokens,
    /// Money, over all attempts.
    pub cost: Option<Usd>,
    /// The least certain origin among its attempts' costs.
    pub basis: Basis,
    /// A graders' requests' money.
    pub judge_cost: Usd,
    /// Facts worth a warning, as bits in the order of [`Flag::ALL`].
    pub flags: u16,
    /// The answer began before the token limit was hit.
    pub answered: bool,
    /// Reasoning was seen, by text or by tokens.
    pub reasoned: bool,
    /// The connection had served before.
    pub reused: bool,
    /// An answer of it came from the response cache: it has no times, and its cost says nothing about the target.
    pub recalled: bool,
    /// What answers from the response cache cost when they were made.
    pub avoided: Option<Usd>,
    /// Patch that the mode added, as an index into [`Trials::names`].
    pub sent_mode: u32,
    /// Model that says it answered, likewise.
    pub model: Option<u32>,
    /// Host behind a gateway, likewise.
    pub upstream: Option<u32>,
    /// Kind of failure, as an index into [`Trials::failures`].
    pub failure: Option<u32>,
    /// Hash of the answer without case and spaces, to see whether answers differ.
    pub answer_hash: u64,
    /// Verdicts in force, by grader.
    pub verdicts: Vec<Judged>,
    /// What the verdicts come to.
    pub grade: Grade,
}

impl TrialRow {
    /// It counts in figures.
    pub fn is_measured(&self) -> bool {
        self.phase == Phase::Measure
    }

    /// A fact was noted.
    pub fn has(&self, flag: Flag) -> bool {
        Flag::ALL.iter().position(|f| *f == flag).is_some_and(|bit| self.flags >> bit & 1 == 1)
    }

    /// It failed on the path, or ended without any token: infinitely late.
    pub fn is_failed(&self) -> bool {
        self.outcome.is_infra() && !self.outcome.is_excluded() || self.is_empty()
    }

    /// A success without any token.
    pub fn is_empty(&self) -> bool {
        self.outcome == Outcome::Ok && self.has(Flag::Empty)
    }

    /// It ended with something that carries a latency.
    pub fn is_sample(&self) -> bool {
        self.outcome.is_sample() && !self.is_empty()
    }
}

/// Texts that recur, kept once. Bounded: what comes after the bound shares one entry.
#[derive(Debug, Clone, Default)]
pub struct Names {
    list: Vec<String>,
    map: HashMap<String, u32>,
}

const MOST_NAMES: usize = 10_000;
const LONGEST_NAME: usize = 300;

impl Names {
    /// The index of `name`, which is cut at 300 bytes.
    pub fn index(&mut self, name: &str) -> u32 {
        let name = bounded(name, LONGEST_NAME);
        if let Some(&at) = self.map.get(name) {
            return at;
        }
        let name = if self.list.len() < MOST_NAMES { name } else { "(further values)" };
        if let Some(&at) = self.map.get(name) {
            return at;
        }
        let at = self.list.len() as u32;
        self.list.push(name.to_owned());
        self.map.insert(name.to_owned(), at);
        at
    }

    /// The text at `index`; empty for an index that was never given out.
    pub fn text(&self, index: u32) -> &str {
        self.list.get(index as usize).map_or("", String::as_str)
    }
}

/// `text` cut at a character boundary, at most `longest` bytes.
pub(crate) fn bounded(text: &str, longest: usize) -> &str {
    let mut end = text.len().min(longest);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A kind of failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The outcome.
    pub outcome: Outcome,
    /// Rule, timer or code.
    pub detail: String,
    /// HTTP status.
    pub status: Option<u16>,
    /// The provider's message the first time, bounded.
    pub message: String,
}

/// Verdicts that a regrade replaced, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replaced {
    /// Trials judged by both versions.
    pub trials: u64,
    /// Trials whose verdict changed.
    pub changed: u64,
}

/// All that is kept of a run's events.
#[derive(Debug, Clone)]
pub struct Trials {
    /// Trials by number, warm-up included.
    pub rows: Vec<TrialRow>,
    /// Gaps between token-bearing events, per cell of the plan.
    pub gaps: Vec<super::gaps::Gaps>,
    /// Texts that rows refer to.
    pub names: Names,
    /// Kinds of failure that rows refer to.
    pub failures: Vec<Failure>,
    /// Self-audits, in order.
    pub health: Vec<Health>,
    /// Stopping decisions: rule and decision.
    pub decisions: Vec<(String, String)>,
    /// How the run ended.
    pub status: Option<RunStatus>,
    /// Requests sent for the models under test.
    pub attempts: u64,
    /// Requests sent for graders.
    pub judge_requests: u64,
    /// Cost of graders' requests by origin.
    pub judge_basis: BTreeMap<Basis, u64>,
    /// Origin of the cost of every subject request: cell, phase, origin.
    pub basis: BTreeMap<(CellId, Phase, Basis), u64>,
    /// Regraded verdicts: grader, version before, version after.
    pub replaced: BTreeMap<(u16, u32, u32), Replaced>,
}

impl Trials {
    /// The trial of this number.
    pub fn get(&self, trial: TrialId) -> Option<&TrialRow> {
        let at = self.rows.binary_search_by_key(&trial, |row| row.trial).ok()?;
        self.rows.get(at)
    }

    /// When the last trial or the last audited segment ended.
    pub fn last_end(&self) -> Option<Offset> {
        let rows = self.rows.iter().map(|row| row.ended);
        rows.chain(self.health.iter().map(|health| health.window.1)).max()
    }
}
