//! One request put together: merge patches in order, pieces shared, secrets marked.

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use serde_json::Map;
use serde_json::Value;
use url::Url;

use super::dialect::Members;
use super::dialect::Params;
use super::dialect::fingerprint;
use super::endpoint::Ask;
use super::endpoint::Auth;
use super::endpoint::Endpoint;
use super::endpoint::Mode;
use super::endpoint::WireRequest;
use crate::domain::JsonText;
use crate::domain::json::merge;
use crate::text::Secret;

const AGENT: &str = concat!("llmark/", env!("CARGO_PKG_VERSION"));
const ANTHROPIC_VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

impl Endpoint {
    /// The request for one attempt.
    ///
    /// The body is the protocol's own members, then merge patches in this order: the catalogue's, those for streams, the
    /// reset of all reasoning controls (only when a mode is asked), the suite's `body`, and the mode, which wins because
    /// it is what cells differ by. The form of the answer is laid over them, and members that carry the conversation are
    /// put in last, so that no patch can touch them.
    ///
    /// # Errors
    /// What cannot be sent: a parameter that the protocol lacks, a key or header that HTTP cannot carry.
    pub fn request(&self, ask: &Ask<'_>) -> Result<WireRequest, String> {
        let (options, sent_mode) = self.options(ask)?;
        let max_output = output_limit(&options);
        let mut head = Map::new();
        head.insert(self.model_field.clone(), self.model.clone().into());
        head.extend(options);
        let head = open(&Value::Object(head));
        let key_member = match (&self.auth, ask.key) {
            (Auth::Body(name), Some(key)) => member(name, key),
            _ => String::new(),
        };
        let print = fingerprint([head.as_bytes(), &ask.members.digest.to_be_bytes()]);
        // A conversation without any text has no place for a salt.
        let salt = ask.salt.filter(|_| !ask.members.after.is_empty()).map(json_inside).unwrap_or_default();
        let members = [ask.members.before.clone(), Bytes::from(salt), ask.members.after.clone()];
        let pieces = std::iter::once(Bytes::from(head)).chain(members).chain([Bytes::from(key_member + "}")]);
        let body = pieces.filter(|piece| !piece.is_empty()).collect();
        Ok(WireRequest {
            url: self.url(self.dialect.path())?,
            headers: self.headers(ask)?,
            body,
            fingerprint: print,
            sent_mode,
            max_output,
            http2: self.http2,
        })
    }

    /// Tokens that a request of these parameters in this mode may generate; `None` where nothing in it says so.
    pub fn max_output(&self, params: &Params, mode: Option<&Mode>) -> Option<u64> {
        let members = Members::new(Bytes::new(), Bytes::new(), Map::new());
        let ask = Ask { members: &members, mode, params, salt: None, key: None, stream: true };
        self.options(&ask).ok().and_then(|(options, _)| output_limit(&options))
    }

    /// Address of a path below the base URL; a version segment that both carry stands once.
    ///
    /// # Errors
    /// That the two do not make a URL.
    pub fn url(&self, path: &str) -> Result<Url, String> {
        let base = self.base_url.as_str().trim_end_matches('/');
        let base = if path.starts_with("/v1/") { base.strip_suffix("/v1").unwrap_or(base) } else { base };
        format!("{base}{path}").parse().map_err(|error| format!("`{base}{path}` is no URL: {error}"))
    }

    fn options(&self, ask: &Ask<'_>) -> Result<(Map<String, Value>, JsonText), String> {
        let renamed = ask.params.iter().map(|(name, value)| {
            let other = self.renames.iter().find(|(from, _)| from == name).map_or(name, |(_, to)| to);
            (other.clone(), value.clone())
        });
        let options = self.dialect.options(&renamed.collect(), ask.stream);
        let options = options.map_err(|names| format!("{} cannot send {}", self.dialect.name(), names.join(", ")))?;
        let mut body = Value::Object(options);
        merge(&mut body, self.body.value());
        if ask.stream {
            merge(&mut body, self.stream_body.value());
        }
        let sent_mode = ask.mode.map_or_else(|| JsonText::new(&Value::Object(Map::new())), |mode| mode.patch.clone());
        if ask.mode.is_some_and(|mode| mode.patch.as_str() != "{}") {
            merge(&mut body, self.mode_reset.value());
        }
        merge(&mut body, self.overrides.value());
        merge(&mut body, sent_mode.value());
        merge(&mut body, Value::Object(ask.members.extra.clone()));
        let Value::Object(mut body) = body else { return Err("a `body` patch must be an object".into()) };
        for name in self.dialect.protected() {
            body.shift_remove(*name);
        }
        body.insert("stream".into(), ask.stream.into());
        Ok((body, sent_mode))
    }

    pub(super) fn headers(&self, ask: &Ask<'_>) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        let accept = if ask.stream { "text/event-stream" } else { "application/json" };
        for (name, value) in [("content-type", "application/json"), ("accept", accept), ("user-agent", AGENT)] {
            put(&mut headers, name, value)?;
        }
        // Compression joins events together and so falsifies their times.
        put(&mut headers, "accept-encoding", "identity")?;
        if self.dialect.name() == "anthropic-messages" {
            put(&mut headers, ANTHROPIC_VERSION.0, ANTHROPIC_VERSION.1)?;
        }
        for (name, value) in &self.headers {
            put(&mut headers, name, value)?;
        }
        if let Some(key) = ask.key {
            authorize(&mut headers, &self.auth, key)?;
        }
        Ok(headers)
    }
}

/// The largest limit that a body states, for all its choices together.
fn output_limit(body: &Map<String, Value>) -> Option<u64> {
    let names = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
    let limit = names.iter().filter_map(|name| body.get(*name)?.as_u64()).max()?;
    Some(limit.saturating_mul(body.get("n").and_then(Value::as_u64).unwrap_or(1).max(1)))
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header name"))?;
    let value =
        HeaderValue::from_str(value).map_err(|_| format!("header `{name}` has a value that HTTP cannot carry"))?;
    headers.insert(known, value);
    Ok(())
}

fn authorize(headers: &mut HeaderMap, auth: &Auth, key: &Secret) -> Result<(), String> {
    let (name, value) = match auth {
        Auth::None | Auth::Body(_) => return Ok(()),
        Auth::Bearer => ("authorization", format!("Bearer {}", key.expose())),
        Auth::XApiKey => ("x-api-key", key.expose().to_owned()),
        Auth::Header(name) => (name.as_str(), key.expose().to_owned()),
    };
    put(headers, name, &value).map_err(|_| "the key holds characters that HTTP cannot carry".to_owned())?;
    if let Some(value) = headers.get_mut(name) {
        value.set_sensitive(true);
    }
    Ok(())
}

/// An object without its closing brace, ready for further members.
fn open(object: &Value) -> String {
    let mut text = object.to_string();
    text.pop();
    if text.len() > 1 {
        text.push(',');
    }
    text
}

fn member(name: &str, key: &Secret) -> String {
    format!(",{}:{}", Value::from(name), Value::from(key.expose()))
}

/// Text as it stands inside a JSON string.
fn json_inside(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests;
