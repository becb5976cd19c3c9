//! Error objects of many servers, and what they mean for a run.

use serde_json::Value;

use crate::domain::Outcome;
use crate::text::plain::one_line;

/// At most this much of a provider's message is kept.
const LONGEST_MESSAGE: usize = 2000;

/// What a provider says went wrong.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Failure {
    /// Its code, or its type where it has no code; empty where it has neither.
    pub(super) code: String,
    /// Its type.
    pub(super) kind: String,
    /// Its words.
    pub(super) message: String,
    /// The wait it asks for, in seconds.
    pub(super) wait: Option<f64>,
}

impl Failure {
    /// The failure in a JSON object, if it is one: `error` in any form, `object: error`, `status: error`, a flat
    /// `code` and `message`.
    ///
    /// A reply with choices or content is a failure only if it has an `error` that is not empty.
    pub(super) fn find(value: &Value) -> Option<Self> {
        let says = |key: &str, word: &str| value.get(key).and_then(Value::as_str) == Some(word);
        if let Some(error) = value.get("error").filter(|error| is_truthy(error)) {
            let mut found = Self::read(error);
            found.wait = found.wait.or_else(|| number(value.get("retry_after")));
            return Some(found);
        }
        let flat = says("object", "error")
            || says("type", "error")
            || ["error", "failed", "processing"].iter().any(|status| says("status", status))
            || (value.get("code").is_some() && !has_answer(value));
        flat.then(|| Self::read(value))
    }

    /// The best reading of any body that came with an HTTP error.
    pub(super) fn of_body(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let parsed = super::json::parse(&text).map(|(value, _)| value).unwrap_or_default();
        let whole = if parsed.is_object() { Self::read(&parsed) } else { Self::default() };
        let mut found = Self::find(&parsed).unwrap_or(whole);
        if found.message.is_empty() {
            found.message = one_line(&text, 512);
        }
        found
    }

    /// Reads the members that one of many servers uses.
    fn read(error: &Value) -> Self {
        if let Some(text) = error.as_str() {
            return Self { message: one_line(text, LONGEST_MESSAGE), ..Self::default() };
        }
        let word = |keys: &[&str]| keys.iter().find_map(|key| text_of(error.pointer(key)?)).unwrap_or_default();
        let kind = word(&["/metadata/error_type", "/type", "/reason", "/status"]);
        let code = word(&["/code"]);
        let message = word(&["/message", "/messege", "/detail", "/msg", "/errors/0/message", "/detail/0/msg"]);
        let code = if code.is_empty() { kind.clone() } else { code };
        Self { code, kind, message: one_line(&message, LONGEST_MESSAGE), wait: number(error.get("retry_after")) }
    }

    /// What an HTTP answer with `status` means.
    pub(super) fn outcome(&self, status: u16) -> Outcome {
        let status = if (200..300).contains(&status) { self.code.parse().unwrap_or(status) } else { status };
        match status {
            _ if self.is_quota(status) => Outcome::QuotaExhausted,
            429 | 529 => Outcome::RateLimited,
            _ if ["rate_limit_error", "overloaded_error", "rate_limit_exceeded"].contains(&self.kind.as_str()) => {
                Outcome::RateLimited
            }
            _ => Outcome::HttpError,
        }
    }

    /// Money or a spend limit has run out: waiting heals nothing.
    fn is_quota(&self, status: u16) -> bool {
        let known = QUOTA_CODES.iter().any(|code| self.code == *code || self.kind == *code);
        let may_be = matches!(status, 400 | 402 | 403 | 429);
        let message = self.message.to_ascii_lowercase();
        known || status == 402 || (may_be && QUOTA_WORDS.iter().any(|words| message.contains(words)))
    }

    /// The class of `status` and the provider's code, such as `not_found/model_not_found`.
    pub(super) fn detail(&self, status: u16) -> String {
        let class = class(status);
        if self.code.is_empty() || self.code == status.to_string() {
            class.to_owned()
        } else {
            format!("{class}/{}", one_line(&self.code, 80))
        }
    }
}

const QUOTA_CODES: &[&str] = &[
    "insufficient_quota",
    "exceeded_current_quota_error",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_credits",
    "insufficient_balance",
    "payment_required",
    "AccountOverdueError",
    "Arrearage",
];

const QUOTA_WORDS: &[&str] = &[
    "credit balance is too low",
    "insufficient credit",
    "insufficient balance",
    "insufficient quota",
    "exceeded your current quota",
    "out of credits",
];

