//! What a user should know of a plan's targets before they are asked: limits, doubts, other claims about the price.

use crate::domain::Price;
use crate::domain::Usage;
use crate::load::Plan;
use crate::load::Shape;
use crate::provider::Endpoint;
use crate::suite::Suite;
use crate::suite::explain::CellForecast;
use crate::suite::explain::Forecast;
use crate::text::number::short;

/// A claim that moves the cost of the plan by more than this share is shown.
const CLAIM_MATTERS: f64 = 0.2;

/// A line for each thing worth knowing, for the targets that the plan asks.
pub fn notes(suite: &Suite, plan: &Plan, forecast: &Forecast) -> Vec<String> {
    let asked = |endpoint: &&std::sync::Arc<Endpoint>| plan.cells.iter().any(|cell| cell.target == endpoint.id);
    let of = |endpoint: &std::sync::Arc<Endpoint>| {
        let mut lines = endpoint.notes.clone();
        lines.extend(held_back(endpoint, plan));
        lines.extend(other_claims(endpoint, forecast));
        lines.extend(unverified(endpoint, plan));
        lines.into_iter().map(|line| format!("note: {}: {line}", endpoint.id)).collect::<Vec<_>>()
    };
    budget(plan, forecast).into_iter().chain(suite.targets.iter().filter(asked).flat_map(of)).collect()
}

/// Whether the plan can end within its budget.
fn budget(plan: &Plan, forecast: &Forecast) -> Option<String> {
    let cap = plan.budget.usd?;
    let verdict = match (forecast.cost_low, forecast.cost_high) {
        (_, Some(high)) if high <= cap => "covers the plan whatever the answers",
        (Some(low), _) if low > cap => "does not cover the prompts alone: the run will end early with exit code 7",
        _ => "may end the run early, with exit code 7",
    };
    Some(format!("budget: {cap} USD {verdict}"))
}

fn unverified(endpoint: &Endpoint, plan: &Plan) -> Option<String> {
    let open = endpoint.modes.iter().filter(|m| !m.verified && plan.cells.iter().any(|c| c.mode == m.name));
    let names: Vec<&str> = open.map(|mode| mode.name.as_str()).collect();
    (!names.is_empty() && !endpoint.simulated).then(|| {
        format!(
            "nobody documents how to ask for {}; what is sent is a candidate (--online tries them)",
            names.join(", ")
        )
    })
}

/// A limit below a load: the rest of the load waits in this client, and its latency holds that wait.
fn held_back(endpoint: &Endpoint, plan: &Plan) -> Option<String> {
    let limit = endpoint.limits.concurrency?;
    let own = plan.cells.iter().filter(|cell| cell.target == endpoint.id);
    let most = own.filter_map(|cell| match cell.load.shape {
        Shape::Closed { concurrency } => Some(concurrency),
        _ => None,
    });
    let most = most.max().filter(|most| *most > limit)?;
    Some(format!("a load asks for {most} at once, but the target is held to {limit}: the rest waits here"))
}

/// What the plan would cost at most by other claims about the price, where that differs noticeably.
fn other_claims(endpoint: &Endpoint, forecast: &Forecast) -> Option<String> {
    if endpoint.simulated {
        return None;
    }
    let own: Vec<&CellForecast> = forecast.cells.iter().filter(|cell| cell.cell.target == endpoint.id).collect();
    let ours = cost(endpoint.price.as_deref()?, &own)?;
    let other = |price: &Price| {
        let theirs = cost(price, &own).filter(|theirs| (theirs / ours - 1.0).abs() > CLAIM_MATTERS)?;
        Some(format!("{} USD by {} ({})", short(theirs), price.source, price.as_of))
    };
    let others: Vec<String> = endpoint.claims.iter().filter_map(|claim| other(claim)).collect();
    let bound = if own.iter().any(|cell| cell.output_tokens.is_none()) { "for its prompts alone" } else { "at most" };
    let list = others.join("; ");
    (!others.is_empty()).then(|| format!("{bound} {} USD, but by other claims about its price: {list}", short(ours)))
}

/// Dollars for these cells by a price; a tier goes by the length of a single prompt.
fn cost(price: &Price, cells: &[&CellForecast]) -> Option<f64> {
    let mut sum = 0.0;
    for cell in cells.iter().filter(|cell| cell.requests > 0) {
        let each = Usage {
            input: Some(cell.input_tokens / cell.requests),
            output: Some(cell.output_tokens.unwrap_or(0) / cell.requests),
            ..Usage::default()
        };
        sum += price.of(&each)?.as_f64() * cell.requests as f64;
    }
    (sum > 0.0).then_some(sum)
}
