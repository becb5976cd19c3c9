//! How a session reaches its answers: over the network and its proxies, or from recordings.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use clap::ValueEnum;
use serde_json::Value;
use serde_json::json;

use super::exit::Failure;
use super::keys;
use super::terminal;
use crate::domain::tape::Label;
use crate::domain::tape::Tape;
use crate::engine::tapes::Shelf;
use crate::engine::tapes::Tapes;
use crate::store::Cassettes;
use crate::store::cassette::Recorder;
use crate::text::Redactor;
use crate::text::Secret;
use crate::transport::Network;
use crate::transport::Proxies;
use crate::transport::Speed;
use crate::transport::tls;

/// Flags about recordings and proxies.
#[derive(Debug, Clone, Default, Args)]
pub struct ReachArgs {
    /// Record every exchange, with its times and without secrets, as a file in this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    pub record: Option<String>,
    /// Play recorded exchanges instead of asking: no connection is opened, no key is needed.
    #[arg(long, value_name = "DIR")]
    pub replay: Option<String>,
    /// How fast recordings are played.
    #[arg(long, value_name = "SPEED", default_value = "recorded", requires = "replay")]
    pub replay_speed: ReplaySpeed,
    /// Go no way through a proxy, whatever the environment says.
    #[arg(long)]
    pub no_proxy: bool,
}

/// How fast recordings are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ReplaySpeed {
    /// As they were recorded.
    #[default]
    Recorded,
    /// Without waiting; stamps stay the recorded ones.
    Max,
}

/// The way to the answers.
pub struct Reach {
    /// To servers.
    pub network: Network,
    /// Past them.
    pub tapes: Tapes,
    recorder: Option<Arc<Recorder>>,
    replayed: Option<Value>,
}

impl Reach {
    /// The way that flags and environment ask for.
    ///
    /// # Errors
    /// A proxy or trust anchors that are of no use, or a folder of recordings that is.
    pub fn new(args: &ReachArgs, redactor: &Redactor) -> Result<Self, Failure> {
        let network = network(args.no_proxy)?;
        let mut reach = Self { network, tapes: Tapes::Live, recorder: None, replayed: None };
        if let Some(folder) = &args.record {
            let recorder = Recorder::start(Path::new(folder), redactor.clone())?;
            reach.recorder = Some(Arc::clone(&recorder));
            reach.tapes = Tapes::Record(Arc::new(Keeper(recorder)));
        }
        if let Some(folder) = &args.replay {
            let cassettes = Cassettes::open(Path::new(folder)).map_err(Failure::usage)?;
            let (speed, name) = match args.replay_speed {
                ReplaySpeed::Recorded => (Speed::Recorded, "recorded"),
                ReplaySpeed::Max => (Speed::Max, "max"),
            };
            reach.replayed = Some(json!({ "from": folder, "speed": name }));
            reach.tapes = Tapes::Replay(Arc::new(Player(cassettes)), speed);
        }
        Ok(reach)
    }

    /// Whether answers come from recordings.
    pub fn is_replayed(&self) -> bool {
        self.replayed.is_some()
    }

    /// What the manifest keeps of it.
    pub fn facts(&self) -> Vec<(String, Value)> {
        let places: Vec<String> = self.network.proxies.all().map(|proxy| proxy.place.authority()).collect();
        let proxies = (!places.is_empty() && !self.is_replayed()).then(|| ("proxies".to_owned(), json!(places)));
        proxies.into_iter().chain(self.replayed.clone().map(|value| ("replayed".to_owned(), value))).collect()
    }

    /// The recorder, to be finished when the session is over.
    pub fn recorder(&self) -> Option<Arc<Recorder>> {
        self.recorder.clone()
    }
}

/// How servers are reached: TLS with the Mozilla roots and those of `SSL_CERT_FILE`, proxies of the environment.
///
/// # Errors
/// A proxy or trust anchors that are of no use.
pub fn network(no_proxy: bool) -> Result<Network, Failure> {
    let proxies = if no_proxy { Proxies::default() } else { proxies()? };
    Ok(Network::new(trust()?, proxies))
}

/// Waits until every recording is on the disk.
///
/// # Errors
/// One could not be written.
pub fn finish(recorder: Option<Arc<Recorder>>) -> Result<(), Failure> {
    let Some(recorder) = recorder else { return Ok(()) };
    let written = recorder.finish()?;
    terminal::note(&format!("{written} exchanges recorded; play them with --replay"));
    Ok(())
}

struct Keeper(Arc<Recorder>);

impl Shelf for Keeper {
    fn keep(&self, label: Label, tape: Tape) {
        self.0.keep(label, tape);
    }

    fn find(&self, _label: &Label) -> Result<Tape, String> {
        Err("recordings are being made, not played".into())
    }
}

struct Player(Cassettes);

impl Shelf for Player {
    fn keep(&self, _label: Label, _tape: Tape) {}

    fn find(&self, label: &Label) -> Result<Tape, String> {
        self.0.find(label)
    }
}

/// The Mozilla roots, and what `SSL_CERT_FILE` adds for private CAs.
fn trust() -> Result<Arc<rustls::ClientConfig>, Failure> {
    let Some(path) = keys::environment("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return tls::config(None).map_err(Failure::usage);
    };
    let named = |why: String| Failure::usage(format!("SSL_CERT_FILE={}: {why}", Path::new(&path).display()));
    let extra = std::fs::read(&path).map_err(|why| named(why.to_string()))?;
    tls::config(Some(&extra)).map_err(named)
}

fn proxies() -> Result<Proxies, Failure> {
    let first = |names: [&str; 4]| names.into_iter().find_map(text);
    let http = first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]);
    let https = first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
    let except = ["no_proxy", "NO_PROXY"].into_iter().find_map(text).unwrap_or_default();
    Proxies::new(http.as_deref(), https.as_deref(), &except).map_err(|why| {
        let help = "correct HTTP_PROXY, HTTPS_PROXY or ALL_PROXY in the environment, or add --no-proxy";
        Failure::usage(format!("{why}\n  help: {help}"))
    })
}

fn text(name: &str) -> Option<String> {
    keys::environment(name)?.into_string().ok().filter(|text| !text.trim().is_empty())
}

/// Secrets of the environment's proxies, for the redactor.
pub fn secrets() -> Vec<Secret> {
    proxies().map(|proxies| proxies.all().flat_map(|proxy| proxy.secrets()).collect()).unwrap_or_default()
}
