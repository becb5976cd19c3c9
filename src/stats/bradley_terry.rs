//! Strengths from pairwise wins (Bradley & Terry 1952), by the MM algorithm of Hunter 2004, Ann. Stat. 32:384.
//!
//! The information-matrix error ignores that one prompt meets many pairs; resample units and refit instead, with
//! [`rank_intervals`].

use super::Bits;
use super::Interval;
use super::Level;

/// Wins of row over column; ties count half on both sides.
pub type Wins = Vec<Vec<f64>>;

/// Log strengths with mean 0, in the order of the rows.
///
/// Nothing when the maximum is not finite: some arm cannot reach some other along wins.
pub fn fit(wins: &[Vec<f64>]) -> Option<Vec<f64>> {
    let k = wins.len();
    if k == 0 || wins.iter().any(|row| row.len() != k) || !is_connected(wins) {
        return None;
    }
    let mut strength = vec![1.0; k];
    for _ in 0..10_000 {
        let next = update(wins, &strength);
        let change = next.iter().zip(&strength).map(|(a, b): (&f64, &f64)| (a / b).ln().abs()).fold(0.0, f64::max);
        strength = next;
        if change < 1e-14 {
            break;
        }
    }
    Some(strength.into_iter().map(f64::ln).collect())
}

/// Log strength on an Elo-like scale: 400 points are odds of ten to one.
pub fn elo(strength: f64) -> f64 {
    400.0 * strength / std::f64::consts::LN_10
}

/// One step: wins over the sum of games per joint strength; scaled to geometric mean 1.
fn update(wins: &[Vec<f64>], strength: &[f64]) -> Vec<f64> {
    let k = wins.len();
    let others = |i: usize| (0..k).filter(move |&j| j != i);
    let next = |i: usize| {
        let won: f64 = others(i).map(|j| wins[i][j]).sum();
        let games: f64 = others(i).map(|j| (wins[i][j] + wins[j][i]) / (strength[i] + strength[j])).sum();
        won / games
    };
    let raw: Vec<f64> = (0..k).map(next).collect();
    let centre = (raw.iter().map(|x| x.ln()).sum::<f64>() / k as f64).exp();
    raw.into_iter().map(|x| x / centre).collect()
}

/// Whether every arm reaches every other along wins.
fn is_connected(wins: &[Vec<f64>]) -> bool {
    let reaches_all = |beats: &dyn Fn(usize, usize) -> bool| {
        let mut seen = vec![false; wins.len()];
        let mut open = vec![0];
        while let Some(i) = open.pop() {
            if !std::mem::replace(&mut seen[i], true) {
                open.extend((0..wins.len()).filter(|&j| beats(i, j)));
            }
        }
        seen.into_iter().all(|seen| seen)
    };
    reaches_all(&|i, j| wins[i][j] > 0.0) && reaches_all(&|i, j| wins[j][i] > 0.0)
}

/// Ranks (1 is best) with intervals over resampled units; each unit holds the wins it contributed.
///
/// Resamples without a finite maximum are ranked by share of wins, so that they are not dropped silently.
pub fn rank_intervals(units: &[Wins], k: usize, resamples: u64, seed: u64, level: Level) -> Vec<Interval> {
    let mut ranks = vec![Vec::with_capacity(resamples as usize); k];
    for number in 0..resamples {
        let mut bits = Bits::derive(seed, number);
        let mut total = vec![vec![0.0; k]; k];
        for _ in units {
            add(&mut total, &units[bits.below(units.len() as u64) as usize]);
        }
        let strength = fit(&total).unwrap_or_else(|| shares(&total));
        for (arm, rank) in ranks_of(&strength).into_iter().enumerate() {
            ranks[arm].push(rank);
        }
    }
    ranks.into_iter().map(|ranks| middle(ranks, level)).collect()
}

fn add(total: &mut [Vec<f64>], unit: &[Vec<f64>]) {
    for (total, unit) in total.iter_mut().zip(unit) {
        for (total, wins) in total.iter_mut().zip(unit) {
            *total += wins;
        }
    }
}

