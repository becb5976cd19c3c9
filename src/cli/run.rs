//! `llmark run`: plan, run, read back, analyze, render.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::args::RunArgs;
use super::cache;
use super::compare;
use super::convert;
use super::convert::Circumstances;
use super::exit::Exit;
use super::exit::Failure;
use super::finish;
use super::judge_check;
use super::load;
use super::preflight;
use super::preflight::Who;
use super::reach::Reach;
use super::regrade;
use super::regrade::Terms;
use super::selftest;
use super::selftest::Drill;
use super::session;
use super::session::Keys;
use super::session::Left;
use super::session::Session;
use super::session::Simulators;
use super::terminal;
use super::watch::Watcher;
use crate::domain::RunStatus;
use crate::domain::Usd;
use crate::engine::clock::Anchor;
use crate::engine::clock::RunClock;
use crate::load::Plan;
use crate::provider::Catalog;
use crate::provider::Endpoint;
use crate::store::RunFolder;
use crate::store::manifest;
use crate::store::run_id;
use crate::suite::Suite;
use crate::text::Redactor;

/// Where a manifest keeps the hashes of simulators' profiles.
pub const PROFILES: &str = "simulator_profiles";
/// Every run measures its own instrument first: a fifth of a second that the report can quote.
const CALIBRATION: Drill = Drill { streams: 16, tokens: 10, gap: Duration::from_millis(5) };

/// Runs every suite; the worst exit counts.
///
/// # Errors
/// A suite that cannot be run at all.
pub fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let catalog = load::catalog(args.selection.prices.as_deref())?;
    let suites = args.suites.iter().map(|path| load::suite(path, &catalog)).collect::<Vec<_>>();
    let problems: Vec<String> = suites.iter().filter_map(|s| s.as_ref().err().map(|f| f.message.clone())).collect();
    if !problems.is_empty() {
        return Err(Failure::usage(problems.join("\n")));
    }
    if args.out.is_some() && args.suites.len() > 1 {
        return Err(Failure::usage("--out names one folder, but there are several suites"));
    }
    let mut exit = Exit::Ok;
    for (path, suite) in args.suites.iter().zip(suites.into_iter().flatten()) {
        exit = exit.worse(one(args, path, &suite, &catalog)?);
    }
    Ok(exit)
}

fn one(args: &RunArgs, path: &Path, suite: &Suite, catalog: &Catalog) -> Result<Exit, Failure> {
    let (folder, status) = send(args, path, suite, load::plan(suite, &args.selection)?, catalog)?;
    let terms =
        Terms { budget_usd: None, allow_http: args.allow_http, allow_code: args.allow_code, reach: args.reach.clone() };
    let judged = regrade::ask_pairs(&folder, status, suite, catalog, &terms)?;
    conclude(&folder, session::exit_of(status).worse(judged), args.json)
}

/// Runs a plan into a folder of its own.
///
/// # Errors
/// A suite that cannot be run, or a folder that cannot be written.
pub fn send(
    args: &RunArgs,
    path: &Path,
    suite: &Suite,
    plan: Plan,
    catalog: &Catalog,
) -> Result<(RunFolder, RunStatus), Failure> {
    let plan = Arc::new(plan);
    let mut endpoints = load::endpoints(suite, &plan);
    if suite.runs_code && !args.allow_code {
        return Err(Failure::usage(format!(
            "{}: a `code` grader runs what models write; if that is meant, add --allow-code",
            path.display()
        )));
    }
    let simulate = if args.reach.replay.is_some() { Simulators::absent } else { Simulators::start };
    let simulators = simulate(&mut endpoints, path.parent().unwrap_or(Path::new(".")))?;
    refuse_unknown_prices(&plan, &endpoints, args.allow_unknown_prices)?;
    let keys = match args.reach.replay {
        Some(_) => Keys { by_target: BTreeMap::new(), redactor: session::redactor(catalog) },
        None => session::find_keys(&endpoints, catalog, args.allow_http)?,
    };
    let reach = Reach::new(&args.reach, &keys.redactor)?;
    raise_descriptor_limit(&plan)?;
    let clock = RunClock::start();
    let baseline = compare::stored_baseline(args.baseline.as_deref().or(suite.baseline.as_deref()))?;
    // Recordings answer as they did, whatever a preflight or a cache would say.
    let never = args.no_preflight || reach.is_replayed();
    let who = Who::of(args.preflight && !never, never, suite.preflight);
    let probes = preflight::before_run(&plan, &endpoints, &keys, who, (clock, &reach.network))?;
    let profiles = simulators.profiles.clone();
    let place = Place { out: args.out.as_deref(), suite: path, baseline, reach: &reach, profiles };
    let mut folder = create_folder(&place, suite, &plan, &endpoints, clock, &keys.redactor)?;
    preflight::keep(&mut folder, &probes, &keys.redactor)?;
    let unavailable = preflight::unavailable(&plan, &probes);
    let certified = if reach.is_replayed() {
        Usd::ZERO
    } else {
        judge_check::certify(&mut folder, suite, path, catalog, &keys, args.allow_http)?
    };
    let answers = if reach.is_replayed() { None } else { cache::answers(&args.cache, suite, &folder, &keys.redactor)? };
    let session = Session {
        suite,
        plan: Arc::clone(&plan),
        endpoints: &endpoints,
        keys,
        folder: &folder,
        clock,
        left: Left { spent: preflight::spent(&probes) + certified, unavailable, ..Left::default() },
        progress: !args.quiet,
        recorded: Vec::new(),
        watch: Watcher::of(suite, &plan, convert::run(folder.manifest())?),
        allow_code: args.allow_code,
        answers,
        reach,
    };
    let status = session.run()?;
    simulators.stop();
    Ok((folder, status))
}

