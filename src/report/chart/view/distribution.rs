//! Cumulative distributions of first token, first answer token and whole time.

use super::Theme;
use super::called;
use super::left_out;
use super::loads;
use crate::analyze::Metric;
use crate::analyze::Summary;
use crate::analyze::slo_expr::parse_slo;
use crate::analyze::summary::Cell;
use crate::analyze::summary::Ecdf;
use crate::analyze::summary::SloVerdict;
use crate::domain::LoadId;
use crate::report::chart::axis::Axis;
use crate::report::chart::axis::Scale;
use crate::report::chart::figure::Figure;
use crate::report::chart::figure::Layer;
use crate::report::chart::figure::Panel;
use crate::report::chart::figure::Plot;
use crate::report::chart::figure::Side;
use crate::report::written::Unit;

/// Small pictures in one figure at most.
const MOST_PANELS: usize = 12;

/// One figure per metric.
pub(super) fn figures(summary: &Summary, theme: &Theme) -> Vec<Option<Figure>> {
    [
        (Metric::Ttft, "ttft", "Time to first token (TTFT)"),
        (Metric::Ttfa, "ttfa", "Time to first token of the answer (TTFA)"),
        (Metric::E2e, "e2e", "End-to-end time"),
    ]
    .into_iter()
    .map(|(metric, name, title)| figure(summary, theme, metric, name, title))
    .collect()
}

fn figure(summary: &Summary, theme: &Theme, metric: Metric, name: &str, title: &str) -> Option<Figure> {
    let curve = |cell: &'_ Cell| cell.charts.ecdf.iter().find(|e| e.metric == metric && !e.points.is_empty()).cloned();
    let curves: Vec<(&Cell, Ecdf)> = summary.cells.iter().filter_map(|c| Some((c, curve(c)?))).collect();
    let unit = Unit::time(curves.iter().filter_map(|(_, e)| e.points.last().map(|p| p.0)));
    let values = || curves.iter().flat_map(|(_, e)| e.points.iter().map(|p| p.0 / unit.per));
    let (least, most) = values().filter(|v| *v > 0.0).fold((f64::INFINITY, 0.0_f64), |(l, m), v| (l.min(v), m.max(v)));
    if curves.is_empty() || most <= 0.0 {
        return None;
    }
    let scale = if most / least > 8.0 { Scale::Log } else { Scale::FromZero };
    let axis = Axis::over(scale, values(), 6);
    let x_title = format!("{name}, {}", unit.name).replace("ttft", "TTFT").replace("ttfa", "TTFA");
    let mut panels = Vec::new();
    let (columns, wanted) = layout(summary, theme);
    for (target, load, prompt) in &wanted {
        let mine: Vec<&(&Cell, Ecdf)> = curves
            .iter()
            .filter(|(c, _)| c.key.target == *target && c.key.load == *load && c.key.prompt == *prompt)
            .collect();
        if mine.is_empty() {
            continue;
        }
        let mut title = format!("{} · {load}", called(target));
        if theme.many_prompts {
            title.push_str(" · ");
            title.push_str(prompt.as_str());
        }
        let mut layers: Vec<Layer> = mine.iter().flat_map(|(cell, e)| layers(theme, cell, e, unit)).collect();
        layers.extend(limits(summary, metric, &mine[0].0.key, unit));
        let y = (Axis::fixed(0.0, 100.0, 5), "trials done, %".to_owned());
        panels.push(Panel::Plot(Plot {
            title,
            x: (axis.clone(), x_title.clone()),
            y,
            names: None,
            layers,
            height: 170.0,
        }));
    }
    let shown = |cell: &Cell| {
        wanted.iter().any(|(t, l, p)| cell.key.target == *t && cell.key.load == *l && cell.key.prompt == *p)
    };
    let n_shown = curves.iter().filter(|(cell, _)| shown(cell)).count();
    let left_out = left_out(n_shown, curves.len(), "curves");
    let note = format!(
        "Share of trials that were done after a time; a curve that ends below 100 % ends in failures. Shades are \
         simultaneous 95 % bands.{left_out}"
    );
    Some(Figure { name: format!("{name}-ecdf"), title: title.into(), note, legend: theme.line_keys(), panels, columns })
}

