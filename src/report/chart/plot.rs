//! A panel with two numeric axes.

use super::canvas::Anchor;
use super::canvas::Canvas;
use super::canvas::Lettering;
use super::canvas::Point;
use super::canvas::Stroke;
use super::canvas::fit;
use super::canvas::text_width;
use super::figure::Bar;
use super::figure::Layer;
use super::figure::Plot;
use super::figure::Side;
use super::label::Labels;
use super::marks::mark;
use super::paint::Frame;
use super::palette::ALARM;
use super::palette::AXIS;
use super::palette::Color;
use super::palette::GRID;
use super::palette::MUTED;

const TICK: f64 = 10.5;
const TITLE: f64 = 12.0;
/// Bold letters are wider.
const BOLD: f64 = 1.12;
/// Above the plotting area: the panel's title and the vertical axis' title.
const HEAD: f64 = 42.0;
/// Below it: tick labels and the horizontal axis' title.
const FOOT: f64 = 40.0;

/// Height of the panel with its texts.
pub(crate) fn outer_height(plot: &Plot) -> f64 {
    HEAD - if plot.title.is_empty() { 18.0 } else { 0.0 } + plot.height + FOOT
}

/// Width of the vertical axis' labels.
pub(crate) fn gutter(plot: &Plot) -> f64 {
    plot.y.0.ticks().iter().map(|t| text_width(&plot.y.0.label(*t), TICK)).fold(12.0, f64::max) + 8.0
}

/// Draws the panel into `frame`, with `gutter` pixels for the vertical axis' labels: panels below each other align.
pub(crate) fn paint(canvas: &Canvas<'_>, plot: &Plot, frame: Frame, gutter: f64) {
    let head = HEAD - if plot.title.is_empty() { 18.0 } else { 0.0 };
    let area = Frame {
        left: frame.left + gutter,
        top: frame.top + head,
        right: frame.right - 10.0,
        bottom: frame.top + head + plot.height,
    };
    titles(canvas, plot, frame, area);
    y_axis(canvas, plot, area);
    x_axis(canvas, plot, area);
    let at = |x: f64, y: f64| (area.x(plot.x.0.place(x)), area.y(plot.y.0.place(y)));
    let mut labels = Labels::new(area);
    for layer in &plot.layers {
        reserve(layer, &at, &mut labels);
    }
    for layer in &plot.layers {
        paint_layer(canvas, layer, area, plot, &at);
    }
    for layer in &plot.layers {
        if let Layer::Label { at: (x, y), text, color } = layer {
            labels.place(canvas, at(*x, *y), text, *color);
        }
    }
}

fn titles(canvas: &Canvas<'_>, plot: &Plot, frame: Frame, area: Frame) {
    let width = frame.right - frame.left;
    if !plot.title.is_empty() {
        canvas.text(
            (frame.left, frame.top + 8.0),
            &fit(&plot.title, TITLE * BOLD, width),
            Lettering::new(TITLE).bold(),
        );
    }
    let letters = Lettering::new(TICK).color(MUTED);
    let y_title = format!("{}{}", plot.y.1, plot.y.0.note());
    canvas.text((frame.left, area.top - 14.0), &fit(&y_title, TICK, width), letters);
    let x_title = format!("{}{}", plot.x.1, plot.x.0.note());
    let x_width = area.right - area.left;
    canvas.text((area.right, area.bottom + 30.0), &fit(&x_title, TICK, x_width), letters.anchor(Anchor::End));
}

fn y_axis(canvas: &Canvas<'_>, plot: &Plot, area: Frame) {
    let letters = Lettering::new(TICK).color(MUTED).anchor(Anchor::End);
    for &tick in plot.y.0.ticks() {
        let y = area.y(plot.y.0.place(tick));
        canvas.line((area.left, y), (area.right, y), Stroke::solid(GRID, 2));
        canvas.text((area.left - 6.0, y), &plot.y.0.label(tick), letters);
    }
}

fn x_axis(canvas: &Canvas<'_>, plot: &Plot, area: Frame) {
    canvas.line((area.left, area.bottom), (area.right, area.bottom), Stroke::solid(AXIS, 2));
    let letters = Lettering::new(TICK).color(MUTED).anchor(Anchor::Middle);
    let ticks: Vec<(f64, String)> = match &plot.names {
        Some(names) => names.clone(),
        None => plot.x.0.ticks().iter().map(|t| (*t, plot.x.0.label(*t))).collect(),
    };
    let mut taken = f64::NEG_INFINITY;
    for (value, text) in ticks {
        let x = area.x(plot.x.0.place(value));
        canvas.line((x, area.bottom), (x, area.bottom + 4.0), Stroke::solid(AXIS, 2));
        let half = text_width(&text, TICK) / 2.0;
        if x - half > taken + 5.0 {
            canvas.text((x, area.bottom + 13.0), &text, letters);
            taken = x + half;
        }
    }
}

