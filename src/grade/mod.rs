//! Graders, one file each. Pure: what needs a model or a process is asked for as a [`Step`], not done here.

pub mod bleu;
pub mod budget;
pub mod choice;
pub mod chrf;
pub mod code;
pub mod combine;
pub mod command;
pub mod compile;
pub mod contains;
mod equivalence;
pub mod exact;
mod expression;
pub mod extract;
pub mod f1;
pub mod finish_reason;
pub mod import;
pub mod instructions;
pub mod json;
pub mod json_path;
pub mod json_schema;
pub mod jsonpath;
pub mod judge;
pub mod latex;
mod levenshtein;
mod markdown;
pub mod math;
mod nonce;
pub mod numbers;
pub mod numeric;
mod overlap;
pub mod pairwise;
pub mod params;
pub mod pattern;
pub mod policy;
pub mod refusal;
pub mod regex;
pub mod require;
pub mod rouge;
pub mod similarity;
pub mod spec;
pub mod starts_with;
mod stem;
pub mod subject;
#[cfg(test)]
pub(crate) mod testing;
pub mod tool_call;
pub mod word_count;

use std::time::Duration;

use crate::domain::Answer;
use crate::domain::Case;
use crate::domain::Conversation;
use crate::domain::TargetId;
use crate::domain::Verdict;

pub use compile::Compiled;
pub use compile::Context;
pub use compile::Problem;
pub use compile::compile;
pub use policy::Standing;
pub use policy::outcome_policy;
pub use require::Requirement;
pub use spec::GRADERS;
pub use spec::GraderSpec;

/// Reads a model's reply to a question a grader asked.
pub type Read<T> = Box<dyn FnOnce(T) -> Step + Send>;

/// What a grader says next.
pub enum Step {
    /// The verdict.
    Done(Verdict),
    /// Ask this model, then read its reply. An `Err` carries the reason why no reply came.
    Ask {
        /// The judge.
        target: TargetId,
        /// The question.
        question: Box<Conversation>,
        /// Reads the reply's text.
        read: Read<Result<String, String>>,
    },
    /// Ask an embeddings endpoint for vectors of these texts.
    Embed {
        /// The endpoint.
        target: TargetId,
        /// The texts.
        texts: Vec<String>,
        /// Reads the vectors, in order.
        read: Read<Result<Vec<Vec<f64>>, String>>,
    },
    /// Run a program in the sandbox.
    Run {
        /// The program.
        program: Program,
        /// Reads what it did.
        read: Read<Result<Finished, String>>,
    },
}

impl Step {
    /// The same step, with `change` applied to the verdict at its end.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Verdict) -> Verdict + Send + 'static) -> Self {
        self.then(move |verdict| Self::Done(change(verdict)))
    }

    /// This step, and then what follows from its verdict.
    #[must_use]
    pub fn then(self, next: impl FnOnce(Verdict) -> Self + Send + 'static) -> Self {
        match self {
            Self::Done(verdict) => next(verdict),
            Self::Ask { target, question, read } => {
                Self::Ask { target, question, read: Box::new(move |reply| read(reply).then(next)) }
            }
            Self::Embed { target, texts, read } => {
                Self::Embed { target, texts, read: Box::new(move |vectors| read(vectors).then(next)) }
            }
            Self::Run { program, read } => Self::Run { program, read: Box::new(move |done| read(done).then(next)) },
        }
    }
}

/// A program for the sandbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Files placed in its working directory: relative name and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// Processor time allowed.
    pub cpu: Duration,
    /// Isolation: model output runs with all of it; the suite author's own `command` runs with limits only.
    pub isolated: bool,
}

/// What a program did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Finished {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Name of the limit that ended it: `cpu`, `wall`, `memory`, `output`.
    pub limit: Option<&'static str>,
    /// Standard output, capped.
    pub stdout: Vec<u8>,
    /// Standard error, capped.
    pub stderr: Vec<u8>,
}

/// Judges answers. Made from a spec that was checked, so that grading itself cannot fail for want of a parameter.
pub trait Grader: Send + Sync {
    /// Judges one answer.
    fn grade(&self, case: &Case, answer: &Answer) -> Step;
}
