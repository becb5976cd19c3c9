//! Gaps between token-bearing events, pooled over a cell.
//!
//! Gaps of one trial resemble each other, so the interval of a pooled percentile treats trials as clusters: the share
//! of gaps above the value is a ratio over trials with a cluster-robust error, and the interval of the share is turned
//! into an interval of the value (Woodruff 1952, JASA 47:635). Memory is bounded: past a limit whole trials are left
//! out by a hash of their number, so that what is kept is a fair and reproducible sample of trials.

use super::Estimate;
use super::Method;
use super::infer;
use crate::stats::Level;
use crate::stats::Quantile;
use crate::stats::quantile;
use crate::stats::student;

/// Most gaps kept per cell: 2 MB.
const MOST_KEPT: usize = 500_000;

/// Gaps of one cell in milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gaps {
    values: Vec<f32>,
    /// Trial and number of its gaps, in the order of `values`.
    trials: Vec<(u64, u32)>,
    total: u64,
    /// Trials are kept whose hash ends in this many zero bits.
    thinning: u32,
}

impl Gaps {
    /// Adds a trial's gaps.
    pub fn add(&mut self, trial: u64, gaps: &[f32]) {
        self.total += gaps.len() as u64;
        if gaps.is_empty() || !kept(trial, self.thinning) {
            return;
        }
        self.values.extend_from_slice(gaps);
        self.trials.push((trial, gaps.len() as u32));
        while self.values.len() > MOST_KEPT && self.trials.len() > 1 && self.thinning < 63 {
            self.thinning += 1;
            self.thin();
        }
    }

    fn thin(&mut self) {
        let old = std::mem::take(self);
        let mut at = 0;
        for &(trial, n) in &old.trials {
            let end = at + n as usize;
            if kept(trial, old.thinning) {
                self.values.extend_from_slice(&old.values[at..end]);
                self.trials.push((trial, n));
            }
            at = end;
        }
        self.total = old.total;
        self.thinning = old.thinning;
    }

    /// Gaps seen, kept or not.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Trials whose gaps are kept.
    pub fn trials(&self) -> u64 {
        self.trials.len() as u64
    }

    /// Share of the gaps that is kept.
    pub fn kept_share(&self) -> f64 {
        if self.total == 0 { 1.0 } else { self.values.len() as f64 / self.total as f64 }
    }

    /// The kept gaps, ascending.
    pub fn sorted(&self) -> Vec<f64> {
        let mut values: Vec<f32> = self.values.clone();
        values.sort_unstable_by(f32::total_cmp);
        values.into_iter().map(f64::from).collect()
    }

    /// Mean of the kept gaps, trials being the clusters.
    pub fn mean(&self) -> Estimate {
        let values: Vec<f64> = self.values.iter().map(|gap| f64::from(*gap)).collect();
        let owner = |(at, &(_, n)): (usize, &(u64, u32))| std::iter::repeat_n(at as u32, n as usize);
        let clusters: Vec<u32> = self.trials.iter().enumerate().flat_map(owner).collect();
        infer::clustered_mean(&values, &clusters)
    }

    /// Percentile `q` of the pooled gaps, given [`Gaps::sorted`]. Its n counts gaps; trials are the clusters.
    pub fn quantile(&self, sorted: &[f64], q: Quantile) -> Estimate {
        let n = sorted.len() as u64;
        let needed = quantile::minimum_n(q, Level::P95);
        let Some(value) = quantile::nearest_rank(sorted, q).filter(|_| n >= needed) else {
            return Estimate::needs(n, needed);
        };
        let Some(half) = self.share_error(value).map(|(se, df)| se * student::critical(Level::P95.tail(), df)) else {
            return Estimate { needed_n: Some(n + 1), ..Estimate::none(n) };
        };
        let at = |share: f64| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted[rank.clamp(1, sorted.len()) - 1]
        };
        let low = at((q.fraction() - half).max(0.0));
        let high = if q.fraction() + half >= 1.0 { f64::INFINITY } else { at(q.fraction() + half) };
        Estimate::new(value, low.min(value), high.max(value), Method::Woodruff, n)
    }

    /// Share of gaps above `limit` with its cluster-robust error and degrees of freedom; nothing under two trials.
    pub fn share_above(&self, limit: f64) -> Option<(f64, f64, f64)> {
        let above = self.count_above(limit).map(|(over, _)| over).sum::<u64>();
        let (se, df) = self.share_error(limit)?;
        Some((above as f64 / self.values.len() as f64, se, df))
    }

    /// Error of the share above `limit`, never less than that of independent gaps, and its degrees of freedom.
    fn share_error(&self, limit: f64) -> Option<(f64, f64)> {
        let (g, m) = (self.trials.len() as f64, self.values.len() as f64);
        if self.trials.len() < 2 {
            return None;
        }
        let share = self.count_above(limit).map(|(over, _)| over as f64).sum::<f64>() / m;
        let squares: f64 = self.count_above(limit).map(|(over, n)| (over as f64 - share * f64::from(n)).powi(2)).sum();
        let clustered = g / (g - 1.0) * squares / (m * m);
        let independent = share * (1.0 - share) / m;
        Some((clustered.max(independent).sqrt(), g - 1.0))
    }

    /// Per trial: gaps above `limit`, and gaps.
    fn count_above(&self, limit: f64) -> impl Iterator<Item = (u64, u32)> {
        let mut at = 0;
        self.trials.iter().map(move |&(_, n)| {
            let end = at + n as usize;
            let over = self.values[at..end].iter().filter(|&&gap| f64::from(gap) > limit).count() as u64;
            at = end;
            (over, n)
        })
    }
}

fn kept(trial: u64, thinning: u32) -> bool {
    let mixed = (trial ^ (trial >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).leading_zeros() >= thinning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_the_sample_is_of_whole_trials() {
        let mut gaps = Gaps::default();
        for trial in 0..8_000u64 {
            gaps.add(trial, &[10.0; 200]);
        }
        assert_eq!(gaps.total(), 1_600_000);
        assert!(gaps.values.len() <= MOST_KEPT && gaps.values.len() > MOST_KEPT / 4);
        assert_eq!(gaps.values.len() as u64, gaps.trials() * 200);
        assert!((gaps.kept_share() - gaps.values.len() as f64 / 1.6e6).abs() < 1e-12);
    }

    /// One trial of ten stalls throughout. Taken as independent, 100 gaps would bound p90 tightly; as ten trials they
    /// do not.
    #[test]
    fn gaps_of_one_trial_are_no_independent_evidence() {
        let mut gaps = Gaps::default();
        for trial in 0..10 {
            gaps.add(trial, &[if trial == 0 { 900.0 } else { 10.0 }; 100]);
        }
        let sorted = gaps.sorted();
        let p90 = gaps.quantile(&sorted, Quantile::P90);
        assert_eq!((p90.value, p90.low, p90.high), (Some(10.0), Some(10.0), Some(f64::INFINITY)));
        assert_eq!(gaps.quantile(&sorted, Quantile::P50).value, Some(10.0));
    }

    #[test]
    fn one_trial_or_too_few_gaps_say_so() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.quantile(&[], Quantile::P99).needed_n, Some(368));
        gaps.add(1, &[1.0; 100]);
        let sorted = gaps.sorted();
        assert_eq!(gaps.quantile(&sorted, Quantile::P50).value, None);
        assert_eq!(gaps.quantile(&sorted, Quantile::P99).needed_n, Some(368));
    }
}
