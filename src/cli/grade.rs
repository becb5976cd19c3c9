//! `llmark grade`: recorded answers judged by a suite's graders. No model is called.

pub(super) mod line;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::args::GradeArgs;
use super::convert;
use super::exit::Exit;
use super::exit::Failure;
use super::load;
use super::run;
use super::session;
use super::terminal;
use crate::domain::Answer;
use crate::domain::Basis;
use crate::domain::CellId;
use crate::domain::Cost;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Price;
use crate::domain::RunStatus;
use crate::domain::TrialId;
use crate::domain::Verdict;
use crate::engine::clock::RunClock;
use crate::engine::grading::RunProgram;
use crate::grade::Grader as _;
use crate::grade::Step;
use crate::load::Plan;
use crate::store::Manifest;
use crate::store::RunFolder;
use crate::store::Writer;
use crate::store::manifest;
use crate::suite::Filters;
use crate::suite::Suite;
use crate::text::nearest;
use line::Recorded;

/// Lines handled together: enough to keep two cores busy, little enough to keep memory flat.
const CHUNK: usize = 4096;
/// Problems listed at most; a file of another format has one per line.
const MOST_PROBLEMS: usize = 20;

/// Names of a cell, as the responses give them.
type Names = (String, String, String);

/// What every line of the file needs to become events.
struct Desk<'a> {
    suite: &'a Suite,
    cases: HashMap<&'a str, u32>,
    /// Cases that have an answer.
    answered: BTreeSet<u32>,
    cells: BTreeMap<Names, u32>,
    programs: Arc<RunProgram>,
    default: Names,
}

/// Grades recorded answers into a run folder.
///
/// # Errors
/// Lines that cannot be read or name unknown cases, all of them; a folder that cannot be written.
pub fn grade(args: &GradeArgs) -> Result<Exit, Failure> {
    let folder = graded(args)?;
    run::conclude(&folder, Exit::Ok, args.json)
}

/// A run folder with the answers and their verdicts. What the suite takes in memory is free again on return.
fn graded(args: &GradeArgs) -> Result<RunFolder, Failure> {
    let catalog = load::catalog(None)?;
    let mut suite = load::suite(&args.suite, &catalog)?;
    let plan = crate::suite::expand(&suite, &Filters::default())
        .map_err(|problems| Failure::usage(problems.into_iter().map(|p| p.message).collect::<Vec<_>>().join("\n")))?;
    // Rendered prompts are needed for their hashes alone: they go with the plan.
    suite.conversations.clear();
    let mut desk = Desk {
        suite: &suite,
        cases: (0..).zip(&suite.cases).map(|(at, case)| (case.id.as_str(), at)).collect(),
        answered: BTreeSet::new(),
        cells: BTreeMap::new(),
        programs: session::programs(args.allow_code),
        default: default_names(&suite),
    };
    let lines = desk.survey(&args.responses)?;
    desk.tell_unanswered();
    let clock = RunClock::start();
    let redactor = session::redactor(&catalog);
    let manifest = manifest_of(args, &suite, &plan, &desk, lines, clock);
    drop(plan);
    let place = args.out.clone().unwrap_or_else(|| Path::new("reports").join(&manifest.run));
    let files: Vec<(String, Vec<u8>)> = suite.files.iter().map(|(n, bytes)| (n.clone(), bytes.to_vec())).collect();
    let folder = RunFolder::create(&place, manifest, &files, &redactor)?;
    let writer = Writer::start(&folder, Arc::new(clock), redactor, session::anchor(clock))?;
    desk.grade_all(&args.responses, &writer)?;
    writer.append(Event::Ended(RunStatus::Complete))?;
    writer.close(session::anchor(clock))?;
    Ok(folder)
}

fn price_of<'s>(suite: &'s Suite, target: &str) -> Option<&'s Price> {
    suite.targets.iter().find(|own| own.id.as_str() == target)?.price.as_deref()
}

fn default_names(suite: &Suite) -> Names {
    let target = suite.targets.first().map_or("recorded".to_owned(), |target| target.id.to_string());
    let mode = if suite.modes.len() == 1 { suite.modes[0].to_string() } else { "default".to_owned() };
    let prompt = suite.prompts.first().map_or("default".to_owned(), ToString::to_string);
    (target, mode, prompt)
}

