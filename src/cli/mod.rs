//! Commands, progress, exit codes, wiring. The only room that prints or reads the environment.

use std::process::ExitCode;

/// Runs the command line.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
