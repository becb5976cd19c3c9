//! A target as a suite's author writes it, before the catalogue fills in the rest.

use super::Auth;
use super::endpoint::Limits;
use crate::domain::JsonText;
use crate::domain::ModeName;
use crate::domain::Price;
use crate::domain::TargetId;

/// One entry of `targets:`. Everything is optional here; [`super::resolve`] says what is missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TargetSpec {
    /// The target's id; `model@provider` where absent.
    pub id: Option<TargetId>,
    /// A catalogue model, one of its names at a provider, or any name at an endpoint spelled out.
    pub model: Option<String>,
    /// A catalogue provider; absent for an endpoint spelled out by `base_url`.
    pub provider: Option<String>,
    /// `openai-chat`, `openai-responses` or `anthropic-messages`.
    pub protocol: Option<String>,
    /// Base URL as the vendor's SDK takes it.
    pub base_url: Option<String>,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
    /// Where the key goes.
    pub auth: Option<Auth>,
    /// The price in force; replaces the catalogue's.
    pub price: Option<Price>,
    /// Other claims about the price, shown beside it.
    pub claims: Vec<Price>,
    /// Merge patches by mode; they override or add to the catalogue's.
    pub modes: Vec<(ModeName, JsonText)>,
    /// Merge patch on every request.
    pub body: Option<JsonText>,
    /// Client-side limits.
    pub limits: Limits,
    /// Asked over HTTP/2 where the server speaks it.
    pub http2: bool,
    /// The embedded simulator answers, with the profile of this name.
    pub sim: Option<String>,
}

/// Something wrong with a target, by the key that it is written under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key inside the target, such as `provider`; empty for the target as a whole.
    pub field: &'static str,
    /// What is wrong: a lower-case fragment that names the value.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without advice.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into(), help: None }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}
