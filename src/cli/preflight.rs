//! Preflight: is every target there, and does every mode answer, before anything is measured?
//!
//! `run` asks remote targets one tiny question per mode. Targets on this machine are left alone, so that a server that
//! counts requests, a simulator or a local model sees the plan's requests and no others; their first trial tells as
//! much. `plan --online` asks everybody, and more: see [`Depth`].

mod ask;
pub mod count;
pub mod online;
pub mod show;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::exit::Failure;
use super::keys;
use super::terminal;
use crate::domain::CellId;
use crate::domain::Probe;
use crate::domain::Standing;
use crate::domain::TargetId;
use crate::domain::Usd;
use crate::engine::clock::RunClock;
use crate::load::Plan;
use crate::provider::Endpoint;
use crate::store::RunFolder;
use crate::store::manifest::ProbeInfo;
use crate::text::Redactor;
use crate::text::Secret;
use crate::transport::Network;

pub use ask::Listing;
pub use ask::ask;

/// A target that could not be reached is tried once more after this.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The models listing, and one tiny question per target and mode.
    Tiny,
    /// The same with room to reason, and every candidate patch of a mode that nobody documents.
    Probing,
}

/// Who is asked before a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Nobody.
    Nobody,
    /// Targets that are not on this machine.
    Remote,
    /// Everybody.
    All,
}

impl Who {
    /// The command line overrules the suite, which overrules the default.
    pub fn of(always: bool, never: bool, suite: Option<bool>) -> Self {
        match (always, never, suite) {
            (true, _, _) | (false, false, Some(true)) => Self::All,
            (false, true, _) | (false, false, Some(false)) => Self::Nobody,
            (false, false, None) => Self::Remote,
        }
    }

    fn wants(self, endpoint: &Endpoint) -> bool {
        match self {
            Self::Nobody => false,
            Self::Remote => !endpoint.simulated && !keys::is_this_machine(&endpoint.base_url),
            Self::All => true,
        }
    }
}

/// What is needed to ask.
pub struct Asking<'a> {
    /// Modes, parameters, timers, budget.
    pub plan: &'a Plan,
    /// Of whom.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Their keys.
    pub keys: &'a BTreeMap<TargetId, Secret>,
    /// How much.
    pub depth: Depth,
    /// The clock.
    pub clock: RunClock,
    /// How connections are made.
    pub network: Network,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// One per target and mode, and per candidate.
    pub probes: Vec<Probe>,
    /// By target, where a listing was asked for.
    pub listings: BTreeMap<TargetId, Listing>,
}

impl Found {
    /// What it cost, as far as it is known.
    pub fn cost(&self) -> Usd {
        spent(&self.probes)
    }
}

/// What probes cost together, as far as it is known.
pub fn spent(probes: &[Probe]) -> Usd {
    probes.iter().filter_map(|probe| probe.cost.usd).sum()
}

/// Preflight of a run: asks those that `who` names, and says on stderr what is wrong.
///
/// # Errors
/// No thread could be started.
pub fn before_run(
    plan: &Plan,
    endpoints: &[Arc<Endpoint>],
    keys: &super::session::Keys,
    who: Who,
    (clock, network): (RunClock, &Network),
) -> Result<Vec<Probe>, Failure> {
    let asked: Vec<_> = endpoints.iter().filter(|endpoint| who.wants(endpoint)).cloned().collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let network = network.clone();
    let mut asking = Asking { plan, endpoints: asked, keys: &keys.by_target, depth: Depth::Tiny, clock, network };
    let mut found = ask(&asking)?;
    let unreached = |id: &TargetId| found.probes.iter().any(|probe| probe.target == *id && is_unreached(probe));
    asking.endpoints.retain(|endpoint| unreached(&endpoint.id));
    if !asking.endpoints.is_empty() {
        std::thread::sleep(SECOND_LOOK);
        let again = ask(&asking)?.probes;
        found.probes.retain(|probe| !is_unreached(probe));
        found.probes.extend(again);
    }
    // A server may say back what it was sent.
    for text in found.probes.iter_mut().flat_map(|probe| [&mut probe.reason, &mut probe.advice]) {
        *text = keys.redactor.clean(text);
    }
    complain(&found.probes);
    Ok(found.probes)
}

/// Nothing was sent for want of a connection: a second look costs nothing, and spares a run one lost packet.
fn is_unreached(probe: &Probe) -> bool {
    probe.standing == Standing::Unavailable
        && probe.cost.usd == Some(Usd::ZERO)
        && ["dns", "connect"].contains(&probe.cause.as_str())
}

/// Adds what was found to the run's manifest.
///
/// # Errors
/// The folder cannot be written.
pub fn keep(folder: &mut RunFolder, probes: &[Probe], redactor: &Redactor) -> Result<(), Failure> {
    if probes.is_empty() {
        return Ok(());
    }
    let mut manifest = folder.manifest().clone();
    manifest.preflight.extend(probes.iter().map(ProbeInfo::from));
    Ok(folder.amend(&manifest, redactor)?)
}

/// Says on stderr what is wrong, once per target and cause.
fn complain(probes: &[Probe]) {
    let mut said: Vec<(&TargetId, &str)> = Vec::new();
    for probe in probes.iter().filter(|probe| probe.standing != Standing::Ok || probe.listed == Some(false)) {
        let key = (&probe.target, probe.cause.as_str());
        if said.contains(&key) {
            continue;
        }
        said.push(key);
        terminal::warning(&sentence(probe));
    }
}

/// A probe's finding in one line.
fn sentence(probe: &Probe) -> String {
    let advice = if probe.advice.is_empty() { String::new() } else { format!("; {}", probe.advice) };
    match probe.standing {
        Standing::Ok => format!("target `{}` answers, but its listing does not name the model", probe.target),
        Standing::Unavailable => format!("target `{}` is unavailable: {}{advice}", probe.target, probe.reason),
        Standing::Doubtful => {
            format!("target `{}`, mode `{}`, is doubtful: {}{advice}", probe.target, probe.mode, probe.reason)
        }
    }
}

/// Cells that are not to be asked, with the reason.
pub fn unavailable(plan: &Plan, probes: &[Probe]) -> BTreeMap<CellId, String> {
    let gone = |cell: &crate::load::Cell| {
        let probe = probes.iter().find(|probe| {
            probe.standing == Standing::Unavailable && probe.target == cell.target && probe.mode == cell.mode
        })?;
        Some(probe.reason.clone())
    };
    let cells = plan.cells.iter().enumerate();
    cells.filter_map(|(at, cell)| Some((CellId(at as u32), gone(cell)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_overrules_the_suite() {
        assert_eq!(Who::of(false, false, None), Who::Remote);
        assert_eq!(Who::of(false, false, Some(false)), Who::Nobody);
        assert_eq!(Who::of(false, false, Some(true)), Who::All);
        assert_eq!(Who::of(true, false, Some(false)), Who::All);
        assert_eq!(Who::of(false, true, Some(true)), Who::Nobody);
    }
}
