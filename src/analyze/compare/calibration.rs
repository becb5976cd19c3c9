//! False alarms and power of the gate, by simulation with fixed seeds.

use super::gate::Evidence;
use super::gate::Verdict;
use crate::stats::Bits;
use crate::stats::paired::binary::Discordant;
use crate::stats::paired::tango;
use crate::stats::power;
use crate::stats::power::Design;

/// Verdict of one comparison of `n` pairs; each is discordant with the given chances of either kind.
fn simulate(bits: &mut Bits, n: u64, only_candidate: f64, only_baseline: f64, margin: f64) -> (Verdict, f64) {
    let (mut b, mut c) = (0, 0);
    for _ in 0..n {
        let u = bits.uniform();
        b += u64::from(u < only_candidate);
        c += u64::from(u >= only_candidate && u < only_candidate + only_baseline);
    }
    let pairs = Discordant { b, c };
    let evidence = Evidence {
        delta: tango::difference(pairs, n),
        p_not_worse: tango::p_not_worse(pairs, n, margin),
        p_adjusted: pairs.p_mid(),
        variance: (b + c) as f64 / n as f64,
        n,
        margin,
    };
    (evidence.verdict(0.05), pairs.p_mid())
}

/// Share of runs that satisfy `holds`, and three Monte Carlo errors at the level `at`.
fn share(runs: u64, seed: u64, at: f64, mut holds: impl FnMut(&mut Bits) -> bool) -> (f64, f64) {
    let hits = (0..runs).filter(|run| holds(&mut Bits::derive(seed, *run))).count();
    (hits as f64 / runs as f64, 3.0 * (at * (1.0 - at) / runs as f64).sqrt())
}

#[test]
fn equal_arms_are_rarely_called_regressed() {
    for (n, psi) in [(100, 0.1), (200, 0.2), (400, 0.05)] {
        let (rate, slack) =
            share(2000, n, 0.025, |bits| simulate(bits, n, psi / 2.0, psi / 2.0, 0.02).0 == Verdict::Regressed);
        assert!(rate <= 0.025 + slack, "n {n}, psi {psi}: {rate}");
    }
}

#[test]
fn a_loss_of_the_margin_is_rarely_called_equivalent() {
    for (n, psi, margin) in [(200, 0.2, 0.05), (400, 0.1, 0.04)] {
        let passes = |bits: &mut Bits| {
            let (verdict, _) = simulate(bits, n, f64::midpoint(psi, -margin), f64::midpoint(psi, margin), margin);
            verdict.exit() == 0
        };
        let (rate, slack) = share(2000, 7 + n, 0.025, passes);
        assert!(rate <= 0.025 + slack, "n {n}: {rate}");
    }
}

/// Connor's sample size for 80 % power gives 80 % power: .801 in a long simulation.
#[test]
fn power_matches_the_forecast() {
    let n = power::n_for_pairs(0.2, 0.05, Design::USUAL).unwrap();
    let (rate, slack) = share(2000, 3, 0.8, |bits| simulate(bits, n, 0.125, 0.075, 0.02).1 <= 0.05);
    assert!((rate - 0.801).abs() <= slack, "{rate}");
}
