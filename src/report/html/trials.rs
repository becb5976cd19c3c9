//! The attempts that a reader can open: all of a small run, a fair sample of a large one.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::markup::Markup;
use crate::analyze::Summary;
use crate::domain::Channel;
use crate::report::row::Row;
use crate::text::number::count;

/// Attempts in the page at most.
const MOST: usize = 2000;
/// Bytes of answers, reasoning and messages in the page, about.
const TEXT_BUDGET: usize = 1_200_000;
/// Bytes of events in the page, about.
const EVENT_BUDGET: usize = 700_000;
/// Longest text and most events kept of one attempt.
const LONGEST: usize = 16_000;
const MOST_EVENTS: usize = 400;

/// Collects attempts, bounded in memory whatever their number.
///
/// Which are kept depends on case and repeat alone, not on the order of arrival: the same cases of every cell, so that
/// arms can be compared side by side. Half of a cell's places are for trials that did not pass.
#[derive(Debug, Default)]
pub struct Details {
    cells: BTreeMap<usize, Kept>,
    quota: usize,
    seen: u64,
}

/// What is kept of one cell, by an order that is the same in every cell.
#[derive(Debug, Default)]
struct Kept {
    troubled: BTreeMap<(u64, u64, u16), Row>,
    passed: BTreeMap<(u64, u64, u16), Row>,
}

impl Details {
    /// For a run of that many cells.
    pub fn new(n_cells: usize) -> Self {
        Self { quota: (MOST / n_cells.max(1)).max(4), ..Self::default() }
    }

    /// Adds an attempt; warm-ups and graders' own requests are left out.
    pub fn push(&mut self, mut row: Row) {
        let Some(cell) = row.cell_index else { return };
        self.seen += 1;
        for text in [&mut row.answer, &mut row.reasoning, &mut row.message] {
            cut(text, LONGEST);
        }
        row.events.truncate(MOST_EVENTS);
        let place = (rank(&row), row.trial, row.attempt);
        let kept = self.cells.entry(cell).or_default();
        let group = if row.pass == Some(true) { &mut kept.passed } else { &mut kept.troubled };
        group.insert(place, row);
        kept.shrink(self.quota);
    }

    /// Attempts in the page.
    fn n(&self) -> usize {
        self.cells.values().map(|kept| kept.troubled.len() + kept.passed.len()).sum()
    }

    fn rows(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> =
            self.cells.values().flat_map(|kept| kept.troubled.values().chain(kept.passed.values())).collect();
        rows.sort_by_key(|row| (row.trial, row.attempt));
        rows
    }

    /// What the page's script reads.
    pub(super) fn json(&self, summary: &Summary) -> String {
        let rows = self.rows();
        let limit = text_limit(&rows);
        let with_events = self.rows_with_events();
        let mut cases: Vec<&str> = rows.iter().map(|row| row.case.as_str()).collect();
        cases.sort_unstable();
        cases.dedup();
        let trials = rows.iter().map(|row| {
            let case = cases.binary_search(&row.case.as_str()).unwrap_or(0);
            Trial::of(row, case, limit, with_events.contains(&(row.trial, row.attempt)))
        });
        let distinct = |pick: fn(&crate::analyze::summary::CellKey) -> &str| {
            summary.cells.iter().map(|c| pick(&c.key)).collect::<BTreeSet<_>>().len()
        };
        let data = Data {
            cells: summary.cells.iter().map(|cell| Cell::of(summary, cell)).collect(),
            prompts: distinct(|k| k.prompt.as_str()),
            loads: distinct(|k| k.load.as_str()),
            repeats: rows.iter().map(|r| r.repeat + 1).max().unwrap_or(1),
            trials: trials.collect(),
            cases,
        };
        serde_json::to_string(&data).expect("strings and finite numbers are JSON")
    }

    /// Attempts whose events fit the page: trouble first, then by the order that is the same in every cell.
    fn rows_with_events(&self) -> BTreeSet<(u64, u16)> {
        let groups = [false, true].map(|passed| {
            let mut rows: Vec<(&(u64, u64, u16), &Row)> =
                self.cells.values().flat_map(|kept| if passed { &kept.passed } else { &kept.troubled }).collect();
            rows.sort_by_key(|(place, _)| **place);
            rows
        });
        let mut spent = 0;
        let mut chosen = BTreeSet::new();
        for (_, row) in groups.iter().flatten() {
            spent += 8 + 6 * row.events.len();
            if spent > EVENT_BUDGET {
                break;
            }
            chosen.insert((row.trial, row.attempt));
        }
        chosen
    }
}

impl Kept {
    /// Drops the last of the fuller group until the quota holds; trouble may fill what passes do not need.
    fn shrink(&mut self, quota: usize) {
        while self.troubled.len() + self.passed.len() > quota {
            if self.troubled.len() > quota / 2
                && (self.passed.len() <= quota / 2 || self.troubled.len() > self.passed.len())
            {
                self.troubled.pop_last();
            } else {
                self.passed.pop_last();
            }
        }
    }
}

