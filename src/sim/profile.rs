//! Profiles: how a simulated endpoint behaves. Data in YAML (or JSON), never code.
//!
//! ```yaml
//! name: example
//! description: what it imitates
//! seed: 1                         # all draws derive from it
//! slots: 4                        # requests generated at once; more of them wait. Absent: no limit
//! queue: 5                        # how many may wait; the next one gets a 429. Absent: no limit
//! slowdown: 0.03                  # every other active request stretches times by this share
//! cache: true                     # a prompt that begins like an earlier one is served from a prefix cache
//! head: early                     # early: the response's head leaves before the first token; late: with it
//! unknown_model: refuse           # or serve: any name is answered by the first model
//! precise: false                  # true: times are kept to some 10 us by a thread per request; for few at once
//! models:
//!   - id: example
//!     aliases: [vendor/example]
//!     price: {input: 0.10, output: 0.40, cached_input: 0.02}     # USD per million tokens; for the ledger and `cost`
//!     bill: false                 # true: replies state their cost, as OpenRouter's do
//!     context: 262144             # longer prompts are refused
//!     ttft: {lognormal: {median: 40ms, sigma: 0.2}}
//!     gap: {normal: {mean: 5ms, sd: 1ms}}                        # between two events
//!     prefill: 2us                # per prompt token that is not cached, on top of ttft
//!     tokens_per_event: 1
//!     reasoning_field: reasoning_content     # reasoning, reasoning_details, both, think (inside the text), hidden
//!     consistency: 0.9            # share of requests whose right or wrong depends on the prompt alone
//!     default_mode: medium        # when the request names none
//!     modes:
//!       minimal: {reasoning: 0, error: 0.3}
//!       high: {reasoning: {normal: {mean: 60, sd: 10}}, error: 0.02, ttft: 60ms}
//! faults: []                      # see the module `fault`
//! ```
//!
//! Distributions are described in the module `draw`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::draw::Count;
use super::draw::Delay;
use super::fault::Rule;
use crate::domain::Price;
use crate::domain::Usd;
use crate::text::parse_duration;

const BUILTIN: &[(&str, &str)] = &[
    ("seed-2.0-mini", include_str!("profiles/seed-2.0-mini.yaml")),
    ("seed-2.0-lite", include_str!("profiles/seed-2.0-lite.yaml")),
    ("seed-1.6-flash", include_str!("profiles/seed-1.6-flash.yaml")),
    ("instant", include_str!("profiles/instant.yaml")),
    ("known-times", include_str!("profiles/known-times.yaml")),
    ("modelslab-queue", include_str!("profiles/modelslab-queue.yaml")),
];

/// The four modes of effort, weakest first.
pub(super) const MODES: [&str; 4] = ["minimal", "low", "medium", "high"];

/// A simulated endpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What it imitates.
    #[serde(default)]
    pub description: String,
    /// All draws derive from it.
    #[serde(default)]
    pub seed: u64,
    /// Requests generated at once; `None` for no limit.
    #[serde(default)]
    pub slots: Option<usize>,
    /// Requests that may wait; `None` for no limit.
    #[serde(default)]
    pub queue: Option<usize>,
    /// Share by which every other active request stretches times.
    #[serde(default)]
    pub slowdown: f64,
    /// Whether a prefix cache is simulated.
    #[serde(default)]
    pub cache: bool,
    /// When the response's head leaves.
    #[serde(default)]
    pub head: HeadTime,
    /// What happens to a request for an unknown model.
    #[serde(default)]
    pub unknown_model: Unknown,
    /// Whether times are kept by a thread of their own.
    #[serde(default)]
    pub precise: bool,
    /// What it serves; never empty.
    pub models: Vec<Model>,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Vec<Rule>,
}

/// When the response's head leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadTime {
    /// When the request got its slot.
    #[default]
    Early,
    /// With the first token.
    Late,
}

