//! `compare --json`: every comparison with its figures. The keys are a public contract; more may be added.

use serde::Serialize;

use super::E;
use super::finite;
use crate::analyze::Summary;
use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::analyze::compare::Flip;
use crate::analyze::compare::Verdict;
use crate::report::artifact::Artifact;

/// The comparison as indented JSON with a final line feed.
pub fn text(found: &Comparisons) -> String {
    super::pretty(&File::of(std::slice::from_ref(found), &[]))
}

/// `compare.json` of a run: all of its arms in the same form, each line with the arms that it is about.
pub fn render(summary: &Summary) -> Artifact {
    Artifact::text("compare.json", super::pretty(&File::of(&summary.comparisons, &summary.refused)))
}

#[derive(Serialize)]
struct File<'a> {
    schema: u32,
    /// The arms of the only comparison; several are in `arms`.
    baseline: Option<&'a str>,
    candidate: Option<&'a str>,
    arms: Vec<Arms<'a>>,
    comparisons: Vec<Line<'a>>,
    flips: Vec<Flipped<'a>>,
    notes: Vec<&'a str>,
    verdict: &'static str,
    exit: u8,
}

impl<'a> File<'a> {
    fn of(found: &'a [Comparisons], refused: &'a [String]) -> Self {
        let single = if let [one] = found { Some(one) } else { None };
        // Where nothing gates, the worst verdict is told all the same; the exit code is not touched.
        let worst = found.iter().filter(|one| one.gates).chain(found).map(|one| one.verdict).min();
        let gating = found.iter().filter(|one| one.gates).map(|one| one.verdict).min();
        Self {
            schema: super::SCHEMA,
            baseline: single.map(|one| one.baseline.as_str()),
            candidate: single.map(|one| one.candidate.as_str()),
            arms: found.iter().map(Arms::of).collect(),
            comparisons: lines(found),
            flips: found.iter().flat_map(|one| one.flips.iter().map(|flip| Flipped::of(one, flip))).collect(),
            notes: found.iter().flat_map(|one| &one.notes).chain(refused).map(String::as_str).collect(),
            verdict: gating.or(worst).unwrap_or(Verdict::Inconclusive).name(),
            exit: gating.map_or(0, Verdict::exit),
        }
    }
}

/// Every line of every comparison, for the summary.
pub(super) fn lines(found: &[Comparisons]) -> Vec<Line<'_>> {
    found.iter().flat_map(|one| one.comparisons.iter().map(|line| Line::of(one, line))).collect()
}

#[derive(Serialize)]
struct Arms<'a> {
    baseline: &'a str,
    candidate: &'a str,
    verdict: &'static str,
    /// The verdict goes into the exit code.
    gates: bool,
    exit: u8,
    notes: &'a [String],
}

impl<'a> Arms<'a> {
    fn of(one: &'a Comparisons) -> Self {
        Self {
            baseline: &one.baseline,
            candidate: &one.candidate,
            verdict: one.verdict.name(),
            gates: one.gates,
            exit: if one.gates { one.exit } else { 0 },
            notes: &one.notes,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Line<'a> {
    baseline_arm: &'a str,
    candidate_arm: &'a str,
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
    p_noninferior: Option<f64>,
    p_adjusted: Option<f64>,
    verdict: &'static str,
    needed_n: Option<u64>,
    smallest_detectable: Option<f64>,
    margin: f64,
    notes: &'a [String],
}

impl<'a> Line<'a> {
    pub(super) fn of(arms: &'a Comparisons, one: &'a Comparison) -> Self {
        Self {
            baseline_arm: &arms.baseline,
            candidate_arm: &arms.candidate,
            metric: &one.metric,
            slice: &one.slice,
            gate: one.gates && arms.gates,
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
            p_noninferior: finite(one.p_noninferior),
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
    baseline_arm: &'a str,
    candidate_arm: &'a str,
    case: &'a str,
    slice: &'a str,
    baseline: &'a str,
    candidate: &'a str,
    change: f64,
    noise: &'static str,
    baseline_trial: u64,
    candidate_trial: u64,
    baseline_answer: Option<&'a str>,
    candidate_answer: Option<&'a str>,
}

impl<'a> Flipped<'a> {
    fn of(arms: &'a Comparisons, flip: &'a Flip) -> Self {
        Self {
            baseline_arm: &arms.baseline,
            candidate_arm: &arms.candidate,
            case: flip.case.as_str(),
            slice: &flip.slice,
            baseline: &flip.baseline,
            candidate: &flip.candidate,
            change: flip.change,
            noise: flip.noise.name(),
            baseline_trial: flip.baseline_trial.0,
            candidate_trial: flip.candidate_trial.0,
            baseline_answer: flip.answers.as_ref().map(|[before, _]| before.as_str()),
            candidate_answer: flip.answers.as_ref().map(|[_, after]| after.as_str()),
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
