//! One comparison with something of everything, for renderers' tests.

use super::Comparison;
use super::Comparisons;
use super::Flip;
use super::Noise;
use super::Verdict;
use crate::analyze::Estimate;
use crate::analyze::Method;
use crate::domain::TrialId;

/// A regression of the pass rate, a faster first token, an open tail, and a hostile case id.
pub(crate) fn comparisons() -> Comparisons {
    Comparisons {
        baseline: "20260101-000000-triage-aaaa".into(),
        candidate: "20260102-000000-triage-bbbb".into(),
        comparisons: vec![pass_rate(), ttft(), tail()],
        flips: vec![Flip {
            case: "refund|<b>".into(),
            slice: "all".into(),
            baseline: "pass".into(),
            candidate: "fail".into(),
            change: -1.0,
            noise: Noise::Unknown,
            baseline_trial: TrialId(7),
            candidate_trial: TrialId(8),
            answers: Some(["Refunds are billing.".into(), "<b>Shipping</b>\nI think".into()]),
        }],
        notes: vec!["cases only in the candidate, left out: 1 (new)".into()],
        verdict: Verdict::Regressed,
        exit: 1,
        gates: true,
    }
}

fn pass_rate() -> Comparison {
    Comparison {
        metric: "pass_rate".into(),
        slice: "all".into(),
        test: "mcnemar-mid-p",
        n_pairs: 500,
        b: Some(10),
        c: Some(40),
        baseline: Estimate::new(0.8, 0.763, 0.833, Method::Wilson, 500),
        candidate: Estimate::new(0.74, 0.700, 0.777, Method::Wilson, 500),
        difference: Estimate::new(-0.06, -0.089_405_983_2, -0.033_718_423_5, Method::Tango, 500),
        p_value: Some(1.473_771_6e-5),
        p_exact: Some(2.386e-5),
        p_adjusted: Some(1.473_771_6e-5),
        verdict: Verdict::Regressed,
        margin: 0.02,
        gates: true,
        more_is_better: true,
        ..Comparison::blank(Vec::new())
    }
}

fn ttft() -> Comparison {
    Comparison {
        metric: "ttft".into(),
        slice: "all".into(),
        test: "log-ratio-t",
        n_pairs: 500,
        baseline: Estimate::new(231.0, 219.0, 252.0, Method::T, 500),
        candidate: Estimate::new(205.0, 195.0, 215.0, Method::T, 500),
        difference: Estimate::point(-26.0, 500),
        ratio: Some(Estimate::new(0.887, 0.85, 0.93, Method::Cr1, 500)),
        p_value: Some(0.0004),
        p_adjusted: Some(0.0008),
        verdict: Verdict::Improved,
        margin: 0.1,
        ..Comparison::blank(vec!["within-run only".into()])
    }
}

fn tail() -> Comparison {
    Comparison {
        metric: "p99(e2e)".into(),
        slice: "all".into(),
        test: "bootstrap-percentile",
        n_pairs: 120,
        baseline: Estimate::needs(120, 368),
        candidate: Estimate::needs(120, 368),
        ratio: Some(Estimate::needs(120, 368)),
        needed_n: Some(368),
        margin: 0.1,
        ..Comparison::blank(Vec::new())
    }
}
