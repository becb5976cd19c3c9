//! Honest small skills: each reads the prompt and works the answer out. None has ever seen an expectation.

use super::ask::Ask;
use crate::domain::random::Stream;

/// A tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// A JSON object as text.
    pub(super) arguments: String,
}

/// What is said in reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
}

/// Answers `ask`; with `slip` the answer goes wrong in a way that fits the task.
pub(super) fn answer(ask: &Ask, slip: bool, _stream: &mut Stream) -> Answer {
    Answer { text: format!("You said {}. {slip}", ask.question()), calls: Vec::new() }
}
