//! A comparison of two runs for terminals, pull requests and programs.

mod json;

use std::fmt::Write as _;

use super::escape::markdown;
use super::grid::Better;
use super::grid::Column;
use super::grid::Entry;
use super::grid::Grid;
use super::table::Screen;
use super::table::Style;
use super::table::fitted;
use super::table::plain;
use super::written::Unit;
use super::written::Written;
use super::written::estimate;
use super::written::fixed;
use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::analyze::compare::Flip;
use crate::analyze::compare::Verdict;
pub use json::text as json;

/// Changed cases listed at most; the rest is in the JSON.
const MOST_FLIPS: usize = 20;

/// The comparison for a terminal.
pub fn table(found: &Comparisons, screen: Screen) -> String {
    let mut text = screen.wrap(&format!("baseline:  {}", found.baseline), Style::Plain) + "\n";
    text += &(screen.wrap(&format!("candidate: {}", found.candidate), Style::Plain) + "\n\n");
    text += &fitted(&grid(found), screen);
    text.push('\n');
    for note in notes(found) {
        text += &(screen.wrap(&note, Style::Faint) + "\n");
    }
    let flips = flips(found);
    if !flips.is_empty() {
        let _ = writeln!(text, "\n{}", screen.paint(Style::Strong, "Cases whose grade changed"));
        text.extend(flips.iter().map(|line| screen.wrap(line, Style::Plain) + "\n"));
    }
    text + "\n" + &screen.wrap(&verdict(found), style(found.verdict)) + "\n"
}

/// The comparison as Markdown, fit for a pull-request comment.
pub fn markdown_text(found: &Comparisons) -> String {
    let grid = grid(found);
    let mut text = format!(
        "## llmark compare: {}\n\nbaseline {}, candidate {}\n\n",
        found.verdict.name(),
        markdown(&found.baseline),
        markdown(&found.candidate)
    );
    let head: Vec<&str> = grid.columns.iter().map(|c| c.title).collect();
    let _ = writeln!(text, "| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
    for row in &grid.rows {
        let squares: Vec<String> = row.iter().map(|e| markdown(&e.text.line())).collect();
        let _ = writeln!(text, "| {} |", squares.join(" | "));
    }
    let flips = flips(found);
    if !flips.is_empty() {
        text += "\n<details><summary>Cases whose grade changed</summary>\n\n";
        text.extend(flips.iter().map(|line| format!("- {}\n", markdown(line))));
        text += "\n</details>\n";
    }
    let notes: Vec<String> = notes(found).iter().map(|note| markdown(note)).collect();
    text + &format!("\n<sub>{}</sub>\n", notes.join(" "))
}

fn grid(found: &Comparisons) -> Grid {
    let column = |title: &'static str, rank, is_name| Column {
        key: title,
        title,
        unit: "",
        rank,
        better: Better::Neither,
        is_name,
    };
    let columns = vec![
        column("verdict", 0, true),
        column("metric", 0, true),
        column("slice", 0, true),
        column("pairs", 3, false),
        column("change", 1, false),
        column("baseline", 4, false),
        column("candidate", 2, false),
        column("p adjusted", 5, false),
        column("p", 6, false),
    ];
    Grid { columns, rows: found.comparisons.iter().map(row).collect() }
}

fn row(c: &Comparison) -> Vec<Entry> {
    let text = |value: String| Entry { text: Written { value, ..Written::default() }, ..Entry::default() };
    let unit = unit(c);
    let gate = if c.gates { "" } else { " (not gated)" };
    vec![
        text(format!("{}{gate}", c.verdict.name())),
        text(c.metric.clone()),
        text(c.slice.clone()),
        text(c.n_pairs.to_string()),
        Entry { text: change(c, unit), ..Entry::default() },
        with_unit(&c.baseline, unit),
        with_unit(&c.candidate, unit),
        text(p(c.p_adjusted)),
        text(p(c.p_value)),
    ]
}

fn with_unit(e: &crate::analyze::Estimate, unit: Unit) -> Entry {
    let mut text = estimate(e, unit);
    if e.value.is_some() && !unit.name.is_empty() {
        text.value = format!("{} {}", text.value, unit.name);
    }
    Entry { text, ..Entry::default() }
}

/// The unit of a metric, by its name.
fn unit(c: &Comparison) -> Unit {
    let values = || [c.baseline.value, c.candidate.value].into_iter().flatten();
    match c.metric.as_str() {
        name if name.ends_with("_rate") || name.starts_with("score") || name == "goodput" => Unit::PERCENT,
        name if name.contains("cost") => Unit::money(values()),
        name if name.ends_with("_tokens") => Unit::plain(""),
        name if name.contains("tps") => Unit::plain("tok/s"),
        _ => Unit::time(values()),
    }
}

/// The change with its direction in a word: points for shares, a factor for the rest.
fn change(c: &Comparison, unit: Unit) -> Written {
    let (mut text, size) = match &c.ratio {
        Some(ratio) => (estimate(ratio, Unit::plain("")), ratio.value.map(|v| v - 1.0)),
        None => (estimate(&c.difference, unit), c.difference.value),
    };
    let Some(size) = size else { return text };
    let word = match (size > 0.0) == c.more_is_better {
        _ if size == 0.0 => "",
        true => " better",
        false => " worse",
    };
    text.value = if c.ratio.is_some() {
        format!("x{}{word}", text.value)
    } else {
        let sign = if size > 0.0 { "+" } else { "" };
        let points = if unit == Unit::PERCENT { " points" } else { "" };
        format!("{sign}{}{points}{word}", text.value)
    };
    text
}

