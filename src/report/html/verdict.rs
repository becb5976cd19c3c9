//! What the page opens with: sentences, objectives, warnings.

use super::markup::Markup;
use crate::analyze::Summary;
use crate::analyze::summary::Severity;
use crate::analyze::summary::SloResult;
use crate::analyze::summary::SloVerdict;
use crate::analyze::summary::Tone;
use crate::analyze::summary::Warning;
use crate::report::groups;
use crate::report::written::measured;
use crate::text::number::count;

/// Results that fit one table; more are folded by objective.
const FEW: usize = 8;

pub(super) fn write(page: &mut Markup, summary: &Summary) {
    page.open("section", &[("id", "verdict"), ("aria-labelledby", "h-verdict")]);
    page.leaf("h2", &[("id", "h-verdict")], "Verdict");
    let class = if summary.choice.is_some() { "opening chosen" } else { "opening" };
    page.open("div", &[("class", class)]);
    sentences(page, summary);
    super::glance::write(page, summary);
    page.close("div");
    objectives(page, &summary.slos);
    super::arms::gates(page, summary);
    super::stopping::write(page, summary);
    warnings(page, summary);
    failures(page, summary);
    page.close("section");
}

fn sentences(page: &mut Markup, summary: &Summary) {
    page.open("ul", &[("class", "verdicts")]);
    if summary.findings.is_empty() {
        let text = if summary.cells.is_empty() {
            "No measured trial ended, so there is nothing to say about any model."
        } else {
            "The comparison below has all figures; nothing in them stands out."
        };
        page.leaf("li", &[], text);
    }
    for finding in &summary.findings {
        page.open("li", &[]);
        match finding.tone {
            Tone::Bad => tag(page, "bad", "✗ "),
            Tone::Unsure => tag(page, "warn", "? "),
            Tone::Good | Tone::Plain => {}
        }
        page.text(&finding.text).close("li");
    }
    page.close("ul");
}

fn tag(page: &mut Markup, kind: &str, text: &str) {
    page.leaf("span", &[("class", &format!("tag {kind}"))], text.trim()).text(" ");
}

fn objectives(page: &mut Markup, slos: &[SloResult]) {
    if slos.is_empty() {
        return;
    }
    page.leaf("h3", &[], "Objectives");
    let groups = groups::objectives(slos);
    if slos.len() <= FEW {
        let all: Vec<&SloResult> = groups.iter().flat_map(|g| g.results.iter().copied()).collect();
        return objective_table(page, &all);
    }
    for group in &groups {
        let (kind, word) = badge(group.verdict());
        page.open("details", &[]).open("summary", &[]);
        tag(page, kind, word);
        page.leaf("code", &[], group.slo);
        let why = group.results.first().map_or("", |slo| slo.why.as_str());
        let counts = format!("{} of {}: {why}", group.counts(), count(group.results.len() as u64, "cell"));
        page.leaf("span", &[("class", "sub")], &counts).close("summary");
        objective_table(page, &group.results);
        page.close("details");
    }
}

fn objective_table(page: &mut Markup, slos: &[&SloResult]) {
    page.open("div", &[("class", "scroll"), ("tabindex", "0")]).open("table", &[("data-sortable", "")]);
    page.open("thead", &[]).open("tr", &[]);
    for name in ["verdict", "objective", "cell", "measured", "why"] {
        let class = if name == "measured" { "n" } else { "" };
        page.leaf("th", &[("scope", "col"), ("class", class)], name);
    }
    page.close("tr").close("thead").open("tbody", &[]);
    for slo in slos {
        objective(page, slo);
    }
    page.close("tbody").close("table").close("div");
}

fn badge(verdict: SloVerdict) -> (&'static str, &'static str) {
    match verdict {
        SloVerdict::Met => ("good", "✓ met"),
        SloVerdict::Missed => ("bad", "✗ missed"),
        SloVerdict::Inconclusive => ("warn", "? inconclusive"),
    }
}

fn objective(page: &mut Markup, slo: &SloResult) {
    let (kind, word) = badge(slo.verdict);
    let key = &slo.cell;
    let raw = slo.value.value.filter(|v| v.is_finite()).map(|v| v.to_string()).unwrap_or_default();
    let needed = slo.needed_n.map(|n| format!(" Needs {n} trials in all.")).unwrap_or_default();
    page.open("tr", &[]).open("td", &[]);
    tag(page, kind, word);
    page.close("td").open("td", &[]).leaf("code", &[], &slo.slo).close("td");
    page.leaf("td", &[("class", "key")], &format!("{} · {} · {} · {}", key.target, key.mode, key.prompt, key.load));
    let cell = slo.cell_index.to_string();
    page.leaf("td", &[("class", "n"), ("data-v", &raw), ("data-cell", &cell)], &measured(slo));
    page.leaf("td", &[("class", "why")], &format!("{}{needed}", slo.why)).close("tr");
}

fn warnings(page: &mut Markup, summary: &Summary) {
    if summary.warnings.is_empty() {
        return;
    }
    page.leaf("h3", &[], "Before you use these figures");
    page.open("ul", &[("class", "warnings")]);
    for group in groups::warnings(&summary.warnings) {
        warning(page, &group);
    }
    page.close("ul");
}

fn warning(page: &mut Markup, group: &[&Warning]) {
    let Some(first) = group.first() else { return };
    page.open("li", &[]);
    match first.severity {
        Severity::Invalid => tag(page, "bad", "invalid"),
        Severity::Caution => tag(page, "warn", "caution"),
        Severity::Note => tag(page, "", "note"),
    }
    let place = groups::place(group);
    if !place.is_empty() {
        page.text(&format!("{place}: "));
    }
    page.text(&first.message).leaf("span", &[("class", "advice")], &first.advice);
    if group.len() > 1 {
        page.open("details", &[]).leaf("summary", &[], "All of them").open("ul", &[]);
        for one in group {
            page.leaf("li", &[], &format!("{}: {}", groups::place(&[*one]), one.message));
        }
        page.close("ul").close("details");
    }
    page.close("li");
}

fn failures(page: &mut Markup, summary: &Summary) {
    if summary.failures.is_empty() {
        return;
    }
    page.leaf("h3", &[], "What failed");
    page.open("div", &[("class", "scroll"), ("tabindex", "0")]).open("table", &[("data-sortable", "")]);
    page.open("thead", &[]).open("tr", &[]);
    for name in ["trials", "outcome", "detail", "cell", "example", "message"] {
        page.leaf("th", &[("scope", "col"), ("class", if name == "trials" { "n" } else { "" })], name);
    }
    page.close("tr").close("thead").open("tbody", &[]);
    for failure in &summary.failures {
        let key = &failure.cell;
        let count = failure.count.to_string();
        page.open("tr", &[]).leaf("td", &[("class", "n"), ("data-v", &count)], &count);
        page.leaf("td", &[], failure.outcome.name()).leaf("td", &[], &failure.detail);
        page.leaf("td", &[("class", "key")], &format!("{} · {} · {} · {}", key.target, key.mode, key.prompt, key.load));
        page.leaf("td", &[], &format!("trial {}", failure.example)).leaf("td", &[], &failure.message).close("tr");
    }
    page.close("tbody").close("table").close("div");
}
