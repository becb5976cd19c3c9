//! Renderers of a run's summary. They return bytes and write nothing.
//!
//! A caller reads the run folder twice. The first pass folds its events into a `Summary`; the second makes rows:
//!
//! ```text
//! let rows = Rows::new(&run, &trials, &summary);
//! for observation in log {
//!     if let Some(row) = rows.row(&observation) {
//!         table.push(&row)?;      // csv::Table: trials.csv, row by row
//!         junit.push(&row);       // junit::Report
//!         details.push(row);      // html::Details: all of a small run, a sample of a large one
//!     }
//! }
//! [json::render(&summary), md::render(&summary), html::render(&summary, &details), junit.render(name)]
//! chart::render(&summary)         // charts/*.svg
//! table::render(&summary, Screen { width, color })
//! ```

pub mod artifact;
pub mod csv;
pub mod html;
pub mod json;
pub mod junit;
pub mod md;
pub mod row;
pub mod table;

pub(crate) mod arms;
pub mod chart;
pub(crate) mod escape;
pub(crate) mod grid;
pub(crate) mod groups;
#[cfg(test)]
pub(crate) mod hostile;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod written;

/// Stands over everything that holds figures of a simulated run.
pub const SIMULATED: &str = "SIMULATED: every figure comes from the embedded simulator, not from a model.";

pub use artifact::Artifact;
pub use row::Row;
pub use row::Rows;
