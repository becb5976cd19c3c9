//! Colors that color-blind people can tell apart, one per target; markers and dashes, one per mode.
//!
//! The hues are those of Okabe & Ito 2008 (<https://jfly.uni-koeln.de/color/>), darkened where a hue would be too pale
//! for a thin line on white. The page re-maps each of them to a lighter one on dark screens.

/// Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// Text.
pub(crate) const INK: Color = Color(0x1B, 0x1F, 0x24);
/// Secondary text.
pub(crate) const MUTED: Color = Color(0x57, 0x60, 0x6A);
/// Axis lines.
pub(crate) const AXIS: Color = Color(0x9A, 0xA3, 0xAD);
/// Grid lines.
pub(crate) const GRID: Color = Color(0xE7, 0xEA, 0xEE);
/// Ground.
pub(crate) const PAPER: Color = Color(0xFF, 0xFF, 0xFF);
/// Errors and missed limits.
pub(crate) const ALARM: Color = Color(0xB4, 0x23, 0x18);

/// A color with its counterpart on dark ground.
pub(crate) const ON_DARK: [(Color, Color); 14] = [
    (INK, Color(0xE6, 0xE9, 0xEC)),
    (MUTED, Color(0x9D, 0xA7, 0xB3)),
    (AXIS, Color(0x5C, 0x66, 0x72)),
    (GRID, Color(0x2A, 0x30, 0x38)),
    (PAPER, Color(0x14, 0x17, 0x1B)),
    (ALARM, Color(0xFF, 0x7B, 0x72)),
    (TARGETS[0], Color(0x5A, 0xB0, 0xE8)),
    (TARGETS[1], Color(0xF0, 0x8C, 0x4A)),
    (TARGETS[2], Color(0x3F, 0xC4, 0x9A)),
    (TARGETS[3], Color(0xE0, 0x9A, 0xC4)),
    (TARGETS[4], Color(0xF0, 0xBE, 0x4C)),
    (TARGETS[5], Color(0x8F, 0xD3, 0xF7)),
    (TARGETS[6], Color(0xB8, 0xBF, 0xC8)),
    (TARGETS[7], Color(0xD9, 0xC8, 0x5A)),
];

/// Colors of targets before they repeat.
pub(crate) const N_TARGETS: usize = 8;
/// Markers of modes before they repeat.
pub(crate) const N_MODES: usize = 6;

const TARGETS: [Color; N_TARGETS] = [
    Color(0x00, 0x72, 0xB2),
    Color(0xD5, 0x5E, 0x00),
    Color(0x00, 0x8F, 0x68),
    Color(0xB3, 0x5C, 0x90),
    Color(0xC7, 0x86, 0x00),
    Color(0x3A, 0x9B, 0xD5),
    Color(0x4A, 0x50, 0x58),
    Color(0x8C, 0x80, 0x00),
];

/// The color of the `index`-th target of a run.
pub(crate) fn target_color(index: usize) -> Color {
    TARGETS[index % TARGETS.len()]
}

/// The shape of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// A filled disc.
    Disc,
    /// A square.
    Square,
    /// A triangle.
    Triangle,
    /// A diamond.
    Diamond,
    /// A circle.
    Ring,
    /// A cross.
    Cross,
}

/// The marker of the `index`-th mode of a run; its dash pattern has the same index.
pub(crate) fn mode_marker(index: usize) -> Marker {
    const MARKERS: [Marker; N_MODES] =
        [Marker::Disc, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Ring, Marker::Cross];
    MARKERS[index % MARKERS.len()]
}

impl std::fmt::Display for Color {
    /// As plotters writes it: `#RRGGBB` in capitals.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02X}{:02X}{:02X}", self.0, self.1, self.2)
    }
}
