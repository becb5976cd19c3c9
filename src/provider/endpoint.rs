//! A target resolved: where to send, as whom, and what each mode adds to the body.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use url::Url;

use super::Dialect;
use super::Members;
use super::Params;
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
    /// Merge patch on every request: the catalogue's, then the suite's `body`.
    pub body: JsonText,
    /// Clears other reasoning controls before a mode's patch is applied.
    pub mode_reset: JsonText,
    /// What can be asked of it.
    pub modes: Vec<Mode>,
    /// The price in force; `None` where nobody states one.
    pub price: Option<Arc<Price>>,
    /// Other claims about the price, for comparison.
    pub claims: Vec<Arc<Price>>,
    /// Client-side limits: concurrent requests, requests and tokens per minute.
    pub limits: Limits,
    /// The answers come from the simulator.
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
