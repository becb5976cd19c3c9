//! Wire dialects and the catalogue: requests to bytes, events to replies. No socket, no clock.
//!
//! A provider that speaks a known protocol is data (`catalog`); a new protocol is one file implementing
//! [`Dialect`] and one line in [`DIALECTS`].

pub mod anthropic_messages;
pub mod aside;
pub mod catalog;
pub mod diagnose;
pub mod dialect;
mod draft;
mod encode;
pub mod endpoint;
mod failure;
mod json;
pub mod openai_chat;
pub mod openai_responses;
pub mod prices;
pub mod request;
pub mod resolve;
pub mod retry_after;
pub mod spec;
mod usage;

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
pub use prices::PriceBook;
pub use resolve::resolve;
pub use spec::Problem;
pub use spec::TargetSpec;

/// Every protocol, by the names of the contract.
pub const DIALECTS: &[&dyn Dialect] =
    &[&openai_chat::OpenAiChat, &openai_responses::OpenAiResponses, &anthropic_messages::AnthropicMessages];

/// The protocol of this name.
pub fn dialect(name: &str) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|dialect| dialect.name() == name)
}
