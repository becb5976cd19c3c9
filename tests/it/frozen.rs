//! A client that is stopped and continued, as a laptop's lid or a debugger does it.

use std::fs;
use std::thread::park_timeout;
use std::time::Duration;

use serde_json::Value;

use super::world::World;
use super::world::signal;
use super::world::told;

/// Stops a run in its middle for a while; gives its exit code and summary.
fn frozen(objective: &str) -> (Option<i32>, Value) {
    let world = World::new(60);
    let text = fs::read_to_string(world.suite()).unwrap();
    fs::write(world.suite(), format!("{text}{objective}")).unwrap();
    let mut child = world.start();
    world.wait_for(12, &mut child);
    signal(&child, "STOP");
    park_timeout(Duration::from_millis(1500));
    signal(&child, "CONT");
    let output = child.wait_with_output().unwrap();
    assert!(!told(&output).contains("panicked"), "{}", told(&output));
    let summary = fs::read_to_string(world.out().join("summary.json")).unwrap();
    assert_eq!(world.server().ledger().totals().accepted, 60, "nothing was sent twice and nothing forgotten");
    (output.status.code(), serde_json::from_str(&summary).unwrap())
}

#[test]
fn a_frozen_client_gives_no_verdict_on_times() {
    let (code, summary) = frozen("slos:\n  - p95(ttft) <= 700ms\n");
    assert_eq!(code, Some(6), "{:#}", summary["slos"]);
    assert_eq!(summary["instrument"]["client_limited"], true, "{:#}", summary["instrument"]);
    assert_eq!(summary["cells"][0]["n"], 60, "every trial is in the account");
}

#[test]
fn a_frozen_client_loses_no_answer() {
    let (code, summary) = frozen("");
    assert!(matches!(code, Some(0 | 6)), "{code:?}");
    let ok = summary["cells"][0]["outcomes"]["ok"].as_u64().unwrap_or(0);
    let length = summary["cells"][0]["outcomes"]["length"].as_u64().unwrap_or(0);
    assert_eq!(ok + length, 60, "what arrived while it was stopped counts: {:#}", summary["cells"][0]["outcomes"]);
}
