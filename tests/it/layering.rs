//! The room table of `src/lib.rs`, held against the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use regex::Regex;

const MAY_USE: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("domain", &["text"]),
    ("stats", &[]),
    ("provider", &["domain", "text"]),
    ("transport", &["provider", "domain", "text"]),
    ("load", &["domain", "text"]),
    ("grade", &["domain", "text"]),
    ("analyze", &["stats", "domain", "text"]),
    ("suite", &["provider", "grade", "load", "analyze", "domain", "text"]),
    ("engine", &["transport", "provider", "grade", "load", "domain", "text"]),
    ("store", &["domain", "text"]),
    ("report", &["analyze", "domain", "text"]),
    ("sim", &["provider", "domain", "text"]),
];

/// Rooms that do no I/O, with what would give them away.
const PURE: &[&str] = &["text", "domain", "stats", "provider", "load", "grade", "analyze", "report"];
const IMPURE: &str = r"\bstd::(fs|net|thread|process)\b|\btokio::|Instant::now|SystemTime::now|env::var";

pub(crate) fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn room_of(path: &Path) -> Option<String> {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let mut parts = below.components();
    let first = parts.next()?.as_os_str().to_str()?.to_owned();
    parts.next().map(|_| first)
}

/// Code without line comments and without test modules, which may look anywhere.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn rooms_use_only_what_the_table_allows() {
    let names = Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let mut offences = Vec::new();
    for path in sources() {
        let Some(room) = room_of(&path) else { continue };
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else { continue };
        let used: BTreeSet<String> = names.captures_iter(&code(&path)).map(|c| c[1].to_owned()).collect();
        for other in used.iter().filter(|other| **other != room && !allowed.contains(&other.as_str())) {
            offences.push(format!("{}: `{room}` may not use `{other}`", path.display()));
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn pure_rooms_do_no_io() {
    let impure = Regex::new(IMPURE).unwrap();
    let offences: Vec<String> = sources()
        .iter()
        .filter(|path| room_of(path).is_some_and(|room| PURE.contains(&room.as_str())))
        .filter_map(|path| impure.find(&code(path)).map(|m| format!("{}: {}", path.display(), m.as_str())))
        .collect();
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let rooms: BTreeSet<String> = sources().iter().filter_map(|path| room_of(path)).collect();
    for room in rooms {
        assert!(map.contains(&format!("| `{room}` |")), "src/lib.rs does not describe `{room}`");
        assert!(room == "cli" || MAY_USE.iter().any(|(name, _)| *name == room), "`{room}` is not in the table");
    }
}
