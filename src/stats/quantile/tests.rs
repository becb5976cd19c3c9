//! Quantiles against tables of the binomial distribution (scipy 1.17.1) and under properties.

use proptest::prelude::prop;
use proptest::prelude::prop_assert;
use proptest::proptest;

use super::*;
use crate::stats::near::near;

#[track_caller]
fn check_ranks(q: f64, n: u64, low: u64, high: Option<u64>) {
    let ranks = rank_interval(n, Quantile::new(q).unwrap(), Level::P95);
    assert_eq!(ranks, RankInterval { low: Some(low), high }, "q {q}, n {n}");
}

#[test]
fn order_statistic_ranks() {
    let table = [
        (0.5, [(40, Some(61)), (133, Some(168)), (469, Some(532)), (1446, Some(1555)), (4902, Some(5099))]),
        (0.9, [(84, Some(96)), (259, Some(281)), (881, Some(919)), (2667, Some(2733)), (8941, Some(9059))]),
        (0.95, [(90, Some(100)), (277, Some(293)), (936, Some(964)), (2826, Some(2874)), (9457, Some(9543))]),
        (0.99, [(97, None), (293, None), (983, Some(997)), (2959, Some(2981)), (9880, Some(9920))]),
        (0.999, [(99, None), (298, None), (997, None), (2993, None), (9983, Some(9997))]),
    ];
    for (q, row) in table {
        for ((low, high), n) in row.into_iter().zip([100, 300, 1000, 3000, 10_000]) {
            check_ranks(q, n, low, high);
        }
    }
    check_ranks(0.5, 20, 6, Some(15));
    check_ranks(0.99, 368, 360, Some(368));
}

#[test]
fn coverage_is_exact() {
    let covered = |q: Quantile, n| coverage(rank_interval(n, q, Level::P95), n, q);
    near(covered(Quantile::P50, 20), 0.958_610_534_7);
    near(covered(Quantile::P99, 368), 0.962_415_820_4);
}

#[test]
fn too_few_values_say_how_many_are_needed() {
    let two_sided =
        [(Quantile::P50, 6), (Quantile::P90, 36), (Quantile::P95, 72), (Quantile::P99, 368), (Quantile::P999, 3688)];
    for (q, n) in two_sided {
        assert_eq!(minimum_n(q, Level::P95), n);
        assert!(rank_interval(n, q, Level::P95).high.is_some());
        assert!(rank_interval(n - 1, q, Level::P95).high.is_none());
    }
    let one_sided = [(Quantile::P90, 29), (Quantile::P95, 59), (Quantile::P99, 299), (Quantile::P999, 2995)];
    for (q, n) in one_sided {
        assert_eq!(minimum_n_one_sided(q, Level::P95), n);
    }
}

#[test]
fn failures_count_as_infinity() {
    let mut times = [
        198., 201., 208., 212., 215., 219., 220., 226., 229., 231., 236., 238., 240., 244., 252., 258., 263., 305.,
        410., 1900.,
    ]
    .to_vec();
    let p50 = estimate(&times, Quantile::P50, Level::P95).unwrap();
    assert_eq!(p50, QuantileEstimate { value: 231.0, low: 219.0, high: 252.0 });
    let points = |sorted: &[f64]| [Quantile::P90, Quantile::P95, Quantile::P99].map(|q| nearest_rank(sorted, q));
    assert_eq!(points(&times), [Some(305.0), Some(410.0), Some(1900.0)]);
    assert_eq!(estimate(&times, Quantile::P90, Level::P95), Err(36));
    times.push(f64::INFINITY);
    assert_eq!(nearest_rank(&times, Quantile::P50), Some(236.0));
    assert_eq!(points(&times), [Some(410.0), Some(1900.0), Some(f64::INFINITY)]);
}

#[test]
fn ranks_are_exact_where_floating_point_is_not() {
    assert_eq!(Quantile::new(0.55).unwrap().rank(100), 55);
    assert_eq!(Quantile::P95.rank(u64::MAX), 17_524_406_870_024_074_035);
    assert_eq!(nearest_rank(&[], Quantile::P50), None);
    assert_eq!(nearest_rank(&[3.0], Quantile::P999), Some(3.0));
    assert_eq!(estimate(&[], Quantile::P50, Level::P95), Err(6));
    assert_eq!(Quantile::new(1.0), None);
    assert_eq!(Quantile::new(f64::NAN), None);
}

proptest! {
    #[test]
    fn quantiles_are_monotone_and_observed(
        mut values in prop::collection::vec(-1e9..1e9f64, 1..200),
        a in 0.001..0.999f64,
        b in 0.001..0.999f64,
    ) {
        sort(&mut values);
        let (low, high) = (Quantile::new(a.min(b)).unwrap(), Quantile::new(a.max(b)).unwrap());
        let (x, y) = (nearest_rank(&values, low).unwrap(), nearest_rank(&values, high).unwrap());
        prop_assert!(x <= y);
        prop_assert!(values.contains(&x));
    }

    #[test]
    fn intervals_widen_with_the_level_and_enclose_the_rank(n in 1u64..5000, q in 0.01..0.99f64) {
        let q = Quantile::new(q).unwrap();
        let (narrow, wide) = (rank_interval(n, q, Level::P90), rank_interval(n, q, Level::P99));
        prop_assert!(wide.low.unwrap_or(0) <= narrow.low.unwrap_or(0));
        prop_assert!(wide.high.unwrap_or(u64::MAX) >= narrow.high.unwrap_or(u64::MAX));
        prop_assert!(narrow.low.unwrap_or(0) <= q.rank(n) && q.rank(n) <= narrow.high.unwrap_or(u64::MAX));
        prop_assert!(coverage(wide, n, q) >= 0.99 - 1e-12);
    }
}
