//! `llmark resume`: go on with an interrupted run, from its own copy of the suite.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::args::InDoubt;
use super::args::ResumeArgs;
use super::cache;
use super::convert;
use super::doubt;
use super::exit::Exit;
use super::exit::Failure;
use super::finish;
use super::load;
use super::preflight;
use super::preflight::Who;
use super::reach::Reach;
use super::regrade::Terms;
use super::regrade::ask_pairs;
use super::run::conclude;
use super::session;
use super::session::Keys;
use super::session::Left;
use super::session::Session;
use super::session::Simulators;
use super::terminal;
use super::watch::Watcher;
use crate::domain::CellId;
use crate::domain::Clock;
use crate::domain::Event;
use crate::domain::Offset;
use crate::domain::Phase;
use crate::domain::RunStatus;
use crate::domain::TargetId;
use crate::domain::Usd;
use crate::engine::clock::Anchor;
use crate::engine::clock::RunClock;
use crate::load::Plan;
use crate::load::Segment;
use crate::store::Progress;
use crate::store::RunFolder;
use crate::suite;
use crate::suite::Suite;

/// Resumes a run.
///
/// # Errors
/// Not a run folder, another process writes it, or its suite no longer gives the same plan.
pub fn resume(args: &ResumeArgs) -> Result<Exit, Failure> {
    let mut folder = RunFolder::open_to_write(&args.run)?;
    let catalog = load::catalog(None)?;
    let suite = stored_suite(&folder, &catalog)?;
    let plan = Arc::new(stored_plan(&folder, &suite)?);
    let progress = Progress::of(folder.read()?)?;
    let complete = matches!(progress.status(), Some(RunStatus::Complete | RunStatus::Decided | RunStatus::Aborted));
    if complete && progress.in_doubt().trials.is_empty() {
        terminal::note("the run is complete; nothing is sent");
        return conclude(&folder, Exit::Ok, args.json);
    }
    let clock = RunClock::resume(progress.resume_at(Anchor::take(&RunClock::start()).wall));
    let mut left = what_is_left(&plan, &progress, args.in_doubt, clock.now());
    let watch = watch(&folder, &suite, &plan, &mut left)?;
    let mut endpoints = load::endpoints(&suite, &plan);
    // Recordings go on as they began.
    let began = arguments_of(&folder).map(|args| args.reach).unwrap_or_default();
    let simulate = if began.replay.is_some() { Simulators::absent } else { Simulators::start };
    let simulators =
        simulate(&mut endpoints, Path::new(&folder.manifest().suite.path).parent().unwrap_or(Path::new(".")))?;
    let keys = match began.replay {
        Some(_) => Keys { by_target: BTreeMap::new(), redactor: session::redactor(&catalog) },
        None => session::find_keys(&endpoints, &catalog, args.allow_http)?,
    };
    let reach = Reach::new(&began, &keys.redactor)?;
    let earlier: Usd =
        folder.manifest().preflight.iter().filter_map(|p| p.cost_usd.as_deref()?.parse::<Usd>().ok()).sum();
    let who = if reach.is_replayed() { Who::Nobody } else { who(&folder, &suite) };
    let open: Vec<_> = endpoints.iter().filter(|e| has_work(&plan, &left, &e.id)).cloned().collect();
    let probes = preflight::before_run(&plan, &open, &keys, who, (clock, &reach.network))?;
    preflight::keep(&mut folder, &probes, &keys.redactor)?;
    left.spent = left.spent + earlier + preflight::spent(&probes);
    left.unavailable = preflight::unavailable(&plan, &probes);
    let answers =
        if reach.is_replayed() { None } else { cache::answers(&cache_of(&folder), &suite, &folder, &keys.redactor)? };
    let session = Session {
        suite: &suite,
        plan,
        endpoints: &endpoints,
        keys,
        folder: &folder,
        clock,
        left,
        progress: !args.quiet,
        recorded: Vec::new(),
        watch,
        allow_code: args.allow_code,
        answers,
        reach,
    };
    let status = session.run()?;
    simulators.stop();
    let terms = Terms { budget_usd: None, allow_http: args.allow_http, allow_code: args.allow_code, reach: began };
    let judged = ask_pairs(&folder, status, &suite, &catalog, &terms)?;
    conclude(&folder, session::exit_of(status).worse(judged), args.json)
}

