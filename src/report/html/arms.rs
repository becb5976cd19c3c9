//! Arms held against each other: comparisons with their tests, steps of effort, and fronts.

use super::cells::target_index;
use super::markup::Markup;
use crate::analyze::Summary;
use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::analyze::compare::Verdict;
use crate::analyze::summary::Cell;
use crate::analyze::summary::EffortCurve;
use crate::analyze::summary::Front;
use crate::analyze::summary::FrontArm;
use crate::report::table::compare::change;
use crate::report::table::compare::p_value;
use crate::report::table::compare::unit;
use crate::report::table::compare::value;
use crate::report::table::compare::word;
use crate::report::written::estimate;
use crate::report::written::fixed;
use crate::text::number::count;

/// Lines of one comparison at most; all of them are in `summary.json`.
const MOST_LINES: usize = 60;

/// Comparisons that gate: what a reader must see before the figures.
pub(super) fn gates(page: &mut Markup, summary: &Summary) {
    let gating: Vec<&Comparisons> = summary.comparisons.iter().filter(|found| found.gates).collect();
    if gating.is_empty() && summary.refused.is_empty() {
        return;
    }
    page.leaf("h3", &[], "Against the baseline");
    for found in gating {
        comparison(page, found, true);
    }
    for why in &summary.refused {
        page.open("p", &[]);
        tag(page, "warn", "refused");
        page.text(why).close("p");
    }
}

/// Whether the page has a section of arms.
pub(super) fn has_any(summary: &Summary) -> bool {
    let has_steps = summary.efforts.iter().any(|curve| !curve.steps.is_empty());
    has_steps || !summary.fronts.is_empty() || summary.comparisons.iter().any(|found| !found.gates)
}

/// Everything else that was compared within the run.
pub(super) fn write(page: &mut Markup, summary: &Summary) {
    if !has_any(summary) {
        return;
    }
    let within: Vec<&Comparisons> = summary.comparisons.iter().filter(|found| !found.gates).collect();
    let steps: Vec<&EffortCurve> = summary.efforts.iter().filter(|curve| !curve.steps.is_empty()).collect();
    page.open("section", &[("id", "arms"), ("aria-labelledby", "h-arms")]);
    page.leaf("h2", &[("id", "h-arms")], "Arms against each other");
    page.leaf("p", &[("class", "lead")], "Paired by case, with 95 % intervals and p adjusted for the number of tests. Inconclusive says how many cases a verdict would take; it does not say that the arms are equal.");
    if let Some((first, rest)) = summary.fronts.split_first() {
        page.leaf("h3", &[], &format!("Which arm to consider at {}", first.load));
        fronts(page, summary, first);
        for front in rest {
            page.open("details", &[]).leaf("summary", &[], &format!("The same at {}", front.load));
            fronts(page, summary, front);
            page.close("details");
        }
    }
    if !steps.is_empty() {
        effort(page, &steps);
    }
    if !within.is_empty() {
        page.leaf("h3", &[], "Targets, modes and prompts, pair by pair");
    }
    for found in within {
        comparison(page, found, false);
    }
    page.close("section");
}

fn tag(page: &mut Markup, kind: &str, text: &str) {
    page.leaf("span", &[("class", &format!("tag {kind}"))], text).text(" ");
}

fn kind(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Regressed => ("bad", "✗ regressed"),
        Verdict::Improved => ("good", "✓ improved"),
        Verdict::Equivalent => ("good", "✓ equivalent"),
        Verdict::Inconclusive => ("warn", "? inconclusive"),
    }
}

