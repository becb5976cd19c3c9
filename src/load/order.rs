//! What runs when: trials of every cell cut into segments that take turns.
//!
//! Cells of one load run in blocks, in an order drawn anew for each round, so that a change of the provider during
//! the run meets all of them alike. All cells see the cases in the same seeded order: what is compared is paired.

use std::time::Duration;

use super::Cell;
use super::LoadSpec;
use super::Segment;
use super::Shape;
use super::Slot;
use super::Stop;
use super::arrivals::Curve;
use super::arrivals::Until;
use super::arrivals::arrivals;
use crate::domain::CellId;
use crate::domain::Offset;
use crate::domain::Phase;
use crate::domain::random::Stream;

/// What is to be put in order.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Seed of the shuffles and arrivals.
    pub seed: u64,
    /// Cells in table order; cells of one load share it.
    pub cells: &'a [Cell],
    /// For each case, whether it is a canary.
    pub canaries: &'a [bool],
    /// Canaries come again after so many trials of a cell; otherwise once per block of a closed loop.
    pub every: Option<u64>,
    /// Times that each case runs per cell, where the load sets no other end.
    pub repeats: u32,
    /// Warm-up trials per cell.
    pub warmup: u64,
    /// A case's repeats follow one another, so that cases are complete early and may decide something.
    pub grouped: bool,
    /// Further repeats of each case, which run only where trials were left unused.
    pub spare: u32,
}

/// Trials in a block of a closed loop, at least.
const BLOCK: u64 = 32;

/// Segments in the order in which they run, with trials numbered through.
pub fn segments(order: &Order<'_>) -> Vec<Segment> {
    let mut segments = Vec::new();
    for group in loads(order.cells) {
        let Some(load) = group.first().map(|&cell| &*order.cells[cell].load) else { continue };
        let rounds = rounds(order, load);
        for (round, slots) in rounds.iter().enumerate() {
            let mut turn = group.clone();
            Stream::new(order.seed, &format!("turns/{}/{round}", load.id)).shuffle(&mut turn);
            for cell in turn {
                let id = CellId(cell as u32);
                if round == 0 && order.warmup > 0 {
                    segments.push(warmup(order, load, id));
                }
                segments.push(measured(order, load, id, slots.clone()));
            }
        }
    }
    let mut first = 0;
    for segment in &mut segments {
        segment.first = first;
        first += segment.trials;
    }
    segments
}

