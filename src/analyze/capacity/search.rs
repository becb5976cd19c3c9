//! Which level to measure next: doubling until one is not met, then bisection between met and not met.

use super::fit;
use super::fit::Capacity;
use super::point::Point;
use crate::analyze::summary::SloVerdict;

/// Where to search and how hard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The first level.
    pub start: f64,
    /// The lowest level worth knowing.
    pub min: f64,
    /// The highest level that may be tried.
    pub max: f64,
    /// Levels are whole numbers: requests in flight.
    pub whole: bool,
    /// Measurements of one level before an undecided one counts as not met.
    pub tries: u32,
    /// Measurements in all.
    pub measurements: u32,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Measure this level.
    Measure(f64),
    /// Nothing more to learn within the bounds.
    Done,
}

/// Levels closer than this are the same for any practical purpose, where they are not whole numbers.
const RESOLUTION: f64 = 0.05;

/// The search so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    bounds: Bounds,
    /// By rising level.
    points: Vec<Point>,
}

impl Search {
    /// A search that has measured nothing. Bounds out of order are put in order.
    pub fn new(bounds: Bounds) -> Self {
        let floor = if bounds.whole { 1.0 } else { 1e-3 };
        let min = if bounds.min.is_finite() { bounds.min.max(floor) } else { floor };
        let max = if bounds.max.is_finite() { bounds.max.max(min) } else { min };
        let start = if bounds.start.is_finite() { bounds.start.clamp(min, max) } else { min };
        let bounds = Bounds { start, min, max, tries: bounds.tries.max(1), ..bounds };
        Self { bounds, points: Vec::new() }
    }

    /// Levels measured so far, ascending.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Takes in a measurement; one of a known level is pooled with it.
    pub fn record(&mut self, point: Point) {
        match self.points.binary_search_by(|known| known.level.total_cmp(&point.level)) {
            Ok(at) => self.points[at].pool(point),
            Err(at) => self.points.insert(at, point),
        }
    }

    /// The level to measure next.
    pub fn next(&self) -> Step {
        let spent: u32 = self.points.iter().map(|point| point.tries).sum();
        if spent >= self.bounds.measurements {
            return Step::Done;
        }
        let Some(first) = self.points.first() else { return Step::Measure(self.round(self.bounds.start)) };
        let Some(high) = self.first_not_met() else {
            let top = self.points.last().unwrap_or(first).level;
            return self.measure_unless_known((top * 2.0).min(self.bounds.max));
        };
        if self.is_open(high) {
            return Step::Measure(high.level);
        }
        match self.highest_met() {
            None => self.measure_unless_known((high.level / 2.0).max(self.bounds.min)),
            Some(low) if self.is_close(low.level, high.level) => Step::Done,
            Some(low) => self.measure_unless_known(self.between(low.level, high.level)),
        }
    }

    /// What the measurements come to; `seed` drives the resampling behind its interval.
    pub fn result(&self, seed: u64) -> Capacity {
        fit::capacity(&self.points, self.highest_met(), self.first_not_met(), seed)
    }

    /// The lowest level that is missed, or was not decided.
    fn first_not_met(&self) -> Option<&Point> {
        self.points.iter().find(|point| point.verdict() != SloVerdict::Met)
    }

    /// The highest level met below all that are not.
    fn highest_met(&self) -> Option<&Point> {
        self.points.iter().take_while(|point| point.verdict() == SloVerdict::Met).last()
    }

    /// Undecided, and another measurement may decide it: a client that was disturbed once may keep up the next time.
    fn is_open(&self, point: &Point) -> bool {
        point.verdict() == SloVerdict::Inconclusive && point.tries < self.bounds.tries
    }

    fn is_close(&self, low: f64, high: f64) -> bool {
        high <= low * (1.0 + RESOLUTION) || self.bounds.whole && high - low <= 1.0
    }

    /// The geometric middle: loads differ by factors.
    fn between(&self, low: f64, high: f64) -> f64 {
        let middle = (low * high).sqrt();
        if self.bounds.whole { middle.floor().max(low + 1.0) } else { middle }
    }

    /// Between met and not met, rounding may hit a known level: then the bracket cannot be narrowed.
    fn measure_unless_known(&self, level: f64) -> Step {
        let level = self.round(level);
        let known = self.points.iter().any(|point| point.level.total_cmp(&level).is_eq());
        if known { Step::Done } else { Step::Measure(level) }
    }

