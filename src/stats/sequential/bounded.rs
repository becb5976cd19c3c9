//! Confidence sequence for the mean of values in [0, 1]: predictable plug-in empirical Bernstein.
//!
//! Waudby-Smith & Ramdas 2024, JRSS-B 86:1; `gostevehoward/confseq: src/confseq/predmix.py`. Costs one pass and
//! constant memory. For a difference d in [-1, 1] feed (d + 1) / 2 and map back.

use crate::stats::Interval;
use crate::stats::Level;

/// The sequence so far; feed values in an order that does not depend on them.
#[derive(Debug, Clone)]
pub struct BoundedMean {
    log_term: f64,
    population: Option<u64>,
    t: u64,
    sum: f64,
    plug_in_squares: f64,
    weighted: f64,
    weights: f64,
    variance_from_zero: f64,
    variance_from_one: f64,
}

impl BoundedMean {
    /// An empty sequence for values drawn from an unlimited source.
    pub fn new(level: Level) -> Self {
        Self {
            log_term: (2.0 / level.alpha()).ln(),
            population: None,
            t: 0,
            sum: 0.0,
            plug_in_squares: 0.0,
            weighted: 0.0,
            weights: 0.0,
            variance_from_zero: 0.0,
            variance_from_one: 0.0,
        }
    }

    /// An empty sequence for exactly `population` values drawn without replacement: "these cases", not "such cases".
    pub fn without_replacement(level: Level, population: u64) -> Self {
        Self { population: Some(population), ..Self::new(level) }
    }

    /// How many values were taken.
    pub fn n(&self) -> u64 {
        self.t
    }

    /// Takes the next value, cut to [0, 1]; values beyond the population are ignored.
    pub fn observe(&mut self, value: f64) {
        if self.population.is_some_and(|n| self.t >= n) || value.is_nan() {
            return;
        }
        let x = value.clamp(0.0, 1.0);
        let (seen, t) = (self.t as f64, (self.t + 1) as f64);
        let plug_in_variance = (0.25 + self.plug_in_squares) / t;
        let lambda = (2.0 * self.log_term / (plug_in_variance * t * t.ln_1p())).sqrt().min(0.5);
        let psi = -(-lambda).ln_1p() - lambda;
        let (mean, mirrored) = if self.t == 0 { (0.0, 1.0) } else { (self.sum / seen, self.sum / seen) };
        let remaining = self.population.map(|n| (n - self.t) as f64);
        self.weighted += lambda * (x + remaining.map_or(0.0, |left| self.sum / left));
        self.weights += lambda * (1.0 + remaining.map_or(0.0, |left| seen / left));
        self.variance_from_zero += (x - mean) * (x - mean) * psi;
        self.variance_from_one += (x - mirrored) * (x - mirrored) * psi;
        self.sum += x;
        self.t += 1;
        let centre = (0.5 + self.sum) / (t + 1.0);
        self.plug_in_squares += (x - centre) * (x - centre);
    }

    /// The interval now, valid at every time together; [0, 1] before the first value.
    pub fn interval(&self) -> Interval {
        if self.t == 0 {
            return Interval::new(0.0, 1.0);
        }
        let centre = self.weighted / self.weights;
        let below = (self.log_term + self.variance_from_zero) / self.weights;
        let above = (self.log_term + self.variance_from_one) / self.weights;
        Interval::new(centre - below, centre + above).clip(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near_interval;
    use crate::stats::proportion;

    const LOOKS: [u64; 4] = [100, 200, 500, 1000];

    #[track_caller]
    fn check(mut sequence: BoundedMean, value: impl Fn(u64) -> f64, expected: [(f64, f64); 4]) {
        for t in 1..=1000 {
            sequence.observe(value(t));
            if let Some(look) = LOOKS.iter().position(|look| *look == t) {
                near_interval(sequence.interval(), expected[look].0, expected[look].1);
            }
        }
    }

    fn ramp(t: u64) -> f64 {
        (37 * t % 100) as f64 / 100.0
    }

    fn coin(t: u64) -> f64 {
        f64::from(u8::from(37 * t % 100 < 70))
    }

    fn difference(t: u64) -> f64 {
        match t % 10 {
            1 | 4 | 7 => 1.0,
            5 => 0.0,
            _ => 0.5,
        }
    }

    /// All values agree with the reference code to 1e-15.
    #[test]
    fn sequences_with_replacement() {
        let new = || BoundedMean::new(Level::P95);
        check(
            new(),
            ramp,
            [
                (0.387_106_459_1, 0.604_935_851_2),
                (0.424_245_207_2, 0.568_033_131_5),
                (0.450_424_150_8, 0.541_408_977_2),
                (0.462_488_620_9, 0.528_948_196_8),
            ],
        );
        check(
            new(),
            coin,
            [
                (0.529_246_842_0, 0.858_181_718_5),
                (0.577_600_906_7, 0.811_960_060_2),
                (0.618_362_310_1, 0.774_144_713_9),
                (0.639_105_555_3, 0.755_214_110_3),
            ],
        );
    }

    #[test]
    fn sequences_without_replacement() {
        check(
            BoundedMean::without_replacement(Level::P95, 2000),
            ramp,
            [
                (0.389_935_487_2, 0.602_379_763_5),
                (0.427_623_989_0, 0.564_866_589_7),
                (0.455_213_379_5, 0.536_745_772_2),
                (0.469_510_792_4, 0.521_941_574_2),
            ],
        );
        check(
            BoundedMean::without_replacement(Level::P95, 1000),
            coin,
            [
                (0.536_298_991_6, 0.850_491_189_8),
                (0.587_170_015_4, 0.802_061_476_2),
                (0.634_772_395_4, 0.758_098_565_1),
                (0.685_478_856_6, 0.712_074_994_2),
            ],
        );
    }

    #[test]
    fn differences_map_back() {
        let to_unit = |d: f64| f64::midpoint(d, 1.0);
        let expected = [
            (-0.029_980_296_6, 0.423_464_792_0),
            (0.047_704_630_5, 0.350_085_594_4),
            (0.103_639_517_5, 0.295_851_918_0),
            (0.129_655_745_6, 0.270_233_490_4),
        ];
        check(BoundedMean::new(Level::P95), difference, expected.map(|(l, h)| (to_unit(l), to_unit(h))));
        let mut sequence = BoundedMean::new(Level::P95);
        let first = (1..1000).find(|&t| {
            sequence.observe(difference(t));
            sequence.interval().low > 0.5
        });
        assert_eq!(first, Some(121));
    }

    #[test]
    fn looking_at_all_times_costs_a_factor_of_two() {
        let mut sequence = BoundedMean::new(Level::P95);
        (1..=1000).for_each(|t| sequence.observe(coin(t)));
        let ratio = sequence.interval().width() / proportion::wilson(700, 1000, Level::P95).width();
        assert!((ratio - 2.05).abs() < 0.01, "{ratio}");
    }

    #[test]
    fn hostile_values_do_no_harm() {
        let mut sequence = BoundedMean::without_replacement(Level::P95, 3);
        for value in [f64::NAN, -5.0, f64::INFINITY, -0.0, 1.0, 1.0] {
            sequence.observe(value);
        }
        assert_eq!(sequence.n(), 3);
        let interval = sequence.interval();
        assert!(interval.low >= 0.0 && interval.high <= 1.0 && interval.low <= interval.high);
    }
}