/// Cells of each load, loads in order of appearance.
fn loads(cells: &[Cell]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        match groups.iter_mut().find(|group| group.first().is_some_and(|&first| cells[first].load.id == cell.load.id)) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

/// What each round of a load asks; the same for all of its cells.
fn rounds(order: &Order<'_>, load: &LoadSpec) -> Vec<Vec<Slot>> {
    let n = ordinary(order).len() as u64;
    let wanted = match (&load.shape, &load.stop) {
        (Shape::Closed { .. }, Stop::Cases) => n * u64::from(order.repeats),
        (Shape::Closed { .. }, Stop::Requests(requests)) => *requests,
        _ => return vec![watched(order, pass(order, 0))],
    };
    let size = BLOCK.max(4 * u64::from(load.streams()));
    let slots = if order.grouped && load.stop == Stop::Cases { grouped(order) } else { passes(order, wanted) };
    if order.every.is_some() {
        return watched(order, slots).chunks(size as usize).map(<[Slot]>::to_vec).collect();
    }
    let blocks = slots.chunks(size as usize).enumerate();
    blocks.map(|(round, block)| [canaries(order, round), block.to_vec()].concat()).collect()
}

/// Positions of the cases that count; of all cases where all are canaries.
fn ordinary(order: &Order<'_>) -> Vec<u32> {
    let found: Vec<u32> = (0u32..).zip(order.canaries).filter(|(_, canary)| !**canary).map(|(case, _)| case).collect();
    if found.is_empty() { (0..order.canaries.len() as u32).collect() } else { found }
}

fn canaries(order: &Order<'_>, round: usize) -> Vec<Slot> {
    let all = order.canaries.iter().all(|canary| *canary);
    let found = (0u32..).zip(order.canaries).filter(|(_, canary)| **canary && !all);
    found.map(|(case, _)| Slot { case, repeat: round as u32 }).collect()
}

/// Slots with all canaries before each so many of them, where the suite says how many.
fn watched(order: &Order<'_>, slots: Vec<Slot>) -> Vec<Slot> {
    let Some(every) = order.every.and_then(|every| usize::try_from(every).ok()) else { return slots };
    let stretches = slots.chunks(every.max(1)).enumerate();
    stretches.flat_map(|(round, stretch)| [canaries(order, round), stretch.to_vec()].concat()).collect()
}

/// One pass over the cases in the order of this repeat.
fn pass(order: &Order<'_>, repeat: u32) -> Vec<Slot> {
    let mut cases = ordinary(order);
    Stream::new(order.seed, &format!("cases/{repeat}")).shuffle(&mut cases);
    cases.into_iter().map(|case| Slot { case, repeat }).collect()
}

fn passes(order: &Order<'_>, wanted: u64) -> Vec<Slot> {
    if order.canaries.is_empty() {
        return Vec::new();
    }
    (0..).flat_map(|repeat| pass(order, repeat)).take(wanted as usize).collect()
}

/// One pass over the cases, each with all of its repeats.
fn grouped(order: &Order<'_>) -> Vec<Slot> {
    let repeats = 0..order.repeats.saturating_add(order.spare);
    pass(order, 0).into_iter().flat_map(|slot| repeats.clone().map(move |repeat| Slot { repeat, ..slot })).collect()
}

/// Warm-up asks from the far end of the cases' order, so that what is measured first was not asked just before.
fn warmup(order: &Order<'_>, load: &LoadSpec, cell: CellId) -> Segment {
    let mut slots = pass(order, 0);
    slots.reverse();
    slots.truncate(usize::try_from(order.warmup).unwrap_or(usize::MAX));
    let arrivals = match &load.shape {
        Shape::Closed { .. } => Vec::new(),
        Shape::Open { rate, .. } => evenly(order.warmup, *rate),
        Shape::Replay { .. } => evenly(order.warmup, 1.0),
    };
    Segment { cell, phase: Phase::Warmup, first: 0, slots, trials: order.warmup, arrivals, duration: None }
}

fn evenly(n: u64, rate: f64) -> Vec<Offset> {
    (0..n).map(|k| Offset((k as f64 / rate * 1e9).round() as u64)).collect()
}

fn measured(order: &Order<'_>, load: &LoadSpec, cell: CellId, slots: Vec<Slot>) -> Segment {
    let (arrivals, duration) = match (&load.shape, &load.stop) {
        (Shape::Closed { .. }, Stop::Duration(duration)) => (Vec::new(), Some(*duration)),
        (Shape::Closed { .. }, _) => (Vec::new(), None),
        _ => (due_times(order, load, slots.len() as u64), None),
    };
    let trials = match (&load.shape, &load.stop) {
        (Shape::Closed { .. }, Stop::Duration(duration)) => most_in(*duration, load.streams()),
        (Shape::Closed { .. }, Stop::Precision { cap, .. }) => *cap,
        (Shape::Closed { .. }, _) => slots.len() as u64,
        _ => arrivals.len() as u64,
    };
    Segment { cell, phase: Phase::Measure, first: 0, slots, trials, arrivals, duration }
}

/// More trials than `streams` connections can finish in `duration`: one a millisecond each.
fn most_in(duration: Duration, streams: u32) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(streams)).clamp(1, 100_000_000)
}

/// Arrivals of an open loop. Cells of one load draw the same ones, so that they are paired in time as well.
fn due_times(order: &Order<'_>, load: &LoadSpec, per_pass: u64) -> Vec<Offset> {
    let count = |n: u64| Until::Count(n);
    let until = match &load.stop {
        Stop::Cases => count(per_pass * u64::from(order.repeats)),
        Stop::Requests(n) | Stop::Precision { cap: n, .. } => count(*n),
        Stop::Duration(duration) => Until::Time(*duration),
    };
    match &load.shape {
        Shape::Closed { .. } => Vec::new(),
        Shape::Replay { arrivals, .. } => replayed(arrivals, load, until),
        Shape::Open { rate, to, exponential, steps, arrivals: process } => {
            let unit = Curve { from: *rate, to: *to, exponential: *exponential, steps: *steps, over: 1.0 };
            let over = match until {
                Until::Count(n) => unit.seconds_for(n as f64),
                Until::Time(duration) => duration.as_secs_f64(),
            };
            let mut stream = Stream::new(order.seed, &format!("arrivals/{}", load.id));
            arrivals(process, Curve { over, ..unit }, until, &mut stream)
        }
    }
}

