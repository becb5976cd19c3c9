//! Runs that stop when their questions are decided, with the binary: the log gives the same decisions again, and a run
//! that was interrupted goes on to decide.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::world::World;
use super::world::signal;
use super::world::told;

fn example() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/examples/stop-when.yaml").display().to_string()
}

fn summary(world: &World) -> Value {
    serde_json::from_slice(&fs::read(world.out().join("summary.json")).unwrap()).unwrap()
}

#[test]
fn a_run_stops_when_decided_and_its_log_decides_the_same() {
    let world = World::new(1);
    let output = world.run(&["run", &example(), "--out", "out", "--quiet"]);
    let first = summary(&world)["stopping"].clone();
    assert_eq!(first["replays"], true, "{}", told(&output));
    assert!(first["saved"].as_u64().unwrap() > 100, "{first}");
    let decided = |kind: &str| {
        let asked = first["questions"].as_array().unwrap().iter().filter(|one| one["kind"] == kind);
        asked.filter(|one| !one["verdict"].is_null()).count()
    };
    assert!(decided("comparison") >= 2 && decided("objective") == 4, "{first}");
    assert!(first["questions"].as_array().unwrap().iter().all(|one| one["estimate"]["method"] == "betting-cs"));
    fs::remove_file(world.out().join("summary.json")).unwrap();
    world.run(&["report", "out"]);
    assert_eq!(summary(&world)["stopping"], first);
}

#[test]
fn an_interrupted_run_goes_on_to_decide() {
    let world = World::new(1);
    let mut command = world.llmark(&["run", &example(), "--out", "out", "--quiet"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let log = world.out().join("events.jsonl");
    while fs::metadata(&log).map_or(0, |facts| facts.len()) < 150_000 && child.try_wait().unwrap().is_none() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    signal(&child, "INT");
    child.wait().unwrap();
    let output = world.run(&["resume", "out", "--quiet"]);
    let found = summary(&world)["stopping"].clone();
    assert_eq!(found["replays"], true, "{} {found}", told(&output));
    assert!(found["saved"].as_u64().unwrap() > 100, "{found}");
}
