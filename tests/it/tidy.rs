//! House rules that a compiler does not check: sizes, module docs, leftovers.

use std::fs;
use std::path::Path;

use super::layering::sources;

const LONGEST_FUNCTION: usize = 80;
const P90_FUNCTION: usize = 40;
const LONGEST_FILE: usize = 800;
const MEDIAN_FILE: usize = 200;

/// Lengths of functions: from the `fn` line to the closing brace at the same indent.
fn functions(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words =
            line.trim_start().trim_start_matches("pub").trim_start_matches("(crate)").trim_start_matches("(super)");
        let words = words.trim_start().trim_start_matches("const ").trim_start_matches("async ");
        if !words.starts_with("fn ") {
            continue;
        }
        let has_body = lines[at..].iter().find_map(|l| Some(l.ends_with('{')).filter(|open| *open || l.ends_with(';')));
        if has_body != Some(true) {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[at..].iter().position(|l| *l == close) {
            found.push((length + 1, format!("{}: {}", at + 1, line.trim())));
        }
    }
    found
}

#[test]
fn functions_and_files_are_short() {
    let mut lengths = Vec::new();
    let mut files = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        files.push((text.lines().count(), path.display().to_string()));
        lengths.extend(functions(&text).into_iter().map(|(n, at)| (n, format!("{}:{at}", path.display()))));
    }
    lengths.sort();
    files.sort();
    let worst = |list: &[(usize, String)]| {
        list.iter().rev().take(10).map(|(n, at)| format!("{n:5} {at}")).collect::<Vec<_>>().join("\n")
    };
    let p90 = lengths[lengths.len() * 9 / 10].0;
    assert!(lengths.last().is_some_and(|(n, _)| *n <= LONGEST_FUNCTION), "functions too long:\n{}", worst(&lengths));
    assert!(p90 <= P90_FUNCTION, "nine in ten functions should have {P90_FUNCTION} lines at most, not {p90}");
    assert!(files.last().is_some_and(|(n, _)| *n <= LONGEST_FILE), "files too long:\n{}", worst(&files));
    assert!(files[files.len() / 2].0 <= MEDIAN_FILE, "half of the files should have {MEDIAN_FILE} lines at most");
}

#[test]
fn nothing_is_left_behind() {
    let leftovers = ["dbg!(", "todo!(", "unimplemented!(", "FIXME", "TODO", "#[allow(", "#![allow("];
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} lacks a `//!` that says what it is for", path.display());
        for (n, line) in text.lines().enumerate() {
            let at = format!("{}:{}", path.display(), n + 1);
            assert!(line == line.trim_end(), "{at}: trailing space");
            for word in leftovers {
                assert!(!line.contains(word), "{at}: {word}");
            }
        }
    }
}

#[test]
fn the_repository_names_no_machine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in sources().into_iter().chain([root.join("README.md"), root.join("Cargo.toml")]) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for place in ["/home/", "/root/"] {
            assert!(!text.contains(place), "{} names {place}", path.display());
        }
    }
}
