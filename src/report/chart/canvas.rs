//! Drawing primitives over plotters' SVG backend, in logical pixels with half-pixel precision.
//!
//! plotters writes whole numbers, so everything is drawn at twice its size and the `svg` element scales it back. Colors
//! are written as plain attributes: a file opened on its own is a light picture, and a page that embeds it re-maps the
//! same colors by attribute selectors for dark screens. No style attribute is ever written.

use plotters::coord::Shift;
use plotters::element::Circle;
use plotters::element::PathElement;
use plotters::element::Polygon;
use plotters::element::Rectangle;
use plotters::element::Text;
use plotters::prelude::DrawingArea;
use plotters::prelude::IntoDrawingArea;
use plotters::prelude::SVGBackend;
use plotters::style::Color as _;
use plotters::style::FontFamily;
use plotters::style::FontStyle;
use plotters::style::IntoFont;
use plotters::style::RGBAColor;
use plotters::style::ShapeStyle;
use plotters::style::TextStyle;
use plotters::style::text_anchor::HPos;
use plotters::style::text_anchor::Pos;
use plotters::style::text_anchor::VPos;

use super::palette::Color;
use super::palette::INK;
use super::palette::PAPER;
use crate::report::escape::xml;

/// Drawn pixels per logical pixel.
const FINE: f64 = 2.0;
/// Stroke widths above this carry a dash pattern: `DASHED * pattern + width`. plotters has no dashes of its own.
const DASHED: u32 = 1000;
/// Dash patterns in drawn pixels; the first is solid.
const DASHES: [&str; 6] = ["", "14 7", "3 6", "14 6 3 6", "24 8", "3 3"];
const FONT: &str = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif";

/// A point in logical pixels from the upper left corner.
pub(crate) type Point = (f64, f64);

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    /// Color.
    pub(crate) color: Color,
    /// Opacity, 0 to 1.
    pub(crate) alpha: f64,
    /// Width in half logical pixels.
    pub(crate) width: u32,
    /// Dash pattern; 0 is solid.
    pub(crate) dash: usize,
}

impl Stroke {
    /// A solid opaque line.
    pub(crate) fn solid(color: Color, width: u32) -> Self {
        Self { color, alpha: 1.0, width, dash: 0 }
    }
}

/// Which side of its position a text stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// The text begins here.
    Start,
    /// The text is centered here.
    Middle,
    /// The text ends here.
    End,
}

/// How a text is drawn. Its vertical middle stands at its position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lettering {
    /// Size in logical pixels.
    pub(crate) size: f64,
    /// Color.
    pub(crate) color: Color,
    /// Bold.
    pub(crate) weight: Weight,
    /// Side.
    pub(crate) anchor: Anchor,
}

/// Weight of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Upright text.
    Normal,
    /// Headings.
    Bold,
}

impl Lettering {
    /// Ordinary text that begins at its position.
    pub(crate) fn new(size: f64) -> Self {
        Self { size, color: INK, weight: Weight::Normal, anchor: Anchor::Start }
    }

    /// The same in another color.
    #[must_use]
    pub(crate) fn color(self, color: Color) -> Self {
        Self { color, ..self }
    }

    /// The same on another side.
    #[must_use]
    pub(crate) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// The same in bold.
    #[must_use]
    pub(crate) fn bold(self) -> Self {
        Self { weight: Weight::Bold, ..self }
    }
}

/// A drawing area of logical pixels.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Draws a picture of `width` by `height` logical pixels; `title` and `description` are its text for screen readers.
pub(crate) fn draw(size: (f64, f64), title: &str, description: &str, paint: impl FnOnce(&Canvas<'_>)) -> String {
    let mut svg = String::new();
    let fine = (scaled(size.0) as u32, scaled(size.1) as u32);
    {
        let area = SVGBackend::with_string(&mut svg, fine).into_drawing_area();
        let canvas = Canvas { area };
        canvas.rect((0.0, 0.0), size, PAPER, 1.0);
        paint(&canvas);
        canvas.area.present().expect("a drawing in memory has nothing to fail on");
    }
    finish(&svg, size, title, description)
}

/// Sets the displayed size, adds the accessible texts and turns marked widths into dashes.
fn finish(svg: &str, size: (f64, f64), title: &str, description: &str) -> String {
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let (width, height) = (size.0.round(), size.1.round());
    let mut done = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\"><title>{}</title><desc>{}</desc>{body}",
        scaled(size.0),
        scaled(size.1),
        xml(title),
        xml(description),
    );
    for (pattern, dash) in DASHES.iter().enumerate().skip(1) {
        for width in 1..=6 {
            let marked = format!("stroke-width=\"{}\"", DASHED * pattern as u32 + width);
            if done.contains(&marked) {
                done = done.replace(&marked, &format!("stroke-width=\"{width}\" stroke-dasharray=\"{dash}\""));
            }
        }
    }
    done
}

fn scaled(value: f64) -> i32 {
    (value.clamp(-4000.0, 8000.0) * FINE).round() as i32
}

