//! Which charts a run gets, and what each of them shows.

mod distribution;
mod load;
mod quality;
mod stream;
mod timeline;
mod tokens;

use std::collections::BTreeSet;

use super::figure::Figure;
use super::figure::Key;
use super::figure::Swatch;
use super::palette::Color;
use super::palette::Marker;
use super::palette::N_MODES;
use super::palette::N_TARGETS;
use super::palette::mode_marker;
use super::palette::target_color;
use crate::analyze::Summary;
use crate::analyze::summary::Cell;
use crate::analyze::summary::CellKey;
use crate::domain::LoadId;
use crate::domain::ModeName;
use crate::domain::PromptId;
use crate::domain::TargetId;

/// Characters of a target's name in a label at most.
const LONGEST_NAME: usize = 32;

/// What a group of charts answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// What is gained for which price and time.
    Quality,
    /// How long answers take.
    Latency,
    /// What load does.
    Load,
    /// How smoothly answers arrive.
    Streams,
    /// Where tokens and money go.
    Tokens,
    /// How the run went.
    Run,
}

impl Topic {
    /// The heading above the group.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Quality => "Quality against cost and time",
            Self::Latency => "How long answers take",
            Self::Load => "Under load",
            Self::Streams => "How smoothly answers arrive",
            Self::Tokens => "Where tokens and money go",
            Self::Run => "How the run went",
        }
    }
}

/// All figures that the run has data for, in reading order.
pub(crate) fn figures(summary: &Summary) -> Vec<(Topic, Figure)> {
    let theme = Theme::of(summary);
    let of = |topic, figures: Vec<Option<Figure>>| figures.into_iter().flatten().map(move |f| (topic, f));
    let mut all: Vec<(Topic, Figure)> = of(
        Topic::Quality,
        vec![
            quality::against_cost(summary, &theme),
            quality::against_time(summary, &theme),
            quality::effort(summary, &theme),
        ],
    )
    .chain(of(Topic::Latency, distribution::figures(summary, &theme)))
    .chain(of(Topic::Load, vec![load::percentiles(summary, &theme), load::throughput(summary, &theme)]))
    .chain(of(Topic::Streams, vec![stream::gaps(summary, &theme), stream::stalls(summary, &theme)]))
    .chain(of(Topic::Tokens, vec![tokens::counts(summary, &theme), tokens::cost(summary, &theme)]))
    .chain(of(Topic::Run, vec![timeline::figure(summary, &theme)]))
    .collect();
    let caveat = theme.caveat();
    for (_, figure) in &mut all {
        if !figure.legend.is_empty() && figure.name != "timeline" {
            figure.note.push_str(&caveat);
        }
        if summary.simulated {
            figure.title.push_str(" · SIMULATED");
        }
    }
    all
}

/// What to say where only the first `shown` of `all` things of a kind fit; nothing where all of them do.
fn left_out(shown: usize, all: usize, kind: &str) -> String {
    if all <= shown { String::new() } else { format!(" {shown} of {all} {kind} are shown; the tables have all.") }
}

/// One color per target and one marker and dash per mode, the same in every chart of a run.
pub(super) struct Theme {
    targets: Vec<TargetId>,
    modes: Vec<ModeName>,
    many_prompts: bool,
}

impl Theme {
    fn of(summary: &Summary) -> Self {
        let mut targets: Vec<TargetId> = summary.run.targets.iter().map(|t| t.id.clone()).collect();
        let mut modes: Vec<ModeName> = Vec::new();
        for cell in &summary.cells {
            if !targets.contains(&cell.key.target) {
                targets.push(cell.key.target.clone());
            }
            if !modes.contains(&cell.key.mode) {
                modes.push(cell.key.mode.clone());
            }
        }
        targets.retain(|t| summary.cells.iter().any(|c| c.key.target == *t));
        let prompts: BTreeSet<&PromptId> = summary.cells.iter().map(|c| &c.key.prompt).collect();
        Self { targets, modes, many_prompts: prompts.len() > 1 }
    }

    /// What to say where colors or markers must repeat.
    fn caveat(&self) -> String {
        let many = |n: usize, most: usize, what: &str, of: &str| {
            if n > most { format!(" {what} repeat: there are {n} {of}.") } else { String::new() }
        };
        many(self.targets.len(), N_TARGETS, "Colors", "targets") + &many(self.modes.len(), N_MODES, "Markers", "modes")
    }

    fn color(&self, target: &TargetId) -> Color {
        target_color(self.targets.iter().position(|t| t == target).unwrap_or(0))
    }

    fn mode(&self, mode: &ModeName) -> (usize, Marker) {
        let index = self.modes.iter().position(|m| m == mode).unwrap_or(0);
        (index % N_MODES, mode_marker(index))
    }

    /// Colors of the targets.
    fn target_keys(&self) -> Vec<Key> {
        self.targets.iter().map(|t| Key { swatch: Swatch::Patch(self.color(t), 1.0), text: called(t) }).collect()
    }

    /// Colors of the targets, then lines of the modes.
    fn line_keys(&self) -> Vec<Key> {
        let line = |m: &ModeName| {
            let (dash, marker) = self.mode(m);
            Key { swatch: Swatch::Line(dash, marker), text: m.to_string() }
        };
        self.target_keys().into_iter().chain(self.modes.iter().map(line)).collect()
    }

    /// Colors of the targets, then markers of the modes.
    fn mark_keys(&self) -> Vec<Key> {
        let mark = |m: &ModeName| Key { swatch: Swatch::Mark(self.mode(m).1), text: m.to_string() };
        self.target_keys().into_iter().chain(self.modes.iter().map(mark)).collect()
    }

    /// A row's name: only what varies.
    fn name(&self, key: &CellKey, with_load: bool) -> String {
        let mut parts = Vec::new();
        if self.targets.len() > 1 {
            parts.push(called(&key.target));
        }
        parts.push(key.mode.to_string());
        if self.many_prompts {
            parts.push(key.prompt.to_string());
        }
        if with_load {
            parts.push(key.load.to_string());
        }
        parts.join(" · ")
    }
}

/// A target's name, its middle left out where it is too long for a label.
fn called(target: &TargetId) -> String {
    let name: Vec<char> = target.as_str().chars().collect();
    if name.len() <= LONGEST_NAME {
        return target.to_string();
    }
    let (head, tail) = (LONGEST_NAME / 2, LONGEST_NAME - LONGEST_NAME / 2 - 1);
    name[..head].iter().chain(&['…']).chain(&name[name.len() - tail..]).collect()
}

/// The loads of a run in table order.
fn loads(summary: &Summary) -> Vec<LoadId> {
    let mut loads: Vec<LoadId> = Vec::new();
    for cell in &summary.cells {
        if !loads.contains(&cell.key.load) {
            loads.push(cell.key.load.clone());
        }
    }
    loads
}

/// The cells at the run's first load, and what to say about the others.
fn at_first_load(summary: &Summary) -> (Vec<&Cell>, String) {
    let loads = loads(summary);
    let Some(first) = loads.first() else { return (Vec::new(), String::new()) };
    let cells = summary.cells.iter().filter(|c| c.key.load == *first).collect();
    let note = if loads.len() > 1 { format!(" Shown at load {first}.") } else { String::new() };
    (cells, note)
}
