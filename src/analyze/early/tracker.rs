//! Trials in the order of the plan, whatever the order in which they end, and what each decides.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use super::question::Case;
use super::question::Word;
use super::rule::Asked;
use super::rule::Question;
use super::rule::Questions;
use super::rule::Rule;
use super::rule::Share;
use crate::analyze::quality;
use crate::analyze::run::Run;
use crate::analyze::slo;
use crate::analyze::slo::Limit;
use crate::analyze::slo_expr::SloMetric;
use crate::analyze::trial::TrialRow;
use crate::domain::Outcome;

/// A decision, at the moment at which it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The question as the log names it.
    pub rule: String,
    /// The decision as the log keeps it.
    pub text: String,
}

/// More trials of a case than its plan's repeats, out of those that decided questions no longer need.
///
/// It is made before the case's first trial is sent, so it cannot depend on how the case turns out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Position of the cell.
    pub cell: usize,
    /// Position of the case.
    pub case: u32,
    /// Trials in all.
    pub trials: u32,
}

impl Grant {
    /// The grant as the log names it.
    pub fn decision(self) -> Decision {
        let Self { cell, case, trials } = self;
        Decision { rule: format!("repeats of case {case} in cell {cell}"), text: trials.to_string() }
    }

    /// The grant that a line of the log makes.
    pub fn read(rule: &str, text: &str) -> Option<Self> {
        let (case, cell) = rule.strip_prefix("repeats of case ")?.split_once(" in cell ")?;
        Some(Self { cell: cell.parse().ok()?, case: case.parse().ok()?, trials: text.parse().ok()? })
    }
}

/// A question with its evidence.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) question: Question,
    pub(super) case: Case,
    /// Pairs taken, for comparisons.
    pairs: usize,
}

/// The cells of one load ask these trials in this order.
#[derive(Debug)]
struct Order {
    /// Case and repeat.
    slots: Vec<(u32, u32)>,
    at: HashMap<(u32, u32), usize>,
    /// Trials of each case in the plan, spare ones included.
    planned: HashMap<u32, u32>,
    /// Trials of a case beyond this many are spare.
    repeats: u32,
}

/// What a finished trial says.
#[derive(Debug, Clone)]
struct Seen {
    quality: (f64, f64),
    /// For each objective of the cell about trials, its value, where the trial has one.
    shares: Vec<Option<f64>>,
}

/// How far a cell has come.
#[derive(Debug)]
struct Progress {
    order: Arc<Order>,
    /// Trials that ended, until all before them have.
    waiting: HashMap<usize, Seen>,
    next: usize,
    /// Sum of bounds and number of trials of cases that are not complete.
    open: HashMap<u32, (f64, f64, u32)>,
    /// Complete cases in order: lowest and highest mean.
    cases: Vec<(u32, f64, f64)>,
    /// Trials that a case runs, where it was given more than the rule's repeats.
    granted: HashMap<u32, u32>,
    /// Positions of the questions about this cell's trials, and about its cases.
    by_trial: Vec<usize>,
    by_case: Vec<usize>,
    comparisons: Vec<usize>,
    limits: Vec<Limit>,
}

/// Follows a run; feed it every measured trial once it is final.
#[derive(Debug)]
pub struct Tracker {
    run: Arc<Run>,
    cells: Vec<Option<Progress>>,
    watched: Vec<Watched>,
    held: BTreeMap<usize, String>,
}

impl Tracker {
    /// A tracker of a run that has not begun.
    pub fn new(run: &Arc<Run>, rule: &Rule) -> Self {
        let questions = Questions::of(run, rule);
        let family = questions.comparisons_asked();
        let margin = run.terms.options.margins.points;
        let watch = |question: &Question| {
            let case = match question {
                Question::Comparison { .. } => Case::comparison(margin, family, run.terms.gates),
                Question::Objective { slo, .. } => Share::of(&run.slos[*slo]).and_then(Case::objective),
            };
            Some(Watched { question: question.clone(), case: case?, pairs: 0 })
        };
        let watched: Vec<Watched> = questions.asked.iter().filter_map(watch).collect();
        let orders: BTreeMap<_, _> =
            rule.orders.iter().map(|(load, asked)| (load.clone(), Arc::new(Order::new(asked)))).collect();
        let cells = run.cells.iter().enumerate().map(|(at, info)| {
            let order = orders.get(&info.load)?;
            Some(Progress::new(run, at, Arc::clone(order), &watched))
        });
        let cells = cells.collect();
        Self { run: Arc::clone(run), cells, held: questions.held, watched }
    }

