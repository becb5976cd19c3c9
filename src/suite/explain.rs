//! What a plan will do, as data for `llmark plan`: the matrix, the prompts, and bounds of tokens, cost and time.
//!
//! Bounds, not guesses: output lies between nothing and the limit of the parameters, input is estimated from its
//! length and named an estimate. What is unknown stays `None`.

use std::time::Duration;

use crate::domain::CellId;
use crate::domain::Conversation;
use crate::domain::Message;
use crate::domain::Part;
use crate::domain::Phase;
use crate::domain::PromptId;
use crate::domain::Role;
use crate::domain::TargetId;
use crate::domain::Usage;
use crate::domain::Usd;
use crate::load::Cell;
use crate::load::Plan;
use crate::load::Segment;
use crate::load::Shape;
use crate::load::Stop;

use super::check::Suite;

/// Characters of English text per token, roughly; only used where nothing better is known.
const CHARS_PER_TOKEN: u64 = 4;
/// Tokens of an image, roughly.
const IMAGE_TOKENS: u64 = 1000;

/// What one cell will do.
#[derive(Debug, Clone, PartialEq)]
pub struct CellForecast {
    /// The cell.
    pub cell: Cell,
    /// Measured trials; at most, where the load ends by time or precision.
    pub trials: u64,
    /// The number of trials is only a bound.
    pub open_ended: bool,
    /// Warm-up trials.
    pub warmup: u64,
    /// Requests, warm-up included: a trial asks once per turn.
    pub requests: u64,
    /// Prompt tokens: by the provider's own count, else estimated from the length of the text.
    pub input_tokens: u64,
    /// The provider counted them.
    pub counted: bool,
    /// Output tokens at most; `None` without a limit such as `max_tokens`.
    pub output_tokens: Option<u64>,
    /// Cost of the prompts alone; `None` without a price.
    pub cost_low: Option<Usd>,
    /// Cost when every answer runs into its limit; `None` without a price or a limit.
    pub cost_high: Option<Usd>,
    /// Time that the load itself prescribes: its arrivals, or its duration.
    pub prescribed: Duration,
    /// Requests that follow each other in the longest of its streams; 0 where the load prescribes the time.
    pub in_sequence: u64,
}

/// What a plan will do.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Every cell, in table order.
    pub cells: Vec<CellForecast>,
    /// Cases per cell.
    pub cases: usize,
    /// Requests in all.
    pub requests: u64,
    /// Sum of the lower bounds; `None` where a price is unknown.
    pub cost_low: Option<Usd>,
    /// Sum of the upper bounds; `None` where a price or a limit is unknown.
    pub cost_high: Option<Usd>,
}

impl Forecast {
    /// Time of the whole run when a request takes `each` on average.
    pub fn time(&self, each: Duration) -> Duration {
        let of = |cell: &CellForecast| {
            cell.prescribed.saturating_add(each.saturating_mul(u32::try_from(cell.in_sequence).unwrap_or(u32::MAX)))
        };
        self.cells.iter().map(of).fold(Duration::ZERO, Duration::saturating_add)
    }
}

/// Mean tokens of a prompt at a target, where the provider counted them.
pub type Counts<'a> = &'a dyn Fn(&TargetId, &PromptId) -> Option<f64>;

/// Bounds of everything that a plan will do.
pub fn forecast(suite: &Suite, plan: &Plan) -> Forecast {
    forecast_counted(suite, plan, &|_, _| None)
}

/// The same, with the providers' own counts of prompt tokens where there are any.
pub fn forecast_counted(suite: &Suite, plan: &Plan, counts: Counts<'_>) -> Forecast {
    let cells: Vec<CellForecast> =
        (0u32..).zip(&plan.cells).map(|(id, cell)| of_cell(suite, plan, CellId(id), cell, counts)).collect();
    let sum = |of: fn(&CellForecast) -> Option<Usd>| cells.iter().map(of).sum::<Option<Usd>>();
    Forecast {
        cases: plan.cases.len(),
        requests: cells.iter().map(|cell| cell.requests).sum(),
        cost_low: sum(|cell| cell.cost_low),
        cost_high: sum(|cell| cell.cost_high),
        cells,
    }
}

