//! The comparison table, and every figure of every cell.

use super::markup::Markup;
use crate::analyze::Estimate;
use crate::analyze::Metric;
use crate::analyze::Summary;
use crate::analyze::summary::Cell;
use crate::analyze::summary::Distribution;
use crate::report::grid;
use crate::report::grid::Entry;
use crate::report::grid::Grid;
use crate::report::written::Unit;
use crate::report::written::estimate;
use crate::report::written::fixed;
use crate::text::number::count;
use crate::text::number::short;

/// Cells with all their figures at most; the others have the comparison table and `summary.json`.
const MOST_CELLS: usize = 100;

/// The comparison table: one row per cell, sortable and filterable, readable without scripts.
pub(super) fn comparison(page: &mut Markup, summary: &Summary) {
    page.open("section", &[("id", "comparison"), ("aria-labelledby", "h-comparison")]);
    page.leaf("h2", &[("id", "h-comparison")], "Comparison");
    page.leaf("p", &[("class", "lead")], "One row per cell. Below each value stands its 95 % interval; point at it for method and n. Shaded: best of its column by the point estimate alone.");
    let grid = grid::comparison(summary);
    page.open("div", &[("class", "controls"), ("data-filters", "cells-table")]).close("div");
    page.open("div", &[("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", "Comparison table")]);
    page.open("table", &[("id", "cells-table"), ("data-sortable", "")]).open("thead", &[]).open("tr", &[]);
    for column in &grid.columns {
        let class = if column.is_name { "" } else { "n" };
        page.open("th", &[("scope", "col"), ("class", class)]).text(&column.title);
        if !column.unit.is_empty() {
            page.leaf("span", &[("class", "unit")], column.unit);
        }
        page.close("th");
    }
    page.close("tr").close("thead").open("tbody", &[]);
    for (index, (cell, row)) in summary.cells.iter().zip(&grid.rows).enumerate() {
        comparison_row(page, summary, (index, cell), &grid, row);
    }
    page.close("tbody").close("table").close("div");
    for one in &summary.unavailable {
        let key = &one.cell;
        page.open("p", &[("class", "lead")]).leaf("span", &[("class", "tag bad")], "unavailable");
        page.text(&format!(" {} · {} · {} · {}: {}", key.target, key.mode, key.prompt, key.load, one.reason));
        page.close("p");
    }
    page.close("section");
}

fn comparison_row(page: &mut Markup, summary: &Summary, (index, cell): (usize, &Cell), grid: &Grid, row: &[Entry]) {
    let key = &cell.key;
    page.open(
        "tr",
        &[
            ("data-target", key.target.as_str()),
            ("data-mode", key.mode.as_str()),
            ("data-prompt", key.prompt.as_str()),
            ("data-load", key.load.as_str()),
        ],
    );
    for (n, (column, entry)) in grid.columns.iter().zip(row).enumerate() {
        if n == 0 {
            let color = format!("dot t{}", target_index(summary, cell) % 8);
            page.open("th", &[("scope", "row")])
                .leaf("span", &[("class", &color)], "")
                .text(&entry.text.value)
                .close("th");
        } else if column.is_name {
            page.leaf("td", &[("class", "key")], &entry.text.value);
        } else {
            figure(page, index, &column.key, entry);
        }
    }
    page.close("tr");
}

pub(super) fn target_index(summary: &Summary, cell: &Cell) -> usize {
    let shown = summary.run.targets.iter().filter(|t| summary.cells.iter().any(|c| c.key.target == t.id));
    shown.into_iter().position(|t| t.id == cell.key.target).unwrap_or(0)
}

/// One figure with the number of its cell and its raw value.
fn figure(page: &mut Markup, cell: usize, key: &str, entry: &Entry) {
    let raw = entry.raw.map(raw).unwrap_or_default();
    let class = match (entry.is_best, entry.raw) {
        (true, _) => "n best",
        (false, None) => "n na",
        _ => "n",
    };
    let cell = cell.to_string();
    let attributes = [
        ("class", class),
        ("data-v", raw.as_str()),
        ("data-cell", &cell),
        ("data-metric", key),
        ("title", &entry.text.basis),
    ];
    // Why there is no value stands where its interval would.
    let (value, below) = match entry.text.value.strip_prefix("n/a (") {
        Some(why) => ("n/a", why.trim_end_matches(')')),
        None => (entry.text.value.as_str(), entry.text.interval.as_str()),
    };
    page.open("td", &attributes).text(value);
    if !below.is_empty() {
        page.leaf("span", &[("class", "ci")], below);
    }
    page.close("td");
}

/// A raw value as scripts read it; infinity sorts last.
fn raw(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { "1e308".to_owned() }
}

