//! Models, endpoints and prices that are known by name: a data file with sources and dates, and no code per provider.
//!
//! `catalog/catalog.json` is embedded. A provider that speaks a known protocol is an entry there. Merge patches
//! follow RFC 7396; amounts are decimal text, so that they stay exact.

pub mod claim;
pub mod listing;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;

use super::PriceBook;
use super::endpoint::Abilities;
use crate::text::nearest;

pub use claim::Claim;
pub use listing::Row;
pub use listing::list;

const EMBEDDED: &str = include_str!("catalog/catalog.json");

/// The catalogue.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Version of the file's schema.
    pub version: u32,
    /// When it was compiled, as an ISO date.
    pub compiled: String,
    /// Merge patch that removes every known reasoning control.
    pub mode_reset: Value,
    /// Whether reasoning is expected in a mode of this name.
    pub mode_reasons: BTreeMap<String, bool>,
    /// What a protocol's own reasoning control is, for endpoints of which nothing else is known.
    pub protocol_modes: BTreeMap<String, ModeSet>,
    /// Sellers that appear in price claims only: id to name.
    pub sellers: BTreeMap<String, String>,
    /// Where facts come from.
    pub sources: BTreeMap<String, Source>,
    /// Who serves models.
    pub providers: Vec<Provider>,
    /// Models.
    pub models: Vec<Model>,
    /// Prices from the user's file, which overrule all others.
    #[serde(skip)]
    pub book: PriceBook,
}

/// Where facts come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its date; empty for an undated page.
    #[serde(default)]
    pub date: String,
    /// Its address, where it has one.
    #[serde(default)]
    pub url: String,
}

/// Who serves models.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its id.
    pub id: String,
    /// Other names that it is known by.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its name for people.
    pub name: String,
    /// `first-party`, `host`, `gateway` or `local`.
    pub kind: String,
    /// Base URL as the vendor's SDK takes it.
    pub base_url: String,
    /// Protocols it speaks, the preferred one first.
    pub protocols: Vec<Spoken>,
    /// Path below the base URL that lists models.
    #[serde(default)]
    pub models_path: Option<String>,
    /// Environment variables that may hold the key, in order of preference.
    pub key_env: Vec<String>,
    /// The body member that carries the model's name.
    pub model_field: String,
    /// Parameters that have another name here.
    #[serde(default)]
    pub renames: BTreeMap<String, String>,
    /// Merge patch on every request.
    #[serde(default)]
    pub body: Map<String, Value>,
    /// Merge patch on every request that asks for a stream.
    #[serde(default)]
    pub stream_body: Map<String, Value>,
    /// Its own reasoning controls by protocol, for models without an entry.
    #[serde(default)]
    pub modes: BTreeMap<String, ModeSet>,
    /// What it lets an account do; in force where the suite says nothing.
    #[serde(default)]
    pub limits: Bounds,
    /// What a user should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// How firm the entry is.
    pub confidence: String,
}

/// How much a provider takes, and who says so.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// Concurrent requests.
    pub concurrency: Option<u32>,
    /// Requests per minute.
    pub rpm: Option<f64>,
    /// Tokens per minute.
    pub tpm: Option<f64>,
    /// What the bounds are: of which plan, account or model.
    pub what: String,
    /// Id of the source.
    pub source: String,
}

/// A protocol that a provider speaks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spoken {
    /// The protocol's name.
    pub name: String,
    /// Where the key goes: `bearer`, `x-api-key` or `none`.
    pub auth: String,
}

/// Merge patches by mode.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeSet {
    /// Mode to patch.
    #[serde(default)]
    pub patches: Map<String, Value>,
    /// How firm they are.
    #[serde(default)]
    pub confidence: String,
    /// Why modes are missing, where some are.
    #[serde(default)]
    pub note: Option<String>,
    /// Patches that may work, the likeliest first.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
}

/// Patches that may work.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// A name for them.
    pub name: String,
    /// Mode to patch.
    pub patches: Map<String, Value>,
}

/// A model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its key in this catalogue.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Who made it.
    pub vendor: String,
    /// Its line.
    #[serde(default)]
    pub family: String,
    /// `subject`, `sibling` or `related`.
    pub role: String,
    /// Whether its weights are public.
    #[serde(default)]
    pub open_weights: Option<bool>,
    /// First release, as an ISO date.
    #[serde(default)]
    pub released: String,
    /// Context length in tokens.
    #[serde(default)]
    pub context: Option<u64>,
    /// Longest answer in tokens.
    #[serde(default)]
    pub max_output: Option<u64>,
    /// What it can do.
    #[serde(default)]
    pub abilities: Able,
    /// Whether it can still be had.
    pub lifecycle: Lifecycle,
    /// Where it is served.
    pub endpoints: Vec<Served>,
    /// What it costs, by whom.
    #[serde(default)]
    pub prices: Vec<Claim>,
}

