//! `code`: the answer's code passes tests, run in the sandbox.
//!
//! The code is the last fenced block of the answer, or all of it. With an entry point and tests that define `check`,
//! as HumanEval writes them, the case's `prompt` goes before the code and `check(entry_point)` after the tests.
//! Python runs in a child of the process that tells the verdict. The nonce of the verdict never enters that child; the
//! tests do when the answer has been loaded, with the token that must come back at their end. So neither an early exit
//! nor a printed "PASS", an altered builtin, or a look at files and frames while it loads lets a wrong answer pass.
//! Answer and tests still share an interpreter: one written against this very harness, or whose values claim to equal
//! everything, can pass. The sandbox keeps the machine safe from such code, not its verdict honest. Any other language
//! is a command that gets the file's name; tests that print `{nonce}` must reach that line.

use std::time::Duration;

use super::Finished;
use super::Program;
use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::markdown;
use super::nonce::nonce;
use super::params::Text;
use super::params::Texts;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use crate::domain::Case;
use crate::domain::Expect;
use crate::domain::Verdict;
use crate::text::parse_duration;
use crate::text::plain::one_line;

params! {
    /// Parameters of `code`.
    pub struct Code {
        /// `python`, or a command that gets the name of the file to run.
        language: Texts = Texts(vec!["python".into()]),
        /// The tests; by default the case's variable `test`, or its `expect`.
        tests: Option<Text> = None,
        /// The function that `check` of the tests is called with; by default the case's variable `entry_point`.
        entry_point: Option<Text> = None,
        /// Processor time allowed.
        timeout: Text = Text("10s".into()),
    }
}

/// Runs the answer, then the tests, in a process of its own, and tells the outcome from outside of it.
///
/// The nonce never enters the process of the answer, the tests enter it when the answer has been loaded, and so does
/// the token that it must send at their end.
const HARNESS: &str = include_str!("code_harness.py");

struct Tests {
    spec: Code,
    cpu: Duration,
    seed: u64,
}

impl Spec for Code {
    fn rule(&self, context: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let cpu = parse_duration(&self.timeout.0).map_err(|message| vec![Problem::at("timeout", message)])?;
        if self.language.0.is_empty() {
            return Err(vec![Problem::at("language", "write `python` or a command such as `[node]`")]);
        }
        Ok(Box::new(Tests { spec: self.clone(), cpu, seed: context.seed }))
    }

    fn runs_code(&self) -> bool {
        true
    }
}

impl Tests {
    fn tests(&self, case: &Case) -> Option<String> {
        let stated = || case.expect.as_ref().map(|expect| expect.text().to_owned());
        given(case, self.spec.tests.as_ref(), "test").or_else(stated)
    }

    /// The answer's code, after the prompt that it completes, and the tests with their call.
    fn sources(&self, case: &Case, code: &str, tests: &str) -> [String; 2] {
        let Some(entry) = given(case, self.spec.entry_point.as_ref(), "entry_point") else {
            return [format!("{code}\n"), format!("{tests}\n")];
        };
        let prompt = given(case, None, "prompt").unwrap_or_default();
        let whole = code.contains(&format!("def {entry}"));
        let call = if tests.contains("def check(") { format!("check({entry})\n") } else { String::new() };
        [format!("{prompt}{}{code}\n", if whole { "\n\n" } else { "" }), format!("{tests}\n{call}")]
    }

    fn is_python(&self) -> bool {
        matches!(self.spec.language.0.as_slice(), [one] if one == "python" || one == "python3")
    }
}

/// A parameter, or the case's variable in its place.
fn given(case: &Case, parameter: Option<&Text>, variable: &str) -> Option<String> {
    let var = || case.vars.get(variable).map(|var| Expect::new(&var.value()).text().to_owned());
    parameter.map(|text| text.0.clone()).or_else(var)
}

