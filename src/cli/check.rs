//! `check`, `init`, `schema`: everything that needs no server.

use std::path::Path;
use std::path::PathBuf;

use super::exit::Exit;
use super::exit::Failure;
use super::terminal;
use crate::provider::Catalog;
use crate::suite;
use crate::text::number::count;

/// Validates suites; prints every problem.
///
/// # Errors
/// The problems.
pub fn check(paths: &[PathBuf], json: bool) -> Result<Exit, Failure> {
    let catalog = Catalog::embedded();
    let mut problems = Vec::new();
    for path in paths {
        match suite::load(path, &catalog) {
            Ok(suite) => {
                super::judge_check::check_labels(&suite)?;
                let arms = suite.targets.len() * suite.modes.len() * suite.prompts.len();
                let (cases, arms) = (count(suite.cases.len() as u64, "case"), count(arms as u64, "arm"));
                terminal::note(&format!("{}: ok, {cases}, {arms}", path.display()));
            }
            Err(found) => problems.extend(found.0),
        }
    }
    if json {
        let one = |p: &suite::Problem| serde_json::json!({ "file": p.file, "line": p.line, "column": p.column, "message": p.message, "help": p.help });
        terminal::result(&serde_json::Value::from(problems.iter().map(one).collect::<Vec<_>>()).to_string());
    }
    if problems.is_empty() {
        return Ok(Exit::Ok);
    }
    if json {
        return Ok(Exit::Usage);
    }
    let n = count(problems.len() as u64, "problem");
    Err(Failure::usage(format!("{n}\n{}", suite::Problems(problems))))
}

/// Writes a first suite.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn init(dir: &Path) -> Result<Exit, Failure> {
    let path = dir.join(suite::init::INIT_NAME);
    if path.exists() {
        return Err(Failure::usage(format!("{} exists; it is left as it is", path.display())));
    }
    std::fs::create_dir_all(dir).map_err(|e| Failure::store(format!("{}: {e}", dir.display())))?;
    std::fs::write(&path, suite::init::INIT_TEXT).map_err(|e| Failure::store(format!("{}: {e}", path.display())))?;
    terminal::result(&format!("wrote {}; try: llmark run {}", path.display(), path.display()));
    Ok(Exit::Ok)
}

/// Prints the JSON Schema.
///
/// # Errors
/// None.
pub fn schema() -> Result<Exit, Failure> {
    terminal::result(&suite::schema::schema_text());
    Ok(Exit::Ok)
}
