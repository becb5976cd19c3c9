//! Bootstraps against full enumeration, R and scipy.

use super::*;
use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::Quantile;
use crate::stats::mean;
use crate::stats::near::near;
use crate::stats::near::near_interval;
use crate::stats::near::within;
use crate::stats::quantile;

/// The values of a statistic over all 5^5 resamples of five units.
fn enumerate(statistic: &dyn Statistic) -> Vec<f64> {
    let draw = |mut number: usize| {
        let mut weights = [0u16; 5];
        for _ in 0..5 {
            weights[number % 5] += 1;
            number /= 5;
        }
        weights
    };
    (0..3125).map(|number| statistic.value(&draw(number))).collect()
}

fn mean_of(values: &[f64]) -> Sums<2> {
    Sums::new([values.to_vec(), vec![1.0; values.len()]], |[sum, n]| safe_ratio(sum, n))
}

#[test]
fn all_resamples_of_five_values() {
    let statistic = mean_of(&[1.0, 2.0, 4.0, 8.0, 16.0]);
    let values = enumerate(&statistic);
    near(statistic.observed(), 6.2);
    assert_eq!(values.iter().filter(|v| **v < 6.2 - 1e-9).count(), 1618);
    assert_eq!(values.iter().filter(|v| (**v - 6.2).abs() < 1e-9).count(), 120);
    let a = acceleration(&statistic.jackknife());
    near(a, 0.066_265_735_5);
    near_interval(percentile(&values, Level::P95).unwrap(), 2.0, 11.4);
    near_interval(bca(&values, 6.2, a, Level::P95).unwrap(), 2.6, 12.8);
    near((mean::variance(&values) * 3124.0 / 3125.0).sqrt(), 2.439_672_109_1);
}

#[test]
fn all_resamples_of_a_ratio() {
    let (costs, correct) = ([0.05, 0.10, 0.02, 0.12, 0.04], [2.0, 2.0, 1.0, 1.0, 3.0]);
    let statistic = Sums::new([costs.to_vec(), correct.to_vec()], |[cost, correct]| safe_ratio(cost, correct));
    let values = enumerate(&statistic);
    near(statistic.observed(), 0.036_666_666_7);
    let a = acceleration(&statistic.jackknife());
    near(a, 0.000_752_864_6);
    near_interval(percentile(&values, Level::P95).unwrap(), 0.017, 0.072_857_142_9);
    near_interval(bca(&values, statistic.observed(), a, Level::P95).unwrap(), 0.017_142_857_1, 0.072_857_142_9);
}

/// R `boot`, a million resamples; here 20,000.
#[test]
fn values_from_r() {
    let x = [10., 12., 12.5, 12.5, 13.9, 15., 21., 22., 23., 34., 50., 81., 89., 121., 134., 213.];
    let statistic = mean_of(&x);
    let values = &replicate(16, &Scheme::Units, &[&statistic], 11, 0..20_000)[0];
    let a = acceleration(&statistic.jackknife());
    near(a, 0.061_528_869_6);
    let close = |actual: Interval, low: f64, high: f64| {
        within(actual.low, low, 0.015 * low);
        within(actual.high, high, 0.015 * high);
    };
    close(percentile(values, Level::P95).unwrap(), 28.86, 84.21);
    close(bca(values, statistic.observed(), a, Level::P95).unwrap(), 32.31, 91.43);
}

/// The reference value of scipy's two-sample bootstrap test.
#[test]
fn acceleration_of_two_samples() {
    let z = mean_of(&[16., 23., 38., 94., 99., 141., 197.]);
    let y = mean_of(&[10., 27., 31., 40., 46., 50., 52., 104., 146.]);
    let of_z: Vec<f64> = z.jackknife().iter().map(|without| without - y.observed()).collect();
    let of_y: Vec<f64> = y.jackknife().iter().map(|without| z.observed() - without).collect();
    near(acceleration_of_samples(&[&of_z, &of_y]), 0.011_008_228_3);
}

/// That of a mean is the usual error; that of a ratio was worked out with `numpy`.
#[test]
fn jackknife_errors() {
    let x = [10., 12., 12.5, 12.5, 13.9, 15., 21., 22., 23., 34., 50., 81., 89., 121., 134., 213.];
    near(jackknife_error(&mean_of(&x).jackknife()), mean::estimate(&x).unwrap().se);
    let (costs, correct) = ([0.05, 0.10, 0.02, 0.12, 0.04], [2.0, 2.0, 1.0, 1.0, 3.0]);
    let ratio = Sums::new([costs.to_vec(), correct.to_vec()], |[cost, correct]| safe_ratio(cost, correct));
    near(jackknife_error(&ratio.jackknife()), 0.014_776_989_220_772_76);
    assert!(jackknife_error(&[]).is_nan() && jackknife_error(&[1.0, f64::INFINITY]).is_nan());
}

