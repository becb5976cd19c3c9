//! The result for a terminal: a table that fits the width, then verdicts and warnings.

pub mod compare;
mod screen;

use super::grid;
use super::grid::Column;
use super::grid::Entry;
use super::grid::Grid;
use super::groups;
use super::written::measured;
use crate::analyze::Summary;
use crate::analyze::compare::Comparisons;
use crate::analyze::summary::RunRecord;
use crate::analyze::summary::SloResult;
use crate::analyze::summary::SloVerdict;
use crate::analyze::summary::Tone;
use crate::analyze::summary::Warning;
use crate::text::number::count;
pub use screen::Screen;
pub(super) use screen::Style;
pub(super) use screen::plain;

/// Lines of one comparison at most; all of them are in the JSON.
const MOST_LINES: usize = 12;

/// Cells of one objective that are listed one by one.
const FEW: usize = 3;

/// The whole result as text with a final line feed. Nothing in it but our own colors is a control sequence.
pub fn render(summary: &Summary, screen: Screen) -> String {
    let mut parts = vec![heading(summary, screen), results(summary, screen), findings(summary, screen)];
    parts.extend([objectives(summary, screen), arms(summary, screen), warnings(summary, screen)]);
    parts.retain(|part| !part.is_empty());
    parts.join("\n") + "\n"
}

/// Comparisons of arms that gate or found something.
fn arms(summary: &Summary, screen: Screen) -> String {
    let one = |found: &Comparisons| {
        let title = format!("{} against {}", plain(&found.candidate, 60), plain(&found.baseline, 60));
        let lines = super::md::arms::outstanding(found, &["pass_rate"]);
        compare::table(&title, &lines[..lines.len().min(MOST_LINES)], screen)
    };
    let mut parts: Vec<String> = summary.comparisons.iter().map(one).filter(|text| !text.is_empty()).collect();
    if !parts.is_empty() {
        parts.push(screen.wrap(compare::ADJUSTED, Style::Faint) + "\n");
    }
    let refused = summary.refused.iter().map(|why| (format!("not compared: {why}"), Style::Doubt));
    let fronts = summary.fronts.iter().map(|front| (super::arms::front(summary, front), Style::Plain));
    let more: String =
        refused.chain(fronts).map(|(text, style)| screen.wrap(&plain(&text, 1000), style) + "\n").collect();
    parts.extend((!more.is_empty()).then_some(more));
    parts.join("\n")
}

fn heading(summary: &Summary, screen: Screen) -> String {
    let run = &summary.run;
    let cases = summary.cells.iter().map(|c| c.cases).max().unwrap_or(0);
    let facts = format!(
        "{}: {} x {}, {}{}, {}",
        plain(&run.meta.suite, 60),
        count(summary.cells.len() as u64, "cell"),
        count(cases, "case"),
        count(run.trials, "trial"),
        retries(run),
        crate::report::written::fixed(run.duration_s, Some(1)) + " s"
    );
    let mut text = screen.paint(Style::Strong, &facts) + "\n";
    if summary.simulated {
        text += &(screen.wrap(super::SIMULATED, Style::Alarm) + "\n");
    }
    text
}

/// Requests, where there were more of them than trials.
fn retries(run: &RunRecord) -> String {
    let more = run.attempts > run.trials + run.warmups;
    if more { format!(" in {}", count(run.attempts, "request")) } else { String::new() }
}

fn results(summary: &Summary, screen: Screen) -> String {
    let grid = folded(grid::comparison(summary));
    if grid.rows.is_empty() {
        return screen.wrap("No measured trial ended: there is nothing to compare.", Style::Plain) + "\n";
    }
    let notes = grid::footnotes(summary);
    let notes: String = notes.iter().map(|note| screen.wrap(note, Style::Faint) + "\n").collect();
    format!("{}\n{notes}", fitted(&grid, screen))
}

/// The grid in one block or two, each beside its names; what has no room is named below.
pub(super) fn fitted(grid: &Grid, screen: Screen) -> String {
    let n_names = grid.columns.iter().take_while(|c| c.is_name).count();
    let (first, rest) = fitting(grid, &(n_names..grid.columns.len()).collect::<Vec<_>>(), n_names, screen);
    let (second, dropped) = fitting(grid, &rest, n_names, screen);
    let mut text = block(grid, &first, n_names, screen);
    if !second.is_empty() {
        text.push('\n');
        text += &block(grid, &second, n_names, screen);
    }
    if !dropped.is_empty() {
        let names: Vec<String> = dropped.iter().map(|&c| named(grid, &grid.columns[c])).collect();
        let note = format!("No room for: {}. They are in report.md and summary.json.", unique(names).join(", "));
        text += &(screen.wrap(&note, Style::Faint) + "\n");
    }
    text
}

/// Splits columns into those that fit beside the names, in their order, and the rest. What matters most comes first.
fn fitting(grid: &Grid, columns: &[usize], n_names: usize, screen: Screen) -> (Vec<usize>, Vec<usize>) {
    let mut by_rank = columns.to_vec();
    by_rank.sort_by_key(|&c| (grid.columns[c].rank, c));
    let mut kept: Vec<usize> = Vec::new();
    for &column in &by_rank {
        let mut wider = kept.clone();
        wider.push(column);
        wider.sort_unstable();
        if kept.is_empty() || screen::width(&block(grid, &wider, n_names, screen)) <= screen.width {
            kept = wider;
        } else {
            break;
        }
    }
    let rest = columns.iter().copied().filter(|c| !kept.contains(c)).collect();
    (kept, rest)
}

fn block(grid: &Grid, columns: &[usize], n_names: usize, screen: Screen) -> String {
    let all: Vec<usize> = (0..n_names).chain(columns.iter().copied()).collect();
    screen::table(grid, &all, n_names, screen)
}

