//! The serialised form of the event log: one flat JSON object per line.
//!
//! ```text
//! {"n":7,"t":1234567,"k":"intent","first":0,"end":16,"worst_pusd":52000000,"crc":"9ae0daaf"}
//! ```
//!
//! `n` is the sequence number from 0, `t` nanoseconds since the run's monotonic zero, `k` the kind, `crc` the CRC-32
//! (IEEE) of the line's bytes before the comma in front of it. The first line of a log, and of every later session of
//! it, is of kind `open` and carries the format version. Times are integers of nanoseconds, money is integers of
//! 1e-12 USD, an absent member is an unknown value.
//!
//! A reader ignores members it does not know, so a new member raises the minor version; a new kind, or a new meaning
//! of an old member, raises the major one.

mod event;
mod line;
mod observation;
mod word;

pub use event::decode;
pub use event::encode;
pub use event::encode_anchor;
pub use line::Head;
pub use line::finish;
pub use line::open;
pub use line::trial_of;
pub use line::verify;
pub(super) use word::intern;

/// Version of the format: lines of a greater major cannot be read.
pub const MAJOR: u32 = 1;

/// Version of the format: members were added since `MAJOR.0`.
pub const MINOR: u32 = 1;

#[cfg(test)]
mod roundtrip;
