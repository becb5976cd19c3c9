//! Words for people and safety for bytes: durations, numbers, suggestions, secrets, hostile text.

pub mod duration;
pub mod number;
pub mod plain;
pub mod secret;
pub mod suggest;

pub use duration::parse_duration;
pub use secret::Redactor;
pub use secret::Secret;
pub use suggest::nearest;
