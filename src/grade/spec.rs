//! What a suite says about a grader, and the registry that schema, help and suggestions derive from.
//!
//! A spec is a mapping with the grader's name as its only key, `{regex: {pattern: ..}}`, or the bare name where
//! nothing needs to be said, `json`.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeSeed;
use serde::de::Error;
use serde::de::IntoDeserializer;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::Value;
use serde_json::json;

use super::compile::Context;
use super::compile::Problem;
use super::params::Common;
use super::params::Describe;
use super::params::Full;
use super::params::Of;
use super::params::ParamInfo;
use super::params::Params;
use super::params::When;
use super::subject::Rule;

/// A grader of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct GraderSpec {
    /// The keys that every grader takes.
    pub common: Common,
    /// Which grader, with its own parameters.
    pub kind: Kind,
}

/// What the suite room asks of every block of parameters.
pub(crate) trait Spec: Params {
    /// Compiles the block to a rule.
    fn rule(&self, context: &Context) -> Result<Box<dyn Rule>, Vec<Problem>>;

    /// Files of the suite that the grader reads, by name.
    fn files(&self) -> Vec<String> {
        Vec::new()
    }

    /// Targets that the grader asks.
    fn targets(&self) -> Vec<String> {
        Vec::new()
    }

    /// Files of labelled answers that its judges are held against in every run.
    fn labels(&self) -> Vec<String> {
        Vec::new()
    }

    /// The grader runs what a model wrote.
    fn runs_code(&self) -> bool {
        false
    }

    /// The grader judges refusals itself.
    fn sees_refusals(&self) -> bool {
        false
    }
}

/// A grader in the registry.
pub struct GraderInfo {
    /// The key in suites.
    pub name: &'static str,
    /// One line.
    pub help: &'static str,
    /// Its own parameters.
    pub params: fn() -> Vec<ParamInfo>,
}

macro_rules! kinds {
    ($($variant:ident($params:ty) = $name:literal: $help:literal,)*) => {
        /// Every kind of grader with its parameters.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Kind {
            $(#[doc = $help] $variant($params),)*
        }

        /// Every grader, in the order of the handbook.
        pub const GRADERS: &[GraderInfo] = &[
            $(GraderInfo { name: $name, help: $help, params: <$params as Params>::about },)*
        ];

        pub(crate) const NAMES: &[&str] = &[$($name),*];

        impl Kind {
            /// The key in suites.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            fn spec(&self) -> &dyn ErasedSpec {
                match self { $(Self::$variant(params) => params,)* }
            }
        }

        impl<'de> DeserializeSeed<'de> for ByName<'_> {
            type Value = GraderSpec;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<GraderSpec, D::Error> {
                match self.0 {
                    $($name => {
                        let Full { common, params } = Full::<$params>::deserialize(deserializer)?;
                        Ok(GraderSpec { common, kind: Kind::$variant(params) })
                    })*
                    other => Err(D::Error::unknown_variant(other, NAMES)),
                }
            }
        }
    };
}

kinds! {
    Exact(super::exact::Exact) = "exact": "The answer equals the expected text.",
    Contains(super::contains::Contains) = "contains": "The answer contains one text, any of several, or all of them.",
    StartsWith(super::starts_with::StartsWith) = "starts_with": "The answer begins with a text.",
    Regex(super::regex::Regex) = "regex": "A regular expression matches, and its group equals the expectation where there is one.",
    Levenshtein(super::levenshtein::Levenshtein) = "levenshtein": "The answer is within a few edits of the expected text.",
    WordCount(super::word_count::WordCount) = "word_count": "The number of words lies within bounds.",
    Refusal(super::refusal::Refusal) = "refusal": "The model declined to answer.",
    Numeric(super::numeric::Numeric) = "numeric": "A number of the answer equals the expected number.",
    Choice(super::choice::Choice) = "choice": "The letter of a multiple-choice answer is the right one.",
    Math(super::math::Math) = "math": "The final answer equals the expected one as mathematics.",
    Json(super::json::Json) = "json": "The answer is JSON.",
    JsonSchema(super::json_schema::JsonSchema) = "json_schema": "The answer is JSON that conforms to a JSON Schema.",
    JsonPath(super::json_path::JsonPathCheck) = "json_path": "A value inside the answer's JSON is as expected.",
    F1(super::f1::F1) = "f1": "Overlap of words with a reference, as SQuAD scores it.",
    Bleu(super::bleu::Bleu) = "bleu": "Sentence BLEU against references, as sacreBLEU computes it.",
    Rouge(super::rouge::Rouge) = "rouge": "ROUGE against references, as rouge-score computes it.",
    Chrf(super::chrf::Chrf) = "chrf": "Character n-gram F-score against references, as sacreBLEU computes it.",
    Similarity(super::similarity::Similarity) = "similarity": "Cosine of embeddings of answer and reference.",
    ToolCall(super::tool_call::ToolCalls) = "tool_call": "The model called the right functions with admissible arguments.",
    Instructions(super::instructions::Instructions) = "instructions": "The answer follows verifiable instructions, as IFEval defines them.",
    Judge(super::judge::Judge) = "judge": "Another model judges the answer by a rubric.",
    Pairwise(super::pairwise::Pairwise) = "pairwise": "Another model says which of two answers is better, in both orders.",
    Code(super::code::Code) = "code": "The answer's code passes tests in the sandbox.",
    Command(super::command::Command) = "command": "The suite author's own program judges.",
    MaxTtft(super::budget::MaxTtft) = "max_ttft": "The first token came in time.",
    MaxE2e(super::budget::MaxE2e) = "max_e2e": "The last token came in time.",
    MaxCost(super::budget::MaxCost) = "max_cost": "The answer cost no more than a limit.",
    FinishReason(super::finish_reason::FinishReason) = "finish_reason": "The answer ended for an accepted reason.",
    All(super::combine::Combination<super::combine::All>) = "all": "Every grader passes.",
    Any(super::combine::Combination<super::combine::Any>) = "any": "One grader passes.",
    Not(super::combine::Combination<super::combine::Not>) = "not": "The grader does not pass.",
    Weighted(super::combine::Combination<super::combine::Weighted>) = "weighted": "The weighted mean of graders.",
}

