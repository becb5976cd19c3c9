//! What a run is: written once at its start, read by everything that follows.
//!
//! Names and numbers only. Keys never come here: a target names the variable that holds its key, and every string
//! passes the redactor on its way to the disk. A member that an older version did not write reads as its empty value.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde_json::Value;

use crate::domain::Basis;
use crate::domain::Cost;
use crate::domain::JsonText;
use crate::domain::Outcome;
use crate::domain::Price;
use crate::domain::Probe;
use crate::domain::Standing;
use crate::domain::Tier;
use crate::domain::Usd;

/// The newest manifest schema that this version writes and reads.
pub const SCHEMA: u32 = 1;

/// What a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Manifest {
    /// Version of this file's schema.
    pub schema: u32,
    /// The run's id, which is also its folder's default name.
    pub run: String,
    /// The suite.
    pub suite: SuiteInfo,
    /// Hash of the suite's meaning; a resumed run must have the same.
    pub plan_hash: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// The command line, without the program's path.
    pub command: Vec<String>,
    /// Versions by name: `llmark`, `rustc`, ...
    pub versions: BTreeMap<String, String>,
    /// Facts about the machine by name: `os`, `cpu`, `cores`, ...
    pub host: BTreeMap<String, String>,
    /// The wall clock at the run's monotonic zero.
    pub started: Anchor,
    /// Some answers come from the simulator.
    pub simulated: bool,
    /// Targets in suite order.
    pub targets: Vec<TargetInfo>,
    /// The result table's squares; a cell's id is its position.
    pub cells: Vec<CellInfo>,
    /// Cases in suite order; observations refer to them by position.
    pub cases: Vec<CaseInfo>,
    /// Graders in suite order.
    pub graders: Vec<GraderInfo>,
    /// SLOs as written.
    pub slos: Vec<String>,
    /// Size of the plan.
    pub plan: PlanInfo,
    /// Sampling parameters.
    pub params: Value,
    /// Settings of comparisons: margins, slices.
    pub compare: Value,
    /// What may be spent.
    pub budget: BudgetInfo,
    /// What was asked before the run; of a target and mode the last entry holds, and all were paid for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preflight: Vec<ProbeInfo>,
    /// Earlier runs that this one builds on: the baseline, the run that was regraded.
    pub builds_on: Vec<String>,
    /// The user's own keys of the suite, and facts of later versions.
    pub extra: BTreeMap<String, Value>,
}

/// A reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Anchor {
    /// Nanoseconds since the run's monotonic zero.
    pub offset_ns: u64,
    /// Nanoseconds since 1970-01-01T00:00:00Z by the wall clock.
    pub unix_ns: u64,
}

/// The suite that a run executes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct SuiteInfo {
    /// Its name.
    pub name: String,
    /// Its description; empty where it has none.
    pub description: String,
    /// The path as the user typed it.
    pub path: String,
    /// Name of its copy below `suite/` in the run folder.
    pub copy: String,
}

/// A target as resolved, without its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct TargetInfo {
    /// The suite's name for it.
    pub id: String,
    /// The catalogue's provider, `custom` or `sim`.
    pub provider: String,
    /// The model's name at this endpoint.
    pub model: String,
    /// The wire protocol.
    pub protocol: String,
    /// Base URL, without user information or query.
    pub base_url: String,
    /// Environment variable that holds its key.
    pub key_env: Option<String>,
    /// How the key travels: `none`, `bearer`, `x-api-key`, `body:NAME`, `header:NAME`.
    pub auth: String,
    /// The price in force.
    pub price: Option<PriceInfo>,
    /// Other claims about the price.
    pub claims: Vec<PriceInfo>,
    /// Merge patches by mode.
    pub modes: BTreeMap<String, Value>,
    /// Modes that are known to work at this endpoint.
    pub verified_modes: Vec<String>,
    /// Merge patch on every request.
    pub body: Value,
    /// The answers come from the simulator.
    pub simulated: bool,
}

/// One square of the result table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct CellInfo {
    /// The target's id.
    pub target: String,
    /// The mode's name.
    pub mode: String,
    /// The prompt's id.
    pub prompt: String,
    /// The load's id.
    pub load: String,
    /// The load as a value: shape, stop rule, salt, warm connections.
    pub load_spec: Value,
    /// The load is timed: its latency is under a stated load, without retries.
    pub timed: bool,
    /// Open loop: arrivals are planned.
    pub open_loop: bool,
    /// Measured trials planned; 0 where time or precision ends the cell.
    #[serde(skip_serializing_if = "is_zero")]
    pub trials: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A case, by what identifies it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct CaseInfo {
    /// Its id.
    pub id: String,
    /// Its labels.
    pub tags: Vec<String>,
    /// Its cluster.
    pub cluster: Option<String>,
    /// Hash of its expectation; `None` where it states none.
    pub expect_hash: Option<String>,
    /// Its expectation as text, cut to a length that a report can show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// Hash of the rendered conversation by prompt.
    pub prompt_hash: Hashes,
    /// Shows a change of the provider; not part of the score.
    pub canary: bool,
}

