//! One proportion: Wilson to estimate, Clopper and Pearson to gate.

use super::Interval;
use super::Level;
use super::binomial;

/// Two-sided Wilson score interval for `k` successes in `n`; the whole of [0, 1] when `n` is 0.
///
/// Preferred to the normal interval because samples are often small or rates near 0 or 1. Reference: Brown, Cai &
/// `DasGupta` 2001, Stat. Sci. 16:101.
pub fn wilson(k: u64, n: u64, level: Level) -> Interval {
    if n == 0 {
        return Interval::new(0.0, 1.0);
    }
    let (n, k, z) = (n as f64, k.min(n) as f64, level.z());
    let (p, square) = (k / n, z * z);
    let centre = p + square / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
    let scale = 1.0 + square / n;
    let low = if k > 0.0 { (centre - half) / scale } else { 0.0 };
    let high = if k < n { (centre + half) / scale } else { 1.0 };
    Interval::new(low.max(0.0), high.min(1.0))
}

/// Two-sided exact interval, whose coverage is never below the level (Clopper & Pearson 1934).
pub fn clopper_pearson(k: u64, n: u64, level: Level) -> Interval {
    Interval::new(lower_at(k, n, level.tail()), upper_at(k, n, level.tail()))
}

/// One-sided exact lower bound.
pub fn exact_lower(k: u64, n: u64, level: Level) -> f64 {
    lower_at(k, n, level.alpha())
}

/// One-sided exact upper bound: 1 - .05^(1/n), about 3/n, when nothing was seen at 95 %.
pub fn exact_upper(k: u64, n: u64, level: Level) -> f64 {
    upper_at(k, n, level.alpha())
}

/// The p at which `k` or more successes have probability `tail`.
fn lower_at(k: u64, n: u64, tail: f64) -> f64 {
    if k == 0 || n == 0 {
        return 0.0;
    }
    rise(|p| binomial::at_least(k.min(n), n, p) > tail)
}

fn upper_at(k: u64, n: u64, tail: f64) -> f64 {
    1.0 - lower_at(n.saturating_sub(k), n, tail)
}

/// The point of [0, 1] where `above` turns from false to true, by bisection to the last bit.
fn rise(above: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..1100 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high || high - low < 1e-15 * high {
            break;
        }
        if above(middle) { high = middle } else { low = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests;
