//! `instructions`: verifiable instructions by their published ids, as IFEval defines them.
//!
//! All 25 instruction types of Zhou et al. 2023 (arXiv:2311.07911), written anew after the published definitions.
//! `loose` accepts an answer if any of eight variants follows: without its first line, without its last, without
//! both, each with and without asterisks. Sentences and words are those of NLTK up to 3.9 (see [`sentences`]). The
//! language of a text rests on a trained model in the original and is approximated here (see [`language`]).
//!
//! Without `checks`, the case's `expect` states them: an id, `{id, kwargs}`, a list of either, `{checks: [..]}`, or
//! IFEval's own `{instruction_id_list, kwargs}`.

mod check;
pub mod language;
mod punkt;
pub mod sentences;
mod words;

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::params::Describe;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use super::subject::no_expectation;
use crate::domain::Case;
use crate::domain::Verdict;
use check::Check;

params! {
    /// Parameters of `instructions`.
    pub struct Instructions {
        /// The instructions, by published id and arguments; the case's `expect` by default.
        checks: Option<Vec<Instruction>> = None,
        /// Accept an answer if a variant of it follows: without first or last line, without asterisks.
        loose: bool = false,
    }
}

/// An instruction by its published id.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instruction {
    /// Such as `length_constraints:number_words`.
    pub id: String,
    /// Arguments by their published names; `null` stands for absent.
    #[serde(default)]
    pub kwargs: Option<Map<String, Value>>,
}

impl Describe for Instruction {
    fn schema() -> Value {
        json!({
            "type": "object", "additionalProperties": false, "required": ["id"],
            "properties": {"id": {"enum": check::IDS}, "kwargs": {"type": ["object", "null"]}},
        })
    }
}

struct Follows {
    fixed: Option<Vec<Check>>,
    loose: bool,
}

impl Spec for Instructions {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let fixed = self.checks.as_ref().map(|checks| {
            let mut problems = Vec::new();
            let mut compiled = Vec::new();
            for (at, one) in checks.iter().enumerate() {
                match compile(one) {
                    Ok(check) => compiled.push(check),
                    Err(message) => problems.push(Problem::at(format!("checks[{at}]"), message)),
                }
            }
            if problems.is_empty() { Ok(compiled) } else { Err(problems) }
        });
        Ok(Box::new(Follows { fixed: fixed.transpose()?, loose: self.loose }))
    }
}

fn compile(instruction: &Instruction) -> Result<Check, String> {
    Check::new(&instruction.id, instruction.kwargs.as_ref().unwrap_or(&Map::new()))
}

/// The instructions that an expectation states.
fn stated(expect: &Value) -> Result<Vec<Check>, String> {
    let complaint = || "`expect` states no instructions; write a list of `{id: .., kwargs: {..}}`".to_owned();
    let instructions: Vec<Instruction> = match (expect.get("instruction_id_list"), expect.get("kwargs")) {
        (Some(Value::Array(ids)), Some(Value::Array(kwargs))) if ids.len() == kwargs.len() => {
            let pairs = ids.iter().zip(kwargs).map(|(id, kwargs)| json!({"id": id, "kwargs": kwargs}));
            pairs.map(serde_json::from_value).collect::<Result<_, _>>().map_err(|_| complaint())?
        }
        _ => {
            let items = match expect.get("checks").unwrap_or(expect) {
                Value::Array(items) => items.clone(),
                one => vec![one.clone()],
            };
            let whole = |item: Value| if item.is_string() { json!({ "id": item }) } else { item };
            let read = items.into_iter().map(|item| serde_json::from_value(whole(item)));
            read.collect::<Result<_, _>>().map_err(|_| complaint())?
        }
    };
    instructions.iter().map(compile).collect()
}

impl Rule for Follows {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        Step::Done(match (&self.fixed, &subject.case.expect) {
            (Some(checks), _) => self.verdict(checks, &subject.text),
            (None, None) => no_expectation(),
            (None, Some(expect)) => match stated(&expect.json().value()) {
                Ok(checks) => self.verdict(&checks, &subject.text),
                Err(message) => Verdict::ungradable(message),
            },
        })
    }

    fn objection(&self, case: &Case) -> Option<String> {
        match (&self.fixed, &case.expect) {
            (Some(_), _) => None,
            (None, None) => Some("it has no `checks`, and this case states none in `expect`".into()),
            (None, Some(expect)) => stated(&expect.json().value()).err(),
        }
    }
}

