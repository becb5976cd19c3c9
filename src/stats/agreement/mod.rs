//! Agreement between raters beyond chance. A coefficient is undefined, not 1, when only one category is in use.

mod krippendorff;

pub use krippendorff::Scale;
pub use krippendorff::alpha;

use super::Interval;
use super::Level;

/// Cohen's kappa of two raters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kappa {
    /// `(p_o - p_e) / (1 - p_e)`.
    pub value: f64,
    /// Standard error by the delta method (Fleiss, Cohen & Everitt 1969).
    pub se: f64,
}

impl Kappa {
    /// Normal interval around the value.
    pub fn interval(&self, level: Level) -> Interval {
        Interval::new(self.value - level.z() * self.se, self.value + level.z() * self.se)
    }
}

/// Cohen's kappa of a square table, rows by the first rater, columns by the second (Cohen 1960).
///
/// Nothing for an empty or ragged table, or when both raters use one and the same category only.
pub fn cohen<R: AsRef<[u64]>>(table: &[R]) -> Option<Kappa> {
    let k = table.len();
    if table.iter().any(|row| row.as_ref().len() != k) {
        return None;
    }
    let n: u64 = table.iter().flat_map(AsRef::as_ref).sum();
    let share = |i: usize, j: usize| table[i].as_ref()[j] as f64 / n as f64;
    let rows: Vec<f64> = (0..k).map(|i| (0..k).map(|j| share(i, j)).sum()).collect();
    let columns: Vec<f64> = (0..k).map(|j| (0..k).map(|i| share(i, j)).sum()).collect();
    let observed: f64 = (0..k).map(|i| share(i, i)).sum();
    let chance: f64 = rows.iter().zip(&columns).map(|(r, c)| r * c).sum();
    if n == 0 || 1.0 - chance < 1e-12 {
        return None;
    }
    let value = (observed - chance) / (1.0 - chance);
    let rest = 1.0 - value;
    let mut variance = -(value - chance * rest).powi(2);
    for i in 0..k {
        for j in 0..k {
            let pull = if i == j { 1.0 - (rows[i] + columns[i]) * rest } else { (columns[i] + rows[j]) * rest };
            variance += share(i, j) * pull * pull;
        }
    }
    Some(Kappa { value, se: (variance.max(0.0) / n as f64).sqrt() / (1.0 - chance) })
}

/// Fleiss' kappa; each row counts how many raters chose each category for one item (Fleiss 1971).
///
/// Nothing unless all rows have the same number of raters, at least two, and more than one category is in use.
pub fn fleiss<R: AsRef<[u64]>>(counts: &[R]) -> Option<f64> {
    let first = counts.first()?.as_ref();
    let (raters, categories) = (first.iter().sum::<u64>(), first.len());
    let uneven = |row: &R| row.as_ref().len() != categories || row.as_ref().iter().sum::<u64>() != raters;
    if raters < 2 || counts.iter().any(uneven) {
        return None;
    }
    let (items, m) = (counts.len() as f64, raters as f64);
    let pairs = |row: &R| row.as_ref().iter().map(|c| c * c.saturating_sub(1)).sum::<u64>() as f64;
    let observed = counts.iter().map(pairs).sum::<f64>() / (items * m * (m - 1.0));
    let total = |category: usize| counts.iter().map(|row| row.as_ref()[category]).sum::<u64>() as f64;
    let chance: f64 = (0..categories).map(|category| (total(category) / (items * m)).powi(2)).sum();
    (1.0 - chance > 1e-12).then(|| (observed - chance) / (1.0 - chance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::near_interval;

    /// SAS: .4842, error .1380.
    #[test]
    fn two_raters() {
        let kappa = cohen(&[[0, 4, 1], [0, 8, 0], [0, 1, 5]]).unwrap();
        near(kappa.value, 0.484_162_895_9);
        near(kappa.se, 0.138_013_578_3);
        near_interval(kappa.interval(Level::P95), 0.213_661_253_1, 0.754_664_538_8);
        let kappa = cohen(&[[40, 9], [6, 45]]).unwrap();
        near(kappa.value, 0.699_519_230_8);
        near(kappa.se, 0.071_393_602_7);
    }

    #[test]
    fn undefined_with_one_category() {
        assert_eq!(cohen(&[[10, 0], [0, 0]]), None);
        assert_eq!(cohen::<[u64; 0]>(&[]), None);
        assert_eq!(cohen(&[vec![1, 2], vec![3]]), None);
        assert_eq!(fleiss(&[[3, 0], [3, 0]]), None);
        assert_eq!(fleiss(&[[2, 1], [1, 1]]), None);
        assert_eq!(fleiss(&[[1, 0]]), None);
    }

    /// Fourteen raters, ten items, five categories: the worked example of Fleiss' method, kappa .210.
    #[test]
    fn many_raters() {
        let counts: [[u64; 5]; 10] = [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ];
        near(fleiss(&counts).unwrap(), 0.209_930_704_4);
    }
}
