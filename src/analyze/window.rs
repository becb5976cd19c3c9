//! The measured window of a cell and what was finished per second in it.

use super::Estimate;
use super::Method;
use super::run::Arrivals;
use super::trial::TrialRow;
use crate::domain::Health;
use crate::domain::Offset;
use crate::stats::Level;
use crate::stats::bootstrap;
use crate::stats::bootstrap::Scheme;
use crate::stats::bootstrap::Sums;
use crate::stats::student;

/// The time in which a cell was measured: disjoint spans, ascending, in nanoseconds.
///
/// Cells take turns, so a cell's window has holes in which other cells ran.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    spans: Vec<(u64, u64)>,
}

impl Window {
    /// The window of `rows`: the recorded segments that hold them, together with the trials' own time.
    ///
    /// Without recorded segments an open loop is measured from first due to last end, as pauses between arrivals belong
    /// to it; a closed loop while at least one trial is under way.
    pub fn of(rows: &[&TrialRow], health: &[&Health], arrivals: Arrivals) -> Self {
        let own = rows.iter().map(|row| (row.began.0, row.ended.0.max(row.began.0)));
        let mut dues: Vec<u64> = rows.iter().map(|row| row.began.0).collect();
        dues.sort_unstable();
        let holds = |from: u64, to: u64| {
            let at = dues.partition_point(|due| *due < from);
            dues.get(at).is_some_and(|due| *due <= to)
        };
        let recorded = health.iter().map(|h| (h.window.0.0, h.window.1.0)).filter(|(from, to)| holds(*from, *to));
        let recorded: Vec<(u64, u64)> = recorded.filter(|(from, to)| from < to).collect();
        if recorded.is_empty() && matches!(arrivals, Arrivals::Open(_)) {
            let end = own.clone().map(|(_, to)| to).max().unwrap_or(0);
            return Self { spans: dues.first().map(|from| (*from, end)).into_iter().collect() };
        }
        Self::union(own.chain(recorded).collect())
    }

    fn union(mut all: Vec<(u64, u64)>) -> Self {
        all.sort_unstable();
        let mut spans: Vec<(u64, u64)> = Vec::new();
        for (from, to) in all {
            match spans.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => spans.push((from, to)),
            }
        }
        Self { spans }
    }

    /// Length in seconds, holes left out.
    pub fn seconds(&self) -> f64 {
        self.spans.iter().map(|(from, to)| (to - from) as f64).sum::<f64>() / 1e9
    }

    /// Begin and end of each span.
    pub fn spans(&self) -> impl Iterator<Item = (Offset, Offset)> {
        self.spans.iter().map(|&(from, to)| (Offset(from), Offset(to)))
    }

    /// Seconds of the window that lie before `at`.
    fn before(&self, at: Offset) -> f64 {
        self.spans.iter().map(|&(from, to)| at.0.clamp(from, to) - from).sum::<u64>() as f64 / 1e9
    }
}

/// Finished trials, and output tokens, per second of the window, with block-bootstrap intervals.
pub fn throughput(rows: &[&TrialRow], window: &Window) -> (Estimate, Estimate) {
    let seconds = window.seconds();
    let finished: Vec<&&TrialRow> = rows.iter().filter(|row| !row.is_failed() && !row.outcome.is_excluded()).collect();
    let amounts = |of: &dyn Fn(&TrialRow) -> f64| {
        finished.iter().map(|row| (window.before(row.ended), of(row))).collect::<Vec<_>>()
    };
    let lasting: f64 = finished.iter().filter_map(|row| row.ended.ms_since(row.began)).sum();
    let turnover = lasting / 1e3 / finished.len().max(1) as f64;
    let counted = rows.iter().any(|row| row.tokens.output.is_some());
    let rps = rate(&amounts(&|_| 1.0), seconds, turnover);
    let tps = rate(&amounts(&|row| row.tokens.output.unwrap_or(0) as f64), seconds, turnover);
    (rps, if counted { tps } else { Estimate::none(0) })
}

/// Slices that a window is cut into at most, and resamples of them.
const SLICES: usize = 512;
const RESAMPLES: u64 = 2_999;

