//! `plan --online`: everything that can be known of the targets before a run, asked of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::Asking;
use super::Depth;
use super::ask;
use super::count::Counted;
use super::count::count;
use super::show::Online;
use crate::cli::exit::Exit;
use crate::cli::exit::Failure;
use crate::cli::load;
use crate::cli::reach;
use crate::cli::session;
use crate::cli::session::Simulators;
use crate::domain::TargetId;
use crate::engine::clock::RunClock;
use crate::load::Plan;
use crate::provider::Catalog;
use crate::suite::Suite;

/// What the targets said, ready to be shown.
pub struct Seen {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// Prompt tokens, where the protocol counts them.
    pub counts: BTreeMap<TargetId, Counted>,
    /// 4 when some target is not to be had, else 0.
    pub exit: Exit,
}

/// Asks every target of the plan; simulators are started for it.
///
/// # Errors
/// A simulator, a thread or the TLS settings fail.
pub fn online(path: &Path, suite: &Suite, plan: &Plan, catalog: &Catalog, allow_http: bool) -> Result<Seen, Failure> {
    let mut endpoints = load::endpoints(suite, plan);
    let simulators = Simulators::start(&mut endpoints, path.parent().unwrap_or(Path::new(".")))?;
    let (keys, keyless) = session::keys_of(&endpoints, catalog, allow_http);
    let asking = Asking {
        plan,
        endpoints: endpoints.iter().filter(|endpoint| !keyless.contains_key(&endpoint.id)).map(Arc::clone).collect(),
        keys: &keys.by_target,
        depth: Depth::Probing,
        clock: RunClock::start(),
        network: reach::network(false)?,
    };
    let found = ask(&asking)?;
    let counts = count(&asking)?;
    simulators.stop();
    let online = Online { endpoints: &endpoints, keyless: &keyless, found: &found, counts: &counts };
    let json = keys.redactor.clean(&online.json().to_string());
    Ok(Seen {
        text: keys.redactor.clean(&online.text()),
        json: serde_json::from_str(&json).unwrap_or_default(),
        exit: if online.has_gaps() { Exit::Provider } else { Exit::Ok },
        counts,
    })
}