fn comparison(page: &mut Markup, found: &Comparisons, open: bool) {
    let attributes: &[(&'static str, &str)] = if open { &[("open", "")] } else { &[] };
    page.open("details", attributes).open("summary", &[]);
    if found.gates {
        let (class, text) = kind(found.verdict);
        tag(page, class, text);
    }
    page.text(&format!("{} against {}", found.candidate, found.baseline));
    page.leaf("span", &[("class", "sub")], &tally(found)).close("summary");
    head(page, &["metric", "slice", "#baseline", "#candidate", "#change", "#p", "verdict"]);
    for one in found.comparisons.iter().take(MOST_LINES) {
        line(page, one);
    }
    page.close("tbody").close("table").close("div");
    if found.comparisons.len() > MOST_LINES {
        let rest = format!("{} further lines are in summary.json.", found.comparisons.len() - MOST_LINES);
        page.leaf("p", &[("class", "lead")], &rest);
    }
    if !found.flips.is_empty() {
        page.leaf("p", &[("class", "lead")], &flips(found));
    }
    for note in &found.notes {
        page.leaf("p", &[("class", "lead")], note);
    }
    page.close("details");
}

/// A table's head; names that begin with `#` stand above figures.
fn head(page: &mut Markup, names: &[&str]) {
    page.open("div", &[("class", "scroll"), ("tabindex", "0")])
        .open("table", &[("data-sortable", "")])
        .open("thead", &[])
        .open("tr", &[]);
    for name in names {
        let class = if name.starts_with('#') { "n" } else { "" };
        page.leaf("th", &[("scope", "col"), ("class", class)], name.trim_start_matches('#'));
    }
    page.close("tr").close("thead").open("tbody", &[]);
}

/// Verdicts with their number: `2 improved, 14 inconclusive`.
fn tally(found: &Comparisons) -> String {
    let order = [Verdict::Regressed, Verdict::Improved, Verdict::Equivalent, Verdict::Inconclusive];
    let of = |verdict: Verdict| {
        let n = found.comparisons.iter().filter(|one| one.verdict == verdict).count();
        (n > 0).then(|| format!("{n} {}", verdict.name()))
    };
    order.into_iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

fn line(page: &mut Markup, one: &Comparison) {
    let (class, _) = kind(one.verdict);
    page.open("tr", &[]).leaf("th", &[("scope", "row")], &one.metric).leaf("td", &[], &one.slice);
    for e in [&one.baseline, &one.candidate] {
        let written = estimate(e, unit(one));
        page.open("td", &[("class", "n"), ("title", &written.basis)]).text(&value(one, e));
        page.leaf("span", &[("class", "ci")], &written.interval).close("td");
    }
    page.leaf("td", &[("class", "n")], &change(one)).leaf("td", &[("class", "n")], &p_value(one.p_adjusted));
    page.open("td", &[]);
    tag(page, if one.verdict == Verdict::Inconclusive { "" } else { class }, &word(one));
    page.close("td").close("tr");
}

fn flips(found: &Comparisons) -> String {
    let names: Vec<String> =
        found.flips.iter().take(12).map(|f| format!("{} ({} to {})", f.case, f.baseline, f.candidate)).collect();
    let more = found.flips.len().saturating_sub(12);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} changed: {}{more}.", count(found.flips.len() as u64, "case"), names.join(", "))
}

fn effort(page: &mut Markup, curves: &[&EffortCurve]) {
    page.leaf("h3", &[], "What each step of effort changes");
    head(page, &["arm", "step", "#pass rate, points", "#reasoning tokens", "#first answer token", "#cost per case"]);
    for curve in curves {
        for step in &curve.steps {
            page.open("tr", &[]);
            let many = curves.iter().any(|other| other.prompt != curve.prompt);
            let prompt = if many { format!(" · {}", curve.prompt) } else { String::new() };
            let arm = format!("{}{prompt} · {}", curve.target, curve.load);
            page.leaf("th", &[("scope", "row")], &arm).leaf(
                "td",
                &[("class", "key")],
                &format!("{} → {}", step.from, step.to),
            );
            for metric in ["pass_rate", "reasoning_tokens", "ttfa", "cost_per_case"] {
                let found = step.changes.iter().find(|one| one.metric == metric);
                let decided = found.is_some_and(|one| matches!(one.verdict, Verdict::Improved | Verdict::Regressed));
                let text = found.map_or_else(|| "n/a".to_owned(), change);
                let p = found.map(|one| format!("p = {}", p_value(one.p_adjusted))).unwrap_or_default();
                page.leaf("td", &[("class", if decided { "n best" } else { "n" }), ("title", &p)], &text);
            }
            page.close("tr");
        }
    }
    page.close("tbody").close("table").close("div");
    page.leaf("p", &[("class", "lead")], "Shaded: beyond doubt after adjustment.");
    page.open("ul", &[]);
    for cheapest in curves.iter().filter_map(|curve| curve.cheapest.as_ref()) {
        page.leaf("li", &[], &cheapest.sentence);
    }
    page.close("ul");
}

fn fronts(page: &mut Markup, summary: &Summary, front: &Front) {
    let lead = format!(
        "On the front: no other arm is at least as good in pass rate, {} and cost, and better in one. The share says in \
         how many of {} resamples of the cases that holds; places carry 95 % intervals.",
        front.latency, front.resamples
    );
    page.leaf("p", &[("class", "lead")], &lead);
    let mut names: Vec<String> = ["arm", "on the front", "#share", "beaten by"].map(str::to_owned).into();
    let metrics: Vec<&str> = front
        .arms
        .iter()
        .max_by_key(|arm| arm.ranks.len())
        .map_or(Vec::new(), |a| a.ranks.iter().map(|r| r.metric).collect());
    names.extend(metrics.iter().map(|metric| format!("#place in {}", metric.replace('_', " "))));
    head(page, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for arm in &front.arms {
        front_arm(page, summary, arm, &metrics);
    }
    page.close("tbody").close("table").close("div");
}

/// Target and mode, and the prompt where there are several.
fn arm_name(summary: &Summary, cell: &Cell) -> String {
    let key = &cell.key;
    let many = summary.cells.iter().any(|other| other.key.prompt != key.prompt);
    if many {
        format!("{} · {} · {}", key.target, key.mode, key.prompt)
    } else {
        format!("{} · {}", key.target, key.mode)
    }
}

fn front_arm(page: &mut Markup, summary: &Summary, arm: &FrontArm, metrics: &[&str]) {
    let name = |at: usize| summary.cells.get(at).map_or_else(String::new, |cell| arm_name(summary, cell));
    let color = summary.cells.get(arm.cell_index).map_or(0, |cell| target_index(summary, cell) % 8);
    page.open("tr", &[]).open("th", &[("scope", "row")]);
    page.leaf("span", &[("class", &format!("dot t{color}"))], "").text(&name(arm.cell_index));
    page.close("th").open("td", &[]);
    if arm.on_front {
        tag(page, "good", "✓ yes");
    }
    page.close("td");
    let raw = arm.share.to_string();
    page.leaf("td", &[("class", "n"), ("data-v", &raw)], &format!("{} %", fixed(arm.share * 100.0, Some(0))));
    page.leaf("td", &[], &arm.dominated_by.map(name).unwrap_or_default());
    for metric in metrics {
        let found = arm.ranks.iter().find(|rank| rank.metric == *metric);
        let text = found.map_or_else(|| "n/a".to_owned(), |r| r.rank.to_string());
        let raw = found.map(|r| r.rank.to_string()).unwrap_or_default();
        page.open("td", &[("class", "n"), ("data-v", &raw)]).text(&text);
        let interval = found.map(|r| format!("[{}, {}]", r.low, r.high)).unwrap_or_default();
        page.leaf("span", &[("class", "ci")], &interval).close("td");
    }
    page.close("tr");
}
