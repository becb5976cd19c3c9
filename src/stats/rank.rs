//! Rank correlation: whether one quantity grows with another, whatever their shapes.

use super::Interval;
use super::Level;
use super::mean;

/// Spearman's correlation of two quantities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spearman {
    /// The coefficient, from -1 to 1.
    pub value: f64,
    /// Pairs.
    pub n: u64,
}

impl Spearman {
    /// Interval by Fisher's z with the error of Bonett & Wright 2000, Psychometrika 65:23; nothing for fewer than four
    /// pairs.
    pub fn interval(&self, level: Level) -> Option<Interval> {
        if self.n < 4 {
            return None;
        }
        let error = ((1.0 + self.value * self.value / 2.0) / (self.n - 3) as f64).sqrt();
        let z = self.value.clamp(-1.0 + 1e-12, 1.0 - 1e-12).atanh();
        Some(Interval::new(z - level.z() * error, z + level.z() * error).map(f64::tanh))
    }
}

/// Spearman's correlation with mid-ranks for ties; nothing where either side does not vary.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<Spearman> {
    let (xs, ys): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (xs, ys) = (ranks(&xs), ranks(&ys));
    let (mx, my) = (mean::mean(&xs), mean::mean(&ys));
    let product: f64 = xs.iter().zip(&ys).map(|(x, y)| (x - mx) * (y - my)).sum();
    let squares = |values: &[f64], centre: f64| values.iter().map(|v| (v - centre).powi(2)).sum::<f64>();
    let scale = (squares(&xs, mx) * squares(&ys, my)).sqrt();
    (scale > 0.0).then(|| Spearman { value: (product / scale).clamp(-1.0, 1.0), n: pairs.len() as u64 })
}

/// Ranks from 1; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let tied = order[from..].iter().take_while(|at| values[**at].total_cmp(&values[order[from]]).is_eq()).count();
        for at in &order[from..from + tied] {
            ranks[*at] = f64::midpoint((from + 1) as f64, (from + tied) as f64);
        }
        from += tied;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;
    use crate::stats::near::near_interval;

    /// `scipy.stats.spearmanr` of the same values; the interval by hand from the published formula.
    #[test]
    fn correlation_and_interval() {
        let xs = [106.0, 100.0, 86.0, 101.0, 99.0, 103.0, 97.0, 113.0, 112.0, 110.0];
        let ys = [7.0, 27.0, 2.0, 50.0, 28.0, 29.0, 20.0, 12.0, 6.0, 17.0];
        let pairs: Vec<(f64, f64)> = xs.into_iter().zip(ys).collect();
        let found = spearman(&pairs).unwrap();
        near(found.value, -29.0 / 165.0);
        let interval = found.interval(Level::P95).unwrap();
        near_interval(interval, -0.727_830_028_3, 0.514_546_661_8);
        let tied = spearman(&[(1.0, 1.0), (2.0, 1.0), (2.0, 3.0), (4.0, 4.0)]).unwrap();
        near(tied.value, 0.833_333_333_3);
        assert!(tied.interval(Level::P95).unwrap().high <= 1.0);
    }

    #[test]
    fn undefined_without_variation() {
        assert_eq!(spearman(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(spearman(&[]), None);
        assert_eq!(spearman(&[(1.0, 1.0), (2.0, 2.0)]).unwrap().interval(Level::P95), None);
    }
}