#[test]
fn undefined_values_give_no_interval() {
    assert_eq!(percentile(&[], Level::P95), None);
    assert_eq!(percentile(&[2.0; 100], Level::P95), None);
    assert_eq!(percentile(&[1.0, f64::NAN, 2.0], Level::P95), None);
    let values: Vec<f64> = (0..100).map(f64::from).collect();
    assert_eq!(bca(&values, 1000.0, 0.0, Level::P95), None);
    assert_eq!(bca(&values, 50.0, f64::NAN, Level::P95), percentile(&values, Level::P95));
    near(acceleration(&[3.0; 5]), 0.0);
    assert!(acceleration(&[1.0, f64::INFINITY]).is_nan());
}

#[test]
fn ranges_can_be_split() {
    let statistic = mean_of(&(0..2000).map(|i| f64::from(i % 17)).collect::<Vec<f64>>());
    let whole = replicate(2000, &Scheme::Units, &[&statistic], 5, 0..40);
    let (head, tail) = (
        replicate(2000, &Scheme::Units, &[&statistic], 5, 0..13),
        replicate(2000, &Scheme::Units, &[&statistic], 5, 13..40),
    );
    assert_eq!(whole[0], [head[0].clone(), tail[0].clone()].concat());
}

/// Every resampled quantile equals the one found by writing the resample out and sorting it.
#[test]
fn resampled_quantiles_are_nearest_ranks() {
    let mut bits = Bits::new(9);
    let n_units = 50;
    let arm =
        |bits: &mut Bits| -> Vec<(f64, u32)> { (0..400).map(|i| (bits.uniform() * 100.0, i % n_units)).collect() };
    let (first, second) = (arm(&mut bits), arm(&mut bits));
    for q in [Quantile::P50, Quantile::P95, Quantile::P99] {
        let [above, below] = [&first, &second].map(|arm| QuantileOf::new(arm, n_units as usize, q));
        for _ in 0..50 {
            let mut weights = vec![0; n_units as usize];
            Scheme::Units.draw(&mut bits, &mut weights);
            let written_out = |arm: &[(f64, u32)]| {
                let copies = |(value, unit): &(f64, u32)| vec![*value; usize::from(weights[*unit as usize])];
                let mut all: Vec<f64> = arm.iter().flat_map(copies).collect();
                quantile::sort(&mut all);
                quantile::nearest_rank(&all, q).unwrap()
            };
            near(above.value(&weights), written_out(&first));
            near(below.value(&weights), written_out(&second));
        }
    }
}

#[test]
fn failures_make_ratios_infinite_or_undefined() {
    let (fast, failed) = ([(1.0, 0), (2.0, 1)], [(1.0, 0), (f64::INFINITY, 1)]);
    let ratio = |a: &[(f64, u32)], b: &[(f64, u32)]| QuantileRatios::new(a, b, 2, &[Quantile::P99]).observed()[0];
    near(ratio(&fast, &fast), 1.0);
    near(ratio(&failed, &fast), f64::INFINITY);
    near(ratio(&fast, &failed), 0.0);
    assert!(ratio(&failed, &failed).is_nan());
    assert!(ratio(&[], &fast).is_nan());
    near(ratio(&[(1.0, 0), (9.0, 77)], &[(1.0, 0)]), 1.0);
}

/// With clusters whose members agree, a bootstrap of clusters is wider than one of members.
#[test]
fn clusters_are_resampled_whole() {
    let members: Vec<f64> = (0..400).map(|i| f64::from(i / 20 % 7)).collect();
    let sums: Vec<f64> = members.chunks(20).map(|chunk| chunk.iter().sum()).collect();
    let clusters = Sums::new([sums, vec![20.0; 20]], |[sum, n]| safe_ratio(sum, n));
    let width = |statistic: &Sums<2>, n| {
        let values = replicate(n, &Scheme::Units, &[statistic], 2, 0..2000);
        percentile(&values[0], Level::P95).unwrap().width()
    };
    assert!(width(&clusters, 20) > 3.0 * width(&mean_of(&members), 400));
}

