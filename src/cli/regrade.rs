//! `regrade` and `recost`: a stored run under changed graders or changed prices. Only judges are asked anything.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::args::RecostArgs;
use super::args::RegradeArgs;
use super::args::Selection;
use super::exit::Exit;
use super::exit::Failure;
use super::grade::judged;
use super::judge_check;
use super::load;
use super::reach::Reach;
use super::reach::ReachArgs;
use super::resume::stored_suite;
use super::run::conclude;
use super::session;
use super::session::Left;
use super::session::Session;
use super::session::Simulators;
use super::terminal;
use crate::domain::Asker;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::Usd;
use crate::engine::Assignment;
use crate::engine::clock::Anchor;
use crate::engine::clock::RunClock;
use crate::engine::setup::Bound;
use crate::grade::Grader as _;
use crate::load::Plan;
use crate::provider::Catalog;
use crate::store::Progress;
use crate::store::Record;
use crate::store::RunFolder;
use crate::store::Writer;
use crate::store::manifest;
use crate::store::manifest::PriceInfo;
use crate::suite::Suite;

/// Applies the suite's graders to every stored answer whose verdict is of another version. The log keeps both.
///
/// A judge is asked again where its grader changed, or everywhere with `--ask-judges`.
///
/// # Errors
/// Not a run folder, another process writes it, the suite cannot be read, or a judge's key is missing.
pub fn regrade(args: &RegradeArgs) -> Result<Exit, Failure> {
    let folder = RunFolder::open_to_write(&args.run)?;
    let catalog = load::catalog(None)?;
    let suite = match &args.suite {
        Some(path) => load::suite(path, &catalog)?,
        None => stored_suite(&folder, &catalog)?,
    };
    let due = due(&folder, &suite, args)?;
    let n = due.verdicts.len() + due.questions.len();
    let status = if due.questions.is_empty() {
        record(&folder, &catalog, due.verdicts).map(|()| Exit::Ok)
    } else {
        ask(&folder, &suite, &catalog, due, args)
    }?;
    let s = if n == 1 { "" } else { "s" };
    terminal::note(&format!("{n} new verdict{s}; the earlier ones stay in the log"));
    let mut manifest = folder.manifest().clone();
    manifest.graders = suite.graders.iter().map(grader_info).collect();
    manifest.slos = suite.slos.iter().map(|slo| slo.text.clone()).collect();
    let folder = rewritten(folder, &manifest)?;
    conclude(&folder, status, args.json)
}

/// Adds events to the log.
fn record(folder: &RunFolder, catalog: &Catalog, events: Vec<Event>) -> Result<(), Failure> {
    let clock = later(folder)?;
    let writer = Writer::start(folder, Arc::new(clock), session::redactor(catalog), session::anchor(clock))?;
    events.into_iter().try_for_each(|event| writer.append(event))?;
    Ok(writer.close(session::anchor(clock))?)
}

/// A clock that goes on where the log ends.
fn later(folder: &RunFolder) -> Result<RunClock, Failure> {
    let progress = Progress::of(folder.read()?)?;
    Ok(RunClock::resume(progress.resume_at(Anchor::take(&RunClock::start()).wall)))
}

/// Asks the judges through the engine, within the budget that is left, and records all verdicts.
fn ask(folder: &RunFolder, suite: &Suite, catalog: &Catalog, due: Due, args: &RegradeArgs) -> Result<Exit, Failure> {
    let selection = Selection { budget_usd: args.budget_usd.clone(), ..Selection::default() };
    let plan = Plan { segments: Vec::new(), ..load::plan(suite, &selection)? };
    let mut endpoints = judge_check::judges(suite);
    let suite_folder = Path::new(&folder.manifest().suite.path).parent().unwrap_or(Path::new(".")).to_owned();
    let simulators = Simulators::start(&mut endpoints, &suite_folder)?;
    let progress = Progress::of(folder.read()?)?;
    let ended = progress.status();
    // A budget given here is for the judges alone; the suite's own holds for the run and what follows it.
    let spent = if args.budget_usd.is_some() { Usd::ZERO } else { progress.spent() };
    let keys = session::find_keys(&endpoints, catalog, args.allow_http)?;
    let reach = Reach::new(&ReachArgs::default(), &keys.redactor)?;
    let session = Session {
        suite,
        plan: Arc::new(plan),
        endpoints: &endpoints,
        keys,
        folder,
        clock: later(folder)?,
        left: Left { doubts: due.verdicts, spent, ..Left::default() },
        progress: false,
        recorded: due.questions,
        watch: None,
        allow_code: args.allow_code,
        answers: None,
        reach,
    };
    let status = session.run()?;
    simulators.stop();
    // How the run itself ended stays the last word: an interrupted one can still be resumed.
    record(folder, catalog, ended.map(Event::Ended).into_iter().collect())?;
    Ok(session::exit_of(status))
}