impl Desk<'_> {
    /// A first pass: every line parses, every case is known, every cell is counted. Returns the number of lines.
    fn survey(&mut self, path: &Path) -> Result<u64, Failure> {
        let mut problems = Vec::new();
        let mut n = 0;
        each_chunk(path, |first, lines| {
            for (at, text) in (first..).zip(lines) {
                n += 1;
                match self.check(text) {
                    Ok(names) => {
                        let next = self.cells.len() as u32;
                        self.cells.entry(names).or_insert(next);
                    }
                    Err(why) if problems.len() < MOST_PROBLEMS => {
                        problems.push(format!("{}:{at}: {why}", path.display()));
                    }
                    Err(_) => {}
                }
            }
            Ok(())
        })?;
        if n == 0 {
            problems.push(format!("{}: the file holds no responses", path.display()));
        }
        if problems.is_empty() { Ok(n) } else { Err(Failure::usage(problems.join("\n"))) }
    }

    /// Cases without an answer are in no figure, and that is said.
    fn tell_unanswered(&self) {
        let cases = (0..).zip(&self.suite.cases);
        let left: Vec<&str> = cases.filter(|(at, _)| !self.answered.contains(at)).map(|(_, c)| c.id.as_str()).collect();
        if let Some(first) = left.first() {
            let n = self.suite.cases.len();
            let which = format!("{} of {n} cases have no recorded answer (the first is `{first}`)", left.len());
            terminal::warning(&format!("{which}; no figure speaks of them"));
        }
    }

    fn check(&mut self, text: &str) -> Result<Names, String> {
        let recorded = Recorded::parse(text)?;
        if let Some(case) = self.cases.get(&*recorded.case) {
            self.answered.insert(*case);
            return Ok(recorded.names(&self.default));
        }
        let near = nearest(&recorded.case, self.cases.keys().copied());
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(format!("the suite has no case `{}`{hint}", recorded.case))
    }

    fn grade_all(&self, path: &Path, writer: &Writer) -> Result<(), Failure> {
        let mut repeats: HashMap<(u32, u32), u32> = HashMap::new();
        each_chunk(path, |first, lines| {
            let numbered: Vec<(u64, u32, &str)> = (first - 1..)
                .zip(lines)
                .map(|(trial, text)| {
                    let seen = Recorded::parse(text).ok().and_then(|r| self.place(&r));
                    let repeat = seen.map_or(0, |place| {
                        let next = repeats.entry(place).or_default();
                        *next += 1;
                        *next - 1
                    });
                    (trial, repeat, text.as_str())
                })
                .collect();
            let halves = numbered.chunks(numbered.len().div_ceil(workers()).max(1));
            let done: Vec<Vec<Event>> = thread::scope(|scope| {
                let work = |half: &'_ [(u64, u32, &str)]| half.iter().flat_map(|line| self.events(line)).collect();
                let threads: Vec<_> = halves.map(|half| scope.spawn(move || work(half))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
            });
            for event in done.into_iter().flatten() {
                writer.append(event)?;
            }
            Ok(())
        })
    }

    /// Cell and case of a line.
    fn place(&self, recorded: &Recorded<'_>) -> Option<(u32, u32)> {
        let cell = self.cells.get(&recorded.names(&self.default))?;
        Some((*cell, *self.cases.get(&*recorded.case)?))
    }

    fn events(&self, (trial, counted, text): &(u64, u32, &str)) -> Vec<Event> {
        let Ok(recorded) = Recorded::parse(text) else { return Vec::new() };
        let Some((cell, case)) = self.place(&recorded) else { return Vec::new() };
        let repeat = recorded.repeat.unwrap_or(*counted);
        let mut observation = recorded.observation(TrialId(*trial), CellId(cell), case, repeat);
        observation.cost = self.cost(&recorded.names(&self.default).0, &observation);
        let answer = observation.answer();
        let unbegun = observation.outcome == crate::domain::Outcome::Length && answer.text.is_empty();
        let mut events = vec![Event::Observed(Box::new(observation))];
        if !unbegun {
            events.extend(self.suite.applied[case as usize].iter().map(|at| self.verdict(*trial, case, *at, &answer)));
        }
        events
    }

    /// What the recorded usage comes to by the suite's price of this target, where it has one.
    fn cost(&self, target: &str, observation: &Observation) -> Cost {
        let price = price_of(self.suite, target);
        let usd = price.zip(observation.reply.usage.as_ref()).and_then(|(price, usage)| price.of(usage));
        usd.map_or(Cost::UNKNOWN, |usd| Cost { usd: Some(usd), basis: Basis::Computed })
    }

    fn verdict(&self, trial: u64, case: u32, grader: usize, answer: &Answer) -> Event {
        let grader = &self.suite.graders[grader];
        let verdict = judged(grader.grade(&self.suite.cases[case as usize], answer), &self.programs);
        Event::Graded { trial: TrialId(trial), grader: grader.id.clone(), version: grader.version.clone(), verdict }
    }
}