/// [`Spec`] without its constructor, so that kinds can be spoken to alike.
trait ErasedSpec {
    fn rule(&self, context: &Context) -> Result<Box<dyn Rule>, Vec<Problem>>;
    fn files(&self) -> Vec<String>;
    fn targets(&self) -> Vec<String>;
    fn labels(&self) -> Vec<String>;
    fn runs_code(&self) -> bool;
    fn sees_refusals(&self) -> bool;
}

impl<T: Spec> ErasedSpec for T {
    fn rule(&self, context: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        Spec::rule(self, context)
    }
    fn files(&self) -> Vec<String> {
        Spec::files(self)
    }
    fn targets(&self) -> Vec<String> {
        Spec::targets(self)
    }
    fn labels(&self) -> Vec<String> {
        Spec::labels(self)
    }
    fn runs_code(&self) -> bool {
        Spec::runs_code(self)
    }
    fn sees_refusals(&self) -> bool {
        Spec::sees_refusals(self)
    }
}

impl Kind {
    pub(crate) fn rule(&self, context: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        self.spec().rule(context)
    }

    pub(crate) fn files(&self) -> Vec<String> {
        self.spec().files()
    }

    pub(crate) fn sees_refusals(&self) -> bool {
        self.spec().sees_refusals()
    }
}

impl GraderSpec {
    /// The name in reports.
    pub fn id(&self) -> String {
        self.common.id.clone().unwrap_or_else(|| self.kind.name().to_owned())
    }

    /// Files of the suite that must be in [`Context::files`].
    pub fn files(&self) -> Vec<String> {
        self.kind.files()
    }

    /// Targets that it asks: judges and embedding endpoints.
    pub fn targets(&self) -> Vec<String> {
        self.kind.spec().targets()
    }

    /// Files of labelled answers that its judges are held against in every run.
    pub fn labels(&self) -> Vec<String> {
        self.kind.spec().labels()
    }

    /// It runs what a model wrote and hence needs the user's leave.
    pub fn runs_code(&self) -> bool {
        self.kind.spec().runs_code()
    }
}

/// Reads the parameters of the grader of this name.
pub(crate) struct ByName<'n>(pub(crate) &'n str);

/// The grader's name as key; an unknown one is an error at the key's own place.
struct Name(&'static str);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a grader")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        NAMES
            .iter()
            .find(|known| **known == name)
            .map(|known| Name(known))
            .ok_or_else(|| E::unknown_variant(name, NAMES))
    }
}

struct SpecVisitor;

