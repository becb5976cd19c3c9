//! What a run has come to so far, per cell: counted from what is durable, for the live view alone.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::record::Seen;
use crate::domain::CellId;
use crate::domain::GraderId;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::TrialId;
use crate::domain::Usd;
use crate::engine::Control;
use crate::load::Plan;
use crate::load::Shape;
use crate::load::Stop;
use crate::suite::Suite;

/// What the display knows beforehand.
pub struct Outlook {
    /// Cells in plan order.
    pub cells: Vec<CellOutlook>,
    /// First trial of each segment with its cell, ascending.
    starts: Vec<(u64, CellId)>,
    /// Graders that count.
    counting: BTreeSet<GraderId>,
    /// How many requests were sent.
    pub control: Control,
}

/// A cell before it runs.
pub struct CellOutlook {
    /// Its names, those first that tell it from others.
    pub name: String,
    /// Measured trials still to run; an upper bound where time ends the cell.
    pub planned: u64,
    /// How its trials follow one another.
    pub pace: Pace,
}

/// How the trials of a cell follow one another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many at once, until all are done.
    Streams(f64),
    /// So many per second.
    Rate(f64),
    /// For so many seconds, so many at once.
    Seconds(f64, f64),
}

impl Outlook {
    /// What is ahead of a run; trials that `is_done` says an earlier session finished are left out.
    pub fn of(suite: &Suite, plan: &Plan, control: &Control, is_done: impl Fn(u64) -> bool) -> Self {
        let varies =
            |pick: fn(&crate::load::Cell) -> &str| plan.cells.iter().map(pick).collect::<BTreeSet<_>>().len() > 1;
        let names: [fn(&crate::load::Cell) -> &str; 4] =
            [|c| c.target.as_str(), |c| c.mode.as_str(), |c| c.prompt.as_str(), |c| c.load.id.as_str()];
        let kept: Vec<_> = names.into_iter().filter(|pick| varies(*pick)).collect();
        let cell = |(at, cell): (CellId, &crate::load::Cell)| {
            let own = plan.segments.iter().filter(|s| s.cell == at && s.phase == Phase::Measure);
            let left = own.flat_map(|s| s.first..s.first + s.trials).filter(|trial| !is_done(*trial));
            let words: Vec<&str> = kept.iter().map(|pick| pick(cell)).collect();
            let name = if words.is_empty() { cell.target.to_string() } else { words.join(" ") };
            CellOutlook { name, planned: left.count() as u64, pace: pace(cell) }
        };
        Self {
            cells: (0..).map(CellId).zip(&plan.cells).map(cell).collect(),
            starts: plan.segments.iter().map(|segment| (segment.first, segment.cell)).collect(),
            counting: suite.graders.iter().filter(|g| g.weight > 0.0).map(|g| g.id.clone()).collect(),
            control: control.clone(),
        }
    }

    fn cell_of(&self, trial: TrialId) -> Option<CellId> {
        let after = self.starts.partition_point(|(first, _)| *first <= trial.0);
        self.starts.get(after.checked_sub(1)?).map(|(_, cell)| *cell)
    }
}

fn pace(cell: &crate::load::Cell) -> Pace {
    match (&cell.load.shape, &cell.load.stop) {
        (Shape::Closed { concurrency }, Stop::Duration(time)) => {
            Pace::Seconds(time.as_secs_f64(), f64::from(*concurrency))
        }
        (Shape::Closed { concurrency }, _) => Pace::Streams(f64::from(*concurrency)),
        (Shape::Open { rate, to, .. }, _) => Pace::Rate(f64::midpoint(*rate, *to).max(1e-6)),
        (Shape::Replay { arrivals, .. }, _) => {
            let span = arrivals.last().map_or(0.0, |last| last.at.as_secs_f64());
            Pace::Rate(arrivals.len() as f64 / span.max(1e-6))
        }
    }
}

/// One cell so far.
#[derive(Default)]
pub struct CellTally {
    /// Measured trials that ended.
    pub done: u64,
    /// Those that failed on the path.
    pub errors: u64,
    /// Output tokens.
    pub tokens: u64,
    /// Dollars of measured trials.
    pub cost: Usd,
    /// Seconds in which it was the cell's turn.
    pub active_s: f64,
    /// Nothing measured has ended yet, but warm-up has.
    pub is_warming: bool,
    ttft: Option<Histogram<u64>>,
    judged: BTreeMap<u64, bool>,
    failed: u64,
}

impl CellTally {
    /// A percentile of the first tokens so far, in ms.
    pub fn ttft(&self, q: f64) -> Option<f64> {
        let histogram = self.ttft.as_ref().filter(|h| !h.is_empty())?;
        Some(histogram.value_at_quantile(q) as f64 / 1000.0)
    }

