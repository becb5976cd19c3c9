//! A panel of labeled rows: stacked bars, or dots along a line.

use super::canvas::Anchor;
use super::canvas::Canvas;
use super::canvas::Lettering;
use super::canvas::Stroke;
use super::canvas::fit;
use super::canvas::text_width;
use super::figure::Row;
use super::figure::Rows;
use super::paint::Frame;
use super::palette::AXIS;
use super::palette::GRID;
use super::palette::INK;
use super::palette::MUTED;

const ROW: f64 = 22.0;
const TICK: f64 = 10.5;
const LABEL: f64 = 11.0;
const HEAD: f64 = 22.0;
const FOOT: f64 = 40.0;

/// Height of the panel with its texts.
pub(crate) fn outer_height(rows: &Rows) -> f64 {
    head(rows) + ROW * rows.items.len().max(1) as f64 + FOOT
}

fn head(rows: &Rows) -> f64 {
    if rows.title.is_empty() { 4.0 } else { HEAD }
}

/// Draws the panel into `frame`.
pub(crate) fn paint(canvas: &Canvas<'_>, rows: &Rows, frame: Frame) {
    let width = frame.right - frame.left;
    let widest = rows.items.iter().map(|row| text_width(&row.label, LABEL)).fold(20.0, f64::max).min(0.38 * width);
    let tail = rows.items.iter().map(|row| text_width(&row.tail, TICK)).fold(0.0, f64::max).min(0.2 * width);
    let top = frame.top + head(rows);
    let area = Frame {
        left: frame.left + widest + 8.0,
        top,
        right: frame.right - 12.0 - tail,
        bottom: top + ROW * rows.items.len().max(1) as f64,
    };
    if !rows.title.is_empty() {
        canvas.text((frame.left, frame.top + 8.0), &fit(&rows.title, 12.0, width), Lettering::new(12.0).bold());
    }
    axis(canvas, rows, area);
    for (n, row) in rows.items.iter().enumerate() {
        let y = area.top + ROW * (n as f64 + 0.5);
        let letters = Lettering::new(LABEL).color(INK).anchor(Anchor::End);
        canvas.text((area.left - 8.0, y), &fit(&row.label, LABEL, widest), letters);
        bar(canvas, rows, row, area, y);
    }
}

fn axis(canvas: &Canvas<'_>, rows: &Rows, area: Frame) {
    let letters = Lettering::new(TICK).color(MUTED).anchor(Anchor::Middle);
    let mut taken = f64::NEG_INFINITY;
    for &tick in rows.x.0.ticks() {
        let x = area.x(rows.x.0.place(tick));
        canvas.line((x, area.top), (x, area.bottom), Stroke::solid(GRID, 2));
        let text = rows.x.0.label(tick);
        let half = text_width(&text, TICK) / 2.0;
        if x - half > taken + 5.0 {
            canvas.text((x, area.bottom + 12.0), &text, letters);
            taken = x + half;
        }
    }
    canvas.line((area.left, area.bottom), (area.right, area.bottom), Stroke::solid(AXIS, 2));
    let title = format!("{}{}", rows.x.1, rows.x.0.note());
    canvas.text((area.right, area.bottom + 29.0), &title, Lettering::new(TICK).color(MUTED).anchor(Anchor::End));
}

fn bar(canvas: &Canvas<'_>, rows: &Rows, row: &Row, area: Frame, y: f64) {
    let mut sum = 0.0;
    for &(length, color, alpha) in &row.segments {
        let (from, to) = (area.x(rows.x.0.place(sum)), area.x(rows.x.0.place(sum + length)));
        if to - from > 0.2 {
            canvas.rect((from, y - 6.5), (to, y + 6.5), color, alpha);
        }
        sum += length;
    }
    dots(canvas, rows, row, area, y);
    if !row.tail.is_empty() {
        let furthest = row.dots.iter().map(|d| d.0).fold(sum, f64::max);
        let x = area.x(rows.x.0.place(furthest)) + 6.0;
        canvas.text((x, y), &row.tail, Lettering::new(TICK).color(MUTED));
    }
}

/// Single values as ticks on a thin line from the first to the last.
fn dots(canvas: &Canvas<'_>, rows: &Rows, row: &Row, area: Frame, y: f64) {
    let at = |value: f64| area.x(rows.x.0.place(value));
    if let (Some(first), Some(last)) = (row.dots.first(), row.dots.last()) {
        canvas.line((at(first.0), y), (at(last.0), y), Stroke { alpha: 0.5, ..Stroke::solid(first.1, 2) });
    }
    for &(value, color) in &row.dots {
        canvas.rect((at(value) - 1.0, y - 5.5), (at(value) + 1.0, y + 5.5), color, 0.9);
    }
}
