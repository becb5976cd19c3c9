//! What the page opens with: sentences, objectives, warnings.

use super::markup::Markup;
use crate::analyze::Summary;
use crate::analyze::summary::Severity;
use crate::analyze::summary::SloResult;
use crate::analyze::summary::SloVerdict;
use crate::analyze::summary::Tone;
use crate::report::written::measured;

pub(super) fn write(page: &mut Markup, summary: &Summary) {
    page.open("section", &[("id", "verdict"), ("aria-labelledby", "h-verdict")]);
    page.leaf("h2", &[("id", "h-verdict")], "Verdict");
    sentences(page, summary);
    objectives(page, &summary.slos);
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
    page.open("div", &[("class", "scroll")]).open("table", &[("data-sortable", ""), ("id", "objectives")]);
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

fn objective(page: &mut Markup, slo: &SloResult) {
    let (kind, word) = match slo.verdict {
        SloVerdict::Met => ("good", "✓ met"),
        SloVerdict::Missed => ("bad", "✗ missed"),
        SloVerdict::Inconclusive => ("warn", "? inconclusive"),
    };
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
    for warning in &summary.warnings {
        page.open("li", &[]);
        match warning.severity {
            Severity::Invalid => tag(page, "bad", "invalid"),
            Severity::Caution => tag(page, "warn", "caution"),
            Severity::Note => tag(page, "", "note"),
        }
        if let Some(key) = &warning.cell {
            page.text(&format!("{} · {} · {} · {}: ", key.target, key.mode, key.prompt, key.load));
        }
        page.text(&warning.message).leaf("span", &[("class", "advice")], &warning.advice).close("li");
    }
    page.close("ul");
}

fn failures(page: &mut Markup, summary: &Summary) {
    if summary.failures.is_empty() {
        return;
    }
    page.leaf("h3", &[], "What failed");
    page.open("div", &[("class", "scroll")]).open("table", &[("data-sortable", "")]);
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
