//! Figures to pictures: title, legend and a grid of panels.

use super::canvas::Anchor;
use super::canvas::Canvas;
use super::canvas::Lettering;
use super::canvas::Stroke;
use super::canvas::draw;
use super::canvas::fit;
use super::canvas::text_width;
use super::figure::Figure;
use super::figure::Key;
use super::figure::Panel;
use super::figure::Swatch;
use super::marks::mark;
use super::palette::MUTED;
use super::plot;
use super::rows;

/// Width of every picture in logical pixels.
pub(crate) const WIDTH: f64 = 800.0;
const EDGE: f64 = 16.0;
const GAP: f64 = 28.0;
const KEY_SIZE: f64 = 11.5;
const KEY_ROW: f64 = 20.0;
const NOTE_SIZE: f64 = 11.0;

/// A rectangle in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    /// Left edge.
    pub(crate) left: f64,
    /// Upper edge.
    pub(crate) top: f64,
    /// Right edge.
    pub(crate) right: f64,
    /// Lower edge.
    pub(crate) bottom: f64,
}

impl Frame {
    /// Horizontal position of a share of the width.
    pub(crate) fn x(&self, share: f64) -> f64 {
        self.left + share * (self.right - self.left)
    }

    /// Vertical position of a share of the height, counted from the bottom.
    pub(crate) fn y(&self, share: f64) -> f64 {
        self.bottom - share * (self.bottom - self.top)
    }
}

/// The figure as SVG text.
pub(crate) fn paint(figure: &Figure) -> String {
    let notes = wrap(&figure.note, NOTE_SIZE, WIDTH - 2.0 * EDGE);
    let keys = flow(&figure.legend, WIDTH - 2.0 * EDGE);
    let head = 44.0 + 16.0 * notes.len() as f64 + KEY_ROW * keys.len() as f64;
    let columns = figure.columns.max(1);
    let heights: Vec<f64> =
        figure.panels.chunks(columns).map(|row| row.iter().map(height).fold(0.0, f64::max)).collect();
    let total = head + heights.iter().sum::<f64>() + GAP * (heights.len().max(1) - 1) as f64 + EDGE;
    draw((WIDTH, total), &figure.title, &figure.note, |canvas| {
        heading(canvas, figure, &notes);
        for (n, row) in keys.iter().enumerate() {
            legend(canvas, row, 46.0 + 16.0 * notes.len() as f64 + KEY_ROW * n as f64);
        }
        grid(canvas, figure, head, &heights);
    })
}

fn heading(canvas: &Canvas<'_>, figure: &Figure, notes: &[String]) {
    canvas.text((EDGE, 22.0), &fit(&figure.title, 15.0, WIDTH - 2.0 * EDGE), Lettering::new(15.0).bold());
    for (n, line) in notes.iter().enumerate() {
        canvas.text((EDGE, 42.0 + 16.0 * n as f64), line, Lettering::new(NOTE_SIZE).color(MUTED));
    }
}

fn grid(canvas: &Canvas<'_>, figure: &Figure, head: f64, heights: &[f64]) {
    let columns = figure.columns.max(1);
    let width = (WIDTH - 2.0 * EDGE - GAP * (columns - 1) as f64) / columns as f64;
    let gutters: Vec<f64> = (0..columns)
        .map(|column| figure.panels.iter().skip(column).step_by(columns).map(gutter).fold(0.0, f64::max))
        .collect();
    let mut top = head;
    for (row, height) in figure.panels.chunks(columns).zip(heights) {
        for (column, panel) in row.iter().enumerate() {
            let left = EDGE + column as f64 * (width + GAP);
            let frame = Frame { left, top, right: left + width, bottom: top + height };
            match panel {
                Panel::Plot(plot) => plot::paint(canvas, plot, frame, gutters[column]),
                Panel::Rows(rows) => rows::paint(canvas, rows, frame),
            }
        }
        top += height + GAP;
    }
}

fn gutter(panel: &Panel) -> f64 {
    match panel {
        Panel::Plot(plot) => plot::gutter(plot),
        Panel::Rows(_) => 0.0,
    }
}

fn height(panel: &Panel) -> f64 {
    match panel {
        Panel::Plot(plot) => plot::outer_height(plot),
        Panel::Rows(rows) => rows::outer_height(rows),
    }
}

fn key_width(key: &Key) -> f64 {
    swatch_width(key.swatch) + 6.0 + text_width(&key.text, KEY_SIZE) + 18.0
}

fn swatch_width(swatch: Swatch) -> f64 {
    match swatch {
        Swatch::Patch(..) | Swatch::Mark(_) => 12.0,
        Swatch::Line(..) | Swatch::Rule(..) => 30.0,
    }
}

/// Keys in rows that fit the width.
fn flow(keys: &[Key], width: f64) -> Vec<Vec<&Key>> {
    let mut rows: Vec<Vec<&Key>> = Vec::new();
    let mut used = f64::INFINITY;
    for key in keys {
        if used + key_width(key) > width {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += key_width(key);
        if let Some(row) = rows.last_mut() {
            row.push(key);
        }
    }
    rows
}

fn legend(canvas: &Canvas<'_>, keys: &[&Key], y: f64) {
    let mut x = EDGE;
    for key in keys {
        let width = swatch_width(key.swatch);
        match key.swatch {
            Swatch::Patch(color, alpha) => canvas.rect((x, y - 5.0), (x + width, y + 5.0), color, alpha),
            Swatch::Line(dash, marker) => {
                canvas.line((x, y), (x + width, y), Stroke { dash, ..Stroke::solid(MUTED, 3) });
                mark(canvas, (x + width / 2.0, y), marker, MUTED);
            }
            Swatch::Mark(marker) => mark(canvas, (x + width / 2.0, y), marker, MUTED),
            Swatch::Rule(color, dash) => {
                canvas.line((x, y), (x + width, y), Stroke { dash, ..Stroke::solid(color, 3) });
            }
        }
        let text = fit(&key.text, KEY_SIZE, WIDTH - 2.0 * EDGE - width - 6.0);
        canvas.text((x + width + 6.0, y), &text, Lettering::new(KEY_SIZE).anchor(Anchor::Start));
        x += key_width(key);
    }
}

/// Words in lines of at most `width` logical pixels.
fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line, size) + text_width(word, size) + 0.3 * size <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, size, width)),
        }
    }
    lines
}
