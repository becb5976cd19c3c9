//! Labels beside points that do not cover points, intervals or each other.

use super::canvas::Anchor;
use super::canvas::Canvas;
use super::canvas::Lettering;
use super::canvas::Point;
use super::canvas::Stroke;
use super::canvas::text_width;
use super::paint::Frame;
use super::palette::AXIS;
use super::palette::Color;

const SIZE: f64 = 10.5;
const HEIGHT: f64 = 13.0;

/// Places labels one after the other, each where it collides least.
pub(crate) struct Labels {
    area: Frame,
    taken: Vec<Frame>,
}

impl Labels {
    /// Labels inside `area`.
    pub(crate) fn new(area: Frame) -> Self {
        Self { area, taken: Vec::new() }
    }

    /// A marker that labels should not cover.
    pub(crate) fn avoid(&mut self, (x, y): Point) {
        self.taken.push(Frame { left: x - 5.0, top: y - 5.0, right: x + 5.0, bottom: y + 5.0 });
    }

    /// An interval bar or a line that labels should not cover; a slanted one is covered by small boxes.
    pub(crate) fn avoid_line(&mut self, (x0, y0): Point, (x1, y1): Point) {
        let steps = ((x1 - x0).abs().min((y1 - y0).abs()) / 6.0).ceil().clamp(1.0, 60.0);
        let along = |step: f64| (x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps);
        for step in 0..steps as u32 {
            let (a, b) = (along(f64::from(step)), along(f64::from(step + 1)));
            self.taken.push(Frame {
                left: a.0.min(b.0) - 1.0,
                top: a.1.min(b.1) - 1.0,
                right: a.0.max(b.0) + 1.0,
                bottom: a.1.max(b.1) + 1.0,
            });
        }
    }

    /// Draws a label near `at`; with a thin leader where it had to move away.
    pub(crate) fn place(&mut self, canvas: &Canvas<'_>, at: Point, text: &str, color: Color) {
        let width = text_width(text, SIZE);
        let spots = spots(at, width);
        let cost = |spot: &Frame| self.taken.iter().map(|t| overlap(t, spot)).sum::<f64>() + outside(&self.area, spot);
        let costs: Vec<f64> = spots.iter().map(|(spot, far)| cost(spot) + far).collect();
        let best = (0..spots.len()).min_by(|a, b| costs[*a].total_cmp(&costs[*b])).unwrap_or(0);
        let (spot, far) = spots[best];
        let middle = f64::midpoint(spot.top, spot.bottom);
        if far >= 8.0 {
            let end = (at.0.clamp(spot.left, spot.right), at.1.clamp(spot.top, spot.bottom));
            canvas.line(at, end, Stroke::solid(AXIS, 1));
        }
        canvas.text((spot.left, middle), text, Lettering::new(SIZE).color(color).anchor(Anchor::Start));
        self.taken.push(spot);
    }
}

/// Places around a point with a penalty for distance, nearest first.
fn spots((x, y): Point, width: f64) -> Vec<(Frame, f64)> {
    let mut found = Vec::new();
    for (ring, gap) in [(0.0, 8.0), (8.0, 22.0), (20.0, 38.0), (36.0, 56.0)] {
        let diagonal = gap * 0.8;
        for (n, (left, middle)) in [
            (x + gap, y),
            (x + diagonal, y - diagonal - 3.0),
            (x + diagonal, y + diagonal + 3.0),
            (x - gap - width, y),
            (x - diagonal - width, y - diagonal - 3.0),
            (x - diagonal - width, y + diagonal + 3.0),
            (x - width / 2.0, y - gap - 5.0),
            (x - width / 2.0, y + gap + 5.0),
        ]
        .into_iter()
        .enumerate()
        {
            let spot = Frame { left, top: middle - HEIGHT / 2.0, right: left + width, bottom: middle + HEIGHT / 2.0 };
            found.push((spot, ring + n as f64 * 0.1));
        }
    }
    found
}

fn overlap(a: &Frame, b: &Frame) -> f64 {
    let wide = (a.right.min(b.right) - a.left.max(b.left)).max(0.0);
    let high = (a.bottom.min(b.bottom) - a.top.max(b.top)).max(0.0);
    wide * high
}

fn outside(area: &Frame, spot: &Frame) -> f64 {
    let sides =
        [area.left - spot.left, spot.right - area.right - 8.0, area.top - 6.0 - spot.top, spot.bottom - area.bottom];
    sides.into_iter().map(|over| over.max(0.0) * 100.0).sum()
}
