//! Batch means: the error of a mean whose observations depend on each other in time.

use super::MeanEstimate;
use super::mean;

/// A mean over windows of time and how many independent observations it is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchMeans {
    /// Mean of the window means, t with m - 1 degrees of freedom.
    pub estimate: MeanEstimate,
    /// Observations in all windows.
    pub n: u64,
    /// How many independent observations carry the same information.
    pub n_eff: f64,
}

impl BatchMeans {
    /// Whether dependence costs more than half of the observations, so that a table must say so.
    pub fn is_dependent(&self) -> bool {
        self.n_eff < self.n as f64 / 2.0
    }
}

/// Batch means over `windows` of equal length; nothing for fewer than two non-empty windows.
pub fn batch_means<W: AsRef<[f64]>>(windows: &[W]) -> Option<BatchMeans> {
    let windows: Vec<&[f64]> = windows.iter().map(AsRef::as_ref).filter(|w| !w.is_empty()).collect();
    let means: Vec<f64> = windows.iter().map(|w| mean::mean(w)).collect();
    let estimate = mean::estimate(&means)?;
    let all: Vec<f64> = windows.concat();
    let n = all.len() as f64;
    let iid = mean::variance(&all) / n;
    let n_eff = if estimate.se > 0.0 { n * iid / (estimate.se * estimate.se) } else { n };
    Some(BatchMeans { estimate, n: all.len() as u64, n_eff })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;

    const TIMES: [f64; 12] = [100., 110., 105., 180., 190., 170., 95., 105., 100., 150., 160., 140.];

    #[test]
    fn dependence_shrinks_the_sample() {
        let windows: Vec<&[f64]> = TIMES.chunks(3).collect();
        let fit = batch_means(&windows).unwrap();
        near(fit.estimate.mean, 133.75);
        near(mean::estimate(&TIMES).unwrap().se, 10.152_716_459_9);
        near(fit.estimate.se, 19.080_421_903_1);
        near(fit.n_eff, 3.397_580_959_8);
        assert!(fit.is_dependent());
    }

    #[test]
    fn too_few_windows_give_nothing() {
        assert_eq!(batch_means(&[TIMES]), None);
        assert_eq!(batch_means::<[f64; 0]>(&[]), None);
        near(batch_means(&[[1.0, 1.0], [1.0, 1.0]]).unwrap().n_eff, 4.0);
    }
}
