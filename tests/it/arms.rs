//! Arms of one run by the binary: compared, gated, interleaved; drift within a run and over runs.

use std::fs;

use serde_json::Value;

use crate::desk::Desk;
use crate::desk::line;

/// A simulated model that is wrong in this share of the cases and begins after so many milliseconds.
fn profile(error: f64, ttft: u64) -> String {
    let mode = |name: &str, tokens: u64, error: f64| format!("      {name}: {{reasoning: {tokens}, error: {error}}}\n");
    let modes = [mode("minimal", 0, error), mode("low", 20, error), mode("high", 60, error / 2.0)].concat();
    format!(
        "name: p\nunknown_model: serve\nmodels:\n  - id: m\n    ttft: {ttft}ms\n    consistency: 1\n    \
         price: {{input: 1, output: 2}}\n    default_mode: minimal\n    modes:\n{modes}"
    )
}

/// A suite on simulated targets, with `n` sums as cases.
fn suite(targets: &[(&str, &str)], n: usize, more: &str) -> String {
    let target = |(id, file): &(&str, &str)| format!("  - {{id: {id}, sim: {{profile: {file}}}}}\n");
    let targets: String = targets.iter().map(target).collect();
    let case = |i: usize| {
        let (a, b) = (i / 10 + 11, i % 10 + 3);
        format!("  - {{id: c{i}, vars: {{a: \"{a}\", b: \"{b}\"}}, expect: \"{}\", tags: [t{}]}}\n", a + b, i % 2)
    };
    let cases: String = (0..n).map(case).collect();
    format!(
        "name: arms\nseed: 3\ntargets:\n{targets}prompts:\n  - {{id: p, user: \"What is {{{{ a }}}} + {{{{ b }}}}? \
         Reply with the number only.\"}}\ncases:\n{cases}graders:\n  - exact: {{}}\nloads:\n  - {{concurrency: 4}}\n{more}"
    )
}

fn run(desk: &Desk, text: &str, out: &str) -> (Option<i32>, Value, String) {
    desk.write("suite.yaml", text);
    let output = desk.llmark(&["run", "suite.yaml", "--out", out, "--quiet", "--json"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), told)
}

fn with_profiles() -> Desk {
    let desk = Desk::new();
    desk.write("good.yaml", &profile(0.02, 1));
    desk.write("bad.yaml", &profile(0.6, 1));
    desk
}

const TWO: [(&str, &str); 2] = [("a", "good.yaml"), ("b", "bad.yaml")];

#[test]
fn a_gate_over_arms_decides_the_exit_code_and_none_does_not() {
    let desk = with_profiles();
    let (exit, summary, told) = run(&desk, &suite(&TWO, 60, ""), "plain");
    assert_eq!(exit, Some(0), "{told}");
    let worse = line(&summary, "pass_rate", "all");
    assert_eq!((worse["verdict"].as_str(), worse["gate"].as_bool()), (Some("regressed"), Some(false)), "{worse}");
    assert_eq!((&worse["baseline_arm"], &worse["candidate_arm"]), (&"target=a".into(), &"target=b".into()));
    let (exit, summary, told) = run(&desk, &suite(&TWO, 60, "compare: {gate: [pass_rate], margin: 5%}\n"), "gated");
    assert_eq!(exit, Some(1), "{told}");
    assert_eq!(line(&summary, "pass_rate", "all")["margin"], 0.05);
    assert!(told.contains("target=b against target=a regressed: pass_rate (all)"), "{told}");
    let stored: Value = serde_json::from_slice(&fs::read(desk.path().join("gated/compare.json")).unwrap()).unwrap();
    assert_eq!((&stored["exit"], &stored["verdict"]), (&1.into(), &"regressed".into()));
    assert!(fs::read_to_string(desk.path().join("gated/junit.xml")).unwrap().contains("<failure type=\"regressed\""));
    assert!(fs::read_to_string(desk.path().join("gated/report.md")).unwrap().contains("regressed"));
    // The stored run alone gives the same comparison.
    let (again, exit) = desk.compare(&["gated:target=a", "gated:target=b"]);
    assert_eq!((line(&again, "pass_rate", "all")["p_value"].as_f64(), exit), (worse["p_value"].as_f64(), 1));
    // The same the other way round, by the suite's baseline; and what is too little to tell.
    let gate = "baseline: target=b\ncompare: {gate: [pass_rate]}\n";
    assert_eq!(run(&desk, &suite(&TWO, 60, gate), "reversed").0, Some(0));
    let alike = [("a", "good.yaml"), ("b", "good.yaml")];
    let (exit, _, told) = run(&desk, &suite(&alike, 12, "compare: {gate: [pass_rate]}\n"), "few");
    assert_eq!(exit, Some(3), "{told}");
}

/// The order in which requests were sent: each arm is asked as often as the other up to a block.
#[test]
fn arms_of_a_stored_run_are_interleaved() {
    let desk = with_profiles();
    run(&desk, &suite(&TWO, 120, ""), "run");
    let log = fs::read_to_string(desk.path().join("run/events.jsonl")).unwrap();
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut asked: Vec<(u64, u64)> = events.filter_map(|e| Some((e["sent"].as_u64()?, e["cell"].as_u64()?))).collect();
    asked.sort_unstable();
    assert_eq!(asked.len(), 240);
    let mut lead = 0i64;
    for (_, cell) in asked {
        lead += if cell == 0 { 1 } else { -1 };
        assert!(lead.abs() <= 32 + 4, "{lead}");
    }
}