/// Pooling units changes neither the statistic nor, beyond noise, its error.
#[test]
fn pooled_units_give_the_same_error() {
    let mut bits = Bits::new(6);
    let whole = mean_of(&(0..3000).map(|_| bits.uniform()).collect::<Vec<f64>>());
    let pooled = whole.pooled(1200, 3);
    near(pooled.observed(), whole.observed());
    assert_eq!(pooled.n_units(), 1200);
    let error = |statistic: &Sums<2>| {
        let values = replicate(statistic.n_units(), &Scheme::Units, &[statistic], 2, 0..1000);
        mean::variance(&values[0]).sqrt()
    };
    let ratio = error(&pooled) / error(&whole);
    assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
}

/// Pairs of `n` units whose arms hang together, `each` observations per unit.
fn pairs_of(n: u32, each: u32) -> [Vec<(f64, u32)>; 2] {
    let mut bits = Bits::new(21);
    let mut arms = [Vec::new(), Vec::new()];
    for unit in 0..n {
        let case = bits.uniform();
        for _ in 0..each {
            for arm in &mut arms {
                arm.push((100.0 / (1.02 - f64::midpoint(case, bits.uniform())), unit));
            }
        }
    }
    arms
}

/// Drawing most units in groups changes nothing but the random bits: points are the same, and limits and spread of
/// resampled ratios agree with those of weights for every unit.
#[test]
fn units_drawn_in_groups_give_the_same_distribution() {
    let tails = [Quantile::P90, Quantile::P95, Quantile::P99];
    for (n, each) in [(3000, 1), (1100, 2)] {
        let [first, second] = pairs_of(n, each);
        let ratios = QuantileRatios::new(&first, &second, n as usize, &tails);
        let drawn = ratios.replicate(1, 0..600);
        for (at, q) in tails.into_iter().enumerate() {
            let [above, below] = [&first, &second].map(|arm| QuantileOf::new(arm, n as usize, q));
            let singly = replicate(n as usize, &Scheme::Units, &[&above, &below], 2, 0..600);
            let plain: Vec<f64> = singly[0].iter().zip(&singly[1]).map(|(a, b)| a / b).collect();
            let ones = vec![1; n as usize];
            near(ratios.observed()[at], above.value(&ones) / below.value(&ones));
            let error = mean::variance(&plain).sqrt();
            within(mean::variance(&drawn[at]).sqrt() / error, 1.0, 0.13);
            within(mean::mean(&drawn[at]), mean::mean(&plain), 0.2 * error);
            let limits = [&drawn[at], &plain].map(|values| percentile(values, Level::P95).unwrap());
            within(limits[0].low, limits[1].low, 0.4 * error);
            within(limits[0].high, limits[1].high, 0.4 * error);
        }
        let halves = [ratios.replicate(1, 0..200), ratios.replicate(1, 200..600)].map(|mut half| half.swap_remove(2));
        assert_eq!(halves.concat(), drawn[2]);
    }
}

/// One unit that holds most of the observations, failures, an empty arm, fewer observations than units.
#[test]
fn odd_samples_are_drawn_in_groups_too() {
    let q = [Quantile::P90, Quantile::P99];
    let lumpy: Vec<(f64, u32)> = (0..6000u32).map(|i| (f64::from(i % 977), i.saturating_sub(4000))).collect();
    let failing: Vec<(f64, u32)> =
        (0..2000).map(|i| (if i % 8 == 0 { f64::INFINITY } else { f64::from(i) }, i)).collect();
    for (first, second) in [(&lumpy, &lumpy), (&failing, &lumpy), (&lumpy, &failing), (&lumpy, &Vec::new())] {
        let ratios = QuantileRatios::new(first, second, 2000, &q);
        let observed = q.map(|q| {
            let [above, below] = [first, second].map(|arm| QuantileOf::new(arm, 2000, q).value(&[1; 2000]));
            if below.is_infinite() && above.is_finite() { 0.0 } else { above / below }
        });
        let same = |a: &f64, b: &f64| a.is_nan() && b.is_nan() || a.total_cmp(b).is_eq();
        assert!(ratios.observed().iter().zip(&observed).all(|(a, b)| same(a, b)), "{observed:?}");
        assert_eq!(ratios.replicate(3, 0..50)[1].len(), 50);
    }
    assert!(QuantileRatios::new(&[], &[], 0, &q).observed().iter().all(|value| value.is_nan()));
}
