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
pub(crate) mod view;

use super::artifact::Artifact;
use crate::analyze::Summary;

/// One finished chart.
pub(crate) struct Picture {
    /// The group it belongs to.
    pub(crate) topic: view::Topic,
    /// Name of its file, without extension.
    pub(crate) name: String,
    /// The picture.
    pub(crate) svg: String,
}

/// All charts that the run has data for.
pub(crate) fn pictures(summary: &Summary) -> Vec<Picture> {
    view::figures(summary)
        .into_iter()
        .map(|(topic, figure)| Picture { topic, svg: paint::paint(&figure), name: figure.name })
        .collect()
}

/// The charts as files, in a folder of their own.
pub fn render(summary: &Summary) -> Vec<Artifact> {
    pictures(summary).into_iter().map(|p| Artifact::text(format!("charts/{}.svg", p.name), p.svg)).collect()
}