/// Every cell with all its figures.
pub(super) fn details(page: &mut Markup, summary: &Summary) {
    page.open("section", &[("id", "cells"), ("aria-labelledby", "h-cells")]);
    page.leaf("h2", &[("id", "h-cells")], "Cells");
    page.leaf("p", &[("class", "lead")], "All figures of each cell, with interval, method and n.");
    for (index, cell) in summary.cells.iter().enumerate().take(MOST_CELLS) {
        cell_details(page, summary, index, cell);
    }
    if summary.cells.len() > MOST_CELLS {
        let rest = format!("{} further cells are in summary.json.", summary.cells.len() - MOST_CELLS);
        page.leaf("p", &[("class", "lead")], &rest);
    }
    page.close("section");
}

fn cell_details(page: &mut Markup, summary: &Summary, index: usize, cell: &Cell) {
    let key = &cell.key;
    page.open("details", &[("id", &format!("cell-{index}"))]).open("summary", &[]);
    page.leaf("span", &[("class", &format!("dot t{}", target_index(summary, cell) % 8))], "");
    page.text(&format!("{} · {} · {} · {}", key.target, key.mode, key.prompt, key.load));
    let outcomes: Vec<String> = cell.outcomes.iter().map(|(outcome, n)| format!("{n} {outcome}")).collect();
    page.leaf("span", &[("class", "sub")], &format!("{}: {}", count(cell.n, "trial"), outcomes.join(", ")));
    page.close("summary");
    metrics(page, index, cell);
    shares(page, index, cell);
    facts(page, cell);
    page.close("details");
}

type Pick = fn(&Distribution) -> &Estimate;
const STATISTICS: [(&str, Pick); 5] =
    [("mean", |d| &d.mean), ("p50", |d| &d.p50), ("p90", |d| &d.p90), ("p95", |d| &d.p95), ("p99", |d| &d.p99)];

fn metrics(page: &mut Markup, index: usize, cell: &Cell) {
    page.open("div", &[("class", "scroll"), ("tabindex", "0")]).open("table", &[]).open("thead", &[]).open("tr", &[]);
    page.leaf("th", &[("scope", "col")], "metric");
    for name in ["n", "failed", "mean", "p50", "p90", "p95", "p99", "max"] {
        page.leaf("th", &[("scope", "col"), ("class", "n")], name);
    }
    page.close("tr").close("thead").open("tbody", &[]);
    for (metric, d) in &cell.metrics {
        let unit = metric_unit(*metric, d);
        page.open("tr", &[]).leaf("th", &[("scope", "row")], &format!("{}, {}", title(*metric), unit.name));
        page.leaf("td", &[("class", "n")], &d.n.to_string());
        page.leaf("td", &[("class", "n")], &d.failed.to_string());
        for (name, pick) in STATISTICS {
            let e = pick(d);
            let entry = Entry { raw: e.value, text: estimate(e, unit), is_best: false };
            figure(page, index, &format!("{metric}.{name}"), &entry);
        }
        let max = d.max.map(|v| fixed(v / unit.per, None)).unwrap_or_default();
        page.leaf("td", &[("class", "n")], &max).close("tr");
    }
    page.close("tbody").close("table").close("div");
}

/// A metric's name for people.
fn title(metric: Metric) -> &'static str {
    match metric {
        Metric::Queue => "queue",
        Metric::Ttfb => "response headers (TTFB)",
        Metric::Ttft => "first token (TTFT)",
        Metric::Ttfa => "first answer token (TTFA)",
        Metric::E2e => "end to end",
        Metric::Service => "written to first token",
        Metric::Tpot => "per output token (TPOT)",
        Metric::Itl => "gap between events (ITL)",
        Metric::ItlMax => "longest gap",
        Metric::OutputTps => "output speed",
        Metric::E2eTps => "output over end to end",
        Metric::Waiting => "reader waits",
        Metric::InputTokens => "input",
        Metric::CachedTokens => "cached input",
        Metric::ReasoningTokens => "reasoning",
        Metric::OutputTokens => "output",
        Metric::CostUsd => "cost",
    }
}

fn metric_unit(metric: Metric, d: &Distribution) -> Unit {
    match metric {
        m if m.is_time() => Unit::time([d.mean.value, d.p50.value, d.p95.value].into_iter().flatten()),
        Metric::Waiting => Unit::PERCENT,
        m => Unit::plain(m.unit()),
    }
}

