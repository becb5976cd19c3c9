//! Evidence that may be looked at after every observation.
//!
//! An e-process is a non-negative martingale started at 1 under the null, so the chance that it ever reaches 1/alpha
//! is at most alpha (Ville 1939). A confidence sequence covers at all times at once. The order of observations is part
//! of the procedure: it must not depend on their values.

pub mod betting;
pub mod bounded;
pub mod pairs;
pub mod share;

/// Evidence on its way, with the p value that is valid at any stopping time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// The e-value now.
    pub now: f64,
    /// The largest e-value so far.
    pub peak: f64,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { now: 1.0, peak: 1.0 }
    }
}

impl Evidence {
    /// Takes the next e-value.
    pub fn update(&mut self, e: f64) {
        self.now = e;
        self.peak = self.peak.max(e);
    }

    /// min(1, 1 / largest e-value so far); valid whenever it is read.
    pub fn p_value(&self) -> f64 {
        (1.0 / self.peak).min(1.0)
    }
}
