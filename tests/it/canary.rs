//! Canaries in a whole run: a provider that changes while it is measured is told in the report, one that does not is not.

use std::fs;

use serde_json::Value;

use super::desk::Desk;

/// A simulator that answers 120 requests, and from then on refuses where `changes`.
fn run(changes: bool) -> Value {
    let desk = Desk::new();
    let later: Vec<String> = (121..=400).map(|n: u32| n.to_string()).collect();
    let faults = if changes {
        format!("faults: [{{fault: refusal, requests: [{}]}}]\n", later.join(", "))
    } else {
        String::new()
    };
    desk.write(
        "changing.yaml",
        &format!("name: changing\nmodels: [{{id: m, ttft: 1ms, gap: 0ms, default_mode: minimal}}]\n{faults}"),
    );
    let cases: Vec<String> = (0..200).map(|n| format!("  - {{id: c{n}, vars: {{q: \"say {n}\"}}}}\n")).collect();
    desk.write(
        "suite.yaml",
        &format!(
            "name: drift\nseed: 3\ntargets: [{{id: t, sim: {{profile: changing.yaml}}}}]\n\
             params: {{max_tokens: 8}}\nprompts: [{{id: p, user: \"{{{{ q }}}}\"}}]\n\
             cases:\n  - {{id: watch, vars: {{q: hello}}, tags: [canary]}}\n{}\
             graders: [{{word_count: {{min: 1}}}}]\nloads: [{{concurrency: 1}}]\ncanary: {{tag: canary, every: 5}}\n",
            cases.concat()
        ),
    );
    let output = desk.llmark(&["run", "suite.yaml", "--out", "out", "--quiet"]);
    let summary = fs::read(desk.path().join("out/summary.json"));
    serde_json::from_slice(&summary.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))).unwrap()
}

fn changes(summary: &Value) -> Vec<&str> {
    let all = summary["warnings"].as_array().unwrap().iter();
    all.filter(|one| one["code"] == "provider_changed").filter_map(|one| one["message"].as_str()).collect()
}

#[test]
fn a_provider_that_changes_during_the_run_is_told() {
    let changed = run(true);
    let told = changes(&changed);
    assert!(told.iter().any(|text| text.contains("pass rate went from 100.0 % to 0.0 %")), "{told:?} {changed}");
    assert_eq!(changes(&run(false)), [""; 0]);
}
