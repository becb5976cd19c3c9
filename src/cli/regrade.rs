//! `regrade` and `recost`: a stored run under changed graders or changed prices. No model is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::args::RecostArgs;
use super::args::RegradeArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::grade::judged;
use super::load;
use super::resume::stored_suite;
use super::run::conclude;
use super::session;
use super::terminal;
use crate::domain::Asker;
use crate::domain::Case;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::engine::clock::Anchor;
use crate::engine::clock::RunClock;
use crate::grade::Grader as _;
use crate::store::Progress;
use crate::store::Record;
use crate::store::RunFolder;
use crate::store::Writer;
use crate::store::manifest;
use crate::store::manifest::PriceInfo;
use crate::suite::Suite;

/// Applies the suite's graders to every stored answer whose verdict is of another version. The log keeps both.
///
/// # Errors
/// Not a run folder, another process writes it, or the suite cannot be read.
pub fn regrade(args: &RegradeArgs) -> Result<Exit, Failure> {
    let folder = RunFolder::open_to_write(&args.run)?;
    let catalog = load::catalog(None)?;
    let suite = match &args.suite {
        Some(path) => load::suite(path, &catalog)?,
        None => stored_suite(&folder, &catalog)?,
    };
    let verdicts = regraded(&folder, &suite, args.allow_code)?;
    let progress = Progress::of(folder.read()?)?;
    let clock = RunClock::resume(progress.resume_at(Anchor::take(&RunClock::start()).wall));
    let redactor = session::redactor(&catalog);
    let writer = Writer::start(&folder, Arc::new(clock), redactor, session::anchor(clock))?;
    let n = verdicts.len();
    for event in verdicts {
        writer.append(event)?;
    }
    writer.close(session::anchor(clock))?;
    terminal::note(&format!("{n} new verdicts; the earlier ones stay in the log"));
    let mut manifest = folder.manifest().clone();
    manifest.graders = suite.graders.iter().map(grader_info).collect();
    manifest.slos = suite.slos.iter().map(|slo| slo.text.clone()).collect();
    let folder = rewritten(folder, &manifest)?;
    conclude(&folder, Exit::Ok, args.json)
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

fn regraded(folder: &RunFolder, suite: &Suite, allow_code: bool) -> Result<Vec<Event>, Failure> {
    let programs = session::programs(allow_code);
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
    let mut verdicts = Vec::new();
    for (trial, seen) in answers {
        let Some(at) = names.get(seen.attempt.case as usize).copied().flatten() else { continue };
        let (case, answer): (&Case, _) = (&suite.cases[at], seen.answer());
        for grader in suite.applied[at].iter().map(|at| &suite.graders[*at]) {
            if known.get(&(trial, grader.id.to_string())) == Some(&grader.version) {
                continue;
            }
            let verdict = judged(grader.grade(case, &answer), &programs);
            let (grader, version) = (grader.id.clone(), grader.version.clone());
            verdicts.push(Event::Graded { trial: seen.attempt.trial, grader, version, verdict });
        }
    }
    Ok(verdicts)
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
