//! The run, the instrument and the failures in `summary.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Key;
use crate::analyze::Summary;
use crate::analyze::estimate::LEVEL;
use crate::analyze::run::GraderInfo;
use crate::analyze::run::TargetInfo;
use crate::analyze::summary::CostTotal;
use crate::analyze::summary::FailureClass;
use crate::analyze::summary::Instrument as Source;
use crate::analyze::summary::Regrade;
use crate::domain::RunStatus;

#[derive(Serialize)]
pub(super) struct Run<'a> {
    id: &'a str,
    suite: &'a str,
    description: &'a str,
    suite_hash: &'a str,
    seed: u64,
    version: &'a str,
    started: &'a str,
    ended: &'a str,
    host: &'a str,
    command: &'a str,
    /// `killed` where the log has no end.
    status: &'static str,
    planned: u64,
    trials: u64,
    warmups: u64,
    attempts: u64,
    judge_requests: u64,
    duration_s: f64,
    cost: Total,
    judge_cost: Total,
    preflight_cost: Total,
    warmup_cost: Total,
    targets: Vec<Target<'a>>,
    graders: Vec<Grader<'a>>,
    /// Stopping decisions.
    decisions: Vec<Decision<'a>>,
    regraded: Vec<Regraded<'a>>,
    facts: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Grader<'a> {
    id: &'a str,
    kind: &'a str,
    version: &'a str,
    weight: f64,
}

#[derive(Serialize)]
struct Decision<'a> {
    rule: &'a str,
    decision: &'a str,
}

#[derive(Serialize)]
struct Regraded<'a> {
    grader: &'a str,
    from: &'a str,
    to: &'a str,
    trials: u64,
    changed: u64,
}

impl<'a> Run<'a> {
    pub(super) fn of(summary: &'a Summary) -> Self {
        let (run, meta) = (&summary.run, &summary.run.meta);
        Self {
            id: &meta.id,
            suite: &meta.suite,
            description: &meta.description,
            suite_hash: &meta.suite_hash,
            seed: meta.seed,
            version: &meta.version,
            started: &meta.started,
            ended: &meta.ended,
            host: &meta.host,
            command: &meta.command,
            status: run.status.map_or("killed", RunStatus::name),
            planned: run.planned,
            trials: run.trials,
            warmups: run.warmups,
            attempts: run.attempts,
            judge_requests: run.judge_requests,
            duration_s: run.duration_s,
            cost: Total::of(&run.cost),
            judge_cost: Total::of(&run.judge_cost),
            preflight_cost: Total::of(&run.preflight_cost),
            warmup_cost: Total::of(&run.warmup_cost),
            targets: run.targets.iter().map(Target::of).collect(),
            graders: run.graders.iter().map(Grader::of).collect(),
            decisions: run.decisions.iter().map(|(rule, decision)| Decision { rule, decision }).collect(),
            regraded: run.regraded.iter().map(Regraded::of).collect(),
            facts: meta.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        }
    }
}

#[derive(Serialize)]
struct Total {
    usd: f64,
    basis: BTreeMap<&'static str, u64>,
}

impl<'a> Grader<'a> {
    fn of(grader: &'a GraderInfo) -> Self {
        Self { id: grader.id.as_str(), kind: &grader.kind, version: &grader.version, weight: grader.weight }
    }
}

impl<'a> Regraded<'a> {
    fn of(r: &'a Regrade) -> Self {
        Self { grader: r.grader.as_str(), from: &r.from, to: &r.to, trials: r.trials, changed: r.changed }
    }
}

impl Total {
    fn of(total: &CostTotal) -> Self {
        Self { usd: total.usd, basis: total.basis.iter().map(|(basis, n)| (basis.name(), *n)).collect() }
    }
}

#[derive(Serialize)]
struct Target<'a> {
    id: &'a str,
    model: &'a str,
    provider: &'a str,
    protocol: &'a str,
    simulated: bool,
    price: Option<Price<'a>>,
    /// What others say the price is.
    claims: Vec<Price<'a>>,
}