    /// Takes in a final trial; what it decides, together with those that waited for it.
    pub fn feed(&mut self, row: &TrialRow) -> Vec<Decision> {
        let at = row.cell.0 as usize;
        // A cancelled trial is run again on resume.
        if !row.is_measured() || row.outcome == Outcome::Cancelled || quality::is_canary(&self.run, row) {
            return Vec::new();
        }
        let Some(progress) = self.cells.get_mut(at).and_then(Option::as_mut) else { return Vec::new() };
        let Some(&slot) = progress.order.at.get(&(row.case, row.repeat)) else { return Vec::new() };
        if slot < progress.next {
            return Vec::new();
        }
        let seen = progress.seen(&self.run, &self.watched, row);
        progress.waiting.insert(slot, seen);
        self.advance(at)
    }

    /// Lets a case of a cell run `trials` times in all; said before its first trial is sent.
    pub fn grant(&mut self, grant: Grant) {
        if let Some(progress) = self.cells.get_mut(grant.cell).and_then(Option::as_mut) {
            progress.granted.insert(grant.case, grant.trials);
        }
    }

    /// Everything that is asked about the cell is decided, and nothing holds it to its plan.
    pub fn is_settled(&self, cell: usize) -> bool {
        let mut own = self.watched.iter().filter(|watched| watched.question.cells().contains(&cell)).peekable();
        own.peek().is_some() && !self.held.contains_key(&cell) && own.all(|watched| watched.case.decided().is_some())
    }

    /// More repeats of a case would sharpen something that is still open.
    pub fn wants_more(&self, cell: usize) -> bool {
        let by_case = |watched: &&Watched| match &watched.question {
            Question::Comparison { .. } => true,
            Question::Objective { slo, .. } => Share::of(&self.run.slos[*slo]).is_some_and(|share| share.by_case),
        };
        let open = self.watched.iter().filter(|watched| watched.case.decided().is_none()).filter(by_case);
        open.into_iter().any(|watched| watched.question.cells().contains(&cell))
    }

    /// The cell could be ended early, whether it was or not.
    pub fn is_watched(&self, cell: usize) -> bool {
        let asked = self.watched.iter().any(|watched| watched.question.cells().contains(&cell));
        asked && !self.held.contains_key(&cell)
    }

    /// Why the cell runs to the end of its plan whatever it shows.
    pub fn why_held(&self, cell: usize) -> Option<&str> {
        self.held.get(&cell).map(String::as_str)
    }

    /// Trials that the plan has for the cell, spare ones left out; 0 for cells that are not watched.
    pub fn planned(&self, cell: usize) -> u64 {
        let Some(progress) = self.cells.get(cell).and_then(Option::as_ref) else { return 0 };
        progress.order.slots.iter().filter(|(_, repeat)| *repeat < progress.order.repeats).count() as u64
    }

    pub(super) fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// Units that the plan has for a question.
    pub(super) fn units(&self, watched: &Watched) -> u64 {
        let cell = watched.question.cells()[0];
        let Some(progress) = self.cells.get(cell).and_then(Option::as_ref) else { return 0 };
        if progress.by_trial.iter().any(|&at| self.watched[at].question == watched.question) {
            self.planned(cell)
        } else {
            progress.order.planned.len() as u64
        }
    }

    /// Takes every trial of the cell that no longer waits for another.
    fn advance(&mut self, at: usize) -> Vec<Decision> {
        let mut made = Vec::new();
        loop {
            let Some(progress) = self.cells[at].as_mut() else { return made };
            let Some((case, seen)) = progress.next() else { break };
            let trials: Vec<(usize, f64)> = progress
                .by_trial
                .iter()
                .zip(&seen.shares)
                .filter_map(|(&question, value)| Some((question, (*value)?)))
                .collect();
            let complete = progress.count(case, seen.quality);
            let cases = if complete.is_some() { progress.by_case.clone() } else { Vec::new() };
            let comparisons = if complete.is_some() { progress.comparisons.clone() } else { Vec::new() };
            for (question, value) in trials {
                self.take(question, value, value, &mut made);
            }
            if let Some((low, high)) = complete {
                for question in cases {
                    self.take(question, low, high, &mut made);
                }
            }
            for question in comparisons {
                self.pair(question, &mut made);
            }
        }
        made
    }

    /// Takes every pair of cases that both cells have completed.
    fn pair(&mut self, question: usize, made: &mut Vec<Decision>) {
        let Question::Comparison { baseline, candidate } = self.watched[question].question else { return };
        loop {
            let at = self.watched[question].pairs;
            let case = |cell: usize| self.cells[cell].as_ref().and_then(|progress| progress.cases.get(at).copied());
            let (Some(base), Some(cand)) = (case(baseline), case(candidate)) else { return };
            self.watched[question].pairs += 1;
            // Both cells ask the same cases in the same order.
            if base.0 == cand.0 {
                self.take(question, cand.1 - base.2, cand.2 - base.1, made);
            }
        }
    }

