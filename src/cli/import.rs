//! `llmark import`: recorded outputs of other tools as responses for `llmark grade`.

use super::args::ImportArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::terminal;
use crate::grade::import::Source;
use crate::text::number::count;

/// Converts a file.
///
/// # Errors
/// A file that cannot be read, or is not of the tool that it should be.
pub fn import(args: &ImportArgs) -> Result<Exit, Failure> {
    let bad = |why: &dyn std::fmt::Display| Failure::usage(format!("{}: {why}", args.file.display()));
    let bytes = std::fs::read(&args.file).map_err(|error| bad(&error))?;
    let known = || Source::ALL.map(|(name, _)| name).join(", ");
    let source = match &args.from {
        None => Source::of(&bytes)
            .ok_or_else(|| bad(&format!("nobody knows which tool wrote this; say --from with one of {}", known())))?,
        Some(name) => {
            let found = Source::ALL.iter().find(|(known, _)| known == name).map(|(_, source)| *source);
            found.ok_or_else(|| Failure::usage(format!("--from: `{name}` is none of {}", known())))?
        }
    };
    let found = source.read(&bytes).map_err(|why| bad(&why))?;
    if found.unanswered > 0 {
        let results = count(found.unanswered as u64, "result");
        terminal::warning(&format!("{results} held no answer, such as errors of a provider, and were left out"));
    }
    let lines = found.lines.join("\n") + "\n";
    match &args.out {
        None => terminal::result(&lines),
        Some(path) => {
            std::fs::write(path, lines).map_err(|e| Failure::store(format!("{}: {e}", path.display())))?;
        }
    }
    Ok(Exit::Ok)
}
