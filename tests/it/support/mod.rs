//! What several tests share.

pub(crate) mod asking;
pub(crate) mod proxy;
