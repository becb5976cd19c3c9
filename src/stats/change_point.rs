//! Where a series changed its level: binary segmentation with a permutation test at each split.
//!
//! A split maximizes the CUSUM contrast; it is kept when shuffled series reach that contrast rarely enough (Scott &
//! Knott 1974, Biometrics 30:507, with the permutation test of Matteson & James 2014, JASA 109:334).

use super::Bits;
use super::mean;

/// A change of level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// Index of the first observation after the change.
    pub at: usize,
    /// Mean before, since the change before it.
    pub before: f64,
    /// Mean after, until the next change.
    pub after: f64,
    /// Permutation p of the split when it was found.
    pub p: f64,
}

/// How changes are searched for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Fewest observations between changes.
    pub min_segment: usize,
    /// Largest p of a split that is kept.
    pub alpha: f64,
    /// Shuffles per split.
    pub shuffles: u64,
    /// Seed of the shuffles.
    pub seed: u64,
}

impl Default for Search {
    fn default() -> Self {
        Self { min_segment: 3, alpha: 0.01, shuffles: 999, seed: 1 }
    }
}

/// Changes of level in `series`, in order. Values must be finite.
pub fn find(series: &[f64], search: Search) -> Vec<ChangePoint> {
    let mut splits = Vec::new();
    segment(series, 0, search, &mut splits);
    splits.sort_by_key(|(at, _)| *at);
    let mut edges: Vec<usize> = vec![0];
    edges.extend(splits.iter().map(|(at, _)| *at));
    edges.push(series.len());
    let between = |i: usize| mean::mean(&series[edges[i]..edges[i + 1]]);
    let point = |(i, (at, p)): (usize, &(usize, f64))| ChangePoint {
        at: *at,
        before: between(i),
        after: between(i + 1),
        p: *p,
    };
    splits.iter().enumerate().map(point).collect()
}

fn segment(series: &[f64], offset: usize, search: Search, found: &mut Vec<(usize, f64)>) {
    let Some((at, contrast)) = best_split(series, search.min_segment) else { return };
    let p = shuffled_p(series, contrast, search, offset as u64);
    if p > search.alpha {
        return;
    }
    found.push((offset + at, p));
    segment(&series[..at], offset, search, found);
    segment(&series[at..], offset + at, search, found);
}

/// The split with the largest contrast |difference of means| sqrt(n1 n2 / n).
fn best_split(series: &[f64], least: usize) -> Option<(usize, f64)> {
    let least = least.max(1);
    let (n, total) = (series.len(), series.iter().sum::<f64>());
    let mut head = 0.0;
    let mut best: Option<(usize, f64)> = None;
    for (i, value) in series.iter().enumerate() {
        head += value;
        let (left, right) = (i + 1, n - i - 1);
        if left < least || right < least {
            continue;
        }
        let (l, r) = (left as f64, right as f64);
        let contrast = (head / l - (total - head) / r).abs() * (l * r / n as f64).sqrt();
        if best.is_none_or(|(_, most)| contrast > most) {
            best = Some((left, contrast));
        }
    }
    best.filter(|(_, contrast)| *contrast > 1e-12 * total.abs().max(1e-300))
}

fn shuffled_p(series: &[f64], contrast: f64, search: Search, number: u64) -> f64 {
    let mut bits = Bits::derive(search.seed, number);
    let mut shuffled = series.to_vec();
    let mut reached = 0;
    for _ in 0..search.shuffles {
        for last in (1..shuffled.len()).rev() {
            shuffled.swap(last, bits.below(last as u64 + 1) as usize);
        }
        let rival = best_split(&shuffled, search.min_segment).map_or(0.0, |(_, contrast)| contrast);
        reached += u64::from(rival >= contrast * (1.0 - 1e-9));
    }
    (1 + reached) as f64 / (1 + search.shuffles) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut bits = Bits::new(seed);
        (0..n).map(|_| bits.uniform()).collect()
    }

    #[test]
    fn levels_and_places_are_found() {
        let mut series = noise(60, 3);
        series[20..].iter_mut().for_each(|x| *x += 3.0);
        series[45..].iter_mut().for_each(|x| *x -= 2.0);
        let found = find(&series, Search::default());
        assert_eq!(found.iter().map(|change| change.at).collect::<Vec<_>>(), [20, 45]);
        assert!(found[0].after - found[0].before > 2.5);
        near(found[0].after, found[1].before);
    }

    /// Flow of the Nile at Aswan, 1871 to 1970, in 10^8 cubic metres: it changed in 1899, when the dam was begun (Cobb
    /// 1978, Biometrika 65:243; the same split and levels by hand from R's `Nile`).
    const NILE: [u16; 100] = [
        1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
        1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969,
        831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781,
        865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838,
        1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
    ];

    #[test]
    fn the_nile_changed_in_1899() {
        let found = find(&NILE.map(f64::from), Search::default());
        assert_eq!(found.iter().map(|change| 1871 + change.at).collect::<Vec<_>>(), [1899]);
        near(found[0].before, 1097.75);
        near(found[0].after, 30_599.0 / 36.0);
        near(found[0].p, 0.001);
    }

    /// All 720 orders of six values: 72 of them have as large a contrast as the observed one.
    #[test]
    fn shuffles_agree_with_all_orders() {
        let series = [1.0, 1.2, 0.9, 2.0, 2.1, 1.8];
        let (at, contrast) = best_split(&series, 3).unwrap();
        assert_eq!(at, 3);
        near(contrast, (5.9 - 3.1) / 3.0 * 1.5f64.sqrt());
        let search = Search { shuffles: 9_999, ..Search::default() };
        assert!((shuffled_p(&series, contrast, search, 0) - 0.1).abs() < 0.01);
    }

    #[test]
    fn noise_rarely_changes() {
        let alarms = (0..100).filter(|&seed| {
            let search = Search { alpha: 0.05, shuffles: 99, seed, ..Search::default() };
            !find(&noise(30, 1000 + seed), search).is_empty()
        });
        assert!(alarms.count() <= 12);
    }

    #[test]
    fn short_or_constant_series_do_not_change() {
        assert!(find(&[], Search::default()).is_empty());
        assert!(find(&[1.0, 9.0], Search::default()).is_empty());
        assert!(find(&[0.1; 50], Search::default()).is_empty());
    }
}
