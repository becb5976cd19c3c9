//! Rates measured by an imperfect rater, corrected by items whose truth is known.

use super::Interval;
use super::Level;
use super::mean;

/// An estimate with a normal error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Corrected {
    /// The corrected value.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
}

impl Corrected {
    /// Normal interval around the value.
    pub fn interval(&self, level: Level) -> Interval {
        Interval::new(self.value - level.z() * self.se, self.value + level.z() * self.se)
    }
}

/// Prediction-powered mean: the rater's mean on unlabelled items plus its mean error on labelled ones.
///
/// `labelled` pairs the rater's value with the true one. Angelopoulos et al. 2023, Science 382:669. Nothing with fewer
/// than two items on either side.
pub fn prediction_powered(unlabelled: &[f64], labelled: &[(f64, f64)]) -> Option<Corrected> {
    let errors: Vec<f64> = labelled.iter().map(|(rated, truth)| truth - rated).collect();
    let (rated, error) = (mean::estimate(unlabelled)?, mean::estimate(&errors)?);
    Some(Corrected { value: rated.mean + error.mean, se: rated.se.hypot(error.se) })
}

/// Successes among trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Successes.
    pub k: u64,
    /// Trials.
    pub n: u64,
}

impl Count {
    fn rate(self) -> f64 {
        self.k as f64 / self.n as f64
    }

    fn variance(self) -> f64 {
        self.rate() * (1.0 - self.rate()) / self.n as f64
    }
}

/// True rate behind a rater's positive rate, given its sensitivity (found among true positives) and specificity.
///
/// Rogan & Gladen 1978, Am. J. Epidemiol. 107:71, clipped to [0, 1]. Nothing when a count is empty or the rater is no
/// better than chance.
pub fn rogan_gladen(positive: Count, sensitivity: Count, specificity: Count) -> Option<Corrected> {
    if positive.n == 0 || sensitivity.n == 0 || specificity.n == 0 {
        return None;
    }
    let youden = sensitivity.rate() + specificity.rate() - 1.0;
    if youden <= 0.0 {
        return None;
    }
    let value = ((positive.rate() + specificity.rate() - 1.0) / youden).clamp(0.0, 1.0);
    let square = positive.variance()
        + value * value * sensitivity.variance()
        + (1.0 - value) * (1.0 - value) * specificity.variance();
    Some(Corrected { value, se: square.sqrt() / youden })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::near_interval;

    fn digits(text: &str) -> Vec<f64> {
        text.chars().filter_map(|c| c.to_digit(10)).map(f64::from).collect()
    }

    #[test]
    fn prediction_powered_mean() {
        let labelled: Vec<(f64, f64)> = digits("1011011101").into_iter().zip(digits("1001011101")).collect();
        let fit = prediction_powered(&digits("11011011101101011101"), &labelled).unwrap();
        near(fit.value, 0.6);
        near(fit.se, 0.145_095_250_0);
        near_interval(fit.interval(Level::P95), 0.315_618_535_6, 0.884_381_464_4);
        near(mean::estimate(&digits("1001011101")).unwrap().se, 0.163_299_316_2);
        assert_eq!(prediction_powered(&[1.0], &labelled), None);
    }

    #[test]
    fn misclassification() {
        let (found, rejected) = (Count { k: 90, n: 100 }, Count { k: 40, n: 50 });
        let fit = rogan_gladen(Count { k: 310, n: 500 }, found, rejected).unwrap();
        near(fit.value, 0.6);
        near(fit.se, 0.051_650_315_6);
        near_interval(fit.interval(Level::P95), 0.498_767_241_6, 0.701_232_758_4);
        assert_eq!(rogan_gladen(Count { k: 1, n: 2 }, Count { k: 1, n: 2 }, Count { k: 1, n: 2 }), None);
        assert_eq!(rogan_gladen(Count { k: 0, n: 0 }, found, rejected), None);
        near(rogan_gladen(Count { k: 0, n: 10 }, found, rejected).unwrap().value, 0.0);
    }
}
