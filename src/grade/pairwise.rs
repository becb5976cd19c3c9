//! `pairwise`: another model says which of two answers is better.
//!
//! It is asked twice, with the answers in both orders; if it changes its mind, the pair is a tie. A win scores 1, a
//! tie one half, a loss 0. A preference quotes one of the answers; a reply that cannot be used is asked for twice
//! more. The other answer is `against`: a target of the suite, one of the case's variables, or a text; the case's
//! `expect` by default. Against a target, its answer to the same case and repeat in the same mode, prompt and load
//! counts; the judge is asked when the run is over, and the target itself gets no verdict.

use serde_json::Value;

use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::judge;
use super::judge::Asked;
use super::judge::CANNOT;
use super::judge::Heard;
use super::judge::REASKS;
use super::nonce::nonce;
use super::params::Text;
use super::params::params;
use super::require::Labels;
use super::require::Require;
use super::require::Requirement;
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
        /// The other answer: a target of the suite, a variable of the case, or a text; the case's `expect` by default.
        against: Option<Text> = None,
        /// What makes an answer better, in words.
        rubric: String = "Which answer is more helpful, correct and complete?".to_owned(),
        /// What `judge-check` must find against people's labels, as for `judge`.
        require: Require = Require::default(),
        /// Answers that people labelled, as for `judge-check`: a file of the suite. Every run asks about them, too, and
        /// corrects the judge's rates by them.
        labels: Labels = Labels::default(),
    }
}

struct Pair {
    spec: Pairwise,
    seed: u64,
    required: Vec<Requirement>,
    /// The target whose answers are the other ones.
    rival: Option<TargetId>,
    /// The other answer, whatever the case says.
    other: Option<String>,
}

impl Spec for Pairwise {
    fn rule(&self, context: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let required = self.require.requirements()?;
        let named = self.against.as_ref().filter(|against| context.targets.contains(&against.0));
        let rival = named.map(|against| against.0.as_str().into());
        Ok(Box::new(Pair { spec: self.clone(), seed: context.seed, required, rival, other: None }))
    }

    fn targets(&self) -> Vec<String> {
        vec![self.target.clone()]
    }

    fn labels(&self) -> Vec<String> {
        self.labels.0.iter().cloned().collect()
    }
}

impl Pair {
    fn other(&self, case: &Case) -> Option<String> {
        if self.other.is_some() || self.rival.is_some() {
            return self.other.clone();
        }
        match &self.spec.against {
            Some(Text(name)) => Some(
                case.vars.get(name).map_or_else(|| name.clone(), |var| Expect::new(&var.value()).text().to_owned()),
            ),
            None => case.expect.as_ref().map(|expect| expect.text().to_owned()),
        }
    }

    fn asked(&self, first: &str, second: &str, nonce: &str) -> Asked {
        let text = format!(
            "{}\n\n{}\n\n{}\n\nVerdict: first, second or tie; {CANNOT} if the question cannot be decided.",
            self.spec.rubric,
            judge::fenced("FIRST", nonce, first),
            judge::fenced("SECOND", nonce, second),
        );
        Asked {
            target: self.spec.target.as_str().into(),
            question: judge::question(text, "evidence", &["first", "second", "tie", CANNOT]),
            quoted: vec![first.to_owned(), second.to_owned()],
            grades: ["first", "second", "tie"].map(str::to_owned).to_vec(),
            bare: vec!["tie".to_owned()],
        }
    }
}

