//! What a chart shows, in data coordinates: figures of panels, panels of layers. Nothing here draws.

use super::axis::Axis;
use super::palette::Color;
use super::palette::Marker;

/// One chart: a title, a legend and one or more panels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// Name of its file, without extension.
    pub(crate) name: String,
    /// What is shown.
    pub(crate) title: String,
    /// How to read it: what bands and bars are, what is left out.
    pub(crate) note: String,
    /// Colors, dashes and markers.
    pub(crate) legend: Vec<Key>,
    /// Panels in reading order.
    pub(crate) panels: Vec<Panel>,
    /// Panels side by side.
    pub(crate) columns: usize,
}

/// An entry of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// Its drawing.
    pub(crate) swatch: Swatch,
    /// Its meaning.
    pub(crate) text: String,
}

/// The drawing of a legend entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Swatch {
    /// A patch of color with an opacity.
    Patch(Color, f64),
    /// A line with a dash pattern and a marker.
    Line(usize, Marker),
    /// A marker alone.
    Mark(Marker),
    /// A dashed line in a color.
    Rule(Color, usize),
}

/// One set of axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Panel {
    /// Two numeric axes.
    Plot(Plot),
    /// Labeled rows along one numeric axis.
    Rows(Rows),
}

/// Two numeric axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plot {
    /// What distinguishes this panel from its neighbors.
    pub(crate) title: String,
    /// Horizontal axis with quantity and unit.
    pub(crate) x: (Axis, String),
    /// Vertical axis with quantity and unit.
    pub(crate) y: (Axis, String),
    /// Ticks of the horizontal axis that are names rather than numbers.
    pub(crate) names: Option<Vec<(f64, String)>>,
    /// Drawn in this order.
    pub(crate) layers: Vec<Layer>,
    /// Height of the plotting area in logical pixels.
    pub(crate) height: f64,
}

/// Something drawn in data coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layer {
    /// A line through points.
    Line {
        /// The points.
        points: Vec<(f64, f64)>,
        /// Color.
        color: Color,
        /// Dash pattern.
        dash: usize,
    },
    /// The area between a low and a high curve over the same x.
    Band {
        /// x, low, high.
        points: Vec<(f64, f64, f64)>,
        /// Color.
        color: Color,
        /// Opacity.
        alpha: f64,
    },
    /// Markers.
    Marks {
        /// The points.
        points: Vec<(f64, f64)>,
        /// Color.
        color: Color,
        /// Shape.
        marker: Marker,
    },
    /// Interval bars.
    Bars {
        /// Where, and from where to where.
        bars: Vec<Bar>,
        /// Color.
        color: Color,
    },
    /// A text beside a point, moved where it collides with another.
    Label {
        /// The point.
        at: (f64, f64),
        /// The text.
        text: String,
        /// Color.
        color: Color,
    },
    /// A limit across the panel.
    Limit {
        /// Which axis the value belongs to.
        axis: Side,
        /// The value.
        value: f64,
        /// What limits.
        text: String,
    },
    /// A column of a histogram from zero.
    Column {
        /// Left and right.
        span: (f64, f64),
        /// Height.
        height: f64,
        /// Color.
        color: Color,
    },
}

/// An interval around a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bar {
    /// Along y, at x.
    Vertical(f64, f64, f64),
    /// Along x, at y.
    Horizontal(f64, f64, f64),
}

/// Horizontal or vertical axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Horizontal.
    X,
    /// Vertical.
    Y,
}

/// Labeled rows along one axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    /// What distinguishes this panel from its neighbors.
    pub(crate) title: String,
    /// The axis with quantity and unit.
    pub(crate) x: (Axis, String),
    /// The rows from top to bottom.
    pub(crate) items: Vec<Row>,
}

/// One labeled row.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) label: String,
    /// Segments of a bar: length, color, opacity. They stack from zero.
    pub(crate) segments: Vec<(f64, Color, f64)>,
    /// Single values.
    pub(crate) dots: Vec<(f64, Color)>,
    /// A note behind the last segment.
    pub(crate) tail: String,
}
