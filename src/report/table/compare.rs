//! A comparison for a terminal: the gate first, then exploration, flips and what to know.

use super::screen::Screen;
use super::screen::Style;
use super::screen::plain;
use crate::analyze::Estimate;
use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::analyze::compare::Flip;
use crate::analyze::compare::Verdict;
use crate::report::written::Unit;
use crate::report::written::estimate;
use crate::text::number::count;
use crate::text::number::short;

const SHOWN_FLIPS: usize = 10;
const HEADS: [&str; 7] = ["metric", "slice", "baseline", "candidate", "change", "p", "verdict"];

/// How p values become verdicts (Holm 1979; Benjamini and Hochberg 1995).
pub(super) const ADJUSTED: &str =
    "p is adjusted for the number of tests: a gate decides at 5 %, exploration at a false discovery rate of 10 %.";

/// The comparison as text with a final line feed.
pub fn render(found: &Comparisons, screen: Screen) -> String {
    let heading = format!("baseline {}, candidate {}", plain(&found.baseline, 80), plain(&found.candidate, 80));
    let (gate, exploration): (Vec<&Comparison>, Vec<&Comparison>) = found.comparisons.iter().partition(|one| one.gates);
    let mut parts = vec![screen.paint(Style::Strong, &heading) + "\n", table("Gate", &gate, screen)];
    parts.push(table("Exploration (decides nothing)", &exploration, screen));
    parts.push(flips(&found.flips, screen));
    parts.push(notes(found, screen));
    parts.push(screen.paint(style(found.verdict), &verdict(found, &gate)) + "\n");
    parts.retain(|part| !part.trim().is_empty());
    parts.join("\n")
}

/// How a verdict is painted.
fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Regressed => Style::Alarm,
        Verdict::Inconclusive => Style::Doubt,
        Verdict::Improved | Verdict::Equivalent => Style::Good,
    }
}

fn verdict(found: &Comparisons, gate: &[&Comparison]) -> String {
    let needed = gate.iter().filter(|one| one.verdict == Verdict::Inconclusive).filter_map(|one| one.needed_n).max();
    match (found.verdict, needed) {
        (Verdict::Inconclusive, Some(n)) => format!("inconclusive: about {} needed for a verdict", count(n, "pair")),
        (verdict, _) => verdict.name().to_owned(),
    }
}

/// Lines of a comparison below a title; empty without any.
pub(super) fn table(title: &str, lines: &[&Comparison], screen: Screen) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 7]> = lines.iter().map(|one| cells(one)).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0).max(HEADS[column].len())
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let line = |cells: &[String; 7]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = screen.paint(Style::Strong, title) + "\n";
    text += &(screen.paint(Style::Faint, &line(&HEADS.map(str::to_owned))) + "\n");
    for (one, row) in lines.iter().zip(&rows) {
        let style = if one.gates { style(one.verdict) } else { Style::Plain };
        text += &(screen.paint(style, &line(row)) + "\n");
    }
    text
}

fn cells(one: &Comparison) -> [String; 7] {
    [
        plain(&one.metric, 40),
        plain(&one.slice, 40),
        value(one, &one.baseline),
        value(one, &one.candidate),
        change(one),
        p_value(one.p_adjusted),
        word(one),
    ]
}

/// The effect with its interval: a factor, or points with a sign.
pub(crate) fn change(one: &Comparison) -> String {
    match &one.ratio {
        Some(ratio) if ratio.value.is_some() => format!("x{}", estimate(ratio, Unit::plain("")).line()),
        Some(ratio) => estimate(ratio, Unit::plain("")).value,
        None => {
            let sign = if one.difference.value.is_some_and(|value| value > 0.0) { "+" } else { "" };
            format!("{sign}{} points", estimate(&one.difference, Unit::PERCENT).line())
        }
    }
}

/// The verdict with what it lacks.
pub(crate) fn word(one: &Comparison) -> String {
    match (one.verdict, one.needed_n) {
        (Verdict::Inconclusive, Some(n)) => format!("inconclusive, needs {n}"),
        (verdict, _) => verdict.name().to_owned(),
    }
}

