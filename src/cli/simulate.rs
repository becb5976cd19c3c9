//! `llmark sim`: the embedded simulator as a server of its own.

use std::fs::OpenOptions;
use std::path::Path;

use super::args::SimArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::session::profile;
use super::terminal;
use crate::sim::Ledger;
use crate::sim::Profile;
use crate::sim::Server;

/// Serves until a signal comes.
///
/// # Errors
/// A profile that cannot be read, a taken port, a ledger that cannot be written.
pub fn serve(args: &SimArgs) -> Result<Exit, Failure> {
    let names: Vec<String> = if args.profile.is_empty() {
        Profile::builtin_names().map(str::to_owned).collect()
    } else {
        args.profile.clone()
    };
    let profiles = names.iter().map(|name| profile(name, Path::new("."))).collect::<Result<Vec<_>, _>>()?;
    let models: Vec<String> =
        profiles.iter().flat_map(|profile| &profile.models).map(|model| model.id.clone()).collect();
    let ledger = match &args.ledger {
        None => Ledger::default(),
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            Ledger::to_file(file.map_err(|e| Failure::store(format!("{}: {e}", path.display())))?)
        }
    };
    let running = Server::start_with(profiles, args.port, ledger)
        .map_err(|error| Failure::store(format!("port {}: {error}", args.port)))?;
    terminal::result(&format!("simulating {} at {}", models.join(", "), running.base_url()));
    wait_for_signal()?;
    running.stop();
    Ok(Exit::Ok)
}

fn wait_for_signal() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::store)?;
    runtime.block_on(super::session::wait_for_signal()).map_err(Failure::store)
}
