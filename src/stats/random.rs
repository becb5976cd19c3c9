//! Random bits for resampling, derived so that work can be split without changing results.
//!
//! Resample number `b` of seed `s` always sees the same bits, whoever computes it and in whatever order.

/// `SplitMix64` (Steele, Lea & Flood 2014): one 64-bit word of state, passes `BigCrush`, cheap to derive.
#[derive(Debug, Clone)]
pub struct Bits {
    state: u64,
}

impl Bits {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Stream number `index` of `seed`; streams of different numbers do not overlap in practice.
    pub fn derive(seed: u64, index: u64) -> Self {
        let mut parent = Self::new(seed ^ index.wrapping_mul(0xd129_0e57_9c3f_4b1b));
        parent.word();
        Self::new(parent.word())
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..n` without bias (Lemire 2019); 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        loop {
            let product = u128::from(self.word()) * u128::from(n);
            if product as u64 >= n.wrapping_neg() % n {
                return (product >> 64) as u64;
            }
        }
    }

    /// Uniform in [0, 1) with 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First outputs from seed 1234567, as published with the reference code (<https://prng.di.unimi.it>).
    #[test]
    fn words_match_the_reference() {
        let mut bits = Bits::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| bits.word()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn derived_streams_are_uncorrelated() {
        let n = 20_000;
        let (mut sum, mut product) = (0.0, 0.0);
        for index in 0..n {
            let (a, b) = (Bits::derive(7, index).uniform() - 0.5, Bits::derive(7, index + 1).uniform() - 0.5);
            sum += a;
            product += a * b;
        }
        let n = n as f64;
        assert!((sum / n).abs() < 0.01, "mean {}", sum / n);
        assert!((product / n).abs() < 0.003, "covariance {}", product / n);
    }
}
