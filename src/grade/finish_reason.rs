//! `finish_reason`: the answer ended for one of these reasons.
//!
//! A reason is the provider's own word (`stop`, `end_turn`) or the name of an outcome (`ok`, `length`, `tool_calls`).

use super::compile::Context;
use super::compile::Problem;
use super::params::Texts;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::decide;
use crate::domain::Verdict;
use crate::text::plain::one_line;

params! {
    /// Parameters of `finish_reason`.
    pub struct FinishReason {
        /// Reasons accepted.
        any: Texts = Texts(vec!["stop".into(), "end_turn".into(), "stop_sequence".into()]),
    }
    from one
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that every short form has")]
fn one(reason: &str) -> Result<FinishReason, String> {
    Ok(FinishReason { any: Texts(vec![reason.to_owned()]) })
}

impl Spec for FinishReason {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let wanted = self.any.0.clone();
        if wanted.is_empty() {
            return Err(vec![Problem::at("any", "name at least one reason, such as `stop`")]);
        }
        Ok(decide(move |subject| {
            let reason = subject.answer.finish_reason.as_deref();
            let outcome = subject.answer.outcome.map(crate::domain::Outcome::name);
            if reason.is_none() && outcome.is_none() {
                return Verdict::ungradable("the finish reason is unknown");
            }
            let passed = wanted.iter().any(|wanted| [reason, outcome].contains(&Some(wanted.as_str())));
            let found = one_line(reason.or(outcome).unwrap_or_default(), 40);
            Verdict::decide(passed, format!("ended with `{found}`, wanted {}", wanted.join(" or ")))
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Answer;
    use crate::domain::Outcome;
    use crate::domain::Verdict;
    use crate::grade::Grader;
    use crate::grade::testing::case;
    use crate::grade::testing::done;
    use crate::grade::testing::grader;
    use serde_json::json;

    #[test]
    fn reasons_and_outcomes_count() {
        let stopped = Answer { finish_reason: Some("stop".into()), outcome: Some(Outcome::Ok), ..Answer::default() };
        let grade = |spec, answer: &Answer| done(grader(spec).grade(&case(&json!(null)), answer));
        assert!(matches!(grade(json!({"finish_reason": "stop"}), &stopped), Verdict::Pass { .. }));
        assert!(matches!(grade(json!({"finish_reason": {"any": ["ok", "length"]}}), &stopped), Verdict::Pass { .. }));
        assert!(matches!(grade(json!({"finish_reason": "length"}), &stopped), Verdict::Fail { .. }));
        assert!(matches!(grade(json!("finish_reason"), &Answer::default()), Verdict::Ungradable { .. }));
    }
}
