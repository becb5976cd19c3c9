//! What a run can decide early, from its plan alone: which comparisons, which objectives, in which cells.

use std::collections::BTreeMap;
use std::fmt;

use crate::analyze::compare;
use crate::analyze::run::CellInfo;
use crate::analyze::run::Run;
use crate::analyze::slo;
use crate::analyze::slo_expr::SloMetric;
use crate::analyze::slo_expr::SloSpec;
use crate::analyze::slo_expr::Statistic;
use crate::domain::LoadId;
use crate::stats::Quantile;

/// The part of a run's early stopping that its plan fixes and its manifest keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule {
    /// What each cell of a load asks. Loads that end by time are not here: they are never ended early.
    pub orders: BTreeMap<LoadId, Asked>,
}

/// What each cell of a load asks, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Positions of cases, one per trial, canaries left out.
    pub cases: Vec<u32>,
    /// Trials of a case beyond this many are spare: run only where decided questions left trials unused.
    pub repeats: u32,
}

/// Something that can be decided before the plan ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// A cell against another, in quality. Positions in the run's cells.
    Comparison {
        /// The baseline.
        baseline: usize,
        /// The candidate.
        candidate: usize,
    },
    /// An objective in a cell.
    Objective {
        /// Position in the run's objectives.
        slo: usize,
        /// The cell.
        cell: usize,
    },
}

impl Question {
    /// Cells that it needs.
    pub fn cells(&self) -> Vec<usize> {
        match self {
            Self::Comparison { baseline, candidate } => vec![*baseline, *candidate],
            Self::Objective { cell, .. } => vec![*cell],
        }
    }

    /// The question as the log names it.
    pub fn rule(&self) -> String {
        match self {
            Self::Comparison { baseline, candidate } => format!("compare cell {candidate} with cell {baseline}"),
            Self::Objective { slo, cell } => format!("objective {slo} in cell {cell}"),
        }
    }

    /// The question for people.
    pub fn title(&self, run: &Run) -> String {
        let name = |at: &usize| run.cells.get(*at).map(|cell| Named(cell).to_string()).unwrap_or_default();
        match self {
            Self::Comparison { baseline, candidate } => format!("{} against {}", name(candidate), name(baseline)),
            Self::Objective { slo, cell } => {
                let text = run.slos.get(*slo).map_or("", |slo| slo.text.as_str());
                format!("`{text}` in {}", name(cell))
            }
        }
    }
}

struct Named<'a>(&'a CellInfo);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = self.0;
        write!(f, "{}/{}/{}/{}", cell.target, cell.mode, cell.prompt, cell.load)
    }
}

/// All questions of a run, and the cells that must run to the end of their plan with the reason.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Questions {
    pub(super) asked: Vec<Question>,
    pub(super) held: BTreeMap<usize, String>,
}

impl Questions {
    pub(super) fn of(run: &Run, rule: &Rule) -> Self {
        let mut found = Self::default();
        found.comparisons(run, rule);
        found.objectives(run, rule);
        found
    }

    /// How many comparisons share the level.
    pub(super) fn comparisons_asked(&self) -> usize {
        self.asked.iter().filter(|question| matches!(question, Question::Comparison { .. })).count()
    }

    fn comparisons(&mut self, run: &Run, rule: &Rule) {
        if run.graders.is_empty() {
            return;
        }
        let others = run.terms.options.gate.iter().find(|metric| !matches!(metric.as_str(), "pass_rate" | "score"));
        let reason = if let Some(metric) = others {
            Some(format!("the gate's `{metric}` has no test that stands being looked at early"))
        } else {
            has_clusters(run).then(|| "cases share clusters, so they do not count one by one".to_owned())
        };
        for (base, cand) in compare::pairs(&run.cells, run.terms.baseline.as_ref()) {
            for (baseline, candidate) in compare::matched(&run.cells, &base, &cand) {
                let (one, other) = (&run.cells[baseline].load, &run.cells[candidate].load);
                if one != other || !rule.orders.contains_key(one) {
                    continue;
                }
                if let Some(reason) = &reason {
                    self.held.extend([baseline, candidate].map(|cell| (cell, reason.clone())));
                    continue;
                }
                let question = Question::Comparison { baseline, candidate };
                if !self.asked.contains(&question) {
                    self.asked.push(question);
                }
            }
        }
    }

    fn objectives(&mut self, run: &Run, rule: &Rule) {
        for (at, slo) in run.slos.iter().enumerate() {
            for (cell, info) in run.cells.iter().enumerate().filter(|(_, info)| slo::covers(slo, info)) {
                if !rule.orders.contains_key(&info.load) {
                    continue;
                }
                let by_case = slo.metric == SloMetric::PassRate;
                if Share::of(slo).is_none() || by_case && has_clusters(run) {
                    self.held.insert(cell, format!("`{}` has no test that stands being looked at early", slo.text));
                } else {
                    self.asked.push(Question::Objective { slo: at, cell });
                }
            }
        }
    }
}

fn has_clusters(run: &Run) -> bool {
    run.cases.iter().any(|case| case.cluster.is_some() && !case.canary)
}

/// An objective as a statement about a mean in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// The mean may be at most the bound, rather than at least.
    pub(super) is_upper: bool,
    /// The bound, strictly between 0 and 1.
    pub(super) bound: f64,
    /// Whole cases count, rather than trials.
    pub(super) by_case: bool,
}

impl Share {
    /// `None` for objectives that are about no share, or about one without tolerance.
    pub(super) fn of(slo: &SloSpec) -> Option<Self> {
        let share = match (slo.statistic, &slo.metric) {
            (None, SloMetric::ErrorRate | SloMetric::Goodput | SloMetric::PassRate) => {
                let by_case = slo.metric == SloMetric::PassRate;
                Self { is_upper: slo.op.is_upper(), bound: slo.bound, by_case }
            }
            (Some(Statistic::Percentile(q)), metric) => {
                slo::sampled(metric).filter(|m| m.counts_failures() && *m != crate::analyze::Metric::Itl)?;
                let q = Quantile::new(q)?;
                let bound = if slo.op.is_upper() { q.above() } else { q.fraction() };
                Self { is_upper: true, bound, by_case: false }
            }
            _ => return None,
        };
        (share.bound > 0.0 && share.bound < 1.0).then_some(share)
    }
}
