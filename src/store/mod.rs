//! The run folder: append-only event log, manifest, lock, reader.
//!
//! [`RunFolder::create`] writes the manifest and takes the lock, [`Writer`] appends events and says when they are
//! durable, [`Reader`] gives them back in constant memory, [`Progress`] tells what a resumed run still has to do.

pub mod cache;
pub mod cassette;
mod draft;
mod error;
pub mod folder;
pub mod format;
pub mod lock;
pub mod manifest;
pub mod progress;
pub mod ranges;
pub mod reader;
mod redact;
pub mod writer;

pub use cache::Cache;
pub use cassette::Cassettes;
pub use draft::Draft;
pub use error::StoreError;
pub use folder::RunFolder;
pub use folder::run_id;
pub use manifest::Manifest;
pub use progress::InDoubt;
pub use progress::Progress;
pub use ranges::RangeSet;
pub use reader::Reader;
pub use reader::Record;
pub use reader::Stored;
pub use writer::Writer;
