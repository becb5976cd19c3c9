//! `pairwise`: another model says which of two answers is better.
//!
//! It is asked twice, with the answers in both orders; if it changes its mind, the pair is a tie. A win scores 1, a
//! tie one half, a loss 0. The other answer is `against`: the name of one of the case's variables, or a text; the
//! case's `expect` by default.

use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::judge;
use super::nonce::nonce;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use super::subject::no_expectation;
use crate::domain::Case;
use crate::domain::Expect;
use crate::domain::TargetId;
use crate::domain::Verdict;

params! {
    /// Parameters of `pairwise`.
    pub struct Pairwise {
        /// The target that judges.
        target: String,
        /// The other answer: a variable of the case, or a text; the case's `expect` by default.
        against: Option<Text> = None,
        /// What makes an answer better, in words.
        rubric: String = "Which answer is more helpful, correct and complete?".to_owned(),
    }
}

struct Pair {
    spec: Pairwise,
    seed: u64,
}

impl Spec for Pairwise {
    fn rule(&self, context: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        Ok(Box::new(Pair { spec: self.clone(), seed: context.seed }))
    }

    fn targets(&self) -> Vec<String> {
        vec![self.target.clone()]
    }
}

impl Pair {
    fn other(&self, case: &Case) -> Option<String> {
        match &self.spec.against {
            Some(Text(name)) => Some(
                case.vars.get(name).map_or_else(|| name.clone(), |var| Expect::new(&var.value()).text().to_owned()),
            ),
            None => case.expect.as_ref().map(|expect| expect.text().to_owned()),
        }
    }

    fn question(&self, first: &str, second: &str, nonce: &str) -> crate::domain::Conversation {
        let text = format!(
            "{}\n\n{}\n\n{}\n\nVerdict: first, second or tie; {} if the question cannot be decided.",
            self.spec.rubric,
            judge::fenced("FIRST", nonce, first),
            judge::fenced("SECOND", nonce, second),
            judge::CANNOT,
        );
        judge::question(text, "evidence", &["first", "second", "tie", judge::CANNOT])
    }
}

impl Rule for Pair {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        let Some(other) = self.other(subject.case) else { return Step::Done(no_expectation()) };
        let nonce = nonce(self.seed, subject, "pairwise");
        let ahead = self.question(&subject.text, &other, &nonce);
        let behind = self.question(&other, &subject.text, &nonce);
        let target: TargetId = self.spec.target.as_str().into();
        let next = target.clone();
        let read = move |reply: Result<String, String>| match preference(reply, "first", "second") {
            Err(why) => Step::Done(Verdict::ungradable(why)),
            Ok(one) => Step::Ask {
                target: next,
                question: Box::new(behind),
                read: Box::new(move |reply| {
                    Step::Done(match preference(reply, "second", "first") {
                        Err(why) => Verdict::ungradable(why),
                        Ok(two) => settle(one, two),
                    })
                }),
            },
        };
        Step::Ask { target, question: Box::new(ahead), read: Box::new(read) }
    }

    fn objection(&self, case: &Case) -> Option<String> {
        self.other(case).is_none().then(|| "it has no `against`, and this case states no `expect`".to_owned())
    }
}

/// A judgement of a pair, from the side of the answer under test.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Win,
    Tie,
    Loss,
}

fn preference(reply: Result<String, String>, ours: &str, theirs: &str) -> Result<Side, String> {
    let reply = reply.map_err(|reason| format!("no judgement: {reason}"))?;
    let found = judge::last_verdict(&reply).ok_or("judge: the reply holds no verdict")?;
    match found["verdict"].as_str().unwrap_or_default() {
        word if word == ours => Ok(Side::Win),
        word if word == theirs => Ok(Side::Loss),
        "tie" => Ok(Side::Tie),
        _ => Err("judge: cannot grade the pair".into()),
    }
}

fn settle(one: Side, two: Side) -> Verdict {
    match (one, two) {
        (Side::Win, Side::Win) => Verdict::score(1.0, "better in both orders"),
        (Side::Loss, Side::Loss) => Verdict::score(0.0, "worse in both orders"),
        (Side::Tie, Side::Tie) => Verdict::score(0.5, "a tie in both orders"),
        _ => Verdict::score(0.5, "a tie: the orders disagree"),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Verdict;
    use crate::grade::Grader;
    use crate::grade::Step;
    use crate::grade::testing::answer;
    use crate::grade::testing::case;
    use crate::grade::testing::done;
    use crate::grade::testing::grader;
    use serde_json::json;

    fn judge(one: &str, two: &str) -> Verdict {
        let mut step = grader(json!({"pairwise": {"target": "j"}})).grade(&case(&json!("other")), &answer("ours"));
        for word in [one, two] {
            let Step::Ask { read, .. } = step else { break };
            step = read(Ok(format!("{{\"verdict\": \"{word}\"}}")));
        }
        done(step)
    }

    #[test]
    fn both_orders_must_agree() {
        assert_eq!(judge("first", "second").bounds(), (1.0, 1.0));
        assert_eq!(judge("second", "first").bounds(), (0.0, 0.0));
        assert_eq!(judge("first", "first").bounds(), (0.5, 0.5));
        assert_eq!(judge("tie", "tie").bounds(), (0.5, 0.5));
        assert_eq!(judge("cannot_grade", "first").bounds(), (0.0, 1.0));
        assert_eq!(judge("first", "gibberish").bounds(), (0.0, 1.0));
    }
}
