//! Observations and verdicts to cells, estimates, SLO verdicts and comparisons.

pub mod estimate;
pub mod metric;
pub mod run;
pub mod slo_expr;
pub mod summary;

pub use estimate::Estimate;
pub use estimate::Method;
pub use metric::Metric;
pub use run::Run;
pub use slo_expr::SloSpec;
pub use summary::Summary;
