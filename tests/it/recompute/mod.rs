//! Every figure of the summary and of the reports, recomputed from `trials.csv` alone by other code.

mod naive;

use std::collections::BTreeMap;
use std::fs;

use naive::Cell;
use naive::Key;
use serde_json::Value;

use super::world::World;
use super::world::told;

/// Faults of every sort on one target, so that failures, retries and missing figures take part.
const FAULTY: &str = "
name: faulty
unknown_model: serve
models:
  - id: m
    ttft: {lognormal: {median: 8ms, sigma: 0.5}}
    gap: 500us
    price: {input: 1, output: 2}
    default_mode: high
    modes:
      minimal: {reasoning: 0, error: 0.4}
      high: {reasoning: 12, error: 0.1}
faults:
  - {fault: 503, probability: 0.06}
  - {fault: reset, after: 3, probability: 0.06}
  - {fault: no_usage, probability: 0.05}
  - {fault: truncated, probability: 0.04}
";

const SUITE: &str = "
name: recompute
seed: 7
targets:
  - {id: steady, sim: {profile: instant}, price: {input: 1, output: 2}}
  - {id: faulty, sim: {profile: faulty.yaml}}
modes: [minimal, high]
params: {max_tokens: 64}
prompts:
  - {id: p, user: \"{{ task }}\"}
cases:
CASES
graders:
  - exact: {id: exact}
  - f1: {id: overlap, weight: 0}
  - word_count: {id: brief, max: 40}
loads:
  - {concurrency: 2}
  - {concurrency: 6, requests: 90}
  - {rate: 80, duration: 1s}
repeats: 4
warmup: {requests: 2}
retry: {max_attempts: 2}
slos:
  - p50(ttft) <= 1s
  - error_rate <= 50%
  - pass_rate >= 1%
";

fn world() -> World {
    let world = World::new(1);
    let case = |n: u64| {
        let (task, answer) = (format!("What is {n} * 3? Reply with the number only."), n * 3);
        format!("  - {{id: c{n}, vars: {{task: \"{task}\"}}, expect: \"{answer}\", tags: [t{}]}}\n", n % 2)
    };
    let cases: String = (11..31).map(case).collect();
    fs::write(world.path().join("faulty.yaml"), FAULTY).unwrap();
    fs::write(world.suite(), SUITE.replace("CASES\n", &cases)).unwrap();
    let output = world.run(&["run", "suite.yaml", "--out", "out", "--quiet"]);
    assert!(world.out().join("summary.json").exists(), "{}", told(&output));
    world
}

fn read(world: &World, name: &str) -> String {
    fs::read_to_string(world.out().join(name)).unwrap()
}

#[track_caller]
fn same(what: &str, found: Option<f64>, expected: Option<f64>) {
    // Times in the file are whole nanoseconds written in milliseconds; sums may differ in their last digits.
    let near = |a: f64, b: f64| a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let agree = match (found, expected) {
        (Some(a), Some(b)) => near(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    assert!(agree, "{what}: the report says {found:?}, the trials say {expected:?}");
}

/// An estimate's value; infinite where it says so.
fn value(estimate: &Value) -> Option<f64> {
    let unbounded = estimate["unbounded"].as_array().is_some_and(|names| names.iter().any(|n| n == "value"));
    estimate["value"].as_f64().or(unbounded.then_some(f64::INFINITY))
}

fn key(cell: &Value) -> Key {
    ["target", "mode", "prompt", "load"].map(|name| cell[name].as_str().unwrap().to_owned())
}

fn check_metrics(name: &str, cell: &Cell, json: &Value) {
    // What the file has no column for cannot be recomputed from it.
    let foreign = ["itl_ms", "service_ms", "waiting"];
    let metrics = json["metrics"].as_object().unwrap();
    let known: Vec<_> = metrics.iter().filter(|(metric, _)| !foreign.contains(&metric.as_str())).collect();
    assert!(known.len() >= 10, "{name}: {:?}", metrics.keys());
    for (metric, found) in known {
        for (statistic, expected) in cell.metric(metric) {
            let what = format!("{name} {metric} {statistic}");
            match statistic {
                "n" | "failed" => same(&what, found[statistic].as_f64(), expected),
                "max" => same(&what, found["max"].as_f64(), expected.filter(|v| v.is_finite())),
                _ => same(&what, value(&found[statistic]), expected),
            }
        }
    }
}

fn check_cell(cell: &Cell, json: &Value) {
    let name = key(json).join(" ");
    check_metrics(&name, cell, json);
    let outcomes: BTreeMap<&str, u64> =
        json["outcomes"].as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v.as_u64().unwrap())).collect();
    assert_eq!(outcomes, cell.outcomes(), "{name}");
    for (path, expected) in cell.figures() {
        same(&format!("{name} {path}"), json.pointer(&path).and_then(Value::as_f64), expected);
    }
    let window = json["window_s"].as_f64().unwrap();
    for (rate, total) in ["throughput_rps", "throughput_tps"].into_iter().zip(cell.finished()) {
        same(&format!("{name} {rate}"), json[rate]["value"].as_f64(), Some(total / window));
    }
    for (basis, n) in cell.basis() {
        assert_eq!(json["cost"]["basis"][basis], n, "{name} {basis}");
    }
}

/// Figures of `report.html` by cell and metric, as its scripts read them.
fn check_page(page: &str, cells: &[Value]) {
    let attribute = |tag: &str, name: &str| {
        let at = tag.find(&format!(" {name}=\""))? + name.len() + 3;
        Some(tag[at..].split('"').next()?.to_owned())
    };
    let mut checked = 0;
    for tag in page.split("<td ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let (Some(cell), Some(metric)) = (attribute(tag, "data-cell"), attribute(tag, "data-metric")) else { continue };
        let Some(estimate) = estimate(&cells[cell.parse::<usize>().unwrap()], &metric) else { continue };
        let shown = attribute(tag, "data-v").and_then(|v| v.parse::<f64>().ok());
        let shown = shown.map(|v| if v >= 1e308 { f64::INFINITY } else { v });
        same(&format!("page, cell {cell}, {metric}"), shown, value(estimate));
        checked += 1;
    }
    assert!(checked > cells.len() * 50, "{checked} figures of {} cells", cells.len());
}

/// What the page's and the table's names of a figure mean in `summary.json`.
fn estimate<'v>(cell: &'v Value, name: &str) -> Option<&'v Value> {
    let path = match name {
        "pass" | "pass rate" | "pass rate, %" => "/pass_rate".into(),
        "cost_per_pass" | "cost per pass" => "/cost/per_pass".into(),
        "cost_per_case" | "cost per case" => "/cost/per_case".into(),
        "errors" => "/error_rate".into(),
        "goodput" => "/goodput".into(),
        "throughput_tps" | "throughput, tok/s" => "/throughput_tps".into(),
        "throughput_rps" | "throughput, req/s" => "/throughput_rps".into(),
        "output_tps" | "output speed" => "/metrics/output_tps/p50".into(),
        _ => {
            let (metric, statistic) = name.rsplit_once(['.', '_', ' '])?;
            let metric = metric.to_lowercase();
            let bare = format!("/metrics/{metric}/{statistic}");
            if cell.pointer(&bare).is_some() { bare } else { format!("/metrics/{metric}_ms/{statistic}") }
        }
    };
    cell.pointer(&path).filter(|found| found.get("needed_n").is_some())
}