/// Tells the label placement what not to cover.
fn reserve(layer: &Layer, at: &impl Fn(f64, f64) -> Point, labels: &mut Labels) {
    match layer {
        Layer::Marks { points, .. } => points.iter().for_each(|&(x, y)| labels.avoid(at(x, y))),
        Layer::Bars { bars, .. } => {
            for bar in bars {
                let (from, to) = ends(*bar, at);
                labels.avoid_line(from, to);
            }
        }
        // Long curves are no obstacle: a label may lie on them where nothing else is free.
        Layer::Line { points, .. } if points.len() < 40 => {
            for pair in points.windows(2) {
                labels.avoid_line(at(pair[0].0, pair[0].1), at(pair[1].0, pair[1].1));
            }
        }
        _ => {}
    }
}

fn ends(bar: Bar, at: &impl Fn(f64, f64) -> Point) -> (Point, Point) {
    match bar {
        Bar::Vertical(x, low, high) => (at(x, low), at(x, high)),
        Bar::Horizontal(y, low, high) => (at(low, y), at(high, y)),
    }
}

fn paint_layer(canvas: &Canvas<'_>, layer: &Layer, area: Frame, plot: &Plot, at: &impl Fn(f64, f64) -> Point) {
    match layer {
        Layer::Line { points, color, dash } => {
            let points: Vec<Point> = points.iter().map(|&(x, y)| at(x, y)).collect();
            canvas.path(&points, Stroke { dash: *dash, ..Stroke::solid(*color, 4) });
        }
        Layer::Band { points, color, alpha } => {
            let lower = points.iter().map(|&(x, low, _)| at(x, low));
            let upper = points.iter().rev().map(|&(x, _, high)| at(x, high));
            canvas.polygon(&lower.chain(upper).collect::<Vec<_>>(), *color, *alpha);
        }
        Layer::Marks { points, color, marker } => {
            for &(x, y) in points {
                mark(canvas, at(x, y), *marker, *color);
            }
        }
        Layer::Bars { bars, color } => bars.iter().for_each(|&bar| whisker(canvas, ends(bar, at), *color)),
        Layer::Limit { axis, value, text } => limit(canvas, area, plot, (*axis, *value), text),
        Layer::Column { span, height, color } => {
            let (left, top) = at(span.0, *height);
            let (right, _) = at(span.1, *height);
            // A gap of a pixel between columns, but never less than a pixel of column.
            canvas.rect((left + 0.5, top), ((right - 0.5).max(left + 1.5), area.bottom), *color, 0.8);
        }
        Layer::Label { .. } => {}
    }
}

fn whisker(canvas: &Canvas<'_>, (from, to): (Point, Point), color: Color) {
    let stroke = Stroke { alpha: 0.55, ..Stroke::solid(color, 3) };
    canvas.line(from, to, stroke);
    let vertical = (from.0 - to.0).abs() < (from.1 - to.1).abs();
    for (x, y) in [from, to] {
        let (dx, dy) = if vertical { (3.0, 0.0) } else { (0.0, 3.0) };
        canvas.line((x - dx, y - dy), (x + dx, y + dy), stroke);
    }
}

fn limit(canvas: &Canvas<'_>, area: Frame, plot: &Plot, (side, value): (Side, f64), text: &str) {
    let axis = if side == Side::X { &plot.x.0 } else { &plot.y.0 };
    if value < axis.low() || value > axis.high() {
        return;
    }
    let stroke = Stroke { dash: 1, ..Stroke::solid(ALARM, 2) };
    let letters = Lettering::new(TICK).color(ALARM);
    if side == Side::X {
        let x = area.x(axis.place(value));
        canvas.line((x, area.top), (x, area.bottom), stroke);
        let near_right = x + text_width(text, TICK) + 8.0 > area.right;
        let (dx, anchor) = if near_right { (-5.0, Anchor::End) } else { (5.0, Anchor::Start) };
        canvas.text((x + dx, area.top + 8.0), text, letters.anchor(anchor));
    } else {
        let y = area.y(axis.place(value));
        canvas.line((area.left, y), (area.right, y), stroke);
        let dy = if y - 8.0 < area.top { 8.0 } else { -8.0 };
        canvas.text((area.left + 6.0, y + dy), text, letters);
    }
}
