//! What a suite file says, word for word and with places: the serialized form, converted in [`super::build`].
//!
//! External tags only, no `untagged`, no `flatten`: each costs exact places.

use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;
use serde::de::IgnoredAny;
use serde_json::Map;
use serde_json::Value;

use super::de::At;
use super::de::Many;
use super::de::Pairs;
use super::de::Verbatim;
use crate::domain::Usd;
use crate::text::parse_duration;

/// A list whose items are read independently of each other.
pub type List<T> = Option<At<Vec<At<T>>>>;

/// A duration written with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(D::Error::custom)
    }
}

/// An amount of dollars, read as decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub Usd);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<Usd>() {
            Ok(usd) if usd >= Usd::ZERO => Ok(Self(usd)),
            Ok(_) => Err(D::Error::custom(format!("`{text}` is negative; an amount is zero or more"))),
            Err(why) => Err(D::Error::custom(format!("{why}; write plain dollars such as `0.25`"))),
        }
    }
}

/// A share written as `2%` or `0.02`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
            None => text.trim().parse::<f64>(),
        };
        let share = value.ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| D::Error::custom(format!("`{text}` is no share; write `2%` or `0.02`")))
    }
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a suite; begin with `name:`, `targets:` and `prompts:`, or run `llmark init`"
)]
pub struct SuiteFile {
    /// Name of the suite; the file's stem where absent.
    pub name: Option<At<String>>,
    /// What it is about.
    pub description: Option<At<String>>,
    /// Seed of every random choice; 0 where absent.
    pub seed: Option<At<u64>>,
    /// Endpoints under test and their judges.
    pub targets: List<TargetFile>,
    /// Names of reasoning settings.
    pub modes: Option<At<Many<At<String>>>>,
    /// Sampling parameters.
    pub params: Option<At<Map<String, Value>>>,
    /// Message templates.
    pub prompts: List<PromptFile>,
    /// Inputs with expectations.
    pub cases: List<CaseFile>,
    /// Read apart, by the graders' own forms.
    pub graders: Option<At<IgnoredAny>>,
    /// How requests arrive.
    pub loads: List<LoadFile>,
    /// Times that each case runs per cell.
    pub repeats: Option<At<u32>>,
    /// What repeats of a case are reduced to.
    pub reduce: Option<At<Many<At<String>>>>,
    /// Requests before measuring.
    pub warmup: Option<At<WarmupFile>>,
    /// Unique prefix per request.
    pub salt: Option<At<bool>>,
    /// Attempts.
    pub retry: Option<At<RetryFile>>,
    /// Timers.
    pub timeout: Option<At<TimeoutFile>>,
    /// Objectives.
    pub slos: Option<At<Many<At<String>>>>,
    /// Limits of spending.
    pub budget: Option<At<BudgetFile>>,
    /// How arms are compared.
    pub compare: Option<At<CompareFile>>,
    /// Cases that watch for a change of the provider during the run.
    pub canary: Option<At<CanaryFile>>,
    /// When to stop early.
    pub stop_when: Option<At<StopWhenFile>>,
    /// Stop a load when an objective can no longer be met.
    pub abort_on: Option<At<AbortOn>>,
    /// The arm, or the stored run, that others are compared with.
    pub baseline: Option<At<String>>,
    /// Take answers from the response cache in quality runs.
    pub cache: Option<At<bool>>,
    /// Ask every target before the run, or none.
    pub preflight: Option<At<bool>>,
    /// Offer HTTP/2.
    pub http2: Option<At<bool>>,
}

/// One entry of `targets:`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// Id.
    pub id: Option<At<String>>,
    /// Model.
    pub model: Option<At<String>>,
    /// Catalogue provider.
    pub provider: Option<At<String>>,
    /// Wire protocol.
    pub protocol: Option<At<String>>,
    /// Base URL.
    pub base_url: Option<At<String>>,
    /// Environment variable of the key.
    pub key_env: Option<At<String>>,
    /// Always refused: keys do not belong into files.
    pub key: Option<At<String>>,
    /// Always refused as well.
    pub api_key: Option<At<String>>,
    /// Where the key goes.
    pub auth: Option<At<AuthFile>>,
    /// Price.
    pub price: Option<At<PriceFile>>,
    /// Other claims about the price.
    pub claims: List<PriceFile>,
    /// Merge patches by mode.
    pub modes: Option<At<Pairs<At<Value>>>>,
    /// Merge patch on every request.
    pub body: Option<At<Value>>,
    /// Client-side limits.
    pub limits: Option<At<LimitsFile>>,
    /// Version of HTTP.
    pub http: Option<At<HttpFile>>,
    /// The embedded simulator.
    pub sim: Option<At<SimFile>>,
    /// Whether it is tested, judges, or both.
    pub role: Option<At<RoleFile>>,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFile {
    /// HTTP/1.1.
    One,
    /// HTTP/2.
    Two,
}

impl<'de> Deserialize<'de> for HttpFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "1.1" | "1" => Ok(Self::One),
            "2" | "2.0" => Ok(Self::Two),
            other => Err(D::Error::custom(format!("`{other}` is no version of HTTP spoken here; write `1.1` or `2`"))),
        }
    }
}

