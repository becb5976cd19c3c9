//! Samples, quantiles, intervals, tests, bootstraps, e-processes. Has never heard of a language model.
//!
//! Everything here is a pure function of its arguments; randomness comes in as a seed. A procedure that has too little
//! to go on returns `None` or what it needs, never a number that looks like knowledge. Every formula names its source
//! and is tested against published or independently computed values.

pub mod agreement;
pub mod at_k;
pub mod batch;
pub mod binomial;
pub mod bootstrap;
pub mod bradley_terry;
pub mod change_point;
pub mod correction;
pub mod exceedance;
mod interval;
pub mod isotonic;
pub mod mean;
pub mod multiplicity;
pub mod normal;
pub mod paired;
pub mod pareto;
pub mod power;
pub mod proportion;
pub mod quantile;
mod random;
pub mod rank;
pub mod sequential;
pub mod student;

#[cfg(test)]
pub(crate) mod near;

pub use interval::Interval;
pub use interval::Level;
pub use mean::MeanEstimate;
pub use quantile::Quantile;
pub use random::Bits;
