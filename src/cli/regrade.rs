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
use super::session::Keys;
use super::session::Left;
use super::session::Session;
use super::session::Simulators;
use super::terminal;
use crate::domain::Asker;
use crate::domain::Case;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::RunStatus;
use crate::domain::TargetId;
use crate::domain::Usd;
use crate::domain::Verdict;
use crate::engine::Assignment;
use crate::engine::clock::Anchor;
use crate::engine::clock::RunClock;
use crate::engine::setup::Bound;
use crate::grade::Compiled;
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
        let terms = Terms {
            budget_usd: args.budget_usd.clone(),
            allow_http: args.allow_http,
            allow_code: args.allow_code,
            reach: ReachArgs::default(),
        };
        ask(&folder, &suite, &catalog, due, &terms)
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

/// On which terms judges are asked.
pub(super) struct Terms {
    /// Dollars for the judges alone; `None` leaves them what the suite's budget leaves.
    pub(super) budget_usd: Option<String>,
    /// Keys may go over unencrypted http.
    pub(super) allow_http: bool,
    /// Programs may run model code.
    pub(super) allow_code: bool,
    /// The way to the judges.
    pub(super) reach: ReachArgs,
}

/// Asks what could not be asked before all answers were there: pairs of two targets' answers.
///
/// # Errors
/// The folder cannot be read or written, or a judge's key is missing.
pub(super) fn ask_pairs(
    folder: &RunFolder,
    status: RunStatus,
    suite: &Suite,
    catalog: &Catalog,
    terms: &Terms,
) -> Result<Exit, Failure> {
    let over = matches!(status, RunStatus::Complete | RunStatus::Decided | RunStatus::Aborted);
    if !over || suite.graders.iter().all(|grader| grader.rival().is_none()) {
        return Ok(Exit::Ok);
    }
    let pairs = Pairs::of(folder, suite)?;
    let mut due = Due::default();
    for (trial, seen) in &pairs.answers {
        let Some(at) = pairs.case_of(seen) else { continue };
        for grader in suite.applied[at].iter().map(|at| &suite.graders[*at]) {
            if grader.rival().is_some() && !pairs.is_fresh(*trial, grader) {
                pairs.ask(suite, at, seen, grader, &mut due);
            }
        }
    }
    if due.questions.is_empty() {
        return record(folder, catalog, due.verdicts).map(|()| Exit::Ok);
    }
    ask(folder, suite, catalog, due, terms)
}

/// Asks the judges through the engine, within the budget that is left, and records all verdicts.
fn ask(folder: &RunFolder, suite: &Suite, catalog: &Catalog, due: Due, terms: &Terms) -> Result<Exit, Failure> {
    let selection = Selection { budget_usd: terms.budget_usd.clone(), ..Selection::default() };
    let plan = Plan { segments: Vec::new(), ..load::plan(suite, &selection)? };
    let mut endpoints = judge_check::judges(suite);
    let suite_folder = Path::new(&folder.manifest().suite.path).parent().unwrap_or(Path::new(".")).to_owned();
    let replayed = terms.reach.replay.is_some();
    let simulate = if replayed { Simulators::absent } else { Simulators::start };
    let simulators = simulate(&mut endpoints, &suite_folder)?;
    let progress = Progress::of(folder.read()?)?;
    let ended = progress.status();
    // A budget given here is for the judges alone; the suite's own holds for the run and what follows it.
    let spent = if terms.budget_usd.is_some() { Usd::ZERO } else { progress.spent() };
    let keys = if replayed {
        Keys { by_target: BTreeMap::new(), redactor: session::redactor(catalog) }
    } else {
        session::find_keys(&endpoints, catalog, terms.allow_http)?
    };
    let reach = Reach::new(&terms.reach, &keys.redactor)?;
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
        allow_code: terms.allow_code,
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
        judges: super::convert::judges_of(grader),
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
    let pairs = Pairs::of(folder, suite)?;
    let mut due = Due::default();
    for (trial, seen) in &pairs.answers {
        let Some(at) = pairs.case_of(seen) else { continue };
        let case = &suite.cases[at];
        for grader in suite.applied[at].iter().map(|at| &suite.graders[*at]) {
            let asks = !grader.asks().is_empty();
            if pairs.is_fresh(*trial, grader) && !(asks && args.ask_judges) {
                continue;
            }
            if grader.rival().is_some() {
                pairs.ask(suite, at, seen, grader, &mut due);
            } else if asks {
                due.questions.push(assignment(grader.clone(), grader, case, seen));
            } else {
                let verdict = judged(grader.grade(case, &seen.answer()), &programs);
                due.verdicts.push(graded(seen, grader, verdict));
            }
        }
    }
    Ok(due)
}

