//! The run, the instrument and the failures in `summary.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Key;
use crate::analyze::Summary;
use crate::analyze::summary::CostTotal;
use crate::analyze::summary::FailureClass;
use crate::analyze::summary::Instrument as Source;
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
    warmup_cost: Total,
    targets: Vec<Target<'a>>,
    facts: BTreeMap<&'a str, &'a str>,
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
            warmup_cost: Total::of(&run.warmup_cost),
            targets: run
                .targets
                .iter()
                .map(|t| Target {
                    id: t.id.as_str(),
                    model: &t.model,
                    provider: t.provider.as_str(),
                    protocol: &t.protocol,
                    simulated: t.simulated,
                    price: t.price.as_ref().map(|p| Price {
                        input: p.input.as_f64(),
                        output: p.output.as_f64(),
                        source: &p.source,
                        as_of: &p.as_of,
                    }),
                })
                .collect(),
            facts: meta.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        }
    }
}

#[derive(Serialize)]
struct Total {
    usd: f64,
    basis: BTreeMap<&'static str, u64>,
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
}

/// USD per million tokens.
#[derive(Serialize)]
struct Price<'a> {
    input: f64,
    output: f64,
    source: &'a str,
    as_of: &'a str,
}

/// Median, 99th percentile and largest.
#[derive(Serialize)]
struct Spread {
    p50: f64,
    p99: f64,
    max: f64,
}

impl From<[f64; 3]> for Spread {
    fn from([p50, p99, max]: [f64; 3]) -> Self {
        Self { p50, p99, max }
    }
}

#[derive(Serialize)]
pub(super) struct Instrument {
    ttft_error_ms: Option<Spread>,
    itl_error_ms: Option<Spread>,
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
struct Arrivals {
    planned: u64,
    sent: u64,
    shed: u64,
}

impl Instrument {
    pub(super) fn of(i: &Source) -> Self {
        let [planned, sent, shed] = i.arrivals;
        Self {
            ttft_error_ms: i.calibration.map(|c| c.ttft_error_ms.into()),
            itl_error_ms: i.calibration.map(|c| c.itl_error_ms.into()),
            lag_ms: i.lag_ms.map(Spread::from),
            dispatch_ms: i.dispatch_ms.map(Spread::from),
            cpu: i.cpu,
            io_cpu: i.io_cpu,
            coalesced: i.coalesced,
            fds: i.fds,
            arrivals: Arrivals { planned, sent, shed },
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
