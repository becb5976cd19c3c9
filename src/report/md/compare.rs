//! A comparison as Markdown, fit for a pull-request comment or a step summary.

use std::fmt::Write as _;

use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::analyze::compare::Noise;
use crate::report::escape::markdown;
use crate::report::table::compare::change;
use crate::report::table::compare::p_value;
use crate::report::table::compare::value;
use crate::report::table::compare::word;

/// A comment holds 65,536 characters.
const MOST_FLIPS: usize = 40;
const MOST_LINES: usize = 80;
const LONGEST_ANSWER: usize = 200;

/// The comparison as text with a final line feed.
pub fn text(found: &Comparisons) -> String {
    let (gate, exploration): (Vec<&Comparison>, Vec<&Comparison>) = found.comparisons.iter().partition(|one| one.gates);
    let mut text = format!(
        "### {}\n\nBaseline {}, candidate {}; 95 % intervals, pairs by case.\n\n{}",
        found.verdict.name(),
        markdown(&found.baseline),
        markdown(&found.candidate),
        table(&gate)
    );
    if !exploration.is_empty() {
        let body = table(&exploration);
        text += &["\n<details><summary>Exploration (decides nothing)</summary>\n\n", &body, "\n</details>\n"].concat();
    }
    text += &flips(found);
    for note in &found.notes {
        text += &["\n- ", &markdown(note)].concat();
    }
    if !found.notes.is_empty() {
        text.push('\n');
    }
    text
}

/// Lines of a comparison as a table.
pub(super) fn table(lines: &[&Comparison]) -> String {
    let mut text = String::from("| metric | slice | baseline | candidate | change | p | verdict |\n");
    text += "|---|---|---|---|---|---|---|\n";
    for one in lines.iter().take(MOST_LINES) {
        text += &[&squares(one), "\n"].concat();
    }
    if lines.len() > MOST_LINES {
        let _ = writeln!(text, "\nand {} more, in `--json`", lines.len() - MOST_LINES);
    }
    text
}

fn squares(one: &Comparison) -> String {
    let cells = [
        one.metric.clone(),
        one.slice.clone(),
        value(one, &one.baseline),
        value(one, &one.candidate),
        change(one),
        p_value(one.p_adjusted),
        word(one),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| markdown(cell)).collect();
    ["| ", &cells.join(" | "), " |"].concat()
}

fn flips(found: &Comparisons) -> String {
    if found.flips.is_empty() {
        return String::new();
    }
    let mut text = format!("\n<details><summary>{} cases changed</summary>\n\n", found.flips.len());
    for flip in found.flips.iter().take(MOST_FLIPS) {
        let case = markdown(flip.case.as_str());
        let noise = if flip.noise == Noise::Inside { ", inside repeat noise" } else { "" };
        let _ = writeln!(text, "- {case}: {} to {}{noise}", flip.baseline, flip.candidate);
        for (side, answer) in ["baseline", "candidate"].iter().zip(flip.answers.iter().flatten()) {
            let answer: String = answer.chars().take(LONGEST_ANSWER).collect();
            let _ = writeln!(text, "  - {side}: {}", markdown(&answer));
        }
    }
    if found.flips.len() > MOST_FLIPS {
        let _ = writeln!(text, "- and {} more, in `--json`", found.flips.len() - MOST_FLIPS);
    }
    text += "\n</details>\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::compare::sample;

    #[test]
    fn a_comparison_as_a_comment() {
        insta::assert_snapshot!(text(&sample::comparisons()));
    }
}
