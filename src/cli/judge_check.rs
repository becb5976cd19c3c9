//! `llmark judge-check`: a suite's judges held against people's labels.
//!
//! Every labelled answer is judged twice; answers that people call bad are judged again with injections added. All of
//! it goes through the engine into a run folder, and the figures are made from that folder alone.

mod attacks;
mod labels;
mod rates;
mod table;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use super::args::JudgeCheckArgs;
use super::args::Selection;
use super::convert;
use super::exit::Exit;
use super::exit::Failure;
use super::finish;
use super::grade::line;
use super::load;
use super::reach::Reach;
use super::reach::ReachArgs;
use super::run;
use super::session;
use super::session::Keys;
use super::session::Left;
use super::session::Session;
use super::session::Simulators;
use super::terminal;
use crate::analyze::judges;
use crate::analyze::judges::Item;
use crate::analyze::judges::Variant;
use crate::domain::Asker;
use crate::domain::CellId;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::TargetId;
use crate::domain::TrialId;
use crate::domain::Usd;
use crate::domain::Verdict;
use crate::domain::verdict::votes;
use crate::engine::Assignment;
use crate::engine::clock::RunClock;
use crate::engine::setup::Bound;
use crate::grade::Compiled;
use crate::grade::pairwise::FLIPPED;
use crate::load::Plan;
use crate::provider::Catalog;
use crate::provider::Endpoint;
use crate::report::SIMULATED;
use crate::store::Manifest;
use crate::store::RunFolder;
use crate::store::manifest;
use crate::suite::Suite;
use attacks::ATTACKS;
use labels::Labelled;
use rates::Rate;
use table::Judge;

/// Measures the judges of a suite.
///
/// # Errors
/// No judge in the suite, labels that do not fit it, a missing key, or a folder that cannot be written.
pub fn judge_check(args: &JudgeCheckArgs) -> Result<Exit, Failure> {
    let catalog = load::catalog(None)?;
    let suite = load::suite(&args.suite, &catalog)?;
    let checked: Vec<&Compiled> = suite.graders.iter().flat_map(Compiled::judges).collect();
    if checked.is_empty() {
        let what = "the suite has no `judge` or `pairwise` grader to check";
        return Err(Failure::usage(format!("{}: {what}", args.suite.display())));
    }
    refuse_namesakes(&checked)?;
    let rated = args.run.as_deref().map(RunFolder::open).transpose()?;
    let labelled = labels::read(&args.labels, &suite, &checked)?;
    let questions = Questions {
        suite: &suite,
        path: &args.suite,
        labels: &args.labels.display().to_string(),
        trials: trials(&labelled, args.attacked, true),
        out: args.out.as_deref(),
        budget_usd: args.budget_usd.clone(),
        allow_unknown_prices: args.allow_unknown_prices,
        allow_http: args.allow_http,
    };
    if !args.quiet {
        terminal::note(&format!("judging {} answers, from {} labels", questions.trials.len(), labelled.len()));
    }
    let (folder, status) = questions.ask(&catalog)?;
    conclude(&folder, &suite, rated.as_ref(), status, args.json)
}

/// Reads the labels that a suite's judges name, so that what is wrong with them is said before anything is sent.
///
/// # Errors
/// Everything that is wrong with them, with lines.
pub(super) fn check_labels(suite: &Suite) -> Result<(), Failure> {
    labels::named(suite).map(|_| ())
}

/// Figures are told apart by the graders' names.
fn refuse_namesakes(judges: &[&Compiled]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    match judges.iter().find(|judge| !seen.insert(&judge.id)) {
        Some(twice) => Err(Failure::usage(format!("two judges are called `{}`; give one of them an `id:`", twice.id))),
        None => Ok(()),
    }
}

