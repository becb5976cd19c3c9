//! Early decisions while a run goes on: a precision that is reached, an objective that can no longer be met.

use std::collections::BTreeMap;

use crate::analyze::slo_expr::parse_metric;
use crate::analyze::stop::CertainMiss;
use crate::analyze::stop::Precision;
use crate::domain::CellId;
use crate::domain::Observation;
use crate::domain::Phase;
use crate::engine::setup::Advice;
use crate::engine::setup::Watch;
use crate::load::Plan;
use crate::load::Stop;
use crate::suite::Suite;

/// Watches every cell that has something to decide.
#[derive(Default)]
pub struct Watcher {
    precise: BTreeMap<CellId, Precision>,
    misses: BTreeMap<CellId, Vec<CertainMiss>>,
}

impl Watcher {
    /// What the suite wants decided early; `None` when nothing is.
    pub fn of(suite: &Suite, plan: &Plan, abort_on_certain_miss: bool) -> Option<Box<dyn Watch>> {
        let mut watcher = Self::default();
        for (at, cell) in (0..).map(CellId).zip(&plan.cells) {
            if let Stop::Precision { metric, relative, .. } = &cell.load.stop
                && let Ok((statistic, metric)) = parse_metric(metric)
            {
                watcher.precise.insert(at, Precision::new(statistic, metric, *relative));
            }
            if abort_on_certain_miss && cell.load.is_timed() {
                let own = plan.segments.iter().filter(|s| s.cell == at && s.phase == Phase::Measure);
                let planned = own.map(|segment| segment.trials).sum();
                let key = (cell.target.as_str(), cell.mode.as_str(), cell.prompt.as_str(), cell.load.id.as_str());
                let in_scope = suite.slos.iter().filter(|slo| slo.scope.covers(key.0, key.1, key.2, key.3));
                watcher.misses.insert(at, in_scope.filter_map(|slo| CertainMiss::new(slo, planned)).collect());
            }
        }
        let idle = watcher.precise.is_empty() && watcher.misses.is_empty();
        (!idle).then(|| Box::new(watcher) as Box<dyn Watch>)
    }
}

impl Watch for Watcher {
    fn observed(&mut self, observation: &Observation) -> Advice {
        if observation.attempt.phase == Phase::Warmup {
            return Advice::Continue;
        }
        let cell = observation.attempt.cell;
        let precise = self.precise.get_mut(&cell).and_then(|precision| precision.push(observation));
        let missed = || {
            let misses = self.misses.get_mut(&cell)?;
            misses.iter_mut().find_map(|miss| miss.push(observation))
        };
        precise.or_else(missed).map_or(Advice::Continue, Advice::EndCell)
    }
}
