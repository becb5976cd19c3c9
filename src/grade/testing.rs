//! Short ways for tests to make a grader and judge with it.

#![expect(clippy::needless_pass_by_value, reason = "tests write values in place")]

use serde_json::Value;

use super::Compiled;
use super::Context;
use super::Grader;
use super::GraderSpec;
use super::Step;
use super::compile;
use crate::domain::Answer;
use crate::domain::Case;
use crate::domain::Expect;
use crate::domain::Verdict;

pub(crate) fn case(expect: &Value) -> Case {
    let expect = (!expect.is_null()).then(|| Expect::new(expect));
    Case {
        id: "c".into(),
        vars: crate::domain::Vars::default(),
        expect,
        tags: Vec::new(),
        cluster: None,
        canary: false,
    }
}

pub(crate) fn answer(text: &str) -> Answer {
    Answer { text: text.to_owned(), ..Answer::default() }
}

pub(crate) fn spec(spec: Value) -> GraderSpec {
    serde_json::from_value(spec).unwrap()
}

pub(crate) fn grader(value: Value) -> Compiled {
    compile(&spec(value), &Context::default()).unwrap().remove(0)
}

/// The verdict of a grader that asks nobody.
#[track_caller]
pub(crate) fn done(step: Step) -> Verdict {
    match step {
        Step::Done(verdict) => verdict,
        _ => panic!("the grader asks for something"),
    }
}

#[track_caller]
pub(crate) fn judge(spec: Value, expect: Value, text: &str) -> Verdict {
    done(grader(spec).grade(&case(&expect), &answer(text)))
}

pub(crate) fn problems(value: Value) -> Vec<String> {
    let problems = compile(&spec(value), &Context::default()).err().unwrap_or_default();
    problems.into_iter().map(|problem| format!("{}: {}", problem.at, problem.message)).collect()
}

pub(crate) fn objection(value: Value, expect: Value) -> Option<String> {
    grader(value).objection(&case(&expect))
}

#[track_caller]
pub(crate) fn passes(spec: Value, expect: Value, text: &str) -> bool {
    matches!(judge(spec, expect, text), Verdict::Pass { .. })
}
