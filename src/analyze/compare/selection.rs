//! Which cells of a run are meant: `target=a,mode=low`.

use std::fmt;
use std::str::FromStr;

use crate::analyze::Run;
use crate::analyze::Trials;
use crate::analyze::run::CellInfo;

/// One side of a comparison.
#[derive(Debug, Clone)]
pub struct Arm<'a> {
    /// The run.
    pub run: &'a Run,
    /// Its trials.
    pub trials: &'a Trials,
    /// Which of its cells.
    pub selection: Selection,
}

/// A choice of cells; `None` leaves a dimension open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Target.
    pub target: Option<String>,
    /// Mode.
    pub mode: Option<String>,
    /// Prompt.
    pub prompt: Option<String>,
    /// Load, such as `c16`.
    pub load: Option<String>,
}

/// What is wrong with the text of a selection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A part without an equals sign, or without a value.
    #[error("`{0}` is no selection; write key=value, such as mode=low")]
    NotAPair(String),
    /// A key that is no dimension of cells.
    #[error("`{0}` selects nothing; the keys are target, mode, prompt and load")]
    UnknownKey(String),
    /// The same key twice.
    #[error("`{0}` is selected twice")]
    Twice(String),
}

/// Dimensions of a cell, in the order of its key.
pub(super) const DIMENSIONS: [&str; 4] = ["target", "mode", "prompt", "load"];

/// The cell's names, in the order of [`DIMENSIONS`].
pub(super) fn names(cell: &CellInfo) -> [&str; 4] {
    [cell.target.as_str(), cell.mode.as_str(), cell.prompt.as_str(), cell.load.as_str()]
}

impl Selection {
    /// Whether `cell` is chosen.
    pub fn covers(&self, cell: &CellInfo) -> bool {
        self.named().iter().zip(names(cell)).all(|(wanted, name)| wanted.is_none_or(|wanted| wanted == name))
    }

    /// What is chosen, in the order of [`DIMENSIONS`].
    pub(super) fn named(&self) -> [Option<&str>; 4] {
        [self.target.as_deref(), self.mode.as_deref(), self.prompt.as_deref(), self.load.as_deref()]
    }

    pub(super) fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        match key {
            "target" => Some(&mut self.target),
            "mode" => Some(&mut self.mode),
            "prompt" => Some(&mut self.prompt),
            "load" => Some(&mut self.load),
            _ => None,
        }
    }
}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let mut selection = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let pair = part.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            let Some((key, value)) = pair.filter(|(_, value)| !value.is_empty()) else {
                return Err(SelectionError::NotAPair(part.to_owned()));
            };
            let slot = selection.slot(key).ok_or_else(|| SelectionError::UnknownKey(key.to_owned()))?;
            if slot.replace(value.to_owned()).is_some() {
                return Err(SelectionError::Twice(key.to_owned()));
            }
        }
        Ok(selection)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = DIMENSIONS.iter().zip(self.named()).filter_map(|(key, value)| Some(format!("{key}={}", value?)));
        f.pad(&parts.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;

    #[test]
    fn selections_are_read_and_written() {
        let selection: Selection = "mode=low, target=t".parse().unwrap();
        assert_eq!(selection.to_string(), "target=t,mode=low");
        assert!(selection.covers(&fixture::cell("low", "c1", 1)));
        assert!(!selection.covers(&fixture::cell("high", "c1", 1)));
        assert!("".parse::<Selection>().unwrap().covers(&fixture::cell("high", "c1", 1)));
    }

    #[test]
    fn nonsense_is_named() {
        let error = |text: &str| text.parse::<Selection>().unwrap_err();
        assert_eq!(error("low"), SelectionError::NotAPair("low".into()));
        assert_eq!(error("mode="), SelectionError::NotAPair("mode=".into()));
        assert_eq!(error("model=x"), SelectionError::UnknownKey("model".into()));
        assert_eq!(error("mode=a,mode=b"), SelectionError::Twice("mode".into()));
    }
}
