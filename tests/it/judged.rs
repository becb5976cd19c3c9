//! What runs say of their judges, and what they judge when all answers are there, through the real program.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

const SUITE: &str = r#"
name: judged
targets:
  - {id: left, sim: {profile: instant}}
  - {id: right, sim: {profile: instant}}
  - {id: helper, sim: {profile: instant}}
prompts: [{id: ask, user: "Repeat exactly: {{ q }}"}]
cases:
  - {id: sky, vars: {q: "It is blue. Kind regards!"}}
  - {id: sum, vars: {q: "Four."}}
repeats: 2
graders:
GRADERS
"#;

fn place(graders: &str) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("suite.yaml"), SUITE.replace("GRADERS", graders)).unwrap();
    place
}

fn llmark(place: &TempDir, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_llmark")).args(words).current_dir(place.path()).output().unwrap()
}

#[track_caller]
fn run(place: &TempDir) -> Value {
    let output = llmark(place, &["run", "suite.yaml", "--out", "run", "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    read(place.path(), "run/summary.json")
}

fn read(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
}

fn warnings(summary: &Value) -> Vec<&str> {
    summary["warnings"].as_array().unwrap().iter().filter_map(|warning| warning["code"].as_str()).collect()
}

/// Verdicts of one grader by target, from the table of trials.
fn verdicts(place: &TempDir, grader: &str) -> Vec<(String, String)> {
    let mut table = csv::Reader::from_path(place.path().join("run/trials.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let own = |row: &csv::StringRecord| {
        let all: Value = serde_json::from_str(&row[30]).ok()?;
        let one = all.as_array()?.iter().find(|one| one["grader"] == grader)?.clone();
        Some((row[2].to_owned(), one["why"].as_str()?.to_owned()))
    };
    rows.iter().filter_map(own).collect()
}

/// Answers of the two targets are the same, so that every pair is a tie; asked in both orders, never of the rival.
#[test]
fn targets_are_compared_with_each_other_when_the_run_is_over() {
    let duel = r#"  - pairwise: {id: duel, target: helper, against: right, rubric: 'Which says "regards"?'}"#;
    let place = place(duel);
    let summary = run(&place);
    let found = verdicts(&place, "duel");
    let of_left = vec![("left".to_owned(), "a tie in both orders".to_owned()); 4];
    assert_eq!(found, of_left);
    let left = summary["cells"].as_array().unwrap().iter().find(|cell| cell["target"] == "left").unwrap();
    assert_eq!((&left["scores"]["duel"]["value"], &left["scores"]["duel"]["n"]), (&json!(0.5), &json!(2)));
    let again = llmark(&place, &["regrade", "run", "--ask-judges"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("4 new verdicts"), "{again:?}");
    let log = fs::read_to_string(place.path().join("run/events.jsonl")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains(r#""asker":"duel""#)).count(), 16, "two orders, twice");
}

#[test]
fn a_rival_inside_a_combination_is_refused_at_its_place() {
    let place = place("  - all:\n      - pairwise: {target: helper, against: right}");
    let output = llmark(&place, &["check", "suite.yaml"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("suite.yaml:14:7:") && told.contains("place of its own"), "{told}");
}

fn labels(n: usize) -> String {
    let line = |n: usize| {
        let (text, label) = if n.is_multiple_of(2) { ("Kind regards!", "fail") } else { ("Blue.", "fail") };
        json!({"case": "sky", "response": format!("{text} {n}"), "label": label}).to_string() + "\n"
    };
    (0..n).map(line).collect()
}

/// The judge passes every greeting, people none of the labelled ones: half of the labels correct the rate of one half
/// down to nothing.
#[test]
fn labels_that_a_suite_names_correct_its_judge() {
    let judge = r#"  - judge: {id: polite, target: helper, rubric: 'It says "regards".', labels: labels.jsonl}"#;
    let place = place(judge);
    fs::write(place.path().join("labels.jsonl"), labels(20)).unwrap();
    let summary = run(&place);
    let cell = &summary["cells"][0];
    let polite = &cell["quality"]["judges"]["polite"];
    assert_eq!(cell["scores"]["polite"]["value"], 0.5);
    assert_eq!((&polite["corrected"]["value"], &polite["corrected"]["method"]), (&json!(0.0), &json!("ppi")));
    assert_eq!((&polite["corrected"]["n"], &polite["error_rate"]["value"]), (&json!(20), &json!(0.0)));
    assert!(warnings(&summary).contains(&"judge_corrected"));
    assert_eq!(read(place.path(), "run/judge_check/judge_check.json")["judges"][0]["labelled"], 20);
    let check = ["judge-check", "suite.yaml", "--labels", "labels.jsonl", "--run", "run", "--attacked", "0", "--json"];
    let checked = llmark(&place, &[&check[..], &["--out", "checked"]].concat());
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let rates = checked["corrected"].as_array().unwrap();
    assert!(rates.len() == 2 && rates.iter().all(|rate| rate["corrected"]["value"] == 0.0), "{rates:?}");
    fs::write(place.path().join("labels.jsonl"), r#"{"case": "sky", "response": "x"}"#).unwrap();
    let output = llmark(&place, &["check", "suite.yaml"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("labels.jsonl:1: case `sky` has no `label`"), "{told}");
}

#[test]
fn judges_that_judge_themselves_or_disagree_are_told_and_nested_ones_are_checked() {
    let graders = r#"  - all: [{judge: {id: inner, target: left, rubric: 'It says "regards".'}}]
  - judge: {id: panel, target: [left, helper], rubric: 'It says "regards".', weight: 0}"#;
    let place = place(&graders.replace("target: left,", "target: helper,"));
    let summary = run(&place);
    assert!(warnings(&summary).contains(&"self_preference"), "{:?}", warnings(&summary));
    let alpha = &summary["cells"][0]["quality"]["judges"]["panel"]["alpha"];
    assert_eq!(alpha, &json!(1.0), "both judges say the same");
    fs::write(place.path().join("labels.jsonl"), labels(4)).unwrap();
    let check = ["judge-check", "suite.yaml", "--labels", "labels.jsonl", "--attacked", "0", "--json", "--out", "c"];
    let checked = llmark(&place, &check);
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let names: Vec<&Value> = checked["judges"].as_array().unwrap().iter().map(|judge| &judge["grader"]).collect();
    assert_eq!(names, ["inner", "panel"]);
}