impl<'a> Target<'a> {
    fn of(target: &'a TargetInfo) -> Self {
        Self {
            id: target.id.as_str(),
            model: &target.model,
            provider: target.provider.as_str(),
            protocol: &target.protocol,
            simulated: target.simulated,
            price: target.price.as_deref().map(Price::of),
            claims: target.claims.iter().map(|claim| Price::of(claim)).collect(),
        }
    }
}

/// USD per million tokens.
#[derive(Serialize)]
struct Price<'a> {
    input: f64,
    output: f64,
    source: &'a str,
    as_of: &'a str,
}

impl<'a> Price<'a> {
    fn of(price: &'a crate::domain::Price) -> Self {
        Self { input: price.input.as_f64(), output: price.output.as_f64(), source: &price.source, as_of: &price.as_of }
    }
}

/// Median, 99th percentile and largest.
#[derive(Serialize)]
pub(super) struct Spread {
    p50: f64,
    p99: f64,
    max: f64,
}

impl From<[f64; 3]> for Spread {
    fn from([p50, p99, max]: [f64; 3]) -> Self {
        Self { p50, p99, max }
    }
}

/// An error of the instrument: its median with the 95 % interval, and its tail where that is known.
#[derive(Serialize)]
struct Error {
    p50: f64,
    low: Option<f64>,
    high: Option<f64>,
    level: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
}

impl Error {
    fn of(p50: f64, tail: Option<[f64; 3]>, limits: Option<[f64; 2]>) -> Self {
        let [low, high] = [limits.map(|l| l[0]), limits.map(|l| l[1])];
        Self { p50, low, high, level: LEVEL, p99: tail.map(|t| t[1]), max: tail.map(|t| t[2]) }
    }
}

#[derive(Serialize)]
pub(super) struct Instrument {
    ttft_error_ms: Option<Error>,
    itl_error_ms: Option<Error>,
    rate_error: Option<Error>,
    lag_ms: Option<Spread>,
    dispatch_ms: Option<Spread>,
    cpu: Option<f64>,
    io_cpu: Option<f64>,
    coalesced: Option<f64>,
    fds: Option<u32>,
    arrivals: Arrivals,
    clock_step_s: f64,
    suspended_s: f64,
    steal: f64,
    client_limited: bool,
}

#[derive(Serialize)]
pub(super) struct Arrivals {
    planned: u64,
    sent: u64,
    shed: u64,
}

impl From<[u64; 3]> for Arrivals {
    fn from([planned, sent, shed]: [u64; 3]) -> Self {
        Self { planned, sent, shed }
    }
}

impl Instrument {
    pub(super) fn of(i: &Source) -> Self {
        Self {
            ttft_error_ms: i.calibration.map(|c| Error::of(c.ttft_error_ms[0], Some(c.ttft_error_ms), c.medians[0])),
            itl_error_ms: i.calibration.map(|c| Error::of(c.itl_error_ms[0], Some(c.itl_error_ms), c.medians[1])),
            rate_error: i.calibration.map(|c| Error::of(c.rate_error, None, c.medians[2])),
            lag_ms: i.lag_ms.map(Spread::from),
            dispatch_ms: i.dispatch_ms.map(Spread::from),
            cpu: i.cpu,
            io_cpu: i.io_cpu,
            coalesced: i.coalesced,
            fds: i.fds,
            arrivals: i.arrivals.into(),
            clock_step_s: i.clock_step_s,
            suspended_s: i.suspended_s,
            steal: i.steal,
            client_limited: i.client_limited,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Failure<'a> {
    cell: Key<'a>,
    outcome: &'static str,
    detail: &'a str,
    status: Option<u16>,
    message: &'a str,
    count: u64,
    example: u64,
}

impl<'a> Failure<'a> {
    pub(super) fn of(failure: &'a FailureClass) -> Self {
        Self {
            cell: Key::of(&failure.cell),
            outcome: failure.outcome.name(),
            detail: &failure.detail,
            status: failure.status,
            message: &failure.message,
            count: failure.count,
            example: failure.example.0,
        }
    }
}
