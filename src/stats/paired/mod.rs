//! Two arms measured on the same units.

pub mod binary;
pub mod sign_flip;
pub mod tango;

use super::MeanEstimate;
use super::mean;

/// Logarithms of the ratios a / b, unit by unit; nothing unless every value is positive and finite.
pub fn log_ratios(a: &[f64], b: &[f64]) -> Option<Vec<f64>> {
    let ratio = |(&a, &b): (&f64, &f64)| {
        let usable = a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite();
        usable.then(|| (a / b).ln())
    };
    if a.len() != b.len() {
        return None;
    }
    a.iter().zip(b).map(ratio).collect()
}

/// Difference of the means of two *independent* samples (Welch), for arms that share no units.
///
/// Nothing when an arm has fewer than two values or neither varies.
pub fn welch(a: &[f64], b: &[f64]) -> Option<MeanEstimate> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let part = |values: &[f64]| {
        let n = values.len() as f64;
        (mean::variance(values) / n, n - 1.0)
    };
    let ((of_a, df_a), (of_b, df_b)) = (part(a), part(b));
    let square = of_a + of_b;
    let df = square * square / (of_a * of_a / df_a + of_b * of_b / df_b);
    df.is_finite().then(|| MeanEstimate { mean: mean::mean(a) - mean::mean(b), se: square.sqrt(), df })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Level;
    use crate::stats::near::near;
    use crate::stats::near::near_interval;

    const SCORES_A: [f64; 10] = [0.9, 0.6, 0.75, 0.4, 1.0, 0.8, 0.55, 0.7, 0.85, 0.3];
    const SCORES_B: [f64; 10] = [0.8, 0.65, 0.6, 0.35, 0.9, 0.8, 0.4, 0.6, 0.85, 0.35];
    const SLOW: [f64; 8] = [760., 655., 900., 430., 700., 910., 640., 1290.];
    const FAST: [f64; 8] = [812., 640., 1030., 455., 720., 980., 610., 1500.];

    fn differences() -> Vec<f64> {
        SCORES_A.iter().zip(SCORES_B).map(|(a, b)| a - b).collect()
    }

    #[test]
    fn paired_scores() {
        let fit = mean::estimate(&differences()).unwrap();
        near(fit.mean, 0.055);
        near(fit.se, 0.024_094_720_5);
        near(fit.t(0.0), 2.282_657_730_8);
        near(fit.p_two_sided(0.0), 0.048_351_864_3);
        near_interval(fit.interval(Level::P95).unwrap(), 0.000_493_955_5, 0.109_506_044_5);
        near(welch(&SCORES_A, &SCORES_B).unwrap().se, 0.096_393_291_6);
        near(sign_flip::test(&differences(), 9_999, 1).two_sided, 80.0 / 1024.0);
    }

    #[test]
    fn paired_scores_in_clusters() {
        let a = [1., 1., 0., 1., 1., 0., 1., 1., 1., 0., 1., 1.];
        let b = [1., 0., 0., 1., 1., 0., 1., 1., 0., 1., 0., 0.];
        let d: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        let threes: Vec<u32> = (0..12).map(|i| i / 3).collect();
        near(mean::estimate(&d).unwrap().se, 0.179_435_140_6);
        let fit = mean::clustered(&d, &threes, mean::Correction::Cr1).unwrap();
        near(fit.se, 0.083_333_333_3);
        near_interval(fit.interval(Level::P95).unwrap(), -0.015_203_858_8, 0.515_203_858_8);
    }

    #[test]
    fn paired_ratios() {
        let logs = log_ratios(&SLOW, &FAST).unwrap();
        let fit = mean::estimate(&logs).unwrap();
        near(fit.mean.exp(), 0.946_539_703_1);
        near_interval(fit.interval(Level::P95).unwrap().map(f64::exp), 0.893_347_764_8, 1.002_898_809_2);
        near(fit.t(0.0), -2.246_279_915_7);
        near(fit.p_two_sided(0.0), 0.059_523_866_1);
        near(sign_flip::test(&logs, 9_999, 1).two_sided, 16.0 / 256.0);
        assert_eq!(log_ratios(&[1.0, f64::INFINITY], &[1.0, 1.0]), None);
        assert_eq!(log_ratios(&[0.0], &[1.0]), None);
    }

    #[test]
    fn independent_ratios() {
        let logs = |values: &[f64]| values.iter().map(|x| x.ln()).collect::<Vec<f64>>();
        let fit = welch(&logs(&[700., 590., 930., 500., 660., 720., 880.]), &logs(&FAST)).unwrap();
        near(fit.mean.exp(), 0.878_955_539_9);
        near(fit.df, 11.497_199_415_9);
        near(fit.p_two_sided(0.0), 0.418_807_922_8);
        near_interval(fit.interval(Level::P95).unwrap().map(f64::exp), 0.627_579_127_7, 1.231_020_610_7);
        assert_eq!(welch(&[1.0], &FAST), None);
        assert_eq!(welch(&[1.0, 1.0], &[2.0, 2.0]), None);
    }

    /// t = 3.1127150874 with 9 degrees of freedom against a margin of two points.
    #[test]
    fn non_inferiority_of_scores() {
        let fit = mean::estimate(&[0.10, -0.05, 0.15, 0.05, 0.10, 0.0, 0.15, 0.10, 0.0, -0.05]).unwrap();
        near(fit.t(-0.02), 3.112_715_087_4);
        near(fit.p_above(-0.02), 0.006_232_082_3);
    }
}
