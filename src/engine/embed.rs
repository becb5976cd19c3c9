//! Embeddings: the one request that is no conversation.

use serde_json::Value;
use serde_json::json;

use crate::domain::Channel;
use crate::domain::Outcome;
use crate::domain::Reply;
use crate::provider::Decoded;
use crate::provider::Decoder;
use crate::provider::End;
use crate::provider::Endpoint;
use crate::provider::Head;

/// The body of a request for vectors of `texts`.
pub fn body(endpoint: &Endpoint, texts: &[String]) -> String {
    json!({ "model": endpoint.model, "input": texts }).to_string()
}

/// Vectors from a reply's text, in the order of the texts.
///
/// # Errors
/// What is missing.
pub fn vectors(text: &str) -> Result<Vec<Vec<f64>>, String> {
    let reply: Value = serde_json::from_str(text).map_err(|_| "the reply is no JSON".to_owned())?;
    let rows = reply["data"].as_array().ok_or("the reply has no `data`")?;
    let mut found: Vec<(u64, Vec<f64>)> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let numbers = row["embedding"].as_array().ok_or("an entry has no `embedding`")?;
        let index = row["index"].as_u64().unwrap_or(at as u64);
        found.push((index, numbers.iter().filter_map(Value::as_f64).collect()));
    }
    found.sort_by_key(|(index, _)| *index);
    Ok(found.into_iter().map(|(_, vector)| vector).collect())
}

/// Keeps a body as it is.
#[derive(Default)]
pub struct Verbatim {
    text: String,
}

impl Decoder for Verbatim {
    fn event(&mut self, _name: &str, data: &str, _out: &mut Vec<(Channel, u32)>) {
        self.text.push_str(data);
    }

    fn body(&mut self, body: &[u8], _out: &mut Vec<(Channel, u32)>) {
        self.text.push_str(&String::from_utf8_lossy(body));
    }

    fn has_token(&self) -> bool {
        false
    }

    fn is_done(&self) -> bool {
        false
    }

    fn finish(self: Box<Self>, head: &Head, end: End) -> Decoded {
        let outcome = match (head.status, end) {
            (200..=299, End::Clean) => Outcome::Ok,
            (429, _) => Outcome::RateLimited,
            (200..=299, _) => Outcome::Truncated,
            _ => Outcome::HttpError,
        };
        let reply = Reply { text: self.text, ..Reply::default() };
        Decoded { reply, outcome, detail: String::new(), message: String::new(), retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_in_the_order_of_their_texts() {
        let reply = r#"{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}]}"#;
        assert_eq!(vectors(reply), Ok(vec![vec![1.0, 2.0], vec![3.0, 4.0]]));
        assert!(vectors("<html>").is_err());
        assert!(vectors("{}").is_err());
    }
}
