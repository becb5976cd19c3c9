//! A scripted LLM server: honest small skills, byte-level control, its own ledger. Never an oracle of expectations.

mod ask;
mod cache;
mod clock;
mod conn;
pub mod draw;
mod embed;
pub mod fault;
mod generate;
mod host;
mod http2;
pub mod ledger;
mod page;
mod play;
pub mod profile;
mod reply;
mod request;
mod route;
pub mod server;
mod skills;
mod tokens;
mod wire;

pub use ledger::Ledger;
pub use profile::Profile;
pub use server::Running;
pub use server::Server;