impl<'de> Visitor<'de> for SpecVisitor {
    type Value = GraderSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a grader, such as `exact: {ignore_case: true}`")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<GraderSpec, E> {
        ByName(name).deserialize(().into_deserializer())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GraderSpec, A::Error> {
        let Some(Name(name)) = map.next_key()? else {
            return Err(A::Error::custom("an empty mapping is no grader; write for example `exact: {}`"));
        };
        let spec = map.next_value_seed(ByName(name))?;
        match map.next_key::<String>()? {
            None => Ok(spec),
            Some(key) => Err(A::Error::custom(format!(
                "`{key}` stands beside `{name}`; indent it under `{name}`, or start a new list item"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for GraderSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpecVisitor)
    }
}

impl Describe for GraderSpec {
    fn schema() -> Value {
        json!({"$ref": "#/$defs/grader"})
    }
}

/// The keys that every grader takes, for help and schema.
pub fn common_params() -> Vec<ParamInfo> {
    let steps = json!({"type": "array", "items": {"$ref": "#/$defs/extract_step"}});
    let optional = |name, help, schema| ParamInfo { name, help, required: false, schema };
    vec![
        optional("id", "Name in reports; the grader's kind by default.", json!({"type": "string"})),
        optional(
            "extract",
            "Pipeline that cuts the judged text out of the reply, or several by name.",
            json!({"anyOf": [{"type": "string"}, steps, {"type": "object", "additionalProperties": steps}]}),
        ),
        optional("of", "What of the reply is judged.", Of::schema()),
        optional("when", "Tags of the cases judged; `!tag` leaves cases out.", When::schema()),
        optional(
            "weight",
            "Share in a weighted mean; 0 records without counting.",
            json!({"type": "number", "minimum": 0}),
        ),
    ]
}

/// JSON Schema of one grader of a suite, with the definitions it refers to: `grader` and `extract_step`.
pub fn schema_definitions() -> Vec<(&'static str, Value)> {
    let variants: Vec<Value> = GRADERS.iter().map(GraderInfo::schema).collect();
    let bare = json!({"enum": NAMES});
    let any_of: Vec<Value> = std::iter::once(bare).chain(variants).collect();
    vec![("grader", json!({"anyOf": any_of})), ("extract_step", super::extract::step_schema())]
}

impl GraderInfo {
    /// JSON Schema of `{name: parameters}`.
    pub fn schema(&self) -> Value {
        let own = (self.params)();
        let required: Vec<&str> = own.iter().filter(|param| param.required).map(|param| param.name).collect();
        let mut properties = serde_json::Map::new();
        for param in common_params().into_iter().chain(own) {
            let mut schema = param.schema;
            if let Value::Object(fields) = &mut schema {
                fields.insert("description".into(), param.help.trim().into());
            }
            properties.insert(param.name.into(), schema);
        }
        let mut block = json!({"type": ["object", "null"], "additionalProperties": false, "properties": properties});
        if !required.is_empty() {
            block["required"] = json!(required);
        }
        json!({
            "type": "object", "additionalProperties": false, "required": [self.name], "description": self.help,
            "properties": {self.name: block},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Vec<GraderSpec>, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn suites_name_graders_by_key() {
        let specs = read("- json\n- exact:\n- exact: {value: no, id: sure, weight: 2, when: easy}\n- regex: a+\n- contains: {any: [1e3, off]}\n").unwrap();
        assert_eq!(
            specs.iter().map(GraderSpec::id).collect::<Vec<_>>(),
            ["json", "exact", "sure", "regex", "contains"]
        );
        let Kind::Exact(exact) = &specs[2].kind else { panic!("not exact") };
        assert_eq!(exact.value.as_ref().unwrap().0, "no");
        assert_eq!(specs[2].common.when.0, ["easy"]);
        let Kind::Contains(contains) = &specs[4].kind else { panic!("not contains") };
        assert_eq!(contains.any.as_ref().unwrap().0, ["1e3", "off"]);
    }

    #[test]
    fn mistakes_are_errors_at_their_place() {
        let rows = [
            ("- exact: {}\n- exat: {}", "line 2", "exat"),
            ("- exact:\n    ignorecase: true", "line 2", "ignorecase"),
            ("- regex: {group: 1}", "line 1", "missing field `pattern`"),
            ("- exact: {}\n  id: x", "line 1", "beside"),
            ("- json: 7", "line 1", "mapping"),
            ("- exact: {extract: [lowercas]}", "line 1", "lowercas"),
            ("- {}", "line 1", "exact: {}"),
        ];
        for (yaml, place, word) in rows {
            let message = read(yaml).unwrap_err();
            assert!(message.contains(place) && message.contains(word), "{yaml}: {message}");
        }
    }

    #[test]
    fn the_registry_describes_every_parameter() {
        for grader in GRADERS {
            assert!(grader.help.ends_with('.') && grader.help.len() < 120, "{}", grader.name);
            for param in (grader.params)() {
                assert!(param.help.trim().ends_with('.'), "{}.{}", grader.name, param.name);
                assert!(
                    param.name == "of" || common_params().iter().all(|common| common.name != param.name),
                    "{}.{}",
                    grader.name,
                    param.name
                );
            }
        }
        assert_eq!(GRADERS[0].schema()["properties"]["exact"]["properties"]["trim"]["type"], "boolean");
    }

    /// The graders of an example suite; the rest of the suite is the suite room's business.
    #[derive(serde::Deserialize)]
    struct Example {
        graders: Vec<GraderSpec>,
    }

    fn uses(spec: &GraderSpec, name: &str) -> bool {
        spec.kind.name() == name || format!("{spec:?}").to_lowercase().contains(&name.replace('_', ""))
    }

    #[test]
    fn every_grader_has_an_example() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/examples");
        for grader in GRADERS {
            let text = std::fs::read_to_string(folder.join(format!("{}.yaml", grader.name))).expect(grader.name);
            let example: Example = serde_saphyr::from_str(&text).map_err(|error| error.to_string()).expect(grader.name);
            assert!(example.graders.iter().any(|spec| uses(spec, grader.name)), "{}", grader.name);
            for spec in &example.graders {
                assert!(crate::grade::compile(spec, &Context::default()).is_ok(), "{}", grader.name);
            }
        }
    }
}
