//! Quality against cost and against time, and what more reasoning buys.

use super::Theme;
use super::at_first_load;
use crate::analyze::Estimate;
use crate::analyze::Metric;
use crate::analyze::Summary;
use crate::analyze::slo_expr::SloMetric;
use crate::analyze::slo_expr::parse_slo;
use crate::analyze::summary::Cell;
use crate::analyze::summary::EffortCurve;
use crate::report::chart::axis::Axis;
use crate::report::chart::axis::Scale;
use crate::report::chart::figure::Bar;
use crate::report::chart::figure::Figure;
use crate::report::chart::figure::Key;
use crate::report::chart::figure::Layer;
use crate::report::chart::figure::Panel;
use crate::report::chart::figure::Plot;
use crate::report::chart::figure::Side;
use crate::report::chart::figure::Swatch;
use crate::report::chart::palette::MUTED;
use crate::report::written::Unit;

/// With more points than this only those on the front are labeled.
const MOST_LABELS: usize = 24;
/// Lines of objectives at most.
const MOST_LIMITS: usize = 3;

/// One point of a scatter: what it costs, what it yields.
struct Spot<'a> {
    cell: &'a Cell,
    x: Estimate,
    y: Estimate,
}

/// Pass rate against cost per case.
pub(super) fn against_cost(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let (cells, shown) = at_first_load(summary);
    let spots = spots(&cells, |c| Some(c.cost.per_case));
    let unit = Unit::money(spots.iter().filter_map(|s| s.x.value));
    let title = if unit.per < 1.0 { "cost per 1000 cases, USD" } else { "cost per case, USD" };
    scatter(summary, theme, &spots, unit, title).map(|plot| Figure {
        name: "quality-cost".into(),
        title: "Pass rate against cost".into(),
        note: format!("Up and to the left is better. Bars are 95 % intervals.{shown}"),
        legend: keys(theme),
        panels: vec![Panel::Plot(plot)],
        columns: 1,
    })
}

/// Pass rate against the 95th percentile of the whole time, or the median where that is withheld.
pub(super) fn against_time(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let (cells, shown) = at_first_load(summary);
    let enough = cells.iter().all(|c| c.metrics.get(&Metric::E2e).is_none_or(|d| d.p95.value.is_some()));
    let what = if enough { "p95" } else { "p50" };
    let spots = spots(&cells, |c| c.metrics.get(&Metric::E2e).map(|d| if enough { d.p95 } else { d.p50 }));
    let unit = Unit::time(spots.iter().filter_map(|s| s.x.value));
    let title = format!("end-to-end time {what}, {}", unit.name);
    let why = if enough { "" } else { " Too few trials for p95 in at least one cell, hence the median." };
    scatter(summary, theme, &spots, unit, &title).map(|plot| Figure {
        name: "quality-time".into(),
        title: format!("Pass rate against end-to-end time ({what})"),
        note: format!("Up and to the left is better. Bars are 95 % intervals.{shown}{why}"),
        legend: keys(theme),
        panels: vec![Panel::Plot(plot)],
        columns: 1,
    })
}

fn keys(theme: &Theme) -> Vec<Key> {
    let front = Key { swatch: Swatch::Rule(MUTED, 1), text: "no cell is better in both".into() };
    theme.mark_keys().into_iter().chain([front]).collect()
}

fn spots<'a>(cells: &[&'a Cell], x: impl Fn(&Cell) -> Option<Estimate>) -> Vec<Spot<'a>> {
    let spot = |cell: &&'a Cell| Some(Spot { cell, x: x(cell)?, y: cell.quality.as_ref()?.pass_rate });
    let known = |spot: &Spot<'_>| {
        spot.x.value.is_some_and(|v| v.is_finite() && v > 0.0) && spot.y.value.is_some_and(f64::is_finite)
    };
    cells.iter().filter_map(spot).filter(known).collect()
}

