//! What a rule sees of a trial, and the rule's side of grading.

use std::borrow::Cow;

use super::Compiled;
use super::Step;
use super::params::Text;
use super::require::Requirement;
use crate::domain::Answer;
use crate::domain::Case;
use crate::domain::TargetId;
use crate::domain::Verdict;

/// One answer under judgement: the case, the whole answer, and the text that was cut out of it.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The case.
    pub case: &'a Case,
    /// The whole answer.
    pub answer: &'a Answer,
    /// The text to judge, after `of` and `extract`.
    pub text: Cow<'a, str>,
    /// An extraction pipeline made the text.
    pub extracted: bool,
}

impl Subject<'_> {
    /// The expected text: the parameter where it was given, else the case's `expect`.
    pub fn expected<'a>(&'a self, value: Option<&'a str>) -> Option<&'a str> {
        value.or_else(|| self.case.expect.as_ref().map(crate::domain::Expect::text))
    }

    /// All acceptable texts: the parameter where it was given, else the elements of the case's `expect`.
    pub fn acceptable(&self, value: Option<&str>) -> Vec<String> {
        match (value, &self.case.expect) {
            (Some(value), _) => vec![value.to_owned()],
            (None, Some(expect)) => expect.texts(),
            (None, None) => Vec::new(),
        }
    }
}

/// A compiled rule: judges a subject. Cheap to call, shared between threads.
pub trait Rule: Send + Sync {
    /// Judges one subject.
    fn judge(&self, subject: &Subject<'_>) -> Step;

    /// What is wrong with a case from this rule's point of view: a missing or unreadable expectation.
    fn objection(&self, _case: &Case) -> Option<String> {
        None
    }

    /// What a judge must reach against people's labels.
    fn requirements(&self) -> Vec<Requirement> {
        Vec::new()
    }

    /// The suite's file of labelled answers that a judge is held against in every run.
    fn labels(&self) -> Option<&str> {
        None
    }

    /// The grades that a judge gives, from worst to best.
    fn grades(&self) -> &[String] {
        &[]
    }

    /// The graders that it combines.
    fn parts(&self) -> &[Compiled] {
        &[]
    }

    /// The target of the suite whose answers it holds every answer against.
    fn rival(&self) -> Option<&TargetId> {
        None
    }

    /// The same rule holding every answer against this one; `None` unless it judges pairs.
    fn against(&self, _other: &str) -> Option<Box<dyn Rule>> {
        None
    }
}

/// A rule that decides on the spot, by a function of the subject.
pub(crate) fn decide(rule: impl Fn(&Subject<'_>) -> Verdict + Send + Sync + 'static) -> Box<dyn Rule> {
    Box::new(Decide(rule))
}

struct Decide<F>(F);

impl<F: Fn(&Subject<'_>) -> Verdict + Send + Sync> Rule for Decide<F> {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        Step::Done((self.0)(subject))
    }
}

/// The verdict of a rule whose case states no expectation.
pub(crate) fn no_expectation() -> Verdict {
    Verdict::ungradable("the case has no `expect` and the grader no `value`")
}

/// A rule that compares with an expectation: the parameter `value`, or else the case's `expect`.
///
/// `compare` judges a subject against the acceptable texts and is never called with none.
pub(crate) fn expecting(
    value: Option<&Text>,
    compare: impl Fn(&Subject<'_>, &[String]) -> Verdict + Send + Sync + 'static,
) -> Box<dyn Rule> {
    Box::new(Expecting { value: value.map(|text| text.0.clone()), compare })
}

struct Expecting<F> {
    value: Option<String>,
    compare: F,
}

impl<F: Fn(&Subject<'_>, &[String]) -> Verdict + Send + Sync> Rule for Expecting<F> {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        let acceptable = subject.acceptable(self.value.as_deref());
        Step::Done(if acceptable.is_empty() { no_expectation() } else { (self.compare)(subject, &acceptable) })
    }

    fn objection(&self, case: &Case) -> Option<String> {
        let stated = self.value.is_some() || case.expect.as_ref().is_some_and(|expect| !expect.texts().is_empty());
        (!stated).then(|| "it compares with `expect`, which this case does not state".to_owned())
    }
}
