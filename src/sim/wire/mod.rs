//! The protocols as a server speaks them: pieces of a reply to events, whole replies and errors to JSON.

mod chat;
mod frames;
mod messages;
mod responses;

use serde_json::Value;
use serde_json::json;

pub(super) use frames::Eol;
pub(super) use frames::Frames;

use super::ask::Protocol;
use super::reply::Piece;
use super::reply::Reply;

/// A protocol, as a server speaks it. One value serves one reply.
pub(super) trait Wire: Send + Sync {
    /// Writes the events of one piece.
    fn piece(&mut self, piece: &Piece, reply: &Reply, out: &mut Frames);

    /// The whole reply as one JSON object.
    fn whole(&self, reply: &Reply) -> Value;
}

/// The wire of a protocol.
pub(super) fn of(protocol: Protocol, reply: &Reply) -> Box<dyn Wire> {
    match protocol {
        Protocol::Chat => Box::new(chat::Chat::new(reply)),
        Protocol::Responses => Box::new(responses::Responses::default()),
        Protocol::Messages => Box::new(messages::Messages::default()),
    }
}

/// An error as the protocol words it.
pub(super) fn error(protocol: Protocol, status: u16, message: &str) -> Value {
    match protocol {
        Protocol::Messages => {
            json!({"type": "error", "error": {"type": anthropic_type(status), "message": message}, "request_id": "req_sim"})
        }
        Protocol::Chat | Protocol::Responses => {
            let (kind, code) = openai_type(status);
            json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        }
    }
}

fn anthropic_type(status: u16) -> &'static str {
    match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    }
}

fn openai_type(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        400 | 413 => ("invalid_request_error", None),
        401 => ("invalid_request_error", Some("invalid_api_key")),
        402 => ("insufficient_quota", Some("credit_balance_exhausted")),
        403 => ("permission_error", None),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("rate_limit_error", Some("rate_limit_exceeded")),
        503 | 529 => ("server_error", Some("overloaded")),
        _ => ("server_error", Some("internal_error")),
    }
}
