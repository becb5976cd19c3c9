//! Wire dialects and the catalogue: requests to bytes, events to replies. No socket, no clock.
//!
//! A provider that speaks a known protocol is data (`catalog`); a new protocol is one file implementing
//! [`Dialect`] and one line in [`DIALECTS`].

pub mod catalog;
pub mod dialect;
pub mod endpoint;
pub mod request;
pub mod resolve;
pub mod spec;

pub use catalog::Catalog;
pub use dialect::Decoded;
pub use dialect::Decoder;
pub use dialect::Dialect;
pub use dialect::End;
pub use dialect::Head;
pub use dialect::Members;
pub use dialect::Params;
pub use endpoint::Auth;
pub use endpoint::Endpoint;
pub use endpoint::Mode;
pub use endpoint::WireRequest;
pub use resolve::resolve;
pub use spec::Problem;
pub use spec::TargetSpec;
