//! Suites: YAML to a checked suite to a plan, with positions in every error.

pub mod arms;
#[cfg(test)]
mod bad_input;
pub mod cases;
pub mod check;
pub mod de;
pub mod expand;
pub mod explain;
pub mod file;
pub mod graders;
pub mod init;
pub mod json;
pub mod loads;
pub mod node;
pub mod objectives;
pub mod prices;
pub mod problem;
pub mod prompt;
pub mod read;
pub mod rules;
pub mod schema;
pub mod targets;
pub mod template;
pub mod yaml;

pub use check::Compare;
pub use check::Early;
pub use check::Suite;
pub use check::load;
pub use check::load_from;
pub use expand::FilterProblem;
pub use expand::Filters;
pub use expand::expand;
pub use problem::Problem;
pub use problem::Problems;