/// How much of a raw value a unit is.
fn unit(name: &str) -> f64 {
    match name {
        "ms" | "USD" | "tok/s" | "req/s" | "" => 1.0,
        "µs" | "USD per 1000" => 1e-3,
        "s" => 1e3,
        "%" => 0.01,
        other => panic!("a unit that this test does not know: {other}"),
    }
}

/// The printed figure is the raw one, rounded to the digits that are shown.
fn check_printed(what: &str, text: &str, raw: Option<f64>, unit: f64) {
    let text = text.trim_matches('*').replace('\u{202f}', "");
    let Some(raw) = raw else { return assert!(text.starts_with("n/a"), "{what}: `{text}` for nothing") };
    let first = text.split([' ', '<']).next().unwrap().trim_end_matches("\\*").trim_matches('*');
    if raw.is_infinite() {
        return assert_eq!(first, "∞", "{what}");
    }
    let places = first.split_once('.').map_or(0, |(_, digits)| digits.len());
    let half = 0.5 * 10f64.powi(-i32::try_from(places).unwrap());
    let shown: f64 = first.parse().unwrap_or_else(|_| panic!("{what}: `{text}`"));
    assert!(
        (shown - raw / unit).abs()
            <= half * 1.000_001 + 0.05 * f64::from(u8::from(places == 0 && shown >= 1000.0)) * shown,
        "{what}: `{text}` for {raw}"
    );
}

