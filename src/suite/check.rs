//! A suite that holds: everything resolved, rendered, compiled and held against each other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;

use super::arms;
use super::cases;
use super::cases::Placed;
use super::de;
use super::de::At;
use super::file::SuiteFile;
use super::file::Time;
use super::graders;
use super::loads;
use super::node::Node;
use super::objectives;
use super::problem::Problems;
use super::problem::Sink;
use super::prompt;
use super::prompt::Prompt;
use super::read;
use super::read::Copies;
use super::read::Files;
use super::read::Recorder;
use super::read::SUITE_CAP;
use super::rules;
use super::targets;
use super::template::Templates;
use super::yaml;
use crate::analyze::SloSpec;
use crate::analyze::reduce::Reducer;
use crate::domain::Case;
use crate::domain::Conversation;
use crate::domain::ModeName;
use crate::domain::PromptId;
use crate::grade::Compiled;
use crate::load::LoadSpec;
use crate::load::plan::Budget;
use crate::load::plan::Timeouts;
use crate::provider::Catalog;
use crate::provider::Endpoint;

/// A suite that was checked.
#[derive(Clone)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Endpoints under test, in the order written.
    pub targets: Vec<Arc<Endpoint>>,
    /// Endpoints that graders ask. A target may be both.
    pub helpers: Vec<Arc<Endpoint>>,
    /// Modes, in the order written.
    pub modes: Vec<ModeName>,
    /// Sampling parameters.
    pub params: Map<String, Value>,
    /// Prompts, in the order written, with the functions and formats they ask with.
    pub prompts: Vec<PromptId>,
    /// Cases, in the order written.
    pub cases: Vec<Arc<Case>>,
    /// Prompts rendered for each case.
    pub conversations: BTreeMap<PromptId, Vec<Arc<Conversation>>>,
    /// Graders, compiled.
    pub graders: Vec<Compiled>,
    /// For each case the positions of the graders that apply.
    pub applied: Vec<Vec<usize>>,
    /// Some grader runs what a model wrote.
    pub runs_code: bool,
    /// Loads, in the order written.
    pub loads: Vec<Arc<LoadSpec>>,
    /// Times that each case runs per cell.
    pub repeats: u32,
    /// What repeats of a case are reduced to, besides the pass rate.
    pub reducers: Vec<Reducer>,
    /// Warm-up trials per cell.
    pub warmup: u64,
    /// Salt for all loads; `None` leaves it to the load.
    pub salt: Option<bool>,
    /// Attempts of a trial at most; `None` leaves it to the load.
    pub max_attempts: Option<u16>,
    /// Timers.
    pub timeouts: Timeouts,
    /// Objectives.
    pub slos: Vec<SloSpec>,
    /// What may be spent.
    pub budget: Budget,
    /// How arms are compared.
    pub compare: Compare,
    /// What may end before its plan does.
    pub early: Early,
    /// The arm, or the stored run, that others are compared with.
    pub baseline: Option<String>,
    /// Canary cases come again after so many trials of a cell; `None` leaves it to the blocks in which cells take turns.
    pub canary_every: Option<u64>,
    /// Take answers from the response cache in quality runs; `None` leaves it to the command line.
    pub cache: Option<bool>,
    /// Ask every target before the run, or none; `None` asks remote ones.
    pub preflight: Option<bool>,
    /// Offer HTTP/2.
    pub http2: bool,
    /// The suite's file name, under which `files` holds its text.
    pub file: String,
    /// Every file that was read.
    pub files: Copies,
}

/// How arms are compared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Compare {
    /// Metrics that decide; empty means the pass rate.
    pub gate: Vec<String>,
    /// Non-inferiority margin as a share.
    pub margin: Option<f64>,
    /// Slices: `tag`, `prompt`, `cluster`.
    pub slices: Vec<&'static str>,
}

/// What may end before its plan does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Early {
    /// Comparisons and objectives that are decided.
    pub decided: bool,
    /// Repeats of a case at most, where decided questions left trials unused.
    pub max_repeats: Option<u32>,
    /// Loads whose objective can no longer be met.
    pub certain_miss: bool,
}

/// Reads and checks the suite at `path`. Nothing is sent, no key is needed.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path, catalog: &Catalog) -> Result<Suite, Problems> {
    match read::split(path) {
        Ok((folder, name)) => load_from(&folder, &name, &path.display().to_string(), catalog),
        Err(why) => Err(Problems::without_place(path.display().to_string(), why, None)),
    }
}

/// Reads and checks the suite called `name` among `files`; `shown` stands in messages.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_from(files: &dyn Files, name: &str, shown: &str, catalog: &Catalog) -> Result<Suite, Problems> {
    let recorder = Recorder::new(files);
    let cannot = |why: String| Problems::without_place(shown, format!("the suite cannot be read: {why}"), None);
    let bytes = recorder.bytes(name, SUITE_CAP).map_err(cannot)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| cannot(format!("not UTF-8 from byte {} on", error.valid_up_to())))?;
    let text = text.trim_start_matches('\u{feff}');
    let sink = Sink::default();
    let source = sink.add_source(shown, text);
    let suite = yaml::parse(&sink, source, text).and_then(|root| check(&sink, &recorder, catalog, &root, name));
    let mut suite = sink.finish(suite)?;
    name.clone_into(&mut suite.file);
    suite.files = recorder.into_copies();
    Ok(suite)
}

