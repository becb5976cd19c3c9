//! `json_schema`: the answer is JSON that conforms to a JSON Schema, drafts 4 to 2020-12.
//!
//! The draft is the one that `$schema` names, 2020-12 by default. References stay inside the schema: nothing is
//! fetched. Built without the feature `json-schema`, suites that use it are refused.

use serde_json::Value;

use super::compile::Context;
use super::compile::Problem;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;

params! {
    /// Parameters of `json_schema`.
    pub struct JsonSchema {
        /// The schema itself, or the name of a file of the suite; the case's `expect` by default.
        schema: Option<Value> = None,
    }
}

impl Spec for JsonSchema {
    fn rule(&self, context: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let schema = match &self.schema {
            None => None,
            Some(Value::String(name)) => {
                Some(read(name, context).map_err(|message| vec![Problem::at("schema", message)])?)
            }
            Some(inline) => Some(inline.clone()),
        };
        engine::rule(schema.as_ref()).map_err(|message| vec![Problem::at("schema", message)])
    }

    fn files(&self) -> Vec<String> {
        self.schema.as_ref().and_then(Value::as_str).map(str::to_owned).into_iter().collect()
    }
}

fn read(name: &str, context: &Context) -> Result<Value, String> {
    let bytes = context.files.get(name).ok_or_else(|| format!("`{name}` could not be read"))?;
    serde_json::from_slice(bytes).map_err(|error| format!("`{name}` is no JSON: {error}"))
}

#[cfg(feature = "json-schema")]
mod engine {
    //! With a validator.

    use jsonschema::Validator;
    use serde_json::Value;

    use crate::domain::Case;
    use crate::domain::Verdict;
    use crate::grade::Step;
    use crate::grade::json;
    use crate::grade::subject::Rule;
    use crate::grade::subject::Subject;
    use crate::grade::subject::no_expectation;
    use crate::text::plain::one_line;

    /// Problems of one answer that a verdict names.
    const SHOWN: usize = 3;

    struct Conforms {
        fixed: Option<Validator>,
    }

    pub(super) fn rule(schema: Option<&Value>) -> Result<Box<dyn Rule>, String> {
        Ok(Box::new(Conforms { fixed: schema.map(compile).transpose()? }))
    }

    fn compile(schema: &Value) -> Result<Validator, String> {
        if !(schema.is_object() || schema.is_boolean()) {
            return Err("a JSON Schema is an object, `true` or `false`".into());
        }
        jsonschema::options().build(schema).map_err(|error| {
            let at = error.instance_path().to_string();
            let at = if at.is_empty() { String::new() } else { format!(" at `{at}`") };
            format!("no valid JSON Schema{at}: {}", one_line(&error.to_string(), 200))
        })
    }

    impl Rule for Conforms {
        fn judge(&self, subject: &Subject<'_>) -> Step {
            let document = match json::parse(&subject.text) {
                Ok(document) => document,
                Err(why) => return Step::Done(Verdict::decide(false, why)),
            };
            if let Some(validator) = &self.fixed {
                return Step::Done(check(validator, &document));
            }
            let Some(expect) = &subject.case.expect else { return Step::Done(no_expectation()) };
            Step::Done(match compile(&expect.json().value()) {
                Ok(validator) => check(&validator, &document),
                Err(message) => Verdict::ungradable(message),
            })
        }

        fn objection(&self, case: &Case) -> Option<String> {
            if self.fixed.is_some() {
                return None;
            }
            match &case.expect {
                None => Some("it has no `schema`, and this case states none in `expect`".into()),
                Some(expect) => compile(&expect.json().value()).err(),
            }
        }
    }

    fn check(validator: &Validator, document: &Value) -> Verdict {
        let mut errors = validator.iter_errors(document);
        let shown: Vec<String> = errors
            .by_ref()
            .take(SHOWN)
            .map(|error| {
                let at = error.instance_path().to_string();
                let at = if at.is_empty() { "the document".into() } else { at };
                format!("{at}: {}", one_line(&error.to_string(), 120))
            })
            .collect();
        let more = if errors.next().is_some() { ", and more" } else { "" };
        if shown.is_empty() {
            Verdict::decide(true, "conforms")
        } else {
            Verdict::decide(false, format!("{}{more}", shown.join("; ")))
        }
    }
}

#[cfg(not(feature = "json-schema"))]
mod engine {
    //! Without a validator.

    use serde_json::Value;

    use crate::grade::subject::Rule;

    pub(super) fn rule(_: Option<&Value>) -> Result<Box<dyn Rule>, String> {
        Err("this llmark was built without the feature `json-schema`".into())
    }
}

#[cfg(all(test, feature = "json-schema"))]
mod tests {
    use crate::grade::Context;
    use crate::grade::compile;
    use crate::grade::testing::objection;
    use crate::grade::testing::passes;
    use crate::grade::testing::problems;
    use crate::grade::testing::spec;
    use serde_json::json;

    #[test]
    fn documents_are_checked_by_their_draft() {
        let draft4 =
            json!({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 3, "exclusiveMinimum": true});
        let draft7 = json!({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}], "additionalItems": false});
        let latest = json!({"prefixItems": [{"type": "string"}], "items": false});
        let named =
            json!({"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}, "required": ["a"]});
        let rows = [
            (&draft4, "3", false),
            (&draft4, "4", true),
            (&draft7, "[\"a\", 1]", false),
            (&draft7, "[\"a\"]", true),
            (&latest, "[\"a\", 1]", false),
            (&named, "{\"a\": 1}", true),
            (&named, "{\"a\": \"1\"}", false),
            (&named, "{}", false),
            (&named, "nonsense", false),
        ];
        for (schema, text, passed) in rows {
            assert_eq!(
                passes(json!({"json_schema": {"schema": schema}}), json!(null), text),
                passed,
                "{schema} {text}"
            );
            assert_eq!(passes(json!("json_schema"), schema.clone(), text), passed, "{schema} {text}");
        }
    }

    #[test]
    fn files_come_from_the_context() {
        let spec = spec(json!({"json_schema": {"schema": "a.json"}}));
        assert_eq!(spec.files(), ["a.json"]);
        let with = |text: &str| {
            let files = [("a.json".to_owned(), text.as_bytes().to_vec())].into();
            compile(&spec, &Context { files, ..Context::default() }).map(|graders| graders.len())
        };
        assert_eq!(with("{}").unwrap(), 1);
        assert!(with("{").unwrap_err()[0].message.contains("no JSON"));
        assert!(problems(json!({"json_schema": {"schema": "a.json"}}))[0].contains("could not be read"));
    }

    #[test]
    fn bad_schemas_are_found_before_any_call() {
        assert!(problems(json!({"json_schema": {"schema": {"type": "strong"}}}))[0].contains("no valid JSON Schema"));
        assert!(
            problems(json!({"json_schema": {"schema": {"$ref": "http://example.com/x.json"}}}))[0].contains("schema")
        );
        assert!(objection(json!("json_schema"), json!("text")).is_some());
        assert!(objection(json!("json_schema"), json!(null)).is_some());
    }
}
