//! What the benches of the instrument share: a simulator in a process of its own, and the least that a client can do.

pub mod bare;
pub mod server;
