//! A hand-made summary for the renderers' tests: two targets, four modes, two loads, drawn from a seeded stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hostile::CORPUS;
use super::row::Row;
use crate::analyze::Estimate;
use crate::analyze::Method;
use crate::analyze::Metric;
use crate::analyze::Summary;
use crate::analyze::run::Arrivals;
use crate::analyze::run::GraderInfo;
use crate::analyze::run::Meta;
use crate::analyze::run::ModeInfo;
use crate::analyze::run::TargetInfo;
use crate::analyze::summary::CacheCheck;
use crate::analyze::summary::Cell;
use crate::analyze::summary::CellCharts;
use crate::analyze::summary::CellCost;
use crate::analyze::summary::CellKey;
use crate::analyze::summary::Connections;
use crate::analyze::summary::CostSplit;
use crate::analyze::summary::CostTotal;
use crate::analyze::summary::Distribution;
use crate::analyze::summary::Ecdf;
use crate::analyze::summary::EffortCurve;
use crate::analyze::summary::EffortPoint;
use crate::analyze::summary::Exit;
use crate::analyze::summary::FailureClass;
use crate::analyze::summary::Finding;
use crate::analyze::summary::Histogram;
use crate::analyze::summary::Instrument;
use crate::analyze::summary::LoadCurve;
use crate::analyze::summary::LoadPoint;
use crate::analyze::summary::ModeCheck;
use crate::analyze::summary::Quality;
use crate::analyze::summary::Recalled;
use crate::analyze::summary::RunRecord;
use crate::analyze::summary::Score;
use crate::analyze::summary::Severity;
use crate::analyze::summary::SloResult;
use crate::analyze::summary::SloVerdict;
use crate::analyze::summary::Stalls;
use crate::analyze::summary::Timeline;
use crate::analyze::summary::TokenSums;
use crate::analyze::summary::Tone;
use crate::analyze::summary::VerdictLine;
use crate::analyze::summary::Warning;
use crate::domain::Basis;
use crate::domain::CellId;
use crate::domain::Channel;
use crate::domain::Outcome;
use crate::domain::Price;
use crate::domain::RunStatus;
use crate::domain::TrialId;
use crate::domain::Usd;
use crate::domain::random::Stream;

const TARGETS: [&str; 2] = ["seed-2.0-mini", "neighbor-small"];
const MODES: [&str; 4] = ["minimal", "low", "medium", "high"];
const LOADS: [u32; 2] = [1, 8];
const CASES: usize = 12;
const REPEATS: u32 = 8;

fn trials_per_cell() -> u64 {
    CASES as u64 * u64::from(REPEATS)
}

fn share(k: u64, n: u64) -> Estimate {
    let (p, nf) = (k as f64 / n as f64, n as f64);
    let half = 1.96 * (p * (1.0 - p) / nf).sqrt() + 0.01;
    Estimate::new(p, (p - half).max(0.0), (p + half).min(1.0), Method::Wilson, n)
}

fn about(value: f64, relative: f64, method: Method, n: u64) -> Estimate {
    Estimate::new(value, value * (1.0 - relative), value * (1.0 + relative), method, n)
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[((sorted.len() as f64 * q).ceil() as usize).clamp(1, sorted.len()) - 1]
}

fn distribution(values: &[f64]) -> Distribution {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as u64;
    let at = |q: f64, needed: u64| {
        if n < needed {
            return Estimate::needs(n, needed);
        }
        let (low, high) = (quantile(&sorted, (q - 0.1).max(0.01)), quantile(&sorted, (q + 0.04).min(1.0)));
        Estimate::new(quantile(&sorted, q), low, high, Method::OrderStat, n)
    };
    Distribution {
        n,
        failed: 0,
        mean: about(sorted.iter().sum::<f64>() / n as f64, 0.05, Method::T, n),
        p50: at(0.5, 6),
        p90: at(0.9, 36),
        p95: at(0.95, 72),
        p99: at(0.99, 368),
        min: sorted.first().copied(),
        max: sorted.last().copied(),
        success: None,
        n_effective: None,
        kept: 1.0,
    }
}

fn ecdf(metric: Metric, values: &[f64]) -> Ecdf {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let points = sorted.iter().enumerate().map(|(k, v)| (*v, (k + 1) as f64 / n)).collect();
    Ecdf { metric, points, band: (40.0_f64.ln() / (2.0 * n)).sqrt(), n: n as u64, failed: 0 }
}

