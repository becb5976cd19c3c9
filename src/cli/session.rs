//! One session of a run: simulators up, keys found, engine on, everything written down.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use super::convert;
use super::exit::Exit;
use super::exit::Failure;
use super::keys;
use super::keys::KeyRing;
use super::progress::Display;
use super::reach;
use super::reach::Reach;
use super::record::Log;
use super::tally::Outlook;
use super::terminal;
use super::watch::Watcher;
use crate::domain::CellId;
use crate::domain::Clock;
use crate::domain::Event;
use crate::domain::RunStatus;
use crate::domain::TargetId;
use crate::domain::Usd;
use crate::engine;
use crate::engine::Assignment;
use crate::engine::Control;
use crate::engine::EngineError;
use crate::engine::Recorder;
use crate::engine::Setup;
use crate::engine::clock::Anchor;
use crate::engine::clock::RunClock;
use crate::engine::grading::RunProgram;
use crate::engine::recall::Answers;
use crate::engine::sandbox::Sandbox;
use crate::engine::setup::Bound;
use crate::engine::setup::Watch;
use crate::load::Plan;
use crate::provider::Catalog;
use crate::provider::Endpoint;
use crate::sim;
use crate::store::RunFolder;
use crate::store::Writer;
use crate::store::manifest;
use crate::suite::Suite;
use crate::text::Redactor;
use crate::text::Secret;
use url::Url;

/// Simulators that answer for simulated targets; they end with this value.
pub struct Simulators {
    running: Vec<sim::Running>,
    /// What each simulated target imitates: a hash of its profile.
    pub profiles: BTreeMap<String, String>,
}

impl Simulators {
    /// Starts one simulator per simulated endpoint and puts its address and price into the endpoint.
    ///
    /// # Errors
    /// A profile that cannot be read, or no port.
    pub fn start(endpoints: &mut [Arc<Endpoint>], suite_folder: &Path) -> Result<Self, Failure> {
        Self::begin(endpoints, suite_folder, true)
    }

    /// Puts the profiles' models and prices into simulated endpoints whose answers come from recordings.
    ///
    /// # Errors
    /// A profile that cannot be read.
    pub fn absent(endpoints: &mut [Arc<Endpoint>], suite_folder: &Path) -> Result<Self, Failure> {
        Self::begin(endpoints, suite_folder, false)
    }

    fn begin(endpoints: &mut [Arc<Endpoint>], suite_folder: &Path, serve: bool) -> Result<Self, Failure> {
        let (mut running, mut profiles) = (Vec::new(), BTreeMap::new());
        for endpoint in endpoints.iter_mut().filter(|endpoint| endpoint.simulated) {
            let profile = profile(&endpoint.model, suite_folder)?;
            let price = profile.model().price.map(|tariff| Arc::new(tariff.price()));
            let model = profile.model().id.clone();
            profiles.insert(endpoint.id.to_string(), convert::hash(&format!("{profile:?}")));
            let server = serve.then(|| sim::Server::start(vec![profile], 0)).transpose();
            let server = server.map_err(|e| Failure::store(format!("the simulator: {e}")))?;
            let address =
                server.as_ref().map_or_else(|| "http://simulator.invalid/v1".to_owned(), sim::Running::base_url);
            let endpoint = Arc::make_mut(endpoint);
            endpoint.base_url = address.parse().map_err(|e| Failure::store(format!("`{address}`: {e}")))?;
            endpoint.model = model;
            endpoint.price = endpoint.price.take().or(price);
            // What others claim of the real model's price says nothing about a simulation.
            endpoint.claims.clear();
            running.extend(server);
        }
        Ok(Self { running, profiles })
    }

    /// Stops them.
    pub fn stop(self) {
        for server in self.running {
            server.stop();
        }
    }
}

/// Puts the profiles' prices into simulated endpoints, for forecasts that start no simulator.
pub fn simulated_prices(endpoints: &mut [Arc<Endpoint>], folder: Option<&Path>) {
    for endpoint in endpoints.iter_mut().filter(|endpoint| endpoint.simulated && endpoint.price.is_none()) {
        if let Ok(profile) = profile(&endpoint.model, folder.unwrap_or(Path::new("."))) {
            Arc::make_mut(endpoint).price = profile.model().price.map(|tariff| Arc::new(tariff.price()));
        }
    }
}