fn grader_info(grader: &crate::grade::Compiled) -> manifest::GraderInfo {
    manifest::GraderInfo {
        id: grader.id.to_string(),
        kind: super::convert::kind(&grader.version).to_owned(),
        version: grader.version.clone(),
        weight: grader.weight,
        cases: 0,
    }
}

fn rewritten(folder: RunFolder, manifest: &manifest::Manifest) -> Result<RunFolder, Failure> {
    let bytes = serde_json::to_vec_pretty(manifest).map_err(Failure::store)?;
    folder.write("manifest.json", &bytes)?;
    let path = folder.path().to_owned();
    drop(folder);
    Ok(RunFolder::open(&path)?)
}

/// What there is to do.
#[derive(Default)]
struct Due {
    /// Verdicts that need no model.
    verdicts: Vec<Event>,
    /// What models are asked.
    questions: Vec<Assignment>,
}

fn due(folder: &RunFolder, suite: &Suite, args: &RegradeArgs) -> Result<Due, Failure> {
    let programs = session::programs(args.allow_code);
    let by_id: BTreeMap<&str, usize> = suite.cases.iter().enumerate().map(|(at, c)| (c.id.as_str(), at)).collect();
    let names: Vec<Option<usize>> =
        folder.manifest().cases.iter().map(|case| by_id.get(case.id.as_str()).copied()).collect();
    let mut known: BTreeMap<(u64, String), String> = BTreeMap::new();
    let mut answers: BTreeMap<u64, Box<Observation>> = BTreeMap::new();
    for stored in folder.read()? {
        match stored?.record {
            Record::Event(Event::Graded { trial, grader, version, .. }) => {
                known.insert((trial.0, grader.to_string()), version);
            }
            Record::Event(Event::Observed(seen)) if is_graded(&seen) => {
                answers.insert(seen.attempt.trial.0, seen);
            }
            _ => {}
        }
    }
    let mut due = Due::default();
    for (trial, seen) in answers {
        let Some(at) = names.get(seen.attempt.case as usize).copied().flatten() else { continue };
        let (case, answer) = (&suite.cases[at], Arc::new(seen.answer()));
        for grader in suite.applied[at].iter().map(|at| &suite.graders[*at]) {
            let fresh = known.get(&(trial, grader.id.to_string())) == Some(&grader.version);
            let asks = !grader.asks().is_empty();
            if fresh && !(asks && args.ask_judges) {
                continue;
            }
            let (attempt, id, version) = (seen.attempt.clone(), grader.id.clone(), grader.version.clone());
            if asks {
                let bound = Bound { grader: Arc::new(grader.clone()), version };
                let (case, answer) = (Arc::clone(case), Arc::clone(&answer));
                due.questions.push(Assignment { attempt, grader: id, bound, case, answer });
            } else {
                let verdict = judged(grader.grade(case, &answer), &programs);
                due.verdicts.push(Event::Graded { trial: attempt.trial, grader: id, version, verdict });
            }
        }
    }
    Ok(due)
}

fn is_graded(seen: &Observation) -> bool {
    let attempt = &seen.attempt;
    let unbegun = seen.outcome == Outcome::Length && seen.reply.text.is_empty();
    attempt.is_last
        && attempt.asker == Asker::Subject
        && attempt.phase == Phase::Measure
        && !seen.outcome.is_infra()
        && !unbegun
}

/// Applies other prices to the tokens of a stored run. What a provider billed stays as billed.
///
/// # Errors
/// Not a run folder, or a price file that cannot be read.
pub fn recost(args: &RecostArgs) -> Result<Exit, Failure> {
    let folder = RunFolder::open_to_write(&args.run)?;
    let catalog = load::catalog(args.prices.as_deref())?;
    let mut suite = stored_suite(&folder, &catalog)?;
    session::simulated_prices(&mut suite.targets, None);
    let mut manifest = folder.manifest().clone();
    let mut changed = 0;
    for target in &mut manifest.targets {
        let endpoint = suite.targets.iter().find(|endpoint| endpoint.id.as_str() == target.id);
        let price = endpoint.and_then(|endpoint| endpoint.price.as_deref()).map(PriceInfo::from);
        if price.is_some() && price != target.price {
            changed += 1;
            target.price = price;
        }
    }
    manifest.extra.insert("recosted".into(), true.into());
    terminal::note(&format!("prices of {} changed", crate::text::number::count(changed, "target")));
    let folder = rewritten(folder, &manifest)?;
    conclude(&folder, Exit::Ok, args.json)
}