fn scatter(summary: &Summary, theme: &Theme, spots: &[Spot<'_>], unit: Unit, x_title: &str) -> Option<Plot> {
    if spots.is_empty() {
        return None;
    }
    let at = |s: &Spot<'_>| (s.x.value.unwrap_or(0.0) / unit.per, s.y.value.unwrap_or(0.0) * 100.0);
    let xs: Vec<f64> = spots.iter().flat_map(|s| ends(&s.x)).map(|v| v / unit.per).filter(|v| v.is_finite()).collect();
    let (least, most) =
        xs.iter().filter(|v| **v > 0.0).fold((f64::INFINITY, 0.0_f64), |(l, m), v| (l.min(*v), m.max(*v)));
    let scale = if most / least > 15.0 { Scale::Log } else { Scale::FromZero };
    let lowest = spots.iter().flat_map(|s| ends(&s.y)).fold(1.0, f64::min);
    let y =
        if lowest > 0.3 { Axis::fixed((lowest * 10.0).floor() * 10.0, 100.0, 6) } else { Axis::fixed(0.0, 100.0, 5) };
    let x = Axis::over(scale, xs, 7);
    let edge = x.high();
    let mut layers = vec![front(spots.iter().map(&at).collect(), edge)];
    layers.extend(limits(summary));
    let labeled = labeled(&spots.iter().map(&at).collect::<Vec<_>>());
    for (spot, labeled) in spots.iter().zip(labeled) {
        let color = theme.color(&spot.cell.key.target);
        let (px, py) = at(spot);
        let mut bars = Vec::new();
        if let (Some(low), Some(high)) = (spot.y.low, spot.y.high) {
            bars.push(Bar::Vertical(px, low * 100.0, high * 100.0));
        }
        if let (Some(low), Some(high)) = (spot.x.low, spot.x.high) {
            bars.push(Bar::Horizontal(py, low / unit.per, high / unit.per));
        }
        layers.push(Layer::Bars { bars, color });
        layers.push(Layer::Marks { points: vec![(px, py)], color, marker: theme.mode(&spot.cell.key.mode).1 });
        if labeled {
            layers.push(Layer::Label { at: (px, py), text: spot_label(theme, spot.cell), color });
        }
    }
    Some(Plot {
        title: String::new(),
        x: (x, x_title.into()),
        y: (y, "pass rate, %".into()),
        names: None,
        layers,
        height: 300.0,
    })
}

/// Objectives on the pass rate, as the suite writes them.
fn limits(summary: &Summary) -> Vec<Layer> {
    let mut texts: Vec<&str> = summary.slos.iter().map(|s| s.slo.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    let parsed = texts.into_iter().filter_map(|text| Some((text, parse_slo(text).ok()?)));
    let rates = parsed.filter(|(_, slo)| slo.metric == SloMetric::PassRate).take(MOST_LIMITS);
    rates.map(|(text, slo)| Layer::Limit { axis: Side::Y, value: slo.bound * 100.0, text: text.to_owned() }).collect()
}

/// Points that get a label: all of few; of many, those that none beats.
fn labeled(points: &[(f64, f64)]) -> Vec<bool> {
    let beaten = |(x, y): (f64, f64)| points.iter().any(|&(a, b)| a <= x && b >= y && (a < x || b > y));
    points.iter().map(|point| points.len() <= MOST_LABELS || !beaten(*point)).collect()
}

fn spot_label(theme: &Theme, cell: &Cell) -> String {
    if theme.many_prompts { format!("{} · {}", cell.key.mode, cell.key.prompt) } else { cell.key.mode.to_string() }
}

fn ends(e: &Estimate) -> impl Iterator<Item = f64> {
    [e.value, e.low, e.high].into_iter().flatten()
}

/// The staircase through the points that no other point beats in both directions.
fn front(mut points: Vec<(f64, f64)>, edge: f64) -> Layer {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut stairs: Vec<(f64, f64)> = Vec::new();
    let mut best = f64::NEG_INFINITY;
    for (x, y) in points {
        if y > best {
            if best.is_finite() {
                stairs.push((x, best));
            }
            stairs.push((x, y));
            best = y;
        }
    }
    if best.is_finite() {
        stairs.push((edge, best));
    }
    Layer::Line { points: stairs, color: MUTED, dash: 1 }
}

/// What more reasoning buys: pass rate, time to the answer and cost against reasoning tokens.
pub(super) fn effort(summary: &Summary, theme: &Theme) -> Option<Figure> {
    let loads = super::loads(summary);
    let curves: Vec<&EffortCurve> =
        summary.efforts.iter().filter(|c| Some(&c.load) == loads.first() && c.points.len() > 1).collect();
    if curves.is_empty() {
        return None;
    }
    let times = Unit::time(curves.iter().flat_map(|c| &c.points).filter_map(|p| p.ttfa_ms?.value));
    let money = Unit::money(curves.iter().flat_map(|c| &c.points).filter_map(|p| p.cost.value));
    let per = if money.per < 1.0 { "cost per 1000 cases, USD" } else { "cost per case, USD" };
    let panels = [
        effort_panel(&curves, theme, Unit::PERCENT, "pass rate, %", |p| p.pass_rate),
        effort_panel(&curves, theme, times, &format!("TTFA p50, {}", times.name), |p| p.ttfa_ms),
        effort_panel(&curves, theme, money, per, |p| Some(p.cost)),
    ];
    let panels: Vec<Panel> = panels.into_iter().flatten().map(Panel::Plot).collect();
    let shown = if loads.len() > 1 { format!(" Shown at load {}.", loads[0]) } else { String::new() };
    (!panels.is_empty()).then(|| Figure {
        name: "effort".into(),
        title: "What more reasoning buys".into(),
        note: format!(
            "Each mode stands at the reasoning tokens that it spent per trial. Bars are 95 % intervals.{shown}"
        ),
        legend: theme.mark_keys(),
        columns: panels.len().min(3),
        panels,
    })
}

fn effort_panel(
    curves: &[&EffortCurve],
    theme: &Theme,
    unit: Unit,
    title: &str,
    pick: impl Fn(&crate::analyze::summary::EffortPoint) -> Option<Estimate>,
) -> Option<Plot> {
    let mut layers = Vec::new();
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for curve in curves {
        let color = theme.color(&curve.target);
        let points: Vec<_> = curve
            .points
            .iter()
            .filter_map(|p| Some((p, p.reasoning_tokens.value?, pick(p)?)))
            .filter_map(|(p, x, e)| Some((p, x, e.value.filter(|v| v.is_finite())? / unit.per, e)))
            .collect();
        xs.extend(points.iter().map(|p| p.1));
        ys.extend(points.iter().flat_map(|p| ends(&p.3)).map(|v| v / unit.per));
        layers.push(Layer::Line { points: points.iter().map(|p| (p.1, p.2)).collect(), color, dash: 0 });
        for (point, x, y, e) in points {
            if let (Some(low), Some(high)) = (e.low, e.high) {
                layers.push(Layer::Bars { bars: vec![Bar::Vertical(x, low / unit.per, high / unit.per)], color });
            }
            layers.push(Layer::Marks { points: vec![(x, y)], color, marker: theme.mode(&point.mode).1 });
        }
    }
    let y = if unit == Unit::PERCENT { Axis::fixed(0.0, 100.0, 5) } else { Axis::over(Scale::FromZero, ys.clone(), 5) };
    let x = Axis::over(Scale::FromZero, xs, 4);
    let x = (x, "reasoning tokens".to_owned());
    (!ys.is_empty()).then(|| Plot { title: String::new(), x, y: (y, title.into()), names: None, layers, height: 200.0 })
}
