//! `report.html`: one file without network, that opens with the verdict and goes down to the single event.
//!
//! The content security policy names the hashes of our own script and style, so that nothing else runs or paints.
//! What a model wrote is JSON that the script shows as text nodes, or escaped text; it is never markup.

mod arms;
mod cells;
mod glance;
mod markup;
mod record;
mod stopping;
#[cfg(test)]
mod tests;
mod trials;
mod verdict;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use markup::Markup;
use sha2::Digest as _;
use sha2::Sha256;
pub use trials::Details;

use super::artifact::Artifact;
use super::chart;
use super::chart::palette::ON_DARK;
use super::chart::palette::target_color;
use super::escape::script_json;
use crate::analyze::Summary;
use crate::text::number::count;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page of a run: its summary, and the attempts that a reader can open.
pub fn render(summary: &Summary, details: &Details) -> Artifact {
    Artifact::text("report.html", page(summary, details))
}

fn page(summary: &Summary, details: &Details) -> String {
    let style = format!("{STYLE}{}", colors());
    let mut page = Markup::default();
    page.own("<!doctype html>\n").open("html", &[("lang", "en")]);
    head(&mut page, summary, &style);
    page.open("body", &[]);
    page.leaf("a", &[("class", "skip"), ("href", "#verdict")], "Skip to the verdict");
    if summary.simulated {
        page.open("aside", &[("class", "simulated"), ("aria-label", "Simulated")]).leaf("b", &[], "SIMULATED");
        page.text("Every figure on this page comes from the embedded simulator, not from a model.").close("aside");
    }
    page.open("div", &[("class", "wrap")]);
    header(&mut page, summary);
    page.open("main", &[]);
    let pictures = chart::pictures(summary);
    verdict::write(&mut page, summary);
    cells::comparison(&mut page, summary);
    arms::write(&mut page, summary);
    charts(&mut page, &pictures);
    cells::details(&mut page, summary);
    trials::write(&mut page, details);
    record::write(&mut page, summary);
    page.close("main");
    footer(&mut page, summary);
    page.close("div");
    data(&mut page, summary, details);
    page.open("script", &[]).own(SCRIPT).close("script");
    page.close("body").close("html");
    page.done()
}

fn head(page: &mut Markup, summary: &Summary, style: &str) {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; connect-src 'none'; base-uri 'none'; \
         form-action 'none'",
        hash(SCRIPT),
        hash(style)
    );
    let stamp = if summary.simulated { "SIMULATED · " } else { "" };
    page.open("head", &[]).open("meta", &[("charset", "utf-8")]);
    page.open("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
    page.open("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
    page.open("meta", &[("name", "referrer"), ("content", "no-referrer")]);
    page.open("meta", &[("name", "generator"), ("content", &format!("llmark {}", summary.run.meta.version))]);
    page.leaf("title", &[], &format!("{stamp}{} · llmark", summary.run.meta.suite));
    page.open("style", &[]).own(style).close("style").close("head");
}

/// The policy's name for an inline script or style.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Colors of charts on dark screens, and of the targets' dots.
fn colors() -> String {
    let on_dark = |color| ON_DARK.iter().find(|(light, _)| *light == color).map_or(color, |(_, dark)| *dark);
    let mut rules = String::new();
    for k in 0..8 {
        let _ = writeln!(rules, ".t{k}{{background:{}}}", target_color(k));
    }
    rules.push_str("@media screen and (prefers-color-scheme: dark) {\n");
    for k in 0..8 {
        let _ = writeln!(rules, ".t{k}{{background:{}}}", on_dark(target_color(k)));
    }
    for (light, dark) in &ON_DARK {
        let _ = writeln!(rules, ".chart [fill=\"{light}\"]{{fill:{dark}}}.chart [stroke=\"{light}\"]{{stroke:{dark}}}");
    }
    rules + "}\n"
}

fn header(page: &mut Markup, summary: &Summary) {
    let (run, meta) = (&summary.run, &summary.run.meta);
    page.open("header", &[]).leaf("h1", &[], &meta.suite);
    if !meta.description.is_empty() {
        page.leaf("p", &[], &meta.description);
    }
    let facts = [
        count(summary.cells.len() as u64, "cell"),
        count(run.cases, "case"),
        count(run.trials, "trial"),
        format!("{} s", super::written::fixed(run.duration_s, Some(1))),
        format!("{} USD", super::written::fixed(run.cost.usd, None)),
        meta.started.clone(),
        meta.id.clone(),
    ];
    let facts: Vec<String> = facts.into_iter().filter(|f| !f.is_empty()).collect();
    page.leaf("p", &[("class", "facts")], &facts.join(" · ")).close("header");
    page.open("nav", &[("aria-label", "Sections")]);
    let has_arms = arms::has_any(summary);
    for (id, title) in [
        ("#verdict", "Verdict"),
        ("#comparison", "Comparison"),
        ("#arms", if has_arms { "Arms" } else { "" }),
        ("#charts", "Charts"),
        ("#cells", "Cells"),
        ("#cases", "Cases and answers"),
        ("#record", "Record"),
    ] {
        if !title.is_empty() {
            page.leaf("a", &[("href", id)], title);
        }
    }
    page.close("nav");
}

fn charts(page: &mut Markup, pictures: &[chart::Picture]) {
    page.open("section", &[("id", "charts"), ("aria-labelledby", "h-charts")]);
    page.leaf("h2", &[("id", "h-charts")], "Charts");
    page.leaf(
        "p",
        &[("class", "lead")],
        "One color per target and one marker and dash per mode, the same in all charts. Each is also a file in charts/.",
    );
    let mut topic = None;
    for picture in pictures {
        if topic != Some(picture.topic) {
            page.leaf("h3", &[], picture.topic.title());
            topic = Some(picture.topic);
        }
        page.open("figure", &[("id", &format!("chart-{}", picture.name))]);
        page.open("div", &[("class", "scroll-x"), ("tabindex", "0")]).own(&picture.svg).close("div").close("figure");
    }
    page.close("section");
}

fn data(page: &mut Markup, summary: &Summary, details: &Details) {
    page.open("script", &[("type", "application/json"), ("id", "data")]);
    page.own(&script_json(&details.json(summary))).close("script");
}

fn footer(page: &mut Markup, summary: &Summary) {
    page.open("footer", &[]);
    for note in super::grid::footnotes(summary) {
        page.leaf("p", &[], &note);
    }
    let made = format!("Made by llmark {} from the run folder alone.", summary.run.meta.version);
    page.leaf("p", &[], &made).close("footer");
}