    /// Share of judged trials without a failed verdict, and how many were judged.
    pub fn pass_rate(&self) -> Option<(f64, usize)> {
        let n = self.judged.len();
        (n > 0).then(|| (1.0 - self.failed as f64 / n as f64, n))
    }

    fn judge(&mut self, trial: u64, failed: bool) {
        let before = self.judged.insert(trial, failed);
        let now = failed || before == Some(true);
        self.judged.insert(trial, now);
        self.failed += u64::from(now && before != Some(true));
    }
}

/// The whole run so far.
#[derive(Default)]
pub struct Tally {
    /// By cell.
    pub cells: Vec<CellTally>,
    /// Everything spent, warm-up and graders included.
    pub spent: Usd,
    /// The cell whose turn it is.
    pub current: Option<CellId>,
    /// Requests that ended.
    ended: u64,
}

impl Tally {
    /// Nothing yet.
    pub fn new(outlook: &Outlook) -> Self {
        Self { cells: outlook.cells.iter().map(|_| CellTally::default()).collect(), ..Self::default() }
    }

    /// Takes in one fact.
    pub fn take(&mut self, seen: &Seen, outlook: &Outlook) {
        match seen {
            Seen::Begun(trial) => self.current = outlook.cell_of(*trial),
            Seen::Asked { cost } => self.spent = self.spent + cost.unwrap_or_default(),
            Seen::Verdict { trial, grader, failed } => {
                let cell = outlook.cell_of(*trial).and_then(|cell| self.cells.get_mut(cell.0 as usize));
                if let Some(cell) = cell.filter(|_| outlook.counting.contains(grader)) {
                    cell.judge(trial.0, *failed);
                }
            }
            Seen::Attempt { .. } => self.attempt(seen),
        }
    }

    fn attempt(&mut self, seen: &Seen) {
        let Seen::Attempt { cell, phase, is_last, outcome, ttft_ms, tokens, cost, .. } = seen else { return };
        self.ended += u64::from(*outcome != Outcome::Shed);
        self.spent = self.spent + cost.unwrap_or_default();
        let Some(tally) = self.cells.get_mut(cell.0 as usize) else { return };
        tally.is_warming = *phase == Phase::Warmup;
        if tally.is_warming {
            return;
        }
        tally.cost = tally.cost + cost.unwrap_or_default();
        tally.tokens += tokens;
        tally.done += u64::from(*is_last);
        tally.errors += u64::from(*is_last && outcome.is_infra());
        if let Some(ms) = ttft_ms {
            if tally.ttft.is_none() {
                tally.ttft = Histogram::new(2).ok();
            }
            if let Some(histogram) = &mut tally.ttft {
                // Grows as it must; a value that no memory holds is left out.
                let _ = histogram.record((ms * 1000.0) as u64);
            }
        }
    }

    /// Lets time pass: it counts for the cell whose turn it is.
    pub fn pass(&mut self, time: Duration) {
        if let Some(cell) = self.current.and_then(|cell| self.cells.get_mut(cell.0 as usize)) {
            cell.active_s += time.as_secs_f64();
        }
    }

    /// Requests on their way.
    pub fn in_flight(&self, outlook: &Outlook) -> u64 {
        let found = outlook.control.issued().saturating_sub(self.ended);
        // What was issued is known at once, what ended a little later: a closed loop has no more than its streams.
        match self.current.and_then(|cell| outlook.cells.get(cell.0 as usize)).map(|cell| &cell.pace) {
            Some(Pace::Streams(streams) | Pace::Seconds(_, streams)) => found.min(*streams as u64),
            _ => found,
        }
    }

    /// Trials done, and all that there will be as far as the pace so far tells; `None` before it tells anything.
    pub fn progress(&self, outlook: &Outlook) -> (u64, Option<f64>) {
        let done = self.cells.iter().map(|cell| cell.done).sum();
        let typical = self.typical_s(outlook);
        let left = outlook.cells.iter().zip(&self.cells).map(|(cell, tally)| ahead(cell, tally, typical));
        (done, left.sum::<Option<f64>>().map(|left| done as f64 + left))
    }

    /// Seconds that one stream takes for a trial, over all cells so far.
    fn typical_s(&self, outlook: &Outlook) -> Option<f64> {
        let (mut seconds, mut done) = (0.0, 0.0);
        for (cell, tally) in outlook.cells.iter().zip(&self.cells) {
            if let Pace::Streams(streams) | Pace::Seconds(_, streams) = cell.pace {
                seconds += tally.active_s * streams;
                done += tally.done as f64;
            }
        }
        (done > 0.0 && seconds > 0.0).then(|| seconds / done)
    }

