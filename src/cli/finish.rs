//! From a run folder to its reports: the same way for a fresh run and an old one.

use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::compare;
use super::convert;
use super::exit::Exit;
use super::exit::Failure;
use super::terminal;
use crate::analyze::Fold;
use crate::analyze::Run;
use crate::analyze::Summary;
use crate::analyze::Trials;
use crate::analyze::study;
use crate::analyze::summarize;
use crate::domain::Asker;
use crate::domain::Basis;
use crate::domain::Cost;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Price;
use crate::report;
use crate::store::Reader;
use crate::store::Record;
use crate::store::RunFolder;
use crate::store::Stored;
use crate::store::manifest::CellInfo;
use crate::store::manifest::PriceInfo;

/// A run read back.
pub struct ReadBack {
    /// Its tables.
    pub run: Run,
    /// Its trials.
    pub trials: Trials,
    /// Its results.
    pub summary: Summary,
    /// Lines lost at the torn end of the log.
    pub torn: u64,
}

/// Events that the decoding thread hands over at once, and such batches that may wait.
const BATCH: usize = 128;
const WAITING: usize = 8;

/// Calls `take` with every event of the log, in order. Returns the number of lines lost at a torn end.
///
/// Lines are decoded on a thread of their own while `take` works on those before.
///
/// # Errors
/// The log cannot be read.
pub fn each_event(folder: &RunFolder, mut take: impl FnMut(&Event)) -> Result<u64, Failure> {
    let prices = new_prices(folder)?;
    let reader = folder.read()?;
    thread::scope(|scope| {
        let (give, batches) = sync_channel(WAITING);
        let decoding = scope.spawn(move || decode(reader, prices.as_deref(), &give));
        batches.iter().flatten().for_each(|event| take(&event));
        decoding.join().unwrap_or_else(|_| Err(Failure::store("the log's decoder ended early")))
    })
}

/// Sends the log's events, with new prices where there are some.
fn decode(mut reader: Reader, prices: Option<&[Option<Price>]>, give: &SyncSender<Vec<Event>>) -> Result<u64, Failure> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut broken = None;
    for stored in reader.by_ref() {
        match stored {
            Ok(Stored { record: Record::Event(mut event), .. }) => {
                if let (Some(prices), Event::Observed(observation)) = (prices, &mut event) {
                    recost(observation, prices);
                }
                batch.push(event);
            }
            Ok(_) => {}
            Err(error) => broken = Some(error),
        }
        // The receiver is gone only when `take` panicked, which ends everything.
        if batch.len() == BATCH && give.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_err() {
            break;
        }
    }
    let _ = give.send(batch);
    broken.map_or_else(|| Ok(reader.torn()), |error| Err(error.into()))
}

/// Prices by cell, where the run was given other prices than it ran under.
fn new_prices(folder: &RunFolder) -> Result<Option<Vec<Option<Price>>>, Failure> {
    let manifest = folder.manifest();
    if !manifest.extra.contains_key("recosted") {
        return Ok(None);
    }
    let price = |cell: &CellInfo| {
        let target = manifest.targets.iter().find(|target| target.id == cell.target);
        target.and_then(|target| target.price.as_ref()).map(PriceInfo::price).transpose()
    };
    manifest.cells.iter().map(price).collect::<Result<_, _>>().map(Some).map_err(Failure::store)
}

/// What a provider billed stays; everything else follows the price.
fn recost(observation: &mut Observation, prices: &[Option<Price>]) {
    let price = prices.get(observation.attempt.cell.0 as usize).and_then(Option::as_ref);
    let is_subject = observation.attempt.asker == Asker::Subject;
    let (Some(price), Some(usage), true) = (price, &observation.reply.usage, is_subject) else { return };
    if observation.cost.basis != Basis::Billed
        && !observation.is_recalled()
        && let Some(usd) = price.of(usage)
    {
        observation.cost = Cost { usd: Some(usd), basis: Basis::Computed };
    }
}

/// Reads a run folder and computes its results.
///
/// # Errors
/// The folder cannot be read.
pub fn read_back(folder: &RunFolder) -> Result<ReadBack, Failure> {
    read_back_with(folder, |_| ())
}

