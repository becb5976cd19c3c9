//! Results of other harnesses as lines of recorded answers, ready for `llmark grade --responses`.
//!
//! Read are promptfoo's output JSON, Inspect's logs (`.eval` archives and JSON), the samples of lm-evaluation-harness
//! (JSON Lines) and the events of OpenAI Evals (JSON Lines). Each line keeps what the source says of case, target,
//! repeat, answer, reasoning, calls, stop reason, tokens and times; nothing is guessed.

mod archive;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// A format of another harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// promptfoo, `--output results.json`.
    Promptfoo,
    /// Inspect, `inspect log dump` or `--log-format json`.
    Inspect,
    /// lm-evaluation-harness, `--log_samples`.
    LmEval,
    /// OpenAI Evals, the record file of `oaieval`.
    OpenAiEvals,
}

impl Source {
    /// Every format with its name on the command line.
    pub const ALL: [(&'static str, Self); 4] = [
        ("promptfoo", Self::Promptfoo),
        ("inspect", Self::Inspect),
        ("lm-eval", Self::LmEval),
        ("openai-evals", Self::OpenAiEvals),
    ];

    /// The format that bytes are in; `None` where nothing tells.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if archive::is_one(bytes) { Some(Self::Inspect) } else { Self::detect(std::str::from_utf8(bytes).ok()?) }
    }

    /// Recorded answers, from the bytes of a file.
    ///
    /// # Errors
    /// What is not as the format says, with the line or the file in the archive.
    pub fn read(self, bytes: &[u8]) -> Result<Imported, String> {
        if archive::is_one(bytes) {
            return if self == Self::Inspect {
                Imported::of(&archive::samples(bytes)?)
            } else {
                Err("the file is an archive, as only Inspect writes them".into())
            };
        }
        self.convert(std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?)
    }

    /// The format that a text is in; `None` where nothing tells.
    pub fn detect(text: &str) -> Option<Self> {
        if let Ok(whole) = serde_json::from_str::<Value>(text) {
            if whole.get("samples").is_some() {
                return Some(Self::Inspect);
            }
            if whole.get("results").is_some() {
                return Some(Self::Promptfoo);
            }
        }
        let first: Value = serde_json::from_str(text.lines().find(|line| !line.trim().is_empty())?).ok()?;
        if first.get("doc_id").is_some() {
            Some(Self::LmEval)
        } else {
            ["spec", "run_id", "final_report"].iter().any(|key| first.get(key).is_some()).then_some(Self::OpenAiEvals)
        }
    }

    /// Recorded answers.
    ///
    /// # Errors
    /// What is not as the format says, with the line.
    pub fn convert(self, text: &str) -> Result<Imported, String> {
        let items = match self {
            Self::Promptfoo => promptfoo(&document(text)?)?,
            Self::Inspect => inspect(&document(text)?)?,
            Self::LmEval => lm_eval(&parsed_lines(text)?)?,
            Self::OpenAiEvals => open_ai_evals(&parsed_lines(text)?),
        };
        Imported::of(&items)
    }
}

/// What was found in another tool's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Lines of a responses file.
    pub lines: Vec<String>,
    /// Results without an answer, such as errors of a provider.
    pub unanswered: usize,
}

impl Imported {
    fn of(found: &[Option<Value>]) -> Result<Self, String> {
        let lines: Vec<String> = found.iter().flatten().map(Value::to_string).collect();
        let unanswered = found.len() - lines.len();
        if lines.is_empty() { Err("there is no answer in it".into()) } else { Ok(Self { lines, unanswered }) }
    }
}

fn document(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))
}

fn parsed_lines(text: &str) -> Result<Vec<Value>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines
        .map(|(at, line)| serde_json::from_str(line).map_err(|error| format!("line {}: no JSON: {error}", at + 1)));
    parsed.collect()
}

/// An object without the members that are null.
fn line(members: Value) -> Value {
    let Value::Object(members) = members else { return members };
    Value::Object(members.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
}

fn name(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part["text"].as_str()).collect()),
        other => Some(other.to_string()),
    }
}

/// Calls in the form of responses files: `{name, arguments}`.
fn calls(calls: &Value) -> Value {
    let call = |call: &Value| {
        let function = call.get("function").unwrap_or(call);
        match function {
            // Inspect writes the name where others write an object.
            Value::String(name) => json!({"name": name, "arguments": call["arguments"]}),
            other => json!({"name": other["name"], "arguments": other["arguments"]}),
        }
    };
    match calls.as_array().filter(|calls| !calls.is_empty()) {
        Some(calls) => calls.iter().map(call).collect(),
        None => Value::Null,
    }
}

/// Tokens under the names of responses files; null where nothing is known.
fn usage(input: &Value, output: &Value) -> Value {
    if input.is_u64() || output.is_u64() {
        line(json!({"input_tokens": input, "output_tokens": output}))
    } else {
        Value::Null
    }
}

