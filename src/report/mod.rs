//! A report model and its renderers. Returns bytes; writes nothing.

pub mod artifact;
pub mod csv;
pub mod html;
pub mod json;
pub mod junit;
pub mod md;
pub mod row;
pub mod table;

pub mod chart;
pub(crate) mod escape;
pub(crate) mod grid;
#[cfg(test)]
pub(crate) mod hostile;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod written;

pub use artifact::Artifact;
pub use row::Row;
