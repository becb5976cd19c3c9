//! Between rooms that do not know each other: a suite's plan to a manifest, a manifest to tables for `analyze`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use super::early;
use super::exit::Failure;
use crate::analyze;
use crate::analyze::Run;
use crate::analyze::compare::By;
use crate::analyze::compare::Options;
use crate::analyze::compare::Terms;
use crate::analyze::judges::Labelled;
use crate::analyze::reduce::Reducer;
use crate::analyze::slo_expr::parse_slo;
use crate::analyze::trial::bounded;
use crate::domain::JsonText;
use crate::domain::Offset;
use crate::domain::Phase;
use crate::domain::Usd;
use crate::load::Plan;
use crate::load::Shape;
use crate::load::Stop;
use crate::provider::Auth;
use crate::provider::Endpoint;
use crate::store::Manifest;
use crate::store::manifest;
use crate::store::manifest::PriceInfo;
use crate::store::manifest::ProbeInfo;
use crate::suite::Suite;

/// Bytes of an expectation that a manifest keeps at most.
const LONGEST_EXPECT: usize = 4_000;

/// What a manifest says besides the suite and its plan.
pub struct Circumstances {
    /// Run id.
    pub run: String,
    /// Path of the suite as typed.
    pub path: String,
    /// Command line.
    pub command: Vec<String>,
    /// Facts about the machine.
    pub host: BTreeMap<String, String>,
    /// Both clocks at the run's zero.
    pub started: manifest::Anchor,
}

/// The manifest of a run that is about to start.
pub fn manifest(suite: &Suite, plan: &Plan, endpoints: &[Arc<Endpoint>], about: Circumstances) -> Manifest {
    let mut versions = BTreeMap::new();
    versions.insert("llmark".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let usd = plan.budget.usd.map(|usd| usd.to_string());
    let minutes = plan.budget.time.map(|time| time.as_secs_f64() / 60.0);
    Manifest {
        schema: manifest::SCHEMA,
        run: about.run,
        suite: manifest::SuiteInfo {
            name: suite.name.clone(),
            description: suite.description.clone(),
            path: about.path,
            copy: suite.file.clone(),
        },
        plan_hash: plan.hash.clone(),
        seed: plan.seed,
        command: about.command,
        versions,
        host: about.host,
        started: about.started,
        simulated: endpoints.iter().any(|endpoint| endpoint.simulated),
        targets: endpoints.iter().map(|endpoint| target(endpoint)).collect(),
        cells: cells(plan),
        cases: cases(plan),
        graders: graders(suite, plan),
        slos: suite.slos.iter().map(|slo| slo.text.clone()).collect(),
        plan: manifest::PlanInfo {
            trials: plan.n_trials(Phase::Measure),
            warmup: plan.n_trials(Phase::Warmup),
            repeats: suite.repeats,
            max_attempts: plan.max_attempts,
            salt: plan.salt,
            worst_usd: None,
        },
        params: Value::Object(plan.params.clone()),
        compare: json!({
            "gate": suite.compare.gate, "margin": suite.compare.margin, "slices": suite.compare.slices,
            "baseline": suite.baseline.as_deref(),
        }),
        budget: manifest::BudgetInfo { usd, minutes },
        preflight: Vec::new(),
        builds_on: Vec::new(),
        extra: [("reduce", reduce(suite)), ("stop_when", early::stored(suite, plan))]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    }
}

/// Names of the suite's reducers; nothing where it has none.
fn reduce(suite: &Suite) -> Option<Value> {
    let names: Vec<String> = suite.reducers.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| names.into())
}

fn target(endpoint: &Endpoint) -> manifest::TargetInfo {
    let mut base_url = endpoint.base_url.clone();
    let _ = base_url.set_username("");
    let _ = base_url.set_password(None);
    base_url.set_query(None);
    manifest::TargetInfo {
        id: endpoint.id.to_string(),
        provider: endpoint.provider.to_string(),
        model: endpoint.model.clone(),
        protocol: endpoint.dialect.name().to_owned(),
        base_url: base_url.to_string(),
        key_env: endpoint.key_env.first().cloned(),
        auth: match &endpoint.auth {
            Auth::None => "none".to_owned(),
            Auth::Bearer => "bearer".to_owned(),
            Auth::XApiKey => "x-api-key".to_owned(),
            Auth::Body(name) => format!("body:{name}"),
            Auth::Header(name) => format!("header:{name}"),
        },
        price: endpoint.price.as_deref().map(PriceInfo::from),
        claims: endpoint.claims.iter().map(|claim| PriceInfo::from(&**claim)).collect(),
        modes: endpoint.modes.iter().map(|mode| (mode.name.to_string(), mode.patch.value())).collect(),
        verified_modes: endpoint.modes.iter().filter(|m| m.verified).map(|m| m.name.to_string()).collect(),
        body: endpoint.body.value(),
        simulated: endpoint.simulated,
    }
}

