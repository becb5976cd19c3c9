//! Recorded arrivals: CSV, and the JSON Lines traces of Mooncake (`timestamp` in ms, `input_length`, `output_length`).

use std::time::Duration;

use serde_json::Value;

use super::spec::Arrival;

/// What is wrong with a recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReplayError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Columns of a time, with seconds per unit.
const TIMES: [(&str, f64); 8] = [
    ("at_s", 1.0),
    ("at", 1.0),
    ("time_s", 1.0),
    ("time", 1.0),
    ("at_ms", 1e-3),
    ("time_ms", 1e-3),
    ("timestamp_ms", 1e-3),
    ("timestamp", 1e-3),
];
const INPUTS: [&str; 4] = ["input_tokens", "input_length", "prompt_tokens", "contexttokens"];
const OUTPUTS: [&str; 4] = ["output_tokens", "output_length", "completion_tokens", "generatedtokens"];

/// Reads a recording; arrivals are sorted and counted from the first.
///
/// A CSV file names its columns: `at_s` (or `at`, `time`) in seconds, or `at_ms` (or `timestamp`) in milliseconds,
/// and optionally `input_tokens` and `output_tokens`. JSON Lines use the same names, and `hash_ids` for the blocks that a
/// prompt has in common with others.
///
/// # Errors
/// The first line that is wrong.
pub fn parse_replay(name: &str, text: &str) -> Result<Vec<Arrival>, ReplayError> {
    let json_lines = name.rsplit('.').next().is_some_and(|format| format.eq_ignore_ascii_case("jsonl"));
    let mut arrivals = if json_lines { from_json_lines(text)? } else { from_csv(text)? };
    arrivals.sort_by_key(|arrival| arrival.at);
    let Some(first) = arrivals.first().map(|arrival| arrival.at) else {
        return Err(ReplayError { line: 1, message: "the recording has no arrival".into() });
    };
    for arrival in &mut arrivals {
        arrival.at -= first;
    }
    Ok(arrivals)
}

fn from_json_lines(text: &str) -> Result<Vec<Arrival>, ReplayError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| from_json(line).map_err(|message| ReplayError { line: at + 1, message })).collect()
}

fn from_json(line: &str) -> Result<Arrival, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("not valid JSON: {error}"))?;
    let find = |names: &[&str]| names.iter().find_map(|name| value.get(name).and_then(Value::as_f64));
    let seconds = TIMES.iter().find_map(|(name, unit)| Some(value.get(name)?.as_f64()? * unit));
    let named = value.get("hash_ids").and_then(Value::as_array);
    let blocks = named.into_iter().flatten().filter_map(Value::as_u64).collect();
    Ok(Arrival { blocks, ..arrival(seconds, find(&INPUTS), find(&OUTPUTS))? })
}

fn from_csv(text: &str) -> Result<Vec<Arrival>, ReplayError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let at_line = |line: u64, message: String| ReplayError { line: line as usize, message };
    let headers = reader.headers().map_err(|error| at_line(1, error.to_string()))?.clone();
    let column = |names: &[&str]| headers.iter().position(|h| names.contains(&h.to_ascii_lowercase().as_str()));
    let time = TIMES.iter().find_map(|(name, unit)| Some((column(&[name])?, unit)));
    let (inputs, outputs) = (column(&INPUTS), column(&OUTPUTS));
    let mut arrivals = Vec::new();
    for record in reader.records() {
        let record =
            record.map_err(|error| at_line(error.position().map_or(1, csv::Position::line), error.to_string()))?;
        let line = record.position().map_or(1, csv::Position::line);
        let number = |column: Option<usize>| record.get(column?)?.parse::<f64>().ok();
        let seconds = time.and_then(|(column, unit)| Some(number(Some(column))? * unit));
        arrivals.push(arrival(seconds, number(inputs), number(outputs)).map_err(|message| at_line(line, message))?);
    }
    Ok(arrivals)
}

fn arrival(seconds: Option<f64>, input: Option<f64>, output: Option<f64>) -> Result<Arrival, String> {
    let seconds = seconds.ok_or("no arrival time; name the column `at_s` for seconds or `at_ms` for milliseconds")?;
    let at = Duration::try_from_secs_f64(seconds).map_err(|_| format!("`{seconds}` is no arrival time"))?;
    let tokens = |count: Option<f64>| count.filter(|n| *n >= 0.0).map(|n| n as u32);
    Ok(Arrival { at, input_tokens: tokens(input), output_tokens: tokens(output), blocks: Vec::new() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::proptest;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        let mooncake = r#"{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46]}
{"timestamp": 30535, "input_length": 6472, "output_length": 26, "hash_ids": [46, 47]}"#;
        let expected = [(0, Some(6955), Some(52)), (3053, Some(6472), Some(26))];
        let found = |name, text| {
            let arrivals = parse_replay(name, text).unwrap();
            arrivals.iter().map(|a| (a.at.as_millis(), a.input_tokens, a.output_tokens)).collect::<Vec<_>>()
        };
        assert_eq!(found("trace.jsonl", mooncake), expected);
        assert_eq!(found("a.csv", "at_s,input_tokens,output_tokens\n30.535,6472,26\n27.482,6955,52\n"), expected);
        let blocks: Vec<_> = parse_replay("trace.jsonl", mooncake).unwrap().into_iter().map(|a| a.blocks).collect();
        assert_eq!(blocks, [vec![46], vec![46, 47]]);
        assert_eq!(found("a.csv", "at_ms\n5\n7.5\n"), [(0, None, None), (2, None, None)]);
    }

    #[test]
    fn the_wrong_line_is_named() {
        let wrong = |name, text| parse_replay(name, text).unwrap_err();
        assert_eq!(wrong("a.jsonl", "{\"timestamp\": 1}\n{}\n").line, 2);
        assert_eq!(wrong("a.csv", "at\n1\n-2\n").line, 3);
        assert_eq!(wrong("a.csv", "when\n1\n").line, 2);
        assert!(wrong("a.csv", "at\n").message.contains("no arrival"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = (parse_replay("a.csv", &text), parse_replay("a.jsonl", &text));
            let _ = parse_replay("a.csv", &format!("at\n{text}"));
        }
    }
}
