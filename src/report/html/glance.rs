//! The choice at a glance: the chosen arm and its rivals in one small table beside the sentences.

use super::cells::target_index;
use super::markup::Markup;
use crate::analyze::Estimate;
use crate::analyze::Metric;
use crate::analyze::Summary;
use crate::analyze::summary::Cell;
use crate::report::chart::palette::INK;
use crate::report::chart::palette::target_color;
use crate::report::written::Unit;
use crate::report::written::estimate;

/// Width and height of the drawn interval.
const PLOT: (f64, f64) = (110.0, 14.0);

pub(super) fn write(page: &mut Markup, summary: &Summary) {
    let Some(choice) = &summary.choice else { return };
    let all = std::iter::once(choice.cell_index).chain(choice.rivals.iter().map(|rival| rival.cell_index));
    let cells: Vec<&Cell> = all.filter_map(|at| summary.cells.get(at)).collect();
    let Some(first) = cells.first() else { return };
    let money = Unit::money(cells.iter().filter_map(|c| c.cost.per_pass.as_ref()?.value));
    let time = Unit::time(cells.iter().filter_map(|c| answer(c)?.value));
    page.open("div", &[("class", "glance"), ("tabindex", "0")]).open("table", &[]);
    page.leaf("caption", &[], &format!("The choice and its rivals at {}", first.key.load));
    page.open("thead", &[]).open("tr", &[]).leaf("th", &[("scope", "col")], "arm");
    for (title, unit) in
        [("pass rate", "%, 95 % interval"), ("cost per pass", money.name), ("first answer token", time.name)]
    {
        page.open("th", &[("scope", "col"), ("class", "n")]).text(title);
        page.leaf("span", &[("class", "unit")], unit).close("th");
    }
    page.close("tr").close("thead").open("tbody", &[]);
    for cell in cells {
        row(page, summary, cell, money, time);
    }
    page.close("tbody").close("table").close("div");
}

fn answer(cell: &Cell) -> Option<&Estimate> {
    cell.metrics.get(&Metric::Ttfa).map(|d| &d.p50)
}

fn row(page: &mut Markup, summary: &Summary, cell: &Cell, money: Unit, time: Unit) {
    let color = target_index(summary, cell);
    page.open("tr", &[]).open("th", &[("scope", "row")]);
    page.leaf("span", &[("class", &format!("dot t{}", color % 8))], "").text(cell.key.target.as_str());
    page.leaf("span", &[("class", "ci")], &mode(summary, cell)).close("th").open("td", &[("class", "n")]);
    if let Some(rate) = cell.quality.as_ref().map(|q| &q.pass_rate) {
        page.text(&estimate(rate, Unit::PERCENT).value).own(&plot(rate, color));
    }
    page.close("td");
    for (e, unit) in [(cell.cost.per_pass.as_ref(), money), (answer(cell), time)] {
        let value = e.map_or_else(|| "n/a".to_owned(), |e| estimate(e, unit).value);
        page.leaf("td", &[("class", "n")], &value);
    }
    page.close("tr");
}

fn mode(summary: &Summary, cell: &Cell) -> String {
    let many = summary.cells.iter().any(|other| other.key.prompt != cell.key.prompt);
    if many { format!("{} · {}", cell.key.mode, cell.key.prompt) } else { cell.key.mode.to_string() }
}

/// A pass rate with its interval on a line from 0 to 100 %.
fn plot(rate: &Estimate, color: usize) -> String {
    let (width, height) = PLOT;
    let x = |share: f64| 4.0 + share.clamp(0.0, 1.0) * (width - 8.0);
    let Some(value) = rate.value.filter(|v| v.is_finite()) else { return String::new() };
    let (low, high) = (rate.low.unwrap_or(value), rate.high.unwrap_or(value));
    let (middle, hue) = (height / 2.0, target_color(color));
    format!(
        "<svg class=\"chart mini\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\">\
         <line x1=\"4\" x2=\"{end}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"{INK}\" stroke-opacity=\"0.15\"/>\
         <line x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"{hue}\" stroke-width=\"3\" stroke-opacity=\"0.5\"/>\
         <circle cx=\"{at:.1}\" cy=\"{middle}\" r=\"4\" fill=\"{hue}\"/></svg>",
        end = width - 4.0,
        from = x(low),
        to = x(high),
        at = x(value),
    )
}
