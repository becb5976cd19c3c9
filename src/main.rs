//! The `llmark` binary: everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    llmark::cli::main()
}
