//! `summary.json`: everything the report shows, for programs. The keys are a public contract; more may be added.

mod arms;
mod cell;
pub mod compare;
mod insight;
mod run;
mod stopping;

use serde::Serialize;

use super::artifact::Artifact;
use crate::analyze::Estimate;
use crate::analyze::Summary;
use crate::analyze::summary::CellKey;
use crate::analyze::summary::Severity;
use crate::analyze::summary::SloResult;
use crate::analyze::summary::Tone;
use crate::analyze::summary::Warning;
use crate::analyze::unavailable::Unavailable;

/// Version of the layout.
const SCHEMA: u32 = 1;

/// The summary as indented JSON with a final line feed.
pub fn render(summary: &Summary) -> Artifact {
    Artifact::text("summary.json", text(summary))
}

/// The same as text, for `--json`.
pub fn text(summary: &Summary) -> String {
    let file = File {
        schema: SCHEMA,
        run: run::Run::of(summary),
        simulated: summary.simulated,
        instrument: run::Instrument::of(&summary.instrument),
        cells: summary.cells.iter().map(cell::Cell::of).collect(),
        unavailable: summary.unavailable.iter().map(Missing::of).collect(),
        slos: summary.slos.iter().map(Objective::of).collect(),
        warnings: summary.warnings.iter().map(Warn::of).collect(),
        findings: summary.findings.iter().map(Finding::of).collect(),
        under_load: summary.under_load.iter().map(insight::Shift::of).collect(),
        load_curves: summary.load_curves.iter().map(insight::Curve::of).collect(),
        timeline: insight::Timeline::of(&summary.timeline),
        failures: summary.failures.iter().map(run::Failure::of).collect(),
        comparisons: compare::lines(&summary.comparisons),
        efforts: summary.efforts.iter().map(|curve| arms::Effort::of(summary, curve)).collect(),
        stopping: summary.stopping.as_ref().map(|found| stopping::Stopping::of(summary, found)),
        fronts: summary.fronts.iter().map(|front| arms::Front::of(summary, front)).collect(),
        samples: summary.samples.iter().map(|s| insight::Sample::of(s, &summary.cells)).collect(),
        exit: Exit { code: summary.exit.code, reasons: &summary.exit.reasons },
    };
    pretty(&file)
}

/// Indented JSON with a final line feed; what cannot be written says so in its place.
pub(super) fn pretty(file: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(file);
    text.unwrap_or_else(|e| serde_json::json!({ "error": e.to_string() }).to_string()) + "\n"
}

#[derive(Serialize)]
struct File<'a> {
    schema: u32,
    run: run::Run<'a>,
    simulated: bool,
    instrument: run::Instrument,
    cells: Vec<cell::Cell<'a>>,
    unavailable: Vec<Missing<'a>>,
    slos: Vec<Objective<'a>>,
    warnings: Vec<Warn<'a>>,
    findings: Vec<Finding<'a>>,
    under_load: Vec<insight::Shift<'a>>,
    load_curves: Vec<insight::Curve<'a>>,
    timeline: insight::Timeline<'a>,
    failures: Vec<run::Failure<'a>>,
    comparisons: Vec<compare::Line<'a>>,
    efforts: Vec<arms::Effort<'a>>,
    stopping: Option<stopping::Stopping<'a>>,
    fronts: Vec<arms::Front<'a>>,
    samples: Vec<insight::Sample<'a>>,
    exit: Exit<'a>,
}

/// An estimate: infinite values and limits are null, and `unbounded` says so.
#[derive(Serialize)]
pub(super) struct E {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    level: f64,
    method: &'static str,
    n: u64,
    needed_n: Option<u64>,
    /// Names of the members that are null because they are infinite.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unbounded: Vec<&'static str>,
}

impl E {
    pub(super) fn of(e: &Estimate) -> Self {
        let members = [("value", e.value), ("low", e.low), ("high", e.high)];
        Self {
            value: finite(e.value),
            low: finite(e.low),
            high: finite(e.high),
            level: e.level,
            method: e.method.name(),
            n: e.n,
            needed_n: e.needed_n,
            unbounded: members
                .into_iter()
                .filter(|(_, v)| v.is_some_and(f64::is_infinite))
                .map(|(name, _)| name)
                .collect(),
        }
    }
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite())
}

#[derive(Serialize)]
struct Key<'a> {
    target: &'a str,
    mode: &'a str,
    prompt: &'a str,
    load: &'a str,
}

impl<'a> Key<'a> {
    fn of(key: &'a CellKey) -> Self {
        Self {
            target: key.target.as_str(),
            mode: key.mode.as_str(),
            prompt: key.prompt.as_str(),
            load: key.load.as_str(),
        }
    }
}