/// A recording's own arrivals; it ends by itself unless the load ends it earlier.
fn replayed(recorded: &[super::spec::Arrival], load: &LoadSpec, until: Until) -> Vec<Offset> {
    let all = recorded.iter().map(|arrival| Offset::ZERO.plus(arrival.at));
    match (&load.stop, until) {
        (Stop::Cases, _) => all.collect(),
        (_, Until::Count(n)) => all.take(usize::try_from(n).unwrap_or(usize::MAX)).collect(),
        (_, Until::Time(duration)) => all.take_while(|at| *at < Offset::ZERO.plus(duration)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Arrivals;
    use super::*;

    fn load(id: &str, shape: Shape, stop: Stop) -> Arc<LoadSpec> {
        Arc::new(LoadSpec { id: id.into(), shape, stop, max_outstanding: 100, salt: None, warm: true })
    }

    fn cells(n: usize, loads: &[Arc<LoadSpec>]) -> Vec<Cell> {
        let one = |i: usize, load: &Arc<LoadSpec>| Cell {
            target: format!("t{i}").into(),
            mode: "low".into(),
            prompt: "p".into(),
            load: load.clone(),
        };
        (0..n).flat_map(|i| loads.iter().map(move |load| one(i, load))).collect()
    }

    fn plan(cells: &[Cell], n_cases: usize, warmup: u64) -> Vec<Segment> {
        segments(&Order {
            seed: 7,
            cells,
            canaries: &vec![false; n_cases],
            every: None,
            repeats: 2,
            warmup,
            grouped: false,
            spare: 0,
        })
    }

    fn closed(concurrency: u32) -> Arc<LoadSpec> {
        load(&format!("c{concurrency}"), Shape::Closed { concurrency }, Stop::Cases)
    }

    fn open(id: &str, process: Arrivals, stop: Stop) -> Arc<LoadSpec> {
        let shape = Shape::Open { rate: 5.0, to: 5.0, exponential: false, steps: 0, arrivals: process };
        load(id, shape, stop)
    }

    fn asked(segments: &[Segment], cell: u32) -> Vec<Slot> {
        let own = segments.iter().filter(|s| s.cell == CellId(cell) && s.phase == Phase::Measure);
        own.flat_map(|s| (0..s.trials).map(|k| s.slot(k))).collect()
    }

    #[test]
    fn every_cell_asks_the_same_in_the_same_order() {
        let cells = cells(3, &[closed(1), closed(16)]);
        let segments = plan(&cells, 50, 0);
        let wanted = asked(&segments, 0);
        assert_eq!(wanted.len(), 100);
        for case in 0..50 {
            assert_eq!(wanted.iter().filter(|slot| slot.case == case).count(), 2);
        }
        assert!((1..6).all(|cell| asked(&segments, cell) == wanted));
        let blocks = segments.iter().filter(|s| s.cell == CellId(0)).map(|s| s.trials).collect::<Vec<_>>();
        assert_eq!(blocks, [32, 32, 32, 4]);
    }

    #[test]
    fn cells_take_turns_and_numbers_run_through() {
        let cells = cells(4, &[closed(1)]);
        let segments = plan(&cells, 50, 3);
        let mut next = 0;
        for segment in &segments {
            assert_eq!(segment.first, next);
            next += segment.trials;
        }
        assert_eq!(next, 4 * (100 + 3));
        let rounds: Vec<Vec<u32>> = segments
            .iter()
            .filter(|s| s.phase == Phase::Measure)
            .map(|s| s.cell.0)
            .collect::<Vec<_>>()
            .chunks(4)
            .map(<[u32]>::to_vec)
            .collect();
        for round in &rounds {
            let mut sorted = round.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
        }
        assert!(rounds.windows(2).any(|pair| pair[0] != pair[1]), "the order never changed: {rounds:?}");
        assert_eq!(segments[0].phase, Phase::Warmup);
    }

    #[test]
    fn open_loops_of_one_load_share_their_arrivals() {
        let stop = Stop::Duration(Duration::from_secs(20));
        let cells = cells(2, &[open("r5", Arrivals::Poisson, stop)]);
        let segments = plan(&cells, 7, 0);
        assert_eq!(segments.len(), 2);
        assert_eq!(segments[0].arrivals, segments[1].arrivals);
        assert_eq!(segments[0].trials, segments[0].arrivals.len() as u64);
        assert!(segments[0].arrivals.is_sorted() && segments[0].trials > 50);
        assert_eq!(plan(&cells, 7, 0), segments);
    }

    #[test]
    fn a_new_load_moves_no_arrival_of_another() {
        let stop = Stop::Requests(40);
        let before = plan(&cells(1, &[open("r5", Arrivals::Poisson, stop.clone())]), 7, 0);
        let after = plan(&cells(1, &[closed(4), open("r5", Arrivals::Poisson, stop)]), 7, 0);
        assert_eq!(before[0].arrivals, after.last().unwrap().arrivals);
    }

    #[test]
    fn canaries_open_every_block() {
        let cells = cells(1, &[closed(1)]);
        let mut canaries = vec![false; 40];
        canaries[39] = true;
        let found = segments(&Order {
            seed: 1,
            cells: &cells,
            canaries: &canaries,
            every: None,
            repeats: 2,
            warmup: 0,
            grouped: false,
            spare: 0,
        });
        assert_eq!(found.len(), 3);
        for (round, segment) in found.iter().enumerate() {
            assert_eq!(segment.slots[0], Slot { case: 39, repeat: round as u32 });
        }
        assert_eq!(found.iter().map(|s| s.trials).sum::<u64>(), 78 + 3);
    }

    #[test]
    fn canaries_come_as_often_as_is_asked() {
        let cells = cells(2, &[closed(1), open("r5", Arrivals::Constant, Stop::Cases)]);
        let mut canaries = vec![false; 41];
        canaries[3] = true;
        let found = segments(&Order {
            seed: 1,
            cells: &cells,
            canaries: &canaries,
            every: Some(10),
            repeats: 2,
            warmup: 0,
            grouped: false,
            spare: 0,
        });
        for cell in 0..cells.len() as u32 {
            let asked = asked(&found, cell);
            let places: Vec<usize> = (0..asked.len()).filter(|at| asked[*at].case == 3).collect();
            assert_eq!(places, [0, 11, 22, 33, 44, 55, 66, 77], "cell {cell}");
            assert_eq!(asked.len(), 88);
        }
    }

    /// A change of the provider meets all arms alike: in every stretch of the run each arm is asked as often as any
    /// other, within one block, and no arm always goes first.
    #[test]
    fn no_arm_has_a_time_of_day_to_itself() {
        let cells = cells(3, &[closed(4)]);
        let segments = plan(&cells, 160, 0);
        let sequence: Vec<u32> =
            segments.iter().flat_map(|s| std::iter::repeat_n(s.cell.0, s.trials as usize)).collect();
        let mut counts = [0i64; 3];
        for cell in &sequence {
            counts[*cell as usize] += 1;
            let (most, least) = (counts.iter().max().unwrap(), counts.iter().min().unwrap());
            assert!(most - least <= BLOCK as i64, "{counts:?}");
        }
        let leaders: std::collections::BTreeSet<u32> = segments.chunks(3).map(|round| round[0].cell.0).collect();
        assert_eq!(leaders.len(), 3, "each arm leads some round of ten");
    }

    #[test]
    fn no_cases_make_no_trials() {
        for segment in plan(&cells(1, &[closed(1)]), 0, 0) {
            assert_eq!(segment.trials, 0);
        }
    }

    #[test]
    fn grouped_repeats_follow_one_another_with_spare_ones_last() {
        let cells = cells(2, &[closed(1)]);
        let order = Order {
            seed: 7,
            cells: &cells,
            canaries: &[false; 5],
            every: None,
            repeats: 2,
            warmup: 0,
            grouped: true,
            spare: 1,
        };
        let segments = segments(&order);
        let slots = asked(&segments, 0);
        assert_eq!(slots, asked(&segments, 1));
        assert_eq!(slots.len(), 15);
        for chunk in slots.chunks(3) {
            assert!(chunk.iter().zip(0..).all(|(slot, repeat)| slot.case == chunk[0].case && slot.repeat == repeat));
        }
    }
}
