//! `command`: the suite author's own program judges.
//!
//! It gets JSON on standard input (`case`, `answer`, `reasoning`, `tool_calls`, `finish_reason`) and prints JSON:
//! `{"pass": true, "reason": ".."}`, `{"score": 0.5}`, or just `true`, `false` or a number. A program that fails or
//! prints anything else is ungradable.

use serde_json::Value;
use serde_json::json;

use super::Finished;
use super::Program;
use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use crate::domain::Verdict;
use crate::text::parse_duration;
use crate::text::plain::one_line;

params! {
    /// Parameters of `command`.
    pub struct Command {
        /// Program and arguments.
        run: Vec<String>,
        /// Processor time allowed.
        timeout: Text = Text("30s".into()),
    }
}

struct Own(Command, std::time::Duration);

impl Spec for Command {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let cpu = parse_duration(&self.timeout.0).map_err(|message| vec![Problem::at("timeout", message)])?;
        if self.run.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(vec![Problem::at("run", "name a program and its arguments, such as `[python3, grade.py]`")]);
        }
        Ok(Box::new(Own(self.clone(), cpu)))
    }
}

impl Rule for Own {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        let (case, answer) = (subject.case, subject.answer);
        let vars: serde_json::Map<String, Value> = case.vars.iter().map(|(k, v)| (k.clone(), v.value())).collect();
        let calls: Vec<Value> =
            answer.tool_calls.iter().map(|call| json!({"name": call.name, "arguments": call.arguments})).collect();
        let input = json!({
            "case": {
                "id": case.id.as_str(), "vars": vars, "expect": case.expect.as_ref().map(|expect| expect.json().value()),
                "tags": case.tags.iter().map(crate::domain::Tag::as_str).collect::<Vec<_>>(),
            },
            "answer": subject.text, "reasoning": answer.reasoning, "tool_calls": calls,
            "finish_reason": answer.finish_reason,
        });
        let stdin = input.to_string().into_bytes();
        let program = Program { argv: self.0.run.clone(), files: Vec::new(), stdin, cpu: self.1, isolated: false };
        Step::Run { program, read: Box::new(|done| Step::Done(read(done))) }
    }
}

fn read(done: Result<Finished, String>) -> Verdict {
    let done = match done {
        Ok(done) => done,
        Err(reason) => return Verdict::ungradable(format!("the command did not run: {reason}")),
    };
    if done.code != Some(0) || done.limit.is_some() {
        let said = String::from_utf8_lossy(&done.stderr);
        let how = done.limit.map_or_else(|| format!("code {:?}", done.code), |limit| format!("the {limit} limit"));
        return Verdict::ungradable(format!("the command ended with {how}: {}", one_line(said.trim(), 160)));
    }
    let stdout = String::from_utf8_lossy(&done.stdout);
    match serde_json::from_str::<Value>(stdout.trim()) {
        Ok(said) => verdict(&said),
        Err(_) => Verdict::ungradable(format!("the command printed no JSON: `{}`", one_line(stdout.trim(), 80))),
    }
}

fn verdict(said: &Value) -> Verdict {
    let reason = one_line(said.get("reason").and_then(Value::as_str).unwrap_or("the command's own word"), 300);
    let pass = said.as_bool().or_else(|| said.get("pass").and_then(Value::as_bool));
    let score = said.as_f64().or_else(|| said.get("score").and_then(Value::as_f64));
    match (pass, score) {
        (Some(pass), _) => Verdict::decide(pass, reason),
        (None, Some(score)) => Verdict::score(score, reason),
        (None, None) => Verdict::ungradable(format!("the command gave neither `pass` nor `score`: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_word_counts() {
        let with =
            |code, stdout: &str| read(Ok(Finished { code, stdout: stdout.as_bytes().to_vec(), ..Finished::default() }));
        assert_eq!(with(Some(0), "{\"pass\": true}\n").bounds(), (1.0, 1.0));
        assert_eq!(with(Some(0), "false").bounds(), (0.0, 0.0));
        assert_eq!(with(Some(0), "{\"score\": 0.25}").bounds(), (0.25, 0.25));
        for (code, stdout) in
            [(Some(0), "{\"score\": 7}"), (Some(0), "ok"), (Some(1), "true"), (None, "true"), (Some(0), "{}")]
        {
            assert_eq!(with(code, stdout).bounds(), (0.0, 1.0), "{stdout}");
        }
    }
}