/// What a model can do; absent where nobody says.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Able {
    tools: Option<bool>,
    structured_output: Option<bool>,
    vision: Option<bool>,
    temperature: Option<bool>,
    reasoning: Option<bool>,
}

impl Able {
    /// These abilities where stated, `general` elsewhere.
    pub fn over(self, general: Self) -> Abilities {
        Abilities {
            tools: self.tools.or(general.tools),
            structured_output: self.structured_output.or(general.structured_output),
            vision: self.vision.or(general.vision),
            temperature: self.temperature.or(general.temperature),
            reasoning: self.reasoning.or(general.reasoning),
        }
    }
}

/// Whether a model can still be had somewhere.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    /// `listed`, `deprecated`, `retired`, `delisted` or `unknown`.
    pub status: String,
    /// When that was true, as an ISO date.
    #[serde(default)]
    pub date: String,
    /// The announced end, as an ISO date.
    #[serde(default)]
    pub ends: String,
    /// More.
    #[serde(default)]
    pub note: String,
}

impl Lifecycle {
    /// The model is gone, or will be.
    pub fn warning(&self) -> Option<String> {
        let when = if self.date.is_empty() { String::new() } else { format!(" ({})", self.date) };
        match self.status.as_str() {
            "listed" if self.ends.is_empty() => None,
            "listed" => Some(format!("ends on {}", self.ends)),
            "unknown" => Some(format!("not known to be available{when}")),
            gone => Some(format!("{gone} there{when}")),
        }
    }
}

/// A model at a provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    /// The provider's id.
    pub provider: String,
    /// The model's name there.
    pub id: String,
    /// Protocols, the preferred one first; none where it speaks none of ours.
    #[serde(default)]
    pub protocols: Vec<String>,
    /// Base URL where it is not the provider's.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Region.
    #[serde(default)]
    pub region: Option<String>,
    /// Context length in tokens where it is not the model's.
    #[serde(default)]
    pub context: Option<u64>,
    /// Longest answer in tokens where it is not the model's.
    #[serde(default)]
    pub max_output: Option<u64>,
    /// What it can do here where that differs.
    #[serde(default)]
    pub abilities: Able,
    /// Merge patch on every request.
    #[serde(default)]
    pub body: Map<String, Value>,
    /// What an account may do here, where that is not the provider's.
    #[serde(default)]
    pub limits: Bounds,
    /// Whether it can still be had here.
    pub lifecycle: Lifecycle,
    /// Modes by protocol.
    #[serde(default)]
    pub modes: BTreeMap<String, ModeSet>,
    /// What a user should know.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Catalog {
    /// The catalogue that this program was built with.
    ///
    /// # Panics
    /// Never in a program that passed its tests: one of them reads the embedded file.
    pub fn embedded() -> Self {
        serde_json::from_str(EMBEDDED).expect("a test holds the embedded file against these types")
    }

    /// The same catalogue with the prices of a file laid over it.
    #[must_use]
    pub fn with_prices(self, book: PriceBook) -> Self {
        Self { book, ..self }
    }

    /// The provider of this id or alias.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.id == name || provider.aliases.iter().any(|alias| alias == name))
    }

    /// The model of this key.
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id == id)
    }

    /// The known provider nearest to `name`.
    pub fn provider_like(&self, name: &str) -> Option<&str> {
        nearest(name, self.providers.iter().map(|provider| provider.id.as_str()))
    }

    /// The known model nearest to `name`, by key or by a name at some provider.
    pub fn model_like(&self, name: &str) -> Option<&str> {
        let keys = self.models.iter().map(|model| model.id.as_str());
        let served = self.models.iter().flat_map(|model| &model.endpoints).map(|served| served.id.as_str());
        nearest(name, keys.chain(served))
    }

    /// Where `model`, a key or a name at a provider, is served by `provider`.
    pub fn served(&self, model: &str, provider: &str) -> Vec<(&Model, &Served)> {
        let all = self.models.iter().flat_map(|known| known.endpoints.iter().map(move |served| (known, served)));
        all.filter(|(known, served)| served.provider == provider && (known.id == model || served.id == model)).collect()
    }

    /// The name and date of a source, for people.
    pub fn source(&self, id: &str) -> String {
        self.sources.get(id).map_or_else(|| id.to_owned(), |source| source.name.clone())
    }
}

#[cfg(test)]
mod tests;
