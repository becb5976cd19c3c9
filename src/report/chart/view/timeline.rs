//! How the run went: arrivals, requests in flight, errors and first tokens over time.

use super::Theme;
use crate::analyze::Summary;
use crate::analyze::summary::Timeline;
use crate::report::chart::axis::Axis;
use crate::report::chart::axis::Scale;
use crate::report::chart::figure::Figure;
use crate::report::chart::figure::Key;
use crate::report::chart::figure::Layer;
use crate::report::chart::figure::Panel;
use crate::report::chart::figure::Plot;
use crate::report::chart::figure::Swatch;
use crate::report::chart::palette::ALARM;
use crate::report::chart::palette::Color;
use crate::report::chart::palette::INK;
use crate::report::chart::palette::MUTED;
use crate::report::written::Unit;

/// The run over time in panels of one time axis.
pub(super) fn figure(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let line = &summary.timeline;
    let bins = line.arrivals.len();
    if bins < 2 || line.bin_s <= 0.0 {
        return None;
    }
    let end = bins as f64 * line.bin_s;
    let (unit, name) = if end > 600.0 { (60.0, "minutes since the start") } else { (1.0, "seconds since the start") };
    let x = (Axis::fixed(0.0, end / unit, 8), name.to_owned());
    let width = line.bin_s / unit;
    let per_second = |counts: &[u64]| counts.iter().map(|n| *n as f64 / line.bin_s).collect::<Vec<_>>();
    let started = stairs(&per_second(&line.arrivals), width, MUTED, 1);
    let finished = stairs(&per_second(&line.finished), width, INK, 0);
    let mut panels = vec![
        panel(&x, "per second", vec![started, finished], per_second(&line.arrivals), 90.0),
        panel(&x, "in flight, mean", vec![stairs(&line.in_flight, width, INK, 0)], line.in_flight.clone(), 90.0),
    ];
    panels.extend(first_tokens(line, &x, width));
    panels.extend(errors(line, &x, width));
    panels.push(turns(summary, theme, &x, unit));
    Some(Figure {
        name: "timeline".into(),
        title: "The run over time".into(),
        note: format!(
            "Bins of {} s. Median TTFT of the requests that began in a bin, successes only. Cells take turns: the lowest \
             panel shows whose turn it was, higher is a later load.",
            crate::text::number::short(line.bin_s)
        ),
        legend: [
            Key { swatch: Swatch::Rule(MUTED, 1), text: "begun".into() },
            Key { swatch: Swatch::Rule(INK, 0), text: "finished, in flight, TTFT".into() },
            Key { swatch: Swatch::Patch(ALARM, 0.8), text: "errors".into() },
        ]
        .into_iter()
        .chain(theme.target_keys())
        .collect(),
        panels: panels.into_iter().map(Panel::Plot).collect(),
        columns: 1,
    })
}

fn panel(x: &(Axis, String), title: &str, layers: Vec<Layer>, values: Vec<f64>, height: f64) -> Plot {
    let y = (Axis::over(Scale::FromZero, values, 3), title.to_owned());
    Plot { title: String::new(), x: x.clone(), y, names: None, layers, height }
}

fn stairs(values: &[f64], width: f64, color: Color, dash: usize) -> Layer {
    let points = values.iter().enumerate().flat_map(|(k, v)| [(k as f64 * width, *v), ((k + 1) as f64 * width, *v)]);
    Layer::Line { points: points.collect(), color, dash }
}

fn first_tokens(line: &Timeline, x: &(Axis, String), width: f64) -> Option<Plot> {
    let unit = Unit::time(line.ttft_p50.iter().flatten().copied());
    let at = |(k, v): (usize, &Option<f64>)| Some(((k as f64 + 0.5) * width, (*v)? / unit.per));
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for bin in line.ttft_p50.iter().enumerate() {
        match at(bin) {
            Some(point) => runs.last_mut()?.push(point),
            None => runs.push(Vec::new()),
        }
    }
    let values: Vec<f64> = runs.iter().flatten().map(|p| p.1).collect();
    let color = INK;
    let single = runs.iter().filter(|r| r.len() == 1).flatten().copied().collect();
    let mut layers: Vec<Layer> =
        runs.into_iter().filter(|r| r.len() > 1).map(|points| Layer::Line { points, color, dash: 0 }).collect();
    layers.push(Layer::Marks { points: single, color, marker: crate::report::chart::palette::Marker::Disc });
    (!values.is_empty()).then(|| panel(x, &format!("TTFT p50, {}", unit.name), layers, values, 90.0))
}

fn errors(line: &Timeline, x: &(Axis, String), width: f64) -> Option<Plot> {
    let columns = line.errors.iter().enumerate().filter(|(_, n)| **n > 0).map(|(k, n)| Layer::Column {
        span: (k as f64 * width, (k + 1) as f64 * width),
        height: *n as f64,
        color: ALARM,
    });
    let layers: Vec<Layer> = columns.collect();
    let most = line.errors.iter().copied().max().unwrap_or(0) as f64;
    (!layers.is_empty()).then(|| panel(x, "errors per bin", layers, vec![most], 50.0))
}

/// Whose turn it was: a block per segment in its target's color, as high as its load's place in the suite.
fn turns(summary: &Summary, theme: &Theme, x: &(Axis, String), unit: f64) -> Plot {
    let loads = super::loads(summary);
    let block = |&(cell, from, to): &(usize, f64, f64)| {
        let key = &summary.cells.get(cell)?.key;
        let place = loads.iter().position(|load| *load == key.load)?;
        let height = (place + 1) as f64;
        Some(Layer::Column { span: (from / unit, to / unit), height, color: theme.color(&key.target) })
    };
    let layers = summary.timeline.segments.iter().filter_map(block).collect();
    panel(x, "load, by place in the suite", layers, vec![loads.len() as f64], 40.0)
}
