//! Time inside a run: offsets from one monotonic zero.

use std::time::Duration;

/// Nanoseconds since the run's monotonic zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

impl Offset {
    /// The zero itself.
    pub const ZERO: Self = Self(0);

    /// Time passed since `earlier`; `None` when `earlier` lies after `self`.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// Milliseconds since `earlier`; `None` when `earlier` lies after `self`.
    pub fn ms_since(self, earlier: Self) -> Option<f64> {
        self.0.checked_sub(earlier.0).map(|ns| ns as f64 / 1e6)
    }

    /// The instant `by` later, saturating.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// The run's only clock. `engine` makes it; everything else is handed offsets.
pub trait Clock: Send + Sync {
    /// Monotonic time since the run's zero.
    fn now(&self) -> Offset;
}
