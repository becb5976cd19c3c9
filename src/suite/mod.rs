//! Suites: YAML to a checked suite to a plan, with positions in every error.

pub mod cases;
pub mod de;
pub mod file;
pub mod json;
pub mod node;
pub mod problem;
pub mod read;
pub mod yaml;

pub use problem::Problem;
pub use problem::Problems;
