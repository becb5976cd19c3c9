//! Runs a plan. The only room with tasks, threads and channels; emits events.

pub mod clock;
pub mod decode;
pub mod io;

pub mod sandbox;
