//! Prompt templates: `{{ variable }}`, strict, bounded, one pass.
//!
//! A value is put in as it is: braces inside it are never read as a template. Templates see the case's variables and
//! nothing else: no files, no environment, no clock.

use std::ops::Range;

use minijinja::Environment;
use minijinja::ErrorKind;
use minijinja::UndefinedBehavior;
use minijinja::Value;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::value::ValueKind;

use super::problem::Sink;
use super::problem::Span;
use crate::domain::Case;
use crate::text::nearest;

/// Steps that one rendering may take; a loop over ten thousand items needs about a hundred thousand.
const FUEL: u64 = 20_000_000;

/// All templates of a suite, compiled once.
#[derive(Debug)]
pub struct Templates {
    engine: Environment<'static>,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    span: Span,
    text: String,
    /// Holds no markup at all: rendering would copy it.
    plain: bool,
}

/// One template of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template(usize);

/// Values for templates, prepared once per case.
#[derive(Debug, Clone)]
pub struct Vars {
    value: Value,
    names: Vec<String>,
}

impl Vars {
    /// The variables of a case.
    pub fn of(case: &Case) -> Self {
        let pairs = case.vars.iter().map(|(name, json)| (name.clone(), Value::from(Serde(json.value()))));
        Self { value: Value::from_pairs(pairs), names: case.vars.keys().cloned().collect() }
    }
}

impl Default for Templates {
    fn default() -> Self {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            engine.set_syntax(syntax);
        }
        engine.set_fuel(Some(FUEL));
        engine.set_formatter(|out, _, value| {
            // Lists, mappings and booleans are written as JSON, not in the engine's own notation.
            match value.kind() {
                ValueKind::Map | ValueKind::Seq => out.write_str(&json_of(value)).map_err(Into::into),
                ValueKind::None => out.write_str("null").map_err(Into::into),
                ValueKind::Bool => out.write_str(if value.is_true() { "true" } else { "false" }).map_err(Into::into),
                _ => write!(out, "{value}").map_err(Into::into),
            }
        });
        Self { engine, places: Vec::new() }
    }
}