/// What happens to a request for an unknown model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// 404.
    #[default]
    Refuse,
    /// The first model answers; only the reply's `model` gives it away.
    Serve,
}

/// A simulated model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name on the wire.
    pub id: String,
    /// Other names it answers to.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What it charges, for the ledger.
    #[serde(default)]
    pub price: Option<Tariff>,
    /// Whether replies state their cost.
    #[serde(default)]
    pub bill: bool,
    /// Longest prompt in tokens; `None` for no limit.
    #[serde(default)]
    pub context: Option<usize>,
    /// From the slot to the first token, without prefill.
    #[serde(default = "instantly")]
    pub ttft: Delay,
    /// Between two events.
    #[serde(default = "instantly")]
    pub gap: Delay,
    /// Per prompt token that is not cached.
    #[serde(default)]
    pub prefill: Span,
    /// Tokens in one event.
    #[serde(default = "one")]
    pub tokens_per_event: Count,
    /// Where reasoning is streamed.
    #[serde(default)]
    pub reasoning_field: ReasoningField,
    /// Share of requests whose right or wrong depends on the prompt alone, in [0, 1].
    #[serde(default = "always")]
    pub consistency: f64,
    /// The mode of a request that names none.
    #[serde(default = "medium")]
    pub default_mode: String,
    /// Modes by name; one that is missing behaves as the nearest weaker one.
    #[serde(default)]
    pub modes: BTreeMap<String, Effort>,
}

/// What a mode changes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effort {
    /// Reasoning tokens.
    #[serde(default = "none")]
    pub reasoning: Count,
    /// Probability of a wrong answer.
    #[serde(default)]
    pub error: f64,
    /// Instead of the model's own.
    #[serde(default)]
    pub ttft: Option<Delay>,
    /// Instead of the model's own.
    #[serde(default)]
    pub gap: Option<Delay>,
}

/// Where reasoning is streamed in the chat protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningField {
    /// `delta.reasoning_content`.
    #[default]
    ReasoningContent,
    /// `delta.reasoning`.
    Reasoning,
    /// `delta.reasoning_details`.
    ReasoningDetails,
    /// `delta.reasoning` and `delta.reasoning_details`, the same text.
    Both,
    /// Inside the content, between `<think>` and `</think>`.
    Think,
    /// Nowhere; it is billed all the same.
    Hidden,
}

/// A duration written with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_duration(&text).map(Self)
    }
}

/// USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// Prompt tokens.
    pub input: f64,
    /// Generated tokens.
    pub output: f64,
    /// Prompt tokens from the cache; as input where absent.
    #[serde(default)]
    pub cached_input: Option<f64>,
}

impl Tariff {
    /// As the harness's own price.
    pub fn price(&self) -> Price {
        Price {
            input: usd(self.input),
            output: usd(self.output),
            cached_input: self.cached_input.map(usd),
            cache_write: None,
            reasoning: None,
            per_request: Usd::ZERO,
            tiers: Vec::new(),
            source: "simulator profile".into(),
            as_of: String::new(),
        }
    }
}

fn usd(amount: f64) -> Usd {
    format!("{amount:.9}").parse().unwrap_or(Usd::ZERO)
}

fn instantly() -> Delay {
    Delay::constant(Duration::ZERO)
}

fn one() -> Count {
    Count::constant(1)
}

fn none() -> Count {
    Count::constant(0)
}

fn always() -> f64 {
    1.0
}

fn medium() -> String {
    "medium".into()
}

