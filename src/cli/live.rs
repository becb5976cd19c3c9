//! The live view as lines of text: a table of cells on a terminal, one line elsewhere.

use std::time::Duration;

use super::tally::CellTally;
use super::tally::Outlook;
use super::tally::Pace;
use super::tally::Tally;
use crate::text::number::percent;
use crate::text::number::short;
use crate::text::plain::one_line;

/// Cells shown at most: those whose turn it is or was last.
const MOST_CELLS: usize = 10;

/// A column: heading, width, what it says of a cell. The first ones stay where space is short.
type Column = (&'static str, usize, fn(&CellTally) -> String);

const COLUMNS: [Column; 6] = [
    ("pass", 8, |cell| cell.pass_rate().map_or("-".into(), |(rate, _)| percent(rate))),
    ("TTFT p50", 9, |cell| ms(cell.ttft(0.5))),
    ("TTFT p95", 9, |cell| ms(cell.ttft(0.95))),
    ("errors", 7, |cell| cell.errors.to_string()),
    ("tok/s", 7, |cell| if cell.active_s > 0.0 { short(cell.tokens as f64 / cell.active_s) } else { "-".into() }),
    ("USD", 9, |cell| if cell.cost.as_f64() > 0.0 { short(cell.cost.as_f64()) } else { "-".into() }),
];

fn ms(value: Option<f64>) -> String {
    value.map_or("-".into(), |ms| {
        let scale = crate::text::number::scale_ms([ms]);
        format!("{} {}", short(ms / scale.per), scale.unit)
    })
}

/// Hours, minutes and seconds, as far as they matter.
fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// The lines of the view, none wider than `width`, at most `height` of them.
pub fn lines(tally: &Tally, outlook: &Outlook, elapsed: Duration, (width, height): (usize, usize)) -> Vec<String> {
    let width = width.saturating_sub(1).max(20);
    let mut lines = vec![bar(tally, outlook, elapsed, width)];
    let room = height.saturating_sub(4).min(MOST_CELLS);
    let shown = shown(tally, outlook, room);
    if shown.is_empty() {
        return lines;
    }
    let name = shown.iter().map(|at| outlook.cells[*at].name.chars().count()).max().unwrap_or(0);
    let name = name.clamp(4, 40).min(width.saturating_sub(24).max(8));
    let mut left = width.saturating_sub(name + 2 + 22);
    let fits = |column: &&Column| {
        let fits = left > column.1;
        left = if fits { left - column.1 - 1 } else { 0 };
        fits
    };
    let columns: Vec<&Column> = COLUMNS.iter().take_while(fits).collect();
    let heads = columns.iter().map(|(title, width, _)| format!(" {title:>width$}")).collect::<Vec<_>>().concat();
    lines.push(format!("  {:<name$} {:>11} {:>9}{heads}", "cell", "done", "in flight"));
    for at in &shown {
        lines.push(row(tally, outlook, *at, name, &columns));
    }
    let hidden = outlook.cells.len() - shown.len();
    if hidden > 0 {
        lines.push(format!("  and {hidden} more {}", if hidden == 1 { "cell" } else { "cells" }));
    }
    lines.into_iter().map(|line| line.chars().take(width).collect()).collect()
}

/// The cells to show in plan order: the current one, and others that have begun, the unfinished first.
fn shown(tally: &Tally, outlook: &Outlook, room: usize) -> Vec<usize> {
    let current = tally.current.map(|cell| cell.0 as usize);
    let mut all: Vec<usize> = (0..outlook.cells.len().min(tally.cells.len())).collect();
    all.sort_by_key(|at| {
        let (cell, plan) = (&tally.cells[*at], &outlook.cells[*at]);
        let has_begun = cell.active_s > 0.0;
        (Some(*at) != current, !has_begun, has_begun && cell.done >= plan.planned, *at)
    });
    all.truncate(room);
    all.sort_unstable();
    all
}

fn row(tally: &Tally, outlook: &Outlook, at: usize, name: usize, columns: &[&Column]) -> String {
    let (cell, plan) = (&tally.cells[at], &outlook.cells[at]);
    let is_current = tally.current.is_some_and(|current| current.0 as usize == at);
    let done = match plan.pace {
        _ if cell.is_warming && cell.done == 0 => "warming up".into(),
        Pace::Seconds(..) => cell.done.to_string(),
        _ => format!("{}/{}", cell.done, plan.planned),
    };
    let flight = if is_current { tally.in_flight(outlook).to_string() } else { "-".into() };
    let figures =
        columns.iter().map(|(_, width, figure)| format!(" {:>width$}", figure(cell))).collect::<Vec<_>>().concat();
    let mark = if is_current { '›' } else { ' ' };
    format!("{mark} {:<name$} {done:>11} {flight:>9}{figures}", one_line(&plan.name, name))
}

/// How far the run is, what it took, what is left.
fn bar(tally: &Tally, outlook: &Outlook, elapsed: Duration, width: usize) -> String {
    let elapsed = elapsed.as_secs_f64();
    let left = tally.left_s(outlook);
    let share = match left {
        Some(left) => elapsed / (elapsed + left).max(1e-9),
        None => 0.0,
    };
    let errors: u64 = tally.cells.iter().map(|cell| cell.errors).sum();
    let mut words = vec![trials(tally, outlook), clock(elapsed)];
    words.extend(left.map(|left| format!("{} left", clock(left))));
    words.extend(money(tally, outlook));
    words.extend((errors > 0).then(|| crate::text::number::count(errors, "error")));
    while words.len() > 1 && words.join(" · ").chars().count() > width {
        words.pop();
    }
    let text = words.join(" · ");
    let room = width.saturating_sub(text.chars().count() + 2).min(24);
    if room < 6 {
        return text.chars().take(width).collect();
    }
    let full = ((share * room as f64).round() as usize).min(room);
    format!("{}{}  {text}", "━".repeat(full), "─".repeat(room - full))
}

/// Trials done of those to be done; about so many where time ends a cell.
fn trials(tally: &Tally, outlook: &Outlook) -> String {
    let is_exact = outlook.cells.iter().all(|cell| !matches!(cell.pace, Pace::Seconds(..)));
    match tally.progress(outlook) {
        (done, Some(all)) => format!("{done}/{}{all:.0} trials", if is_exact { "" } else { "~" }),
        (done, None) => format!("{done} trials"),
    }
}

fn money(tally: &Tally, outlook: &Outlook) -> Option<String> {
    let spent = tally.spent.as_f64();
    let forecast = tally.forecast_usd(outlook);
    (spent > 0.0).then(|| match forecast {
        Some(all) if all > spent * 1.005 => format!("{} of about {} USD", short(spent), short(all)),
        _ => format!("{} USD", short(spent)),
    })
}

/// Everything in one line, for logs.
pub fn plain(tally: &Tally, outlook: &Outlook, elapsed: Duration) -> String {
    let mut words = vec![format!("{} after {}", trials(tally, outlook), clock(elapsed.as_secs_f64()))];
    words.extend(tally.left_s(outlook).map(|left| format!("{} left", clock(left))));
    words.extend(money(tally, outlook));
    let current = tally.current.map(|cell| cell.0 as usize).filter(|at| *at < tally.cells.len());
    if let Some(at) = current {
        let (cell, plan) = (&tally.cells[at], &outlook.cells[at]);
        words.push(format!("{}: {} done, {} in flight", plan.name, cell.done, tally.in_flight(outlook)));
        words.extend(cell.pass_rate().map(|(rate, _)| format!("pass {}", percent(rate))));
        if let (Some(p50), Some(p95)) = (cell.ttft(0.5), cell.ttft(0.95)) {
            words.push(format!("TTFT p50 {} p95 {}", ms(Some(p50)), ms(Some(p95))));
        }
        words.push(crate::text::number::count(cell.errors, "error"));
        if cell.active_s > 0.0 {
            words.push(format!("{} tok/s", short(cell.tokens as f64 / cell.active_s)));
        }
    }
    words.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::super::tally::tests::ended;
    use super::super::tally::tests::outlook;
    use super::*;
    use crate::cli::record::Seen;
    use crate::domain::Outcome;
    use crate::domain::TrialId;

    fn running() -> (Tally, Outlook) {
        let outlook = outlook();
        let mut tally = Tally::new(&outlook);
        tally.take(&Seen::Begun(TrialId(0)), &outlook);
        for trial in 0..10 {
            tally.take(&ended(trial, if trial == 3 { Outcome::Reset } else { Outcome::Ok }), &outlook);
            tally.take(&Seen::Verdict { trial: TrialId(trial), grader: "exact".into(), failed: trial < 5 }, &outlook);
        }
        tally.pass(Duration::from_secs(20));
        (tally, outlook)
    }

    #[test]
    fn the_view_says_what_a_watcher_asks() {
        let (tally, outlook) = running();
        let lines = lines(&tally, &outlook, Duration::from_secs(20), (100, 24));
        insta::assert_snapshot!(lines.join("\n"));
        insta::assert_snapshot!(plain(&tally, &outlook, Duration::from_secs(20)));
    }

    #[test]
    fn nothing_leaves_the_terminal() {
        let (tally, outlook) = running();
        for width in 0..140 {
            for height in [0, 3, 5, 60] {
                let lines = lines(&tally, &outlook, Duration::from_secs(7000), (width, height));
                assert!(lines.len() <= height.max(4) && !lines.is_empty());
                assert!(lines.iter().all(|line| line.chars().count() < width.max(21)), "{width}: {lines:#?}");
            }
        }
    }
}