fn of_cell(suite: &Suite, plan: &Plan, id: CellId, cell: &Cell, counts: Counts<'_>) -> CellForecast {
    let own: Vec<&Segment> = plan.segments.iter().filter(|segment| segment.cell == id).collect();
    let count = |phase| {
        let own = own.iter().filter(|segment| segment.phase == phase);
        own.map(|segment| plan.trials_of(segment)).sum::<u64>()
    };
    let (trials, warmup) = (count(Phase::Measure), count(Phase::Warmup));
    let conversations = &plan.conversations[&cell.prompt];
    let turns = conversations.first().map_or(1, |first| first.turns.len() as u64);
    let requests = (trials + warmup).saturating_mul(turns);
    // Only the first turn can be counted before there are answers.
    let counted = counts(&cell.target, &cell.prompt).filter(|_| turns == 1);
    let estimated = || mean(conversations.iter().map(|conversation| prompt_tokens(conversation)));
    let per_trial = counted.unwrap_or_else(estimated);
    let input_tokens = ((trials + warmup) as f64 * per_trial).round() as u64;
    let target = suite.targets.iter().find(|target| target.id == cell.target);
    let output_cap = target.and_then(|target| target.max_output(&plan.params, target.mode(&cell.mode).ok()));
    let output_tokens = output_cap.map(|cap| cap.saturating_mul(requests));
    let open_ended = matches!(
        (&cell.load.shape, &cell.load.stop),
        (Shape::Closed { .. }, Stop::Duration(_)) | (_, Stop::Precision { .. })
    );
    let price = target.and_then(|target| target.price.clone());
    let cost = |output: u64| {
        let usage = Usage { input: Some(input_tokens), output: Some(output), ..Usage::default() };
        let fees = price.as_ref()?.per_request.0.saturating_mul(requests.saturating_sub(1) as i64);
        Some(price.as_ref()?.of(&usage)? + Usd(fees))
    };
    let (prescribed, in_sequence) = time(cell, &own, requests);
    CellForecast {
        cell: cell.clone(),
        trials,
        open_ended,
        warmup,
        requests,
        input_tokens,
        counted: counted.is_some(),
        output_tokens,
        cost_low: cost(0),
        cost_high: output_tokens.and_then(cost),
        prescribed,
        in_sequence,
    }
}

fn mean(values: impl ExactSizeIterator<Item = u64>) -> f64 {
    let n = values.len().max(1) as f64;
    values.map(|value| value as f64).sum::<f64>() / n
}

/// Time that the arrivals prescribe, and requests that wait for each other.
fn time(cell: &Cell, own: &[&Segment], requests: u64) -> (Duration, u64) {
    match (&cell.load.shape, &cell.load.stop) {
        (Shape::Closed { .. }, Stop::Duration(duration)) => (*duration, 0),
        (Shape::Closed { concurrency }, _) => (Duration::ZERO, requests.div_ceil(u64::from(*concurrency).max(1))),
        _ => {
            let last = own.iter().filter_map(|segment| segment.arrivals.last()).map(|at| Duration::from_nanos(at.0));
            (last.sum(), 0)
        }
    }
}

/// Estimated prompt tokens of a trial: every turn sends all messages before it again.
fn prompt_tokens(conversation: &Conversation) -> u64 {
    let mut sent = 0;
    let mut total = 0;
    for turn in &conversation.turns {
        sent += turn.iter().map(message_tokens).sum::<u64>();
        total += sent;
    }
    let tools: usize =
        conversation.tools.iter().map(|tool| tool.description.len() + tool.parameters.as_str().len()).sum();
    total + tools as u64 / CHARS_PER_TOKEN * conversation.turns.len() as u64
}

fn message_tokens(message: &Message) -> u64 {
    let part = |part: &Part| match part {
        Part::Text(text) => (text.chars().count() as u64).div_ceil(CHARS_PER_TOKEN),
        Part::Image { .. } | Part::ImageUrl(_) => IMAGE_TOKENS,
    };
    message.content.iter().map(part).sum::<u64>() + 4
}

/// A conversation as text for people, one block per message.
pub fn shown(conversation: &Conversation) -> String {
    let mut blocks = Vec::new();
    for (at, turn) in conversation.turns.iter().enumerate() {
        if at > 0 {
            blocks.push("assistant: (the model's own answer)".to_owned());
        }
        blocks.extend(turn.iter().map(message));
    }
    for tool in &conversation.tools {
        blocks.push(format!("tool {}: {} {}", tool.name, tool.description, tool.parameters.as_str()));
    }
    blocks.join("\n")
}

fn message(message: &Message) -> String {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let part = |part: &Part| match part {
        Part::Text(text) => text.to_string(),
        Part::Image { media_type, data } => format!("[{media_type}, {} bytes]", data.len()),
        Part::ImageUrl(address) => format!("[image at {address}]"),
    };
    let calls = message.tool_calls.iter().map(|call| format!("[calls {}({})]", call.name, call.arguments));
    let said: Vec<String> = message.content.iter().map(part).chain(calls).collect();
    format!("{role}: {}", said.join(" "))
}
