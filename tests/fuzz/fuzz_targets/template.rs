//! Templates: any template over any value is a text or a problem; a value is never rendered a second time.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use llmark::provider::Catalog;
use llmark::suite;
use llmark::suite::read::Copies;
use llmark::suite::read::Memory;
use serde_json::json;

fn load(template: &str, value: &str) -> Option<suite::Suite> {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    let text = json!({
        "name": "t",
        "targets": [{"id": "s", "sim": {"profile": "instant"}}],
        "prompts": [{"id": "p", "user": template}],
        "cases": [{"id": "c", "vars": {"v": value}}],
    });
    let files = Memory(Copies::from([("suite.yaml".to_owned(), text.to_string().into_bytes().into())]));
    suite::load_from(&files, "suite.yaml", "suite.yaml", CATALOG.get_or_init(Catalog::embedded)).ok()
}

fuzz_target!(|parts: (String, String)| {
    let (template, value) = parts;
    load(&template, &value);
    let Some(plain) = load("{{ v }}", &value) else { return };
    let said = format!("{:?}", plain.conversations);
    assert!(value.trim().is_empty() || said.contains(&format!("{value:?}")[1..=format!("{value:?}").len() - 2]));
});
