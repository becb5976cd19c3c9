//! Arrival processes: when each request of an open loop is due.
//!
//! A rate that changes over time is integrated: with `L(t)` the expected number of arrivals until `t`, the `k`-th
//! arrival of any process is at `L⁻¹(u)`, where `u` counts `0, 1, 2, ..` for evenly spaced arrivals and sums unit
//! mean gaps for random ones (time rescaling; Brown et al. 2002, doi:10.1162/08997660252741149). Gaps are never
//! rescaled to hit a total: a Poisson process keeps the variance of its count.

use std::time::Duration;

use super::Arrivals;
use crate::domain::Offset;
use crate::domain::random::Stream;

/// A rate over time, in arrivals per second. The rate is `to` from the end of the ramp on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// Rate at the start; positive.
    pub from: f64,
    /// Rate at the end; positive.
    pub to: f64,
    /// Grows by factors rather than by amounts.
    pub exponential: bool,
    /// Number of equally long steps; 0 or 1 changes the rate continuously.
    pub steps: u32,
    /// Seconds from `from` to `to`.
    pub over: f64,
}

impl Curve {
    /// Seconds that a ramp with these rates takes for `n` expected arrivals.
    pub fn seconds_for(self, n: f64) -> f64 {
        let unit = Self { over: 1.0, ..self };
        n / unit.expected(1.0)
    }

    /// Expected number of arrivals until `t` seconds.
    pub fn expected(self, t: f64) -> f64 {
        let inside = t.min(self.over).max(0.0);
        self.expected_inside(inside) + self.to * (t - inside).max(0.0)
    }

    /// The time at which `n` arrivals are expected: the inverse of [`Self::expected`].
    pub fn time_of(self, n: f64) -> f64 {
        let all = self.expected_inside(self.over);
        if n >= all {
            return self.over + (n - all) / self.to;
        }
        if self.steps > 1 {
            return self.time_in_steps(n);
        }
        let (a, b, d) = (self.from, self.to, self.over);
        if is_flat(a, b) {
            n / a
        } else if self.exponential {
            let slope = (b / a).ln() / d;
            (n * slope / a).ln_1p() / slope
        } else {
            // The root of a t + (b - a) t² / 2d = n in the form that does not cancel.
            let slope = (b - a) / d;
            2.0 * n / (a + (a * a + 2.0 * slope * n).max(0.0).sqrt())
        }
    }

    fn expected_inside(self, t: f64) -> f64 {
        let (a, b, d) = (self.from, self.to, self.over);
        if self.steps > 1 {
            return self.expected_in_steps(t);
        }
        if is_flat(a, b) || d <= 0.0 {
            a * t
        } else if self.exponential {
            let slope = (b / a).ln() / d;
            a * (slope * t).exp_m1() / slope
        } else {
            a * t + (b - a) * t * t / (2.0 * d)
        }
    }

    fn step_rate(self, step: u32) -> f64 {
        let share = f64::from(step) / f64::from(self.steps - 1);
        if self.exponential {
            self.from * (self.to / self.from).powf(share)
        } else {
            self.from + (self.to - self.from) * share
        }
    }

    fn expected_in_steps(self, t: f64) -> f64 {
        let width = self.over / f64::from(self.steps);
        (0..self.steps).map(|step| self.step_rate(step) * (t - width * f64::from(step)).clamp(0.0, width)).sum()
    }

    fn time_in_steps(self, n: f64) -> f64 {
        let width = self.over / f64::from(self.steps);
        let mut before = 0.0;
        for step in 0..self.steps {
            let rate = self.step_rate(step);
            if before + rate * width > n {
                return width * f64::from(step) + (n - before) / rate;
            }
            before += rate * width;
        }
        self.over
    }
}

/// Rates that are so close that the formulas for ramps would divide by nothing.
fn is_flat(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.max(b)
}

/// Where a list of arrivals ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Until {
    /// After this many.
    Count(u64),
    /// Before this time.
    Time(Duration),
}