/// A p-value with two significant digits.
fn p(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(p) if p < 1e-4 => "< 1e-4".to_owned(),
        Some(p) => fixed(p, Some((1 - p.log10().floor() as i32).clamp(2, 5) as usize)),
    }
}

fn notes(found: &Comparisons) -> Vec<String> {
    let mut notes = vec![
        "Changes are candidate minus baseline, factors candidate over baseline, over pairs of the same case; brackets \
         are 95 % intervals. `inconclusive` means not shown, never no difference."
            .to_owned(),
    ];
    notes.extend(found.notes.iter().cloned());
    for c in &found.comparisons {
        let mut parts: Vec<String> = c.notes.clone();
        if c.verdict == Verdict::Inconclusive
            && let Some(needed) = c.needed_n
        {
            parts.push(format!("{needed} pairs would decide"));
        }
        if c.gates
            && c.verdict == Verdict::Inconclusive
            && let Some(least) = c.smallest_detectable
        {
            parts.push(format!("smallest change that {} pairs show: {} %", c.n_pairs, fixed(least * 100.0, Some(1))));
        }
        if !parts.is_empty() {
            notes.push(format!("{} ({}): {}.", c.metric, c.slice, parts.join("; ")));
        }
    }
    notes
}

fn flips(found: &Comparisons) -> Vec<String> {
    let line = |f: &Flip| {
        format!(
            "{}: {} -> {} (noise: {}; trials {} and {})",
            plain(f.case.as_str(), 80),
            f.baseline,
            f.candidate,
            f.noise.name(),
            f.baseline_trial,
            f.candidate_trial
        )
    };
    let mut lines: Vec<String> = found.flips.iter().take(MOST_FLIPS).map(line).collect();
    if found.flips.len() > MOST_FLIPS {
        lines.push(format!("and {} more", found.flips.len() - MOST_FLIPS));
    }
    lines
}

fn verdict(found: &Comparisons) -> String {
    let gates: Vec<String> = found
        .comparisons
        .iter()
        .filter(|c| c.gates)
        .map(|c| format!("{} ({}) {}", c.metric, c.slice, c.verdict.name()))
        .collect();
    format!("{}: {}", found.verdict.name(), gates.join(", "))
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Regressed => Style::Alarm,
        Verdict::Inconclusive => Style::Doubt,
        Verdict::Equivalent => Style::Plain,
        Verdict::Improved => Style::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::Estimate;
    use crate::analyze::Method;
    use crate::domain::TrialId;

    fn comparison(metric: &str, verdict: Verdict, ratio: Option<Estimate>) -> Comparison {
        Comparison {
            metric: metric.into(),
            slice: "all".into(),
            test: "mcnemar-midp",
            n_pairs: 200,
            b: Some(3),
            c: Some(14),
            baseline: Estimate::new(0.91, 0.86, 0.94, Method::Wilson, 200),
            candidate: Estimate::new(0.855, 0.80, 0.90, Method::Wilson, 200),
            difference: Estimate::new(-0.055, -0.1, -0.015, Method::Tango, 200),
            ratio,
            p_value: Some(0.0075),
            p_exact: Some(0.0127),
            p_adjusted: Some(0.000_02),
            verdict,
            needed_n: (verdict == Verdict::Inconclusive).then_some(900),
            smallest_detectable: Some(0.057),
            margin: 0.02,
            gates: ratio.is_none(),
            more_is_better: ratio.is_none(),
            notes: vec!["few clusters".into()],
        }
    }

    fn found(nasty: &str) -> Comparisons {
        let ratio = Estimate::new(1.12, 0.98, 1.3, Method::T, 200);
        let flip = Flip {
            case: nasty.into(),
            slice: "all".into(),
            baseline: "pass".into(),
            candidate: "fail".into(),
            change: -1.0,
            noise: crate::analyze::compare::Noise::Outside,
            baseline_trial: TrialId(3),
            candidate_trial: TrialId(4),
        };
        Comparisons {
            baseline: nasty.into(),
            candidate: "new".into(),
            comparisons: vec![
                comparison("pass_rate", Verdict::Regressed, None),
                comparison("ttft", Verdict::Inconclusive, Some(ratio)),
            ],
            flips: vec![flip],
            notes: vec![nasty.into()],
            verdict: Verdict::Regressed,
            exit: 1,
        }
    }

    #[test]
    fn a_regression() {
        insta::assert_snapshot!("terminal", table(&found("old"), Screen { width: 120, color: false }));
        insta::assert_snapshot!("markdown", markdown_text(&found("old")));
    }

    #[test]
    fn the_contract_holds() {
        let value: serde_json::Value = serde_json::from_str(&json(&found("old"))).unwrap();
        let first = &value["comparisons"][0];
        for key in ["metric", "slice", "test", "n_pairs", "b", "c", "baseline", "candidate", "difference", "ratio"] {
            assert!(first.get(key).is_some(), "{key}");
        }
        for key in ["p_value", "p_exact", "p_adjusted", "verdict", "needed_n", "smallest_detectable"] {
            assert!(first.get(key).is_some(), "{key}");
        }
        assert_eq!(first["difference"]["value"], -0.055);
        assert_eq!(value["flips"][0]["case"], "old");
        assert_eq!((value["verdict"].as_str(), value["exit"].as_u64()), (Some("regressed"), Some(1)));
    }

    #[test]
    fn hostile_names_stay_text() {
        for nasty in crate::report::hostile::CORPUS {
            let text = table(&found(nasty), Screen { width: 100, color: false });
            assert!(!text.contains(|c: char| c != '\n' && c.is_control()), "{text:?}");
            let text = markdown_text(&found(nasty));
            assert!(!text.contains("<script") && !text.contains("://") && !text.contains("\n::"), "{text}");
        }
    }
}
