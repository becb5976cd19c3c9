//! Two sets of trials held against each other: the regression check, with verdicts that hold.
//!
//! Arms are paired by case within matching cells; the unit of analysis is the case, whose repeats are averaged first.
//! Differences are candidate minus baseline, ratios candidate over baseline. A comparison that would mislead is
//! refused with its reason; what was left out of one is listed.

mod arms;
mod family;
mod flips;
mod gate;
mod guard;
mod judge;
mod measure;
mod money;
mod pairing;
mod quality;
mod result;
mod selection;
mod sequential;
mod slices;
mod speed;
mod unit;

#[cfg(test)]
mod calibration;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use arms::Terms;
pub use arms::pairs;
pub use arms::selected;
pub use arms::within;
pub use family::compare;
pub use family::metrics;
pub use gate::Margins;
pub use gate::Verdict;
pub use guard::Refusal;
pub use pairing::matched;
pub use result::Comparison;
pub use result::Comparisons;
pub use result::Flip;
pub use result::Noise;
pub use selection::Arm;
pub use selection::Selection;
pub use selection::SelectionError;

/// What to compare and how strictly.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Largest loss that still counts as none.
    pub margins: Margins,
    /// Break-downs whose slices belong to the gate.
    pub by: Vec<By>,
    /// Metrics that decide the verdict, by name; empty for the default: quality where there is any, else latency.
    pub gate: Vec<String>,
    /// Seed of bootstraps and permutations.
    pub seed: u64,
    /// Bootstrap resamples.
    pub resamples: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { margins: Margins::default(), by: Vec::new(), gate: Vec::new(), seed: 1, resamples: 9_999 }
    }
}

/// How cases are divided into slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By tag; a case with two tags lies in two slices.
    Tag,
    /// By prompt, over all modes, targets and loads that the two sides share.
    Prompt,
    /// By declared cluster.
    Cluster,
}

impl By {
    /// The break-down called `name`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "tag" => Some(Self::Tag),
            "prompt" => Some(Self::Prompt),
            "cluster" => Some(Self::Cluster),
            _ => None,
        }
    }
}