/// A column's title, with its unit where another column has the same.
fn named(grid: &Grid, column: &Column) -> String {
    let is_shared = grid.columns.iter().any(|other| other.title == column.title && other.unit != column.unit);
    if is_shared { format!("{} in {}", column.title, column.unit) } else { column.title.to_string() }
}

fn unique(names: Vec<String>) -> Vec<String> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// The grid without repeated names: a name stands only where it changes.
fn folded(mut grid: Grid) -> Grid {
    let n_names = grid.columns.iter().take_while(|c| c.is_name).count();
    let names = |row: &[Entry]| row[..n_names].iter().map(|e| e.text.value.clone()).collect::<Vec<_>>();
    let all: Vec<Vec<String>> = grid.rows.iter().map(|row| names(row)).collect();
    for (n, row) in grid.rows.iter_mut().enumerate().skip(1) {
        // The last name always stands, so that every row can be read on its own.
        for column in 0..n_names.saturating_sub(1) {
            if all[n][..=column] == all[n - 1][..=column] {
                row[column].text.value = String::new();
            }
        }
    }
    grid
}

fn findings(summary: &Summary, screen: Screen) -> String {
    let style = |tone| match tone {
        Tone::Bad => Style::Alarm,
        Tone::Unsure => Style::Doubt,
        Tone::Good | Tone::Plain => Style::Plain,
    };
    summary.findings.iter().map(|f| screen.wrap(&plain(&f.text, 600), style(f.tone)) + "\n").collect()
}

fn objectives(summary: &Summary, screen: Screen) -> String {
    if summary.slos.is_empty() {
        return String::new();
    }
    let mut text = screen.paint(Style::Strong, "Objectives") + "\n";
    for group in groups::objectives(&summary.slos) {
        if group.results.len() <= FEW {
            text.extend(
                group.results.iter().map(|slo| screen.wrap(&objective(slo), verdict_style(slo.verdict)) + "\n"),
            );
            continue;
        }
        let line = format!("{:<13} {}  {}", group.verdict().name(), plain(group.slo, 80), group.counts());
        text += &(screen.wrap(&line, verdict_style(group.verdict())) + "\n");
        for slo in group.results.iter().take(FEW).filter(|slo| slo.verdict != SloVerdict::Met) {
            text.extend(["  ", &screen.wrap(&objective(slo), Style::Plain), "\n"]);
        }
        let unmet = group.results.len() - group.count(SloVerdict::Met);
        if unmet > FEW {
            text += &(screen.wrap(&format!("  and {} more in report.html", unmet - FEW), Style::Faint) + "\n");
        }
    }
    text
}

fn objective(slo: &SloResult) -> String {
    let key = &slo.cell;
    let needed = slo.needed_n.map(|n| format!("; needs {n} trials in all")).unwrap_or_default();
    format!(
        "{:<13} {}  {} {} {} {}  {} {}{needed}",
        slo.verdict.name(),
        plain(&slo.slo, 80),
        plain(key.target.as_str(), 40),
        plain(key.mode.as_str(), 20),
        plain(key.prompt.as_str(), 20),
        plain(key.load.as_str(), 12),
        measured(slo),
        plain(slo.why.trim_end_matches('.'), 300),
    )
}

fn verdict_style(verdict: SloVerdict) -> Style {
    match verdict {
        SloVerdict::Met => Style::Good,
        SloVerdict::Missed => Style::Alarm,
        SloVerdict::Inconclusive => Style::Doubt,
    }
}

fn warnings(summary: &Summary, screen: Screen) -> String {
    let line = |group: &Vec<&Warning>| {
        let place = groups::place(group);
        let place = if place.is_empty() { place } else { format!(" ({place})") };
        let line = format!("warning{place}: {}; {}", group[0].message, group[0].advice);
        screen.wrap(&plain(&line, 800), Style::Doubt) + "\n"
    };
    groups::warnings(&summary.warnings).iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::hostile::CORPUS;
    use crate::report::sample;

    #[test]
    fn wide_and_narrow() {
        let summary = sample::summary();
        insta::assert_snapshot!("wide", render(&summary, Screen { width: 200, color: false }));
        insta::assert_snapshot!("narrow", render(&summary, Screen { width: 80, color: false }));
    }

    #[test]
    fn every_width_fits() {
        let summary = sample::summary();
        for width in [60, 72, 80, 100, 120, 160, 240] {
            for line in render(&summary, Screen { width, color: false }).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn nothing_but_our_colors_is_a_control_sequence() {
        let mut summary = sample::summary();
        let ours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        for (n, nasty) in CORPUS.iter().enumerate() {
            let cell = n % summary.cells.len();
            summary.cells[cell].key.target = (*nasty).into();
            summary.findings[0].text = (*nasty).to_owned();
            summary.warnings[0].message = (*nasty).to_owned();
            summary.slos[0].why = (*nasty).to_owned();
            summary.slos[0].cell.target = (*nasty).into();
            summary.run.meta.suite = (*nasty).to_owned();
            for color in [false, true] {
                let text = render(&summary, Screen { width: 120, color });
                let left = ours.replace_all(&text, "");
                assert!(!left.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{left:?}");
                assert!(color || !text.contains('\u{1b}'));
                assert!(!text.lines().any(|line| line.starts_with("::")), "{text}");
            }
        }
    }

    #[test]
    fn an_empty_run_has_a_table_too() {
        let mut summary = sample::summary();
        summary.cells.clear();
        summary.slos.clear();
        assert!(render(&summary, Screen { width: 80, color: false }).contains("nothing to compare"));
    }
}
