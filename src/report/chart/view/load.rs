//! What load does: percentiles against load, throughput against latency.

use super::Theme;
use crate::analyze::Estimate;
use crate::analyze::Metric;
use crate::analyze::Summary;
use crate::analyze::summary::Cell;
use crate::analyze::summary::Distribution;
use crate::analyze::summary::LoadCurve;
use crate::report::chart::axis::Axis;
use crate::report::chart::axis::Scale;
use crate::report::chart::figure::Bar;
use crate::report::chart::figure::Figure;
use crate::report::chart::figure::Layer;
use crate::report::chart::figure::Panel;
use crate::report::chart::figure::Plot;
use crate::report::written::Unit;

type Pick = fn(&Distribution) -> Estimate;

/// TTFT and end-to-end percentiles against concurrency or rate.
pub(super) fn percentiles(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let wanted: [(Metric, &str, Pick); 4] = [
        (Metric::Ttft, "TTFT p50", |d| d.p50),
        (Metric::Ttft, "TTFT p95", |d| d.p95),
        (Metric::E2e, "end-to-end p50", |d| d.p50),
        (Metric::E2e, "end-to-end p95", |d| d.p95),
    ];
    let panels: Vec<Panel> = wanted
        .into_iter()
        .filter_map(|(metric, title, pick)| panel(summary, theme, metric, title, pick))
        .map(Panel::Plot)
        .collect();
    (!panels.is_empty()).then(|| Figure {
        name: "latency-load".into(),
        title: "Latency against load".into(),
        note: "Bars are 95 % intervals. A percentile that too few trials support is left out. In a closed loop the \
               load is the number in flight; no rate is claimed."
            .into(),
        legend: theme.line_keys(),
        panels,
        columns: 2,
    })
}

fn panel(summary: &Summary, theme: &Theme, metric: Metric, title: &str, pick: Pick) -> Option<Plot> {
    let of = |cell: &Cell| cell.metrics.get(&metric).map(pick).filter(|e| e.value.is_some_and(f64::is_finite));
    let curves: Vec<(&LoadCurve, Vec<(f64, Estimate)>)> = summary
        .load_curves
        .iter()
        .map(|curve| {
            let point = |p: &crate::analyze::summary::LoadPoint| Some((p.level, of(summary.cells.get(p.cell_index)?)?));
            (curve, curve.points.iter().filter_map(point).collect())
        })
        .filter(|(_, points): &(_, Vec<_>)| !points.is_empty())
        .collect();
    let unit = Unit::time(curves.iter().flat_map(|(_, p)| p).filter_map(|(_, e)| e.value));
    let ys = || curves.iter().flat_map(|(_, p)| p).flat_map(|(_, e)| [e.value, e.low, e.high]).flatten();
    if curves.is_empty() {
        return None;
    }
    let y = Axis::over(log_if_wide(ys()), ys().map(|v| v / unit.per), 5);
    let mut layers = Vec::new();
    for (curve, points) in &curves {
        let color = theme.color(&curve.target);
        let (dash, marker) = theme.mode(&curve.mode);
        let at: Vec<(f64, f64)> = points.iter().map(|(x, e)| (*x, e.value.unwrap_or(0.0) / unit.per)).collect();
        let bars = points.iter().filter_map(|(x, e)| Some(Bar::Vertical(*x, e.low? / unit.per, e.high? / unit.per)));
        layers.push(Layer::Bars { bars: bars.collect(), color });
        layers.push(Layer::Line { points: at.clone(), color, dash });
        layers.push(Layer::Marks { points: at, color, marker });
    }
    let (x, names, x_title) = load_axis(summary);
    let y = (y, format!("{title}, {}", unit.name));
    Some(Plot { title: String::new(), x: (x, x_title), y, names: Some(names), layers, height: 190.0 })
}