/// A built-in profile, or a file relative to the suite.
///
/// # Errors
/// It is neither, or cannot be read.
pub fn profile(name: &str, folder: &Path) -> Result<sim::Profile, Failure> {
    if let Some(profile) = sim::Profile::builtin(name) {
        return Ok(profile);
    }
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let known: Vec<&str> = sim::Profile::builtin_names().collect();
        Failure::usage(format!("no simulator profile `{name}` ({error}); built in are {}", known.join(", ")))
    })?;
    sim::Profile::parse(&text).map_err(|why| Failure::usage(format!("{}: {why}", path.display())))
}

/// Keys by target, and a redactor that knows every key in reach.
pub struct Keys {
    /// By target.
    pub by_target: BTreeMap<TargetId, Secret>,
    /// For all writers.
    pub redactor: Redactor,
}

/// Finds the keys of all endpoints.
///
/// # Errors
/// Every key that is missing or may not go where it would have to, in one message.
pub fn find_keys(endpoints: &[Arc<Endpoint>], catalog: &Catalog, allow_http: bool) -> Result<Keys, Failure> {
    let (keys, problems) = keys_of(endpoints, catalog, allow_http);
    if problems.is_empty() {
        return Ok(keys);
    }
    let problems: Vec<String> = problems.into_values().collect();
    Err(Failure::provider(keys.redactor.clean(&problems.join("\n"))))
}

/// The keys that are to be had, and for the other targets why theirs is not.
pub fn keys_of(endpoints: &[Arc<Endpoint>], catalog: &Catalog, allow_http: bool) -> (Keys, BTreeMap<TargetId, String>) {
    let mut ring = ring(catalog);
    ring.allow_http = allow_http;
    let (mut by_target, mut problems) = (BTreeMap::new(), BTreeMap::new());
    for endpoint in endpoints {
        match ring.key(endpoint) {
            Ok(Some(key)) => {
                by_target.insert(endpoint.id.clone(), key);
            }
            Ok(None) => {}
            Err(error) => {
                problems.insert(endpoint.id.clone(), error.to_string());
            }
        }
    }
    let names = endpoints.iter().flat_map(|endpoint| &endpoint.key_env).map(String::as_str);
    let all: Vec<Secret> =
        ring.known(names).into_iter().chain(by_target.values().cloned()).chain(reach::secrets()).collect();
    (Keys { by_target, redactor: Redactor::new(&all) }, problems)
}

fn ring(catalog: &Catalog) -> KeyRing<'static> {
    let hosts: Vec<(String, Url)> = catalog
        .providers
        .iter()
        .filter_map(|provider| Some((provider.base_url.parse().ok()?, &provider.key_env)))
        .flat_map(|(url, names): (Url, _)| names.iter().map(move |name| (name.clone(), url.clone())))
        .collect();
    KeyRing::new(&keys::environment, hosts.iter().map(|(name, url)| (name.clone(), url)))
}

/// A redactor for commands that send nothing: it knows the catalogue's variables.
pub fn redactor(catalog: &Catalog) -> Redactor {
    Redactor::new(&ring(catalog).known([]).into_iter().chain(reach::secrets()).collect::<Vec<_>>())
}

/// What an earlier session left to this one.
#[derive(Default)]
pub struct Left {
    /// Trials that are not to run.
    pub done: crate::store::RangeSet,
    /// Attempts already made of trials that are.
    pub attempts: BTreeMap<u64, u16>,
    /// Spent already, doubts included.
    pub spent: Usd,
    /// Doubts to put on record before anything is sent.
    pub doubts: Vec<Event>,
    /// Cells whose target preflight found gone, with the reason.
    pub unavailable: BTreeMap<CellId, String>,
}

/// What a session is made of.
pub struct Session<'a> {
    /// The suite, for its graders.
    pub suite: &'a Suite,
    /// The plan.
    pub plan: Arc<Plan>,
    /// Every endpoint, judges included, simulators started.
    pub endpoints: &'a [Arc<Endpoint>],
    /// Keys.
    pub keys: Keys,
    /// The run folder, locked.
    pub folder: &'a RunFolder,
    /// The run's clock.
    pub clock: RunClock,
    /// What earlier sessions left.
    pub left: Left,
    /// Show progress.
    pub progress: bool,
    /// Answers on record to be judged.
    pub recorded: Vec<Assignment>,
    /// Early decisions.
    pub watch: Option<Watcher>,
    /// Programs may run model code.
    pub allow_code: bool,
    /// Answers of earlier runs; `None` sends every request.
    pub answers: Option<Answers>,
    /// The way to the answers.
    pub reach: Reach,
}