/// The suite as the run folder keeps it.
///
/// # Errors
/// The copy is gone or no longer understood.
pub fn stored_suite(folder: &RunFolder, catalog: &crate::provider::Catalog) -> Result<Suite, Failure> {
    suite::load(&folder.suite(), catalog).map_err(Failure::usage)
}

/// The very plan that the run began with.
///
/// # Errors
/// The plan differs: another version of llmark or of the catalogue.
pub fn stored_plan(folder: &RunFolder, suite: &Suite) -> Result<Plan, Failure> {
    let selection = selection_of(folder);
    let plan = load::plan(suite, &selection)?;
    let manifest = folder.manifest();
    let same = plan.hash == manifest.plan_hash && plan.n_trials(Phase::Measure) == manifest.plan.trials;
    if same {
        return Ok(plan);
    }
    Err(Failure::usage(
        "the suite's copy no longer gives the same plan: another version of llmark or of its catalogue; start a new run",
    ))
}

/// The selection that the run was started with.
fn selection_of(folder: &RunFolder) -> super::args::Selection {
    arguments_of(folder).map(|args| args.selection).unwrap_or_default()
}

/// The response cache that the run was started with.
pub fn cache_of(folder: &RunFolder) -> super::args::CacheUse {
    arguments_of(folder).map(|args| args.cache).unwrap_or_default()
}

/// Some trial of the target is still to run; graders' helpers always have work.
fn has_work(plan: &Plan, left: &Left, target: &TargetId) -> bool {
    let is_ours = |cell: CellId| plan.cells[cell.0 as usize].target == *target;
    let mut own = plan.segments.iter().filter(|segment| is_ours(segment.cell)).peekable();
    let open =
        |segment: &Segment| (segment.first..segment.first + segment.trials).any(|trial| !left.done.contains(trial));
    own.peek().is_none() || own.any(open)
}

/// Whom the run asked before it began; the session that goes on asks them again.
fn who(folder: &RunFolder, suite: &Suite) -> Who {
    let (always, never) = arguments_of(folder).map_or((false, false), |args| (args.preflight, args.no_preflight));
    Who::of(always, never, suite.preflight)
}

/// The command line of the run, where it was a `run`.
fn arguments_of(folder: &RunFolder) -> Option<super::args::RunArgs> {
    use clap::Parser as _;
    let words = std::iter::once("llmark".to_owned()).chain(folder.manifest().command.iter().cloned());
    match super::args::Cli::try_parse_from(words).ok()?.command {
        super::args::Command::Run(args) => Some(args),
        _ => None,
    }
}

/// Early decisions as the earlier sessions left them; trials of cells that these ended are not to run.
fn watch(folder: &RunFolder, suite: &Suite, plan: &Arc<Plan>, left: &mut Left) -> Result<Option<Watcher>, Failure> {
    let Some(mut watcher) = Watcher::of(suite, plan, convert::run(folder.manifest())?) else { return Ok(None) };
    let mut ended = Vec::new();
    finish::each_event(folder, |event| ended.extend(watcher.restore(event)))?;
    for segment in plan.segments.iter().filter(|segment| ended.contains(&segment.cell)) {
        left.done.insert(segment.first..segment.first + segment.trials);
    }
    Ok(Some(watcher))
}

fn what_is_left(plan: &Plan, progress: &Progress, in_doubt: InDoubt, now: Offset) -> Left {
    let doubt = progress.in_doubt();
    let mut done = progress.finished().clone();
    if !doubt.trials.is_empty() {
        let cost = doubt.worst_cost.map_or("at a cost nobody knows".to_owned(), |usd| format!("at most {usd} USD"));
        let what = if in_doubt == InDoubt::Retry { "sent again" } else { "left alone" };
        terminal::warning(&format!(
            "{} trials may have been sent, and billed ({cost}), without an answer on record; they are {what}",
            doubt.trials.count()
        ));
    }
    let doubts = doubt::observations(plan, progress, in_doubt == InDoubt::Retry, now);
    let mut attempts: BTreeMap<u64, u16> = progress.attempts().clone();
    let mut spent = progress.spent();
    for event in &doubts {
        let Event::Observed(seen) = event else { continue };
        spent = spent + seen.cost.usd.unwrap_or_default();
        if seen.attempt.is_last {
            done.insert(seen.attempt.trial.0..seen.attempt.trial.0 + 1);
        } else {
            attempts.insert(seen.attempt.trial.0, seen.attempt.number);
        }
    }
    Left { done, attempts, spent, doubts, ..Left::default() }
}