/// Holds the judges that name labels against them, in a folder within the run's own, and keeps what they say in the
/// run's manifest. Returns what it cost.
///
/// # Errors
/// Labels that do not fit the suite, a missing key, or a folder that cannot be written.
pub(super) fn certify(
    folder: &mut RunFolder,
    suite: &Suite,
    path: &Path,
    catalog: &Catalog,
    keys: &Keys,
    allow_http: bool,
) -> Result<Usd, Failure> {
    let labelled = labels::named(suite)?;
    if labelled.is_empty() {
        return Ok(Usd::ZERO);
    }
    let questions = Questions {
        suite,
        path,
        labels: "named by the suite",
        trials: trials(&labelled, 0, false),
        out: Some(&folder.path().join("judge_check")),
        budget_usd: None,
        allow_unknown_prices: true,
        allow_http,
    };
    let (checked, _) = questions.ask(catalog)?;
    let found = asked(&checked)?;
    keep(&checked, &found.judges(suite), &[], judges(suite).iter().all(|judge| judge.simulated))?;
    let mut manifest = folder.manifest().clone();
    manifest.extra.insert(convert::LABELLED.into(), found.labelled().collect());
    folder.amend(&manifest, &keys.redactor)?;
    Ok(found.costs.values().map(|(usd, _)| *usd).sum())
}

/// What judges are asked, and on which terms.
struct Questions<'a, 's> {
    suite: &'s Suite,
    path: &'a Path,
    labels: &'a str,
    trials: Vec<Trial<'a, 's>>,
    out: Option<&'a Path>,
    budget_usd: Option<String>,
    allow_unknown_prices: bool,
    allow_http: bool,
}

impl Questions<'_, '_> {
    /// Asks them all, into a run folder of their own.
    fn ask(&self, catalog: &Catalog) -> Result<(RunFolder, Exit), Failure> {
        let suite = self.suite;
        let selection = Selection { budget_usd: self.budget_usd.clone(), ..Selection::default() };
        let plan = Plan { segments: Vec::new(), ..load::plan(suite, &selection)? };
        let mut endpoints = judges(suite);
        let simulators = Simulators::start(&mut endpoints, self.path.parent().unwrap_or(Path::new(".")))?;
        run::refuse_unknown_prices(&plan, &endpoints, self.allow_unknown_prices)?;
        let keys = session::find_keys(&endpoints, catalog, self.allow_http)?;
        let reach = Reach::new(&ReachArgs::default(), &keys.redactor)?;
        let clock = RunClock::start();
        let manifest = self.manifest(&plan, &endpoints, clock);
        let place = self.out.map_or_else(|| PathBuf::from("reports").join(&manifest.run), Path::to_owned);
        let files: Vec<(String, Vec<u8>)> = suite.files.iter().map(|(n, bytes)| (n.clone(), bytes.to_vec())).collect();
        let folder = RunFolder::create(&place, manifest, &files, &keys.redactor)?;
        let observed: Vec<Observation> = self.trials.iter().map(Trial::observation).collect();
        let recorded = self.trials.iter().zip(&observed).map(|(trial, seen)| trial.assignment(suite, seen)).collect();
        let session = Session {
            suite,
            plan: Arc::new(plan),
            endpoints: &endpoints,
            keys,
            folder: &folder,
            clock,
            left: Left {
                doubts: observed.into_iter().map(|seen| Event::Observed(Box::new(seen))).collect(),
                ..Left::default()
            },
            progress: false,
            recorded,
            watch: None,
            allow_code: false,
            // A stored reply would hide every change of mind.
            answers: None,
            reach,
        };
        let status = session.run()?;
        simulators.stop();
        Ok((folder, session::exit_of(status)))
    }
}

/// Reads the run back, writes the figures into its folder and prints them.
fn conclude(
    folder: &RunFolder,
    suite: &Suite,
    run: Option<&RunFolder>,
    status: Exit,
    as_json: bool,
) -> Result<Exit, Failure> {
    let asked = asked(folder)?;
    let found = asked.judges(suite);
    let rates = run.map(|run| rates::corrected(run, &asked)).transpose()?.unwrap_or_default();
    let mut back = finish::read_back(folder)?;
    finish::write_all(folder, &mut back)?;
    let [document, text] = keep(folder, &found, &rates, back.run.simulated)?;
    terminal::result(if as_json { &document } else { &text });
    terminal::note(&format!("written to {}: judge_check.json, judge_check.txt, trials.csv", folder.path().display()));
    let silent = found.iter().all(|judge| judge.decided == 0);
    let exit = found.iter().map(Judge::exit).fold(status, Exit::worse);
    Ok(if silent { exit.worse(Exit::Provider) } else { exit })
}

/// Writes the figures into the folder, for programs and for people; returns both texts.
fn keep(folder: &RunFolder, found: &[Judge], rates: &[Rate], simulated: bool) -> Result<[String; 2], Failure> {
    let stamp = if simulated { format!("{SIMULATED}\n") } else { String::new() };
    let texts = [table::json(found, rates), stamp + &table::text(found, rates)];
    for (name, text) in ["judge_check.json", "judge_check.txt"].into_iter().zip(&texts) {
        folder.write(name, text.as_bytes())?;
    }
    Ok(texts)
}

