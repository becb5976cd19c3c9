//! How smoothly answers arrive: gaps between token-bearing events, and the longest silences.

use super::Theme;
use super::at_first_load;
use super::called;
use super::left_out;
use crate::analyze::Metric;
use crate::analyze::Summary;
use crate::analyze::summary::Cell;
use crate::analyze::summary::Histogram;
use crate::report::chart::axis::Axis;
use crate::report::chart::axis::Scale;
use crate::report::chart::figure::Figure;
use crate::report::chart::figure::Layer;
use crate::report::chart::figure::Panel;
use crate::report::chart::figure::Plot;
use crate::report::chart::figure::Row;
use crate::report::chart::figure::Rows;
use crate::report::written::Unit;
use crate::text::number::count;

/// Panels of gaps at most.
const MOST_TARGETS: usize = 6;
/// Rows in one figure at most.
pub(super) const MOST_ROWS: usize = 40;

/// Histograms of the gaps, one panel per target.
pub(super) fn gaps(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let (cells, shown) = at_first_load(summary);
    let cells: Vec<&Cell> = cells.into_iter().filter(|c| total(&c.charts.itl) > 0).collect();
    let filled = |h: &Histogram| -> Vec<f64> {
        let bins = h.edges.windows(2).zip(&h.counts).filter(|(_, n)| **n > 0);
        bins.flat_map(|(edge, _)| [edge[0], edge[1]]).collect()
    };
    let x = Axis::over(Scale::Log, cells.iter().flat_map(|c| filled(&c.charts.itl)), 6);
    let most = cells.iter().flat_map(|c| shares(&c.charts.itl)).map(|(_, _, s)| s).fold(0.0, f64::max);
    let y = Axis::over(Scale::FromZero, [most], 4);
    let panels: Vec<Panel> = theme
        .targets
        .iter()
        .filter(|t| cells.iter().any(|c| c.key.target == **t))
        .take(MOST_TARGETS)
        .map(|target| {
            let layers = cells.iter().filter(|c| c.key.target == *target).flat_map(|c| outline(theme, c)).collect();
            Panel::Plot(Plot {
                title: called(target),
                x: (x.clone(), "gap between events, ms".into()),
                y: (y.clone(), "gaps, %".into()),
                names: None,
                layers,
                height: 170.0,
            })
        })
        .collect();
    let capped = left_out(MOST_TARGETS, theme.targets.len(), "targets");
    (!panels.is_empty()).then(|| Figure {
        name: "itl".into(),
        title: "Gaps between token-bearing events (ITL)".into(),
        note: format!(
            "Share of gaps by length, in bins of equal ratio. An event may carry more than one token.{shown}{capped}"
        ),
        legend: theme.line_keys(),
        columns: panels.len().min(2),
        panels,
    })
}

fn total(histogram: &Histogram) -> u64 {
    histogram.counts.iter().sum()
}

/// Left edge, right edge and share in percent of each bin.
fn shares(histogram: &Histogram) -> Vec<(f64, f64, f64)> {
    let all = total(histogram).max(1) as f64;
    let bins = histogram.edges.windows(2).zip(&histogram.counts);
    bins.map(|(edge, n)| (edge[0], edge[1], *n as f64 / all * 100.0)).collect()
}

/// The histogram's outline as a staircase with its tallest bin marked.
fn outline(theme: &Theme, cell: &Cell) -> Vec<Layer> {
    let color = theme.color(&cell.key.target);
    let (dash, marker) = theme.mode(&cell.key.mode);
    let bins: Vec<_> = shares(&cell.charts.itl);
    let first = bins.iter().position(|b| b.2 > 0.0).unwrap_or(0);
    let last = bins.iter().rposition(|b| b.2 > 0.0).unwrap_or(0);
    let mut points = Vec::new();
    for (left, right, share) in bins.iter().take(last + 1).skip(first) {
        points.extend([(*left, *share), (*right, *share)]);
    }
    if let (Some(start), Some(end)) = (points.first().copied(), points.last().copied()) {
        points.insert(0, (start.0, 0.0));
        points.push((end.0, 0.0));
    }
    let peak = bins.iter().max_by(|a, b| a.2.total_cmp(&b.2)).map(|(l, r, s)| ((l * r).sqrt(), *s));
    vec![Layer::Line { points, color, dash }, Layer::Marks { points: peak.into_iter().collect(), color, marker }]
}

/// The longest silence of each trial, by percentiles.
pub(super) fn stalls(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let cells: Vec<&Cell> = summary.cells.iter().filter(|c| c.metrics.contains_key(&Metric::ItlMax)).collect();
    let unit = Unit::time(cells.iter().filter_map(|c| c.metrics[&Metric::ItlMax].max));
    let rows: Vec<Row> = cells
        .iter()
        .take(MOST_ROWS)
        .map(|cell| {
            let d = &cell.metrics[&Metric::ItlMax];
            let color = theme.color(&cell.key.target);
            let marks = [d.min, d.p50.value, d.p90.value, d.p95.value, d.p99.value, d.max];
            Row {
                label: theme.name(&cell.key, true),
                dots: marks.into_iter().flatten().filter(|v| v.is_finite()).map(|v| (v / unit.per, color)).collect(),
                tail: count(cell.stalls.count, "stall"),
                ..Row::default()
            }
        })
        .collect();
    let x = Axis::over(Scale::Log, rows.iter().flat_map(|r| r.dots.iter().map(|d| d.0)), 6);
    let limit = cells.first().map_or(0.0, |c| c.stalls.threshold_ms);
    let capped = left_out(MOST_ROWS, cells.len(), "cells");
    (!rows.is_empty()).then(|| Figure {
        name: "stalls".into(),
        title: "The longest silence of a trial".into(),
        note: format!(
            "Ticks from left to right: least, p50, p90, p95, p99 and greatest, as far as there are trials enough. A \
             silence over {limit:.0} ms counts as a stall.{capped}"
        ),
        legend: theme.target_keys(),
        panels: vec![Panel::Rows(Rows {
            title: String::new(),
            x: (x, format!("longest gap in a trial, {}", unit.name)),
            items: rows,
        })],
        columns: 1,
    })
}