fn json_of(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

impl Templates {
    /// Compiles `text`, which stands at `span`. A mistake goes to the sink; rendering then repeats the text.
    pub fn add(&mut self, sink: &Sink, span: Span, text: &str) -> Template {
        let id = self.places.len();
        let plain = !["{{", "{%", "{#"].iter().any(|open| text.contains(open));
        self.places.push(Place { span, text: text.to_owned(), plain });
        if !plain && let Err(error) = self.engine.add_template_owned(id.to_string(), text.to_owned()) {
            let at = self.locate(sink, id, error.range().unwrap_or(0..0));
            let detail = error.detail().unwrap_or("not a template").to_owned();
            let help = "variables are written `{{ name }}`; `{% raw %}..{% endraw %}` keeps braces as they are";
            sink.advise(at, format!("template: {detail}"), help);
            if let Some(place) = self.places.last_mut() {
                place.plain = true;
            }
        }
        Template(id)
    }

    /// The text as written.
    pub fn source(&self, template: Template) -> &str {
        self.places.get(template.0).map_or("", |place| &place.text)
    }

    /// Rendering it for any case gives the same text.
    pub fn is_plain(&self, template: Template) -> bool {
        self.places.get(template.0).is_none_or(|place| place.plain)
    }

    /// The template filled with a case's variables; a mistake goes to the sink, once per template and kind.
    pub fn render(&self, sink: &Sink, template: Template, vars: &Vars, case: &Case) -> Option<String> {
        let place = self.places.get(template.0)?;
        if place.plain {
            return Some(place.text.clone());
        }
        let compiled = self.engine.get_template(&template.0.to_string()).ok()?;
        match compiled.render(vars.value.clone()) {
            Ok(text) => Some(text),
            Err(error) => {
                self.report(sink, template, &error, vars, case);
                None
            }
        }
    }

    fn report(&self, sink: &Sink, template: Template, error: &minijinja::Error, vars: &Vars, case: &Case) {
        let range = error.range().unwrap_or(0..0);
        let span = self.locate(sink, template.0, range.clone());
        let source = self.source(template);
        let written = source.get(range).unwrap_or_default().trim().to_owned();
        match error.kind() {
            ErrorKind::UndefinedError => {
                let help = match nearest(&written, vars.names.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if vars.names.is_empty() => "add it to the case's `vars:`".into(),
                    None => format!("the case has {}", vars.names.join(", ")),
                };
                sink.advise(span, format!("`{written}` is not defined for case `{}`", case.id), help);
            }
            ErrorKind::OutOfFuel => {
                let message = format!("the template takes more than {FUEL} steps for case `{}`", case.id);
                sink.advise(span, message, "shorten its loops, or keep long text in the case");
            }
            _ => {
                let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
                sink.report(span, format!("template: {detail} (case `{}`)", case.id), None);
            }
        }
    }

    /// The place in the file of `range` in a template.
    ///
    /// Quotes, indentation and folds stand between the two, so the same word is looked for: its n-th occurrence.
    fn locate(&self, sink: &Sink, id: usize, range: Range<usize>) -> Span {
        let Some(Place { span, text, .. }) = self.places.get(id) else { return Span::default() };
        let Some(word) = text.get(range.clone()).map(str::trim).filter(|word| !word.is_empty() && !word.contains('\n'))
        else {
            return *span;
        };
        let n = text[..range.start].matches(word).count();
        let written = sink.slice(*span);
        match written.match_indices(word).nth(n) {
            Some((at, _)) => span.part(at..at + word.len()),
            None => *span,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;
    use serde_json::json;

    use super::*;
    use crate::domain::JsonText;

    fn case(vars: &Json) -> Case {
        let members = vars.as_object().cloned().unwrap_or_default();
        let vars: crate::domain::Vars =
            members.iter().map(|(name, value)| (name.clone(), JsonText::new(value))).collect();
        Case { id: "c".into(), vars, expect: None, tags: Vec::new(), cluster: None, canary: false }
    }

    fn rendered(text: &str, vars: &Json) -> Result<String, String> {
        let sink = Sink::default();
        let source = sink.add_source("s.yaml", format!("user: \"{text}\""));
        let span = Span { source, start: 6, end: 8 + text.len() as u32 };
        let mut templates = Templates::default();
        let template = templates.add(&sink, span, text);
        let case = case(vars);
        let text = templates.render(&sink, template, &Vars::of(&case), &case);
        sink.finish(text).map_err(|problems| problems.to_string())
    }

    #[track_caller]
    fn check(text: &str, vars: &Json, expected: &str) {
        assert_eq!(rendered(text, vars).as_deref(), Ok(expected));
    }

    #[test]
    fn values_go_in_as_they_are() {
        check(
            "a {{ x }} b",
            &json!({"x": "{{ y }} {% raw %} <&> \"q\" {\"a\": 1}"}),
            "a {{ y }} {% raw %} <&> \"q\" {\"a\": 1} b",
        );
        check("{\"a\": {{ x }}}\n", &json!({"x": {"b": [1, null, "é"]}}), "{\"a\": {\"b\":[1,null,\"é\"]}}\n");
        check("{{ x }}{{ y }}", &json!({"x": "no", "y": 1e3}), "no1000.0");
        check("{% for i in range(3) %}{{ i }}{% endfor %}", &json!({}), "012");
        check("{{ n }} {{ t }} {{ not t }}", &json!({"n": null, "t": true}), "null true false");
    }

    #[track_caller]
    fn wrong(text: &str, vars: &Json, wanted: &[&str]) {
        let problems = rendered(text, vars).unwrap_err();
        for word in wanted {
            assert!(problems.contains(word), "{word} not in\n{problems}");
        }
    }

    #[test]
    fn mistakes_are_placed() {
        let vars = json!({"ticket": "x"});
        wrong("Hi {{ tikcet }}", &vars, &["s.yaml:1:14: `tikcet` is not defined", "did you mean `ticket`?"]);
        wrong("Hi {{ ticket.name }}", &vars, &["s.yaml:1:"]);
        wrong("Hi {{ ticket ", &vars, &["template:"]);
        wrong("{% include 'x' %}", &vars, &["template: unknown statement include"]);
        wrong("{{ env.HOME }}", &vars, &["`env.HOME` is not defined"]);
        wrong("{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}", &vars, &["more than"]);
    }
}
