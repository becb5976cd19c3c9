//! The only integration binary: a module per capability.

mod layering;
mod tidy;
