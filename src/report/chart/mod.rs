//! Charts as SVG text. The same pictures go into the page and into `charts/`.

pub(crate) mod axis;
pub(crate) mod canvas;
pub(crate) mod figure;
pub(crate) mod label;
pub(crate) mod marks;
pub(crate) mod paint;
pub(crate) mod palette;
pub(crate) mod plot;
pub(crate) mod rows;
