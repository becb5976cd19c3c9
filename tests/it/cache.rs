//! The response cache: a second run sends nothing, and what was not sent has no times, no cost and no failures.

use std::fs;

use serde_json::Value;

use super::world::KEY;
use super::world::World;

fn summary(world: &World, arguments: &[&str]) -> Value {
    let done = world.run(&[&["run", "suite.yaml", "--quiet", "--json", "--no-preflight"], arguments].concat());
    serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&done.stderr)))
}

fn accepted(world: &World) -> u64 {
    world.server().ledger().totals().accepted
}

fn edit(world: &World, from: &str, to: &str) {
    let text = fs::read_to_string(world.suite()).unwrap();
    assert!(text.contains(from));
    fs::write(world.suite(), text.replace(from, to)).unwrap();
}

#[test]
fn a_second_run_asks_nothing_and_claims_nothing() {
    let world = World::new(6);
    let first = summary(&world, &["--cache", "--out", "one"]);
    assert_eq!(accepted(&world), 6);
    let second = summary(&world, &["--cache", "--out", "two"]);
    assert_eq!(accepted(&world), 6, "nothing was sent");
    let (one, two) = (&first["cells"][0], &second["cells"][0]);
    assert_eq!(one["pass_rate"], two["pass_rate"]);
    assert_eq!((&two["response_cache"]["trials"], &two["n"]), (&6.into(), &6.into()));
    assert_eq!(two["cost"]["total_usd"].as_f64(), Some(0.0));
    let avoided = two["response_cache"]["avoided_usd"].as_f64().unwrap();
    assert!((avoided - one["cost"]["total_usd"].as_f64().unwrap()).abs() < 1e-12);
    for gone in ["ttft_ms", "e2e_ms", "cost_usd"] {
        assert!(two["metrics"].get(gone).is_none(), "{gone} of answers that were not asked for");
    }
    assert_eq!(two["error_rate"]["n"], 0);
    let table = fs::read_to_string(world.path().join("two/trials.csv")).unwrap();
    assert_eq!(table.matches("response_cache").count(), 6);
    let why = world.run(&["cache", "why", "two", "0"]);
    assert!(String::from_utf8_lossy(&why.stdout).contains("hit: answered in run"), "{why:?}");
}

#[test]
fn off_unless_asked_for_and_for_timed_loads() {
    let world = World::new(4);
    summary(&world, &["--cache", "--out", "one"]);
    summary(&world, &["--out", "two"]);
    assert_eq!(accepted(&world), 8, "the cache is off by default");
    edit(&world, "seed: 7\n", "seed: 7\ncache: true\n");
    summary(&world, &["--out", "three"]);
    assert_eq!(accepted(&world), 8, "the suite asks for it");
    summary(&world, &["--no-cache", "--out", "four"]);
    assert_eq!(accepted(&world), 12, "the command line overrules the suite");
    edit(&world, "{concurrency: 4}", "{concurrency: 4, requests: 4}");
    summary(&world, &["--out", "five"]);
    assert_eq!(accepted(&world), 16, "a timed load is always sent");
}

#[test]
fn a_miss_names_what_differs_and_no_key_is_kept() {
    let world = World::new(2);
    summary(&world, &["--cache", "--cache-dir", "kept", "--out", "one"]);
    edit(&world, "max_tokens: 16", "max_tokens: 17");
    summary(&world, &["--cache", "--cache-dir", "kept", "--out", "two"]);
    assert_eq!(accepted(&world), 4);
    let why = world.run(&["cache", "why", "two", "0", "--json"]);
    let why: Value = serde_json::from_slice(&why.stdout).unwrap();
    assert_eq!(why[0]["result"], "miss");
    let differences = why[0]["nearest"]["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert_eq!((&differences[0]["part"], &differences[0]["there"]), (&"body/max_tokens".into(), &"16".into()));
    let listed = world.run(&["cache", "ls", "--cache-dir", "kept", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["answers"], 4);
    let files = fs::read_dir(world.path().join("kept/v1"))
        .unwrap()
        .flat_map(|shelf| fs::read_dir(shelf.unwrap().path()).unwrap());
    let texts: Vec<String> = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(texts.len() == 4 && texts.iter().all(|text| !text.contains(KEY)));
    world.run(&["cache", "clear", "--cache-dir", "kept"]);
    let listed = world.run(&["cache", "ls", "--cache-dir", "kept", "--json"]);
    assert_eq!(serde_json::from_slice::<Value>(&listed.stdout).unwrap()["answers"], 0);
}