impl Follows {
    fn verdict(&self, checks: &[Check], text: &str) -> Verdict {
        let variants = if self.loose { loosened(text) } else { vec![text.to_owned()] };
        let follows = |check: &Check| variants.iter().any(|text| !text.trim().is_empty() && check.follows(text));
        let missed: Vec<&str> = checks.iter().filter(|check| !follows(check)).map(Check::id).collect();
        let why = if missed.is_empty() {
            format!("follows all {}", checks.len())
        } else {
            format!("{} of {} not followed: {}", missed.len(), checks.len(), missed.join(", "))
        };
        Verdict::decide(missed.is_empty(), why)
    }
}

/// The eight variants of loose accuracy, each once.
fn loosened(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.split('\n').collect();
    let last = lines.len() - 1;
    let without = |range: std::ops::Range<usize>| lines.get(range).unwrap_or_default().join("\n").trim().to_owned();
    let cut = [text.to_owned(), without(1..last + 1), without(0..last), without(1..last.max(1))];
    let bare: Vec<String> = cut.iter().map(|text| text.replace('*', "")).collect();
    let mut variants: Vec<String> = Vec::with_capacity(8);
    for variant in cut.into_iter().chain(bare) {
        if !variants.contains(&variant) {
            variants.push(variant);
        }
    }
    variants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::testing::objection;
    use crate::grade::testing::passes;
    use crate::grade::testing::problems;

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "tests write values in place")]
    fn check(id: &str, kwargs: Value, rows: &[(&str, bool)]) {
        for (text, follows) in rows {
            let spec = json!({"instructions": {"checks": [{"id": id, "kwargs": kwargs}]}});
            assert_eq!(passes(spec, json!(null), text), *follows, "{id} {kwargs} on {text:?}");
        }
    }

    #[test]
    fn keywords_and_letters() {
        check(
            "keywords:existence",
            json!({"keywords": ["Alpha", "beta"]}),
            &[("BETA alphabet", true), ("alpha", false)],
        );
        check(
            "keywords:frequency",
            json!({"keyword": "a b", "frequency": 2, "relation": "at least"}),
            &[("a b A B", true), ("a b", false)],
        );
        check(
            "keywords:frequency",
            json!({"keyword": "x", "frequency": 2, "relation": "less than"}),
            &[("x", true), ("x x", false)],
        );
        check("keywords:forbidden_words", json!({"forbidden_words": ["cat"]}), &[("concat", true), ("a Cat.", false)]);
        check(
            "keywords:letter_frequency",
            json!({"letter": "A", "let_frequency": 2, "let_relation": "at least"}),
            &[("aA", true), ("a", false)],
        );
        check(
            "keywords:letter_frequency",
            json!({"letter": "!", "let_frequency": 1, "let_relation": "less than"}),
            &[("a", true), ("a!", false)],
        );
    }

    #[test]
    fn a_case_states_instructions_in_several_forms() {
        let one = json!({"id": "punctuation:no_comma"});
        let forms = [
            json!("punctuation:no_comma"),
            one.clone(),
            json!(["punctuation:no_comma"]),
            json!([one]),
            json!({"checks": [one]}),
            json!({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"num_words": null}]}),
        ];
        for expect in forms {
            assert!(passes(json!("instructions"), expect.clone(), "a b"), "{expect}");
            assert!(!passes(json!("instructions"), expect.clone(), "a, b"), "{expect}");
        }
        assert!(objection(json!("instructions"), json!({"prompt": "x"})).is_some());
    }

    #[test]
    fn lengths() {
        check(
            "length_constraints:number_words",
            json!({"num_words": 3, "relation": "at least"}),
            &[("it's on", true), ("well-read", false)],
        );
        check(
            "length_constraints:number_sentences",
            json!({"num_sentences": 2, "relation": "less than"}),
            &[("Dr. Smith came.", true), ("He came. He saw.", false)],
        );
        check(
            "length_constraints:number_paragraphs",
            json!({"num_paragraphs": 2}),
            &[("a\n***\nb", true), ("***\na\n***\nb", true), ("a\n***\n \n***\nb", false), ("a", false)],
        );
        check(
            "length_constraints:nth_paragraph_first_word",
            json!({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Weekend"}),
            &[("a\n\n\"Weekend\", b", true), ("a\n\nweekend's b", true), ("weekend\n\na", false), ("weekend", false)],
        );
    }

    #[test]
    fn content_and_format() {
        check(
            "detectable_content:number_placeholders",
            json!({"num_placeholders": 2}),
            &[("[a] [b]", true), ("[a b", false)],
        );
        check(
            "detectable_content:postscript",
            json!({"postscript_marker": "P.S."}),
            &[("x\np. s. y", true), ("x ps y", false)],
        );
        check(
            "detectable_content:postscript",
            json!({"postscript_marker": "P.P.S"}),
            &[("x\nP.P.S hi", true), ("P.S. hi", false)],
        );
        check(
            "detectable_format:number_bullet_lists",
            json!({"num_bullets": 2}),
            &[("* a\n - b", true), ("** a\n* b", false), ("* a", false)],
        );
        check("detectable_format:constrained_response", json!({}), &[("So: My answer is no. ", true), ("no", false)]);
        check(
            "detectable_format:number_highlighted_sections",
            json!({"num_highlights": 2}),
            &[("*a* **b**", true), ("*a*", false), ("** **", false)],
        );
        check(
            "detectable_format:multiple_sections",
            json!({"section_spliter": "Section", "num_sections": 2}),
            &[("Section 1\na\nSection 2\nb", true), ("Section 1 a", false)],
        );
        check(
            "detectable_format:json_format",
            json!({}),
            &[("```json\n{\"a\": 1}\n```", true), ("[1]", true), ("x", false)],
        );
        check("detectable_format:title", json!({}), &[("<<a>>", true), ("<< >>", false), ("<<a\n>>", false)]);
    }

    #[test]
    fn combinations_ends_case_and_punctuation() {
        check(
            "combination:two_responses",
            json!({}),
            &[("a******b", true), ("a******a", false), ("a******b******c", false), ("a", false)],
        );
        check(
            "combination:repeat_prompt",
            json!({"prompt_to_repeat": "Say hi"}),
            &[(" SAY HI hi", true), ("hi", false)],
        );
        check(
            "startend:end_checker",
            json!({"end_phrase": "The end."}),
            &[("x \"the END.\"", true), ("the end", false)],
        );
        check("startend:quotation", json!({}), &[(" \"a\" ", true), ("\"", false), ("\"a", false)]);
        check("punctuation:no_comma", json!({}), &[("a b", true), ("a, b", false)]);
        check(
            "change_case:english_capital",
            json!({}),
            &[("THIS IS THE END OF IT", true), ("This is the end of it", false)],
        );
        check(
            "change_case:english_lowercase",
            json!({}),
            &[
                ("this is the end of it", true),
                ("This is the end of it", false),
                ("das ist das ende und es ist gut", false),
            ],
        );
        check(
            "change_case:capital_word_frequency",
            json!({"capital_frequency": 3, "capital_relation": "at least"}),
            &[("A DON'T b", true), ("A b", false)],
        );
        check(
            "language:response_language",
            json!({"language": "de"}),
            &[("Das ist nicht gut und wir wissen es", true), ("This is not good", false)],
        );
    }

    /// Ours are the ids of the published registry, no more and no fewer.
    #[test]
    fn there_are_twenty_five() {
        assert_eq!(check::IDS.len(), 25);
    }

    #[test]
    fn loose_forgives_first_and_last_lines_and_asterisks() {
        let spec = |loose: bool| json!({"instructions": {"checks": [{"id": "startend:quotation"}], "loose": loose}});
        let text = "Sure:\n\"*a*\"\nBye";
        assert!(!passes(spec(false), json!(null), text));
        assert!(passes(spec(true), json!(null), text));
        assert_eq!(loosened("one"), ["one", ""]);
        assert!(!passes(spec(true), json!(null), " \n "));
    }

    #[test]
    fn the_case_can_state_them() {
        let list = json!({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"num_words": null}]});
        assert!(passes(json!("instructions"), list.clone(), "a b"));
        assert!(!passes(json!("instructions"), list, "a, b"));
        assert!(!passes(json!("instructions"), json!([{"id": "punctuation:no_comma"}]), "a, b"));
        assert!(objection(json!("instructions"), json!("text")).is_some());
    }

    #[test]
    fn unknown_ids_and_missing_arguments_are_named() {
        let with = |check: Value| problems(json!({"instructions": {"checks": [check]}})).remove(0);
        assert!(with(json!({"id": "punctuation:no_coma"})).contains("did you mean `punctuation:no_comma`"));
        assert!(with(json!({"id": "length_constraints:number_words"})).contains("`num_words`"));
        assert!(
            with(json!({"id": "keywords:frequency", "kwargs": {"keyword": "a", "frequency": 1, "relation": "about"}}))
                .contains("at least")
        );
        assert!(with(json!({"id": "punctuation:no_comma", "kwargs": {"comma": 1}})).contains("`comma`"));
    }
}
