//! Early decisions while a run goes on: a precision that is reached, an objective that can no longer be met, questions
//! that are decided.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use crate::analyze::Fold;
use crate::analyze::Run;
use crate::analyze::early::Decision;
use crate::analyze::early::Grant;
use crate::analyze::early::Tracker;
use crate::analyze::slo_expr::parse_metric;
use crate::analyze::stop::CertainMiss;
use crate::analyze::stop::Planned;
use crate::analyze::stop::Precision;
use crate::domain::Asker;
use crate::domain::CellId;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Phase;
use crate::engine::setup::Advice;
use crate::engine::setup::Turn;
use crate::engine::setup::Watch;
use crate::load::Plan;
use crate::load::Slot;
use crate::load::Stop;
use crate::suite::Suite;

/// Watches every cell that has something to decide.
#[derive(Default)]
pub struct Watcher {
    precise: BTreeMap<CellId, Precision>,
    misses: BTreeMap<CellId, Vec<CertainMiss>>,
    questions: Option<Questions>,
}

impl Watcher {
    /// What the suite wants decided early, as the run's tables have it; `None` when nothing is.
    pub fn of(suite: &Suite, plan: &Arc<Plan>, run: Run) -> Option<Self> {
        let mut watcher = Self::default();
        for (at, cell) in (0..).map(CellId).zip(&plan.cells) {
            if let Stop::Precision { metric, relative, .. } = &cell.load.stop
                && let Ok((statistic, metric)) = parse_metric(metric)
            {
                watcher.precise.insert(at, Precision::new(statistic, metric, *relative));
            }
            if suite.early.certain_miss && cell.load.is_timed() {
                let planned = planned(plan, at);
                let key = (cell.target.as_str(), cell.mode.as_str(), cell.prompt.as_str(), cell.load.id.as_str());
                let in_scope = suite.slos.iter().filter(|slo| slo.scope.covers(key.0, key.1, key.2, key.3));
                watcher.misses.insert(at, in_scope.filter_map(|slo| CertainMiss::new(slo, planned)).collect());
            }
        }
        watcher.questions = Questions::of(suite, plan, run);
        let idle = watcher.precise.is_empty() && watcher.misses.is_empty() && watcher.questions.is_none();
        (!idle).then_some(watcher)
    }

    /// Goes through what an earlier session wrote; cells that it had ended.
    pub fn restore(&mut self, event: &Event) -> Vec<CellId> {
        if let (Event::Decided { rule, decision }, Some(questions)) = (event, &mut self.questions)
            && let Some(grant) = Grant::read(rule, decision)
        {
            questions.granted(grant);
        }
        let ended = self.heard(event).into_iter().filter_map(|advice| match advice {
            Advice::EndCell(cell, _) => Some(cell),
            Advice::Note(..) | Advice::EndRun(_) => None,
        });
        ended.collect()
    }

    fn observed(&mut self, observation: &Observation) -> Option<Advice> {
        let cell = observation.attempt.cell;
        let precise = self.precise.get_mut(&cell).and_then(|precision| precision.push(observation));
        let missed = || {
            let misses = self.misses.get_mut(&cell)?;
            misses.iter_mut().find_map(|miss| miss.push(observation))
        };
        precise.or_else(missed).map(|why| Advice::EndCell(cell, why))
    }
}

/// How many trials the plan lets a cell have.
fn planned(plan: &Plan, cell: CellId) -> Planned {
    let own = || plan.segments.iter().filter(|s| s.cell == cell && s.phase == Phase::Measure);
    if own().any(|segment| segment.duration.is_some()) {
        return Planned::Open;
    }
    Planned::Count(own().map(|segment| segment.trials).sum())
}

impl Watch for Watcher {
    fn heard(&mut self, event: &Event) -> Vec<Advice> {
        let mut advice = Vec::new();
        if let Event::Observed(observation) = event
            && observation.attempt.phase == Phase::Measure
            && observation.attempt.asker == Asker::Subject
        {
            advice.extend(self.observed(observation));
        }
        if let Some(questions) = &mut self.questions {
            advice.extend(questions.heard(event));
        }
        advice
    }

    fn turn(&mut self, cell: CellId, slot: Slot) -> Turn {
        self.questions.as_mut().map_or(Turn::Send, |questions| questions.turn(cell, slot))
    }
}

/// Follows the run's questions.
struct Questions {
    plan: Arc<Plan>,
    run: Arc<Run>,
    tracker: Tracker,
    max_repeats: u32,
    /// Events of trials that are not final, and verdicts that they wait for; unknown until they ended.
    open: HashMap<u64, (Vec<Event>, Option<usize>)>,
    ended: HashSet<CellId>,
    /// Trials sent, per cell.
    sent: HashMap<CellId, u64>,
    asked: HashSet<(CellId, Slot)>,
    grants: HashMap<(CellId, u32), u32>,
    /// Trials that ended cells left unused, less those granted to others.
    unused: u64,
}