/// Two significant digits; `< 1e-4` below.
pub(crate) fn p_value(p: Option<f64>) -> String {
    match p {
        None => "-".into(),
        Some(p) if p < 1e-4 => "< 1e-4".into(),
        Some(p) if p < 0.01 => format!("{p:.4}"),
        Some(p) => format!("{p:.2}"),
    }
}

/// A value of one arm with its unit.
pub(crate) fn value(one: &Comparison, e: &Estimate) -> String {
    let unit = unit(one);
    let text = estimate(e, unit).value;
    if unit.name.is_empty() || e.value.is_none() { text } else { format!("{text} {}", unit.name) }
}

/// The unit of a comparison's values.
pub(crate) fn unit(one: &Comparison) -> Unit {
    let values = [one.baseline.value, one.candidate.value].into_iter().flatten();
    let is_time = ["ttf", "e2e", "tpot"].iter().any(|name| one.metric.contains(name));
    match one.metric.as_str() {
        _ if one.ratio.is_none() => Unit::PERCENT,
        metric if metric.starts_with("cost") => Unit::money(values),
        _ if is_time => Unit::time(values),
        _ => Unit::plain(""),
    }
}

fn flips(flips: &[Flip], screen: Screen) -> String {
    if flips.is_empty() {
        return String::new();
    }
    let mut text =
        screen.paint(Style::Strong, &format!("{} changed, worst first", count(flips.len() as u64, "case"))) + "\n";
    for flip in flips.iter().take(SHOWN_FLIPS) {
        let noise = match flip.noise.name() {
            "unknown" => String::new(),
            known => format!(", {known} repeat noise"),
        };
        let line = format!(
            "{}: {} -> {}{noise} (trials {} and {})",
            plain(flip.case.as_str(), 60),
            flip.baseline,
            flip.candidate,
            flip.baseline_trial.0,
            flip.candidate_trial.0
        );
        text += &(screen.wrap(&line, Style::Plain) + "\n");
        let width = screen.width.saturating_sub(16);
        for (side, answer) in ["baseline: ", "candidate:"].iter().zip(flip.answers.iter().flatten()) {
            text += &(screen.paint(Style::Faint, &format!("    {side} {}", plain(answer, width))) + "\n");
        }
    }
    if flips.len() > SHOWN_FLIPS {
        let rest = format!("and {} more, in --json", flips.len() - SHOWN_FLIPS);
        text += &(screen.wrap(&rest, Style::Faint) + "\n");
    }
    text
}

/// The margins in force: of shares in points, of amounts and times as a ratio.
fn margins(found: &Comparisons) -> String {
    let of = |is_ratio: bool| {
        let found = found.comparisons.iter().find(|one| one.ratio.is_some() == is_ratio && one.margin > 0.0);
        found.map(|one| short(100.0 * one.margin))
    };
    match (of(false), of(true)) {
        (Some(points), Some(ratio)) => format!("Margin {points} points for shares, {ratio} % for amounts and times"),
        (Some(points), None) => format!("Margin {points} points"),
        (None, ratio) => format!("Margin {} %", ratio.unwrap_or_default()),
    }
}

/// Notes of the comparison and of the gate's lines, each once.
fn notes(found: &Comparisons, screen: Screen) -> String {
    let of_gate = found.comparisons.iter().filter(|one| one.gates);
    let of_gate =
        of_gate.flat_map(|one| one.notes.iter().map(move |note| format!("{} {}: {note}", one.metric, one.slice)));
    let mut lines: Vec<String> = found.notes.iter().cloned().chain(of_gate).collect();
    if found.comparisons.iter().any(|one| one.gates) {
        lines.push(format!("{}; 95 % intervals; pairs by case. {ADJUSTED}", margins(found)));
    }
    lines.iter().map(|line| screen.wrap(line, Style::Faint) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::compare::sample;

    #[test]
    fn a_comparison() {
        insta::assert_snapshot!(render(&sample::comparisons(), Screen { width: 100, color: false }));
    }
}