/// Figures of the whole cell.
fn shares(page: &mut Markup, index: usize, cell: &Cell) {
    page.open("div", &[("class", "scroll"), ("tabindex", "0")]).open("table", &[]).open("tbody", &[]);
    let mut row = |name: &str, e: &Estimate, unit: Unit, note: &str| {
        let entry = Entry { raw: e.value, text: estimate(e, unit), is_best: false };
        let label = if unit.name.is_empty() { name.to_owned() } else { format!("{name}, {}", unit.name) };
        page.open("tr", &[]).leaf("th", &[("scope", "row")], &label);
        figure(page, index, name, &entry);
        page.leaf("td", &[("class", "note")], &format!("{}. {note}", entry.text.basis)).close("tr");
    };
    if let Some(q) = &cell.quality {
        let note = format!(
            "{} of {} cases decided; every missing one wrong: {} %, right: {} %.",
            q.decided,
            q.cases,
            fixed(q.strict * 100.0, Some(1)),
            fixed(q.lenient * 100.0, Some(1))
        );
        row("pass rate", &q.pass_rate, Unit::PERCENT, &note);
        for score in &q.scores {
            let [passed, failed, scored, missed] = score.counts;
            let note = format!("{passed} pass, {failed} fail, {scored} scored, {missed} not judged.");
            let note =
                score.alpha.map_or(note.clone(), |alpha| format!("{note} Krippendorff's alpha {}.", short(alpha)));
            row(&format!("score.{}", score.grader), &score.mean, Unit::PERCENT, &note);
            if let Some(corrected) = &score.corrected {
                let note = format!("Prediction-powered: corrected by {} labelled answers.", corrected.n);
                row(&format!("score.{} corrected", score.grader), corrected, Unit::PERCENT, &note);
            }
        }
        for reduced in &q.reduced {
            let left_out = match reduced.left_out {
                0 => String::new(),
                n => format!("; {} left out for want of repeats", count(n, "case")),
            };
            let note = format!("{}{left_out}.", reduced.reducer.meaning());
            row(&reduced.reducer.to_string(), &reduced.estimate, Unit::PERCENT, &note);
        }
        for (tag, e) in &q.by_tag {
            row(&format!("pass rate, tag {tag}"), e, Unit::PERCENT, "");
        }
    }
    if let Some(goodput) = &cell.goodput {
        row("goodput", goodput, Unit::PERCENT, "");
    }
    row("errors", &cell.error_rate, Unit::PERCENT, "");
    row("throughput", &cell.throughput_rps, Unit::plain("req/s"), "");
    row("throughput", &cell.throughput_tps, Unit::plain("tok/s"), "");
    let basis: Vec<String> = cell.cost.total.basis.iter().map(|(basis, n)| format!("{n} {}", basis.name())).collect();
    let unit = Unit::money(cell.cost.per_case.value);
    row("cost per case", &cell.cost.per_case, unit, &format!("{}.", basis.join(", ")));
    if let Some(e) = &cell.cost.per_pass {
        row("cost per pass", e, Unit::money(e.value), "");
    }
    row("reasoning tokens per trial", &cell.mode.reasoning_tokens, Unit::plain(""), "");
    row(
        "trials with a stall",
        &cell.stalls.share,
        Unit::PERCENT,
        &format!("Gaps over {:.0} ms.", cell.stalls.threshold_ms),
    );
    page.close("tbody").close("table").close("div");
}

fn facts(page: &mut Markup, cell: &Cell) {
    let mut facts: Vec<String> = Vec::new();
    if cell.client_limited {
        let limits = cell.audit.as_ref().map(|a| a.limits.join("; ")).unwrap_or_default();
        facts.push(format!("The client was the limit; these figures are no statement about the target. {limits}"));
    }
    if !cell.mode.sent.is_empty() {
        facts.push(format!("Mode as sent: {}.", cell.mode.sent.join(" or ")));
    }
    facts.push(format!("Reasoning seen in {} of {} finished trials.", cell.mode.reasoned, cell.mode.finished));
    if let Some(share) = cell.cache.cached_share {
        facts.push(format!("{} % of prompt tokens came from a cache.", fixed(share * 100.0, Some(1))));
    }
    if cell.recalled.trials > 0 {
        facts.push(format!(
            "{} came from the response cache, which avoided {} USD; they count for quality alone.",
            count(cell.recalled.trials, "answer"),
            fixed(cell.recalled.avoided_usd, None)
        ));
    }
    facts.push(format!(
        "{} over new connections, {} over reused ones.",
        count(cell.connections.cold, "trial"),
        cell.connections.warm
    ));
    if !cell.response_models.is_empty() {
        let names: Vec<String> = cell.response_models.iter().map(|(name, n)| format!("{name} ({n})")).collect();
        facts.push(format!("Answered as {}.", names.join(", ")));
    }
    page.leaf("p", &[("class", "lead")], &facts.join(" "));
}