    /// Whole levels are rounded down; others to three digits, as a person would name them.
    fn round(&self, level: f64) -> f64 {
        if self.bounds.whole {
            return level.floor().max(1.0);
        }
        let digit = 10f64.powf(2.0 - level.log10().floor());
        (level * digit).round() / digit
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::prop_assert;
    use proptest::prelude::prop_assert_eq;
    use proptest::proptest;

    use super::*;
    use crate::analyze::Estimate;
    use crate::analyze::capacity::Counts;
    use crate::analyze::capacity::Held;
    use crate::domain::random::Stream;

    fn point(level: f64, over: u64, n: u64) -> Point {
        let counts = Counts { over, n, allowed: 0.05 };
        Point {
            level,
            held: vec![Held {
                slo: "p95(ttft) <= 1s".into(),
                counts: Some(counts),
                verdict: counts.verdict(),
                value: Estimate::none(n),
            }],
            trials: n,
            tries: 1,
            throughput_rps: Estimate::point(level.min(10.0), n),
            throughput_tps: Estimate::none(0),
            ttft: None,
            client_limited: false,
        }
    }

    fn bounds(start: f64, max: f64, whole: bool) -> Bounds {
        Bounds { start, min: 1.0, max, whole, tries: 3, measurements: 40 }
    }

    /// Runs a search against a server that keeps its promise up to `limit`.
    fn run(bounds: Bounds, limit: f64) -> (Search, Vec<f64>) {
        let (mut search, mut asked) = (Search::new(bounds), Vec::new());
        while let Step::Measure(level) = search.next() {
            asked.push(level);
            search.record(point(level, if level <= limit { 0 } else { 200 }, 200));
            assert!(asked.len() < 50, "{asked:?}");
        }
        (search, asked)
    }

    #[test]
    fn it_doubles_and_then_halves() {
        let (search, asked) = run(bounds(4.0, 256.0, true), 20.0);
        assert_eq!(asked, [4.0, 8.0, 16.0, 32.0, 22.0, 18.0, 19.0, 20.0, 21.0]);
        assert_eq!(search.result(1).highest_met, Some(20.0));
    }

    #[test]
    fn it_goes_down_where_the_start_is_too_high_and_stops_at_the_bounds() {
        assert_eq!(run(bounds(64.0, 64.0, true), 3.0).0.result(1).highest_met, Some(3.0));
        let (search, _) = run(bounds(4.0, 64.0, true), 1e9);
        assert_eq!((search.result(1).highest_met, search.result(1).first_not_met), (Some(64.0), None));
        let (search, asked) = run(bounds(4.0, 64.0, true), 0.0);
        assert_eq!((search.result(1).highest_met, asked.last()), (None, Some(&1.0)));
    }

    #[test]
    fn an_undecided_level_is_measured_again_and_then_not_met() {
        let mut search = Search::new(bounds(4.0, 64.0, true));
        for _ in 0..3 {
            assert_eq!(search.next(), Step::Measure(4.0));
            search.record(point(4.0, 1, 20));
        }
        assert_eq!(search.points()[0].held[0].counts.unwrap().n, 60, "measurements are pooled");
        assert_eq!(search.next(), Step::Measure(2.0));
        assert_eq!(search.result(1).highest_met, None);
    }

    #[test]
    fn a_client_at_its_limit_is_no_statement_about_the_server() {
        let mut search = Search::new(bounds(4.0, 64.0, true));
        search.record(point(4.0, 0, 200));
        for _ in 0..3 {
            assert_eq!(search.next(), Step::Measure(8.0), "it may have been disturbed");
            search.record(Point { client_limited: true, ..point(8.0, 0, 200) });
        }
        assert_eq!(search.next(), Step::Measure(5.0), "between the two, and not 8 again");
        assert_eq!((search.result(1).highest_met, search.result(1).client_limited), (Some(4.0), true));
    }

    #[test]
    fn a_client_that_was_disturbed_once_may_keep_up_the_next_time() {
        let mut search = Search::new(bounds(4.0, 64.0, true));
        search.record(Point { client_limited: true, ..point(4.0, 200, 200) });
        search.record(point(4.0, 0, 200));
        assert_eq!((search.points()[0].trials, search.points()[0].tries), (200, 2), "the disturbed one is left out");
        assert_eq!((search.highest_met().map(|p| p.level), search.next()), (Some(4.0), Step::Measure(8.0)));
        search.record(point(8.0, 1, 20));
        search.record(Point { client_limited: true, ..point(8.0, 20, 20) });
        assert_eq!((search.points()[1].trials, search.points()[1].client_limited), (20, false));
    }

    #[test]
    fn nonsense_bounds_still_end() {
        for (start, max) in [(f64::NAN, f64::INFINITY), (-3.0, -9.0), (0.0, 0.0), (1e300, 1e300)] {
            let (_, asked) = run(bounds(start, max, false), 5.0);
            assert!(asked.len() <= 40, "{start} {max}: {asked:?}");
        }
    }

    proptest! {
        #[test]
        fn the_answer_was_measured_and_met(start in 1.0f64..500.0, limit in 0.5f64..2000.0, whole in proptest::bool::ANY) {
            let (search, asked) = run(bounds(start, 1000.0, whole), limit);
            if let Some(met) = search.highest_met().map(|point| point.level) {
                prop_assert!(asked.contains(&met) && met <= limit);
                prop_assert!(met >= limit.min(1000.0) / 1.06 - 1.0, "{met} of {limit}");
            } else {
                prop_assert_eq!(asked.last().copied(), Some(1.0));
            }
        }

        /// Noise: the share beyond the limit rises smoothly through the 5 % that are allowed at level 20.
        #[test]
        fn noise_seldom_makes_it_promise_too_much(seed in 0u64..500) {
            let mut draw = Stream::new(seed, "capacity");
            let mut search = Search::new(bounds(2.0, 256.0, true));
            while let Step::Measure(level) = search.next() {
                let share = 0.05 * (level / 20.0).powi(3);
                let over = (0..400).filter(|_| draw.uniform() < share).count() as u64;
                search.record(point(level, over, 400));
            }
            let met = search.highest_met().map_or(0.0, |point| point.level);
            prop_assert!((8.0..=23.0).contains(&met), "{met}");
        }
    }
}
