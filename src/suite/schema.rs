//! The JSON Schema of suite files, for editors: what `llmark schema` prints and `suites/schema.json` keeps.
//!
//! It says what a file may look like; what only the whole can tell (unknown targets, modes, metrics) is left to
//! `llmark check`.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::analyze::slo_expr::SloMetric;
use crate::grade::spec::schema_definitions;

/// The schema as a document.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for (name, mut schema) in own_definitions().into_iter().chain(schema_definitions()) {
        if name == "grader" {
            admit_short_forms(&mut schema);
        }
        definitions.insert(name.to_owned(), schema);
    }
    let Value::Object(mut root) = object(&suite(), &["targets", "prompts"]) else { return Value::Null };
    let mut document = Map::new();
    document.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    document.insert("title".into(), json!("llmark suite"));
    document.append(&mut root);
    document.insert("$defs".into(), Value::Object(definitions));
    Value::Object(document)
}

/// Graders whose block may be a list of graders, or name graders as its keys.
const COMBINING: [&str; 4] = ["all", "any", "not", "weighted"];

/// Lets a grader's block be a scalar, as in `max_ttft: 500ms`, or a list, as in `all: [..]`.
fn admit_short_forms(grader: &mut Value) {
    let variants = grader.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten();
    let blocks = variants.filter_map(|variant| variant.get_mut("properties")?.as_object_mut());
    for (name, block) in blocks.flat_map(|properties| properties.iter_mut()) {
        let Some(block) = block.as_object_mut() else { continue };
        block.insert("patternProperties".into(), json!({"^x-": {}}));
        if COMBINING.contains(&name.as_str()) {
            block.insert("type".into(), json!(["object", "array", "string"]));
            block.insert("items".into(), reference("grader"));
            block.insert("additionalProperties".into(), true.into());
        } else {
            block.insert("type".into(), json!(["object", "null", "string", "number", "array"]));
        }
    }
}

/// The schema as text, indented, with a final newline.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

/// A mapping with these members; keys starting with `x-` are the author's own.
fn object(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object", "additionalProperties": false, "patternProperties": {"^x-": {}},
        "required": required, "properties": properties,
    })
}