/// A stable order of cases and repeats that has nothing to do with their names (FNV-1a).
fn rank(row: &Row) -> u64 {
    let bytes = row.case.as_str().bytes().chain(row.repeat.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Cuts a text at a character's border and says so.
fn cut(text: &mut String, longest: usize) {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let left_out = text.len() - end;
        text.truncate(end);
        let _ = write!(text, "… ({left_out} bytes more in trials.csv)");
    }
}

/// The longest text per attempt so that all together fit the page.
fn text_limit(rows: &[&Row]) -> usize {
    let total = |limit: usize| {
        let of = |row: &&Row| {
            let texts = [&row.answer, &row.reasoning, &row.message];
            texts.iter().map(|t| t.len().min(limit)).sum::<usize>()
        };
        rows.iter().map(of).sum::<usize>()
    };
    let limits = [LONGEST, 8000, 4000, 2000, 1000, 500, 250];
    limits.into_iter().find(|&limit| total(limit) <= TEXT_BUDGET).unwrap_or(120)
}

/// The section around the list, which the script fills.
pub(super) fn write(page: &mut Markup, details: &Details) {
    let kept = details.n() as u64;
    page.open("section", &[("id", "cases"), ("aria-labelledby", "h-cases")]);
    page.leaf("h2", &[("id", "h-cases")], "Cases and answers");
    let lead = if kept < details.seen {
        format!(
            "{kept} of {} are in this page: the same cases of every cell, and those that did not pass first. All rows \
             are in trials.csv.",
            count(details.seen, "attempt")
        )
    } else {
        format!(
            "All {}. Open one to see its answer, verdicts and time line, and to compare it with another arm.",
            count(kept, "attempt")
        )
    };
    page.leaf("p", &[("class", "lead")], &lead);
    page.open("noscript", &[]);
    page.leaf("p", &[], "This list needs scripts. Every row is in trials.csv; llmark show prints single trials.");
    page.close("noscript");
    page.open("div", &[("class", "controls"), ("id", "trial-controls")]).close("div");
    page.open(
        "div",
        &[("class", "panel"), ("id", "trial"), ("hidden", ""), ("role", "region"), ("aria-label", "One trial")],
    );
    page.close("div");
    page.open("div", &[("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-labelledby", "h-cases")]);
    page.open("table", &[("id", "trials")]).open("thead", &[]).close("thead").open("tbody", &[]).close("tbody");
    page.close("table").close("div").open("div", &[("class", "pager"), ("id", "pager")]).close("div").close("section");
}

#[derive(Serialize)]
struct Data<'a> {
    cells: Vec<Cell<'a>>,
    cases: Vec<&'a str>,
    prompts: usize,
    loads: usize,
    repeats: u32,
    trials: Vec<Trial<'a>>,
}

#[derive(Serialize)]
struct Cell<'a> {
    target: &'a str,
    mode: &'a str,
    prompt: &'a str,
    load: &'a str,
    color: usize,
}

impl<'a> Cell<'a> {
    fn of(summary: &'a Summary, cell: &'a crate::analyze::summary::Cell) -> Self {
        let key = &cell.key;
        Self {
            target: key.target.as_str(),
            mode: key.mode.as_str(),
            prompt: key.prompt.as_str(),
            load: key.load.as_str(),
            color: super::cells::target_index(summary, cell),
        }
    }
}

/// One attempt; short keys, since there are thousands.
#[derive(Serialize)]
struct Trial<'a> {
    t: u64,
    n: u16,
    c: usize,
    k: usize,
    r: u32,
    o: &'static str,
    p: Option<bool>,
    ttft: Option<f64>,
    ttfa: Option<f64>,
    e2e: Option<f64>,
    ot: Option<u64>,
    rt: Option<u64>,
    usd: Option<f64>,
    a: String,
    z: String,
    m: String,
    x: Option<&'a str>,
    v: Vec<(&'a str, &'a str, &'a str)>,
    w: &'a [String],
    ev: Vec<Stretch>,
}

/// A lane and the gaps in ms before each of its events, until another lane follows.
type Stretch = (&'static str, Vec<f64>);

impl<'a> Trial<'a> {
    fn of(row: &'a Row, case: usize, limit: usize, with_events: bool) -> Self {
        let text = |text: &str| {
            let mut text = text.to_owned();
            cut(&mut text, limit);
            text
        };
        let ms = |v: Option<f64>| v.filter(|v| v.is_finite()).map(|v| (v * 10.0).round() / 10.0);
        let detail = if row.detail.is_empty() { String::new() } else { format!("{}: ", row.detail) };
        let message = if row.message.is_empty() { row.detail.clone() } else { format!("{detail}{}", row.message) };
        Self {
            t: row.trial,
            n: row.attempt,
            c: row.cell_index.unwrap_or(0),
            k: case,
            r: row.repeat,
            o: row.outcome.name(),
            p: row.pass,
            ttft: ms(row.ttft_ms),
            ttfa: ms(row.ttfa_ms),
            e2e: ms(row.e2e_ms),
            ot: row.output_tokens,
            rt: row.reasoning_tokens,
            usd: row.cost_usd.filter(|v| v.is_finite()),
            a: text(&row.answer),
            z: text(&row.reasoning),
            m: text(&message),
            x: row.expect.as_deref(),
            v: row.verdicts.iter().map(|v| (v.grader.as_str(), v.verdict, v.why.as_str())).collect(),
            w: &row.warnings,
            ev: if with_events { stretches(row) } else { Vec::new() },
        }
    }
}

fn stretches(row: &Row) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut before = 0.0;
    for &(at, channel, _) in &row.events {
        let gap = ((at - before) * 10.0).round() / 10.0;
        // Rounded gaps must not drift from the true times over hundreds of events.
        before += gap;
        let lane = lane(channel);
        match stretches.last_mut() {
            Some((last, gaps)) if *last == lane => gaps.push(gap),
            _ => stretches.push((lane, vec![gap])),
        }
    }
    stretches
}

fn lane(channel: Channel) -> &'static str {
    match channel {
        Channel::Reasoning => "r",
        Channel::Text => "t",
        Channel::Tool => "c",
        Channel::Refusal => "f",
        Channel::Role | Channel::Usage | Channel::Stop | Channel::Ping | Channel::Error | Channel::Done => "o",
    }
}
