//! Where tokens and money go: stacked rows per target and mode.

use super::Theme;
use super::at_first_load;
use super::left_out;
use super::stream::MOST_ROWS;
use crate::analyze::Summary;
use crate::analyze::summary::Cell;
use crate::report::chart::axis::Axis;
use crate::report::chart::axis::Scale;
use crate::report::chart::figure::Figure;
use crate::report::chart::figure::Key;
use crate::report::chart::figure::Panel;
use crate::report::chart::figure::Row;
use crate::report::chart::figure::Rows;
use crate::report::chart::figure::Swatch;
use crate::report::chart::palette::MUTED;
use crate::report::written::Unit;
use crate::report::written::fixed;

/// Shades of the parts of a row: the darker, the nearer to the answer.
const ANSWER: f64 = 1.0;
const REASONING: f64 = 0.5;
const INPUT: f64 = 0.22;
const FEES: f64 = 0.1;

/// Generated tokens per trial, reasoning apart.
pub(super) fn counts(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let (cells, shown) = at_first_load(summary);
    let per_trial = |cell: &Cell| {
        let known = cell.mode.finished.saturating_sub(cell.tokens.unknown).max(1) as f64;
        let reasoning = cell.tokens.reasoning as f64 / known;
        (reasoning, (cell.tokens.output as f64 / known - reasoning).max(0.0))
    };
    let cells: Vec<&Cell> = cells.into_iter().filter(|c| c.tokens.output > 0).collect();
    let rows: Vec<Row> = cells
        .iter()
        .take(MOST_ROWS)
        .map(|cell| {
            let color = theme.color(&cell.key.target);
            let (reasoning, answer) = per_trial(cell);
            Row {
                label: theme.name(&cell.key, false),
                segments: vec![(reasoning, color, REASONING), (answer, color, ANSWER)],
                tail: format!("{} + {}", fixed(reasoning, Some(0)), fixed(answer, Some(0))),
                ..Row::default()
            }
        })
        .collect();
    let note = format!(
        "Mean per finished trial, as the provider counted: reasoning + answer.{shown}{}",
        left_out(MOST_ROWS, cells.len(), "cells")
    );
    let keys = vec![shade(REASONING, "reasoning"), shade(ANSWER, "answer and tool calls")];
    figure(rows, theme, keys, ["tokens", "Generated tokens per trial", &note, "tokens per trial"])
}

/// Money by kind of token.
pub(super) fn cost(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let (cells, shown) = at_first_load(summary);
    let cells: Vec<(&Cell, [f64; 5])> = cells
        .into_iter()
        .filter_map(|c| {
            let (s, n) = (c.cost.split?, c.n.max(1) as f64);
            Some((c, [s.input / n, s.cached / n, s.reasoning / n, s.output / n, s.requests / n]))
        })
        .filter(|(_, parts)| parts.iter().sum::<f64>() > 0.0)
        .collect();
    let unit = Unit::money(cells.iter().map(|(_, parts)| parts.iter().sum::<f64>()));
    let rows: Vec<Row> = cells
        .iter()
        .take(MOST_ROWS)
        .map(|(cell, parts)| {
            let color = theme.color(&cell.key.target);
            let [input, cached, reasoning, answer, fees] = parts.map(|p| p / unit.per);
            Row {
                label: theme.name(&cell.key, false),
                segments: vec![
                    (input + cached, color, INPUT),
                    (reasoning, color, REASONING),
                    (answer, color, ANSWER),
                    (fees, color, FEES),
                ],
                tail: fixed(input + cached + reasoning + answer + fees, None),
                ..Row::default()
            }
        })
        .collect();
    let capped = left_out(MOST_ROWS, cells.len(), "cells");
    let note = format!("By the price in force; prices with source and date stand in the record.{shown}{capped}");
    let keys = vec![
        shade(INPUT, "input, cached included"),
        shade(REASONING, "reasoning"),
        shade(ANSWER, "answer and tool calls"),
        shade(FEES, "fees per request"),
    ];
    let per = if unit.per < 1.0 { "USD per 1000 cases" } else { "USD per case" };
    figure(rows, theme, keys, ["cost-split", "What a case costs", &note, per])
}

fn shade(alpha: f64, text: &str) -> Key {
    Key { swatch: Swatch::Patch(MUTED, alpha), text: text.into() }
}

fn figure(rows: Vec<Row>, theme: &Theme, keys: Vec<Key>, [name, title, note, axis]: [&str; 4]) -> Option<Figure> {
    let longest = rows.iter().map(|r| r.segments.iter().map(|s| s.0).sum::<f64>());
    let x = Axis::over(Scale::FromZero, longest, 6);
    (!rows.is_empty()).then(|| Figure {
        name: name.into(),
        title: title.into(),
        note: note.into(),
        legend: theme.target_keys().into_iter().chain(keys).collect(),
        panels: vec![Panel::Rows(Rows { title: String::new(), x: (x, axis.into()), items: rows })],
        columns: 1,
    })
}
