//! Means against closed forms and statsmodels' clustered covariance.

use proptest::prelude::prop;
use proptest::prelude::prop_assert;
use proptest::proptest;

use super::*;
use crate::stats::near::near;
use crate::stats::near::near_interval;

const CASES: [[f64; 4]; 6] =
    [[1., 1., 1., 0.], [0., 0., 1., 0.], [1., 1., 1., 1.], [0., 0., 0., 0.], [1., 0., 1., 1.], [1., 1., 0., 0.]];

#[test]
fn repeats_are_averaged_before_cases_are_counted() {
    let means: Vec<f64> = CASES.iter().map(|case| mean(case)).collect();
    let estimate = estimate(&means).unwrap();
    near(estimate.mean, 0.541_666_666_7);
    near(estimate.se, 0.150_231_303_1);
    near_interval(estimate.interval(Level::P95).unwrap(), 0.155_484_807_7, 0.927_848_525_7);
}

#[test]
fn variance_splits_into_cases_and_repeats() {
    let split = split_variance(&CASES).unwrap();
    near(split.within, 0.180_555_555_6);
    near(split.between, 0.090_277_777_8);
    near(split.se_square_cases, 0.015_046_296_3);
    near(split.se_square_repeats, 0.007_523_148_1);
    assert_eq!(split_variance(&[[1.0], [0.0]]), None);
    assert_eq!(split_variance::<[f64; 0]>(&[]), None);
}

const CLUSTERED: [f64; 12] = [1., 1., 0., 1., 0., 0., 0., 1., 1., 1., 0., 1.];
const CLUSTERS: [u32; 12] = [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3];

/// statsmodels OLS with cluster covariance, with and without its correction.
#[test]
fn clustered_errors() {
    near(estimate(&CLUSTERED).unwrap().se, 0.148_647_097_5);
    near(clustered(&CLUSTERED, &CLUSTERS, Correction::Cr0).unwrap().se, 0.087_290_313_1);
    let cr1 = clustered(&CLUSTERED, &CLUSTERS, Correction::Cr1).unwrap();
    near(cr1.se, 0.100_794_171_6);
    near(cr1.df, 3.0);
    near_interval(cr1.interval(Level::P95).unwrap(), 0.262_561_294_5, 0.904_105_372_2);
}

#[test]
fn clusters_that_agree_are_no_certainty() {
    let a = [1., 1., 0., 1., 1., 0., 1., 1., 1., 0., 1., 1.];
    let b = [1., 0., 0., 1., 0., 0., 1., 1., 0., 0., 1., 0.];
    let d: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let threes: Vec<u32> = (0..12).map(|i| i / 3).collect();
    let fit = clustered(&d, &threes, Correction::Cr1).unwrap();
    near(fit.se, 0.0);
    assert_eq!(fit.interval(Level::P95), None);
    assert_eq!(clustered(&d, &[7; 12], Correction::Cr1), None);
}

#[test]
fn tiny_samples_give_nothing() {
    assert_eq!(estimate(&[]), None);
    assert_eq!(estimate(&[1.0]), None);
    assert_eq!(estimate(&[0.3, 0.3, 0.3]).unwrap().interval(Level::P95), None);
    near(estimate(&[0.3, 0.3]).unwrap().p_two_sided(0.3), 1.0);
}

proptest! {
    #[test]
    fn singleton_clusters_are_independent_units(values in prop::collection::vec(0.0..1.0f64, 2..50)) {
        let own: Vec<u32> = (0..values.len() as u32).collect();
        let (a, b) = (estimate(&values).unwrap(), clustered(&values, &own, Correction::Cr1).unwrap());
        prop_assert!((a.se - b.se).abs() < 1e-12);
        let mut reversed = values.clone();
        reversed.reverse();
        prop_assert!((estimate(&reversed).unwrap().se - a.se).abs() < 1e-12);
    }
}
