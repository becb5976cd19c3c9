//! One cell of `summary.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::E;
use super::finite;
use super::run::Arrivals;
use super::run::Spread;
use crate::analyze::Estimate;
use crate::analyze::summary;
use crate::analyze::summary::Cell as Source;
use crate::analyze::summary::CellCost;
use crate::analyze::summary::Distribution;
use crate::analyze::summary::Quality;
use crate::analyze::summary::Score;
use crate::analyze::summary::SuccessOnly;

#[derive(Serialize)]
pub(super) struct Cell<'a> {
    target: &'a str,
    mode: &'a str,
    prompt: &'a str,
    load: &'a str,
    n: u64,
    cases: u64,
    planned: u64,
    outcomes: BTreeMap<&'static str, u64>,
    metrics: BTreeMap<String, Metric>,
    window_s: f64,
    throughput_rps: E,
    throughput_tps: E,
    error_rate: E,
    pass_rate: E,
    goodput: E,
    scores: BTreeMap<&'a str, E>,
    ungradable: u64,
    quality: Option<Bounds>,
    cost: Cost,
    tokens: Tokens,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_cache: Option<ResponseCache>,
    reasoning: Reasoning<'a>,
    stalls: E,
    connections: Connections,
    cache: Cache,
    audit: Option<Audit<'a>>,
    client_limited: bool,
    response_models: BTreeMap<&'a str, u64>,
    upstreams: BTreeMap<&'a str, u64>,
}

impl<'a> Cell<'a> {
    pub(super) fn of(cell: &'a Source) -> Self {
        let quality = cell.quality.as_ref();
        let or_none = |e: Option<&Estimate>| e.map_or_else(|| E::of(&Estimate::none(cell.n)), E::of);
        Self {
            target: cell.key.target.as_str(),
            mode: cell.key.mode.as_str(),
            prompt: cell.key.prompt.as_str(),
            load: cell.key.load.as_str(),
            n: cell.n,
            cases: cell.cases,
            planned: cell.planned,
            outcomes: cell.outcomes.iter().map(|(outcome, n)| (outcome.name(), *n)).collect(),
            metrics: cell.metrics.iter().map(|(metric, d)| (metric.key(), Metric::of(d))).collect(),
            window_s: cell.window_s,
            throughput_rps: E::of(&cell.throughput_rps),
            throughput_tps: E::of(&cell.throughput_tps),
            error_rate: E::of(&cell.error_rate),
            pass_rate: or_none(quality.map(|q| &q.pass_rate)),
            goodput: or_none(cell.goodput.as_ref()),
            scores: quality
                .map(|q| q.scores.iter().map(|s| (s.grader.as_str(), E::of(&s.mean))).collect())
                .unwrap_or_default(),
            ungradable: quality.map_or(0, |q| q.ungradable),
            quality: quality.map(Bounds::of),
            cost: Cost::of(&cell.cost, cell.n),
            tokens: Tokens {
                input: cell.tokens.input,
                cached: cell.tokens.cached,
                output: cell.tokens.output,
                reasoning: cell.tokens.reasoning,
                unknown: cell.tokens.unknown,
            },
            response_cache: (cell.recalled.trials > 0)
                .then_some(ResponseCache { trials: cell.recalled.trials, avoided_usd: cell.recalled.avoided_usd }),
            reasoning: Reasoning {
                sent: &cell.mode.sent,
                reasoned: cell.mode.reasoned,
                finished: cell.mode.finished,
                tokens: E::of(&cell.mode.reasoning_tokens),
                hidden: cell.mode.hidden,
                honoured: cell.mode.honoured,
            },
            stalls: E::of(&cell.stalls.share),
            connections: Connections::of(&cell.connections),
            cache: Cache::of(&cell.cache),
            audit: cell.audit.as_ref().map(Audit::of),
            client_limited: cell.client_limited,
            response_models: cell.response_models.iter().map(|(name, n)| (name.as_str(), *n)).collect(),
            upstreams: cell.upstreams.iter().map(|(name, n)| (name.as_str(), *n)).collect(),
        }
    }
}

/// Trials that were answered without asking, and what their answers had cost.
#[derive(Serialize)]
struct ResponseCache {
    trials: u64,
    avoided_usd: f64,
}

#[derive(Serialize)]
struct Metric {
    n: u64,
    failed: u64,
    mean: E,
    p50: E,
    p90: E,
    p95: E,
    p99: E,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<Success>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n_effective: Option<f64>,
}

impl Metric {
    fn of(d: &Distribution) -> Self {
        Self {
            n: d.n,
            failed: d.failed,
            mean: E::of(&d.mean),
            p50: E::of(&d.p50),
            p90: E::of(&d.p90),
            p95: E::of(&d.p95),
            p99: E::of(&d.p99),
            min: finite(d.min),
            max: finite(d.max),
            success: d.success.as_deref().map(Success::of),
            n_effective: finite(d.n_effective),
        }
    }
}

/// Percentiles of successes alone.
#[derive(Serialize)]
struct Success {
    n: u64,
    p50: E,
    p90: E,
    p95: E,
    p99: E,
    max: Option<f64>,
}

