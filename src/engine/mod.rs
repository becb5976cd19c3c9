//! Runs a plan. The only room with tasks, threads and channels; emits events.