fn histogram(values: &[f64]) -> Histogram {
    let edges: Vec<f64> = (0..=24).map(|k| 2.0 * 1.25_f64.powi(k)).collect();
    let counts = edges.windows(2).map(|w| values.iter().filter(|v| **v >= w[0] && **v < w[1]).count() as u64).collect();
    Histogram { edges, counts, logarithmic: true }
}

/// Per-trial values of one cell.
struct Drawn {
    ttft: Vec<f64>,
    ttfa: Vec<f64>,
    e2e: Vec<f64>,
    itl: Vec<f64>,
    reasoning: f64,
    output: f64,
    passed: u64,
    cost: f64,
}

fn drawn(target: usize, mode: usize, load: usize) -> Drawn {
    let mut stream = Stream::new(7, &format!("{target}/{mode}/{load}"));
    let slow = [1.0, 1.7][target] * [1.0, 2.2][load];
    let reasoning = [0.0, 60.0, 180.0, 420.0][mode] * [1.0, 1.2][target];
    let mut d = Drawn {
        ttft: Vec::new(),
        ttfa: Vec::new(),
        e2e: Vec::new(),
        itl: Vec::new(),
        reasoning,
        output: reasoning + 80.0,
        passed: 0,
        cost: 0.0,
    };
    for _ in 0..trials_per_cell() {
        let ttft = 180.0 * slow * (0.3 * stream.normal()).exp();
        let answered = ttft + reasoning * 8.0 * slow * (0.2 * stream.normal()).exp();
        d.ttft.push(ttft);
        d.ttfa.push(answered);
        d.e2e.push(answered + 80.0 * 8.0 * slow);
        d.itl.extend((0..20).map(|_| 8.0 * slow * (0.5 * stream.normal()).exp()));
        d.passed += u64::from(stream.uniform() < [[0.62, 0.81, 0.9, 0.93], [0.55, 0.7, 0.82, 0.88]][target][mode]);
    }
    d.cost = (120.0 * 0.1 + d.output * 0.4) / 1e6 * [1.0, 2.5][target];
    d
}

fn key(target: usize, mode: usize, load: usize) -> CellKey {
    CellKey {
        target: TARGETS[target].into(),
        mode: MODES[mode].into(),
        prompt: "terse".into(),
        load: format!("c{}", LOADS[load]).into(),
    }
}

fn metrics(d: &Drawn) -> BTreeMap<Metric, Distribution> {
    let per_trial = |f: fn(&[f64]) -> f64| distribution(&d.itl.chunks(20).map(f).collect::<Vec<_>>());
    let queue: Vec<f64> = d.ttft.iter().map(|v| v / 400.0).collect();
    [
        (Metric::Queue, distribution(&queue)),
        (Metric::Ttft, distribution(&d.ttft)),
        (Metric::Ttfa, distribution(&d.ttfa)),
        (Metric::E2e, distribution(&d.e2e)),
        (Metric::Itl, distribution(&d.itl)),
        (Metric::ItlMax, per_trial(|c| c.iter().copied().fold(0.0, f64::max))),
        (Metric::OutputTps, per_trial(|c| 20_000.0 / c.iter().sum::<f64>())),
        (Metric::OutputTokens, distribution(&vec![d.output; d.ttft.len()])),
    ]
    .into()
}

fn quality(d: &Drawn, n: u64) -> Quality {
    Quality {
        pass_rate: share(d.passed, n),
        cases: CASES as u64,
        decided: CASES as u64,
        passed: d.passed / u64::from(REPEATS),
        strict: 0.8,
        lenient: 0.9,
        envelope: (0.7, 0.95),
        scores: vec![Score {
            grader: "final".into(),
            mean: share(d.passed, n),
            counts: [d.passed, n - d.passed, 0, 0],
            is_judge: false,
            corrected: None,
            alpha: None,
        }],
        ungradable: 0,
        infra: 0,
        length: 0,
        refused: 0,
        flaky: 3,
        by_tag: vec![("easy".into(), share(d.passed, n))],
        reduced: Vec::new(),
    }
}

fn cost(d: &Drawn, n: u64) -> CellCost {
    let split = CostSplit {
        input: 12e-6 * n as f64,
        cached: 0.0,
        output: 32e-6 * n as f64,
        reasoning: d.reasoning * 0.4e-6 * n as f64,
        requests: 0.0,
    };
    CellCost {
        total: CostTotal { usd: d.cost * n as f64, basis: [(Basis::Computed, n)].into() },
        per_case: about(d.cost, 0.04, Method::T, n),
        per_pass: Some(about(d.cost * n as f64 / d.passed as f64, 0.08, Method::Bca, n)),
        split: Some(split),
        claims: Vec::new(),
        billed_over_computed: None,
    }
}

