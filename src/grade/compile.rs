//! From a checked spec to graders that run: patterns compiled, files read, pipelines split.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::Digest;
use sha2::Sha256;

use super::Grader;
use super::Step;
use super::extract::Pipeline;
use super::params::Of;
use super::params::When;
use super::require::Requirement;
use super::spec::GraderSpec;
use super::subject::Rule;
use super::subject::Subject;
use crate::domain::Answer;
use crate::domain::Case;
use crate::domain::GraderId;
use crate::domain::TargetId;
use crate::domain::Verdict;

/// Raised whenever a grader's meaning changes, so that stored verdicts tell old from new.
const RULES_VERSION: u32 = 3;

/// What graders need from their suite.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Bytes of the files that [`GraderSpec::files`] names, by that name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Ids of the suite's targets.
    pub targets: Vec<String>,
    /// The suite's seed, from which judges' nonces derive.
    pub seed: u64,
}

/// Something wrong with a grader's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The parameter, as keys and positions: `extract[0]`, `pattern`, `of[1].regex.pattern`.
    pub at: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem with one parameter.
    pub fn at(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into() }
    }

    /// The same problem, seen from the parameter that holds this one.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.at = if self.at.starts_with('[') { format!("{outer}{}", self.at) } else { format!("{outer}.{}", self.at) };
        self
    }
}

/// A grader ready to run: a rule on the text that one pipeline cuts out.
#[derive(Clone)]
pub struct Compiled {
    /// The name in reports.
    pub id: GraderId,
    /// Kind, version of its rules, and a hash of its parameters.
    pub version: String,
    /// Share in a weighted mean; 0 records without counting.
    pub weight: f64,
    when: When,
    of: Of,
    pipeline: Pipeline,
    rule: Arc<dyn Rule>,
    sees_refusals: bool,
    asks: Vec<TargetId>,
}

/// Compiles a spec: one grader per named extraction pipeline.
///
/// # Errors
/// Every invalid parameter.
pub fn compile(spec: &GraderSpec, context: &Context) -> Result<Vec<Compiled>, Vec<Problem>> {
    let mut problems = Vec::new();
    let common = &spec.common;
    if !(common.weight.is_finite() && common.weight >= 0.0) {
        problems.push(Problem::at("weight", format!("`{}` is no weight; write 0 or more", common.weight)));
    }
    let pipelines = pipelines(spec, &mut problems);
    let rule = spec.kind.rule(context).map_err(|more| problems.extend(more)).ok();
    let (Some(rule), true) = (rule, problems.is_empty()) else { return Err(problems) };
    let rule: Arc<dyn Rule> = rule.into();
    let compiled = pipelines.into_iter().map(|(name, pipeline)| Compiled {
        id: name.map_or_else(|| spec.id(), |name| format!("{}.{name}", spec.id())).into(),
        version: version(spec, context),
        weight: common.weight,
        when: common.when.clone(),
        of: common.of,
        pipeline,
        rule: Arc::clone(&rule),
        sees_refusals: spec.kind.sees_refusals(),
        asks: spec.targets().iter().map(|target| target.as_str().into()).collect(),
    });
    Ok(compiled.collect())
}

fn pipelines(spec: &GraderSpec, problems: &mut Vec<Problem>) -> Vec<(Option<String>, Pipeline)> {
    let named = &spec.common.extract.0;
    if named.is_empty() {
        return vec![(None, Pipeline::default())];
    }
    let mut compiled = Vec::new();
    for (name, steps) in named {
        match Pipeline::new(steps) {
            Ok(pipeline) => compiled.push((name.clone(), pipeline)),
            Err(more) => problems.extend(more),
        }
    }
    compiled
}

fn version(spec: &GraderSpec, context: &Context) -> String {
    let mut hash = Sha256::new();
    // Not the seed: nonces that derive from it guard a verdict, they do not make it, and runs of other seeds compare.
    hash.update(format!("{:?}{:?}{:?}", spec.common.extract, spec.common.of, spec.kind));
    for name in spec.kind.files() {
        hash.update(context.files.get(&name).map_or(&[][..], Vec::as_slice));
    }
    let digest = hash.finalize();
    let short = digest.iter().take(4).fold(0u32, |all, byte| all << 8 | u32::from(*byte));
    format!("{}/{RULES_VERSION}+{short:08x}", spec.kind.name())
}