/// The same with tables that `change` had its way with.
///
/// # Errors
/// The folder cannot be read.
pub fn read_back_with(folder: &RunFolder, change: impl FnOnce(&mut Run)) -> Result<ReadBack, Failure> {
    let mut run = convert::run(folder.manifest())?;
    change(&mut run);
    if std::fs::metadata(folder.log()).is_ok_and(|facts| facts.len() == 0) {
        let log = folder.log();
        return Err(Failure::store(format!(
            "{} is empty: the run ended before it began, or lost its log",
            log.display()
        )));
    }
    let mut fold = Fold::new(&run);
    let torn = each_event(folder, |event| fold.push(event))?;
    let trials = fold.finish();
    if trials.status.is_some()
        && let Some(last) = trials.last_end()
    {
        run.meta.ended = convert::ended(folder.manifest(), last);
    }
    let summary = summarize(&run, &trials);
    if torn > 0 {
        terminal::warning(&format!("{torn} line at the end of the event log was cut off and is left out"));
    }
    Ok(ReadBack { run, trials, summary, torn })
}

/// Adds what takes longer: comparisons of the run's arms with each other and with its baseline, and what follows.
///
/// # Errors
/// The baseline cannot be read, or the comparison with it would mislead.
pub fn complete(folder: &RunFolder, back: &mut ReadBack) -> Result<(), Failure> {
    study::add(&back.run, &back.trials, &mut back.summary);
    compare::look_up(&mut back.summary.comparisons, [folder, folder])?;
    if let Some(baseline) = folder.manifest().builds_on.first() {
        let found = compare::against(baseline, folder, back)?;
        study::add_comparison(&mut back.summary, found);
    }
    Ok(())
}

/// Writes every derived file of the run folder.
///
/// # Errors
/// The folder cannot be read or written.
pub fn write_all(folder: &RunFolder, back: &mut ReadBack) -> Result<(), Failure> {
    let rows = report::row::Rows::new(&back.run, &back.trials, &back.summary);
    let mut table = report::csv::Table::new(folder.draft("trials.csv")?).map_err(Failure::store)?;
    let mut junit = report::junit::Report::default();
    let mut details = report::html::Details::new(back.summary.cells.len());
    let mut broken = None;
    each_event(folder, |event| {
        let Event::Observed(observation) = event else { return };
        back.summary.attach(observation);
        let Some(row) = rows.row(observation) else { return };
        if let Err(error) = table.push(&row) {
            broken = Some(error);
        }
        junit.push(&row);
        details.push(row);
    })?;
    if let Some(error) = broken {
        return Err(Failure::store(error));
    }
    junit.compare(&back.summary.comparisons);
    table.finish().map_err(Failure::store)?.finish()?;
    let artifacts = [
        report::json::render(&back.summary),
        report::md::render(&back.summary),
        junit.render(&back.run.meta.suite),
        report::html::render(&back.summary, &details),
    ];
    let compared = !back.summary.comparisons.is_empty() || !back.summary.refused.is_empty();
    let compared = compared.then(|| report::json::compare::render(&back.summary));
    for artifact in artifacts.into_iter().chain(compared).chain(report::chart::render(&back.summary)) {
        folder.write(&artifact.name, &artifact.bytes)?;
    }
    Ok(())
}

/// Fills in the answers of the sampled trials, for renderings that need nothing else of the log.
///
/// # Errors
/// The log cannot be read.
pub fn attach(folder: &RunFolder, summary: &mut Summary) -> Result<(), Failure> {
    each_event(folder, |event| {
        if let Event::Observed(observation) = event {
            summary.attach(observation);
        }
    })?;
    Ok(())
}

/// Prints the result: the summary as JSON, or tables and where the files are.
pub fn print(folder: &Path, summary: &Summary, json: bool) {
    if json {
        return terminal::result(&report::json::text(summary));
    }
    terminal::result(&report::table::render(summary, terminal::screen()));
    let files = ["report.html", "report.md", "summary.json", "trials.csv", "junit.xml", "charts/"];
    terminal::result(&format!("\nwritten to {}: {}", folder.display(), files.join(", ")));
}

/// The exit of a run: what its results call for, and how it ended. All that apply are named.
pub fn exit(summary: &Summary, status: Exit) -> Exit {
    let exit = Exit::of(summary.exit.code).worse(status);
    for (code, reason) in summary.exit.reasons.iter().filter(|(code, _)| *code != 0) {
        terminal::note(&format!("exit {code}: {reason}"));
    }
    exit
}
