//! A target resolved: where to send, as whom, and what each mode adds to the body.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use url::Url;

use super::Dialect;
use super::Members;
use super::Params;
use super::PriceBook;
use super::Problem;
use crate::domain::JsonText;
use crate::domain::ModeName;
use crate::domain::Price;
use crate::domain::ProviderId;
use crate::domain::TargetId;
use crate::text::Secret;

/// Where the key goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// No key is sent.
    None,
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `x-api-key: KEY`.
    XApiKey,
    /// A member of the JSON body.
    Body(String),
    /// A header of this name.
    Header(String),
}

/// A reasoning setting at one endpoint: a merge patch on the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// Its name.
    pub name: ModeName,
    /// RFC 7396 merge patch; `{}` sends nothing.
    pub patch: JsonText,
    /// Known to work at this endpoint, rather than a candidate to be probed.
    pub verified: bool,
    /// Whether reasoning is expected: `Some(false)` where the mode switches it off, `None` where it may be either.
    pub reasons: Option<bool>,
}

/// A target resolved against the catalogue.
#[derive(Clone)]
pub struct Endpoint {
    /// The suite's name for it.
    pub id: TargetId,
    /// The catalogue's provider, or `custom`, or `sim`.
    pub provider: ProviderId,
    /// The protocol.
    pub dialect: &'static dyn Dialect,
    /// Base URL as the vendor's SDK takes it.
    pub base_url: Url,
    /// The model's name at this endpoint.
    pub model: String,
    /// The body member that carries it, mostly `model`.
    pub model_field: String,
    /// Where the key goes.
    pub auth: Auth,
    /// Environment variables that may hold the key, in order of preference.
    pub key_env: Vec<String>,
    /// Headers sent with every request.
    pub headers: Vec<(String, String)>,
    /// Merge patch on every request, from the catalogue.
    pub body: JsonText,
    /// Merge patch on every request that asks for a stream, from the catalogue.
    pub stream_body: JsonText,
    /// Merge patch on every request, from the suite; applied last.
    pub overrides: JsonText,
    /// Parameters that have another name here, such as `max_tokens`.
    pub renames: Vec<(String, String)>,
    /// Clears other reasoning controls before a mode's patch is applied.
    pub mode_reset: JsonText,
    /// What can be asked of it.
    pub modes: Vec<Mode>,
    /// Other patches that may work where the modes in force are unverified, with their names.
    pub candidates: Vec<(String, Vec<Mode>)>,
    /// Why a mode is missing, where the catalogue says so.
    pub mode_note: Option<String>,
    /// The price in force; `None` where nobody states one.
    pub price: Option<Arc<Price>>,
    /// Other claims about the price, for comparison.
    pub claims: Vec<Arc<Price>>,
    /// Client-side limits: concurrent requests, requests and tokens per minute.
    pub limits: Limits,
    /// Path below the base URL that lists models, where there is one.
    pub models_path: Option<String>,
    /// Longest prompt in tokens, where known.
    pub context: Option<u64>,
    /// What the model can do here, where known.
    pub abilities: Abilities,
    /// What a user should know before relying on it: retired, serial queue, unconfirmed id.
    pub notes: Vec<String>,
    /// Asked over HTTP/2 where the server speaks it, rather than HTTP/1.1.
    pub http2: bool,
    /// The answers come from the simulator; its address is set when it has started.
    pub simulated: bool,
}

/// Client-side limits of a target.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Concurrent requests.
    pub concurrency: Option<u32>,
    /// Requests per minute.
    pub rpm: Option<f64>,
    /// Tokens per minute.
    pub tpm: Option<f64>,
}

/// What a model can do at an endpoint; `None` where nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    /// Calls functions.
    pub tools: Option<bool>,
    /// Answers in the form of a JSON Schema.
    pub structured_output: Option<bool>,
    /// Takes images.
    pub vision: Option<bool>,
    /// Takes a temperature.
    pub temperature: Option<bool>,
    /// Reasons before it answers.
    pub reasoning: Option<bool>,
}

impl Abilities {
    /// What is known to work, for messages; empty where nothing is known.
    pub fn known(self) -> Vec<&'static str> {
        let all = [
            (self.tools, "functions"),
            (self.structured_output, "JSON Schema"),
            (self.vision, "images"),
            (self.reasoning, "reasoning"),
        ];
        all.into_iter().filter(|(able, _)| *able == Some(true)).map(|(_, what)| what).collect()
    }
}

/// A request ready for the wire.
#[derive(Debug, Clone)]
pub struct WireRequest {
    /// Full URL, without any secret.
    pub url: Url,
    /// All headers but `host` and `content-length`; secret values are marked sensitive.
    pub headers: HeaderMap,
    /// The body in pieces that are shared, not copied.
    pub body: Vec<Bytes>,
    /// Hash of the body without salt and secrets, for caches and resumption.
    pub fingerprint: u64,
    /// The merge patch that the mode added.
    pub sent_mode: JsonText,
    /// Tokens that the body lets the model generate; `None` where it says nothing.
    pub max_output: Option<u64>,
    /// Over HTTP/2 where the server speaks it.
    pub http2: bool,
}

/// What one request is made of.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The encoded conversation.
    pub members: &'a Members,
    /// The mode; must be one of the endpoint's, or none to send nothing.
    pub mode: Option<&'a Mode>,
    /// Sampling parameters.
    pub params: &'a Params,
    /// Unique text put in front of the first message.
    pub salt: Option<&'a str>,
    /// The key.
    pub key: Option<&'a Secret>,
    /// Ask for a stream.
    pub stream: bool,
}

impl Endpoint {
    /// Takes the price from a price file where it has one; the price so far becomes a claim beside it.
    pub fn reprice(&mut self, book: &PriceBook, key: &str) {
        let names = [key, self.model.as_str()];
        if let Some(price) = book.find(self.id.as_str(), &names, self.provider.as_str()) {
            self.claims.extend(self.price.replace(Arc::new(price.clone())));
        }
    }

    /// The mode of this name, or what could be asked instead.
    pub fn mode(&self, name: &ModeName) -> Result<&Mode, Problem> {
        self.modes.iter().find(|mode| mode.name == *name).ok_or_else(|| self.no_such_mode(name))
    }

    fn no_such_mode(&self, name: &ModeName) -> Problem {
        let known: Vec<&str> = self.modes.iter().map(|mode| mode.name.as_str()).collect();
        let why = self.mode_note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        Problem::new("modes", format!("target `{}` has no mode `{name}`{why}", self.id))
            .with_help(format!("it can do {}; or give the target a patch of its own under `modes`", known.join(", ")))
    }
}