fn mode_check(d: &Drawn, mode: usize, n: u64) -> ModeCheck {
    ModeCheck {
        sent: vec![format!("{{\"reasoning_effort\":\"{}\"}}", MODES[mode])],
        expected: Some(mode > 0),
        verified: true,
        reasoned: if mode > 0 { n } else { 0 },
        finished: n,
        reasoning_tokens: about(d.reasoning, 0.06, Method::T, n),
        hidden: false,
        honoured: Some(true),
    }
}

fn charts(d: &Drawn) -> CellCharts {
    CellCharts {
        ecdf: vec![ecdf(Metric::Ttft, &d.ttft), ecdf(Metric::Ttfa, &d.ttfa), ecdf(Metric::E2e, &d.e2e)],
        itl: histogram(&d.itl),
        output_tps: Histogram::default(),
    }
}

fn cell(id: u32, target: usize, mode: usize, load: usize) -> Cell {
    let n = trials_per_cell();
    let d = drawn(target, mode, load);
    let busy = f64::from(LOADS[load]) * 1000.0 / (d.e2e.iter().sum::<f64>() / n as f64);
    Cell {
        id: CellId(id),
        key: key(target, mode, load),
        arrivals: Arrivals::Closed(LOADS[load]),
        n,
        cases: CASES as u64,
        planned: n,
        outcomes: [(Outcome::Ok, n - 1), (Outcome::Length, 1)].into(),
        metrics: metrics(&d),
        connections: Connections {
            cold: 1,
            warm: n - 1,
            cold_ttft: Estimate::point(d.ttft[0], 1),
            warm_ttft: about(180.0, 0.1, Method::OrderStat, n - 1),
            setup_ms: Some(0.4),
        },
        throughput_rps: about(busy, 0.06, Method::BlockBootstrap, 12),
        throughput_tps: about(busy * d.output, 0.06, Method::BlockBootstrap, 12),
        window_s: 30.0,
        error_rate: Estimate::new(0.0, 0.0, 0.038, Method::Wilson, n),
        quality: Some(quality(&d, n)),
        goodput: None,
        cost: cost(&d, n),
        recalled: Recalled::default(),
        tokens: TokenSums {
            input: 120 * n,
            cached: 0,
            output: d.output as u64 * n,
            reasoning: d.reasoning as u64 * n,
            unknown: 0,
        },
        mode: mode_check(&d, mode, n),
        cache: CacheCheck { salted: false, cached_share: Some(0.0), repeat_ratio: None, contaminated: false },
        stalls: Stalls { threshold_ms: 500.0, count: 0, trials: 0, share: share(0, n) },
        audit: None,
        client_limited: false,
        response_models: vec![(TARGETS[target].to_owned(), n)],
        upstreams: Vec::new(),
        charts: charts(&d),
    }
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for target in 0..2 {
        for load in 0..2 {
            for mode in 0..4 {
                cells.push(cell(cells.len() as u32, target, mode, load));
            }
        }
    }
    cells
}

fn target(index: usize) -> TargetInfo {
    TargetInfo {
        id: TARGETS[index].into(),
        model: TARGETS[index].to_owned(),
        provider: "sim".into(),
        protocol: "openai-chat".into(),
        simulated: true,
        price: Some(Arc::new(Price {
            input: Usd::from_f64(0.1),
            output: Usd::from_f64(0.4),
            cached_input: None,
            cache_write: None,
            reasoning: None,
            per_request: Usd::ZERO,
            tiers: Vec::new(),
            source: "simulation profile".into(),
            as_of: "2026-11-01".into(),
        })),
        claims: Vec::new(),
        modes: MODES
            .iter()
            .map(|m| ModeInfo { name: (*m).into(), verified: true, reasons: Some(*m != "minimal"), patch: None })
            .collect(),
    }
}

fn record(trials: u64) -> RunRecord {
    let cost = CostTotal { usd: 0.0421, basis: [(Basis::Computed, trials)].into() };
    RunRecord {
        meta: Meta {
            id: "20261122-120000-quickstart-ab12".into(),
            suite: "quickstart".into(),
            description: "Two simulated targets on small tasks that can be checked".into(),
            suite_hash: "5f1d0c2e9a".into(),
            seed: 7,
            version: "0.1.0".into(),
            started: "2026-11-22T12:00:00Z".into(),
            ended: "2026-11-22T12:00:24Z".into(),
            host: "2 cores, Linux 6.1".into(),
            command: "llmark run suites/quickstart.yaml".into(),
            planned: trials,
            budget: None,
            facts: vec![("kernel".into(), "6.1.0".into())],
        },
        status: Some(RunStatus::Complete),
        targets: (0..2).map(target).collect(),
        cases: CASES as u64,
        graders: vec![GraderInfo {
            id: "final".into(),
            kind: "exact".into(),
            weight: 1.0,
            version: "1".into(),
            judges: vec![],
        }],
        planned: trials,
        trials,
        warmups: 8,
        attempts: trials + 8,
        judge_requests: 0,
        duration_s: 23.7,
        cost: cost.clone(),
        judge_cost: CostTotal::default(),
        preflight_cost: CostTotal::default(),
        warmup_cost: CostTotal::default(),
        decisions: Vec::new(),
        regraded: Vec::new(),
    }
}

