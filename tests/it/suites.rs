//! The suites that are shipped: each holds, fits the schema, and the committed schema is current.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use llmark::provider::Catalog;
use llmark::suite;
use llmark::suite::Filters;

fn shipped() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites");
    let mut found = Vec::new();
    for folder in [root.clone(), root.join("examples")] {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        found.extend(entries.filter(|path| path.extension().is_some_and(|ext| ext == "yaml")));
    }
    found.sort();
    found
}

#[test]
fn every_shipped_suite_holds_and_expands() {
    let catalog = Catalog::embedded();
    let mut problems = String::new();
    for path in shipped() {
        match suite::load(&path, &catalog) {
            Ok(suite) => assert!(!suite::expand(&suite, &Filters::default()).unwrap().segments.is_empty(), "{path:?}"),
            Err(found) => problems += &found.to_string(),
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[cfg(feature = "json-schema")]
#[test]
fn every_shipped_suite_fits_the_schema() {
    let validator = jsonschema::validator_for(&suite::schema::schema()).unwrap();
    let mut problems = Vec::new();
    for path in shipped() {
        let text = fs::read_to_string(&path).unwrap();
        let sink = suite::problem::Sink::default();
        let document = suite::yaml::parse(&sink, 0, &text).unwrap().json();
        let found = validator.iter_errors(&document);
        problems.extend(found.map(|error| format!("{}: {}: {error}", path.display(), error.instance_path())));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/schema.json");
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == suite::schema::schema_text(), "run `cargo run -- schema > suites/schema.json`");
}
