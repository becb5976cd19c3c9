//! `llmark judge-check`: a suite's judges held against people's labels.
//!
//! Every labelled answer is judged twice; answers that people call bad are judged again with injections added. All of
//! it goes through the engine into a run folder, and the figures are made from that folder alone.

mod attacks;
mod labels;
mod table;

use std::collections::BTreeMap;
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
use crate::engine::Assignment;
use crate::engine::clock::RunClock;
use crate::engine::setup::Bound;
use crate::grade::Compiled;
use crate::grade::judge::votes;
use crate::grade::pairwise::FLIPPED;
use crate::load::Plan;
use crate::provider::Endpoint;
use crate::store::Manifest;
use crate::store::RunFolder;
use crate::store::manifest;
use crate::suite::Suite;
use attacks::ATTACKS;
use labels::Labelled;
use table::Judge;

/// Measures the judges of a suite.
///
/// # Errors
/// No judge in the suite, labels that do not fit it, a missing key, or a folder that cannot be written.
pub fn judge_check(args: &JudgeCheckArgs) -> Result<Exit, Failure> {
    let catalog = load::catalog(None)?;
    let suite = load::suite(&args.suite, &catalog)?;
    let checked: Vec<&Compiled> = suite.graders.iter().filter(|grader| is_judge(grader)).collect();
    if checked.is_empty() {
        let what = "the suite has no `judge` or `pairwise` grader of its own to check";
        return Err(Failure::usage(format!("{}: {what}", args.suite.display())));
    }
    let labelled = labels::read(&args.labels, &suite, &checked)?;
    let trials = trials(&labelled, args.attacked);
    let selection = Selection { budget_usd: args.budget_usd.clone(), ..Selection::default() };
    let plan = Plan { segments: Vec::new(), ..load::plan(&suite, &selection)? };
    let mut endpoints = judges(&suite);
    let simulators = Simulators::start(&mut endpoints, args.suite.parent().unwrap_or(Path::new(".")))?;
    run::refuse_unknown_prices(&plan, &endpoints, args.allow_unknown_prices)?;
    let keys = session::find_keys(&endpoints, &catalog, args.allow_http)?;
    let reach = Reach::new(&ReachArgs::default(), &keys.redactor)?;
    let clock = RunClock::start();
    let manifest = manifest_of(args, &suite, &plan, &endpoints, &trials, clock);
    let place = args.out.clone().unwrap_or_else(|| PathBuf::from("reports").join(&manifest.run));
    let files: Vec<(String, Vec<u8>)> = suite.files.iter().map(|(n, bytes)| (n.clone(), bytes.to_vec())).collect();
    let folder = RunFolder::create(&place, manifest, &files, &keys.redactor)?;
    let observed: Vec<Observation> = trials.iter().map(Trial::observation).collect();
    let recorded = trials.iter().zip(&observed).map(|(trial, seen)| trial.assignment(&suite, seen)).collect();
    let session = Session {
        suite: &suite,
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
    if !args.quiet {
        terminal::note(&format!("judging {} answers, from {} labels", trials.len(), labelled.len()));
    }
    let status = session.run()?;
    simulators.stop();
    conclude(&folder, &suite, session::exit_of(status), args.json)
}

/// Reads the run back, writes the figures into its folder and prints them.
fn conclude(folder: &RunFolder, suite: &Suite, status: Exit, as_json: bool) -> Result<Exit, Failure> {
    let found = read_back(folder, suite)?;
    let mut back = finish::read_back(folder)?;
    finish::write_all(folder, &mut back)?;
    let document = table::json(&found);
    folder.write("judge_check.json", document.as_bytes())?;
    let text = table::text(&found);
    folder.write("judge_check.txt", text.as_bytes())?;
    terminal::result(if as_json { &document } else { &text });
    terminal::note(&format!("written to {}: judge_check.json, judge_check.txt, trials.csv", folder.path().display()));
    let silent = found.iter().all(|judge| judge.decided == 0);
    let exit = found.iter().map(Judge::exit).fold(status, Exit::worse);
    Ok(if silent { exit.worse(Exit::Provider) } else { exit })
}

fn is_judge(grader: &Compiled) -> bool {
    matches!(convert::kind(&grader.version), "judge" | "pairwise")
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

fn trials<'a, 's>(labelled: &'a [Labelled<'s>], attacked: usize) -> Vec<Trial<'a, 's>> {
    let mut all = Vec::new();
    let mut bad: BTreeMap<&str, usize> = BTreeMap::new();
    for (label, one) in (0..).zip(labelled) {
        let mut variants = vec![(Variant::Labelled, one.response.clone()), (Variant::Again, one.response.clone())];
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

fn manifest_of(
    args: &JudgeCheckArgs,
    suite: &Suite,
    plan: &Plan,
    endpoints: &[Arc<Endpoint>],
    trials: &[Trial<'_, '_>],
    clock: RunClock,
) -> Manifest {
    let about = run::circumstances(&args.suite, suite, clock);
    let mut manifest = convert::manifest(suite, plan, endpoints, about);
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
    manifest.plan.trials = trials.len() as u64;
    manifest.plan.warmup = 0;
    manifest.extra.insert("responses".into(), args.labels.display().to_string().into());
    manifest.extra.insert("labels".into(), trials.iter().map(Trial::about).collect());
    manifest
}

/// The figures of every judge, from the run folder.
fn read_back(folder: &RunFolder, suite: &Suite) -> Result<Vec<Judge>, Failure> {
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
    let mut items: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
    for (trial, about) in (0..).zip(&about) {
        let grader = about["grader"].as_str().unwrap_or_default();
        items.entry(grader).or_default().push(item(about, verdicts.get(&trial)));
    }
    let judge = |(grader, items): (&str, Vec<Item>)| {
        let (usd, calls) = costs.get(grader).copied().unwrap_or_default();
        let compiled = suite.graders.iter().find(|known| known.id.as_str() == grader);
        Judge {
            grader: grader.to_owned(),
            asks: compiled.map(|g| g.asks().iter().map(ToString::to_string).collect()).unwrap_or_default(),
            decided: items.iter().filter(|item| item.judged.is_some()).count() as u64,
            found: judges::measure(&items),
            required: compiled.map(Compiled::requirements).unwrap_or_default(),
            usd,
            calls,
        }
    };
    Ok(items.into_iter().map(judge).collect())
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