fn promptfoo(whole: &Value) -> Result<Vec<Option<Value>>, String> {
    let results = whole.pointer("/results/results").or_else(|| whole.get("results")).and_then(Value::as_array);
    let results = results.ok_or("promptfoo's output holds `results.results`")?;
    let several = results.iter().any(|result| result["promptIdx"].as_u64() > Some(0));
    let item = |(at, result): (usize, &Value)| {
        let output = &result["response"]["output"];
        let tool_calls = if output[0].get("function").is_some() { calls(output) } else { Value::Null };
        let response = text(output)?;
        let case = ["/testCase/metadata/id", "/testCase/description", "/vars/id"];
        let case = case.iter().find_map(|path| result.pointer(path).filter(|value| !value.is_null()).map(name));
        let case = case.unwrap_or_else(|| result["testIdx"].as_u64().unwrap_or(at as u64).to_string());
        let prompt = result["promptIdx"].as_u64().filter(|_| several).map(|index| format!("prompt-{index}"));
        let tokens = &result["response"]["tokenUsage"];
        Some(line(json!({
            "case": case, "response": response, "target": result["provider"]["id"], "prompt": prompt,
            "tool_calls": tool_calls, "finish_reason": result["response"]["finishReason"],
            "usage": usage(&tokens["prompt"], &tokens["completion"]), "e2e_ms": result["latencyMs"],
        })))
    };
    Ok(results.iter().enumerate().map(item).collect())
}

fn inspect(whole: &Value) -> Result<Vec<Option<Value>>, String> {
    let samples = whole.get("samples").and_then(Value::as_array).ok_or("Inspect's log holds `samples`")?;
    let model = whole.pointer("/eval/model").unwrap_or(&Value::Null);
    Ok(samples.iter().map(|sample| inspect_sample(sample, model)).collect())
}

/// One sample; none where it ended in an error before the model answered.
fn inspect_sample(sample: &Value, model: &Value) -> Option<Value> {
    let choice = sample.pointer("/output/choices/0")?;
    let message = &choice["message"];
    let seconds = sample["output"]["time"].as_f64();
    let tokens = &sample["output"]["usage"];
    let parts = message["content"].as_array().into_iter().flatten();
    let reasoning: String = parts.filter_map(|part| part["reasoning"].as_str()).collect();
    let model = if model.is_null() { &sample["output"]["model"] } else { model };
    Some(line(json!({
        "case": name(&sample["id"]), "response": text(&message["content"])?,
        "repeat": sample["epoch"].as_u64().map(|epoch| epoch.saturating_sub(1)), "target": model,
        "reasoning": Some(reasoning).filter(|text| !text.is_empty()), "tool_calls": calls(&message["tool_calls"]),
        "finish_reason": choice["stop_reason"], "usage": usage(&tokens["input_tokens"], &tokens["output_tokens"]),
        "e2e_ms": seconds.map(|seconds| seconds * 1000.0),
    })))
}

/// Samples stand once per filter of the task; the answers are the same, so the first filter's lines are read.
fn lm_eval(samples: &[Value]) -> Result<Vec<Option<Value>>, String> {
    let first = samples.first().map_or(&Value::Null, |sample| &sample["filter"]);
    let mut items = Vec::new();
    for sample in samples.iter().filter(|sample| &sample["filter"] == first) {
        let answers = sample["resps"].as_array().into_iter().flatten();
        let answers = answers.flat_map(|answer| match answer {
            Value::Array(repeats) => repeats.clone(),
            one => vec![one.clone()],
        });
        for (repeat, answer) in answers.enumerate() {
            if answer.is_array() || answer.is_number() || answer.is_boolean() {
                return Err("the samples hold log-likelihoods of given choices, not answers".into());
            }
            let item = |response| json!({"case": name(&sample["doc_id"]), "response": response, "repeat": repeat});
            items.push(text(&answer).map(item));
        }
    }
    Ok(items)
}

