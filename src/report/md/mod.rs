//! `report.md`: fit for a pull-request comment or a step summary. Everything foreign is escaped.

pub(super) mod arms;
pub mod compare;

use std::fmt::Write as _;

use super::artifact::Artifact;
use super::escape::markdown;
use super::grid;
use super::grid::Entry;
use super::groups;
use super::written::measured;
use crate::analyze::Summary;
use crate::analyze::summary::SloVerdict;
use crate::analyze::summary::Tone;
use crate::text::number::count;

/// More rows than this do not fit a comment; the rest is in the page.
const MOST_ROWS: usize = 100;

/// The report as Markdown.
pub fn render(summary: &Summary) -> Artifact {
    Artifact::text("report.md", text(summary))
}

/// The same as text.
pub fn text(summary: &Summary) -> String {
    let parts = [
        heading(summary),
        findings(summary),
        table(summary),
        objectives(summary),
        arms::text(summary),
        warnings(summary),
        record(summary),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n") + "\n"
}

fn heading(summary: &Summary) -> String {
    let mut text = format!("## llmark: {}", markdown(&summary.run.meta.suite));
    if summary.simulated {
        text += "\n\n> **SIMULATED.** Every figure comes from the embedded simulator, not from a model.";
    }
    text
}

fn findings(summary: &Summary) -> String {
    let mark = |tone| match tone {
        Tone::Bad => "✗ ",
        Tone::Unsure => "? ",
        Tone::Good => "✓ ",
        Tone::Plain => "",
    };
    let lines: Vec<String> =
        summary.findings.iter().map(|f| format!("- {}{}", mark(f.tone), markdown(&f.text))).collect();
    lines.join("\n")
}

fn table(summary: &Summary) -> String {
    let grid = grid::comparison(summary);
    if grid.rows.is_empty() {
        return "No measured trial ended: there is nothing to compare.".to_owned();
    }
    let cell = |text: &str| format!(" {text} |");
    let heading = |c: &grid::Column| {
        if c.unit.is_empty() { c.title.to_string() } else { format!("{}, {}", c.title, c.unit) }
    };
    let head: String = grid.columns.iter().map(|c| cell(&heading(c))).collect();
    let rule: String = grid.columns.iter().map(|c| if c.is_name { "---|" } else { "---:|" }).collect();
    let row = |row: &Vec<Entry>| {
        let squares: String = row.iter().map(|entry| cell(&square(entry))).collect();
        format!("|{squares}")
    };
    let rows: Vec<String> = grid.rows.iter().take(MOST_ROWS).map(row).collect();
    let mut text = format!("|{head}\n|{rule}\n{}", rows.join("\n"));
    if grid.rows.len() > MOST_ROWS {
        let _ = write!(text, "\n\n{} further cells are in report.html.", grid.rows.len() - MOST_ROWS);
    }
    for one in &summary.unavailable {
        let _ = write!(text, "\n\nunavailable: {}: {}", markdown(&one.cell.to_string()), markdown(&one.reason));
    }
    let notes: Vec<String> = grid::footnotes(summary).iter().map(|n| markdown(n)).collect();
    format!("{text}\n\n<sub>{}</sub>", notes.join(" "))
}

fn square(entry: &Entry) -> String {
    let value = markdown(&entry.text.value);
    let value = if entry.is_best { format!("**{value}**") } else { value };
    if entry.text.interval.is_empty() { value } else { format!("{value}<br><sub>{}</sub>", entry.text.interval) }
}

fn objectives(summary: &Summary) -> String {
    if summary.slos.is_empty() {
        return String::new();
    }
    let heading = "### Objectives\n\n| verdict | objective | cells | worst cell | measured | why |\n";
    let mut text = format!("{heading}|---|---|---|---|---:|---|");
    for group in groups::objectives(&summary.slos) {
        let Some(slo) = group.results.first() else { continue };
        let verdict = match group.verdict() {
            SloVerdict::Met => "✓ met",
            SloVerdict::Missed => "✗ **missed**",
            SloVerdict::Inconclusive => "? inconclusive",
        };
        let key = &slo.cell;
        let cell = format!("{} {} {} {}", key.target, key.mode, key.prompt, key.load);
        let needed = slo.needed_n.map(|n| format!(" Needs {n} trials in all.")).unwrap_or_default();
        let _ = write!(
            text,
            "\n| {verdict} | {} | {} | {} | {} | {}{needed} |",
            markdown(&slo.slo),
            group.counts(),
            markdown(&cell),
            markdown(&measured(slo)),
            markdown(&slo.why)
        );
    }
    text
}

fn warnings(summary: &Summary) -> String {
    if summary.warnings.is_empty() {
        return String::new();
    }
    let line = |group: &Vec<&crate::analyze::summary::Warning>| {
        let place = groups::place(group);
        let place = if place.is_empty() { place } else { format!("{}: ", markdown(&place)) };
        format!("- {place}{} *{}*", markdown(&group[0].message), markdown(&group[0].advice))
    };
    let lines: Vec<String> = groups::warnings(&summary.warnings).iter().map(line).collect();
    format!("### Warnings\n\n{}", lines.join("\n"))
}

fn record(summary: &Summary) -> String {
    let run = &summary.run;
    let cost = super::written::fixed(run.cost.usd, None);
    format!(
        "<sub>run {} · seed {} · {} · {} · {cost} USD · llmark {}</sub>",
        markdown(&run.meta.id),
        run.meta.seed,
        count(run.trials, "trial"),
        count(run.attempts, "request"),
        markdown(&run.meta.version)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::hostile::CORPUS;
    use crate::report::sample;

    #[test]
    fn a_comment() {
        insta::assert_snapshot!(text(&sample::summary()));
    }

    #[test]
    fn hostile_names_stay_inside_their_cell() {
        let mut summary = sample::summary();
        let clean = text(&summary).lines().count();
        for nasty in CORPUS {
            summary.cells[3].key.target = (*nasty).into();
            summary.slos[0].why = (*nasty).to_owned();
            summary.warnings[0].message = (*nasty).to_owned();
            summary.findings[0].text = (*nasty).to_owned();
            summary.run.meta.suite = (*nasty).to_owned();
            let text = text(&summary);
            assert_eq!(text.lines().count(), clean, "{nasty:?}");
            for bad in ["<script", "<img", "<svg", "![", "://", "\n::", "\u{1b}"] {
                assert!(!text.contains(bad), "{nasty:?}: {bad}");
            }
        }
    }
}
