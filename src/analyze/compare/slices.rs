//! Break-downs of a comparison: by tag, prompt or cluster where that was asked for, by tag for exploration where not.
//!
//! A slice that was asked for belongs to the gate. What nobody asked for is exploration: it may suggest where to look,
//! but it decides nothing. Slices under ten cases are not tested.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::By;
use super::Options;
use super::family;
use super::judge::Draft;
use super::pairing::CasePair;
use super::pairing::CellPair;
use super::quality;
use super::unit;

/// Tags explored at most, the most frequent first.
const MOST_EXPLORED: usize = 40;

/// Quality in every slice.
pub(super) fn drafts(cells: &[CellPair<'_>], options: &Options) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for by in &options.by {
        match by {
            By::Prompt => drafts.extend(by_prompt(cells).iter().flat_map(|cell| whole(cell, options))),
            By::Tag | By::Cluster => drafts.extend(cells.iter().flat_map(|cell| within(cell, *by, options))),
        }
    }
    drafts.extend(explored(cells, options).into_iter().map(|draft| Draft { explores: true, ..draft }));
    drafts
}

/// What was asked for and cannot be had.
pub(super) fn notes(cells: &[CellPair<'_>], options: &Options) -> Vec<String> {
    let asked = options.by.contains(&By::Prompt);
    let alone = prompts(cells).len() < 2;
    let note = "there is one prompt on each side, so that slices by prompt are the whole";
    (asked && alone).then(|| note.to_owned()).into_iter().collect()
}

/// Over all cells together, and by tag; nothing that stands elsewhere already.
fn explored(cells: &[CellPair<'_>], options: &Options) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let pooled = (cells.len() > 1).then(|| pool("all".into(), &cells.iter().collect::<Vec<_>>()));
    drafts.extend(pooled.iter().flat_map(|cell| whole(cell, options)));
    if let Some(cell) = pooled.as_ref().or(cells.first()).filter(|_| !options.by.contains(&By::Tag)) {
        drafts.extend(within(cell, By::Tag, options));
    }
    drafts
}

/// Quality over all cases of `cell`.
fn whole(cell: &CellPair<'_>, options: &Options) -> Vec<Draft> {
    let pairs: Vec<&CasePair<'_>> = cell.cases.iter().collect();
    quality_of(&pairs, &unit::clusters(&pairs), &cell.label, options)
}

/// Quality in each slice of `cell`.
fn within(cell: &CellPair<'_>, by: By, options: &Options) -> Vec<Draft> {
    let mut slices: BTreeMap<&str, Vec<&CasePair<'_>>> = BTreeMap::new();
    for pair in &cell.cases {
        for name in names(pair, by) {
            slices.entry(name).or_default().push(pair);
        }
    }
    slices.retain(|_, pairs| pairs.len() >= quality::FEWEST);
    let mut chosen: Vec<(&str, Vec<&CasePair<'_>>)> = slices.into_iter().collect();
    if !options.by.contains(&by) {
        chosen.retain(|(_, pairs)| pairs.len() < cell.cases.len());
        chosen.sort_by_key(|(name, pairs)| (std::cmp::Reverse(pairs.len()), *name));
        chosen.truncate(MOST_EXPLORED);
    }
    let prefix = if cell.label == "all" { String::new() } else { format!("{},", cell.label) };
    let one = |(name, pairs): (&str, Vec<&CasePair<'_>>)| {
        // Within a cluster its cases are the units: the statement is about this cluster.
        let clusters = if by == By::Cluster { (0..).take(pairs.len()).collect() } else { unit::clusters(&pairs) };
        quality_of(&pairs, &clusters, &format!("{prefix}{}={name}", word(by)), options)
    };
    chosen.into_iter().flat_map(one).collect()
}

fn quality_of(pairs: &[&CasePair<'_>], clusters: &[u32], slice: &str, options: &Options) -> Vec<Draft> {
    let measures = family::quality_measures(&family::rows(pairs));
    let draft = |measure| quality::compare(&unit::units(pairs, measure, clusters), measure, slice, options);
    measures.iter().filter_map(draft).collect()
}

fn names<'a>(pair: &CasePair<'a>, by: By) -> Vec<&'a str> {
    match by {
        By::Tag => pair.case.tags.iter().map(crate::domain::Tag::as_str).collect(),
        By::Cluster => pair.case.cluster.iter().map(crate::domain::ClusterId::as_str).collect(),
        By::Prompt => Vec::new(),
    }
}

fn word(by: By) -> &'static str {
    match by {
        By::Tag => "tag",
        By::Cluster => "cluster",
        By::Prompt => "prompt",
    }
}

fn prompts<'a>(cells: &[CellPair<'a>]) -> BTreeSet<&'a str> {
    cells.iter().filter_map(|cell| cell.prompt).collect()
}

/// Cells of each prompt put together, where a prompt has several; where it has one, that cell stands for it already.
fn by_prompt<'a>(cells: &[CellPair<'a>]) -> Vec<CellPair<'a>> {
    let of = |prompt: &'a str| cells.iter().filter(|cell| cell.prompt == Some(prompt)).collect::<Vec<_>>();
    let several = prompts(cells).into_iter().filter(|prompt| of(prompt).len() > 1);
    several.map(|prompt| pool(format!("prompt={prompt}"), &of(prompt))).collect()
}

/// Several cells as one: a case counts once, its trials in all cells like repeats. A cell that lacks the case in one
/// arm lends it to neither.
fn pool<'a>(label: String, cells: &[&CellPair<'a>]) -> CellPair<'a> {
    let mut cases: BTreeMap<&str, CasePair<'a>> = BTreeMap::new();
    for pair in cells.iter().flat_map(|cell| &cell.cases) {
        let fresh = || CasePair { case: pair.case, baseline: Vec::new(), candidate: Vec::new() };
        let both = cases.entry(pair.case.id.as_str()).or_insert_with(fresh);
        if !pair.baseline.is_empty() && !pair.candidate.is_empty() {
            both.baseline.extend(&pair.baseline);
            both.candidate.extend(&pair.candidate);
        }
    }
    CellPair { label, at: None, prompt: None, cases: cases.into_values().collect() }
}
