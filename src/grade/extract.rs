//! Extraction: cuts the text to judge out of a reply, by named pipelines of small steps.
//!
//! ```yaml
//! extract: [code_block, trim]                      # one pipeline
//! extract: {strict: [{regex: '#### (.*)'}], loose: [number]}   # two, scored apart as `id.strict` and `id.loose`
//! ```

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::json;

use super::compile::Problem;
use super::jsonpath::JsonPath;
use super::markdown;
use super::numbers;
use super::pattern;
use super::pattern::Pattern;
use super::pattern::Take;

/// One step, by the name and value that the author writes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepSpec {
    /// What a regular expression matched: its first group, or all of it.
    Regex(Pattern),
    /// The value at a path in the JSON of the text.
    JsonPath(String),
    /// The last line that is not blank.
    LastLine,
    /// The first line that is not blank.
    FirstLine,
    /// The content of the last fenced code block; the whole text where there is none.
    CodeBlock,
    /// Without emphasis, headings, bullets, links and code marks.
    StripMarkdown,
    /// In lower case.
    Lowercase,
    /// In upper case.
    Uppercase,
    /// Without white space around it.
    Trim,
    /// Without ASCII and typographic punctuation.
    StripPunctuation,
    /// The last number, in plain decimal form.
    Number,
    /// What follows the last occurrence of a text.
    After(String),
    /// What precedes the first occurrence of a text.
    Before(String),
}

/// Names of all steps, for help and schema.
pub const STEPS: [&str; 13] = [
    "regex",
    "json_path",
    "last_line",
    "first_line",
    "code_block",
    "strip_markdown",
    "lowercase",
    "uppercase",
    "trim",
    "strip_punctuation",
    "number",
    "after",
    "before",
];

/// JSON Schema of one step.
pub fn step_schema() -> serde_json::Value {
    let text = json!({"type": "string"});
    let pattern = json!({"anyOf": [text, {
        "type": "object", "additionalProperties": false, "required": ["pattern"],
        "properties": {"pattern": text, "group": {"type": "integer", "minimum": 0}, "take": {"enum": ["first", "last"]}},
    }]});
    json!({"anyOf": [{"enum": STEPS}, {
        "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
        "properties": {"regex": pattern, "json_path": text, "after": text, "before": text},
    }]})
}

/// Pipelines by name; the only one without a name keeps the grader's own id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extract(pub Vec<(Option<String>, Vec<StepSpec>)>);

struct ExtractVisitor;

impl<'de> Visitor<'de> for ExtractVisitor {
    type Value = Extract;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of extraction steps, or named lists of them")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<Extract, E> {
        let step = StepSpec::deserialize(serde::de::value::StrDeserializer::new(name))?;
        Ok(Extract(vec![(None, vec![step])]))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Extract, A::Error> {
        let mut steps = Vec::new();
        while let Some(step) = seq.next_element()? {
            steps.push(step);
        }
        Ok(Extract(vec![(None, steps)]))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extract, A::Error> {
        let mut pipelines = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if STEPS.contains(&name.as_str()) {
                return Err(A::Error::custom(format!("`{name}` is a step; write steps as a list: `[{name}: ..]`")));
            }
            pipelines.push((Some(name), map.next_value()?));
        }
        Ok(Extract(pipelines))
    }
}

impl<'de> Deserialize<'de> for Extract {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExtractVisitor)
    }
}

/// A compiled pipeline.
#[derive(Debug, Clone, Default)]
pub struct Pipeline(Vec<Cut>);

#[derive(Debug, Clone)]
enum Cut {
    Regex(pattern::Matcher),
    JsonPath(JsonPath),
    After(String),
    Before(String),
    Plain(fn(&str) -> Option<String>),
}

impl Pipeline {
    /// Compiles the steps.
    ///
    /// # Errors
    /// Every invalid pattern and path.
    pub fn new(steps: &[StepSpec]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut cuts = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            match compile(step) {
                Ok(cut) => cuts.push(cut),
                Err(message) => problems.push(Problem::at(format!("extract[{at}]"), message)),
            }
        }
        if problems.is_empty() { Ok(Self(cuts)) } else { Err(problems) }
    }

    /// Whether the text passes unchanged.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text cut out of `text`.
    ///
    /// # Errors
    /// Says which step found nothing.
    pub fn apply<'t>(&self, text: Cow<'t, str>) -> Result<Cow<'t, str>, String> {
        self.0.iter().try_fold(text, |text, cut| match cut.apply(&text) {
            Some(cut) => Ok(Cow::Owned(cut)),
            None => Err(cut.missing()),
        })
    }
}

