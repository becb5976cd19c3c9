//! Answers that people labelled: one JSON object per line, read and held against the suite before any call.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::cli::convert::kind;
use crate::cli::exit::Failure;
use crate::grade::Compiled;
use crate::suite::Suite;
use crate::text::nearest;
use crate::text::plain::one_line;

/// A line as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    case: String,
    response: Option<String>,
    response_a: Option<String>,
    response_b: Option<String>,
    label: Option<Value>,
    grader: Option<String>,
    /// Who wrote the answer; for people.
    #[serde(rename = "target")]
    _target: Option<Value>,
    /// Why it is labelled so; for people.
    #[serde(rename = "comment")]
    _comment: Option<Value>,
}

/// A labelled answer with the judge that it is for.
pub(super) struct Labelled<'s> {
    /// Position of its case in the suite.
    pub(super) case: usize,
    /// The judge.
    pub(super) grader: &'s Compiled,
    /// The answer; of a pair the first.
    pub(super) response: String,
    /// The second answer of a pair.
    pub(super) other: Option<String>,
    /// What people say, from 0 to 1.
    pub(super) value: f64,
}

const MOST_PROBLEMS: usize = 20;

/// Reads a labels file.
///
/// # Errors
/// Everything that is wrong with it, with lines.
pub(super) fn read<'s>(path: &Path, suite: &'s Suite, judges: &[&'s Compiled]) -> Result<Vec<Labelled<'s>>, Failure> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
    parse(&shown, &text, suite, judges)
}

/// The labels that a suite's judges name in their `labels`.
///
/// # Errors
/// Everything that is wrong with them, with lines.
pub(super) fn named(suite: &Suite) -> Result<Vec<Labelled<'_>>, Failure> {
    let mut files: BTreeMap<&str, Vec<&Compiled>> = BTreeMap::new();
    for judge in suite.graders.iter().flat_map(Compiled::judges) {
        if let Some(name) = judge.labels() {
            files.entry(name).or_default().push(judge);
        }
    }
    let mut all = Vec::new();
    for (name, judges) in files {
        let text = suite.files.get(name).map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
        all.extend(parse(name, &text, suite, &judges)?);
    }
    Ok(all)
}

fn parse<'s>(shown: &str, text: &str, suite: &'s Suite, judges: &[&'s Compiled]) -> Result<Vec<Labelled<'s>>, Failure> {
    let cases = suite.cases.iter().enumerate().map(|(at, case)| (case.id.as_str(), at)).collect();
    let desk = Desk { suite, judges, cases };
    let (mut labelled, mut problems) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match desk.read(line) {
            Ok(found) => labelled.extend(found),
            Err(why) => problems.push(format!("{shown}:{}: {why}", at + 1)),
        }
    }
    if labelled.is_empty() && problems.is_empty() {
        problems.push(format!("{shown}: the file holds no labels"));
    }
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    problems.truncate(MOST_PROBLEMS);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    if problems.is_empty() { Ok(labelled) } else { Err(Failure::usage(problems.join("\n"))) }
}

struct Desk<'s, 'a> {
    suite: &'s Suite,
    judges: &'a [&'s Compiled],
    cases: BTreeMap<&'s str, usize>,
}

impl<'s> Desk<'s, '_> {
    fn read(&self, line: &str) -> Result<Vec<Labelled<'s>>, String> {
        let line: Line = serde_json::from_str(line).map_err(|error| {
            format!("{error}; a line is {{\"case\": \"id\", \"response\": \"text\", \"label\": \"pass\"}}")
        })?;
        let case = *self.cases.get(line.case.as_str()).ok_or_else(|| {
            let hint = nearest(&line.case, self.cases.keys().copied());
            let hint = hint.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            format!("the suite has no case `{}`{hint}", one_line(&line.case, 60))
        })?;
        let label = line.label.as_ref().filter(|label| !label.is_null());
        let label = label.ok_or_else(|| format!("case `{}` has no `label`", line.case))?;
        let (response, other) = match (&line.response, &line.response_a, &line.response_b) {
            (Some(one), None, None) => (one.clone(), None),
            (None, Some(a), Some(b)) => (a.clone(), Some(b.clone())),
            _ => return Err("give either `response`, or `response_a` and `response_b`".into()),
        };
        let wanted = if other.is_some() { "pairwise" } else { "judge" };
        let fits = |judge: &&&'s Compiled| {
            let named = line.grader.as_deref().is_none_or(|name| judge.id.as_str() == name);
            named && kind(&judge.version) == wanted && judge.applies_to(&self.suite.cases[case])
        };
        let fitting: Vec<&'s Compiled> = self.judges.iter().filter(fits).copied().collect();
        if fitting.is_empty() {
            let name = line.grader.map_or(String::new(), |name| format!(" called `{}`", one_line(&name, 40)));
            return Err(format!("the suite has no `{wanted}` grader{name} for case `{}`", line.case));
        }
        let entry = |grader: &'s Compiled| {
            let value = value(label, grader, other.is_some())?;
            Ok(Labelled { case, grader, response: response.clone(), other: other.clone(), value })
        };
        fitting.into_iter().map(entry).collect()
    }
}

/// A label as a value: pass and fail, a grade of the judge's scale, a number from 0 to 1, or for pairs a, b and tie.
fn value(label: &Value, grader: &Compiled, pair: bool) -> Result<f64, String> {
    let word = label.as_str().map(|word| word.trim().to_lowercase());
    let scale = grader.grades();
    match (label, word.as_deref()) {
        (_, Some("a" | "first" | "response_a")) if pair => Ok(1.0),
        (_, Some("b" | "second" | "response_b")) if pair => Ok(0.0),
        (_, Some("tie")) if pair => Ok(0.5),
        (_, Some(word)) if scale.iter().any(|grade| grade.to_lowercase() == word) => {
            let place = scale.iter().position(|grade| grade.to_lowercase() == word).unwrap_or_default();
            Ok(place as f64 / (scale.len() - 1).max(1) as f64)
        }
        (_, Some("pass")) if !pair => Ok(1.0),
        (_, Some("fail")) if !pair => Ok(0.0),
        (Value::Bool(passed), _) if !pair => Ok(f64::from(u8::from(*passed))),
        (Value::Number(number), _) if number.as_f64().is_some_and(|v| (0.0..=1.0).contains(&v)) => {
            Ok(number.as_f64().unwrap_or_default())
        }
        _ if pair => Err(format!("`{label}` is no label of a pair; write a, b or tie")),
        _ => Err(format!(
            "`{}` is no label; write pass, fail, a number from 0 to 1, or one of {}",
            one_line(&label.to_string(), 40),
            scale.join(", ")
        )),
    }
}
