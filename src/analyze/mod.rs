//! Observations and verdicts to cells, estimates, SLO verdicts and comparisons.

pub mod dist;
pub mod estimate;
pub mod fold;
pub mod gaps;
pub mod grades;
pub mod infer;
pub mod metric;
pub mod run;
pub mod slo_expr;
pub mod summary;
pub mod times;
pub mod trial;

#[cfg(test)]
pub(crate) mod fixture;

pub use estimate::Estimate;
pub use estimate::Method;
pub use fold::Fold;
pub use metric::Metric;
pub use run::Run;
pub use slo_expr::SloSpec;
pub use summary::Summary;
pub use trial::Trials;
