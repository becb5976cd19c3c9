//! What a wire protocol must be able to do.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Map;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::domain::Channel;
use crate::domain::Conversation;
use crate::domain::Message;
use crate::domain::Outcome;
use crate::domain::Reply;

/// Sampling parameters as the suite's `params:` wrote them: `temperature`, `top_p`, `max_tokens`, `seed`, `stop`, ...
pub type Params = Map<String, Value>;

/// JSON members of a request body that carry the conversation, without outer braces, split where a salt goes.
///
/// Encoded once per conversation and turn and shared by all trials that ask it, so that a prompt of a megabyte is
/// not copied per trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Bytes up to the place of the salt, inside the first message's text.
    pub before: Bytes,
    /// Bytes from there on.
    pub after: Bytes,
    /// Small members that merge with what other settings add to them, such as the form of the answer.
    pub extra: Map<String, Value>,
    /// Hash of all of the above.
    pub digest: u64,
}

impl Members {
    /// Members whose salt goes between `before` and `after`.
    pub fn new(before: Bytes, after: Bytes, extra: Map<String, Value>) -> Self {
        let small = Value::Object(extra.clone()).to_string();
        let digest = fingerprint([&before[..], &after, small.as_bytes()]);
        Self { before, after, extra, digest }
    }
}

/// A hash of byte strings that tells them apart wherever their borders lie; the same on every machine.
pub(super) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// Status and headers of a response, as far as decoding needs them.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// HTTP status.
    pub status: u16,
    /// `content-type`, lower case; empty where absent.
    pub content_type: String,
    /// Headers that matter (retry-after, retry-after-ms, x-should-retry, x-ratelimit-*, date, location, request ids),
    /// names in lower case, in order of arrival.
    pub headers: Vec<(String, String)>,
}

/// How the body of a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The HTTP message was complete, or we stopped reading after its terminal event.
    Clean,
    /// The connection closed inside the HTTP message.
    Cut,
    /// A size cap was hit; names the cap.
    Capped(&'static str),
}

/// A response decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// What it said.
    pub reply: Reply,
    /// How it ended.
    pub outcome: Outcome,
    /// A detail of the outcome, such as the protocol rule that was broken or the provider's error code.
    pub detail: String,
    /// The provider's message, at most 2 KiB.
    pub message: String,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
}

/// Decodes one response. Fed with framed events in order, or with one whole body; never panics, whatever comes.
pub trait Decoder: Send {
    /// One event: its name (empty for the default) and data. Appends to `out` the channels it carries with the
    /// number of bytes of generated text each; text itself is kept inside.
    fn event(&mut self, name: &str, data: &str, out: &mut Vec<(Channel, u32)>);

    /// A whole JSON body: the answer of a request that did not stream, or an error object.
    fn body(&mut self, body: &[u8], out: &mut Vec<(Channel, u32)>);

    /// Generated material was seen.
    fn has_token(&self) -> bool;

    /// The terminal event was seen: nothing more needs to be read.
    fn is_done(&self) -> bool;

    /// The verdict on the whole response.
    fn finish(self: Box<Self>, head: &Head, end: End) -> Decoded;
}

/// A wire protocol.
pub trait Dialect: Sync {
    /// The contract's name, such as `openai-chat`.
    fn name(&self) -> &'static str;

    /// Path of the request below the base URL, such as `/chat/completions`.
    fn path(&self) -> &'static str;

    /// Path of the request that counts a prompt's tokens without an answer, where the protocol has one.
    fn count_path(&self) -> Option<&'static str> {
        None
    }

    /// Encodes messages, tools, tool choice and format as body members. `messages` is the whole conversation so far,
    /// earlier turns and the model's own answers included.
    fn encode(&self, messages: &[Message], conversation: &Conversation) -> Members;

    /// The other members of the body: sampling parameters under this protocol's names, `stream` and its options.
    ///
    /// # Errors
    /// The names of parameters that this protocol does not have.
    fn options(&self, params: &Params, stream: bool) -> Result<Map<String, Value>, Vec<String>>;

    /// Body members that a merge patch must not touch, such as `model`, `messages`, `stream`.
    fn protected(&self) -> &'static [&'static str];

    /// A decoder for one response.
    fn decoder(&self) -> Box<dyn Decoder>;
}
