//! Results of other harnesses as lines of recorded answers, ready for `llmark grade --responses`.
//!
//! Read are promptfoo's output JSON, Inspect's JSON log, the samples of lm-evaluation-harness (JSON Lines) and the
//! events of OpenAI Evals (JSON Lines). Each line keeps what the source says of case, target, repeat, answer,
//! stop reason and times; nothing is guessed.

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

    /// Lines of recorded answers.
    ///
    /// # Errors
    /// What is not as the format says, with the line.
    pub fn convert(self, text: &str) -> Result<Vec<String>, String> {
        let items = match self {
            Self::Promptfoo => promptfoo(&document(text)?)?,
            Self::Inspect => inspect(&document(text)?)?,
            Self::LmEval => each_line(text, lm_eval)?,
            Self::OpenAiEvals => each_line(text, open_ai_evals)?,
        };
        if items.is_empty() {
            return Err("there is no answer in it".into());
        }
        Ok(items.iter().map(Value::to_string).collect())
    }
}

fn document(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))
}

fn each_line(text: &str, read: fn(&Value) -> Vec<Value>) -> Result<Vec<Value>, String> {
    let mut items = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Value = serde_json::from_str(line).map_err(|error| format!("line {}: no JSON: {error}", at + 1))?;
        items.extend(read(&line));
    }
    Ok(items)
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

fn promptfoo(whole: &Value) -> Result<Vec<Value>, String> {
    let results = whole.pointer("/results/results").or_else(|| whole.get("results")).and_then(Value::as_array);
    let results = results.ok_or("promptfoo's output holds `results.results`")?;
    let item = |(at, result): (usize, &Value)| {
        let response = text(&result["response"]["output"])?;
        let case = ["/testCase/metadata/id", "/testCase/description", "/vars/id"];
        let case = case.iter().find_map(|path| result.pointer(path).filter(|value| !value.is_null()).map(name));
        let case = case.unwrap_or_else(|| result["testIdx"].as_u64().unwrap_or(at as u64).to_string());
        Some(line(json!({
            "case": case, "response": response, "target": result["provider"]["id"],
            "finish_reason": result["response"]["finishReason"], "e2e_ms": result["latencyMs"],
        })))
    };
    Ok(results.iter().enumerate().filter_map(item).collect())
}

fn inspect(whole: &Value) -> Result<Vec<Value>, String> {
    let samples = whole.get("samples").and_then(Value::as_array).ok_or("Inspect's log holds `samples`")?;
    let item = |sample: &Value| {
        let choice = sample.pointer("/output/choices/0")?;
        let seconds = sample["output"]["time"].as_f64();
        Some(line(json!({
            "case": name(&sample["id"]), "response": text(&choice["message"]["content"])?,
            "repeat": sample["epoch"].as_u64().map(|epoch| epoch.saturating_sub(1)),
            "target": whole.pointer("/eval/model"), "finish_reason": choice["stop_reason"],
            "e2e_ms": seconds.map(|seconds| seconds * 1000.0),
        })))
    };
    Ok(samples.iter().filter_map(item).collect())
}

fn lm_eval(sample: &Value) -> Vec<Value> {
    let flat = |answer: &Value| match answer {
        Value::Array(inner) => inner.first().and_then(text),
        other => text(other),
    };
    let answers = sample["resps"].as_array().into_iter().flatten();
    let answers = answers.flat_map(|answer| match answer {
        Value::Array(repeats) => repeats.clone(),
        one => vec![one.clone()],
    });
    let answers = answers.enumerate().filter_map(|(repeat, answer)| Some((repeat, flat(&answer)?)));
    answers
        .map(|(repeat, response)| json!({"case": name(&sample["doc_id"]), "response": response, "repeat": repeat}))
        .collect()
}

fn open_ai_evals(event: &Value) -> Vec<Value> {
    if event["type"] != "sampling" {
        return Vec::new();
    }
    let sampled = match &event["data"]["sampled"] {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let sampled = sampled.into_iter().enumerate().filter_map(|(repeat, one)| Some((repeat, text(&one)?)));
    sampled
        .map(|(repeat, response)| json!({"case": name(&event["sample_id"]), "response": response, "repeat": repeat}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: Source, text: &str, expected: &[Value]) {
        assert_eq!(Source::detect(text), Some(source));
        let lines: Vec<Value> =
            source.convert(text).unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
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
            "{\"spec\": {}}\n{\"run_id\": \"r\", \"sample_id\": \"s.1\", \"type\": \"sampling\", \"data\": {\"sampled\": [\"e\"]}}",
            &[json!({"case": "s.1", "response": "e", "repeat": 0})],
        );
    }

    #[test]
    fn what_is_no_log_is_an_error() {
        assert_eq!(Source::detect("hello"), None);
        assert!(Source::LmEval.convert("{\"doc_id\": 1}\nnonsense").unwrap_err().starts_with("line 2"));
        assert!(Source::Inspect.convert("{}").is_err());
        assert!(Source::Promptfoo.convert(r#"{"results": []}"#).is_err());
    }
}