fn curves(cells: &[Cell]) -> Vec<LoadCurve> {
    let mut curves = Vec::new();
    for target in 0..2 {
        for mode in 0..4 {
            let points = (0..2)
                .map(|load| LoadPoint {
                    load: format!("c{}", LOADS[load]).into(),
                    level: f64::from(LOADS[load]),
                    open: false,
                    cell_index: cells.iter().position(|c| c.key == key(target, mode, load)).unwrap(),
                })
                .collect();
            let key = key(target, mode, 0);
            curves.push(LoadCurve { target: key.target, mode: key.mode, prompt: key.prompt, points });
        }
    }
    curves
}

fn efforts(cells: &[Cell]) -> Vec<EffortCurve> {
    let curve = |(target, load): (usize, usize)| {
        let points = (0..4).map(|mode| {
            let cell_index = cells.iter().position(|c| c.key == key(target, mode, load)).unwrap();
            let cell = &cells[cell_index];
            EffortPoint {
                mode: MODES[mode].into(),
                cell_index,
                pass_rate: cell.quality.as_ref().map(|q| q.pass_rate),
                reasoning_tokens: cell.mode.reasoning_tokens,
                ttfa_ms: Some(cell.metrics[&Metric::Ttfa].p50),
                cost: cell.cost.per_case,
                efficient: mode != 2,
            }
        });
        let key = key(target, 0, load);
        EffortCurve {
            target: key.target,
            prompt: key.prompt,
            load: key.load,
            points: points.collect(),
            inseparable: vec![],
            steps: vec![],
            cheapest: None,
        }
    };
    [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().map(curve).collect()
}

fn timeline() -> Timeline {
    let wave = |k: usize| ((k as f64 / 4.0).sin() + 1.2) * 20.0;
    Timeline {
        bin_s: 0.5,
        arrivals: (0..48).map(|k| wave(k) as u64).collect(),
        finished: (0..48).map(|k| wave(k + 1) as u64).collect(),
        errors: (0..48).map(|k| u64::from(k % 17 == 3)).collect(),
        in_flight: (0..48).map(|k| if k < 24 { 1.0 } else { 7.6 }).collect(),
        ttft_p50: (0..48).map(|k| (k % 9 != 4).then(|| 150.0 + wave(k))).collect(),
        segments: vec![(0, 0.0, 12.0), (5, 12.0, 24.0)],
    }
}

fn slos(cells: &[Cell]) -> Vec<SloResult> {
    let result = |slo: &str, cell_index: usize, verdict, value, bound, why: &str| SloResult {
        slo: slo.into(),
        cell: cells[cell_index].key.clone(),
        cell_index,
        verdict,
        value,
        bound,
        exceeding: None,
        needed_n: (verdict == SloVerdict::Inconclusive).then_some(299),
        why: why.into(),
    };
    let ttft = cells[0].metrics[&Metric::Ttft].p95;
    vec![
        result("p95(ttft) <= 400ms", 0, SloVerdict::Met, ttft, 400.0, "1 of 96 trials took longer than 400 ms."),
        result(
            "p95(ttft) <= 400ms",
            15,
            SloVerdict::Missed,
            cells[15].metrics[&Metric::Ttft].p95,
            400.0,
            "90 of 96 trials took longer than 400 ms.",
        ),
        result(
            "p99(e2e) <= 8s",
            0,
            SloVerdict::Inconclusive,
            Estimate::needs(96, 368),
            8000.0,
            "96 trials cannot show a 99th percentile.",
        ),
    ]
}

/// A run of the simulator.
pub(crate) fn summary() -> Summary {
    let cells = cells();
    let trials = cells.iter().map(|c| c.n).sum();
    let finding = |tone, text: &str| Finding { tone, text: text.into(), cells: vec![0] };
    Summary {
        run: record(trials),
        simulated: true,
        recorded: false,
        instrument: Instrument {
            lag_ms: Some([0.02, 0.11, 0.4]),
            dispatch_ms: Some([0.03, 0.2, 0.9]),
            cpu: Some(0.31),
            ..Instrument::default()
        },
        unavailable: Vec::new(),
        slos: slos(&cells),
        warnings: vec![Warning {
            code: "few_trials",
            severity: Severity::Caution,
            cell: None,
            message: "96 trials per cell cannot show a 99th percentile.".into(),
            advice: "Raise repeats to 31, or ask for p95.".into(),
        }],
        efforts: efforts(&cells),
        comparisons: Vec::new(),
        refused: Vec::new(),
        choice: None,
        fronts: Vec::new(),
        stopping: None,
        under_load: Vec::new(),
        load_curves: curves(&cells),
        timeline: timeline(),
        failures: vec![FailureClass {
            cell: cells[15].key.clone(),
            outcome: Outcome::RateLimited,
            detail: "429".into(),
            status: Some(429),
            message: "slow down".into(),
            count: 3,
            example: TrialId(17),
        }],
        samples: Vec::new(),
        findings: vec![
            finding(
                Tone::Good,
                "On this suite seed-2.0-mini at low passes 81 % (72 to 88) at 0.00009 USD per pass; high gains 12 points for 3.4 times the cost.",
            ),
            finding(Tone::Unsure, "At 8 in flight, TTFT doubles; 12 cases cannot show whether answers get worse."),
        ],
        exit: Exit { code: 1, reasons: vec![(1, "1 objective missed".into())] },
        cells,
    }
}

/// Rows of that run; every fifth answer is hostile.
pub(crate) fn rows(summary: &Summary) -> Vec<Row> {
    let mut stream = Stream::new(7, "rows");
    let mut rows = Vec::new();
    for (cell_index, cell) in summary.cells.iter().enumerate() {
        for n in 0..cell.n {
            rows.push(row(summary, cell_index, n, &mut stream));
        }
    }
    rows
}

fn row(summary: &Summary, cell_index: usize, n: u64, stream: &mut Stream) -> Row {
    let cell = &summary.cells[cell_index];
    let (ttft, gap) = (150.0 + 100.0 * stream.uniform(), 6.0 + 4.0 * stream.uniform());
    let pass = stream.uniform() < 0.85;
    let trial = cell_index as u64 * cell.n + n;
    let nasty = CORPUS[trial as usize % CORPUS.len()];
    let answer = match (trial % 5, pass) {
        (4, _) => format!("The answer: {nasty}"),
        (_, true) => "Let me see. Six times seven makes forty-two, so the answer is 42.".to_owned(),
        (_, false) => "Let me see. Six times seven makes forty-three, hence I answer 43.".to_owned(),
    };
    let events = (0..40)
        .map(|k| (ttft + gap * f64::from(k), if k < 12 { Channel::Reasoning } else { Channel::Text }, 4))
        .collect();
    let word = if pass { "pass" } else { "fail" };
    Row {
        trial,
        attempt: 1,
        is_last: true,
        cell: cell.key.clone(),
        cell_index: Some(cell_index),
        model: cell.key.target.to_string(),
        provider: "sim".into(),
        case: format!("case-{:02}", n % CASES as u64).into(),
        repeat: (n / CASES as u64) as u32,
        outcome: Outcome::Ok,
        http_status: Some(200),
        finish_reason: Some("stop".into()),
        response_model: Some(nasty.into()),
        queue_ms: Some(0.2),
        ttfb_ms: Some(ttft - 20.0),
        ttft_ms: Some(ttft),
        ttfa_ms: Some(ttft + 12.0 * gap),
        e2e_ms: Some(ttft + 39.0 * gap),
        tpot_ms: Some(gap),
        itl_max_ms: Some(gap),
        input_tokens: Some(120),
        cached_tokens: Some(0),
        reasoning_tokens: Some(12),
        output_tokens: Some(40),
        output_tps: Some(1000.0 / gap),
        cost_usd: Some(0.000_028),
        cost_basis: Basis::Computed,
        pass: Some(pass),
        score: Some(if pass { 1.0 } else { 0.0 }),
        verdicts: vec![VerdictLine {
            grader: "final".into(),
            verdict: word,
            value: Some(if pass { 1.0 } else { 0.0 }),
            why: format!("found `{nasty}`, wanted `42`"),
            version: "1".into(),
        }],
        answer,
        reasoning: "Six times seven.".into(),
        message: String::new(),
        detail: String::new(),
        expect: Some("42".into()),
        warnings: Vec::new(),
        events,
    }
}
