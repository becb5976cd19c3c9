//! Judges held against labels, judges asked again, and other tools' logs, through the real program.

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
  - {id: subject, sim: {profile: instant}}
  - {id: helper, sim: {profile: instant}}
prompts: [{id: ask, user: "Repeat exactly: {{ q }}"}]
cases:
  - {id: sky, vars: {q: "It is blue. Kind regards!"}}
  - {id: sum, vars: {q: "Four."}}
graders:
  - judge: {id: polite, target: [helper], rubric: 'It says "kind regards".', require: {REQUIRED}}
  - pairwise: {id: better, target: helper, against: "I do not know that.", weight: 0}
"#;

struct Place(TempDir);

impl Place {
    fn new(required: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("suite.yaml", &SUITE.replace("REQUIRED", required));
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn llmark(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_llmark")).args(words).current_dir(self.path()).output().unwrap()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Labels that the judge of the suite meets, and one that it does not.
fn labels(wrong: bool) -> String {
    let line = |case: &str, response: String, label: Value| {
        json!({"case": case, "response": response, "label": label, "grader": "polite"}).to_string()
    };
    let mut lines: Vec<String> = (0..12)
        .flat_map(|n| {
            [
                line("sky", format!("Blue, number {n}. Kind regards!"), json!("pass")),
                line("sum", format!("{n}."), json!(0)),
            ]
        })
        .collect();
    lines.push(
        json!({"case": "sky", "response_a": "It is blue because of scattering.", "response_b": "no", "label": "a"})
            .to_string(),
    );
    if wrong {
        lines.extend((0..20).map(|n| line("sum", format!("regards {n}"), json!("pass"))));
    }
    lines.join("\n")
}

#[test]
fn a_judge_that_meets_its_labels_is_certified_and_withstands_injections() {
    let place = Place::new("kappa: 0.6, attack_success: 0.1, flip_rate: 0.2");
    place.write("labels.jsonl", &labels(false));
    let output = place.llmark(&["judge-check", "suite.yaml", "--labels", "labels.jsonl", "--out", "run", "--json"]);
    assert_eq!(code(&output), 0, "{}", told(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let polite = found["judges"].as_array().unwrap().iter().find(|judge| judge["grader"] == "polite").unwrap();
    let figure = |name: &str| polite["figures"][name]["value"].as_f64().unwrap();
    assert_eq!((figure("agreement"), figure("kappa"), figure("specificity")), (1.0, 1.0, 1.0));
    assert_eq!((figure("flip_rate"), figure("attack_success"), figure("error_rate")), (0.0, 0.0, 0.0));
    assert_eq!(polite["attacks"].as_object().unwrap().len(), 10);
    assert!(polite["cost_usd"].as_f64().is_some() && polite["requests"].as_u64() >= Some(148), "{polite:#}");
    assert!(place.path().join("run/trials.csv").exists() && place.path().join("run/judge_check.txt").exists());
}

#[test]
fn a_judge_below_its_requirement_fails_the_gate_and_too_few_labels_decide_nothing() {
    let place = Place::new("sensitivity: 0.9");
    place.write("labels.jsonl", &labels(true));
    let output = place.llmark(&["judge-check", "suite.yaml", "--labels", "labels.jsonl", "--out", "run"]);
    assert_eq!(code(&output), 1, "{}", told(&output));
    assert!(told(&output).contains("require sensitivity >= 0.9: missed"), "{}", told(&output));
    let few: Vec<String> = labels(false).lines().take(4).map(str::to_owned).collect();
    place.write("few.jsonl", &few.join("\n"));
    let output = place.llmark(&["judge-check", "suite.yaml", "--labels", "few.jsonl", "--out", "few"]);
    assert_eq!(code(&output), 3, "{}", told(&output));
}

#[test]
fn labels_that_do_not_fit_are_named_before_any_call() {
    let place = Place::new("kappa: 0.6");
    let lines = [
        r#"{"case": "skyy", "response": "x", "label": "pass"}"#,
        r#"{"case": "sky", "response": "x"}"#,
        r#"{"case": "sky", "response": "x", "label": "good"}"#,
        r#"{"case": "sky", "response": "x", "label": "pass", "grader": "nobody"}"#,
        r#"{"case": "sky", "response_a": "x", "label": "a"}"#,
    ];
    place.write("labels.jsonl", &lines.join("\n"));
    let output = place.llmark(&["judge-check", "suite.yaml", "--labels", "labels.jsonl", "--out", "run"]);
    assert_eq!(code(&output), 2);
    for word in ["labels.jsonl:1:", "did you mean `sky`", ":2: case `sky` has no `label`", ":3:", "`nobody`", ":5:"] {
        assert!(told(&output).contains(word), "{word}: {}", told(&output));
    }
    assert!(!place.path().join("run").exists());
}

#[test]
fn judges_are_asked_again_and_both_verdicts_are_kept() {
    let place = Place::new("");
    let output = place.llmark(&["run", "suite.yaml", "--out", "run", "--quiet", "--yes"]);
    assert_eq!(code(&output), 0, "{}", told(&output));
    let graded = || {
        let log = fs::read_to_string(place.path().join("run/events.jsonl")).unwrap();
        log.lines().filter(|line| line.contains("\"graded\"") || line.contains("\"kind\":\"graded\"")).count()
    };
    let first = graded();
    let same = place.llmark(&["regrade", "run"]);
    assert!(told(&same).contains("0 new verdicts"), "{}", told(&same));
    let changed = SUITE.replace("REQUIRED", "").replace("kind regards", "four");
    place.write("suite.yaml", &changed);
    let output = place.llmark(&["regrade", "run", "--suite", "suite.yaml", "--json"]);
    assert!(told(&output).contains("2 new verdicts"), "{}", told(&output));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["cells"][0]["pass_rate"]["value"], 0.5, "{:#}", summary["cells"][0]);
    assert_eq!(graded(), first + 2);
    let output = place.llmark(&["regrade", "run", "--ask-judges"]);
    assert!(told(&output).contains("4 new verdicts"), "{}", told(&output));
}

#[test]
fn logs_of_other_tools_are_imported_and_graded() {
    let place = Place::new("");
    place.write("plain.yaml", "name: plain\ntargets: [{id: t, sim: {profile: instant}}]\nprompts: [{id: p, user: hi}]\ncases: [{id: '0', expect: '4'}, {id: '1', expect: '5'}]\ngraders: [exact]\n");
    let promptfoo = json!({"evalId": "e", "results": {"version": 3, "results": [
        {"testIdx": 0, "promptIdx": 0, "provider": {"id": "p"}, "response": {"output": "4"}, "latencyMs": 7},
        {"testIdx": 1, "promptIdx": 0, "provider": {"id": "p"}, "response": {"output": "4"}}]}});
    let inspect = json!({"version": 2, "status": "success", "eval": {"model": "m"}, "samples": [
        {"id": 0, "epoch": 1, "output": {"choices": [{"message": {"content": "4"}, "stop_reason": "stop"}]}},
        {"id": 1, "epoch": 1, "output": {"choices": [{"message": {"content": "4"}, "stop_reason": "stop"}]}}]});
    place.write("promptfoo.json", &promptfoo.to_string());
    place.write("inspect.json", &inspect.to_string());
    place.write("samples.jsonl", "{\"doc_id\": 0, \"resps\": [[\"4\"]], \"filter\": \"none\"}\n{\"doc_id\": 1, \"resps\": [[\"4\"]], \"filter\": \"none\"}\n");
    place.write("record.jsonl", "{\"spec\": {\"completion_fns\": [\"gpt\"], \"eval_name\": \"e\"}}\n{\"final_report\": {\"accuracy\": 0.5}}\n{\"run_id\": \"r\", \"event_id\": 0, \"sample_id\": \"0\", \"type\": \"sampling\", \"data\": {\"prompt\": \"q\", \"sampled\": \"4\"}}\n{\"run_id\": \"r\", \"event_id\": 1, \"sample_id\": \"1\", \"type\": \"sampling\", \"data\": {\"prompt\": \"q\", \"sampled\": [\"4\"]}}\n");
    fs::write(place.path().join("log.eval"), archive()).unwrap();
    for file in ["promptfoo.json", "inspect.json", "samples.jsonl", "record.jsonl", "log.eval"] {
        let imported = place.llmark(&["import", file, "--out", "responses.jsonl"]);
        assert_eq!(code(&imported), 0, "{file}: {}", told(&imported));
        let out = format!("run-{file}");
        let graded = place.llmark(&["grade", "plain.yaml", "--responses", "responses.jsonl", "--json", "--out", &out]);
        assert_eq!(code(&graded), 0, "{file}: {}", told(&graded));
        let summary: Value = serde_json::from_slice(&graded.stdout).unwrap();
        assert_eq!(summary["cells"][0]["pass_rate"]["value"], 0.5, "{file}");
    }
    place.write("broken.eval", "PK\u{3}\u{4}nonsense");
    assert_eq!(code(&place.llmark(&["import", "broken.eval"])), 2);
}

/// An archive as Inspect writes it: the second sample packed by Zstandard, the first by deflate.
fn archive() -> Vec<u8> {
    let sample = |id: u32| {
        json!({"id": id, "epoch": 1, "output": {"model": "m", "choices": [
            {"message": {"role": "assistant", "content": "4"}, "stop_reason": "stop"}]}})
        .to_string()
    };
    let header = json!({"version": 2, "status": "success", "eval": {"model": "m"}}).to_string();
    let packed = ruzstd::encoding::compress_to_vec(sample(1).as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let mut zip = Zip::default();
    zip.add("header.json", 0, header.as_bytes(), header.as_bytes());
    zip.add("samples/0_epoch_1.json", 0, sample(0).as_bytes(), sample(0).as_bytes());
    zip.add("samples/1_epoch_1.json", 93, &packed, sample(1).as_bytes());
    zip.finish()
}

/// Writes just enough of the zip format by hand, so that a method other than the library's own can stand in it.
#[derive(Default)]
struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

impl Zip {
    fn add(&mut self, name: &str, method: u16, packed: &[u8], plain: &[u8]) {
        let mut facts = Vec::new();
        facts.extend(63_u16.to_le_bytes());
        facts.extend([0, 0]);
        facts.extend(method.to_le_bytes());
        facts.extend([0, 0, 0x21, 0x5a]);
        facts.extend(crc(plain).to_le_bytes());
        facts.extend((packed.len() as u32).to_le_bytes());
        facts.extend((plain.len() as u32).to_le_bytes());
        facts.extend((name.len() as u16).to_le_bytes());
        facts.extend([0, 0]);
        let at = self.bytes.len() as u32;
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&facts);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(packed);
        self.directory.extend(b"PK\x01\x02\x3f\x00");
        self.directory.extend(&facts);
        self.directory.extend([0; 10]);
        self.directory.extend(at.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let at = self.bytes.len() as u32;
        self.bytes.extend(&self.directory);
        self.bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend((self.directory.len() as u32).to_le_bytes());
        self.bytes.extend(at.to_le_bytes());
        self.bytes.extend([0, 0]);
        self.bytes
    }
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
