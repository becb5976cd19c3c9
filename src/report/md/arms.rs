//! Comparisons of the run's own arms and with its baseline, as far as they decide or stand out.

use super::compare;
use crate::analyze::Summary;
use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::analyze::compare::Verdict;
use crate::report::arms;
use crate::report::escape::markdown;
use crate::text::number::count;

/// Lines of one comparison at most; all of them are in `summary.json`.
const MOST_LINES: usize = 20;

/// One part per comparison that gates or found something; empty where there is none.
pub(super) fn text(summary: &Summary) -> String {
    let parts: Vec<String> = summary.comparisons.iter().filter_map(one).collect();
    let refused = summary.refused.iter().map(|why| format!("\n- not compared: {}", markdown(why)));
    let fronts = summary.fronts.iter().map(|front| format!("\n- {}", markdown(&arms::front(summary, front))));
    let refused = refused.chain(fronts).collect::<Vec<_>>().concat();
    if parts.is_empty() && refused.is_empty() {
        return String::new();
    }
    format!(
        "### Arms against each other\n\nPaired by case, p adjusted for the number of tests.\n\n{}{refused}",
        parts.join("\n")
    )
}

/// What a reader looks for first.
const HEADLINES: [&str; 4] = ["pass_rate", "ttft", "e2e", "cost_per_case"];

/// What gates, and what stands out of a comparison in these metrics.
pub(in crate::report) fn outstanding<'f>(found: &'f Comparisons, metrics: &[&str]) -> Vec<&'f Comparison> {
    let stands_out = |one: &&Comparison| {
        let is_asked = metrics.contains(&one.metric.as_str());
        found.gates && one.gates || is_asked && matches!(one.verdict, Verdict::Regressed | Verdict::Improved)
    };
    found.comparisons.iter().filter(stands_out).collect()
}

fn one(found: &Comparisons) -> Option<String> {
    let lines = outstanding(found, &HEADLINES);
    let (shown, rest) = (&lines[..lines.len().min(MOST_LINES)], found.comparisons.len() - lines.len().min(MOST_LINES));
    let title = format!("**{}** against {}", markdown(&found.candidate), markdown(&found.baseline));
    let verdict = if found.gates { format!(": {}", found.verdict.name()) } else { String::new() };
    let rest =
        if rest > 0 { format!("\n{} in summary.json.\n", count(rest as u64, "further line")) } else { String::new() };
    (!shown.is_empty()).then(|| format!("{title}{verdict}\n\n{}{rest}", compare::table(shown)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::compare;
    use crate::report::sample;

    #[test]
    fn only_what_decides_or_stands_out_is_told() {
        let mut summary = sample::summary();
        assert_eq!(text(&summary), "");
        let mut found = compare::sample::comparisons();
        found.gates = false;
        found.comparisons.iter_mut().for_each(|one| one.verdict = Verdict::Inconclusive);
        summary.comparisons.push(found.clone());
        assert_eq!(text(&summary), "", "exploration without a result");
        found.gates = true;
        found.candidate = "a|b".into();
        summary.comparisons.push(found);
        let text = text(&summary);
        assert!(text.contains("| inconclusive") && !text.contains("a|b"), "{text}");
    }
}
