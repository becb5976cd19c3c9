//! Isotonic regression: the closest curve that never turns back, by pooling adjacent violators.

/// Weighted least-squares fit of `values` that never falls; `weights` must be positive.
///
/// Ayer et al. 1955, Ann. Math. Stat. 26:641. The shorter slice counts.
pub fn rising(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<Block> = Vec::new();
    for (&value, &weight) in values.iter().zip(weights) {
        let mut block = Block { value, weight, length: 1 };
        while let Some(last) = blocks.pop_if(|last| last.value > block.value) {
            block = last.merge(block);
        }
        blocks.push(block);
    }
    blocks.into_iter().flat_map(|block| std::iter::repeat_n(block.value, block.length)).collect()
}

/// The same for a curve that never rises.
pub fn falling(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
    rising(&mirrored, weights).into_iter().map(|value| -value).collect()
}

#[derive(Clone, Copy)]
struct Block {
    value: f64,
    weight: f64,
    length: usize,
}

impl Block {
    fn merge(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        let value = (self.value * self.weight + other.value * other.weight) / weight;
        Self { value, weight, length: self.length + other.length }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::prop;
    use proptest::prelude::prop_assert;
    use proptest::proptest;

    use super::*;
    use crate::stats::near::near;

    #[track_caller]
    fn check(values: &[f64], weights: &[f64], expected: &[f64]) {
        let fit = rising(values, weights);
        assert_eq!(fit.len(), expected.len());
        fit.iter().zip(expected).for_each(|(a, e)| near(*a, *e));
    }

    #[test]
    fn violators_are_pooled() {
        check(&[1.0, 3.0, 2.0, 4.0], &[1.0; 4], &[1.0, 2.5, 2.5, 4.0]);
        check(&[4.0, 1.0], &[3.0, 1.0], &[3.25, 3.25]);
        check(&[3.0, 2.0, 1.0], &[1.0; 3], &[2.0; 3]);
        check(&[], &[], &[]);
        assert_eq!(falling(&[1.0, 2.0], &[1.0, 1.0]), [1.5, 1.5]);
    }

    /// `scipy.optimize.isotonic_regression` of the same values and weights.
    #[test]
    fn weighted_fits_agree_with_scipy() {
        let values = [1.2, 0.9, 3.1, 2.2, 2.4, 5.0, 4.1, 4.3];
        let weights = [1.0, 2.0, 0.5, 3.0, 1.0, 1.5, 2.0, 0.25];
        let (low, top) = (2.328_571_428_571_429, 4.473_333_333_333_333);
        check(&values, &weights, &[1.0, 1.0, low, low, 2.4, top, top, top]);
        for fit in falling(&values, &weights) {
            near(fit, 2.695_555_555_555_556);
        }
    }

    proptest! {
        #[test]
        fn fits_rise_and_keep_the_mean(values in prop::collection::vec(-100.0..100.0f64, 1..60)) {
            let fit = rising(&values, &vec![1.0; values.len()]);
            prop_assert!(fit.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!((fit.iter().sum::<f64>() - values.iter().sum::<f64>()).abs() < 1e-9 * 6000.0);
        }
    }
}
