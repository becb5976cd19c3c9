//! The choice in plain words: what to take, what its rivals would change, what load does to it.

use std::collections::BTreeSet;

use super::say;
use crate::analyze::Metric;
use crate::analyze::Summary;
use crate::analyze::compare::Comparison;
use crate::analyze::summary::Cell;
use crate::analyze::summary::Choice;
use crate::analyze::summary::Finding;
use crate::analyze::summary::Rival;
use crate::analyze::summary::Tone;
use crate::text::number::count;
use crate::text::number::short;

/// Below this a p is called significant.
const SIGNIFICANT: f64 = 0.05;

/// The sentences about the choice.
pub(super) fn say_choice(summary: &Summary, found: &mut Vec<Finding>) {
    let Some(choice) = &summary.choice else { return };
    let Some(cell) = summary.cells.get(choice.cell_index) else { return };
    say(found, Tone::Plain, vec![choice.cell_index], lead(summary, cell));
    for rival in &choice.rivals {
        let text = summary.cells.get(rival.cell_index).map(|other| against(summary, cell, other, rival));
        found.extend(text.map(|text| Finding { tone: Tone::Plain, text, cells: vec![rival.cell_index] }));
    }
    under_load(summary, choice, found);
}

/// An arm as people call it: the target, and whatever else the run varies but the load.
pub(super) fn called(summary: &Summary, cell: &Cell) -> String {
    let varies = |of: fn(&Cell) -> &str| summary.cells.iter().map(of).collect::<BTreeSet<_>>().len() > 1;
    let key = &cell.key;
    let mut name = key.target.to_string();
    if varies(|c| c.key.mode.as_str()) {
        name = format!("{name} at {}", key.mode);
    }
    if varies(|c| c.key.prompt.as_str()) {
        name = format!("{name} with prompt {}", key.prompt);
    }
    name
}

/// The same with its load.
pub(super) fn called_with_load(summary: &Summary, cell: &Cell) -> String {
    let loads: BTreeSet<&str> = summary.cells.iter().map(|c| c.key.load.as_str()).collect();
    let name = called(summary, cell);
    if loads.len() > 1 { format!("{name} ({})", cell.key.load) } else { name }
}

fn points(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// Dollars for one of a thing, or for a thousand where one costs less than a cent.
fn dollars(usd: f64, thing: &str) -> String {
    if usd < 0.01 {
        format!("{} USD per 1000 {thing}es", short(usd * 1000.0))
    } else {
        format!("{} USD per {thing}", short(usd))
    }
}

fn lead(summary: &Summary, cell: &Cell) -> String {
    let mut text = format!("On this suite {}", called(summary, cell));
    if let Some(rate) = cell.quality.as_ref().map(|q| q.pass_rate) {
        let interval = rate.low.zip(rate.high).map(|(low, high)| format!(" ({} to {})", points(low), points(high)));
        let value = points(rate.value.unwrap_or(0.0));
        text = format!("{text} passes {value} %{} of {}", interval.unwrap_or_default(), count(rate.n, "case"));
    }
    if let Some(usd) = cell.cost.per_pass.and_then(|e| e.value) {
        text = format!("{text} at {}", dollars(usd, "pass"));
    }
    if let Some(ms) = cell.metrics.get(&Metric::Ttfa).and_then(|d| d.p50.value).filter(|ms| ms.is_finite()) {
        text = format!("{text}; the first token of the answer comes after {} at the median", time(ms));
    }
    let loads: BTreeSet<&str> = summary.cells.iter().map(|c| c.key.load.as_str()).collect();
    let load = if loads.len() > 1 { format!(" (load {})", cell.key.load) } else { String::new() };
    format!("{text}{load}.")
}

fn time(ms: f64) -> String {
    let scale = crate::text::number::scale_ms([ms]);
    format!("{} {}", short(ms / scale.per), scale.unit)
}

fn against(summary: &Summary, lead: &Cell, other: &Cell, rival: &Rival) -> String {
    let name = if other.key.target == lead.key.target && other.key.prompt == lead.key.prompt {
        format!("Mode {}", other.key.mode)
    } else {
        called(summary, other)
    };
    let change = rival.pass_rate.as_ref().and_then(difference);
    let change = change.unwrap_or_else(|| "cannot be paired with it by case".to_owned());
    let cost = rival.cost_ratio.map(|ratio| match ratio {
        r if (r - 1.0).abs() < 0.005 => ", for the same cost".to_owned(),
        r => format!(", for {} times the cost", short(r)),
    });
    format!("{name} {change}{}.", cost.unwrap_or_default())
}

fn difference(line: &Comparison) -> Option<String> {
    let moved = line.difference.value?;
    let p = line.p_adjusted.or(line.p_value);
    let is_significant = p.is_some_and(|p| p < SIGNIFICANT);
    let change = match moved {
        v if v.abs() < 5e-4 => "passes as many cases".to_owned(),
        v if v > 0.0 => format!("passes {} points more", points(v)),
        v => format!("passes {} points fewer", points(-v)),
    };
    let limits = line.difference.low.zip(line.difference.high);
    let limits = limits.map(|(low, high)| format!(", {:+.1} to {:+.1}", low * 100.0, high * 100.0));
    let word = if is_significant { "significant" } else { "not significant" };
    let needed = line.needed_n.filter(|n| !is_significant && *n > line.n_pairs);
    let needed = needed.map(|n| format!("; about {n} cases would tell"));
    Some(format!("{change} ({word}{}{})", limits.unwrap_or_default(), needed.unwrap_or_default()))
}

/// What the highest load makes of the chosen arm.
fn under_load(summary: &Summary, choice: &Choice, found: &mut Vec<Finding>) {
    let holds =
        |curve: &&crate::analyze::summary::LoadCurve| curve.points.iter().any(|p| p.cell_index == choice.cell_index);
    let Some(curve) = summary.load_curves.iter().find(holds) else { return };
    let of = |at: usize| {
        let cell = summary.cells.get(at)?;
        let ttft = cell.metrics.get(&Metric::Ttft)?.p50.value.filter(|ms| ms.is_finite())?;
        Some((cell, ttft, cell.throughput_rps.value?)).filter(|(cell, ..)| !cell.client_limited)
    };
    let ends =
        curve.points.first().and_then(|p| of(p.cell_index)).zip(curve.points.last().and_then(|p| of(p.cell_index)));
    let Some(((low, calm, _), (high, busy, rps))) = ends else { return };
    let text = format!(
        "Under load {}, {} takes {} to its first token at the median, {} at {}, and serves {} requests per second.",
        high.key.load,
        called(summary, high),
        time(busy),
        time(calm),
        low.key.load,
        short(rps)
    );
    let cells = curve.points.iter().map(|p| p.cell_index).collect();
    say(found, Tone::Plain, cells, text);
}