/// Due times of a process, ascending. The stream's name decides the draw, so cells of one load that share a stream
/// meet the same arrivals.
pub fn arrivals(process: &Arrivals, curve: Curve, until: Until, stream: &mut Stream) -> Vec<Offset> {
    let mut found = Vec::new();
    let mut sum = 0.0;
    for k in 0u64.. {
        let n = match process {
            Arrivals::Constant => k as f64,
            Arrivals::Poisson => {
                sum += stream.exponential();
                sum
            }
            Arrivals::Gamma(shape) => {
                sum += stream.gamma(*shape) / shape;
                sum
            }
        };
        let at = curve.time_of(n);
        let ends = match until {
            Until::Count(count) => k >= count,
            Until::Time(end) => at >= end.as_secs_f64(),
        };
        if ends || !at.is_finite() {
            break;
        }
        found.push(Offset((at * 1e9).round() as u64));
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::ProptestConfig;
    use proptest::prelude::any;
    use proptest::proptest;

    use super::*;

    fn flat(rate: f64) -> Curve {
        Curve { from: rate, to: rate, exponential: false, steps: 0, over: 1.0 }
    }

    fn times(process: &Arrivals, curve: Curve, until: Until) -> Vec<f64> {
        let offsets = arrivals(process, curve, until, &mut Stream::new(7, "arrivals"));
        offsets.into_iter().map(|offset| offset.0 as f64 / 1e9).collect()
    }

    #[test]
    fn constant_arrivals_are_multiples_without_drift() {
        let found = times(&Arrivals::Constant, flat(3.0), Until::Count(100_001));
        assert_eq!((found[0], found[3], found[100_000]), (0.0, 1.0, 33_333.333_333_333));
        assert_eq!(times(&Arrivals::Constant, flat(5.0), Until::Time(Duration::from_secs(60))).len(), 300);
    }

    #[test]
    fn random_gaps_have_mean_and_spread() {
        for (process, variance) in [(Arrivals::Poisson, 1.0), (Arrivals::Gamma(0.5), 2.0), (Arrivals::Gamma(4.0), 0.25)]
        {
            let found = times(&process, flat(10.0), Until::Count(100_000));
            let gaps: Vec<f64> = found.windows(2).map(|pair| (pair[1] - pair[0]) * 10.0).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let spread = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            assert!((mean - 1.0).abs() < 0.02, "{process:?}: mean {mean}");
            assert!((spread / variance - 1.0).abs() < 0.05, "{process:?}: variance {spread}");
        }
    }

    /// The count of a Poisson process varies with its mean; a rescaled one would always hit it.
    #[test]
    fn poisson_counts_vary() {
        let counts: Vec<f64> = (0..400)
            .map(|seed| {
                let mut stream = Stream::new(seed, "count");
                arrivals(&Arrivals::Poisson, flat(10.0), Until::Time(Duration::from_secs(10)), &mut stream).len() as f64
            })
            .collect();
        let mean = counts.iter().sum::<f64>() / 400.0;
        let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 399.0;
        assert!((mean - 100.0).abs() < 2.0 && (variance / 100.0 - 1.0).abs() < 0.25, "{mean} {variance}");
    }

    #[test]
    fn ramps_deliver_their_area() {
        let ramp = |exponential, steps| Curve { from: 1.0, to: 20.0, exponential, steps, over: 60.0 };
        let until = Until::Time(Duration::from_secs(60));
        let rows = [(false, 0, 630.0), (true, 0, 60.0 * 19.0 / 20f64.ln()), (false, 4, 630.0)];
        for (exponential, steps, area) in rows {
            let found = times(&Arrivals::Constant, ramp(exponential, steps), until);
            assert!((found.len() as f64 - area).abs() <= 1.0, "{} against {area}", found.len());
        }
        assert!((ramp(false, 0).seconds_for(630.0) - 60.0).abs() < 1e-9);
        let steps = times(&Arrivals::Constant, ramp(false, 2), until);
        let late = steps.iter().filter(|at| **at >= 30.0).count();
        assert_eq!((steps.len() - late, late), (30, 600));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn arrivals_ascend_and_the_curve_inverts(
            from in 0.1f64..50.0, to in 0.1f64..50.0, exponential in any::<bool>(), steps in 0u32..6, seed in any::<u64>(),
        ) {
            let curve = Curve { from, to, exponential, steps, over: 5.0 };
            for process in [Arrivals::Constant, Arrivals::Poisson, Arrivals::Gamma(0.3)] {
                let found = arrivals(&process, curve, Until::Time(Duration::from_secs(8)), &mut Stream::new(seed, "p"));
                assert!(found.is_sorted());
            }
            for t in [0.0, 1.0, 2.5, 5.0, 7.0] {
                assert!((curve.time_of(curve.expected(t)) - t).abs() < 1e-6, "{t}: {curve:?}");
            }
        }
    }
}