fn says(description: &str, schema: Value) -> Value {
    let mut schema = schema;
    if let Value::Object(members) = &mut schema {
        members.insert("description".into(), description.into());
    }
    schema
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn list(name: &str) -> Value {
    json!({"type": "array", "items": reference(name)})
}

fn many(item: &Value) -> Value {
    json!({"anyOf": [item, {"type": "array", "items": item}]})
}

fn text() -> Value {
    json!({"type": "string"})
}

/// A scalar that is read as text whatever it looks like.
fn word() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

fn positive() -> Value {
    json!({"type": "integer", "minimum": 1})
}

fn suite() -> Value {
    json!({
        "name": says("Name of the suite, used in run ids; the file's name by default.", word()),
        "description": says("What it is about.", text()),
        "seed": says("Every random choice derives from it.", json!({"type": "integer", "minimum": 0, "default": 0})),
        "targets": says("Models at endpoints; the unit of comparison.", list("target")),
        "modes": says("Reasoning settings; `default` sends nothing.", many(&word())),
        "params": says("Sampling parameters such as temperature, top_p, max_tokens.", json!({"type": "object"})),
        "prompts": says("Message templates; several are variants of each other.", list("prompt")),
        "cases": says("Inputs with expectations, inline or from files.", list("case")),
        "graders": says("What judges an answer.", list("grader")),
        "loads": says("How requests arrive.", list("load")),
        "repeats": says("Times that each case runs per cell.", positive()),
        "reduce": says("What repeats of a case are reduced to, beside the pass rate.", many(&json!({"type": "string", "pattern": REDUCER}))),
        "warmup": says("Requests before measuring, kept apart.", json!({"anyOf": [
            {"type": "integer", "minimum": 0}, object(&json!({"requests": {"type": "integer", "minimum": 0}}), &["requests"])
        ]})),
        "salt": says("A unique prefix per request, so that no prompt cache serves it.", json!({"type": "boolean"})),
        "retry": says("Attempts of a trial.", object(&json!({"max_attempts": {"type": "integer", "minimum": 1, "maximum": 20}}), &["max_attempts"])),
        "timeout": says("Timers of every attempt.", object(&json!({
            "connect": reference("time"), "first_token": reference("time"), "idle": reference("time"), "total": reference("time"),
        }), &[])),
        "slos": says("Objectives that gate the run.", many(&reference("slo"))),
        "budget": says("What may be spent.", object(&json!({
            "usd": {"type": "number", "minimum": 0}, "minutes": {"type": "number", "exclusiveMinimum": 0},
        }), &[])),
        "compare": says("How arms are compared.", object(&json!({
            "gate": many(&text()), "margin": reference("share"), "slices": many(&json!({"enum": ["tag", "prompt", "cluster"]})),
        }), &[])),
        "stop_when": says("Stop what is decided early: comparisons of arms, and objectives about shares.", json!({"anyOf": [
            {"enum": ["decided"]}, object(&json!({"decided": {"type": "boolean"}, "max_repeats": positive()}), &["decided"]),
        ]})),
        "abort_on": says("Abandon loads early.", json!({"enum": ["certain miss"]})),
        "baseline": says("The arm (`target=..,mode=..,prompt=..`), or the stored run, that others are compared with.", word()),
        "canary": says("Cases asked again and again, to show a change of the provider during a run.", object(&json!({
            "tag": many(&text()), "cases": many(&text()), "every": positive(),
        }), &[])),
        "cache": says("Take answers from the response cache in quality runs, and keep new ones there.", json!({"type": "boolean", "default": false})),
        "http2": says("HTTP/2 for all targets that do not say `http: 1.1`.", json!({"type": "boolean", "default": false})),
        "preflight": says("Ask every target before the run (true) or none (false); absent: those that are not on this machine.", json!({"type": "boolean"})),
    })
}

fn own_definitions() -> Vec<(&'static str, Value)> {
    vec![
        ("target", object(&target(), &[])),
        ("price", object(&price(), &["input", "output"])),
        ("prompt", object(&prompt(), &[])),
        ("message", object(&message(), &["role"])),
        ("part", part()),
        ("case", object(&case(), &[])),
        ("load", object(&load(), &[])),
        (
            "slo",
            says(
                "A metric compared with a bound, such as `p95(ttft) <= 400ms for mode=low`.",
                json!({"type": "string", "pattern": slo_pattern()}),
            ),
        ),
        (
            "time",
            says(
                "A number with its unit.",
                json!({"type": "string", "pattern": "^\\s*([0-9.]+\\s*(ns|us|µs|ms|s|m|min|h)\\s*)+$"}),
            ),
        ),
        (
            "share",
            json!({"anyOf": [{"type": "string", "pattern": "^[0-9.]+\\s*%$"}, {"type": "number", "minimum": 0, "maximum": 1}]}),
        ),
    ]
}

/// `pass_at_5`, `mode` and `max` are the names of Inspect.
const REDUCER: &str =
    "^(mean|majority|mode|worst|min|best|max|(pass@|pass_at_|pass\\^|pass_hat_|at_least_)[1-9][0-9]{0,3})$";

fn slo_pattern() -> String {
    let names: Vec<&str> = SloMetric::names().collect();
    let reducer = REDUCER.trim_start_matches('^').trim_end_matches('$');
    let metric = format!("({}|score\\.[^\\s)]+|{reducer})", names.join("|"));
    format!("^\\s*([a-z0-9.]+\\(\\s*{metric}\\s*\\)|{metric})\\s*[<>]=?")
}

fn target() -> Value {
    let patch = json!({"type": "object"});
    json!({
        "id": says("Name in tables; `model@provider` by default.", word()),
        "model": says("A catalogue model, or the endpoint's own name for it.", word()),
        "provider": says("A catalogue provider.", word()),
        "protocol": says("Wire protocol of an endpoint spelled out.", json!({"enum": ["openai-chat", "openai-responses", "anthropic-messages"]})),
        "base_url": says("As the vendor's SDK takes it.", json!({"type": "string", "format": "uri"})),
        "key_env": says("Environment variable that holds the key; never the key itself.", json!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"})),
        "auth": says("Where the key goes.", json!({"anyOf": [
            {"enum": ["bearer", "x-api-key", "none"]}, object(&json!({"body": text()}), &["body"]), object(&json!({"header": text()}), &["header"]),
        ]})),
        "price": reference("price"),
        "claims": says("Other statements of the price, shown beside it.", list("price")),
        "modes": says("Merge patches by mode; they override or add to the catalogue's.", json!({"type": "object", "additionalProperties": patch})),
        "body": says("Merge patch on every request.", patch),
        "limits": says("Client-side limits.", object(&json!({
            "concurrency": positive(), "rpm": {"type": "number", "exclusiveMinimum": 0}, "tpm": {"type": "number", "exclusiveMinimum": 0},
        }), &[])),
        "http": says("Version of HTTP: 1.1, or 2 over one shared connection; the suite's `http2` decides by default.", json!({"enum": [1.1, 1, 2, "1.1", "1", "2"]})),
        "sim": says("The embedded simulator answers, with this profile.", json!({"anyOf": [word(), object(&json!({"profile": word()}), &["profile"])]})),
        "role": says("Under test, asked by graders only, or both.", json!({"enum": ["subject", "judge", "both"]})),
    })
}

fn price() -> Value {
    let amount = json!({"type": "number", "minimum": 0});
    let tier = object(
        &json!({"above_tokens": positive(), "input": amount, "output": amount, "cached_input": amount}),
        &["above_tokens", "input", "output"],
    );
    json!({
        "input": says("USD per million input tokens.", amount.clone()),
        "output": says("USD per million output tokens.", amount.clone()),
        "cached_input": says("USD per million cached input tokens.", amount.clone()),
        "cache_write": says("USD per million tokens written to the cache.", amount.clone()),
        "reasoning": says("USD per million reasoning tokens, where they cost other than output.", amount.clone()),
        "per_request": says("USD per request.", amount),
        "tiers": says("Other prices for long prompts.", json!({"type": "array", "items": tier})),
        "source": says("Who says so.", text()),
        "as_of": says("When it was said, as an ISO date.", text()),
    })
}

fn prompt() -> Value {
    let tool = object(
        &json!({
            "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "description": text(),
            "parameters": {"type": "object"}, "strict": {"type": "boolean"},
        }),
        &["name"],
    );
    json!({
        "id": says("Name in tables.", word()),
        "system": says("Template of the system message.", word()),
        "user": says("Template of the user message.", word()),
        "messages": says("The whole conversation instead of `user`.", list("message")),
        "tools": says("Functions offered to the model.", json!({"type": "array", "items": tool})),
        "tool_choice": says("Whether one must be called.", json!({"anyOf": [
            {"enum": ["auto", "none", "required"]}, object(&json!({"function": text()}), &["function"]),
        ]})),
        "response_format": says("The form of the answer.", json!({"anyOf": [
            {"enum": ["json_object"]},
            object(&json!({"json_schema": {"type": ["string", "object"]}}), &["json_schema"]),
            object(&json!({"json_object": {"type": ["object", "null"]}}), &["json_object"]),
        ]})),
    })
}

fn message() -> Value {
    let call = object(&json!({"id": text(), "name": text(), "arguments": {}}), &["name"]);
    json!({
        "role": says("Who speaks.", json!({"enum": ["system", "user", "assistant", "tool"]})),
        "content": says("What is said: text, or parts.", many(&reference("part"))),
        "generate": says("The model answers by itself here; later messages form the next turn.", json!({"type": "boolean"})),
        "tool_calls": says("Calls made in this message.", json!({"type": "array", "items": call})),
        "tool_call_id": says("The call that this message answers.", text()),
    })
}

fn part() -> Value {
    let single = |key: &str, help: &str| object(&json!({key: says(help, word())}), &[key]);
    json!({"anyOf": [
        word(), single("text", "A template."), single("image", "An image file below the suite's folder."),
        single("image_url", "An image that the provider fetches."),
    ]})
}

fn case() -> Value {
    json!({
        "file": says("A file of cases (.jsonl, .json, .csv, .yaml) below the suite's folder.", text()),
        "limit": says("Take only the first so many of the file.", positive()),
        "id": says("Unique within the suite.", word()),
        "vars": says("Values for templates; text stays what was written.", json!({"type": "object"})),
        "expect": says("What graders compare with; text stays what was written.", json!({})),
        "tags": says("Labels for filters, slices and `when`.", many(&word())),
        "cluster": says("Cases of one cluster are not independent.", word()),
        "canary": says("Shows drift during a long run; not part of the score.", json!({"type": "boolean"})),
    })
}

fn load() -> Value {
    let rate = json!({"type": "number", "exclusiveMinimum": 0});
    let ramp = object(
        &json!({
            "from": rate, "to": rate, "curve": {"enum": ["linear", "exponential"]}, "steps": {"type": "integer", "minimum": 2},
        }),
        &["from"],
    );
    json!({
        "id": says("Name in tables; `c16` or `r5` by default.", word()),
        "concurrency": says("Closed loop: requests in flight; several make several loads.", many(&positive())),
        "rate": says("Open loop: requests per second, or a ramp.", json!({"anyOf": [rate, ramp]})),
        "ramps": says("A rate that changes; the same as a mapping under `rate`.", ramp),
        "arrivals": says("The arrival process of an open loop; poisson by default.", json!({"anyOf": [
            {"enum": ["constant", "poisson"]},
            object(&json!({"gamma": {"type": "number", "exclusiveMinimum": 0}}), &["gamma"]),
            object(&json!({"replay": text()}), &["replay"]),
        ]})),
        "replay": says("Recorded arrivals: a CSV file, or a Mooncake trace in JSON Lines.", text()),
        "requests": says("Ends after this many trials per cell.", positive()),
        "duration": says("Ends after this long.", reference("time")),
        "until": says("Ends when a metric's interval is this narrow.", json!({"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": reference("share")})),
        "cap": says("Trials at most, with `until`.", positive()),
        "max_outstanding": says("More outstanding trials than this are shed in open loop.", positive()),
        "salt": says("A unique prefix per request.", json!({"type": "boolean"})),
        "connections": says("Reused, or made anew for each request.", json!({"enum": ["warm", "cold"]})),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de;

    use super::super::file;
    use super::*;

    /// Learns the keys of a struct from its own reader.
    struct Fields<'a>(&'a mut Vec<&'static str>);

    impl<'de> de::Deserializer<'de> for Fields<'_> {
        type Error = de::value::Error;
        fn deserialize_any<V: de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(de::Error::custom("not a struct"))
        }
        fn deserialize_struct<V: de::Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            self.0.extend(fields);
            Err(de::Error::custom("enough"))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    #[track_caller]
    fn same_keys<T: de::DeserializeOwned>(properties: &Value, hidden: &[&str]) {
        let mut fields = Vec::new();
        assert!(T::deserialize(Fields(&mut fields)).is_err());
        let read: BTreeSet<&str> = fields.into_iter().filter(|field| !hidden.contains(field)).collect();
        let described: BTreeSet<&str> = properties.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(read, described);
    }

    #[test]
    fn every_key_is_described() {
        same_keys::<file::SuiteFile>(&suite(), &[]);
        same_keys::<file::TargetFile>(&target(), &["key", "api_key"]);
        same_keys::<file::PriceFile>(&price(), &[]);
        same_keys::<file::PromptFile>(&prompt(), &[]);
        same_keys::<file::MessageFile>(&message(), &[]);
        same_keys::<file::CaseFile>(&case(), &[]);
        same_keys::<file::LoadFile>(&load(), &[]);
    }
}
