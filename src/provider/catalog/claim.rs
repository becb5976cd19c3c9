//! Price claims: who says that what costs how much, since when, and how firmly.

use serde::Deserialize;

use super::Catalog;
use crate::domain::Price;
use crate::domain::Tier;
use crate::domain::Usd;

/// One claim about the price of a model at a seller. Amounts are decimal text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The seller.
    pub provider: String,
    /// `per_1m_tokens` or `per_request`.
    pub unit: String,
    /// The currency; US dollars where it is not stated.
    #[serde(default = "usd")]
    pub currency: String,
    /// Input tokens.
    #[serde(default)]
    pub input: Option<String>,
    /// Output tokens.
    #[serde(default)]
    pub output: Option<String>,
    /// Cached input tokens.
    #[serde(default)]
    pub cached_input: Option<String>,
    /// Input tokens written to the cache.
    #[serde(default)]
    pub cache_write: Option<String>,
    /// Reasoning tokens where they cost other than output.
    #[serde(default)]
    pub reasoning: Option<String>,
    /// Per request.
    #[serde(default)]
    pub per_request: Option<String>,
    /// Prices for longer prompts.
    #[serde(default)]
    pub tiers: Vec<Step>,
    /// The claim in force among several of one seller.
    #[serde(default)]
    pub active: bool,
    /// The source's key.
    pub source: String,
    /// Where in the source, or under which name.
    #[serde(default)]
    pub what: String,
    /// When it was true, as an ISO date.
    #[serde(default)]
    pub as_of: String,
    /// How firm it is.
    pub confidence: String,
    /// More.
    #[serde(default)]
    pub note: String,
}

/// The price of prompts above a length.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Prompts of more tokens than this.
    pub above: u64,
    /// Input tokens.
    pub input: String,
    /// Output tokens.
    pub output: String,
    /// Cached input tokens.
    #[serde(default)]
    pub cached_input: Option<String>,
}

fn usd() -> String {
    "USD".into()
}

impl Claim {
    /// The price that this claim states; `None` where it is in another currency or its amounts cannot be read.
    pub fn price(&self, catalog: &Catalog) -> Option<Price> {
        let amount = |text: &Option<String>| text.as_ref().map(|text| text.parse::<Usd>()).transpose().ok();
        if self.currency != "USD" {
            return None;
        }
        let tiers: Option<Vec<Tier>> = self.tiers.iter().map(Step::tier).collect();
        Some(Price {
            input: amount(&self.input)?.unwrap_or_default(),
            output: amount(&self.output)?.unwrap_or_default(),
            cached_input: amount(&self.cached_input)?,
            cache_write: amount(&self.cache_write)?,
            reasoning: amount(&self.reasoning)?,
            per_request: amount(&self.per_request)?.unwrap_or_default(),
            tiers: tiers?,
            source: format!("{}: {}", catalog.source(&self.source), self.what),
            as_of: self.as_of.clone(),
        })
    }
}

impl Step {
    fn tier(&self) -> Option<Tier> {
        let cached_input = self.cached_input.as_ref().map(|text| text.parse()).transpose().ok()?;
        let (input, output) = (self.input.parse().ok()?, self.output.parse().ok()?);
        Some(Tier { above_tokens: self.above, input, output, cached_input })
    }
}