fn cells(plan: &Plan) -> Vec<manifest::CellInfo> {
    let planned = |at: usize| {
        let own = plan.segments.iter().filter(|s| s.cell.0 as usize == at && s.phase == Phase::Measure);
        own.map(|segment| plan.trials_of(segment)).sum()
    };
    let info = |(at, cell): (usize, &crate::load::Cell)| {
        let load = &cell.load;
        let rate = match load.shape {
            Shape::Closed { concurrency } => f64::from(concurrency),
            Shape::Open { rate, to, .. } => f64::midpoint(rate, to),
            Shape::Replay { ref arrivals, .. } => {
                let span = arrivals.last().map_or(0.0, |last| last.at.as_secs_f64());
                arrivals.len() as f64 / span.max(1e-9)
            }
        };
        manifest::CellInfo {
            target: cell.target.to_string(),
            mode: cell.mode.to_string(),
            prompt: cell.prompt.to_string(),
            load: load.id.to_string(),
            load_spec: json!({
                "level": rate,
                "salted": load.salt.or(plan.salt).unwrap_or(load.is_timed()),
                "warm": load.warm,
                "stop": format!("{:?}", load.stop),
            }),
            timed: load.is_timed(),
            open_loop: !matches!(load.shape, Shape::Closed { .. }),
            trials: if matches!(load.stop, Stop::Cases | Stop::Requests(_)) { planned(at) } else { 0 },
        }
    };
    plan.cells.iter().enumerate().map(info).collect()
}

fn cases(plan: &Plan) -> Vec<manifest::CaseInfo> {
    let info = |(at, case): (usize, &Arc<crate::domain::Case>)| manifest::CaseInfo {
        id: case.id.to_string(),
        tags: case.tags.iter().map(ToString::to_string).collect(),
        cluster: case.cluster.as_ref().map(ToString::to_string),
        expect_hash: case.expect.as_ref().map(|expect| hash(expect.json().as_str())),
        expect: case.expect.as_ref().map(|expect| bounded(expect.text(), LONGEST_EXPECT).to_owned()),
        prompt_hash: plan
            .conversations
            .iter()
            .map(|(prompt, all)| (prompt.to_string(), hash(&format!("{:?}", all[at]))))
            .collect(),
        canary: case.canary,
    };
    plan.cases.iter().enumerate().map(info).collect()
}

fn graders(suite: &Suite, plan: &Plan) -> Vec<manifest::GraderInfo> {
    let info = |grader: &crate::grade::Compiled| manifest::GraderInfo {
        id: grader.id.to_string(),
        kind: kind(&grader.version).to_owned(),
        version: grader.version.clone(),
        weight: grader.weight,
        cases: plan.graders.iter().filter(|ids| ids.contains(&grader.id)).count() as u64,
        judges: judges_of(grader),
    };
    suite.graders.iter().map(info).collect()
}