/// A grader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct GraderInfo {
    /// Its id.
    pub id: String,
    /// Its kind, such as `exact`.
    pub kind: String,
    /// Its version: a changed grader has another.
    pub version: String,
    /// Its weight.
    pub weight: f64,
    /// Names of the cases that it does not apply to are not listed: this counts those that it does.
    pub cases: u64,
    /// Targets that judge for it; a newer member, empty in older manifests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<String>,
}

/// Hashes by prompt, ascending; written as an object. A run has many cases with few prompts each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hashes(Box<[(String, String)]>);

impl Hashes {
    /// The hash of this prompt.
    pub fn get(&self, prompt: &str) -> Option<&String> {
        self.0.iter().find(|(own, _)| own == prompt).map(|(_, hash)| hash)
    }

    /// Prompts and hashes.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().map(|(prompt, hash)| (prompt, hash))
    }
}

impl FromIterator<(String, String)> for Hashes {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
    }
}

impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(from).map(|pairs: BTreeMap<String, String>| pairs.into_iter().collect())
    }
}

/// How much a run does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct PlanInfo {
    /// Measured trials, at most.
    pub trials: u64,
    /// Warm-up trials.
    pub warmup: u64,
    /// Repeats of each case in loads without a stop rule of their own.
    pub repeats: u32,
    /// Attempts of a trial, at most.
    pub max_attempts: u16,
    /// A unique prefix per request; `None` leaves it to the load.
    pub salt: Option<bool>,
    /// Most that the plan can cost, in dollars; `None` where a price is missing.
    pub worst_usd: Option<String>,
}

/// What may be spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct BudgetInfo {
    /// Dollars, as an exact decimal.
    pub usd: Option<String>,
    /// Minutes.
    pub minutes: Option<f64>,
}

/// A tiny question asked before the run, or why it was not asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct ProbeInfo {
    /// The target's id.
    pub target: String,
    /// The mode's name.
    pub mode: String,
    /// Name of a candidate patch; empty for the one in force.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub candidate: String,
    /// The mode's merge patch as sent.
    pub sent_mode: Value,
    /// `ok`, `doubtful` or `unavailable`.
    pub standing: String,
    /// One word for the cause.
    pub cause: String,
    /// What happened.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What would be right.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
    /// The outcome's name; `None` when nothing was sent.
    pub outcome: Option<String>,
    /// Whether the provider's listing names the model.
    pub listed: Option<bool>,
    /// Prompt tokens.
    pub input_tokens: Option<u64>,
    /// Output tokens.
    pub output_tokens: Option<u64>,
    /// Reasoning tokens.
    pub reasoning_tokens: Option<u64>,
    /// Reasoning was seen.
    pub reasoned: bool,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Milliseconds to the end.
    pub e2e_ms: Option<f64>,
    /// Dollars, as an exact decimal; `None` where unknown.
    pub cost_usd: Option<String>,
    /// `billed`, `computed`, `estimated` or `unknown`.
    pub cost_basis: String,
}

impl From<&Probe> for ProbeInfo {
    fn from(probe: &Probe) -> Self {
        Self {
            target: probe.target.to_string(),
            mode: probe.mode.to_string(),
            candidate: probe.candidate.clone(),
            sent_mode: probe.sent_mode.value(),
            standing: probe.standing.name().to_owned(),
            cause: probe.cause.clone(),
            reason: probe.reason.clone(),
            advice: probe.advice.clone(),
            outcome: probe.outcome.map(|outcome| outcome.name().to_owned()),
            listed: probe.listed,
            input_tokens: probe.input_tokens,
            output_tokens: probe.output_tokens,
            reasoning_tokens: probe.reasoning_tokens,
            reasoned: probe.reasoned,
            ttft_ms: probe.ttft_ms,
            e2e_ms: probe.e2e_ms,
            cost_usd: probe.cost.usd.map(|usd| usd.to_string()),
            cost_basis: probe.cost.basis.name().to_owned(),
        }
    }
}