fn assignment(judge: Compiled, grader: &Compiled, case: &Arc<Case>, seen: &Observation) -> Assignment {
    let bound = Bound { version: grader.version.clone(), grader: Arc::new(judge) };
    let (attempt, grader, answer) = (seen.attempt.clone(), grader.id.clone(), Arc::new(seen.answer()));
    Assignment { attempt, grader, bound, case: Arc::clone(case), answer }
}

fn graded(seen: &Observation, grader: &Compiled, verdict: Verdict) -> Event {
    let (grader, version) = (grader.id.clone(), grader.version.clone());
    Event::Graded { trial: seen.attempt.trial, grader, version, verdict }
}

/// What makes answers of two targets a pair: mode, prompt and load, case and repeat.
type Place<'m> = (&'m str, &'m str, &'m str, u32, u32);

/// The stored answers that can be judged, with the verdicts that they have.
struct Pairs<'f> {
    manifest: &'f manifest::Manifest,
    /// Position in the suite of each of the run's cases.
    cases: Vec<Option<usize>>,
    known: BTreeMap<(u64, String), String>,
    answers: BTreeMap<u64, Box<Observation>>,
    places: BTreeMap<(&'f str, Place<'f>), u64>,
}

impl<'f> Pairs<'f> {
    fn of(folder: &'f RunFolder, suite: &Suite) -> Result<Self, Failure> {
        let by_id: BTreeMap<&str, usize> = suite.cases.iter().enumerate().map(|(at, c)| (c.id.as_str(), at)).collect();
        let manifest = folder.manifest();
        let cases = manifest.cases.iter().map(|case| by_id.get(case.id.as_str()).copied()).collect();
        let (known, answers, places) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut found = Self { manifest, cases, known, answers, places };
        for stored in folder.read()? {
            match stored?.record {
                Record::Event(Event::Graded { trial, grader, version, .. }) => {
                    found.known.insert((trial.0, grader.to_string()), version);
                }
                Record::Event(Event::Observed(seen)) if is_graded(&seen) => {
                    let trial = seen.attempt.trial.0;
                    found.places.extend(found.place(&seen).map(|place| (place, trial)));
                    found.answers.insert(trial, seen);
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn case_of(&self, seen: &Observation) -> Option<usize> {
        self.cases.get(seen.attempt.case as usize).copied().flatten()
    }

    fn is_fresh(&self, trial: u64, grader: &Compiled) -> bool {
        self.known.get(&(trial, grader.id.to_string())) == Some(&grader.version)
    }

    fn cell(&self, seen: &Observation) -> Option<&'f manifest::CellInfo> {
        self.manifest.cells.get(seen.attempt.cell.0 as usize)
    }

    /// The target of an answer, and its place.
    fn place(&self, seen: &Observation) -> Option<(&'f str, Place<'f>)> {
        let cell = self.cell(seen)?;
        Some((&cell.target, (&cell.mode, &cell.prompt, &cell.load, seen.attempt.case, seen.attempt.repeat)))
    }

    /// The question about an answer and its rival's, or the verdict that there is no such pair.
    fn ask(&self, suite: &Suite, at: usize, seen: &Observation, grader: &Compiled, due: &mut Due) {
        let (Some(rival), Some((target, place))) = (grader.rival().map(TargetId::as_str), self.place(seen)) else {
            return;
        };
        if target == rival {
            return;
        }
        let case = &suite.cases[at];
        let other = self.places.get(&(rival, place)).and_then(|trial| self.answers.get(trial));
        let text = other.ok_or_else(|| format!("`{rival}` has no answer to this case, repeat, mode, prompt and load"));
        let text = text.and_then(|other| {
            grader.text_of(case, &other.answer()).map_err(|why| format!("the answer of `{rival}`: {why}"))
        });
        match text.map(|text| grader.against(&text)) {
            Ok(Some(judge)) => due.questions.push(assignment(judge, grader, case, seen)),
            Ok(None) => {}
            Err(why) => due.verdicts.push(graded(seen, grader, Verdict::ungradable(why))),
        }
    }
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
