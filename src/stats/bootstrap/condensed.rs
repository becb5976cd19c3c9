//! Units that a resample of quantiles need not tell apart, drawn together.
//!
//! Only observations near a quantile can be it in a resample; of all others it matters how many lie below. Units that
//! have no observation near, and equally many of them in every stretch between, are interchangeable, and how often
//! all of them together are drawn is one Poisson count with their number as its mean: sums of independent Poisson
//! counts are Poisson counts. So the quantiles have the very distribution that Poisson weights for every unit give
//! (Hanley & `MacGibbon` 2006, Comput. Methods Programs Biomed. 83:57), for a fraction of the draws: of 100,000 pairs
//! and three percentiles some 5,000 draws remain.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Draw;
use super::weights;
use super::weights::Poisson;
use crate::stats::Bits;
use crate::stats::Quantile;

/// Observations further than so many standard errors of a quantile's rank from that rank are not near. The chance
/// that one of them is a resample's quantile is about 1e-9; the middle of its stretch stands for it then.
const NEAR: f64 = 6.0;
/// Smaller groups are drawn one by one.
const FEWEST: usize = 32;
/// Larger groups are split, so that their counts fit a weight.
const MOST: usize = 16_384;

/// Equal observations of one unit, or of a group of units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) value: f64,
    pub(super) unit: u32,
    pub(super) count: u32,
}

/// Two arms of the same units, of which the first are single ones and the others groups.
#[derive(Debug, Clone)]
pub(super) struct Condensed {
    /// Observations of each arm, ascending.
    pub(super) arms: [Vec<Seen>; 2],
    n_singles: usize,
    groups: Vec<Poisson>,
}

impl Condensed {
    /// Condenses two arms of `n_units` units, given in ascending order of their values.
    pub(super) fn new(arms: [&[(f64, u32)]; 2], n_units: usize, quantiles: &[Quantile]) -> Self {
        let stretches = arms.map(|arm| Stretches::of(arm, n_units, quantiles));
        let groups = interchangeable(arms, &stretches, n_units);
        let mut numbers: Vec<Option<u32>> = vec![Some(0); n_units];
        for unit in groups.iter().flat_map(|(_, units)| units) {
            numbers[*unit as usize] = None;
        }
        let singles = numbers.iter_mut().flatten().zip(0..).map(|(number, at)| *number = at).count();
        let single = |&(value, unit): &(f64, u32)| numbers[unit as usize].map(|unit| Seen { value, unit, count: 1 });
        let arms_of_singles = arms.map(|arm| arm.iter().filter_map(single).collect());
        let mut found = Self { arms: arms_of_singles, n_singles: singles, groups: Vec::new() };
        for (profile, units) in &groups {
            let values = [0, 1].map(|at| stretches[at].middles(arms[at]));
            units.chunks(MOST).for_each(|part| found.add(part.len(), profile, &values));
        }
        for arm in &mut found.arms {
            arm.sort_by(|a, b| a.value.total_cmp(&b.value));
        }
        found
    }

    /// Adds a group of `size` units with so many observations in each stretch, for which `values` stand.
    fn add(&mut self, size: usize, profile: &[u32], values: &[Vec<f64>; 2]) {
        let unit = self.n_units() as u32;
        self.groups.push(Poisson::new(size as u16));
        let per_arm = profile.chunks(profile.len() / 2);
        for ((arm, values), counts) in self.arms.iter_mut().zip(values).zip(per_arm) {
            let seen = values.iter().zip(counts).filter(|(_, count)| **count > 0);
            arm.extend(seen.map(|(&value, &count)| Seen { value, unit, count }));
        }
    }

    /// Single units and groups.
    pub(super) fn n_units(&self) -> usize {
        self.n_singles + self.groups.len()
    }

    /// How often units and groups are drawn when each unit is drawn once.
    pub(super) fn once(&self) -> Vec<u16> {
        let singles = std::iter::repeat_n(1, self.n_singles);
        singles.chain(self.groups.iter().map(Poisson::mean)).collect()
    }
}

