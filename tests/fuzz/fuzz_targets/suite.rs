//! Suite files: any text is a suite or a list of problems that can be printed.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use llmark::provider::Catalog;
use llmark::suite;
use llmark::suite::read::Copies;
use llmark::suite::read::Memory;

fuzz_target!(|text: &[u8]| {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    let catalog = CATALOG.get_or_init(Catalog::embedded);
    let files = Memory(Copies::from([("suite.yaml".to_owned(), text.into())]));
    if let Err(problems) = suite::load_from(&files, "suite.yaml", "suite.yaml", catalog) {
        assert!(!problems.to_string().is_empty());
    }
});