/// Follows a grader to its verdict without asking any model.
pub(super) fn judged(mut step: Step, programs: &Arc<RunProgram>) -> Verdict {
    loop {
        step = match step {
            Step::Done(verdict) => return verdict,
            Step::Run { program, read } => read(programs(&program)),
            Step::Ask { read, .. } => read(Err("recorded answers are graded without calling a model".into())),
            Step::Embed { read, .. } => read(Err("recorded answers are graded without calling a model".into())),
        };
    }
}

fn workers() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8)
}

/// Calls `take` with the number of the first line, from 1, and some lines, until the file ends. Blank lines are left
/// out of the work but counted.
fn each_chunk(path: &Path, mut take: impl FnMut(u64, &[String]) -> Result<(), Failure>) -> Result<(), Failure> {
    let broken = |e: std::io::Error| Failure::usage(format!("{}: {e}", path.display()));
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(broken)?);
    let (mut first, mut lines) = (1, Vec::with_capacity(CHUNK));
    loop {
        let mut bytes = Vec::new();
        let n = reader.read_until(b'\n', &mut bytes).map_err(broken)?;
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if n > 0 && !text.is_empty() {
            lines.push(text);
        }
        if lines.len() == CHUNK || n == 0 {
            take(first, &lines)?;
            first += lines.len() as u64;
            lines.clear();
        }
        if n == 0 {
            return Ok(());
        }
    }
}

fn manifest_of(args: &GradeArgs, suite: &Suite, plan: &Plan, desk: &Desk<'_>, lines: u64, clock: RunClock) -> Manifest {
    let about = run::circumstances(&args.suite, suite, clock);
    let mut manifest = convert::manifest(suite, plan, &[], about);
    let mut cells: Vec<(&Names, &u32)> = desk.cells.iter().collect();
    cells.sort_by_key(|(_, at)| **at);
    let cell = |((target, mode, prompt), _): &(&Names, &u32)| manifest::CellInfo {
        target: target.clone(),
        mode: mode.clone(),
        prompt: prompt.clone(),
        load: "recorded".into(),
        load_spec: serde_json::json!({ "level": 1 }),
        timed: false,
        open_loop: false,
        trials: 0,
    };
    manifest.cells = cells.iter().map(cell).collect();
    let mut targets: Vec<&String> = desk.cells.keys().map(|(target, _, _)| target).collect();
    targets.dedup();
    let target = |id: &&String| manifest::TargetInfo {
        id: (*id).clone(),
        provider: "recorded".into(),
        model: (*id).clone(),
        protocol: "recorded".into(),
        auth: "none".into(),
        price: price_of(suite, id).map(manifest::PriceInfo::from),
        ..manifest::TargetInfo::default()
    };
    manifest.targets = targets.iter().map(target).collect();
    manifest.simulated = false;
    manifest.plan.trials = lines;
    manifest.plan.warmup = 0;
    manifest.extra.insert("responses".into(), args.responses.display().to_string().into());
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_every_line_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let text: Vec<String> = (0..CHUNK * 2 + 3).map(|n| format!("{n}\n\n")).collect();
        std::fs::write(&path, text.concat()).unwrap();
        let mut seen = Vec::new();
        each_chunk(&path, |first, lines| {
            seen.extend((first..).zip(lines.iter().cloned()));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen.len(), CHUNK * 2 + 3);
        assert!(seen.iter().all(|(at, text)| (at - 1).to_string() == *text));
    }
}
