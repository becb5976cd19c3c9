//! A scripted LLM server: honest small skills, byte-level control, its own ledger. Never an oracle of expectations.

mod clock;
mod conn;
pub mod draw;
pub mod fault;
mod host;
mod http;
pub mod ledger;
pub mod profile;
pub mod server;
mod tokens;

pub use ledger::Ledger;
pub use profile::Profile;
pub use server::Running;
pub use server::Server;