impl Rule for Pair {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        let Some(other) = self.other(subject.case) else {
            return Step::Done(self.rival.as_ref().map_or_else(no_expectation, |rival| {
                Verdict::ungradable(format!("the answer of `{rival}` is not at hand"))
            }));
        };
        let nonce = nonce(self.seed, subject, "pairwise");
        let ahead = self.asked(&subject.text, &other, &nonce);
        let behind = self.asked(&other, &subject.text, &nonce);
        let second = |one: Side| -> Heard {
            Box::new(move |found| {
                Step::Done(match found {
                    Err(why) => Verdict::ungradable(why),
                    Ok(found) => settle(one, preference(&found, "second")),
                })
            })
        };
        let first: Heard = Box::new(move |found| match found {
            Err(why) => Step::Done(Verdict::ungradable(why)),
            Ok(found) => behind.ask(REASKS, second(preference(&found, "first"))),
        });
        ahead.ask(REASKS, first)
    }

    fn requirements(&self) -> Vec<Requirement> {
        self.required.clone()
    }

    fn labels(&self) -> Option<&str> {
        self.spec.labels.0.as_deref()
    }

    fn against(&self, other: &str) -> Option<Box<dyn Rule>> {
        let (spec, required, rival) = (self.spec.clone(), self.required.clone(), self.rival.clone());
        Some(Box::new(Self { spec, seed: self.seed, required, rival, other: Some(other.to_owned()) }))
    }

    fn rival(&self) -> Option<&TargetId> {
        self.rival.as_ref()
    }

    fn objection(&self, case: &Case) -> Option<String> {
        let lacks = self.rival.is_none() && self.other(case).is_none();
        lacks.then(|| "it has no `against`, and this case states no `expect`".to_owned())
    }
}

/// A judgement of a pair, from the side of the answer under test.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Win,
    Tie,
    Loss,
}

/// Whom a judge prefers when our answer stands at `ours`.
fn preference(found: &Value, ours: &str) -> Side {
    match found["verdict"].as_str().unwrap_or_default() {
        "tie" => Side::Tie,
        word if word == ours => Side::Win,
        _ => Side::Loss,
    }
}

/// What the reason of a verdict says where the judge changed its mind.
pub const FLIPPED: &str = "a tie: the orders disagree";

fn settle(one: Side, two: Side) -> Verdict {
    match (one, two) {
        (Side::Win, Side::Win) => Verdict::score(1.0, "better in both orders"),
        (Side::Loss, Side::Loss) => Verdict::score(0.0, "worse in both orders"),
        (Side::Tie, Side::Tie) => Verdict::score(0.5, "a tie in both orders"),
        _ => Verdict::score(0.5, FLIPPED),
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

    /// The verdict after these grades, each with evidence; what is asked for again is the last one.
    fn judge(grades: &[&str]) -> Verdict {
        let mut step = grader(json!({"pairwise": {"target": "j"}})).grade(&case(&json!("other")), &answer("ours"));
        for word in grades.iter().chain(grades.last().into_iter().cycle().take(4)) {
            let Step::Ask { read, .. } = step else { break };
            step = read(Ok(format!("{{\"evidence\": \"ours\", \"verdict\": \"{word}\"}}")));
        }
        done(step)
    }

    #[test]
    fn both_orders_must_agree() {
        assert_eq!(judge(&["first", "second"]).bounds(), (1.0, 1.0));
        assert_eq!(judge(&["second", "first"]).bounds(), (0.0, 0.0));
        assert_eq!(judge(&["first", "first"]).bounds(), (0.5, 0.5));
        assert_eq!(judge(&["tie", "tie"]).bounds(), (0.5, 0.5));
        assert_eq!(judge(&["cannot_grade", "first"]).bounds(), (0.0, 1.0));
        assert_eq!(judge(&["first", "gibberish"]).bounds(), (0.0, 1.0));
        assert_eq!(judge(&["gibberish", "first", "gibberish", "second"]).bounds(), (1.0, 1.0));
    }

    #[test]
    fn a_preference_quotes_one_of_the_answers() {
        let graded = grader(json!({"pairwise": {"target": "j", "against": "nobody"}})).against("theirs").unwrap();
        let Step::Ask { read, .. } = graded.grade(&case(&json!(null)), &answer("ours")) else { panic!("no question") };
        let Step::Ask { question, read, .. } = read(Ok(r#"{"evidence": "THEIRS", "verdict": "second"}"#.into())) else {
            panic!("asks in one order only")
        };
        assert!(format!("{:?}", question.turns).find("theirs") < format!("{:?}", question.turns).find("ours"));
        let again = read(Ok(r#"{"evidence": "made up", "verdict": "first"}"#.into()));
        assert!(matches!(again, Step::Ask { .. }));
    }
}