/// A name for a status that is no success.
fn class(status: u16) -> &'static str {
    match status {
        300..=399 => "redirect",
        400 => "bad_request",
        401 => "unauthorized",
        402 => "payment_required",
        403 => "forbidden",
        404 => "not_found",
        408 => "request_timeout",
        409 => "conflict",
        413 => "too_large",
        421 => "misdirected",
        422 => "unprocessable",
        425 => "too_early",
        429 => "rate_limited",
        503 => "unavailable",
        504 | 524 => "gateway_timeout",
        529 => "overloaded",
        _ if status >= 500 => "server_error",
        _ if status >= 400 => "client_error",
        _ => "error_body",
    }
}

/// Not null, false, zero or empty: what SDKs treat as an error.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn has_answer(value: &Value) -> bool {
    ["choices", "content", "output", "data"].iter().any(|key| value.get(key).is_some_and(is_truthy))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(value: Option<&Value>) -> Option<f64> {
    let value = value?;
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, outcome: Outcome, detail: &str, message: &str) {
        let found = Failure::of_body(body.as_bytes());
        let got = (found.outcome(status), found.detail(status), found.message);
        assert_eq!(got, (outcome, detail.to_owned(), message.to_owned()), "{status} {body}");
    }

    #[test]
    fn every_envelope_is_read() {
        use Outcome::HttpError;
        let openai = r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"bad"}}"#;
        check(400, openai, HttpError, "bad_request/bad", "no");
        check(404, r#"{"error":{"message":"no","type":"NotFoundError","code":404}}"#, HttpError, "not_found", "no");
        check(401, r#"{"status":"error","message":"no"}"#, HttpError, "unauthorized/error", "no");
        check(401, r#"{"status":"error","messege":"no"}"#, HttpError, "unauthorized/error", "no");
        let flat = r#"{"object":"error","message":"no","type":"BadRequestError","param":null,"code":"400"}"#;
        check(400, flat, HttpError, "bad_request", "no");
        check(404, r#"{"code":404,"reason":"MODEL_NOT_FOUND","message":"no"}"#, HttpError, "not_found", "no");
        check(400, r#"{"error":"no"}"#, HttpError, "bad_request", "no");
        check(422, r#"{"detail":[{"msg":"no"}]}"#, HttpError, "unprocessable", "no");
        check(503, "<html>no</html>", HttpError, "unavailable", "<html>no</html>");
        check(200, r#"{"code":404,"message":"no"}"#, HttpError, "error_body/404", "no");
        check(302, "", HttpError, "redirect", "");
    }

    /// A 429 is two things, and only the body tells which.
    #[test]
    fn exhausted_quota_is_no_rate_limit() {
        let quota = r#"{"error":{"message":"no","type":"insufficient_quota","code":"credit_balance_exhausted"}}"#;
        check(429, quota, Outcome::QuotaExhausted, "rate_limited/credit_balance_exhausted", "no");
        let slow = r#"{"error":{"message":"no","type":"requests","code":"rate_limit_exceeded"}}"#;
        check(429, slow, Outcome::RateLimited, "rate_limited/rate_limit_exceeded", "no");
        let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#;
        check(529, overloaded, Outcome::RateLimited, "overloaded/overloaded_error", "no");
        check(402, r#"{"error":{"code":402,"message":"no"}}"#, Outcome::QuotaExhausted, "payment_required", "no");
        let spent = r#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#;
        check(
            400,
            spent,
            Outcome::QuotaExhausted,
            "bad_request/invalid_request_error",
            "Your credit balance is too low",
        );
        check(200, r#"{"error":{"code":429,"message":"no"}}"#, Outcome::RateLimited, "error_body/429", "no");
    }

    #[test]
    fn healthy_replies_are_no_failure() {
        for body in [
            r#"{"choices":[{"delta":{}}],"error":null}"#,
            r#"{"choices":[{"delta":{}}],"code":0}"#,
            r#"{"error":{},"choices":[]}"#,
            r#"{"type":"message","content":[{"type":"text","text":"x"}]}"#,
        ] {
            assert_eq!(Failure::find(&serde_json::from_str(body).unwrap()), None, "{body}");
        }
        assert_eq!(Failure::of_body(br#"{"status":"error","message":"x","retry_after":30}"#).wait, Some(30.0));
    }
}
