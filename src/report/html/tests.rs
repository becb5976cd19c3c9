//! What the page must never do, and what it must always hold.

use super::*;
use crate::report::Row;
use crate::report::hostile::CORPUS;
use crate::report::sample;

fn details(summary: &Summary, rows: Vec<Row>) -> Details {
    let mut details = Details::new(summary.cells.len());
    for row in rows {
        details.push(row);
    }
    details
}

fn written(summary: &Summary) -> String {
    page(summary, &details(summary, sample::rows(summary)))
}

/// The page's elements outside of scripts and styles, by name.
fn elements(page: &str) -> Vec<String> {
    let raw = regex::Regex::new(r"(?s)<(script|style)[^>]*>.*?</(script|style)>").unwrap();
    let stripped = raw.replace_all(page, "");
    let tags = regex::Regex::new(r"</?([a-zA-Z0-9!-]+)").unwrap();
    tags.captures_iter(&stripped).map(|tag| tag[1].to_lowercase()).collect()
}

/// A page with every string of the list in every place that foreign text can reach.
fn hostile(texts: &[&str]) -> String {
    let mut summary = sample::summary();
    summary.load_curves.clear();
    summary.efforts.clear();
    let (finding, warning) = (summary.findings[0].clone(), summary.warnings[0].clone());
    let (failure, slo, target) = (summary.failures[0].clone(), summary.slos[0].clone(), summary.run.targets[0].clone());
    let mut rows = sample::rows(&summary);
    rows.truncate(texts.len());
    (summary.findings, summary.warnings, summary.failures, summary.slos) = (vec![], vec![], vec![], vec![]);
    for (n, nasty) in texts.iter().copied().enumerate() {
        let at = n % summary.cells.len();
        let cell = &mut summary.cells[at];
        (cell.key.target, cell.key.mode) = (nasty.into(), nasty.into());
        cell.response_models.push((nasty.to_owned(), 1));
        cell.mode.sent.push(nasty.to_owned());
        let key = cell.key.clone();
        summary.run.meta.suite.push_str(nasty);
        summary.run.meta.description.push_str(nasty);
        summary.run.meta.facts.push((nasty.to_owned(), nasty.to_owned()));
        summary.run.targets.push(crate::analyze::run::TargetInfo { model: nasty.to_owned(), ..target.clone() });
        summary.findings.push(crate::analyze::summary::Finding { text: nasty.to_owned(), ..finding.clone() });
        let (message, cell) = (nasty.to_owned(), Some(key.clone()));
        summary.warnings.push(crate::analyze::summary::Warning { cell, message, ..warning.clone() });
        summary.failures.push(crate::analyze::summary::FailureClass { message: nasty.to_owned(), ..failure.clone() });
        summary.slos.push(crate::analyze::summary::SloResult { why: nasty.to_owned(), cell: key, ..slo.clone() });
        let row = &mut rows[n];
        (row.answer, row.reasoning, row.message) = (nasty.to_owned(), nasty.to_owned(), nasty.to_owned());
        row.case = nasty.into();
        row.verdicts[0].why = nasty.to_owned();
        row.expect = Some(nasty.to_owned());
    }
    page(&summary, &details(&summary, rows))
}

#[test]
fn hostile_text_adds_no_element() {
    let known: std::collections::BTreeSet<String> = elements(&hostile(&["plain"; 46])).into_iter().collect();
    let page = hostile(CORPUS);
    for name in elements(&page) {
        assert!(known.contains(&name), "the corpus made <{name}>");
    }
    for name in ["iframe", "img", "base", "object", "embed", "form", "animate"] {
        assert!(!known.contains(name), "<{name}> has no place in a report");
    }
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("<meta").count(), 5);
    assert_eq!(page.matches("</script>").count(), 2);
}

#[test]
fn the_data_reads_back() {
    let page = hostile(CORPUS);
    let data = page.split("id=\"data\">").nth(1).and_then(|rest| rest.split("</script>").next()).unwrap();
    let json: serde_json::Value = serde_json::from_str(data).unwrap();
    for (trial, nasty) in json["trials"].as_array().unwrap().iter().zip(CORPUS) {
        assert_eq!(trial["a"], *nasty);
        assert_eq!(trial["ev"][0][0], "r");
    }
}