impl Rule for Tests {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        let Some(tests) = self.tests(subject.case) else {
            return Step::Done(Verdict::ungradable("the case has no tests"));
        };
        let code = markdown::last_code_block(&subject.text).unwrap_or(&subject.text);
        let nonce = nonce(self.seed, subject, "code");
        let needs_nonce = self.is_python() || tests.contains("{nonce}");
        let [code, tests] = self.sources(subject.case, code, &tests.replace("{nonce}", &nonce));
        let (argv, files) = if self.is_python() {
            let argv = ["python3", "-I", "harness.py"].map(str::to_owned).to_vec();
            (
                argv,
                vec![
                    ("harness.py".to_owned(), HARNESS.as_bytes().to_vec()),
                    ("program.py".to_owned(), code.into_bytes()),
                    ("tests.py".to_owned(), tests.into_bytes()),
                ],
            )
        } else {
            let argv = self.spec.language.0.iter().cloned().chain(["program".to_owned()]).collect();
            (argv, vec![("program".to_owned(), format!("{code}\n{tests}").into_bytes())])
        };
        let stdin = if self.is_python() { format!("{nonce}\n").into_bytes() } else { Vec::new() };
        let program = Program { argv, files, stdin, cpu: self.cpu, isolated: true };
        Step::Run { program, read: Box::new(move |done| Step::Done(read(done, needs_nonce.then_some(nonce.as_str())))) }
    }

    fn objection(&self, case: &Case) -> Option<String> {
        self.tests(case).is_none().then(|| "it runs tests, and this case has neither `test` nor `expect`".to_owned())
    }
}

fn read(done: Result<Finished, String>, nonce: Option<&str>) -> Verdict {
    let done = match done {
        Ok(done) => done,
        Err(reason) => return Verdict::ungradable(format!("the sandbox did not run it: {reason}")),
    };
    if let Some(limit) = done.limit {
        return Verdict::decide(false, format!("stopped at the {limit} limit"));
    }
    let stdout = String::from_utf8_lossy(&done.stdout);
    let told = nonce.map(|nonce| stdout.lines().find_map(|line| line.trim().strip_prefix(nonce)).map(str::trim));
    match (told, done.code) {
        (Some(Some(word)), Some(0)) if !word.starts_with("fail") => Verdict::decide(true, "all tests pass"),
        (Some(Some(word)), _) => Verdict::decide(false, one_line(word.trim_start_matches("fail "), 200)),
        (None, Some(0)) => Verdict::decide(true, "ended with code 0"),
        (Some(None), _) => Verdict::decide(false, format!("ended before the tests did: {}", last_line(&done.stderr))),
        (None, code) => Verdict::decide(false, format!("ended with {code:?}: {}", last_line(&done.stderr))),
    }
}

fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    one_line(text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message"), 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::Grader;
    use crate::grade::testing::answer;
    use crate::grade::testing::case;
    use crate::grade::testing::done;
    use crate::grade::testing::grader;
    use serde_json::json;

    fn run(stdout: impl Fn(&str) -> String, code: Option<i32>) -> Verdict {
        let spec = json!({"code": {"tests": "assert f() == 1"}});
        match grader(spec).grade(&case(&json!(null)), &answer("```python\ndef f(): return 1\n```")) {
            Step::Run { program, read } => {
                assert!(program.isolated);
                assert_eq!(program.files[1].1, b"def f(): return 1\n\n");
                assert_eq!(program.files[2].1, b"assert f() == 1\n");
                let nonce = String::from_utf8(program.stdin).unwrap();
                done(read(Ok(Finished { code, stdout: stdout(nonce.trim()).into_bytes(), ..Finished::default() })))
            }
            _ => panic!("nothing to run"),
        }
    }

    #[test]
    fn only_the_nonce_passes() {
        assert!(matches!(run(|nonce| format!("\n{nonce} pass\n"), Some(0)), Verdict::Pass { .. }));
        assert!(matches!(run(|nonce| format!("\n{nonce} fail AssertionError: \n"), Some(1)), Verdict::Fail { .. }));
        assert!(matches!(run(|_| "PASS\n".into(), Some(0)), Verdict::Fail { .. }));
        assert!(matches!(run(|_| String::new(), None), Verdict::Fail { .. }));
    }

    #[test]
    fn human_eval_programs_are_assembled() {
        let spec = grader(json!({"code": {"tests": "def check(f):\n    assert f(1)", "entry_point": "g"}}));
        let Step::Run { program, .. } = spec.grade(&case(&json!(null)), &answer("def g(x): return x")) else {
            panic!("nothing to run")
        };
        assert!(String::from_utf8(program.files[2].1.clone()).unwrap().ends_with("assert f(1)\ncheck(g)\n"));
    }
}
