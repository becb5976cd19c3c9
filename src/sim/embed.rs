//! Embeddings: every word is hashed to one of 256 directions, and the sum is made one long.
//!
//! Texts with the same words have cosine 1, texts without a common word mostly near 0. It is no model of meaning, but
//! deterministic, so that `similarity` can be tried and tested on the simulator.

use serde_json::Value;
use serde_json::json;

use super::tokens;

/// Numbers per vector.
const DIMENSIONS: usize = 256;
/// Texts at most, as vendors limit them.
const MOST_TEXTS: usize = 2048;

/// The response to a request for vectors.
///
/// # Errors
/// What is wrong with the request.
pub(super) fn answer(body: &Value) -> Result<Value, String> {
    let model = body["model"].as_str().ok_or("`model` is missing")?;
    let texts: Vec<&str> = match &body["input"] {
        Value::String(text) => vec![text],
        Value::Array(items) => {
            items.iter().map(Value::as_str).collect::<Option<_>>().ok_or("`input` holds no texts")?
        }
        _ => return Err("`input` is a text or a list of texts".into()),
    };
    if texts.is_empty() || texts.len() > MOST_TEXTS || texts.iter().any(|text| text.is_empty()) {
        return Err(format!("`input` holds from 1 to {MOST_TEXTS} texts, none of them empty"));
    }
    let used: usize = texts.iter().map(|text| tokens::count(text)).sum();
    let row = |(at, text): (usize, &&str)| json!({"object": "embedding", "index": at, "embedding": vector(text)});
    let rows: Vec<Value> = texts.iter().enumerate().map(row).collect();
    let usage = json!({"prompt_tokens": used, "total_tokens": used});
    Ok(json!({"object": "list", "data": rows, "model": model, "usage": usage}))
}

fn vector(text: &str) -> Vec<f64> {
    let mut vector = vec![0.0; DIMENSIONS];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash = hash(word);
        vector[(hash % DIMENSIONS as u64) as usize] += if hash >> 63 == 0 { 1.0 } else { -1.0 };
    }
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    // Punctuation alone points somewhere too: a vector of zeros has no angle.
    if length == 0.0 {
        vector[0] = 1.0;
        return vector;
    }
    vector.iter().map(|x| x / length).collect()
}

/// FNV-1a with a final mix, so that the high bits depend on every byte.
fn hash(word: &str) -> u64 {
    let all = word
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |all, byte| (all ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (all ^ (all >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f64 {
        vector(a).iter().zip(vector(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn common_words_bring_texts_together() {
        assert!((cosine("The cat sat.", "the CAT, sat") - 1.0).abs() < 1e-12);
        assert!(cosine("the cat sat on the mat", "the cat sat on a chair") > 0.6);
        assert!(cosine("refund my order", "weather in Oslo").abs() < 0.4);
        assert!((cosine("?!", "...") - 1.0).abs() < 1e-12);
    }

    #[test]
    fn requests_are_answered_in_order_or_refused() {
        let reply = answer(&json!({"model": "m", "input": ["a", "b"]})).unwrap();
        assert_eq!(
            (reply["data"][1]["index"].as_u64(), reply["data"][1]["embedding"].as_array().unwrap().len()),
            (Some(1), 256)
        );
        assert!(answer(&json!({"model": "m", "input": "a"})).is_ok());
        for bad in [json!({"input": "a"}), json!({"model": "m", "input": [1]}), json!({"model": "m", "input": []})] {
            assert!(answer(&bad).is_err(), "{bad}");
        }
    }
}
