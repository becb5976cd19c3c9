//! `llmark import`: recorded outputs of other tools as responses for `llmark grade`.

use super::args::ImportArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::terminal;
use crate::grade::import::Source;

/// Names of the tools, as `--from` takes them.
const NAMES: [(&str, Source); 4] = [
    ("promptfoo", Source::Promptfoo),
    ("inspect", Source::Inspect),
    ("lm-eval", Source::LmEval),
    ("openai-evals", Source::OpenAiEvals),
];

/// Converts a file.
///
/// # Errors
/// A file that cannot be read, or is not of the tool that it should be.
pub fn import(args: &ImportArgs) -> Result<Exit, Failure> {
    let bad = |why: &dyn std::fmt::Display| Failure::usage(format!("{}: {why}", args.file.display()));
    let bytes = std::fs::read(&args.file).map_err(|error| bad(&error))?;
    let known = || NAMES.map(|(name, _)| name).join(", ");
    let source = match &args.from {
        None => Source::of(&bytes)
            .ok_or_else(|| bad(&format!("nobody knows which tool wrote this; say --from with one of {}", known())))?,
        Some(name) => {
            let found = NAMES.iter().find(|(known, _)| known == name).map(|(_, source)| *source);
            found.ok_or_else(|| Failure::usage(format!("--from: `{name}` is none of {}", known())))?
        }
    };
    let lines = source.read(&bytes).map_err(|why| bad(&why))?.join("\n") + "\n";
    match &args.out {
        None => terminal::result(&lines),
        Some(path) => {
            std::fs::write(path, lines).map_err(|e| Failure::store(format!("{}: {e}", path.display())))?;
        }
    }
    Ok(Exit::Ok)
}
