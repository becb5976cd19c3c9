//! Observations and verdicts to cells, estimates, SLO verdicts and comparisons.

pub mod audit;
pub mod canary;
pub mod capacity;
pub mod cell;
pub mod charts;
pub mod checks;
pub mod choice;
pub mod compare;
pub mod cost;
pub mod dist;
pub mod early;
pub mod effort;
pub mod estimate;
pub mod exit;
pub mod findings;
pub mod fold;
pub mod forecast;
pub mod front;
pub mod gaps;
pub mod grades;
pub mod infer;
pub mod judges;
pub mod load;
pub mod metric;
pub mod quality;
pub mod reduce;
pub mod run;
pub mod samples;
pub mod slo;
pub mod slo_expr;
pub mod stop;
pub mod study;
pub mod summarize;
pub mod summary;
pub mod times;
pub mod trend;
pub mod trial;
pub mod unavailable;
pub mod warnings;
pub mod window;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use estimate::Estimate;
pub use estimate::Method;
pub use fold::Fold;
pub use metric::Metric;
pub use run::Run;
pub use slo_expr::SloSpec;
pub use summarize::summarize;
pub use summary::Summary;
pub use trial::Trials;