#[test]
fn the_policy_names_what_runs() {
    let page = written(&sample::summary());
    let between = |open: &str, close: &str| page.split(open).nth(1).and_then(|r| r.split(close).next()).unwrap();
    assert!(page.contains(&hash(between("<style>", "</style>"))));
    assert!(page.contains(&hash(between("<script>", "</script>"))));
    let attribute = regex::Regex::new(r"<[a-z][^>]*\s(style|on[a-z]+|src|srcset|action)=").unwrap();
    let outside = regex::Regex::new(r"(?s)<script.*?</script>").unwrap().replace_all(&page, "").into_owned();
    assert!(attribute.find(&outside).is_none(), "{:?}", attribute.find(&outside));
    let addresses = regex::Regex::new(r#"(href|url)[=(]"?(https?:)?//"#).unwrap();
    assert!(addresses.find(&outside).is_none());
}

#[test]
fn every_figure_carries_its_cell() {
    let page = written(&sample::summary());
    let figures = regex::Regex::new(r#"<td class="n[^"]*"( data-v="([^"]*)")?( data-cell="(\d+)")?"#).unwrap();
    let with_cell = figures.captures_iter(&page).filter(|c| c.get(4).is_some()).count();
    assert!(with_cell > 16 * 30, "{with_cell}");
    let pass = regex::Regex::new(r#"data-v="([0-9.]+)" data-cell="3" data-metric="pass""#).unwrap();
    let summary = sample::summary();
    let value: f64 = pass.captures(&page).unwrap()[1].parse().unwrap();
    let expected = summary.cells[3].quality.as_ref().unwrap().pass_rate.value.unwrap();
    assert!((value - expected).abs() < 1e-12);
}

#[test]
fn the_stamp_stands_where_it_must() {
    let mut summary = sample::summary();
    assert!(written(&summary).matches("SIMULATED").count() > 10);
    summary.simulated = false;
    assert_eq!(written(&summary).matches("SIMULATED").count(), 0);
}

#[test]
fn an_empty_run_makes_a_page() {
    let mut summary = sample::summary();
    summary.cells.clear();
    summary.slos.clear();
    summary.load_curves.clear();
    summary.efforts.clear();
    summary.findings.clear();
    summary.timeline = crate::analyze::summary::Timeline::default();
    let page = page(&summary, &Details::new(0));
    assert!(page.contains("nothing to say about any model"));
}

#[test]
fn large_runs_stay_small_and_say_so() {
    let summary = sample::summary();
    let mut details = Details::new(summary.cells.len());
    let template = sample::rows(&summary);
    for round in 0..5 {
        for row in &template {
            let mut row = row.clone();
            row.trial += round * 10_000;
            row.repeat += round as u32 * 8;
            row.answer = "a long answer, word by word ".repeat(200);
            row.events = (0..400).map(|k| (f64::from(k) * 9.7, crate::domain::Channel::Text, 4)).collect();
            details.push(row);
        }
    }
    let page = page(&summary, &details);
    assert!(page.len() < 3_000_000, "{}", page.len());
    assert!(page.contains("of 7680 attempts are in this page"), "the page must say that it shows a sample");
}

#[test]
fn the_page_shows_the_very_files_of_charts() {
    let summary = sample::summary();
    let page = written(&summary);
    for file in chart::render(&summary) {
        assert!(page.contains(std::str::from_utf8(&file.bytes).unwrap()), "{}", file.name);
    }
}

#[test]
fn a_gate_stands_with_the_verdict_and_exploration_below() {
    let mut summary = sample::summary();
    let mut gate = crate::analyze::compare::sample::comparisons();
    (gate.candidate, gate.gates) = ("<script>alert(1)</script>".into(), true);
    summary.comparisons = vec![gate.clone(), crate::analyze::compare::Comparisons { gates: false, ..gate }];
    summary.refused = vec!["<img src=x>".into()];
    let page = written(&summary);
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at("Against the baseline") < at("id=\"comparison\"") && at("id=\"comparison\"") < at("id=\"arms\""));
    assert!(!page.contains("<script>alert") && !page.contains("<img src"));
}
