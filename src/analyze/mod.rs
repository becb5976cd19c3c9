//! Observations and verdicts to cells, estimates, SLO verdicts and comparisons.

pub mod slo_expr;

pub use slo_expr::SloSpec;
