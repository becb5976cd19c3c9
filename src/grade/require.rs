//! What a judge must reach against people's labels: the `require` of `judge` and `pairwise`, for `judge-check`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::compile::Problem;
use super::params::Describe;
use crate::text::nearest;

/// A limit on one figure of `judge-check`.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// The figure.
    pub figure: &'static str,
    /// The limit.
    pub limit: f64,
    /// The limit is a maximum, not a minimum.
    pub at_most: bool,
}

/// Figures with whether less is better.
const FIGURES: [(&str, bool); 7] = [
    ("agreement", false),
    ("kappa", false),
    ("sensitivity", false),
    ("specificity", false),
    ("flip_rate", true),
    ("attack_success", true),
    ("error_rate", true),
];

/// Limits by figure, as written. They are no part of how an answer is judged, so they do not show in a grader's version.
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(transparent)]
pub struct Require(BTreeMap<String, f64>);

impl fmt::Debug for Require {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Describe for Require {
    fn schema() -> Value {
        let figure = |(name, _): &(&str, bool)| ((*name).to_owned(), json!({"type": "number"}));
        let figures: serde_json::Map<String, Value> = FIGURES.iter().map(figure).collect();
        json!({"type": "object", "additionalProperties": false, "properties": figures})
    }
}

/// The file of labelled answers that a judge is held against in every run. As [`Require`], no part of how it judges.
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(transparent)]
pub struct Labels(pub Option<String>);

impl fmt::Debug for Labels {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Describe for Labels {
    fn schema() -> Value {
        json!({"type": ["string", "null"]})
    }
}

impl Require {
    /// The limits, checked.
    ///
    /// # Errors
    /// Unknown figures, and limits that no figure can have.
    pub(super) fn requirements(&self) -> Result<Vec<Requirement>, Vec<Problem>> {
        let (mut found, mut problems) = (Vec::new(), Vec::new());
        for (name, limit) in &self.0 {
            let at = format!("require.{name}");
            match FIGURES.iter().find(|(known, _)| known == name) {
                Some((figure, at_most)) if (-1.0..=1.0).contains(limit) => {
                    found.push(Requirement { figure, limit: *limit, at_most: *at_most });
                }
                Some(_) => problems.push(Problem::at(at, format!("`{limit}` is no share; write for example 0.8"))),
                None => {
                    let names = FIGURES.map(|(name, _)| name);
                    let near = nearest(name, names);
                    let help = near
                        .map_or(format!("the figures are {}", names.join(", ")), |n| format!("did you mean `{n}`?"));
                    problems.push(Problem::at(at, format!("`{name}` is no figure of a judge; {help}")));
                }
            }
        }
        if problems.is_empty() { Ok(found) } else { Err(problems) }
    }
}