    fn take(&mut self, question: usize, low: f64, high: f64, made: &mut Vec<Decision>) {
        let watched = &mut self.watched[question];
        if let Some(word) = watched.case.take(low, high) {
            made.push(Decision { rule: watched.question.rule(), text: text(word, &watched.case) });
        }
    }
}

/// A decision as the log keeps it: the same evidence gives the same text.
fn text(word: Word, case: &Case) -> String {
    let evidence = case.evidence();
    let found = evidence.iter().find(|(one, _)| *one == word).map_or(0.0, |(_, e)| *e);
    format!("{} at n = {} with e = {found:.6e}", word.name(), case.n())
}

impl Order {
    fn new(asked: &Asked) -> Self {
        let mut planned: HashMap<u32, u32> = HashMap::new();
        let mut slots = Vec::with_capacity(asked.cases.len());
        for &case in &asked.cases {
            let times = planned.entry(case).or_default();
            slots.push((case, *times));
            *times += 1;
        }
        let at = slots.iter().copied().zip(0..).collect();
        Self { slots, at, planned, repeats: asked.repeats }
    }
}

impl Progress {
    fn new(run: &Run, cell: usize, order: Arc<Order>, watched: &[Watched]) -> Self {
        let own = |wanted: &dyn Fn(&Question) -> bool| -> Vec<usize> {
            (0..watched.len()).filter(|&at| wanted(&watched[at].question)).collect()
        };
        let objective = |by_case: bool| {
            own(&|question| match question {
                Question::Objective { slo, cell: own } => {
                    *own == cell && Share::of(&run.slos[*slo]).is_some_and(|share| share.by_case == by_case)
                }
                Question::Comparison { .. } => false,
            })
        };
        Self {
            order,
            waiting: HashMap::new(),
            next: 0,
            open: HashMap::new(),
            cases: Vec::new(),
            granted: HashMap::new(),
            by_trial: objective(false),
            by_case: objective(true),
            comparisons: own(&|question| {
                matches!(question, Question::Comparison { .. }) && question.cells().contains(&cell)
            }),
            limits: slo::limits(&run.slos, &run.cells[cell]),
        }
    }

    /// How often a case runs here.
    fn trials(&self, case: u32) -> u32 {
        let planned = self.order.planned.get(&case).copied().unwrap_or(0);
        self.granted.get(&case).copied().unwrap_or(self.order.repeats).min(planned)
    }

    /// The next trial of the plan, if it has ended.
    fn next(&mut self) -> Option<(u32, Seen)> {
        loop {
            let &(case, repeat) = self.order.slots.get(self.next)?;
            if repeat < self.trials(case) {
                let seen = self.waiting.remove(&self.next)?;
                self.next += 1;
                return Some((case, seen));
            }
            self.next += 1;
        }
    }

    /// Adds a trial to its case; the case's bounds, when it is complete.
    fn count(&mut self, case: u32, quality: (f64, f64)) -> Option<(f64, f64)> {
        let trials = self.trials(case);
        let (low, high, n) = self.open.entry(case).or_default();
        (*low, *high, *n) = (*low + quality.0, *high + quality.1, *n + 1);
        if *n < trials {
            return None;
        }
        let mean = (*low / f64::from(*n), *high / f64::from(*n));
        self.open.remove(&case);
        self.cases.push((case, mean.0, mean.1));
        Some(mean)
    }

    fn seen(&self, run: &Run, watched: &[Watched], row: &TrialRow) -> Seen {
        let share = |&at: &usize| match &watched[at].question {
            Question::Objective { slo, .. } => self.share(run, &run.slos[*slo], row),
            Question::Comparison { .. } => None,
        };
        Seen { quality: (row.grade.low, row.grade.high), shares: self.by_trial.iter().map(share).collect() }
    }

    /// A trial's part in an objective; `None` where it counts apart.
    fn share(&self, run: &Run, slo: &crate::analyze::SloSpec, row: &TrialRow) -> Option<f64> {
        let holds = match &slo.metric {
            SloMetric::ErrorRate if !row.outcome.is_excluded() => row.is_failed(),
            SloMetric::Goodput if !row.outcome.is_excluded() => quality::good_trials(run, &[row], &self.limits).0 == 1,
            SloMetric::ErrorRate | SloMetric::Goodput => return None,
            metric => slo::is_beyond(slo, row.latency(slo::sampled(metric)?)?),
        };
        Some(f64::from(u8::from(holds)))
    }
}
