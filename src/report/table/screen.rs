//! Width and color of a terminal, and tables laid out for it.

use tabled::builder::Builder;
use tabled::settings::Alignment;
use tabled::settings::Padding;
use tabled::settings::formatting::AlignmentStrategy;
use tabled::settings::object::Columns;
use tabled::settings::style::HorizontalLine;
use tabled::settings::style::Style as Border;

use crate::report::grid::Entry;
use crate::report::grid::Grid;
use crate::text::plain::one_line;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns of characters.
    pub width: usize,
    /// Color sequences are understood and wanted.
    pub color: bool,
}

/// Kinds of emphasis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Style {
    Plain,
    Strong,
    Good,
    Doubt,
    Alarm,
    Faint,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Good => "32",
            Self::Doubt => "33",
            Self::Alarm => "1;31",
            Self::Faint => "2",
        }
    }
}

impl Screen {
    /// The text in a style, where colors are wanted.
    pub(in crate::report) fn paint(self, style: Style, text: &str) -> String {
        if self.color && !style.code().is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
        } else {
            text.to_owned()
        }
    }

    /// Words in lines of the screen's width; further lines are indented.
    pub(in crate::report) fn wrap(self, text: &str, style: Style) -> String {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split(' ') {
            let word = plain(word, self.width.saturating_sub(2));
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + word.chars().count() <= self.width => {
                    line.push(' ');
                    line.push_str(&word);
                }
                Some(_) => lines.push(format!("  {word}")),
                None => lines.push(word),
            }
        }
        lines.iter().map(|line| self.paint(style, line.trim_end())).collect::<Vec<_>>().join("\n")
    }
}

/// One harmless line: no control characters, and no `::`, which begins a command in some CI logs.
pub(in crate::report) fn plain(text: &str, max: usize) -> String {
    one_line(&text.replace("::", ":\u{2009}:"), max)
}

/// The kept columns as a table; intervals stand below their values.
pub(super) fn table(grid: &Grid, kept: &[usize], n_names: usize, screen: Screen) -> String {
    let mut builder = Builder::default();
    builder.push_record(kept.iter().map(|&c| heading(grid, c, screen)));
    for row in &grid.rows {
        builder.push_record(kept.iter().map(|&c| square(&row[c], grid.columns[c].is_name, screen)));
    }
    let mut table = builder.build();
    let line = HorizontalLine::new('─');
    table
        .with(Border::empty().horizontals([(1, line)]))
        .with(Padding::new(0, 1, 0, 0))
        .modify(Columns::new(n_names..), Alignment::right())
        .modify(Columns::new(n_names..), AlignmentStrategy::PerLine);
    let text = table.to_string();
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn heading(grid: &Grid, column: usize, screen: Screen) -> String {
    let column = &grid.columns[column];
    let title = screen.paint(Style::Strong, &column.title);
    if column.is_name || column.key == "n" || column.unit.is_empty() {
        title
    } else {
        format!("{title} \n{} ", column.unit)
    }
}

fn square(entry: &Entry, is_name: bool, screen: Screen) -> String {
    if is_name {
        return plain(&entry.text.value, 28);
    }
    let mark = if entry.is_best { "*" } else { " " };
    let style = if entry.is_best { Style::Good } else { Style::Plain };
    let value = screen.paint(style, &format!("{}{mark}", entry.text.value));
    if entry.text.interval.is_empty() {
        value
    } else {
        format!("{value}\n{} ", screen.paint(Style::Faint, &entry.text.interval))
    }
}

/// Width of the widest line without color sequences.
pub(super) fn width(text: &str) -> usize {
    text.lines().map(visible).max().unwrap_or(0)
}

fn visible(line: &str) -> usize {
    let mut in_sequence = false;
    line.chars()
        .filter(|&c| {
            let counts = !in_sequence && c != '\u{1b}';
            in_sequence = c == '\u{1b}' || in_sequence && c != 'm';
            counts
        })
        .count()
}