impl Profile {
    /// Reads a profile from YAML or JSON.
    ///
    /// # Errors
    /// What is wrong, with its line where it has one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let profile: Self = read_yaml(text)?;
        profile.check()?;
        Ok(profile)
    }

    /// The built-in profile of this name.
    pub fn builtin(name: &str) -> Option<Self> {
        let (_, text) = BUILTIN.iter().find(|(known, _)| *known == name)?;
        Self::parse(text).ok()
    }

    /// Names of the built-in profiles.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// The YAML of the built-in profile of this name.
    pub fn builtin_text(name: &str) -> Option<&'static str> {
        BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// The first model.
    pub fn model(&self) -> &Model {
        &self.models[0]
    }

    fn check(&self) -> Result<(), String> {
        if self.models.is_empty() {
            return Err(format!("profile `{}` serves no model; list at least one under `models`", self.name));
        }
        if self.slots == Some(0) {
            return Err("`slots: 0` could never answer; leave it out for no limit".into());
        }
        if !(0.0..=10.0).contains(&self.slowdown) {
            return Err(format!("`slowdown: {}` is outside 0 to 10", self.slowdown));
        }
        self.models.iter().try_for_each(Model::check)
    }
}

impl Model {
    /// The effort of `mode`, or of the nearest weaker one that the profile knows.
    pub(super) fn effort(&self, mode: &str) -> Option<&Effort> {
        let rank = MODES.iter().position(|known| *known == mode)?;
        MODES[..=rank].iter().rev().find_map(|name| self.modes.get(*name)).or_else(|| self.modes.values().next())
    }

    fn check(&self) -> Result<(), String> {
        let share = |name: &str, value: f64| match value {
            0.0..=1.0 => Ok(()),
            _ => Err(format!("model `{}`: `{name}: {value}` is outside 0 to 1", self.id)),
        };
        share("consistency", self.consistency)?;
        for (name, effort) in &self.modes {
            if !MODES.contains(&name.as_str()) {
                return Err(format!("model `{}`: `{name}` is no mode; known: {}", self.id, MODES.join(", ")));
            }
            share("error", effort.error)?;
        }
        if !MODES.contains(&self.default_mode.as_str()) {
            return Err(format!("model `{}`: `default_mode: {}` is no mode", self.id, self.default_mode));
        }
        Ok(())
    }
}

/// The only place that knows the YAML crate.
fn read_yaml(text: &str) -> Result<Profile, String> {
    let value: Value = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
    serde_json::from_value(value).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_profiles_parse_and_say_that_they_are_simulations() {
        for name in Profile::builtin_names() {
            let profile = Profile::builtin(name).unwrap();
            assert_eq!(profile.name, name);
            assert!(profile.description.to_lowercase().contains("simulat"), "{name}");
        }
        assert!(Profile::builtin("gpt-9").is_none());
    }

    #[test]
    fn the_documented_example_parses() {
        let text: String = include_str!("profile.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! "))
            .skip_while(|line| !line.starts_with("name: example"))
            .take_while(|line| !line.starts_with("```"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let profile = Profile::parse(&text).unwrap();
        assert_eq!((profile.slots, profile.queue, profile.models.len()), (Some(4), Some(5), 1));
        assert!((profile.model().effort("low").unwrap().error - 0.3).abs() < 1e-9);
        assert_eq!(profile.model().price.unwrap().price().output.to_string(), "0.40");
    }

    #[test]
    fn problems_are_named() {
        let rows = [
            ("name: x\nmodels: []", "no model"),
            ("name: x\nslotz: 1\nmodels: [{id: a}]", "slotz"),
            ("name: x\nslots: 0\nmodels: [{id: a}]", "never answer"),
            ("name: x\nmodels: [{id: a, ttft: 40}]", "with a unit"),
            ("name: x\nmodels: [{id: a, modes: {huge: {}}}]", "no mode"),
            ("name: x\nmodels: [{id: a, modes: {low: {error: 2}}}]", "outside 0 to 1"),
            ("name: x\nmodels: [{id: a}]\nfaults: [{fault: 418}]", "no fault"),
            ("name: [", ""),
        ];
        for (text, part) in rows {
            let problem = Profile::parse(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn json_is_a_profile_too() {
        let profile = Profile::parse(r#"{"name": "x", "models": [{"id": "a", "ttft": "5ms"}]}"#).unwrap();
        assert_eq!(profile.model().ttft, Delay::constant(Duration::from_millis(5)));
    }
}
