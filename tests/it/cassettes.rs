//! Runs recorded and replayed: the same answers, outcomes and usage, without a server, a key or a socket.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use super::world::KEY;
use super::world::World;
use super::world::told;

/// Columns that a replay must give again; the rest counts from the moment at which a slot was free.
const SAME: [&str; 16] = [
    "target",
    "mode",
    "prompt",
    "case",
    "outcome",
    "http_status",
    "finish_reason",
    "response_model",
    "tpot_ms",
    "itl_max_ms",
    "input_tokens",
    "reasoning_tokens",
    "output_tokens",
    "cost_usd",
    "pass",
    "answer",
];

/// What a run found, by trial and attempt.
pub(crate) fn rows(run: &Path, columns: &[&str]) -> BTreeMap<(u64, u64), Vec<String>> {
    let mut reader = csv::Reader::from_path(run.join("trials.csv")).unwrap();
    let names = reader.headers().unwrap().clone();
    let place = |name: &str| names.iter().position(|known| known == name).unwrap();
    let row = |record: csv::StringRecord| {
        let number = |name| record[place(name)].parse().unwrap();
        let values = columns.iter().map(|name| record[place(name)].to_owned());
        ((number("trial"), number("attempt")), values.collect())
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Points the suite at a port where nobody listens.
fn orphan(world: &World) {
    let text = fs::read_to_string(world.suite()).unwrap();
    fs::write(world.suite(), text.replace(&world.server().base_url(), "http://127.0.0.1:9/v1")).unwrap();
}

fn replay(world: &World, more: &[&str]) -> std::process::Output {
    let base = ["run", "suite.yaml", "--replay", "tapes", "--replay-speed", "max", "--quiet"];
    world.llmark(&[&base, more].concat()).env_remove("WORLD_KEY").output().unwrap()
}

#[test]
fn a_replay_gives_the_same_run_without_server_or_key() {
    let world = World::new(5);
    let live = world.run(&["run", "suite.yaml", "--out", "live", "--record", "tapes", "--quiet"]);
    assert!(live.status.success(), "{}", told(&live));
    assert!(told(&live).contains("5 exchanges recorded"), "{}", told(&live));
    for file in fs::read_dir(world.path().join("tapes")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(KEY) && text.contains("(redacted)"), "{text}");
    }
    let asked = world.server().ledger().totals().accepted;
    orphan(&world);
    let again = replay(&world, &["--out", "again"]);
    assert!(again.status.success(), "{}", told(&again));
    let (live, again) = (world.path().join("live"), world.path().join("again"));
    assert_eq!(rows(&live, &SAME), rows(&again, &SAME));
    assert_eq!(world.server().ledger().totals().accepted, asked);
    assert_eq!(json(&again.join("manifest.json"))["extra"]["replayed"]["speed"], "max");
    let warnings = json(&again.join("summary.json"))["warnings"].to_string();
    assert!(warnings.contains("times are those of the recording"), "{warnings}");
}

#[test]
fn a_replay_opens_no_socket() {
    let world = World::new(2);
    assert!(world.run(&["run", "suite.yaml", "--out", "live", "--record", "tapes", "--quiet"]).status.success());
    let mut command = Command::new("strace");
    world.place(&mut command).args(["-f", "-qq", "-o", "calls", "-e", "trace=socket,connect,bind"]);
    command.arg(env!("CARGO_BIN_EXE_llmark")).args(["run", "suite.yaml", "--out", "again", "--replay", "tapes"]);
    // Where there is no strace, the dead port of the other test has to do.
    let Ok(status) = command.stdout(Stdio::null()).stderr(Stdio::null()).status() else { return };
    assert!(status.success());
    let calls = fs::read_to_string(world.path().join("calls")).unwrap();
    assert!(!calls.contains("AF_INET"), "{calls}");
}

#[test]
fn what_was_not_recorded_is_an_error_that_names_the_closest() {
    let world = World::new(2);
    assert!(world.run(&["run", "suite.yaml", "--out", "live", "--record", "tapes", "--quiet"]).status.success());
    let text = fs::read_to_string(world.suite()).unwrap();
    fs::write(world.suite(), text.replace("max_tokens: 16", "max_tokens: 17")).unwrap();
    let output = replay(&world, &["--out", "again"]);
    assert!(!output.status.success());
    let again = rows(&world.path().join("again"), &["outcome"]);
    assert!(again.values().all(|row| row == &["connect_error"]), "{again:?}");
    assert_eq!(again.len(), 2, "what is not there is not asked again");
    let shown = String::from_utf8(world.run(&["show", "again", "0"]).stdout).unwrap();
    assert!(shown.contains("differs in what is sent"), "{shown}");
    let nowhere = world.run(&["run", "suite.yaml", "--replay", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(2), "{}", told(&nowhere));
}