impl Questions {
    fn of(suite: &Suite, plan: &Arc<Plan>, run: Run) -> Option<Self> {
        let rule = run.early.clone().filter(|_| suite.early.decided)?;
        let run = Arc::new(run);
        Some(Self {
            plan: Arc::clone(plan),
            tracker: Tracker::new(&run, &rule),
            run,
            max_repeats: suite.early.max_repeats.unwrap_or(0),
            open: HashMap::new(),
            ended: HashSet::new(),
            sent: HashMap::new(),
            asked: HashSet::new(),
            grants: HashMap::new(),
            unused: 0,
        })
    }

    /// A trial is final once it ended and every grader has judged it.
    fn heard(&mut self, event: &Event) -> Vec<Advice> {
        let trial = match event {
            Event::Observed(seen) if seen.attempt.asker == Asker::Subject && seen.attempt.phase == Phase::Measure => {
                let attempt = &seen.attempt;
                self.note_sent(attempt.cell, Slot { case: attempt.case, repeat: attempt.repeat });
                let graders = self.plan.graders.get(attempt.case as usize).map_or(0, Vec::len);
                let (events, missing) = self.open.entry(attempt.trial.0).or_default();
                events.push(event.clone());
                if attempt.is_last {
                    *missing = Some(if seen.is_graded() { graders } else { 0 });
                }
                attempt.trial.0
            }
            Event::Graded { trial, .. } => {
                let Some((events, missing)) = self.open.get_mut(&trial.0) else { return Vec::new() };
                events.push(event.clone());
                *missing = missing.map(|n| n.saturating_sub(1));
                trial.0
            }
            _ => return Vec::new(),
        };
        if self.open.get(&trial).is_none_or(|(_, missing)| *missing != Some(0)) {
            return Vec::new();
        }
        let Some((events, _)) = self.open.remove(&trial) else { return Vec::new() };
        self.settle(&events)
    }

    fn settle(&mut self, events: &[Event]) -> Vec<Advice> {
        let run = Arc::clone(&self.run);
        let mut fold = Fold::new(&run);
        for event in events {
            fold.push(event);
        }
        let made: Vec<Decision> = fold.finish().rows.iter().flat_map(|row| self.tracker.feed(row)).collect();
        let mut advice: Vec<Advice> = made.into_iter().map(|one| Advice::Note(one.rule, one.text)).collect();
        if !advice.is_empty() {
            advice.extend(self.end_settled());
        }
        advice
    }

    fn end_settled(&mut self) -> Vec<Advice> {
        let mut advice = Vec::new();
        let cells: Vec<CellId> = (0..self.plan.cells.len() as u32).map(CellId).collect();
        for &cell in &cells {
            let at = cell.0 as usize;
            if self.tracker.is_settled(at) && self.ended.insert(cell) {
                let sent = self.sent.get(&cell).copied().unwrap_or(0);
                self.unused += self.tracker.planned(at).saturating_sub(sent);
                advice.push(Advice::EndCell(cell, "every question about it is decided".into()));
            }
        }
        if !advice.is_empty() && cells.iter().all(|cell| self.ended.contains(cell)) {
            advice.push(Advice::EndRun("every question is decided".into()));
        }
        advice
    }

    fn note_sent(&mut self, cell: CellId, slot: Slot) {
        if self.asked.insert((cell, slot)) {
            *self.sent.entry(cell).or_default() += 1;
        }
    }

    fn granted(&mut self, grant: Grant) {
        self.tracker.grant(grant);
        self.grants.insert((CellId(grant.cell as u32), grant.case), grant.trials);
        self.unused = self.unused.saturating_sub(u64::from(grant.trials.saturating_sub(self.plan.repeats)));
    }

    /// Spare trials run where they were granted. Whether a case gets them is settled before its first trial is sent:
    /// it may depend on the cases before it, but not on itself.
    fn turn(&mut self, cell: CellId, slot: Slot) -> Turn {
        let at = cell.0 as usize;
        let canary = self.plan.cases.get(slot.case as usize).is_some_and(|case| case.canary);
        if canary || self.plan.cells[at].load.stop != Stop::Cases {
            return Turn::Send;
        }
        if slot.repeat >= self.plan.repeats {
            let most = self.grants.get(&(cell, slot.case)).copied().unwrap_or(0);
            return if slot.repeat < most { Turn::Send } else { Turn::Skip };
        }
        let is_new = slot.repeat == 0 && !self.asked.contains(&(cell, slot));
        self.note_sent(cell, slot);
        let more = u64::from(self.max_repeats.saturating_sub(self.plan.repeats));
        if !is_new || more == 0 || self.unused < more || !self.tracker.wants_more(at) {
            return Turn::Send;
        }
        let grant = Grant { cell: at, case: slot.case, trials: self.max_repeats };
        self.granted(grant);
        let Decision { rule, text } = grant.decision();
        Turn::Note(Advice::Note(rule, text))
    }
}