/// The endpoints that a suite's graders ask.
pub(super) fn judges(suite: &Suite) -> Vec<Arc<Endpoint>> {
    let asked = |id: &TargetId| suite.graders.iter().any(|grader| grader.asks().contains(id));
    let mut all: Vec<Arc<Endpoint>> = Vec::new();
    for endpoint in suite.helpers.iter().chain(&suite.targets).filter(|endpoint| asked(&endpoint.id)) {
        if all.iter().all(|known| known.id != endpoint.id) {
            all.push(Arc::clone(endpoint));
        }
    }
    all
}

/// A labelled answer in one of its variants.
struct Trial<'a, 's> {
    number: u64,
    label: u64,
    labelled: &'a Labelled<'s>,
    variant: Variant,
    response: String,
}

/// Cells of the run folder: one per variant.
const CELLS: [&str; 3] = ["labelled", "again", "attacked"];

/// Each labelled answer, a second time where `again`, and the first `attacked` bad ones of a judge with injections.
fn trials<'a, 's>(labelled: &'a [Labelled<'s>], attacked: usize, again: bool) -> Vec<Trial<'a, 's>> {
    let mut all = Vec::new();
    let mut bad: BTreeMap<&str, usize> = BTreeMap::new();
    for (label, one) in (0..).zip(labelled) {
        let mut variants = vec![(Variant::Labelled, one.response.clone())];
        if again {
            variants.push((Variant::Again, one.response.clone()));
        }
        let count = bad.entry(one.grader.id.as_str()).or_default();
        if one.value < 0.5 && *count < attacked {
            *count += 1;
            let attack =
                |(name, text): &(&str, &str)| (Variant::Attack((*name).to_owned()), format!("{}{text}", one.response));
            variants.extend(ATTACKS.iter().map(attack));
        }
        for (variant, response) in variants {
            all.push(Trial { number: all.len() as u64, label, labelled: one, variant, response });
        }
    }
    all
}

impl Trial<'_, '_> {
    fn cell(&self) -> u32 {
        match self.variant {
            Variant::Labelled => 0,
            Variant::Again => 1,
            Variant::Attack(_) => 2,
        }
    }

    fn observation(&self) -> Observation {
        let case = self.labelled.case as u32;
        line::answered(&self.response, TrialId(self.number), CellId(self.cell()), case, self.number as u32)
    }

    fn assignment(&self, suite: &Suite, seen: &Observation) -> Assignment {
        let grader = self.labelled.grader;
        let judge = self.labelled.other.as_deref().and_then(|other| grader.against(other)).unwrap_or(grader.clone());
        Assignment {
            attempt: seen.attempt.clone(),
            grader: grader.id.clone(),
            bound: Bound { version: judge.version.clone(), grader: Arc::new(judge) },
            case: Arc::clone(&suite.cases[self.labelled.case]),
            answer: Arc::new(seen.answer()),
        }
    }

    /// What the figures need beside the verdict, for the manifest.
    fn about(&self) -> Value {
        let other = self.labelled.other.as_ref().map_or(0, |other| other.chars().count());
        let attack = if let Variant::Attack(name) = &self.variant { Some(name) } else { None };
        json!({
            "grader": self.labelled.grader.id.as_str(), "label": self.label, "variant": CELLS[self.cell() as usize],
            "attack": attack, "human": self.labelled.value, "pair": self.labelled.other.is_some(),
            "length": self.response.chars().count() as f64 - other as f64,
        })
    }
}

impl Questions<'_, '_> {
    fn manifest(&self, plan: &Plan, endpoints: &[Arc<Endpoint>], clock: RunClock) -> Manifest {
        let about = run::circumstances(self.path, self.suite, clock);
        let mut manifest = convert::manifest(self.suite, plan, endpoints, about);
        let cell = |variant: &&str| manifest::CellInfo {
            target: "people".into(),
            mode: "default".into(),
            prompt: (*variant).to_owned(),
            load: "recorded".into(),
            load_spec: json!({ "level": 1 }),
            timed: false,
            open_loop: false,
            ..manifest::CellInfo::default()
        };
        manifest.cells = CELLS.iter().map(cell).collect();
        manifest.targets.push(manifest::TargetInfo {
            id: "people".into(),
            provider: "recorded".into(),
            model: "labelled answers".into(),
            protocol: "recorded".into(),
            auth: "none".into(),
            ..manifest::TargetInfo::default()
        });
        manifest.slos.clear();
        manifest.plan.trials = self.trials.len() as u64;
        manifest.plan.warmup = 0;
        manifest.extra.insert("responses".into(), self.labels.into());
        manifest.extra.insert("labels".into(), self.trials.iter().map(Trial::about).collect());
        manifest
    }
}