fn items<T>(list: Option<&At<Vec<At<T>>>>) -> &[At<T>] {
    list.and_then(At::get).map_or(&[], Vec::as_slice)
}

fn check(sink: &Sink, files: &dyn Files, catalog: &Catalog, root: &Node, name: &str) -> Option<Suite> {
    root.member("targets").into_iter().for_each(|node| targets::refuse_secrets(sink, node));
    let read: At<SuiteFile> = de::read(sink, root);
    let file = read.get()?;
    let http2 = file.http2.as_ref().and_then(At::copied).unwrap_or(false);
    let endpoints = targets::load(sink, catalog, items(file.targets.as_ref()), http2);
    let mut templates = Templates::default();
    let mut reader = prompt::Reader { sink, files, templates: &mut templates };
    let prompts = prompt::load(&mut reader, items(file.prompts.as_ref()));
    let mut cases = cases::load(sink, files, items(file.cases.as_ref()));
    let canary_every = canaries(sink, file, &mut cases);
    let written = graders::read(sink, root.member("graders"));
    let seed = file.seed.as_ref().and_then(At::copied).unwrap_or(0);
    let ids = endpoints.iter().map(|resolved| resolved.endpoint.id.to_string()).collect();
    let compiled = graders::compiled(sink, files, seed, ids, &written);
    let applied = graders::applied(sink, &compiled, &cases);
    let loads = loads::load(sink, files, items(file.loads.as_ref()));
    let conversations = render(sink, files, &templates, &prompts, &cases);
    let parts = rules::Parts { sink, file, endpoints: &endpoints, prompts: &prompts, written: &written, loads: &loads };
    let modes = rules::modes(&parts);
    let slos = objectives::slos(&parts, &modes, &compiled);
    let (subjects, helpers) = rules::roles(&parts);
    rules::required(&parts, root.span);
    rules::combined(&parts, &modes, &cases);
    rules::lengths(&parts, &conversations);
    let budget = rules::budget(&parts);
    let reducers = rules::reducers(&parts);
    let baseline = arms::baseline(&parts, &modes);
    Some(Suite {
        name: text(file.name.as_ref()).unwrap_or_else(|| name.split('.').next().unwrap_or(name).to_owned()),
        description: text(file.description.as_ref()).unwrap_or_default(),
        seed,
        targets: subjects,
        helpers,
        modes,
        params: file.params.as_ref().and_then(At::get).cloned().unwrap_or_default(),
        prompts: prompts.iter().map(|prompt| prompt.id.clone()).collect(),
        cases: cases.into_iter().map(|placed| placed.case).collect(),
        conversations,
        graders: compiled,
        applied,
        runs_code: written.iter().any(|grader| grader.spec.runs_code()),
        loads,
        repeats: rules::at_least_one(sink, file.repeats.as_ref(), "repeats"),
        reducers,
        warmup: file.warmup.as_ref().and_then(At::get).and_then(|warmup| warmup.requests.copied()).unwrap_or(0),
        salt: file.salt.as_ref().and_then(At::copied),
        max_attempts: rules::max_attempts(sink, file),
        timeouts: timeouts(sink, file),
        slos,
        budget,
        compare: arms::compare(sink, file),
        early: rules::early(sink, file),
        baseline,
        canary_every,
        cache: file.cache.as_ref().and_then(At::copied),
        preflight: file.preflight.as_ref().and_then(At::copied),
        http2: file.http2.as_ref().and_then(At::copied).unwrap_or(false),
        file: String::new(),
        files: Copies::new(),
    })
}

fn canaries(sink: &Sink, file: &SuiteFile, cases: &mut [Placed]) -> Option<u64> {
    file.canary.as_ref()?;
    let mut plain: Vec<Case> = cases.iter().map(|placed| Case::clone(&placed.case)).collect();
    let every = arms::canaries(sink, file, &mut plain);
    for (placed, case) in cases.iter_mut().zip(plain) {
        if placed.case.canary != case.canary {
            placed.case = Arc::new(case);
        }
    }
    every
}

fn text(at: Option<&At<String>>) -> Option<String> {
    at.and_then(At::get).cloned()
}

fn render(
    sink: &Sink,
    files: &dyn Files,
    templates: &Templates,
    prompts: &[Prompt],
    cases: &[Placed],
) -> BTreeMap<PromptId, Vec<Arc<Conversation>>> {
    let one = |prompt: &Prompt| (prompt.id.clone(), prompt::render(sink, files, templates, prompt, cases));
    prompts.iter().map(one).collect()
}

fn timeouts(sink: &Sink, file: &SuiteFile) -> Timeouts {
    let mut timeouts = Timeouts::default();
    let Some(written) = file.timeout.as_ref().and_then(At::get) else { return timeouts };
    let slots = [
        (&written.connect, &mut timeouts.connect),
        (&written.first_token, &mut timeouts.first_token),
        (&written.idle, &mut timeouts.idle),
        (&written.total, &mut timeouts.total),
    ];
    for (at, slot) in slots {
        let Some(at) = at else { continue };
        let Some(Time(duration)) = at.copied() else { continue };
        if duration.is_zero() {
            sink.advise(at.span, "a timer of zero always fires", "write a duration above 0, such as `60s`");
        }
        *slot = duration;
    }
    timeouts
}
