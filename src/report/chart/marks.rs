//! Markers, one shape per mode.

use super::canvas::Canvas;
use super::canvas::Point;
use super::canvas::Stroke;
use super::palette::Color;
use super::palette::Marker;
use super::palette::PAPER;

/// Draws a marker of about nine pixels with a thin halo, so that it stands out from lines.
pub(crate) fn mark(canvas: &Canvas<'_>, at: Point, marker: Marker, color: Color) {
    shape(canvas, at, marker, PAPER, 5.6);
    shape(canvas, at, marker, color, 4.2);
}

fn shape(canvas: &Canvas<'_>, (x, y): Point, marker: Marker, color: Color, r: f64) {
    match marker {
        Marker::Disc => canvas.disc((x, y), r, color, 1.0),
        Marker::Square => canvas.rect((x - r * 0.88, y - r * 0.88), (x + r * 0.88, y + r * 0.88), color, 1.0),
        Marker::Triangle => {
            canvas.polygon(&[(x, y - r * 1.15), (x + r * 1.1, y + r * 0.85), (x - r * 1.1, y + r * 0.85)], color, 1.0);
        }
        Marker::Diamond => {
            canvas.polygon(&[(x, y - r * 1.3), (x + r * 1.15, y), (x, y + r * 1.3), (x - r * 1.15, y)], color, 1.0);
        }
        Marker::Ring if color == PAPER => canvas.disc((x, y), r, color, 1.0),
        Marker::Ring => canvas.ring((x, y), r * 0.85, color),
        Marker::Cross => {
            let width = if color == PAPER { 6 } else { 4 };
            canvas.line((x - r, y - r), (x + r, y + r), Stroke::solid(color, width));
            canvas.line((x - r, y + r), (x + r, y - r), Stroke::solid(color, width));
        }
    }
}
