//! `compare --json`: every comparison with its figures. The keys are a public contract; more may be added.

use serde::Serialize;

use super::E;
use super::finite;
use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::analyze::compare::Flip;

/// The comparison as indented JSON with a final line feed.
pub fn text(found: &Comparisons) -> String {
    let file = File {
        schema: super::SCHEMA,
        baseline: &found.baseline,
        candidate: &found.candidate,
        comparisons: found.comparisons.iter().map(Line::of).collect(),
        flips: found.flips.iter().map(Flipped::of).collect(),
        notes: &found.notes,
        verdict: found.verdict.name(),
        exit: found.exit,
    };
    serde_json::to_string_pretty(&file).unwrap_or_else(|e| serde_json::json!({ "error": e.to_string() }).to_string())
        + "\n"
}

#[derive(Serialize)]
struct File<'a> {
    schema: u32,
    baseline: &'a str,
    candidate: &'a str,
    comparisons: Vec<Line<'a>>,
    flips: Vec<Flipped<'a>>,
    notes: &'a [String],
    verdict: &'static str,
    exit: u8,
}

#[derive(Serialize)]
struct Line<'a> {
    metric: &'a str,
    slice: &'a str,
    gate: bool,
    test: &'static str,
    n_pairs: u64,
    b: Option<u64>,
    c: Option<u64>,
    baseline: E,
    candidate: E,
    difference: E,
    ratio: Option<E>,
    p_value: Option<f64>,
    p_exact: Option<f64>,
    p_adjusted: Option<f64>,
    verdict: &'static str,
    needed_n: Option<u64>,
    smallest_detectable: Option<f64>,
    margin: f64,
    notes: &'a [String],
}

impl<'a> Line<'a> {
    fn of(one: &'a Comparison) -> Self {
        Self {
            metric: &one.metric,
            slice: &one.slice,
            gate: one.gates,
            test: one.test,
            n_pairs: one.n_pairs,
            b: one.b,
            c: one.c,
            baseline: E::of(&one.baseline),
            candidate: E::of(&one.candidate),
            difference: E::of(&one.difference),
            ratio: one.ratio.as_ref().map(E::of),
            p_value: finite(one.p_value),
            p_exact: finite(one.p_exact),
            p_adjusted: finite(one.p_adjusted),
            verdict: one.verdict.name(),
            needed_n: one.needed_n,
            smallest_detectable: finite(one.smallest_detectable),
            margin: one.margin,
            notes: &one.notes,
        }
    }
}

#[derive(Serialize)]
struct Flipped<'a> {
    case: &'a str,
    slice: &'a str,
    baseline: &'a str,
    candidate: &'a str,
    change: f64,
    noise: &'static str,
    baseline_trial: u64,
    candidate_trial: u64,
}

impl<'a> Flipped<'a> {
    fn of(flip: &'a Flip) -> Self {
        Self {
            case: flip.case.as_str(),
            slice: &flip.slice,
            baseline: &flip.baseline,
            candidate: &flip.candidate,
            change: flip.change,
            noise: flip.noise.name(),
            baseline_trial: flip.baseline_trial.0,
            candidate_trial: flip.candidate_trial.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::compare::sample;

    #[test]
    fn the_contract_names_every_key() {
        let json: serde_json::Value = serde_json::from_str(&text(&sample::comparisons())).unwrap();
        let line = json["comparisons"][0].as_object().unwrap();
        let keys = [
            "metric",
            "slice",
            "test",
            "n_pairs",
            "b",
            "c",
            "baseline",
            "candidate",
            "difference",
            "ratio",
            "p_value",
            "p_exact",
            "p_adjusted",
            "verdict",
            "needed_n",
            "smallest_detectable",
        ];
        for key in keys {
            assert!(line.contains_key(key), "{key}");
        }
        for key in ["value", "low", "high", "level", "method", "n", "needed_n"] {
            assert!(line["difference"].as_object().unwrap().contains_key(key), "{key}");
        }
        assert_eq!((&json["verdict"], &json["exit"]), (&"regressed".into(), &1.into()));
        assert_eq!(json["flips"][0]["baseline"], "pass");
    }
}
