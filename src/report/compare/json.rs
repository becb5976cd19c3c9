//! `compare --json`. The keys are a public contract; more may be added.

use serde::Serialize;

use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::report::json::E;

/// The comparison as indented JSON with a final line feed.
pub fn text(found: &Comparisons) -> String {
    let file = File {
        baseline: &found.baseline,
        candidate: &found.candidate,
        comparisons: found.comparisons.iter().map(One::of).collect(),
        flips: found
            .flips
            .iter()
            .map(|f| Flip {
                case: f.case.as_str(),
                slice: &f.slice,
                baseline: &f.baseline,
                candidate: &f.candidate,
                noise: f.noise.name(),
                baseline_trial: f.baseline_trial.0,
                candidate_trial: f.candidate_trial.0,
            })
            .collect(),
        notes: &found.notes,
        verdict: found.verdict.name(),
        exit: found.exit,
    };
    crate::report::json::pretty(&file)
}

#[derive(Serialize)]
struct File<'a> {
    baseline: &'a str,
    candidate: &'a str,
    comparisons: Vec<One<'a>>,
    flips: Vec<Flip<'a>>,
    notes: &'a [String],
    verdict: &'static str,
    exit: u8,
}

#[derive(Serialize)]
struct One<'a> {
    metric: &'a str,
    slice: &'a str,
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
    gates: bool,
    notes: &'a [String],
}

impl<'a> One<'a> {
    fn of(c: &'a Comparison) -> Self {
        let finite = |v: Option<f64>| v.filter(|v| v.is_finite());
        Self {
            metric: &c.metric,
            slice: &c.slice,
            test: c.test,
            n_pairs: c.n_pairs,
            b: c.b,
            c: c.c,
            baseline: E::of(&c.baseline),
            candidate: E::of(&c.candidate),
            difference: E::of(&c.difference),
            ratio: c.ratio.as_ref().map(E::of),
            p_value: finite(c.p_value),
            p_exact: finite(c.p_exact),
            p_adjusted: finite(c.p_adjusted),
            verdict: c.verdict.name(),
            needed_n: c.needed_n,
            smallest_detectable: finite(c.smallest_detectable),
            margin: c.margin,
            gates: c.gates,
            notes: &c.notes,
        }
    }
}

#[derive(Serialize)]
struct Flip<'a> {
    case: &'a str,
    slice: &'a str,
    baseline: &'a str,
    candidate: &'a str,
    noise: &'static str,
    baseline_trial: u64,
    candidate_trial: u64,
}
