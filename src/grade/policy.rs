//! What an outcome says before any grader runs: infrastructure, then length, then refusal, then the verdict.
//!
//! The first three are properties of the trial. A trial that failed on the path is never graded, so that an outage
//! cannot look like a wrong answer.

use super::compile::Compiled;
use crate::domain::Answer;
use crate::domain::Outcome;
use crate::domain::Verdict;

/// Whether an answer goes to its graders.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// Ask the graders.
    Grade,
    /// Every grader's verdict is this one, by policy.
    Decided(Verdict),
    /// Trouble on the path: nothing is known about the model.
    Infra(Outcome),
}

/// How an answer stands with a grader, by the default policies: `length` before an answer began fails, a refusal
/// fails unless the grader judges refusals itself.
pub fn outcome_policy(answer: &Answer, sees_refusals: bool) -> Standing {
    match answer.outcome {
        Some(outcome) if outcome.is_infra() => Standing::Infra(outcome),
        Some(Outcome::Length) if is_empty(answer) => {
            Standing::Decided(Verdict::decide(false, "the token limit was reached before an answer began"))
        }
        Some(outcome) if outcome.is_withheld() && !sees_refusals => {
            Standing::Decided(Verdict::decide(false, format!("no answer: {outcome}")))
        }
        _ => Standing::Grade,
    }
}

impl Compiled {
    /// How an answer stands with this grader.
    pub fn standing(&self, answer: &Answer) -> Standing {
        outcome_policy(answer, self.sees_refusals())
    }
}

fn is_empty(answer: &Answer) -> bool {
    answer.text.trim().is_empty() && answer.tool_calls.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infrastructure_comes_before_length_before_refusal() {
        let standing = |outcome, text: &str, sees| {
            outcome_policy(&Answer { outcome: Some(outcome), text: text.into(), ..Answer::default() }, sees)
        };
        for outcome in Outcome::ALL.into_iter().filter(|outcome| outcome.is_infra()) {
            assert_eq!(standing(outcome, "text", true), Standing::Infra(outcome));
        }
        assert!(matches!(standing(Outcome::Length, " ", false), Standing::Decided(Verdict::Fail { .. })));
        assert_eq!(standing(Outcome::Length, "42", false), Standing::Grade);
        assert!(matches!(standing(Outcome::Refusal, "no", false), Standing::Decided(Verdict::Fail { .. })));
        assert_eq!(standing(Outcome::ContentFilter, "", true), Standing::Grade);
        assert_eq!(standing(Outcome::Ok, "", false), Standing::Grade);
        assert_eq!(outcome_policy(&Answer::default(), false), Standing::Grade);
    }
}