impl Session<'_> {
    /// Runs to the end or until interrupted.
    ///
    /// # Errors
    /// When the log fails. How the run went is in the log.
    pub fn run(mut self) -> Result<RunStatus, Failure> {
        let anchor = anchor(self.clock);
        let clock: Arc<dyn Clock> = Arc::new(self.clock);
        let writer = Writer::start(self.folder, clock, self.keys.redactor.clone(), anchor)?;
        std::mem::take(&mut self.left.doubts).into_iter().try_for_each(|doubt| writer.append(doubt))?;
        let control = Control::default();
        listen_for_signals(&control);
        let (display, seen) = if self.progress {
            let outlook = Outlook::of(self.suite, &self.plan, &control, |trial| self.left.done.contains(trial));
            Display::start(outlook).map(|(display, seen)| (Some(display), Some(seen))).map_err(Failure::store)?
        } else {
            (None, None)
        };
        let log = Arc::new(Log::new(writer, seen));
        let recorder = self.reach.recorder();
        let setup = self.setup(Arc::clone(&log) as Arc<dyn Recorder>);
        let end_clock = setup.clock;
        let result = engine::run(setup, &control);
        let writer = Arc::into_inner(log).map(Log::into_writer);
        let closed = writer.map_or(Ok(()), |writer| writer.close(self::anchor(end_clock)));
        if let Some(display) = display {
            display.end();
        }
        let status = result.map_err(|error| match error {
            EngineError::Plan(why) => Failure::usage(why),
            error => Failure::store(error),
        });
        closed?;
        reach::finish(recorder)?;
        status
    }

    fn setup(self, recorder: Arc<dyn Recorder>) -> Setup {
        let graders = self.suite.graders.iter().map(|grader| {
            let bound = Bound { grader: Arc::new(grader.clone()), version: grader.version.clone() };
            (grader.id.clone(), bound)
        });
        let left = self.left;
        let done = left.done;
        Setup {
            endpoints: self.endpoints.iter().map(|e| (e.id.clone(), Arc::clone(e))).collect(),
            keys: self.keys.by_target,
            graders: graders.collect(),
            recorder,
            network: self.reach.network,
            tapes: self.reach.tapes,
            programs: programs(self.allow_code),
            clock: self.clock,
            nonce: Anchor::take(&self.clock).wall ^ self.plan.seed.rotate_left(32),
            done: Arc::new(move |trial| done.contains(trial)),
            attempts: left.attempts,
            spent: left.spent,
            unavailable: left.unavailable,
            recorded: self.recorded,
            watch: self.watch.map(|watcher| Box::new(watcher) as Box<dyn Watch>),
            answers: self.answers,
            plan: self.plan,
        }
    }
}

/// Runs graders' programs in the sandbox; model code only where it is allowed.
pub fn programs(allow_code: bool) -> Arc<RunProgram> {
    let kept = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"];
    let environment = kept.iter().filter_map(|name| keys::environment(name).map(|value| ((*name).into(), value)));
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let sandbox = Sandbox::new(std::env::temp_dir(), here, environment.collect());
    Arc::new(move |program| {
        if program.isolated && !allow_code {
            return Err("code of a model runs only with --allow-code".into());
        }
        sandbox.run(program)
    })
}

/// Both clocks, now.
pub fn anchor(clock: RunClock) -> manifest::Anchor {
    let now = Anchor::take(&clock);
    manifest::Anchor { offset_ns: now.at.0, unix_ns: now.wall }
}

/// The first signal drains, the second aborts. SIGTERM and SIGHUP count as Ctrl-C.
fn listen_for_signals(control: &Control) {
    let control = control.clone();
    let listen = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            for first in [true, false] {
                if wait_for_signal().await.is_err() {
                    return;
                }
                if first {
                    terminal::note("\nstopping: what is in flight is finished; once more ends it at once");
                    control.drain();
                } else {
                    control.abort();
                }
            }
        });
    };
    // Ends with the process: a run that finishes in order never hears of it again.
    let _ = thread::Builder::new().name("signals".into()).spawn(listen);
}

/// Waits for Ctrl-C, SIGTERM or SIGHUP.
///
/// # Errors
/// No handler could be installed.
pub async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

/// The exit that a run's end alone calls for.
pub fn exit_of(status: RunStatus) -> Exit {
    match status {
        RunStatus::Complete | RunStatus::Decided | RunStatus::Aborted => Exit::Ok,
        RunStatus::Interrupted => Exit::Interrupted,
        RunStatus::Budget => Exit::Budget,
        RunStatus::Provider => Exit::Provider,
    }
}
