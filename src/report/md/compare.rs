//! A comparison as Markdown, fit for a pull-request comment or a step summary.

use std::fmt::Write as _;

use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::report::escape::markdown;
use crate::report::table::compare::change;
use crate::report::table::compare::p_value;
use crate::report::table::compare::unit;
use crate::report::table::compare::word;
use crate::report::written::estimate;

const MOST_FLIPS: usize = 50;

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
    for one in lines {
        let cells = [
            one.metric.clone(),
            one.slice.clone(),
            estimate(&one.baseline, unit(one)).value,
            estimate(&one.candidate, unit(one)).value,
            change(one),
            p_value(one.p_adjusted),
            word(one),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| markdown(cell)).collect();
        text += &["| ", &cells.join(" | "), " |\n"].concat();
    }
    text
}

fn flips(found: &Comparisons) -> String {
    if found.flips.is_empty() {
        return String::new();
    }
    let mut text = format!("\n<details><summary>{} cases changed</summary>\n\n", found.flips.len());
    for flip in found.flips.iter().take(MOST_FLIPS) {
        let case = markdown(flip.case.as_str());
        writeln!(text, "- {case}: {} to {}", flip.baseline, flip.candidate).expect("a string takes any text");
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