/// Reads the run back, writes its reports, prints the result.
///
/// # Errors
/// The folder cannot be read or written.
pub fn conclude(folder: &RunFolder, status: Exit, json: bool) -> Result<Exit, Failure> {
    let mut back = finish::read_back(folder)?;
    let completed = if status == Exit::Interrupted { Ok(()) } else { finish::complete(folder, &mut back) };
    finish::write_all(folder, &mut back)?;
    finish::print(folder.path(), &back.summary, json);
    if status == Exit::Interrupted {
        terminal::note(&format!("interrupted; go on with: llmark resume {}", folder.path().display()));
    }
    let exit = finish::exit(&back.summary, status);
    completed.map(|()| exit)
}

/// Where a run comes from and goes to.
pub struct Place<'a> {
    /// Its folder; below `reports` where not given.
    pub out: Option<&'a Path>,
    /// The suite as the user typed it.
    pub suite: &'a Path,
    /// The stored run that it is held against.
    pub baseline: Option<String>,
    /// The way to its answers.
    pub reach: &'a Reach,
    /// Hashes of the simulators' profiles by target.
    pub profiles: BTreeMap<String, String>,
}

/// Makes the run folder with its manifest and a copy of the suite.
///
/// # Errors
/// The folder exists as a run, or cannot be written.
pub fn create_folder(
    place: &Place<'_>,
    suite: &Suite,
    plan: &Plan,
    endpoints: &[Arc<Endpoint>],
    clock: RunClock,
    redactor: &Redactor,
) -> Result<RunFolder, Failure> {
    let about = circumstances(place.suite, suite, clock);
    let folder = place.out.map_or_else(|| PathBuf::from("reports").join(&about.run), Path::to_owned);
    let mut manifest = convert::manifest(suite, plan, endpoints, about);
    manifest.builds_on.extend(place.baseline.clone());
    if !place.profiles.is_empty() {
        manifest.extra.insert(PROFILES.into(), serde_json::json!(place.profiles));
    }
    manifest.extra.extend(place.reach.facts());
    // Recorded times say nothing about this machine, and a replay opens no connection.
    let errors = (!place.reach.is_replayed()).then(|| selftest::measure(CALIBRATION)).transpose()?;
    if let Some(found) = errors.as_ref().and_then(selftest::calibration) {
        let value = serde_json::json!({
            "ttft_error_ms": found.ttft_error_ms, "itl_error_ms": found.itl_error_ms, "rate_error": found.rate_error,
            "medians": {"ttft": found.medians[0], "itl": found.medians[1], "rate": found.medians[2]},
            "n": found.n,
        });
        manifest.extra.insert("calibration".into(), value);
    }
    let files: Vec<(String, Vec<u8>)> =
        suite.files.iter().map(|(name, bytes)| (name.clone(), bytes.to_vec())).collect();
    Ok(RunFolder::create(&folder, manifest, &files, redactor)?)
}

/// What a manifest says of this process, at the run's zero.
pub fn circumstances(path: &Path, suite: &Suite, clock: RunClock) -> Circumstances {
    let now = Anchor::take(&clock);
    let seconds = (now.wall / 1_000_000_000) as i64;
    let random = (now.wall / 1000) as u16 ^ std::process::id() as u16;
    Circumstances {
        run: run_id(seconds, &suite.name, random),
        path: path.display().to_string(),
        command: std::env::args().skip(1).collect(),
        host: host(),
        started: manifest::Anchor { offset_ns: now.at.0, unix_ns: now.wall },
    }
}

/// Facts about the machine that a reader of latencies needs; nothing that names its owner.
pub fn host() -> BTreeMap<String, String> {
    let uname = rustix::system::uname();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    [
        ("os", format!("{} {}", uname.sysname().to_string_lossy(), uname.machine().to_string_lossy())),
        ("kernel", uname.release().to_string_lossy().into_owned()),
        ("cpu", model.unwrap_or("unknown processor").to_owned()),
        ("cores", format!("{cores} cores")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A budget cannot be kept where nobody states a price.
///
/// # Errors
/// Names the targets without a price.
pub fn refuse_unknown_prices(plan: &Plan, endpoints: &[Arc<Endpoint>], allowed: bool) -> Result<(), Failure> {
    let unknown: Vec<&str> = endpoints.iter().filter(|e| e.price.is_none()).map(|e| e.id.as_str()).collect();
    if plan.budget.usd.is_none() || allowed || unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "a budget needs prices, and nobody states one for {}; give them a `price:`, or --allow-unknown-prices",
        unknown.join(", ")
    )))
}

/// Streams need descriptors: raises the soft limit, or says how many there are.
///
/// # Errors
/// The system allows too few.
pub fn raise_descriptor_limit(plan: &Plan) -> Result<(), Failure> {
    use rustix::process::Resource;
    let streams = plan.cells.iter().map(|cell| u64::from(cell.load.streams())).max().unwrap_or(0);
    // Simulated targets live in this process and hold the other end of each connection.
    let needed = streams * 2 + 256;
    let limit = rustix::process::getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= needed) {
        return Ok(());
    }
    let raised =
        rustix::process::Rlimit { current: limit.maximum.map(|max| max.min(needed)).or(Some(needed)), ..limit };
    let allowed = rustix::process::setrlimit(Resource::Nofile, raised).is_ok();
    if allowed && raised.current.is_some_and(|now| now >= needed) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{streams} streams need about {needed} file descriptors, but this system allows {}; raise it with `ulimit -n {needed}`",
        limit.maximum.unwrap_or(0)
    )))
}
