//! What the benches of the instrument share: a simulator in a process of its own, and the least that a client can do.

pub(crate) mod bare;
pub(crate) mod server;