/// What a target is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleFile {
    /// Under test.
    Subject,
    /// Asked by graders only.
    Judge,
    /// Both.
    Both,
}

/// Where the key goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub enum AuthFile {
    /// `Authorization: Bearer`.
    #[serde(rename = "bearer")]
    Bearer,
    /// `x-api-key`.
    #[serde(rename = "x-api-key")]
    XApiKey,
    /// Nowhere.
    #[serde(rename = "none")]
    None,
    /// A member of the body.
    #[serde(rename = "body")]
    Body(String),
    /// A header.
    #[serde(rename = "header")]
    Header(String),
}

/// A price in USD per million tokens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a price per kind of token, in USD per million tokens; write `price: {input: 0.10, output: 0.40}`"
)]
pub struct PriceFile {
    /// Input tokens.
    pub input: Amount,
    /// Output tokens.
    pub output: Amount,
    /// Cached input tokens.
    pub cached_input: Option<Amount>,
    /// Tokens written to the cache.
    pub cache_write: Option<Amount>,
    /// Reasoning tokens.
    pub reasoning: Option<Amount>,
    /// Per request.
    pub per_request: Option<Amount>,
    /// Other prices for long prompts.
    #[serde(default)]
    pub tiers: Vec<TierFile>,
    /// Who says so.
    pub source: Option<String>,
    /// When it was said.
    pub as_of: Option<String>,
}

/// Prices from a prompt length on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierFile {
    /// Prompts longer than this.
    pub above_tokens: u64,
    /// Input tokens.
    pub input: Amount,
    /// Output tokens.
    pub output: Amount,
    /// Cached input tokens.
    pub cached_input: Option<Amount>,
}

/// Client-side limits.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    /// Concurrent requests.
    pub concurrency: Option<At<u32>>,
    /// Requests per minute.
    pub rpm: Option<At<f64>>,
    /// Tokens per minute.
    pub tpm: Option<At<f64>>,
}

/// The embedded simulator.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename = "$short:profile", deny_unknown_fields)]
pub struct SimFile {
    /// Name of the profile.
    pub profile: At<String>,
}

/// One entry of `prompts:`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptFile {
    /// Id.
    pub id: Option<At<String>>,
    /// Template of the system message.
    pub system: Option<At<String>>,
    /// Template of the user message.
    pub user: Option<At<String>>,
    /// The whole conversation instead.
    pub messages: List<MessageFile>,
    /// Functions offered.
    pub tools: List<ToolFile>,
    /// Whether one must be called.
    pub tool_choice: Option<At<ToolChoiceFile>>,
    /// Form of the answer.
    pub response_format: Option<At<FormatFile>>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpeakerFile {
    /// Instructions.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool's result.
    Tool,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageFile {
    /// Who speaks.
    pub role: At<SpeakerFile>,
    /// What is said.
    pub content: Option<At<Many<At<PartFile>>>>,
    /// The model answers by itself here.
    pub generate: Option<At<bool>>,
    /// Calls made in this message.
    pub tool_calls: List<CallFile>,
    /// The call that this message answers.
    pub tool_call_id: Option<At<String>>,
}

/// A piece of content; a bare string is text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename = "$bare:text", rename_all = "snake_case")]
pub enum PartFile {
    /// A template.
    Text(At<String>),
    /// An image file below the suite's folder.
    Image(At<String>),
    /// An image that the provider fetches.
    ImageUrl(At<String>),
}

/// A call written into a conversation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFile {
    /// Its id.
    pub id: Option<String>,
    /// The function.
    pub name: String,
    /// The arguments.
    pub arguments: Option<Value>,
}

/// A function offered to the model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolFile {
    /// Name.
    pub name: At<String>,
    /// What it does.
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    pub parameters: Option<At<Value>>,
    /// Ask the provider to enforce the schema.
    pub strict: Option<bool>,
}

/// Whether a tool must be called.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoiceFile {
    /// The model decides.
    Auto,
    /// No call.
    None,
    /// Some call.
    Required,
    /// This one.
    Function(String),
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormatFile {
    /// Any JSON object.
    JsonObject,
    /// JSON of a schema: a file below the suite's folder, or the schema itself.
    JsonSchema(At<Value>),
}

/// One entry of `cases:`, or one line of a case file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// A file of cases instead; only in the suite itself.
    pub file: Option<At<String>>,
    /// Take only the first so many of the file.
    pub limit: Option<At<u64>>,
    /// Id.
    pub id: Option<At<String>>,
    /// Values for templates.
    pub vars: Option<At<Pairs<Verbatim>>>,
    /// What is expected.
    #[serde(default)]
    pub expect: ExpectFile,
    /// Labels.
    pub tags: Option<At<Many<At<String>>>>,
    /// Group of dependent cases.
    pub cluster: Option<At<String>>,
    /// Shows drift; not part of the score.
    pub canary: Option<At<bool>>,
}

/// What is expected. Unlike an `Option`, it reads the bare word `null` as text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExpectFile(pub Option<At<Verbatim>>);