impl Draw for Condensed {
    fn draw(&self, bits: &mut Bits, drawn: &mut [u16]) {
        let (singles, groups) = drawn.split_at_mut(self.n_singles.min(drawn.len()));
        weights::poisson(bits, singles);
        for (drawn, group) in groups.iter_mut().zip(&self.groups) {
            *drawn = group.draw(bits);
        }
    }
}

/// Where in an arm observations are near a quantile; between lie stretches in which only their number matters.
struct Stretches {
    near: Vec<Range<usize>>,
    n: usize,
}

impl Stretches {
    fn of(arm: &[(f64, u32)], n_units: usize, quantiles: &[Quantile]) -> Self {
        let n = arm.len();
        let around = |q: &Quantile| {
            let rank = q.rank(n as u64) as usize;
            let reach = (NEAR * error_of_rank(arm, n_units, rank, *q)).ceil() as usize + 1;
            rank.saturating_sub(reach)..(rank + reach).min(n)
        };
        let mut windows: Vec<Range<usize>> = quantiles.iter().map(around).collect();
        windows.sort_by_key(|window| window.start);
        let mut near: Vec<Range<usize>> = Vec::new();
        for window in windows {
            match near.last_mut().filter(|last| window.start <= last.end) {
                Some(last) => last.end = last.end.max(window.end),
                None => near.push(window),
            }
        }
        Self { near, n }
    }

    /// The stretch that position `at` lies in; `None` near a quantile.
    fn at(&self, at: usize) -> Option<usize> {
        let passed = self.near.partition_point(|near| near.end <= at);
        self.near.get(passed).is_none_or(|near| at < near.start).then_some(passed)
    }

    /// A value from the middle of every stretch; of an empty stretch, one beside it that nobody asks for.
    fn middles(&self, arm: &[(f64, u32)]) -> Vec<f64> {
        let middle = |stretch: usize| {
            let start = stretch.checked_sub(1).map_or(0, |before| self.near[before].end);
            let end = self.near.get(stretch).map_or(self.n, |next| next.start);
            arm.get(usize::midpoint(start, end).min(self.n.saturating_sub(1))).map_or(f64::NAN, |(value, _)| *value)
        };
        (0..=self.near.len()).map(middle).collect()
    }
}

/// Standard error of the rank at which a resample has its quantile: that of the sum, over units drawn, of how many more
/// of a unit's observations lie up to `rank` than the quantile's share of them.
fn error_of_rank(arm: &[(f64, u32)], n_units: usize, rank: usize, q: Quantile) -> f64 {
    let mut pulls = vec![0.0; n_units];
    for (at, (_, unit)) in arm.iter().enumerate() {
        pulls[*unit as usize] += if at < rank { q.above() } else { -q.fraction() };
    }
    pulls.iter().map(|pull| pull * pull).sum::<f64>().sqrt()
}

/// Groups of units without an observation near a quantile, by how many observations they have in each stretch of the
/// first arm, then of the second.
fn interchangeable(arms: [&[(f64, u32)]; 2], stretches: &[Stretches; 2], n_units: usize) -> Vec<(Vec<u32>, Vec<u32>)> {
    let width = 1 + stretches.iter().map(|s| s.near.len()).max().unwrap_or(0);
    let mut profiles = vec![0u32; n_units * 2 * width];
    let mut is_near = vec![false; n_units];
    for (which, (arm, stretches)) in arms.iter().zip(stretches).enumerate() {
        for (at, (_, unit)) in arm.iter().enumerate() {
            let unit = *unit as usize;
            match stretches.at(at) {
                None => is_near[unit] = true,
                Some(stretch) => profiles[(2 * unit + which) * width + stretch] += 1,
            }
        }
    }
    let mut groups: BTreeMap<&[u32], Vec<u32>> = BTreeMap::new();
    for ((profile, is_near), unit) in profiles.chunks(2 * width).zip(is_near).zip(0..) {
        if !is_near {
            groups.entry(profile).or_default().push(unit);
        }
    }
    groups.retain(|_, units| units.len() >= FEWEST);
    groups.into_iter().map(|(profile, units)| (profile.to_vec(), units)).collect()
}
