//! What was decided while the run went on, and what that saved.

use super::markup::Markup;
use crate::analyze::Summary;
use crate::analyze::early::Answered;
use crate::report::table::compare::p_value;
use crate::report::written::Unit;
use crate::report::written::estimate;
use crate::text::number::count;

/// Questions in the page at most; all of them are in `summary.json`.
const MOST: usize = 40;

pub(super) fn write(page: &mut Markup, summary: &Summary) {
    let Some(stopping) = &summary.stopping else { return };
    page.leaf("h3", &[], "Decided while the run went on");
    let (planned, run) = stopping.cells.iter().fold((0, 0), |(p, r), cell| (p + cell.planned, r + cell.run));
    let early = stopping.cells.iter().filter(|cell| cell.early).count() as u64;
    let lead = format!(
        "{} ended early; {run} of {} ran. Intervals hold at any time, so that looking often costs nothing.",
        count(early, "cell"),
        count(planned, "planned trial")
    );
    page.leaf("p", &[("class", "lead")], &lead);
    page.open("div", &[("class", "scroll"), ("tabindex", "0")]).open("table", &[("data-sortable", "")]);
    page.open("thead", &[]).open("tr", &[]);
    for (name, class) in
        [("question", ""), ("decision", ""), ("after", "n"), ("of", "n"), ("estimate, %", "n"), ("p", "n")]
    {
        page.leaf("th", &[("scope", "col"), ("class", class)], name);
    }
    page.close("tr").close("thead").open("tbody", &[]);
    for asked in stopping.questions.iter().take(MOST) {
        question(page, asked);
    }
    page.close("tbody").close("table").close("div");
    if stopping.questions.len() > MOST {
        let rest = format!("{} further questions are in summary.json.", stopping.questions.len() - MOST);
        page.leaf("p", &[("class", "lead")], &rest);
    }
}

fn question(page: &mut Markup, asked: &Answered) {
    let (kind, word) = asked.word.map_or(("warn", "open"), |word| match word.name() {
        name @ ("regressed" | "missed") => ("bad", name),
        "not_better" => ("", "not better"),
        name => ("good", name),
    });
    page.open("tr", &[]).leaf("th", &[("scope", "row")], &asked.title).open("td", &[]);
    page.leaf("span", &[("class", &format!("tag {kind}"))], word).close("td");
    page.leaf("td", &[("class", "n")], &asked.n.to_string()).leaf("td", &[("class", "n")], &asked.planned.to_string());
    let written = estimate(&asked.estimate, Unit::PERCENT);
    page.open("td", &[("class", "n"), ("title", &written.basis)]).text(&written.value);
    page.leaf("span", &[("class", "ci")], &written.interval).close("td");
    page.leaf("td", &[("class", "n")], &p_value(asked.p_value)).close("tr");
}