fn compile(step: &StepSpec) -> Result<Cut, String> {
    Ok(match step {
        StepSpec::Regex(pattern) => Cut::Regex(pattern.compile(Take::First)?),
        StepSpec::JsonPath(path) => Cut::JsonPath(JsonPath::parse(path)?),
        StepSpec::After(mark) => Cut::After(mark.clone()),
        StepSpec::Before(mark) => Cut::Before(mark.clone()),
        StepSpec::LastLine => Cut::Plain(|t| t.lines().rev().find(|l| !l.trim().is_empty()).map(str::to_owned)),
        StepSpec::FirstLine => Cut::Plain(|t| t.lines().find(|l| !l.trim().is_empty()).map(str::to_owned)),
        StepSpec::CodeBlock => Cut::Plain(|t| Some(markdown::last_code_block(t).unwrap_or(t).to_owned())),
        StepSpec::StripMarkdown => Cut::Plain(|t| Some(markdown::strip(t))),
        StepSpec::Lowercase => Cut::Plain(|t| Some(t.to_lowercase())),
        StepSpec::Uppercase => Cut::Plain(|t| Some(t.to_uppercase())),
        StepSpec::Trim => Cut::Plain(|t| Some(t.trim().to_owned())),
        StepSpec::StripPunctuation => Cut::Plain(|t| Some(t.chars().filter(|c| !is_punctuation(*c)).collect())),
        StepSpec::Number => Cut::Plain(|t| numbers::find(t).last().map(|found| numbers::plain(found.value))),
    })
}

impl Cut {
    fn apply(&self, text: &str) -> Option<String> {
        match self {
            Self::Regex(matcher) => matcher.find(text).map(str::to_owned),
            Self::JsonPath(path) => {
                let json: serde_json::Value = serde_json::from_str(text.trim()).ok()?;
                path.select(&json).first().map(|value| match value {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
            }
            Self::After(mark) => text.rfind(mark).map(|at| text[at + mark.len()..].to_owned()),
            Self::Before(mark) => text.find(mark).map(|at| text[..at].to_owned()),
            Self::Plain(cut) => cut(text),
        }
    }

    fn missing(&self) -> String {
        match self {
            Self::Regex(matcher) => format!("nothing matches `{}`", matcher.pattern()),
            Self::JsonPath(path) => format!("no JSON value at `{path}`"),
            Self::After(mark) | Self::Before(mark) => format!("no `{mark}` in the text"),
            Self::Plain(_) => "nothing to extract".into(),
        }
    }
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '¡' | '¿' | '«' | '»' | '！' | '？' | '，' | '：' | '；')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(steps: serde_json::Value, text: &str) -> Result<String, String> {
        let Extract(pipelines) = serde_json::from_value(steps).map_err(|e| e.to_string())?;
        let pipeline = Pipeline::new(&pipelines[0].1).map_err(|problems| problems[0].message.clone())?;
        pipeline.apply(text.into()).map(Cow::into_owned)
    }

    #[test]
    fn steps_cut_what_they_say() {
        let rows = [
            (json!([{"regex": "a(.)c"}]), "xabcx", Ok("b")),
            (json!([{"regex": {"pattern": "\\d", "take": "last"}}]), "1 2 3", Ok("3")),
            (json!([{"json_path": "$.a[-1]"}]), "{\"a\": [1, \"z\"]}", Ok("z")),
            (json!(["last_line", "trim"]), "a\n  b \n\n", Ok("b")),
            (json!(["first_line"]), "\n\na\nb", Ok("a")),
            (json!(["code_block"]), "x\n```py\nprint(1)\n```\ny", Ok("print(1)\n")),
            (json!("uppercase"), "straße", Ok("STRASSE")),
            (json!(["strip_punctuation"]), "“Hi, you…”", Ok("Hi you")),
            (json!(["number"]), "I paid $1,234.50.", Ok("1234.5")),
            (json!([{"after": "Answer:"}, {"before": "."}, "trim"]), "Answer: 1 Answer: 2. ok", Ok("2")),
            (json!([{"after": "Answer:"}]), "none", Err("no `Answer:` in the text")),
            (json!([{"regex": "("}]), "", Err("`(` is no regular expression: unclosed group")),
        ];
        for (steps, text, expected) in rows {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(cut(steps.clone(), text), expected, "{steps} on {text}");
        }
    }

    #[test]
    fn pipelines_have_names() {
        let extract: Extract = serde_json::from_str(r#"{"strict": ["trim"], "loose": []}"#).unwrap();
        assert_eq!(extract.0[0].0.as_deref(), Some("strict"));
        assert!(serde_json::from_str::<Extract>(r#"{"regex": "x"}"#).unwrap_err().to_string().contains("as a list"));
    }
}