impl ProbeInfo {
    /// The probe as a value.
    ///
    /// # Errors
    /// Names the member that this version cannot read.
    pub fn probe(&self) -> Result<Probe, String> {
        let standing = Standing::ALL.into_iter().find(|standing| standing.name() == self.standing);
        let basis =
            [Basis::Billed, Basis::Computed, Basis::Estimated].into_iter().find(|b| b.name() == self.cost_basis);
        Ok(Probe {
            target: self.target.as_str().into(),
            mode: self.mode.as_str().into(),
            candidate: self.candidate.clone(),
            sent_mode: JsonText::new(&self.sent_mode),
            standing: standing.ok_or_else(|| format!("`{}` is no standing", self.standing))?,
            cause: self.cause.clone(),
            reason: self.reason.clone(),
            advice: self.advice.clone(),
            outcome: self.outcome.as_deref().map(str::parse::<Outcome>).transpose()?,
            listed: self.listed,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            reasoning_tokens: self.reasoning_tokens,
            reasoned: self.reasoned,
            ttft_ms: self.ttft_ms,
            e2e_ms: self.e2e_ms,
            cost: Cost { usd: optional(self.cost_usd.as_deref())?, basis: basis.unwrap_or(Basis::Unknown) },
        })
    }
}

/// A price with its source. Amounts are exact decimals in dollars per million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct PriceInfo {
    /// Input tokens.
    pub input: String,
    /// Output tokens.
    pub output: String,
    /// Cached input tokens.
    pub cached_input: Option<String>,
    /// Input tokens written to the cache.
    pub cache_write: Option<String>,
    /// Reasoning tokens.
    pub reasoning: Option<String>,
    /// Dollars per request.
    pub per_request: String,
    /// Other prices for long prompts.
    pub tiers: Vec<TierInfo>,
    /// Who says so; empty where the suite's author did.
    pub source: String,
    /// When it was said, as an ISO date.
    pub as_of: String,
}

/// A price that holds from a prompt length on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct TierInfo {
    /// Holds for prompts of more tokens than this.
    pub above_tokens: u64,
    /// Input tokens.
    pub input: String,
    /// Output tokens.
    pub output: String,
    /// Cached input tokens.
    pub cached_input: Option<String>,
}

impl From<&Price> for PriceInfo {
    fn from(price: &Price) -> Self {
        let text = |amount: &Option<Usd>| amount.map(|usd| usd.to_string());
        Self {
            input: price.input.to_string(),
            output: price.output.to_string(),
            cached_input: text(&price.cached_input),
            cache_write: text(&price.cache_write),
            reasoning: text(&price.reasoning),
            per_request: price.per_request.to_string(),
            tiers: price.tiers.iter().map(TierInfo::from).collect(),
            source: price.source.clone(),
            as_of: price.as_of.clone(),
        }
    }
}

impl From<&Tier> for TierInfo {
    fn from(tier: &Tier) -> Self {
        Self {
            above_tokens: tier.above_tokens,
            input: tier.input.to_string(),
            output: tier.output.to_string(),
            cached_input: tier.cached_input.map(|usd| usd.to_string()),
        }
    }
}

impl PriceInfo {
    /// The price as a value.
    ///
    /// # Errors
    /// Names the amount that is not a decimal.
    pub fn price(&self) -> Result<Price, String> {
        Ok(Price {
            input: self.input.parse()?,
            output: self.output.parse()?,
            cached_input: optional(self.cached_input.as_deref())?,
            cache_write: optional(self.cache_write.as_deref())?,
            reasoning: optional(self.reasoning.as_deref())?,
            per_request: self.per_request.parse()?,
            tiers: self.tiers.iter().map(TierInfo::tier).collect::<Result<_, _>>()?,
            source: self.source.clone(),
            as_of: self.as_of.clone(),
        })
    }
}

impl TierInfo {
    fn tier(&self) -> Result<Tier, String> {
        Ok(Tier {
            above_tokens: self.above_tokens,
            input: self.input.parse()?,
            output: self.output.parse()?,
            cached_input: optional(self.cached_input.as_deref())?,
        })
    }
}

fn optional(amount: Option<&str>) -> Result<Option<Usd>, String> {
    amount.map(str::parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_survive_the_file() {
        let price = Price {
            input: Usd(100_000_000_000),
            output: Usd(400_000_000_001),
            cached_input: Some(Usd(1)),
            cache_write: None,
            reasoning: Some(Usd(-5)),
            per_request: Usd::ZERO,
            tiers: vec![Tier { above_tokens: 7, input: Usd(1), output: Usd(2), cached_input: None }],
            source: "vendor".into(),
            as_of: "2026-11-01".into(),
        };
        assert_eq!(PriceInfo::from(&price).price(), Ok(price));
    }

    #[test]
    fn a_manifest_survives_json() {
        let manifest = Manifest { schema: SCHEMA, seed: u64::MAX, ..Manifest::default() };
        let json = serde_json::to_string_pretty(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), manifest);
    }
}