/// A cell whose target was not to be had.
#[derive(Serialize)]
struct Missing<'a> {
    cell: Key<'a>,
    reason: &'a str,
    advice: &'a str,
    trials: u64,
}

impl<'a> Missing<'a> {
    fn of(one: &'a Unavailable) -> Self {
        Self { cell: Key::of(&one.cell), reason: &one.reason, advice: &one.advice, trials: one.trials }
    }
}

#[derive(Serialize)]
struct Objective<'a> {
    slo: &'a str,
    cell: Key<'a>,
    verdict: &'static str,
    value: E,
    bound: Option<f64>,
    exceeding: Option<u64>,
    needed_n: Option<u64>,
    why: &'a str,
}

impl<'a> Objective<'a> {
    fn of(slo: &'a SloResult) -> Self {
        Self {
            slo: &slo.slo,
            cell: Key::of(&slo.cell),
            verdict: slo.verdict.name(),
            value: E::of(&slo.value),
            bound: finite(Some(slo.bound)),
            exceeding: slo.exceeding,
            needed_n: slo.needed_n,
            why: &slo.why,
        }
    }
}

#[derive(Serialize)]
struct Warn<'a> {
    code: &'a str,
    severity: &'static str,
    cell: Option<Key<'a>>,
    message: &'a str,
    advice: &'a str,
}

impl<'a> Warn<'a> {
    fn of(warning: &'a Warning) -> Self {
        Self {
            code: warning.code,
            severity: match warning.severity {
                Severity::Invalid => "invalid",
                Severity::Caution => "caution",
                Severity::Note => "note",
            },
            cell: warning.cell.as_ref().map(Key::of),
            message: &warning.message,
            advice: &warning.advice,
        }
    }
}

#[derive(Serialize)]
struct Finding<'a> {
    tone: &'static str,
    text: &'a str,
    /// Positions in `cells`.
    cells: &'a [usize],
}

impl<'a> Finding<'a> {
    fn of(finding: &'a crate::analyze::summary::Finding) -> Self {
        Self { tone: tone(finding.tone), text: &finding.text, cells: &finding.cells }
    }
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Bad => "bad",
        Tone::Unsure => "unsure",
        Tone::Good => "good",
        Tone::Plain => "plain",
    }
}

#[derive(Serialize)]
struct Exit<'a> {
    code: u8,
    reasons: &'a [(u8, String)],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::Method;
    use crate::report::sample;

    #[test]
    fn the_contract_holds() {
        let summary = sample::summary();
        let json: serde_json::Value = serde_json::from_str(&text(&summary)).unwrap();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["simulated"], true);
        let cell = &json["cells"][0];
        for key in ["target", "mode", "prompt", "load", "n", "outcomes", "metrics", "ungradable"] {
            assert!(!cell[key].is_null(), "{key}");
        }
        let estimates =
            ["/throughput_rps", "/throughput_tps", "/pass_rate", "/goodput", "/scores/final", "/cost/per_case"];
        let metrics = ["/metrics/ttft_ms/p50", "/metrics/itl_ms/p99", "/metrics/output_tps/mean", "/cost/per_pass"];
        for path in estimates.iter().chain(&metrics) {
            let e = cell.pointer(path).unwrap_or_else(|| panic!("{path}"));
            for key in ["value", "low", "high", "level", "method", "n", "needed_n"] {
                assert!(e.get(key).is_some(), "{path}/{key}");
            }
        }
        let parts = ["efforts", "under_load", "load_curves", "timeline", "failures", "samples", "findings", "exit"];
        assert!(parts.iter().all(|part| json.get(part).is_some()), "{:?}", json.as_object().map(|o| o.keys()));
        let effort = &json["efforts"][0]["points"][0];
        assert_eq!((&effort["mode"], &effort["cell"]["mode"]), (&"minimal".into(), &"minimal".into()));
        assert_eq!(json["load_curves"][0]["points"][1]["level"], 8.0);
        assert_eq!(json["slos"][2]["needed_n"], 299);
        assert_eq!(json["slos"][0]["cell"]["target"], "seed-2.0-mini");
    }

    #[test]
    fn infinity_is_null_and_named() {
        let e = Estimate::new(f64::INFINITY, 5.0, f64::INFINITY, Method::OrderStat, 9);
        let json = serde_json::to_value(E::of(&e)).unwrap();
        assert!(json["value"].is_null() && json["high"].is_null() && json["low"] == 5.0);
        assert_eq!(json["unbounded"], serde_json::json!(["value", "high"]));
    }
}