impl Success {
    fn of(s: &SuccessOnly) -> Self {
        Self {
            n: s.n,
            p50: E::of(&s.p50),
            p90: E::of(&s.p90),
            p95: E::of(&s.p95),
            p99: E::of(&s.p99),
            max: finite(s.max),
        }
    }
}

/// What missing answers can make of the pass rate.
#[derive(Serialize)]
struct Bounds {
    cases: u64,
    decided: u64,
    passed: u64,
    strict: f64,
    lenient: f64,
    envelope: (f64, f64),
    infra: u64,
    length: u64,
    refused: u64,
    flaky: u64,
    by_tag: BTreeMap<String, E>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    reduced: BTreeMap<String, E>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    judges: BTreeMap<String, Judge>,
}

/// How far the judge behind a score can be trusted, as far as this run tells.
#[derive(Serialize)]
struct Judge {
    error_rate: E,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpha: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected: Option<E>,
}

impl Judge {
    fn of(score: &Score) -> Self {
        let corrected = score.corrected.as_ref().map(E::of);
        Self { error_rate: E::of(&score.error_rate()), alpha: score.alpha, corrected }
    }
}

impl Bounds {
    fn of(q: &Quality) -> Self {
        Self {
            cases: q.cases,
            decided: q.decided,
            passed: q.passed,
            strict: q.strict,
            lenient: q.lenient,
            envelope: q.envelope,
            infra: q.infra,
            length: q.length,
            refused: q.refused,
            flaky: q.flaky,
            judges: q.scores.iter().filter(|s| s.is_judge).map(|s| (s.grader.to_string(), Judge::of(s))).collect(),
            reduced: q.reduced.iter().map(|r| (r.reducer.to_string(), E::of(&r.estimate))).collect(),
            by_tag: q.by_tag.iter().map(|(tag, e)| (tag.clone(), E::of(e))).collect(),
        }
    }
}

#[derive(Serialize)]
struct Cost {
    total_usd: f64,
    basis: BTreeMap<&'static str, u64>,
    per_case: E,
    per_pass: E,
    split_usd: Option<Split>,
}

impl Cost {
    fn of(cost: &CellCost, n: u64) -> Self {
        Self {
            total_usd: cost.total.usd,
            basis: cost.total.basis.iter().map(|(basis, n)| (basis.name(), *n)).collect(),
            per_case: E::of(&cost.per_case),
            per_pass: cost.per_pass.as_ref().map_or_else(|| E::of(&Estimate::none(n)), E::of),
            split_usd: cost.split.map(|s| Split {
                input: s.input,
                cached: s.cached,
                output: s.output,
                reasoning: s.reasoning,
                requests: s.requests,
            }),
        }
    }
}

#[derive(Serialize)]
struct Split {
    input: f64,
    cached: f64,
    output: f64,
    reasoning: f64,
    requests: f64,
}

#[derive(Serialize)]
struct Tokens {
    input: u64,
    cached: u64,
    output: u64,
    reasoning: u64,
    unknown: u64,
}

#[derive(Serialize)]
struct Reasoning<'a> {
    sent: &'a [String],
    reasoned: u64,
    finished: u64,
    tokens: E,
    hidden: bool,
    honoured: Option<bool>,
}

/// First tokens by the state of the connection.
#[derive(Serialize)]
struct Connections {
    cold: u64,
    warm: u64,
    cold_ttft_p50_ms: E,
    warm_ttft_p50_ms: E,
    setup_ms: Option<f64>,
}

impl Connections {
    fn of(c: &summary::Connections) -> Self {
        Self {
            cold: c.cold,
            warm: c.warm,
            cold_ttft_p50_ms: E::of(&c.cold_ttft),
            warm_ttft_p50_ms: E::of(&c.warm_ttft),
            setup_ms: finite(c.setup_ms),
        }
    }
}

/// What the provider's cache did.
#[derive(Serialize)]
struct Cache {
    salted: bool,
    cached_share: Option<f64>,
    repeat_ratio: Option<E>,
    contaminated: bool,
}

impl Cache {
    fn of(c: &summary::CacheCheck) -> Self {
        Self {
            salted: c.salted,
            cached_share: finite(c.cached_share),
            repeat_ratio: c.repeat_ratio.as_ref().map(E::of),
            contaminated: c.contaminated,
        }
    }
}

/// How the instrument did in this cell.
#[derive(Serialize)]
struct Audit<'a> {
    lag_ms: Spread,
    dispatch_ms: Spread,
    cpu: f64,
    io_cpu: f64,
    coalesced: f64,
    arrivals: Arrivals,
    limits: &'a [String],
}

impl<'a> Audit<'a> {
    fn of(a: &'a summary::Audit) -> Self {
        Self {
            lag_ms: a.lag_ms.into(),
            dispatch_ms: a.dispatch_ms.into(),
            cpu: a.cpu,
            io_cpu: a.io_cpu,
            coalesced: a.coalesced,
            arrivals: a.arrivals.into(),
            limits: &a.limits,
        }
    }
}
