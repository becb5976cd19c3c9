//! The run folder: append-only event log, manifest, lock, reader.