/// Total over length. The window is cut into as many slices as trials finished in it, at most 512, and slices are
/// resampled in circular blocks (Politis & Romano 1992), so that what hangs together in time stays together: a block
/// is ceil(slices^(1/3)) long, or as long as a trial lasts, so that at least five of them make a window.
///
/// Few blocks vary too little among themselves: the percentile limits are stretched by t over z with blocks - 1 degrees
/// of freedom, and by sqrt(blocks / (blocks - 1)). Where a steady rate leaves no variation, they are a trial more or
/// less: whether the last one fell inside.
fn rate(amounts: &[(f64, f64)], seconds: f64, turnover: f64) -> Estimate {
    let n = amounts.len();
    if seconds <= 0.0 || n == 0 {
        return Estimate::none(n as u64);
    }
    let value = amounts.iter().map(|(_, amount)| amount).sum::<f64>() / seconds;
    let point = Estimate { method: Method::BlockBootstrap, ..Estimate::point(value, n as u64) };
    if n < FEWEST {
        return Estimate { needed_n: Some(FEWEST as u64), ..point };
    }
    let slices = n.min(SLICES);
    let mut sums = vec![0.0; slices];
    for (at, amount) in amounts {
        let place = (at / seconds * slices as f64) as usize;
        sums[place.min(slices - 1)] += amount;
    }
    let lasting = (turnover / seconds * slices as f64).ceil() as usize;
    let length = bootstrap::block_length(slices).max(lasting).min(slices / 5);
    let ones = vec![1.0; slices];
    let mean = Sums::new([sums, ones], |[sum, count]| sum / count);
    let found = bootstrap::replicate(slices, &Scheme::CircularBlocks(length), &[&mean], SEED, 0..RESAMPLES);
    let per_second = slices as f64 / seconds;
    let edge = value / n as f64;
    let (below, above) = bootstrap::percentile(&found[0], Level::P95).map_or((edge, edge), |limits| {
        let blocks = (slices / length) as f64;
        let stretch =
            (blocks / (blocks - 1.0)).sqrt() * student::critical(Level::P95.tail(), blocks - 1.0) / Level::P95.z();
        ((value - limits.low * per_second) * stretch, (limits.high * per_second - value) * stretch)
    });
    Estimate { low: Some((value - below.max(edge)).max(0.0)), high: Some(value + above.max(edge)), ..point }
}

/// No interval is given from fewer trials.
const FEWEST: usize = 10;
/// Any seed will do; the same run gives the same limits.
const SEED: u64 = 0x7468_7275;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::domain::Outcome;

    fn rows(n: u64, every_ms: u64) -> Vec<TrialRow> {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        (0..n).for_each(|i| fold.push(&fixture::observed(fixture::at(i, 0, i * every_ms, 100))));
        fold.finish().rows
    }

    fn segment(from: u64, to: u64) -> Health {
        Health { window: (fixture::ms(from), fixture::ms(to)), ..Health::default() }
    }

    #[test]
    fn pauses_count_in_open_loop_and_between_turns_they_do_not() {
        let rows = rows(11, 1000);
        let rows: Vec<&TrialRow> = rows.iter().collect();
        let open = Window::of(&rows, &[], Arrivals::Open(1.0));
        assert!((open.seconds() - 10.135).abs() < 1e-9);
        let closed = Window::of(&rows, &[], Arrivals::Closed(1));
        assert!((closed.seconds() - 11.0 * 0.135).abs() < 1e-9);
        let (first, other, second) = (segment(0, 2000), segment(2500, 2900), segment(9000, 11_000));
        let recorded = Window::of(&rows[..1], &[&first, &other, &second], Arrivals::Open(1.0));
        assert!((recorded.seconds() - 2.0).abs() < 1e-9, "a segment without a trial of ours is another phase");
    }

    #[test]
    fn a_steady_rate_is_found_with_its_interval() {
        let rows = rows(200, 200);
        let rows: Vec<&TrialRow> = rows.iter().collect();
        let window = Window::of(&rows, &[], Arrivals::Open(5.0));
        let (rps, tps) = throughput(&rows, &window);
        assert!((rps.value.unwrap() - 200.0 / 39.935).abs() < 1e-9);
        assert!(rps.low.unwrap() <= 5.0 && rps.high.unwrap() >= 5.0 && rps.method == Method::BlockBootstrap);
        assert!((tps.value.unwrap() - 800.0 / 39.935).abs() < 1e-9);
    }

    #[test]
    fn failures_are_not_finished() {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        fold.push(&fixture::observed(fixture::ok(0, 0)));
        fold.push(&fixture::observed(fixture::failed(1, 0, Outcome::Reset)));
        let rows = fold.finish().rows;
        let rows: Vec<&TrialRow> = rows.iter().collect();
        let window = Window::of(&rows, &[], Arrivals::Closed(1));
        assert_eq!(throughput(&rows, &window).0.n, 1);
        assert_eq!(throughput(&[], &Window::default()).0.value, None);
    }
}