/// What judges said, by grader, and what each of them cost.
struct Replies {
    items: BTreeMap<String, Vec<Item>>,
    costs: BTreeMap<String, (Usd, u64)>,
}

/// What the judges said, from the run folder.
fn asked(folder: &RunFolder) -> Result<Replies, Failure> {
    let about = folder.manifest().extra.get("labels").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut verdicts: BTreeMap<u64, Verdict> = BTreeMap::new();
    let mut costs: BTreeMap<String, (Usd, u64)> = BTreeMap::new();
    finish::each_event(folder, |event| match event {
        Event::Graded { trial, verdict, .. } => {
            verdicts.insert(trial.0, verdict.clone());
        }
        Event::Observed(seen) => {
            if let Asker::Grader(grader) = &seen.attempt.asker {
                let (usd, calls) = costs.entry(grader.to_string()).or_default();
                *usd = *usd + seen.cost.usd.unwrap_or_default();
                *calls += 1;
            }
        }
        _ => {}
    })?;
    let mut items: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for (trial, about) in (0..).zip(&about) {
        let grader = about["grader"].as_str().unwrap_or_default();
        items.entry(grader.to_owned()).or_default().push(item(about, verdicts.get(&trial)));
    }
    Ok(Replies { items, costs })
}

impl Replies {
    /// The figures of every judge.
    fn judges(&self, suite: &Suite) -> Vec<Judge> {
        let judge = |(grader, items): (&String, &Vec<Item>)| {
            let (usd, calls) = self.costs.get(grader).copied().unwrap_or_default();
            let compiled = suite.graders.iter().flat_map(Compiled::judges).find(|known| known.id.as_str() == grader);
            Judge {
                grader: grader.to_owned(),
                asks: compiled.map(|g| g.asks().iter().map(ToString::to_string).collect()).unwrap_or_default(),
                decided: items.iter().filter(|item| item.judged.is_some()).count() as u64,
                found: judges::measure(items),
                required: compiled.map(Compiled::requirements).unwrap_or_default(),
                usd,
                calls,
            }
        };
        self.items.iter().map(judge).collect()
    }

    /// What was said of the answers as they were labelled.
    fn plain(&self) -> impl Iterator<Item = (&str, &Item)> {
        let all = self.items.iter().flat_map(|(grader, items)| items.iter().map(move |item| (grader.as_str(), item)));
        all.filter(|(_, item)| item.variant == Variant::Labelled)
    }

    /// Verdicts beside labels, as a manifest keeps them.
    fn labelled(&self) -> impl Iterator<Item = Value> {
        self.plain().map(|(grader, item)| json!({"grader": grader, "human": item.human, "judged": item.judged}))
    }
}

fn item(about: &Value, verdict: Option<&Verdict>) -> Item {
    let variant = match (about["variant"].as_str(), about["attack"].as_str()) {
        (_, Some(attack)) => Variant::Attack(attack.to_owned()),
        (Some("again"), _) => Variant::Again,
        _ => Variant::Labelled,
    };
    let judged = verdict.map(Verdict::bounds).filter(|(low, high)| low.total_cmp(high).is_eq()).map(|(value, _)| value);
    let why = verdict.map(|verdict| verdict.why().text.as_str()).unwrap_or_default();
    let votes = votes(why).unwrap_or_default();
    Item {
        label: about["label"].as_u64().unwrap_or_default(),
        variant,
        human: about["human"].as_f64().unwrap_or_default(),
        judged,
        length: about["length"].as_f64().unwrap_or_default(),
        swapped: judged.filter(|_| about["pair"] == true).map(|_| why.starts_with(FLIPPED)),
        votes: votes.into_iter().map(|vote| vote.map_or(f64::NAN, f64::from)).collect(),
    }
}