fn fine(point: Point) -> (i32, i32) {
    (scaled(point.0), scaled(point.1))
}

fn rgba(color: Color, alpha: f64) -> RGBAColor {
    RGBAColor(color.0, color.1, color.2, alpha)
}

impl Canvas<'_> {
    fn put<E>(&self, element: &E)
    where
        for<'b> &'b E: plotters::element::PointCollection<'b, (i32, i32)>,
        E: for<'c> plotters::element::Drawable<SVGBackend<'c>>,
    {
        self.area.draw(element).expect("a drawing in memory has nothing to fail on");
    }

    /// A line through all points.
    pub(crate) fn path(&self, points: &[Point], stroke: Stroke) {
        if points.len() < 2 {
            return;
        }
        let mut fine_points: Vec<(i32, i32)> = points.iter().copied().map(fine).collect();
        fine_points.dedup();
        let width = DASHED * (stroke.dash % DASHES.len()) as u32 + stroke.width;
        let style = ShapeStyle { color: rgba(stroke.color, stroke.alpha), filled: false, stroke_width: width };
        self.put(&PathElement::new(fine_points, style));
    }

    /// A straight line.
    pub(crate) fn line(&self, from: Point, to: Point, stroke: Stroke) {
        self.path(&[from, to], stroke);
    }

    /// A filled polygon.
    pub(crate) fn polygon(&self, points: &[Point], color: Color, alpha: f64) {
        let points: Vec<(i32, i32)> = points.iter().copied().map(fine).collect();
        if points.len() > 2 {
            self.put(&Polygon::new(points, rgba(color, alpha).filled()));
        }
    }

    /// A filled rectangle between two corners.
    pub(crate) fn rect(&self, from: Point, to: Point, color: Color, alpha: f64) {
        self.put(&Rectangle::new([fine(from), fine(to)], rgba(color, alpha).filled()));
    }

    /// A filled disc.
    pub(crate) fn disc(&self, center: Point, radius: f64, color: Color, alpha: f64) {
        self.put(&Circle::new(fine(center), scaled(radius), rgba(color, alpha).filled()));
    }

    /// A circle.
    pub(crate) fn ring(&self, center: Point, radius: f64, color: Color) {
        let style = ShapeStyle { color: rgba(color, 1.0), filled: false, stroke_width: 3 };
        self.put(&Circle::new(fine(center), scaled(radius), style));
    }

    /// One line of text.
    pub(crate) fn text(&self, at: Point, text: &str, letters: Lettering) {
        // The backend divides sizes by this factor; undo it, so that sizes here are what is seen.
        let size = letters.size * FINE * 1.24;
        let font_style = if letters.weight == Weight::Bold { FontStyle::Bold } else { FontStyle::Normal };
        let font = (FontFamily::Name(FONT), size).into_font().style(font_style);
        let h_pos = match letters.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let color = rgba(letters.color, 1.0);
        let style = TextStyle::from(font).color(&color).pos(Pos::new(h_pos, VPos::Center));
        // Spaces and line feeds around the text would shift it; the backend adds its own.
        let clean: String = text.chars().filter(|c| !c.is_control()).collect();
        self.put(&Text::new(clean, fine(at), style));
    }
}

/// Estimated width of a text in logical pixels: the font is the reader's own.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let ems: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' | ' ' => 0.30,
            'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 0.38,
            'm' | 'w' | 'M' | 'W' | '%' | '@' | '—' => 0.88,
            c if c.is_ascii_uppercase() => 0.68,
            c if c.is_ascii() => 0.56,
            c if (c as u32) < 0x2000 => 0.60,
            _ => 1.0,
        })
        .sum();
    // Readers' fonts differ; the widest common one is about a tenth wider than the mean.
    ems * size * 1.08
}

/// The text cut to `width` logical pixels, with an ellipsis where it was cut.
pub(crate) fn fit(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        if text_width(&cut, size) + 1.4 * size > width {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_labels_stay_text() {
        let nasty = "</text><script>alert(1)</script>\" onload=\"x stroke-width=\"1004\"";
        let svg = draw((100.0, 50.0), nasty, nasty, |canvas| canvas.text((1.0, 1.0), nasty, Lettering::new(10.0)));
        assert!(!svg.contains("<script") && !svg.contains("\" onload"), "{svg}");
        assert!(!svg.contains("dasharray"), "{svg}");
        assert!(!svg.contains("style="), "{svg}");
    }

    #[test]
    fn dashes_are_written() {
        let svg = draw((100.0, 50.0), "t", "d", |canvas| {
            canvas.line((0.0, 0.0), (9.0, 9.0), Stroke { dash: 1, ..Stroke::solid(INK, 3) });
        });
        assert!(svg.contains("stroke-width=\"3\" stroke-dasharray=\"14 7\""), "{svg}");
    }

    #[test]
    fn long_labels_are_cut() {
        let cut = fit(&"seed-2.0-mini".repeat(9), 11.0, 100.0);
        assert!(cut.ends_with('…') && text_width(&cut, 11.0) <= 112.0, "{cut}");
    }
}
