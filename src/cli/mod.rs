//! Commands, progress, exit codes, wiring. The only room that prints or reads the environment.

pub mod keys;

use std::process::ExitCode;

/// Runs the command line.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
