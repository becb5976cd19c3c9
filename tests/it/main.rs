//! The only integration binary: a module per capability.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its input has failed")]

mod layering;
mod sim_server;
mod tidy;
mod wire_vectors;