type Place = (crate::domain::TargetId, crate::domain::LoadId, crate::domain::PromptId);

/// Columns and the places of panels: a row per target, a column per load, as far as they fit.
fn layout(summary: &Summary, theme: &Theme) -> (usize, Vec<Place>) {
    let loads = most_telling(summary);
    let mut prompts: Vec<_> = summary.cells.iter().map(|c| c.key.prompt.clone()).collect();
    prompts.sort();
    prompts.dedup();
    let mut places = Vec::new();
    for prompt in &prompts {
        for target in &theme.targets {
            places.extend(loads.iter().map(|load| (target.clone(), load.clone(), prompt.clone())));
        }
    }
    places.truncate(MOST_PANELS);
    let columns = if loads.len() > 1 { loads.len() } else { theme.targets.len().clamp(1, 3) };
    (columns, places)
}

/// Three loads at most, in the run's order: those at which an objective was missed before the lightest and the heaviest.
fn most_telling(summary: &Summary) -> Vec<LoadId> {
    let all = loads(summary);
    let missed =
        |load: &LoadId| summary.slos.iter().any(|slo| slo.verdict == SloVerdict::Missed && slo.cell.load == *load);
    let last = all.len().saturating_sub(1);
    let mut by_worth: Vec<usize> = (0..all.len()).filter(|at| missed(&all[*at])).collect();
    by_worth.extend([0, last, last / 2].into_iter().chain(0..all.len()));
    let mut kept: Vec<usize> = Vec::new();
    for at in by_worth {
        if kept.len() < 3 && !kept.contains(&at) && at < all.len() {
            kept.push(at);
        }
    }
    kept.sort_unstable();
    kept.into_iter().map(|at| all[at].clone()).collect()
}

fn layers(theme: &Theme, cell: &Cell, e: &Ecdf, unit: Unit) -> Vec<Layer> {
    let color = theme.color(&cell.key.target);
    let (dash, marker) = theme.mode(&cell.key.mode);
    let x = |v: f64| v / unit.per;
    let mut line = vec![(x(e.points[0].0), 0.0)];
    let mut band = Vec::new();
    let mut share = 0.0;
    for &(value, next) in &e.points {
        line.push((x(value), share * 100.0));
        line.push((x(value), next * 100.0));
        for s in [share, next] {
            band.push((x(value), ((s - e.band) * 100.0).max(0.0), ((s + e.band) * 100.0).min(100.0)));
        }
        share = next;
    }
    let marks = [0.25, 0.5, 0.75]
        .into_iter()
        .filter_map(|q| e.points.iter().find(|p| p.1 >= q).map(|p| (x(p.0), q * 100.0)))
        .collect();
    vec![
        Layer::Band { points: band, color, alpha: 0.09 },
        Layer::Line { points: line, color, dash },
        Layer::Marks { points: marks, color, marker },
    ]
}

/// Objectives on this metric that cover the panel.
fn limits(summary: &Summary, metric: Metric, key: &crate::analyze::summary::CellKey, unit: Unit) -> Vec<Layer> {
    let mut texts: Vec<&str> = summary
        .slos
        .iter()
        .filter(|s| s.cell.target == key.target && s.cell.load == key.load)
        .map(|s| s.slo.as_str())
        .collect();
    texts.dedup();
    texts
        .into_iter()
        .filter_map(|text| parse_slo(text).ok())
        .filter(|slo| slo.metric.name() == metric.name())
        .map(|slo| {
            let name = slo.statistic.map_or_else(|| "limit".to_owned(), |s| format!("{s} limit"));
            Layer::Limit { axis: Side::X, value: slo.bound / unit.per, text: name }
        })
        .collect()
}