impl ExpectFile {
    /// The value; `None` where nothing is written, or JSON's `null`.
    pub fn value(&self) -> Option<&Value> {
        let Verbatim(value) = self.0.as_ref()?.get()?;
        (!value.is_null()).then_some(value)
    }
}

impl<'de> Deserialize<'de> for ExpectFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        At::deserialize(deserializer).map(|at| Self(Some(at)))
    }
}

/// One entry of `loads:`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadFile {
    /// Name; `c16` or `r5` where absent.
    pub id: Option<At<String>>,
    /// Requests in flight; several make several loads.
    pub concurrency: Option<At<Many<At<u32>>>>,
    /// Requests per second, or a ramp.
    pub rate: Option<At<RateFile>>,
    /// The same for a rate that changes, under the name that says so.
    pub ramps: Option<At<RateFile>>,
    /// The arrival process.
    pub arrivals: Option<At<ArrivalsFile>>,
    /// A file of recorded arrivals.
    pub replay: Option<At<String>>,
    /// Trials.
    pub requests: Option<At<u64>>,
    /// Time.
    pub duration: Option<At<Time>>,
    /// Precision: metric and half-width.
    pub until: Option<At<Pairs<At<Share>>>>,
    /// Trials at most, with `until`.
    pub cap: Option<At<u64>>,
    /// Outstanding trials at most.
    pub max_outstanding: Option<At<u32>>,
    /// Unique prefix per request.
    pub salt: Option<At<bool>>,
    /// Whether connections are reused.
    pub connections: Option<At<Connections>>,
}

/// Whether connections are reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connections {
    /// Reused.
    Warm,
    /// Made anew for each request.
    Cold,
}

/// A rate, constant or rising.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename = "$short:from", deny_unknown_fields)]
pub struct RateFile {
    /// Per second at the start.
    pub from: At<f64>,
    /// Per second at the end.
    pub to: Option<At<f64>>,
    /// How it gets there.
    pub curve: Option<At<Curve>>,
    /// In so many steps.
    pub steps: Option<At<u32>>,
}

/// How a rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// By the same amount in the same time.
    Linear,
    /// By the same factor in the same time.
    Exponential,
}

/// The arrival process.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalsFile {
    /// Evenly spaced.
    Constant,
    /// Independent exponential gaps.
    Poisson,
    /// Gamma gaps of this shape.
    Gamma(At<f64>),
    /// Recorded.
    Replay(At<String>),
}

/// Requests before measuring.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename = "$short:requests", deny_unknown_fields)]
pub struct WarmupFile {
    /// Per cell.
    pub requests: At<u64>,
}

/// Attempts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryFile {
    /// Attempts at most.
    pub max_attempts: At<u16>,
}

/// Timers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "timers; write `timeout: {first_token: 60s, total: 300s}`")]
pub struct TimeoutFile {
    /// DNS, TCP, TLS.
    pub connect: Option<At<Time>>,
    /// First generated token.
    pub first_token: Option<At<Time>>,
    /// Between reads.
    pub idle: Option<At<Time>>,
    /// All of it.
    pub total: Option<At<Time>>,
}

/// Limits of spending.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "limits; write `budget: {usd: 2.00, minutes: 30}`")]
pub struct BudgetFile {
    /// Dollars.
    pub usd: Option<At<Amount>>,
    /// Minutes.
    pub minutes: Option<At<f64>>,
}

/// How arms are compared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareFile {
    /// Metrics that decide.
    pub gate: Option<At<Many<At<String>>>>,
    /// Non-inferiority margin.
    pub margin: Option<At<Share>>,
    /// Slices: tag, prompt, cluster.
    pub slices: Option<At<Many<At<SliceFile>>>>,
}

/// Cases that are asked again and again, to show a change of the provider during a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "canaries; write `canary: {tag: canary, every: 50}`")]
pub struct CanaryFile {
    /// Cases with one of these tags.
    pub tag: Option<At<Many<At<String>>>>,
    /// Cases with one of these ids.
    pub cases: Option<At<Many<At<String>>>>,
    /// They come again after so many trials of a cell.
    pub every: Option<At<u64>>,
}

/// What a comparison is cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceFile {
    /// Labels of cases.
    Tag,
    /// Prompts.
    Prompt,
    /// Clusters of cases.
    Cluster,
}

/// When to stop early.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename = "$short:decided", deny_unknown_fields)]
pub struct StopWhenFile {
    /// When every comparison and objective is decided.
    pub decided: Option<At<DecidedFile>>,
    /// Repeats of a case at most, out of trials that decided questions no longer need.
    pub max_repeats: Option<At<u32>>,
}

/// Whether decided questions end their cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecidedFile(pub bool);

impl<'de> Deserialize<'de> for DecidedFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "decided" | "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            other => Err(D::Error::custom(format!(
                "`{other}` is no reason to stop; write `stop_when: decided` or `stop_when: {{decided: true, max_repeats: 6}}`"
            ))),
        }
    }
}

/// When to abandon a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum AbortOn {
    /// When an objective can no longer be met.
    #[serde(rename = "certain miss")]
    CertainMiss,
}