/// Targets that judge for a grader.
pub fn judges_of(grader: &crate::grade::Compiled) -> Vec<String> {
    let asked = grader.judges().into_iter().flat_map(crate::grade::Compiled::asks);
    asked.map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The kind of a grader, which its version begins with.
pub fn kind(version: &str) -> &str {
    version.split([':', '@', ' ', '/']).next().unwrap_or_default()
}

/// Sixteen hexadecimal digits of a text's SHA-256.
pub fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The tables that `analyze` needs, from a run folder's manifest.
///
/// # Errors
/// An objective or a price of the manifest that this version cannot read.
pub fn run(manifest: &Manifest) -> Result<Run, Failure> {
    let slos = manifest.slos.iter().map(|text| parse_slo(text));
    let slos = slos.collect::<Result<Vec<_>, _>>().map_err(|e| Failure::store(format!("an objective: {e:?}")))?;
    let targets = manifest.targets.iter().map(analyzed_target).collect::<Result<Vec<_>, _>>();
    Ok(Run {
        meta: meta(manifest),
        targets: targets.map_err(Failure::store)?,
        cells: manifest.cells.iter().map(analyzed_cell).collect(),
        cases: manifest.cases.iter().map(analyzed_case).collect(),
        graders: manifest.graders.iter().map(analyzed_grader).collect(),
        slos,
        simulated: manifest.simulated,
        recorded: manifest.extra.contains_key("responses"),
        reducers: reducers(manifest),
        replayed: manifest.extra.get("replayed").map(|how| how["speed"].as_str().unwrap_or("recorded").to_owned()),
        calibration: calibration(manifest),
        preflight: manifest.preflight.iter().map(ProbeInfo::probe).collect::<Result<_, _>>().map_err(Failure::store)?,
        labelled: labelled(manifest),
        policy: policy(manifest),
        terms: terms(manifest),
        early: early::rule(manifest),
    })
}

/// How the suite wants arms compared. A baseline that is no selection names a stored run.
fn terms(manifest: &Manifest) -> Terms {
    let settings = &manifest.compare;
    let texts = |key: &str| -> Vec<String> {
        let items = settings[key].as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let mut options = Options { seed: manifest.seed, ..Options::default() };
    options.by = texts("slices").iter().filter_map(|name| By::named(name)).collect();
    options.gate = texts("gate");
    if let Some(margin) = settings["margin"].as_f64() {
        options.margins.points = margin;
    }
    let baseline = settings["baseline"].as_str().filter(|text| text.contains('=')).and_then(|text| text.parse().ok());
    // A run that is held against a stored one is gated by that; its own arms are then information.
    let gates = !options.gate.is_empty() && manifest.builds_on.is_empty();
    Terms { options, baseline, gates }
}

/// What the suite wants repeats to be reduced to.
fn reducers(manifest: &Manifest) -> Vec<Reducer> {
    let stored = manifest.extra.get("reduce").and_then(Value::as_array);
    stored.into_iter().flatten().filter_map(|name| Reducer::named(name.as_str()?)).collect()
}

/// What the run measured of its own instrument before it began.
fn calibration(manifest: &Manifest) -> Option<analyze::run::Calibration> {
    let stored = manifest.extra.get("calibration")?;
    let three = |name: &str| {
        let list: Vec<f64> = stored[name].as_array()?.iter().filter_map(Value::as_f64).collect();
        list.try_into().ok()
    };
    Some(analyze::run::Calibration {
        ttft_error_ms: three("ttft_error_ms")?,
        itl_error_ms: three("itl_error_ms")?,
        rate_error: stored["rate_error"].as_f64()?,
        medians: ["ttft", "itl", "rate"].map(|name| {
            let list = stored["medians"][name].as_array()?;
            Some([list.first()?.as_f64()?, list.get(1)?.as_f64()?])
        }),
        n: stored["n"].as_u64()?,
    })
}

/// A suite that looks for refusals counts them by its grader's verdict, not as wrong.
fn policy(manifest: &Manifest) -> analyze::run::Policy {
    let expects_refusals = manifest.graders.iter().any(|grader| grader.kind == "refusal");
    let refused = if expects_refusals { analyze::run::Counts::Missing } else { analyze::run::Counts::Wrong };
    analyze::run::Policy { refused, ..analyze::run::Policy::default() }
}

fn meta(manifest: &Manifest) -> analyze::run::Meta {
    let seconds = (manifest.started.unix_ns / 1_000_000_000) as i64;
    let started = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    analyze::run::Meta {
        id: manifest.run.clone(),
        suite: manifest.suite.name.clone(),
        description: manifest.suite.description.clone(),
        suite_hash: manifest.plan_hash.clone(),
        seed: manifest.seed,
        version: manifest.versions.get("llmark").cloned().unwrap_or_default(),
        started: started.to_string(),
        ended: String::new(),
        host: manifest.host.values().cloned().collect::<Vec<_>>().join(", "),
        command: manifest.command.join(" "),
        planned: manifest.plan.trials,
        budget: manifest.budget.usd.as_ref().and_then(|usd| usd.parse::<Usd>().ok()),
        facts: facts(manifest),
    }
}

/// Settings that a reader needs to judge figures, or to repeat the run.
fn facts(manifest: &Manifest) -> Vec<(String, String)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let plan = &manifest.plan;
    let mut facts = Vec::new();
    if manifest.params.as_object().is_some_and(|params| !params.is_empty()) {
        facts.push(fact("parameters", manifest.params.to_string()));
    }
    facts.push(fact("repeats", plan.repeats.to_string()));
    facts.push(fact("attempts per trial", format!("{} at most", plan.max_attempts)));
    let budget = [
        manifest.budget.usd.as_ref().map(|usd| format!("{usd} USD")),
        manifest.budget.minutes.map(|minutes| format!("{minutes} minutes")),
    ];
    if budget.iter().any(Option::is_some) {
        facts.push(fact("budget", budget.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    }
    let endpoints = manifest.targets.iter().filter(|target| !target.simulated && !target.base_url.is_empty());
    facts.extend(endpoints.map(|target| fact(&format!("endpoint of {}", target.id), target.base_url.clone())));
    facts
}

/// When the run ended by the wall clock, RFC 3339: its zero plus the time of the last event.
pub fn ended(manifest: &Manifest, last: Offset) -> String {
    let ns = (manifest.started.unix_ns + last.0).saturating_sub(manifest.started.offset_ns);
    jiff::Timestamp::from_second((ns / 1_000_000_000) as i64).unwrap_or_default().to_string()
}

fn analyzed_target(target: &manifest::TargetInfo) -> Result<analyze::run::TargetInfo, String> {
    let mode = |(name, patch): (&String, &Value)| analyze::run::ModeInfo {
        name: name.as_str().into(),
        verified: target.verified_modes.contains(name),
        reasons: reasons(name, patch),
        patch: Some(JsonText::new(patch)),
    };
    Ok(analyze::run::TargetInfo {
        id: target.id.as_str().into(),
        model: target.model.clone(),
        provider: target.provider.as_str().into(),
        protocol: target.protocol.clone(),
        simulated: target.simulated,
        price: target.price.as_ref().map(PriceInfo::price).transpose()?.map(Arc::new),
        claims: target.claims.iter().map(|claim| claim.price().map(Arc::new)).collect::<Result<_, _>>()?,
        modes: target.modes.iter().map(mode).collect(),
    })
}

/// Whether a mode is known to switch reasoning off; nothing else can be told from its patch.
fn reasons(name: &str, patch: &Value) -> Option<bool> {
    let disabled = patch["thinking"]["type"] == "disabled"
        || patch["enable_thinking"] == false
        || patch["reasoning_effort"] == "none"
        || patch["reasoning"]["enabled"] == false;
    match name {
        _ if disabled => Some(false),
        "high" if patch.as_object().is_some_and(|p| !p.is_empty()) => Some(true),
        _ => None,
    }
}

fn analyzed_cell(cell: &manifest::CellInfo) -> analyze::run::CellInfo {
    let level = cell.load_spec["level"].as_f64().unwrap_or(1.0);
    analyze::run::CellInfo {
        target: cell.target.as_str().into(),
        mode: cell.mode.as_str().into(),
        prompt: cell.prompt.as_str().into(),
        load: cell.load.as_str().into(),
        arrivals: if cell.open_loop {
            analyze::run::Arrivals::Open(level)
        } else {
            analyze::run::Arrivals::Closed(level as u32)
        },
        timed: cell.timed,
        salted: cell.load_spec["salted"].as_bool().unwrap_or(cell.timed),
        planned: cell.trials,
    }
}

fn analyzed_case(case: &manifest::CaseInfo) -> analyze::run::CaseInfo {
    // What is expected makes a case the same; a changed prompt is what many comparisons are about.
    let content = format!("{:?}", case.expect_hash);
    analyze::run::CaseInfo {
        id: case.id.as_str().into(),
        tags: case.tags.iter().map(|tag| tag.as_str().into()).collect(),
        cluster: case.cluster.as_deref().map(Into::into),
        hash: u64::from_str_radix(&hash(&content), 16).unwrap_or(0),
        canary: case.canary,
        expect: case.expect.clone(),
    }
}

fn analyzed_grader(grader: &manifest::GraderInfo) -> analyze::run::GraderInfo {
    analyze::run::GraderInfo {
        id: grader.id.as_str().into(),
        kind: grader.kind.clone(),
        weight: grader.weight,
        version: grader.version.clone(),
        judges: grader.judges.iter().map(|target| target.as_str().into()).collect(),
    }
}

/// Verdicts of judges on labelled answers, as the run keeps them.
fn labelled(manifest: &Manifest) -> Vec<Labelled> {
    let one = |line: &Value| {
        Some(Labelled {
            grader: line["grader"].as_str()?.into(),
            judged: line["judged"].as_f64(),
            human: line["human"].as_f64()?,
        })
    };
    manifest.extra.get(LABELLED).and_then(Value::as_array).into_iter().flatten().filter_map(one).collect()
}

/// Where a manifest keeps verdicts of judges on answers that people labelled.
pub const LABELLED: &str = "labelled";
