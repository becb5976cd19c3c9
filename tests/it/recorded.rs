//! Streams recorded from a real server, replayed byte for byte: exactly these tokens, counts and outcomes come out.

use std::path::Path;

use super::cassettes::rows;
use super::world::World;
use super::world::told;

const COLUMNS: [&str; 9] = [
    "target",
    "outcome",
    "finish_reason",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "tpot_ms",
    "itl_max_ms",
    "answer",
];

/// The rows of a recorded suite, sorted by target.
fn replayed(suite: &str) -> Vec<Vec<String>> {
    let world = World::new(1);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cassettes");
    let (suite, recorded) = (folder.join(suite), folder.join("recorded"));
    let mut command = world.llmark(&["run", "--out", "out", "--quiet", "--replay-speed", "max", "--replay"]);
    let output = command.arg(recorded).arg(suite).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let mut rows: Vec<Vec<String>> = rows(&world.out(), &COLUMNS).into_values().collect();
    rows.sort();
    rows
}

#[test]
fn three_protocols_of_a_real_server() {
    let expected = [
        ["chat", "ok", "stop", "36", "35", "4", "36.30056633333333", "56.457502", "Sylvie"],
        ["messages", "ok", "end_turn", "36", "25", "4", "54.49710833333333", "84.819589", "Sylvie"],
        ["reasoning", "length", "length", "28", "27", "12", "67.8582999090909", "131.090747", ""],
        ["responses", "ok", "completed", "36", "35", "4", "65.077882", "107.638463", "Sylvie"],
        ["thinking", "length", "max_tokens", "28", "0", "12", "106.9185100909091", "142.953061", ""],
    ];
    assert_eq!(replayed("streams.yaml"), expected);
}

#[test]
fn a_tool_call_of_a_real_server() {
    let expected = [[
        "tools",
        "tool_calls",
        "tool_calls",
        "210",
        "209",
        "15",
        "80.70386685714286",
        "231.584268",
        "get_weather({\n  \"city\": \"Paris\"\n})",
    ]];
    assert_eq!(replayed("tools.yaml"), expected);
}
