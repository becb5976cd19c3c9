//! Requests that are no conversation: the models listing and the count of a prompt's tokens.

use bytes::Bytes;
use serde_json::Value;

use super::Endpoint;
use super::Members;
use super::Params;
use super::WireRequest;
use super::endpoint::Ask;
use super::endpoint::Auth;
use super::json::parse;
use crate::domain::JsonText;
use crate::text::Secret;
use crate::text::nearest;

impl Endpoint {
    /// A GET of the models listing; `None` where the endpoint has none.
    ///
    /// # Errors
    /// What HTTP cannot carry.
    pub fn listing(&self, key: Option<&Secret>) -> Option<Result<WireRequest, String>> {
        let path = self.models_path.as_deref()?;
        // A key that travels in the body has no place in a GET.
        let key = key.filter(|_| !matches!(self.auth, Auth::Body(_)));
        let nothing = Members::new(Bytes::new(), Bytes::new(), serde_json::Map::new());
        let params = Params::new();
        let ask = Ask { members: &nothing, mode: None, params: &params, salt: None, key, stream: false };
        Some(self.url(path).and_then(|url| {
            let mut headers = self.headers(&ask)?;
            headers.remove("content-type");
            Ok(WireRequest {
                url,
                headers,
                body: Vec::new(),
                fingerprint: 0,
                sent_mode: JsonText::new(&Value::Null),
                max_output: None,
                http2: self.http2,
            })
        }))
    }

    /// A request for the number of tokens of a prompt; `None` where the protocol has none. Nothing is generated.
    ///
    /// # Errors
    /// What HTTP cannot carry.
    pub fn counting(&self, members: &Members, key: Option<&Secret>) -> Option<Result<WireRequest, String>> {
        let path = self.dialect.count_path()?;
        let mut head = serde_json::Map::new();
        head.insert(self.model_field.clone(), self.model.clone().into());
        if let (Auth::Body(name), Some(key)) = (&self.auth, key) {
            head.insert(name.clone(), key.expose().into());
        }
        let mut head = Value::Object(head).to_string();
        head.pop();
        head.push(',');
        let pieces = [Bytes::from(head), members.before.clone(), members.after.clone(), Bytes::from_static(b"}")];
        let params = Params::new();
        let ask = Ask { members, mode: None, params: &params, salt: None, key, stream: false };
        Some(self.url(path).and_then(|url| {
            let body = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
            let headers = self.headers(&ask)?;
            Ok(WireRequest {
                url,
                headers,
                body,
                fingerprint: 0,
                sent_mode: JsonText::new(&Value::Null),
                max_output: None,
                http2: self.http2,
            })
        }))
    }
}

/// Model names of a listing in any of the shapes seen: `data[].id`, `models[].name`, a bare list. `None` when it is no
/// listing.
pub fn listed(body: &str) -> Option<Vec<String>> {
    let (value, _) = parse(body).ok()?;
    let list = ["data", "models"].iter().find_map(|key| value.get(key)?.as_array()).or_else(|| value.as_array())?;
    let name = |entry: &Value| {
        let found = ["id", "name", "model", "model_id"].iter().find_map(|key| entry.get(key)?.as_str());
        found.or(entry.as_str()).map(str::to_owned)
    };
    Some(list.iter().filter_map(name).collect())
}

/// The listing goes on at another page (Anthropic), so that a missing name says nothing.
pub fn has_more(body: &str) -> bool {
    parse(body).is_ok_and(|(value, _)| value.get("has_more") == Some(&Value::Bool(true)))
}

/// Whether `names` hold `model`. Google-style and file names (`models/x`, `/path/x.gguf`) count by their last part.
pub fn is_listed(names: &[String], model: &str) -> bool {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    names.iter().any(|name| name.eq_ignore_ascii_case(model) || (!model.contains('/') && last(name) == last(model)))
}

/// The listed name nearest to `model`.
pub fn nearest_listed<'n>(names: &'n [String], model: &str) -> Option<&'n str> {
    nearest(model, names.iter().map(String::as_str))
}

/// The count in the reply to [`Endpoint::counting`].
pub fn counted(body: &str) -> Option<u64> {
    let (value, _) = parse(body).ok()?;
    value.get("input_tokens")?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_of_many_servers_are_read() {
        let names = |body: &str| listed(body).unwrap_or_default().join(" ");
        assert_eq!(names(r#"{"object":"list","data":[{"id":"a"},{"id":"b/c"}]}"#), "a b/c");
        assert_eq!(names(r#"{"models":[{"name":"a"}]}"#), "a");
        assert_eq!(names(r#"[{"id":"a"},"b",7]"#), "a b");
        for body in ["", "<html>", r#"{"error":"no"}"#, "7", r#"{"data":{}}"#] {
            assert_eq!(listed(body), None, "{body}");
        }
        assert!(has_more(r#"{"data":[],"has_more":true}"#) && !has_more(r#"{"data":[],"has_more":false}"#));
        assert_eq!(counted(r#"{"input_tokens":15}"#), Some(15));
        assert_eq!(counted(r#"{"input_tokens":-1}"#), None);
    }

    #[test]
    fn names_match_as_servers_write_them() {
        let names = ["models/Tiny.gguf".to_owned(), "org/big".to_owned()];
        assert!(is_listed(&names, "tiny.gguf") && is_listed(&names, "org/big") && is_listed(&names, "big"));
        assert!(!is_listed(&names, "other/big") && !is_listed(&names, "small"));
        assert_eq!(nearest_listed(&names, "org/bog"), Some("org/big"));
    }
}
