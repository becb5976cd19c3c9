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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use view::figures;

    fn texts(svg: &str) -> Vec<String> {
        let text = regex::Regex::new("(?s)<text[^>]*>\\s*(.*?)\\s*</text>").unwrap();
        text.captures_iter(svg).map(|c| c[1].to_owned()).collect()
    }

    /// Titles, legends and axes of every chart, as a reader meets them.
    #[test]
    fn every_chart_says_what_it_shows() {
        let listed: Vec<String> =
            pictures(&sample::summary()).iter().map(|p| format!("{}: {}", p.name, texts(&p.svg).join(" | "))).collect();
        insta::assert_snapshot!(listed.join("\n\n"));
    }

    #[test]
    fn pictures_stay_inside_their_frame() {
        let number = regex::Regex::new(" (x|y|x1|y1|x2|y2|cx|cy)=\"(-?[0-9.]+)\"").unwrap();
        for picture in pictures(&sample::summary()) {
            assert!(!picture.svg.contains("NaN") && !picture.svg.contains("inf"), "{}", picture.name);
            for found in number.captures_iter(&picture.svg) {
                let at: f64 = found[2].parse().unwrap();
                assert!((0.0..=4000.0).contains(&at), "{}: {}", picture.name, &found[0]);
            }
        }
    }

    #[test]
    fn one_target_keeps_its_color() {
        let blue = format!("fill=\"{}\"", palette::target_color(0));
        for picture in pictures(&sample::summary()) {
            assert!(picture.name == "timeline" || picture.svg.contains(&blue), "{}", picture.name);
        }
    }

    #[test]
    fn infinite_and_missing_figures_draw_nothing() {
        let mut summary = sample::summary();
        let infinite =
            crate::analyze::Estimate::new(f64::INFINITY, 1.0, f64::INFINITY, crate::analyze::Method::OrderStat, 9);
        for cell in &mut summary.cells {
            for d in cell.metrics.values_mut() {
                (d.p50, d.p95, d.max) = (infinite, crate::analyze::Estimate::needs(9, 72), Some(f64::INFINITY));
            }
            cell.cost.per_case = crate::analyze::Estimate::none(9);
            cell.charts.ecdf.iter_mut().for_each(|e| e.points.clear());
        }
        summary.timeline.ttft_p50.fill(None);
        assert!(!figures(&summary).is_empty());
        assert!(pictures(&summary).iter().all(|p| !p.svg.contains("NaN") && !p.svg.contains("inf")));
    }
}