    /// Seconds that are left, by the pace of each cell so far; a cell that has not begun is taken to be like the
    /// others. `None` before anything is known.
    pub fn left_s(&self, outlook: &Outlook) -> Option<f64> {
        let typical = self.typical_s(outlook);
        let left = |(cell, tally): (&CellOutlook, &CellTally)| {
            let trials = cell.planned.saturating_sub(tally.done) as f64;
            match cell.pace {
                Pace::Rate(rate) => Some(trials / rate),
                Pace::Seconds(seconds, _) => Some((seconds - tally.active_s).max(0.0)),
                Pace::Streams(_) if trials < 1.0 => Some(0.0),
                Pace::Streams(_) if tally.done > 2 => Some(trials * tally.active_s / tally.done as f64),
                Pace::Streams(streams) => Some(trials * typical? / streams),
            }
        };
        outlook.cells.iter().zip(&self.cells).map(left).sum()
    }

    /// What the run will have cost in dollars, by the trials so far; `None` before any cost is known.
    pub fn forecast_usd(&self, outlook: &Outlook) -> Option<f64> {
        let done: u64 = self.cells.iter().map(|cell| cell.done).sum();
        let spent: f64 = self.cells.iter().map(|cell| cell.cost.as_f64()).sum();
        if done == 0 || spent <= 0.0 {
            return None;
        }
        let typical = self.typical_s(outlook);
        let cost = |(cell, tally): (&CellOutlook, &CellTally)| {
            let known = tally.done as f64;
            let each = if known > 0.0 { tally.cost.as_f64() / known } else { spent / done as f64 };
            Some(ahead(cell, tally, typical)? * each)
        };
        let ahead: Option<f64> = outlook.cells.iter().zip(&self.cells).map(cost).sum();
        Some(self.spent.as_f64() + ahead?)
    }
}

/// Trials of a cell that are still to come; `None` where only the pace of trials would tell, and none is known.
fn ahead(cell: &CellOutlook, tally: &CellTally, typical_s: Option<f64>) -> Option<f64> {
    match cell.pace {
        Pace::Seconds(seconds, streams) => {
            let left = (seconds - tally.active_s).max(0.0);
            let own = tally.active_s * streams / tally.done as f64;
            Some(left * streams / if tally.done > 2 && own > 0.0 { own } else { typical_s? })
        }
        _ => Some(cell.planned.saturating_sub(tally.done) as f64),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two cells of 20 trials: one at a time, and four at a time.
    pub(crate) fn outlook() -> Outlook {
        let cell = |name: &str, streams| CellOutlook { name: name.into(), planned: 20, pace: Pace::Streams(streams) };
        Outlook {
            cells: vec![cell("mini low c1", 1.0), cell("mini low c4", 4.0)],
            starts: vec![(0, CellId(0)), (20, CellId(1))],
            counting: ["exact".into()].into(),
            control: Control::default(),
        }
    }

    pub(crate) fn ended(trial: u64, outcome: Outcome) -> Seen {
        Seen::Attempt {
            cell: CellId((trial / 20) as u32),
            trial: TrialId(trial),
            phase: Phase::Measure,
            is_last: true,
            outcome,
            ttft_ms: (outcome == Outcome::Ok).then_some(100.0),
            tokens: 50,
            cost: "0.001".parse().ok(),
        }
    }

    #[test]
    fn time_and_money_ahead_follow_from_what_was() {
        let outlook = outlook();
        let mut tally = Tally::new(&outlook);
        assert_eq!((tally.left_s(&outlook), tally.forecast_usd(&outlook)), (None, None));
        tally.take(&Seen::Begun(TrialId(0)), &outlook);
        (0..10).for_each(|trial| tally.take(&ended(trial, Outcome::Ok), &outlook));
        tally.pass(Duration::from_secs(20));
        // Ten more at two seconds each, then twenty at two seconds, four at a time.
        assert!((tally.left_s(&outlook).unwrap() - 30.0).abs() < 1e-9);
        assert!((tally.forecast_usd(&outlook).unwrap() - 0.04).abs() < 1e-9);
        assert_eq!(tally.progress(&outlook), (10, Some(40.0)));
    }

    #[test]
    fn a_trial_passes_when_no_grader_that_counts_fails_it() {
        let outlook = outlook();
        let mut tally = Tally::new(&outlook);
        let verdict =
            |trial, grader: &str, failed| Seen::Verdict { trial: TrialId(trial), grader: grader.into(), failed };
        for seen in [
            verdict(20, "exact", true),
            verdict(20, "exact", false),
            verdict(21, "exact", false),
            verdict(22, "style", true),
        ] {
            tally.take(&seen, &outlook);
        }
        assert_eq!(tally.cells[1].pass_rate(), Some((0.5, 2)));
        assert_eq!(tally.cells[0].pass_rate(), None);
    }
}
