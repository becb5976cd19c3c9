//! HTTP over our own connections: stamps, event framing, cassettes, secret headers. Nothing retries here.

pub mod sse;

pub use sse::Framed;
pub use sse::Framer;
