//! Effort curves and fronts in `summary.json`.

use serde::Serialize;

use super::E;
use super::Key;
use super::finite;
use crate::analyze::Estimate;
use crate::analyze::Summary;
use crate::analyze::compare::Comparison;
use crate::analyze::summary;

#[derive(Serialize)]
pub(super) struct Effort<'a> {
    target: &'a str,
    prompt: &'a str,
    load: &'a str,
    points: Vec<Point<'a>>,
    steps: Vec<Step<'a>>,
    cheapest: Option<Cheapest<'a>>,
    inseparable: Vec<[&'a str; 2]>,
}

#[derive(Serialize)]
struct Point<'a> {
    mode: &'a str,
    cell: Option<Key<'a>>,
    pass_rate: Option<E>,
    reasoning_tokens: E,
    ttfa_ms: Option<E>,
    cost_per_case: E,
    on_front: bool,
}

#[derive(Serialize)]
struct Step<'a> {
    from: &'a str,
    to: &'a str,
    changes: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    metric: &'a str,
    test: &'static str,
    n_pairs: u64,
    difference: E,
    ratio: Option<E>,
    p_value: Option<f64>,
    p_adjusted: Option<f64>,
    verdict: &'static str,
}

#[derive(Serialize)]
struct Cheapest<'a> {
    mode: &'a str,
    best: &'a str,
    basis: &'static str,
    margin: f64,
    difference: E,
    sentence: &'a str,
}

impl<'a> Effort<'a> {
    pub(super) fn of(summary: &'a Summary, curve: &'a summary::EffortCurve) -> Self {
        let optional = |e: Option<Estimate>| e.as_ref().map(E::of);
        let point = |point: &'a summary::EffortPoint| Point {
            mode: point.mode.as_str(),
            cell: summary.cells.get(point.cell_index).map(|cell| Key::of(&cell.key)),
            pass_rate: optional(point.pass_rate),
            reasoning_tokens: E::of(&point.reasoning_tokens),
            ttfa_ms: optional(point.ttfa_ms),
            cost_per_case: E::of(&point.cost),
            on_front: point.efficient,
        };
        let step = |step: &'a summary::EffortStep| Step {
            from: step.from.as_str(),
            to: step.to.as_str(),
            changes: step.changes.iter().map(Change::of).collect(),
        };
        Self {
            target: curve.target.as_str(),
            prompt: curve.prompt.as_str(),
            load: curve.load.as_str(),
            points: curve.points.iter().map(point).collect(),
            steps: curve.steps.iter().map(step).collect(),
            cheapest: curve.cheapest.as_ref().map(Cheapest::of),
            inseparable: curve.inseparable.iter().map(|(a, b)| [a.as_str(), b.as_str()]).collect(),
        }
    }
}

impl<'a> Change<'a> {
    fn of(one: &'a Comparison) -> Self {
        Self {
            metric: &one.metric,
            test: one.test,
            n_pairs: one.n_pairs,
            difference: E::of(&one.difference),
            ratio: one.ratio.as_ref().map(E::of),
            p_value: finite(one.p_value),
            p_adjusted: finite(one.p_adjusted),
            verdict: one.verdict.name(),
        }
    }
}

impl<'a> Cheapest<'a> {
    fn of(one: &'a summary::Cheapest) -> Self {
        Self {
            mode: one.mode.as_str(),
            best: one.best.as_str(),
            basis: one.basis,
            margin: one.margin,
            difference: E::of(&one.difference),
            sentence: &one.sentence,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Front<'a> {
    load: &'a str,
    latency: &'static str,
    resamples: u64,
    arms: Vec<Arm<'a>>,
}

#[derive(Serialize)]
struct Arm<'a> {
    cell: Option<Key<'a>>,
    on_front: bool,
    /// Of the resamples, those in which the arm is on the front.
    share: f64,
    dominated_by: Option<Key<'a>>,
    ranks: Vec<Rank>,
}

#[derive(Serialize)]
struct Rank {
    metric: &'static str,
    #[serde(rename = "rank")]
    value: u32,
    low: u32,
    high: u32,
}

impl<'a> Front<'a> {
    pub(super) fn of(summary: &'a Summary, front: &'a summary::Front) -> Self {
        let key = |at: usize| summary.cells.get(at).map(|cell| Key::of(&cell.key));
        let rank = |one: &summary::Rank| Rank { metric: one.metric, value: one.rank, low: one.low, high: one.high };
        let arm = |arm: &'a summary::FrontArm| Arm {
            cell: key(arm.cell_index),
            on_front: arm.on_front,
            share: arm.share,
            dominated_by: arm.dominated_by.and_then(key),
            ranks: arm.ranks.iter().map(rank).collect(),
        };
        Self {
            load: front.load.as_str(),
            latency: front.latency,
            resamples: front.resamples,
            arms: front.arms.iter().map(arm).collect(),
        }
    }
}