fn check_markdown(text: &str, cells: &[Value]) {
    let mut rows = text.lines().skip_while(|line| !line.starts_with("| target |")).take_while(|l| l.starts_with('|'));
    let split = |line: &str| line.trim_matches('|').split(" | ").map(|t| t.trim().to_owned()).collect::<Vec<_>>();
    let head = split(rows.next().unwrap());
    let rows: Vec<Vec<String>> = rows.skip(1).map(split).collect();
    assert_eq!(rows.len(), cells.len());
    let mut checked = 0;
    for (row, cell) in rows.iter().zip(cells) {
        for (title, text) in head.iter().zip(row) {
            let (name, of) = title.rsplit_once(", ").unwrap_or((title, ""));
            let found = estimate(cell, title).or_else(|| estimate(cell, name));
            let Some(found) = found else { continue };
            check_printed(&format!("{} {title}", key(cell).join(" ")), text, value(found), unit(of));
            checked += 1;
        }
    }
    assert!(checked >= 10 * cells.len(), "{checked}");
}

#[test]
fn every_figure_follows_from_the_trials() {
    let world = world();
    let summary: Value = serde_json::from_str(&read(&world, "summary.json")).unwrap();
    let rows = naive::read(&world.out().join("trials.csv"));
    let cells = naive::cells(&rows);
    let json = summary["cells"].as_array().unwrap();
    assert_eq!(json.len(), cells.len());
    for cell in json {
        check_cell(&cells[&key(cell)], cell);
    }
    assert!(json.iter().any(|cell| cell["metrics"]["ttft_ms"]["failed"] != 0), "faults took part");
    assert!(rows.iter().any(|row| row["attempt"] == "2"), "so did retries");
    let run = &summary["run"];
    // Warm-up trials have no row, but may have been tried twice.
    let unlisted = run["attempts"].as_u64().unwrap() - rows.len() as u64;
    assert!((1..=2).contains(&unlisted.div_ceil(run["warmups"].as_u64().unwrap())), "{unlisted}");
    let spent: f64 = rows.iter().filter_map(|row| row["cost_usd"].parse::<f64>().ok()).sum();
    let extra = run["warmup_cost"]["usd"].as_f64().unwrap() + run["judge_cost"]["usd"].as_f64().unwrap();
    same("run cost", run["cost"]["usd"].as_f64(), Some(spent + extra));
    check_objectives(&summary, &cells);
    check_page(&read(&world, "report.html"), json);
    check_markdown(&read(&world, "report.md"), json);
}

fn check_objectives(summary: &Value, cells: &BTreeMap<Key, Cell>) {
    let slos = summary["slos"].as_array().unwrap();
    assert_eq!(slos.len(), 3 * cells.len());
    for slo in slos {
        let cell = &cells[&key(&slo["cell"])];
        let expected = match slo["slo"].as_str().unwrap() {
            "p50(ttft) <= 1s" => cell.metric("ttft_ms")["p50"],
            "error_rate <= 50%" => cell.figures()["/error_rate/value"],
            _ => cell.figures()["/pass_rate/value"],
        };
        same(slo["slo"].as_str().unwrap(), value(&slo["value"]), expected);
    }
}
