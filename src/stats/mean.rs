//! Means with honest errors: independent units, clusters, and where the variance comes from.

use super::Interval;
use super::Level;
use super::student;

/// A mean, its standard error and the degrees of freedom of that error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanEstimate {
    /// The mean.
    pub mean: f64,
    /// Standard error of the mean; 0 when the units do not vary, which is no certainty.
    pub se: f64,
    /// Degrees of freedom of the t distribution.
    pub df: f64,
}

impl MeanEstimate {
    /// Two-sided t interval; nothing when the units do not vary, because +-0 would be a lie.
    pub fn interval(&self, level: Level) -> Option<Interval> {
        let half = student::critical(level.tail(), self.df) * self.se;
        (self.se > 0.0 && half.is_finite()).then(|| Interval::new(self.mean - half, self.mean + half))
    }

    /// t statistic against the mean `null`; infinite when there is no variation, 0 when there is no difference.
    pub fn t(&self, null: f64) -> f64 {
        let gap = self.mean - null;
        if gap == 0.0 { 0.0 } else { gap / self.se }
    }

    /// Two-sided p against the mean `null`.
    pub fn p_two_sided(&self, null: f64) -> f64 {
        student::two_sided(self.t(null), self.df)
    }

    /// p of the claim "the mean is above `null`".
    pub fn p_above(&self, null: f64) -> f64 {
        student::upper(self.t(null), self.df)
    }

    /// p of the claim "the mean is below `null`".
    pub fn p_below(&self, null: f64) -> f64 {
        student::upper(-self.t(null), self.df)
    }
}

/// Arithmetic mean; 0 when there are no values.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Sample variance, divided by n - 1; 0 for fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|x| (x - centre) * (x - centre)).sum();
    if values.len() < 2 { 0.0 } else { squares / (values.len() - 1) as f64 }
}

/// Mean of independent units, t with n - 1 degrees of freedom; nothing for fewer than two.
pub fn estimate(values: &[f64]) -> Option<MeanEstimate> {
    let n = values.len() as f64;
    (values.len() >= 2).then(|| MeanEstimate {
        mean: mean(values),
        se: flush(variance(values) / n, mean(values)).sqrt(),
        df: n - 1.0,
    })
}

/// How a clustered error treats a finite number of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// No factor.
    Cr0,
    /// Factor G / (G - 1): ours.
    Cr1,
}

/// Mean of units in clusters, t with G - 1 degrees of freedom; nothing for fewer than two clusters.
///
/// `clusters` names the cluster of each value by any small integer; the shorter of the two slices counts. Miller 2024,
/// arXiv 2411.00640, section 2.2, with the finite-cluster factor.
pub fn clustered(values: &[f64], clusters: &[u32], correction: Correction) -> Option<MeanEstimate> {
    let values = &values[..values.len().min(clusters.len())];
    let centre = mean(values);
    let mut pairs: Vec<(u32, f64)> = clusters.iter().zip(values).map(|(&c, x)| (c, x - centre)).collect();
    pairs.sort_unstable_by_key(|pair| pair.0);
    let sums = pairs.chunk_by(|a, b| a.0 == b.0).map(|chunk| chunk.iter().map(|pair| pair.1).sum::<f64>());
    let (groups, squares) = sums.fold((0u64, 0.0), |(groups, squares), sum| (groups + 1, squares + sum * sum));
    if groups < 2 {
        return None;
    }
    let (g, n) = (groups as f64, values.len() as f64);
    let factor = match correction {
        Correction::Cr0 => 1.0,
        Correction::Cr1 => g / (g - 1.0),
    };
    Some(MeanEstimate { mean: centre, se: flush(factor * squares / (n * n), centre).sqrt(), df: g - 1.0 })
}

/// A squared error that is rounding noise becomes 0, so that "no variation" is recognized.
fn flush(square: f64, centre: f64) -> f64 {
    let noise = 1e-14 * centre.abs().max(1e-300);
    if square <= noise * noise { 0.0 } else { square }
}

/// Where the variance of a mean over cases with repeats comes from (Miller 2024, section 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceSplit {
    /// Variance between the true values of cases.
    pub between: f64,
    /// Mean variance within a case.
    pub within: f64,
    /// Part of the squared standard error that only more cases reduce.
    pub se_square_cases: f64,
    /// Part of the squared standard error that more repeats reduce too.
    pub se_square_repeats: f64,
}

/// Splits the variance of the mean over cases; `cases` holds each case's repeats.
///
/// Cases with fewer than two repeats say nothing about the variance within. Nothing for fewer than two cases or when
/// no case was repeated.
pub fn split_variance<C: AsRef<[f64]>>(cases: &[C]) -> Option<VarianceSplit> {
    let cases: Vec<&[f64]> = cases.iter().map(AsRef::as_ref).filter(|case| !case.is_empty()).collect();
    let repeated: Vec<f64> = cases.iter().filter(|case| case.len() >= 2).map(|case| variance(case)).collect();
    if cases.len() < 2 || repeated.is_empty() {
        return None;
    }
    let n = cases.len() as f64;
    let means: Vec<f64> = cases.iter().map(|case| mean(case)).collect();
    let within = mean(&repeated);
    let total = variance(&means);
    let noise = within * cases.iter().map(|case| 1.0 / case.len() as f64).sum::<f64>() / n;
    let between = (total - noise).max(0.0);
    Some(VarianceSplit { between, within, se_square_cases: between / n, se_square_repeats: noise.min(total) / n })
}

#[cfg(test)]
mod tests;