fn log_if_wide(values: impl Iterator<Item = f64>) -> Scale {
    let (least, most) =
        values.filter(|v| v.is_finite() && *v > 0.0).fold((f64::INFINITY, 0.0_f64), |(l, m), v| (l.min(v), m.max(v)));
    if most / least > 15.0 { Scale::Log } else { Scale::FromZero }
}

/// The axis of loads, labeled with the loads that ran.
fn load_axis(summary: &Summary) -> (Axis, Vec<(f64, String)>, String) {
    let points = || summary.load_curves.iter().flat_map(|c| &c.points);
    let mut levels: Vec<f64> = points().map(|p| p.level).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let is_wide = levels.last().copied().unwrap_or(1.0) / levels.first().copied().unwrap_or(1.0).max(1e-9) > 6.0;
    let axis = Axis::over(if is_wide { Scale::Log } else { Scale::FromZero }, levels.iter().copied(), 5);
    let names =
        levels.iter().map(|v| (*v, crate::report::written::fixed(*v, (v.fract() == 0.0).then_some(0)))).collect();
    let title = match (points().any(|p| p.open), points().any(|p| !p.open)) {
        (true, true) => "in flight, or requests per second",
        (true, false) => "requests per second",
        _ => "requests in flight",
    };
    (axis, names, title.into())
}

/// Throughput against latency: each line is one arm, its points are loads.
pub(super) fn throughput(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let ttft =
        |cell: &Cell| cell.metrics.get(&Metric::Ttft).map(|d| d.p50).filter(|e| e.value.is_some_and(f64::is_finite));
    let mut arms = Vec::new();
    for curve in &summary.load_curves {
        let points: Vec<_> = curve
            .points
            .iter()
            .filter_map(|p| {
                let cell = summary.cells.get(p.cell_index)?;
                Some((p, cell.throughput_tps, ttft(cell)?)).filter(|(_, tps, _)| tps.value.is_some_and(f64::is_finite))
            })
            .collect();
        if points.len() > 1 {
            arms.push((curve, points));
        }
    }
    let all = || arms.iter().flat_map(|(_, p)| p);
    let unit = Unit::time(all().filter_map(|(_, _, e)| e.value));
    if arms.is_empty() {
        return None;
    }
    let mut layers = Vec::new();
    for (curve, points) in &arms {
        let color = theme.color(&curve.target);
        let (dash, marker) = theme.mode(&curve.mode);
        let value = |e: &Estimate| e.value.unwrap_or(0.0);
        let at: Vec<(f64, f64)> = points.iter().map(|(_, x, y)| (value(x), value(y) / unit.per)).collect();
        layers.push(Layer::Line { points: at.clone(), color, dash });
        for ((point, x, y), at) in points.iter().zip(&at) {
            let mut bars = Vec::new();
            bars.extend(y.low.zip(y.high).map(|(l, h)| Bar::Vertical(at.0, l / unit.per, h / unit.per)));
            bars.extend(x.low.zip(x.high).map(|(l, h)| Bar::Horizontal(at.1, l, h)));
            layers.push(Layer::Bars { bars, color });
            layers.push(Layer::Label { at: *at, text: point.load.to_string(), color });
        }
        layers.push(Layer::Marks { points: at, color, marker });
    }
    let xs = || all().flat_map(|(_, x, _)| [x.value, x.high]).flatten();
    let ys = || all().flat_map(|(_, _, y)| [y.value, y.low, y.high]).flatten();
    let x = (Axis::over(log_if_wide(xs()), xs(), 6), "output tokens per second, all requests together".to_owned());
    let y = (Axis::over(log_if_wide(ys()), ys().map(|v| v / unit.per), 5), format!("TTFT p50, {}", unit.name));
    Some(Figure {
        name: "throughput-latency".into(),
        title: "Throughput against latency".into(),
        note: "Each line is one target and mode; its points are loads. Down and to the right is better. Bars are 95 % \
               intervals."
            .into(),
        legend: theme.line_keys(),
        panels: vec![Panel::Plot(Plot { title: String::new(), x, y, names: None, layers, height: 280.0 })],
        columns: 1,
    })
}