#[test]
fn effort_has_steps_and_a_cheapest_mode() {
    let desk = with_profiles();
    let (_, summary, told) = run(&desk, &suite(&[("a", "bad.yaml")], 80, "modes: [minimal, low, high]\n"), "run");
    let curve = &summary["efforts"][0];
    let modes: Vec<&str> = curve["points"].as_array().unwrap().iter().map(|p| p["mode"].as_str().unwrap()).collect();
    assert_eq!(modes, ["minimal", "low", "high"], "{told}");
    let step = &curve["steps"][1];
    let metrics: Vec<&str> =
        step["changes"].as_array().unwrap().iter().map(|c| c["metric"].as_str().unwrap()).collect();
    assert_eq!(metrics, ["pass_rate", "ttfa", "cost_per_case", "reasoning_tokens"]);
    assert_eq!(step["changes"][0]["verdict"], "improved");
    let cheapest = &curve["cheapest"];
    assert_eq!((&cheapest["mode"], &cheapest["best"]), (&"high".into(), &"high".into()));
    assert!(cheapest["sentence"].as_str().unwrap().contains("no cheaper mode is shown"), "{cheapest}");
    let front = &summary["fronts"][0];
    assert_eq!((front["arms"].as_array().unwrap().len(), &front["latency"]), (3, &"p95(e2e)".into()));
    let (minimal, low) = (&front["arms"][0], &front["arms"][1]);
    // As often wrong as minimal, and dearer: nothing but a busy machine that made minimal wait may speak for it.
    let p95 = |arm: &Value| arm["ranks"][1]["rank"].as_u64();
    let is_faster = p95(low) < p95(minimal);
    assert_eq!(low["on_front"], is_faster, "{front}");
    assert!(is_faster || low["dominated_by"]["mode"] == "minimal", "{front}");
    assert_eq!(minimal["share"], 1.0);
    assert_eq!((&low["ranks"][0]["metric"], &front["arms"][2]["ranks"][0]["rank"]), (&"pass_rate".into(), &1.into()));
}

#[test]
fn mistakes_in_what_is_compared_are_named_with_their_place() {
    let desk = with_profiles();
    for (more, told) in [
        ("baseline: target=aa\n", "the suite has no target `aa`"),
        ("baseline: targets=a\n", "`targets` selects nothing"),
        ("compare: {gate: [pass_rat]}\n", "did you mean `pass_rate`?"),
        ("compare: {margin: 0%}\n", "a margin lies above 0"),
        ("canary: {tag: nothing}\n", "no case has the tag `nothing`"),
        ("canary: {every: 0}\n", "every 0 trials"),
        ("canary: {evry: 5}\n", "did you mean `every`"),
    ] {
        desk.write("suite.yaml", &suite(&TWO, 3, more));
        let output = desk.llmark(&["check", "suite.yaml"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{more}: {text}");
        assert!(text.contains(told) && text.contains("suite.yaml:"), "{more}: {text}");
    }
    desk.write("suite.yaml", &suite(&TWO, 3, "baseline: nightly\n"));
    let output = desk.llmark(&["run", "suite.yaml", "--quiet", "--out", "never"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!desk.path().join("never").exists(), "a missing baseline is found before anything is sent");
}

#[test]
fn a_stored_run_gates_and_a_changed_simulator_is_listed() {
    let desk = with_profiles();
    desk.write("now.yaml", &profile(0.02, 1));
    let target = [("a", "now.yaml")];
    assert_eq!(run(&desk, &suite(&target, 60, ""), "old").0, Some(0));
    desk.write("now.yaml", &profile(0.6, 1));
    let (exit, summary, told) = run(&desk, &suite(&target, 60, "baseline: old\n"), "new");
    assert_eq!(exit, Some(1), "{told}");
    assert_eq!(line(&summary, "pass_rate", "all")["verdict"], "regressed");
    let (found, _) = desk.compare(&["old", "new"]);
    assert!(found["notes"].to_string().contains("another simulator profile"), "{}", found["notes"]);
}

#[test]
fn a_trend_flags_the_run_in_which_a_level_changed() {
    let desk = Desk::new();
    for at in 0..8 {
        desk.write("now.yaml", &profile(if at < 5 { 0.02 } else { 0.6 }, 1));
        fs::create_dir_all(desk.path().join("runs")).unwrap();
        run(&desk, &suite(&[("a", "now.yaml")], 60, ""), &format!("runs/r{at}"));
    }
    let output = desk.llmark(&["trend", "runs", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let series = found["series"].as_array().unwrap();
    let pass = series.iter().find(|one| one["metric"] == "pass_rate").unwrap();
    assert_eq!(pass["values"].as_array().unwrap().len(), 8);
    let changes = pass["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{pass}");
    assert_eq!(changes[0]["run"], pass["values"][5]["run"], "{pass}");
    assert!(changes[0]["p_value"].as_f64().unwrap() < 0.01);
    let cost = series.iter().find(|one| one["metric"] == "cost_per_case").unwrap();
    assert_eq!(cost["changes"].as_array().unwrap().len(), 0, "{cost}");
}