impl Compiled {
    /// Whether the case is one of those that `when` chooses.
    pub fn applies_to(&self, case: &Case) -> bool {
        self.when.matches(&case.tags)
    }

    /// What is wrong with a case from this grader's point of view, to be said before any request is made.
    pub fn objection(&self, case: &Case) -> Option<String> {
        self.rule.objection(case)
    }

    /// The grader judges refusals itself, so that a refusal is not a failure by policy.
    pub fn sees_refusals(&self) -> bool {
        self.sees_refusals
    }

    /// The targets that it asks: judges and embedding endpoints.
    pub fn asks(&self) -> &[TargetId] {
        &self.asks
    }

    /// The judges in it: itself, or those among the graders that it combines.
    pub fn judges(&self) -> Vec<&Self> {
        match self.kind() {
            "judge" | "pairwise" => vec![self],
            _ => self.rule.parts().iter().flat_map(Self::judges).collect(),
        }
    }

    /// Its kind, with which its version begins.
    pub fn kind(&self) -> &str {
        self.version.split('/').next().unwrap_or_default()
    }

    /// The target of the suite whose answer to the same case it compares with; known when the run is over.
    pub fn rival(&self) -> Option<&TargetId> {
        self.rule.rival()
    }

    /// What a judge must reach against people's labels before it may be trusted.
    pub fn requirements(&self) -> Vec<Requirement> {
        self.rule.requirements()
    }

    /// The suite's file of labelled answers that this judge is held against in every run.
    pub fn labels(&self) -> Option<&str> {
        self.rule.labels()
    }

    /// The grades that a judge gives, from worst to best; empty for other graders.
    pub fn grades(&self) -> &[String] {
        self.rule.grades()
    }

    /// The same grader holding every answer against this one; `None` unless it judges pairs.
    pub fn against(&self, other: &str) -> Option<Self> {
        let rule: Arc<dyn Rule> = self.rule.against(other)?.into();
        Some(Self { rule, ..self.clone() })
    }

    /// The text that it judges of an answer.
    ///
    /// # Errors
    /// The extraction finds nothing.
    pub fn text_of(&self, case: &Case, answer: &Answer) -> Result<String, String> {
        self.subject(case, answer).map(|subject| subject.text.into_owned())
    }

    fn subject<'a>(&self, case: &'a Case, answer: &'a Answer) -> Result<Subject<'a>, String> {
        let text: Cow<'a, str> = match self.of {
            Of::Answer => Cow::Borrowed(&answer.text),
            Of::Reasoning => Cow::Borrowed(&answer.reasoning),
            Of::ToolCalls => Cow::Owned(calls_as_json(answer)),
        };
        let extracted = !self.pipeline.is_empty();
        self.pipeline.apply(text).map(|text| Subject { case, answer, text, extracted })
    }
}

impl Grader for Compiled {
    fn grade(&self, case: &Case, answer: &Answer) -> Step {
        match self.subject(case, answer) {
            Err(missing) => Step::Done(Verdict::decide(false, format!("extraction failed: {missing}"))),
            Ok(subject) if self.pipeline.is_empty() && self.of == Of::Answer => self.rule.judge(&subject),
            Ok(subject) => {
                let extracted = subject.text.clone().into_owned();
                self.rule.judge(&subject).map(move |verdict| with_extracted(verdict, extracted))
            }
        }
    }
}

fn with_extracted(mut verdict: Verdict, extracted: String) -> Verdict {
    match &mut verdict {
        Verdict::Pass { why } | Verdict::Fail { why } | Verdict::Score { why, .. } | Verdict::Ungradable { why } => {
            why.extracted.get_or_insert(extracted);
        }
    }
    verdict
}

/// The calls as a JSON list; arguments that do not parse stay text.
fn calls_as_json(answer: &Answer) -> String {
    let calls = answer.tool_calls.iter().map(|call| {
        let arguments: serde_json::Value =
            serde_json::from_str(&call.arguments).unwrap_or_else(|_| call.arguments.clone().into());
        serde_json::json!({"name": call.name, "arguments": arguments})
    });
    serde_json::Value::Array(calls.collect()).to_string()
}