fn open_ai_evals(events: &[Value]) -> Vec<Option<Value>> {
    let target = events.iter().find_map(|event| event.pointer("/spec/completion_fns/0")).unwrap_or(&Value::Null);
    let mut items = Vec::new();
    for event in events.iter().filter(|event| event["type"] == "sampling") {
        let sampled = match &event["data"]["sampled"] {
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        for (repeat, one) in sampled.iter().enumerate() {
            let case = name(&event["sample_id"]);
            let item = |response| json!({"case": case, "response": response, "repeat": repeat, "target": target});
            items.push(text(one).map(|response| line(item(response))));
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: Source, text: &str, expected: &[Value]) {
        assert_eq!(Source::detect(text), Some(source));
        let lines: Vec<Value> =
            source.convert(text).unwrap().lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn each_format_becomes_lines() {
        check(
            Source::Promptfoo,
            r#"{"results": {"results": [{"testIdx": 3, "provider": {"id": "p"}, "response": {"output": "a"}, "latencyMs": 12}, {"error": "x"}]}}"#,
            &[json!({"case": "3", "response": "a", "target": "p", "e2e_ms": 12})],
        );
        check(
            Source::Inspect,
            r#"{"eval": {"model": "m"}, "samples": [{"id": 7, "epoch": 2, "output": {"choices": [{"message": {"content": [{"type": "text", "text": "b"}]}, "stop_reason": "stop"}], "time": 1.5}}]}"#,
            &[
                json!({"case": "7", "response": "b", "repeat": 1, "target": "m", "finish_reason": "stop", "e2e_ms": 1500.0}),
            ],
        );
        check(
            Source::LmEval,
            "{\"doc_id\": 1, \"resps\": [[\"c\", \"d\"]]}\n",
            &[json!({"case": "1", "response": "c", "repeat": 0}), json!({"case": "1", "response": "d", "repeat": 1})],
        );
        check(
            Source::OpenAiEvals,
            "{\"spec\": {\"completion_fns\": [\"gpt\"]}}\n{\"run_id\": \"r\", \"sample_id\": \"s.1\", \"type\": \"sampling\", \"data\": {\"sampled\": [\"e\"]}}",
            &[json!({"case": "s.1", "response": "e", "repeat": 0, "target": "gpt"})],
        );
    }

    #[test]
    fn calls_reasoning_and_tokens_are_kept() {
        let inspect = r#"{"eval": {"model": "m"}, "samples": [{"id": "a", "epoch": 1, "output": {"choices": [{"message":
            {"content": [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "b"}],
             "tool_calls": [{"id": "1", "function": "f", "arguments": {"x": 1}, "type": "function"}]}, "stop_reason":
            "tool_calls"}], "usage": {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}}}, {"id": "b", "error": {}}]}"#;
        check(
            Source::Inspect,
            inspect,
            &[json!({
                "case": "a", "response": "b", "repeat": 0, "target": "m", "reasoning": "hm",
                "tool_calls": [{"name": "f", "arguments": {"x": 1}}], "finish_reason": "tool_calls",
                "usage": {"input_tokens": 3, "output_tokens": 5},
            })],
        );
        let promptfoo = r#"{"evalId": "e", "results": {"version": 3, "results": [
            {"testIdx": 0, "promptIdx": 0, "provider": {"id": "p"}, "vars": {"q": "x"}, "response": {"output":
             [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}], "tokenUsage": {"total": 3,
             "prompt": 1, "completion": 2}}},
            {"testIdx": 0, "promptIdx": 1, "provider": {"id": "p"}, "response": {"output": {"a": 1}}}]}}"#;
        check(
            Source::Promptfoo,
            promptfoo,
            &[
                json!({
                    "case": "0", "response": "", "target": "p", "prompt": "prompt-0",
                    "tool_calls": [{"name": "f", "arguments": "{}"}],
                    "usage": {"input_tokens": 1, "output_tokens": 2},
                }),
                json!({"case": "0", "response": "{\"a\":1}", "target": "p", "prompt": "prompt-1"}),
            ],
        );
    }

    #[test]
    fn results_without_an_answer_are_counted() {
        let text = r#"{"results": {"results": [{"testIdx": 0, "response": {"output": "a"}}, {"error": "429"}]}}"#;
        assert_eq!(Source::Promptfoo.convert(text).unwrap().unanswered, 1);
        let text = r#"{"samples": [{"id": 1, "error": {}}, {"id": 2, "output": {"choices": [{"message": {"content": "b"}}]}}]}"#;
        assert_eq!(Source::Inspect.convert(text).unwrap().unanswered, 1);
    }

    #[test]
    fn samples_of_several_filters_are_read_once() {
        let text = ["strict-match", "flexible-extract"].map(|filter| {
            format!(r#"{{"doc_id": 0, "resps": [["it is 4"]], "filtered_resps": ["4"], "filter": "{filter}"}}"#)
        });
        check(Source::LmEval, &text.join("\n"), &[json!({"case": "0", "response": "it is 4", "repeat": 0})]);
        let choices = r#"{"doc_id": 0, "resps": [[[-1.5, true]], [[-2.0, false]]]}"#;
        assert!(Source::LmEval.convert(choices).unwrap_err().contains("log-likelihoods"));
    }

    #[test]
    fn what_is_no_log_is_an_error() {
        assert_eq!(Source::detect("hello"), None);
        assert!(Source::LmEval.convert("{\"doc_id\": 1}\nnonsense").unwrap_err().starts_with("line 2"));
        assert!(Source::Inspect.convert("{}").is_err());
        assert!(Source::Promptfoo.convert(r#"{"results": []}"#).is_err());
    }
}