fn shares(wins: &[Vec<f64>]) -> Vec<f64> {
    let lost = |i: usize| wins.iter().map(|row| row[i]).sum::<f64>();
    let share =
        |(i, row): (usize, &Vec<f64>)| row.iter().sum::<f64>() / (row.iter().sum::<f64>() + lost(i)).max(1e-300);
    wins.iter().enumerate().map(share).collect()
}

/// Rank of each value, 1 for the largest; equal values share the mean of their ranks.
pub fn ranks_of(values: &[f64]) -> Vec<f64> {
    let rank = |x: &f64| {
        let above = values.iter().filter(|y| *y > x).count();
        let equal = values.iter().filter(|y| y.total_cmp(x).is_eq()).count().max(1);
        above as f64 + f64::midpoint(1.0, equal as f64)
    };
    values.iter().map(rank).collect()
}

fn middle(mut ranks: Vec<f64>, level: Level) -> Interval {
    ranks.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let rank = (share * ranks.len() as f64).ceil() as usize;
        ranks.get(rank.clamp(1, ranks.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
    };
    Interval::new(at(level.tail()), at(1.0 - level.tail()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::within;

    /// Relative to the first arm.
    fn relative(wins: &[Vec<f64>]) -> Vec<f64> {
        let strength = fit(wins).unwrap();
        strength.iter().map(|s| s - strength[0]).collect()
    }

    /// R `BradleyTerry2`: citations between journals (Stigler 1994; Agresti 2002, p. 448).
    #[test]
    fn journals() {
        let wins = [
            vec![0., 730., 498., 221.],
            vec![33., 0., 68., 17.],
            vec![320., 813., 0., 142.],
            vec![284., 276., 325., 0.],
        ];
        for (actual, expected) in relative(&wins).into_iter().zip([0.0, -2.949_072_5, -0.479_569_8, 0.268_954_1]) {
            within(actual, expected, 5e-8);
        }
    }

    #[test]
    fn small_tables_and_ties() {
        let wins = [vec![0., 7., 9.], vec![3., 0., 6.], vec![1., 4., 0.]];
        for (actual, expected) in relative(&wins).into_iter().zip([0.0, -1.103_766_5, -1.727_051_0]) {
            within(actual, expected, 6e-8);
        }
        let points: Vec<f64> = fit(&wins).unwrap().into_iter().map(elo).collect();
        for (actual, expected) in points.into_iter().zip([163.921, -27.823, -136.098]) {
            within(actual, expected, 6e-4);
        }
        let ties = [vec![0., 6.5, 8.], vec![3.5, 0., 5.5], vec![2., 4.5, 0.]];
        for (actual, expected) in relative(&ties).into_iter().zip([0.0, -0.796_391_5, -1.157_059_2]) {
            within(actual, expected, 6e-8);
        }
    }

    #[test]
    fn no_number_where_there_is_no_maximum() {
        assert_eq!(fit(&[vec![0., 5.], vec![0., 0.]]), None);
        assert_eq!(fit(&[vec![0., 1., 0.], vec![1., 0., 0.], vec![0., 0., 0.]]), None);
        assert_eq!(fit(&[]), None);
        assert_eq!(fit(&[vec![0.0, 1.0]]), None);
    }

    #[test]
    fn ranks_have_intervals() {
        let mut bits = Bits::new(4);
        let game = |bits: &mut Bits| {
            let mut wins = vec![vec![0.0; 3]; 3];
            for (i, j, p) in [(0, 1, 0.9), (0, 2, 0.9), (1, 2, 0.5)] {
                if bits.uniform() < p { wins[i][j] += 1.0 } else { wins[j][i] += 1.0 }
            }
            wins
        };
        let units: Vec<Wins> = (0..60).map(|_| game(&mut bits)).collect();
        let ranks = rank_intervals(&units, 3, 300, 8, Level::P95);
        assert_eq!(ranks[0], Interval::new(1.0, 1.0));
        assert!(ranks[1].low <= 2.0 && ranks[1].high >= 2.0);
        near(ranks_of(&[5.0, 7.0, 5.0])[0], 2.5);
        // `scipy.stats.rankdata` of the negated values.
        assert_eq!(ranks_of(&[5.0, 7.0, 5.0, 2.0, 9.0, 2.0, 2.0]), [3.5, 2.0, 3.5, 6.0, 1.0, 6.0, 6.0]);
    }
}
