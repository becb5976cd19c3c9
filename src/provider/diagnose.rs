//! Why a target does not answer, in words: from how a request ended to what would be right.

use super::Endpoint;
use crate::domain::Outcome;
use crate::domain::Standing;
use crate::text::plain::one_line;

/// How a request ended, as far as a diagnosis needs it.
#[derive(Debug, Clone, Copy)]
pub struct Signs<'a> {
    /// The outcome.
    pub outcome: Outcome,
    /// HTTP status, where there was a response.
    pub status: Option<u16>,
    /// The outcome's detail.
    pub detail: &'a str,
    /// What the provider, or the system, said.
    pub message: &'a str,
}

/// What is wrong with a target, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Whether asking on has any point.
    pub standing: Standing,
    /// One word for the cause.
    pub cause: &'static str,
    /// What happened; empty where nothing is wrong.
    pub reason: String,
    /// What would be right; empty where nothing can be said.
    pub advice: String,
}

impl Diagnosis {
    /// Nothing is wrong.
    pub fn healthy() -> Self {
        Self { standing: Standing::Ok, cause: "ok", reason: String::new(), advice: String::new() }
    }

    fn gone(cause: &'static str, reason: String, advice: impl Into<String>) -> Self {
        Self { standing: Standing::Unavailable, cause, reason, advice: advice.into() }
    }

    fn unsure(cause: &'static str, reason: String, advice: impl Into<String>) -> Self {
        Self { standing: Standing::Doubtful, cause, reason, advice: advice.into() }
    }
}

/// Words in which providers say that a model is not, or no longer, theirs.
const GONE_WORDS: [&str; 14] = [
    "does not exist",
    "not exist",
    "not found",
    "no such model",
    "unknown model",
    "invalid model",
    "model not supported",
    "not supported model",
    "deprecated",
    "decommissioned",
    "retired",
    "no longer",
    "no endpoints found",
    "shut down",
];

/// What the end of a request to `endpoint` means for all the others that would follow.
pub fn diagnose(endpoint: &Endpoint, signs: Signs<'_>) -> Diagnosis {
    let said = one_line(signs.message, 300);
    match signs.outcome {
        outcome if !outcome.is_infra() => Diagnosis::healthy(),
        Outcome::ConnectError => unconnected(endpoint, signs.detail, &said),
        Outcome::Timeout if signs.detail == "connect" && said.ends_with("tls") => {
            let reason = format!("{} answers no TLS greeting: {said}", place(endpoint));
            Diagnosis::gone("tls", reason, "is `https://` right for this port? A plain local server wants `http://`")
        }
        Outcome::Timeout if signs.detail == "connect" => {
            let reason = format!("{} does not answer: {said}", place(endpoint));
            Diagnosis::gone("connect", reason, "is the address right, and is a firewall or VPN in the way?")
        }
        Outcome::QuotaExhausted => {
            let reason = format!("the quota of this key is used up: {said}");
            Diagnosis::gone("quota", reason, "top up the account, raise its limit, or use another key")
        }
        Outcome::ProtocolError => no_answer(endpoint, signs.detail, &said),
        Outcome::HttpError => refused(endpoint, &signs, &said),
        Outcome::RateLimited => {
            let advice =
                "the run goes on and waits where the suite allows retries; `limits:` of the target slow it down";
            Diagnosis::unsure("busy", format!("asked to wait: {said}"), advice)
        }
        outcome => Diagnosis::unsure("broken", format!("{outcome} ({}): {said}", signs.detail), "try again"),
    }
}

fn place(endpoint: &Endpoint) -> String {
    let host = endpoint.base_url.host_str().unwrap_or_default();
    endpoint.base_url.port_or_known_default().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

/// No connection: the phase tells which of three very different things is wrong.
fn unconnected(endpoint: &Endpoint, stage: &str, said: &str) -> Diagnosis {
    let at = place(endpoint);
    match stage {
        "dns" => {
            let host = endpoint.base_url.host_str().unwrap_or_default();
            let advice = "check the spelling of the host in `base_url`, and that this machine can resolve names";
            Diagnosis::gone("dns", format!("the name `{host}` has no address: {said}"), advice)
        }
        "tls" => {
            let reason = format!("no trusted encryption with {at}: {said}");
            Diagnosis::gone("tls", reason, tls_advice(said))
        }
        _ if said.contains("refused") => {
            let advice = "start the server, or correct host and port in `base_url`";
            Diagnosis::gone("connect", format!("nothing listens at {at}: {said}"), advice)
        }
        _ => Diagnosis::gone("connect", format!("no way to {at}: {said}"), "is the address right, and the network up?"),
    }
}

fn tls_advice(said: &str) -> &'static str {
    let said = said.to_ascii_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if is(&["unknownissuer", "unknown issuer", "selfsigned", "self-signed", "causedasendentity"]) {
        "the certificate's issuer is unknown here; for an own authority set SSL_CERT_FILE to its PEM file. Verification \
         cannot be switched off"
    } else if is(&["expired", "notvalidyet", "not valid yet"]) {
        "the certificate is out of date; renew it, or check this machine's clock"
    } else if is(&["notvalidforname", "not valid for name"]) {
        "the certificate is for another host name; write that name in `base_url`"
    } else if is(&["invalidcontenttype", "corrupt message", "record"]) {
        "the server does not speak TLS at this port; for a plain local server write `http://`"
    } else {
        "check that `https://` and the port are right"
    }
}

/// Something answered, but not the protocol.
fn no_answer(endpoint: &Endpoint, rule: &str, said: &str) -> Diagnosis {
    match rule {
        "content_type" => {
            let reason = format!("a page came instead of an answer: {}", one_line(said, 120));
            Diagnosis::gone(
                "page",
                reason,
                format!("{}; a proxy or a login page may stand in between", base_advice(endpoint)),
            )
        }
        "not_http" => {
            let reason = format!("{} does not speak HTTP/1.1: {said}", place(endpoint));
            let advice =
                if endpoint.base_url.scheme() == "http" { "write `https://` if the server wants TLS" } else { "" };
            Diagnosis::gone("address", reason, advice)
        }
        _ => Diagnosis::unsure(
            "protocol",
            format!("the answer breaks the rule `{rule}` of {}: {said}", endpoint.dialect.name()),
            "is the `protocol:` of the target right?",
        ),
    }
}

fn refused(endpoint: &Endpoint, signs: &Signs<'_>, said: &str) -> Diagnosis {
    let status = signs.status.unwrap_or(0);
    let code = signs.detail.split_once('/').map_or("", |(_, code)| code);
    match status {
        300..=399 => {
            let advice = "redirects are never followed, since they would take key and prompt along; write the final address as `base_url`";
            Diagnosis::gone("redirect", format!("HTTP {status}: {said}"), advice)
        }
        401 | 403 => {
            let names = endpoint.key_env.join(" or ");
            let advice = match names.as_str() {
                "" => "the server wants a key: name its variable in `key_env`".to_owned(),
                names => format!("check the key in {names}: is it complete, of this provider, and allowed this model?"),
            };
            Diagnosis::gone("auth", format!("HTTP {status}: the key is refused: {said}"), advice)
        }
        _ if is_about_the_model(endpoint, status, code, said) => {
            let reason = format!("HTTP {status}: `{}` is not served there: {said}", endpoint.model);
            Diagnosis::gone(
                "model",
                reason,
                "the model is retired or has another name; `llmark models` lists what is known",
            )
        }
        404 | 405 | 410 => {
            let path =
                endpoint.url(endpoint.dialect.path()).map_or_else(|_| String::new(), |url| url.path().to_owned());
            let reason =
                format!("HTTP {status}: there is no {} at {path}: {}", endpoint.dialect.name(), one_line(said, 120));
            Diagnosis::gone("address", reason, base_advice(endpoint))
        }
        400 if said.to_ascii_lowercase().contains("plain http request") => {
            Diagnosis::gone("address", format!("HTTP 400: {said}"), "the server wants TLS: write `https://`")
        }
        407 => {
            Diagnosis::gone("proxy", format!("HTTP 407: the proxy wants a login: {said}"), "check the proxy's settings")
        }
        500.. => {
            Diagnosis::unsure("busy", format!("HTTP {status}: {said}"), "the server has trouble of its own; try later")
        }
        _ => Diagnosis::unsure(
            "refused",
            format!("HTTP {status} {}: {said}", signs.detail),
            "the server refuses this request: check the mode's patch, `params` and `body`",
        ),
    }
}

/// A client error that says the model is not there; providers differ in status and code, so their words count.
fn is_about_the_model(endpoint: &Endpoint, status: u16, code: &str, said: &str) -> bool {
    let (code, said) = (code.to_ascii_lowercase(), said.to_ascii_lowercase());
    let is_page = said.contains("<html") || said.contains("<!doctype");
    let names_it = said.contains("model") || said.contains(&endpoint.model.to_ascii_lowercase());
    let says_gone = GONE_WORDS.iter().any(|words| said.contains(words));
    let by_code =
        code.contains("model") && (code.contains("not") || code.contains("invalid") || code.contains("unknown"));
    let by_words = names_it && says_gone;
    matches!(status, 200 | 400 | 404 | 410 | 422)
        && !is_page
        && (by_code || by_words || code.contains("invalidendpoint"))
}

/// What a base URL that leads nowhere should probably be.
fn base_advice(endpoint: &Endpoint) -> String {
    let base = endpoint.base_url.as_str().trim_end_matches('/');
    let path = endpoint.dialect.path();
    let last = endpoint.base_url.path().trim_end_matches('/');
    let has_version = last.rsplit('/').next().is_some_and(|end| {
        end.strip_prefix('v').is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    });
    if !has_version && !path.starts_with("/v1") {
        return format!("most servers want the version in it: `base_url: {base}/v1`");
    }
    format!("requests go to `{base}` with `{path}` appended; check `base_url` and `protocol`")
}

#[cfg(test)]
mod tests {
    use super::super::Catalog;
    use super::super::TargetSpec;
    use super::super::resolve;
    use super::*;

    fn endpoint(base: &str) -> Endpoint {
        let spec = TargetSpec {
            model: Some("m-1".into()),
            base_url: Some(base.into()),
            key_env: Some("MY_KEY".into()),
            ..TargetSpec::default()
        };
        resolve(&spec, &Catalog::embedded()).unwrap()
    }

    #[track_caller]
    fn check(base: &str, signs: (Outcome, u16, &str, &str), cause: &str, advice: &str) -> Diagnosis {
        let (outcome, status, detail, message) = signs;
        let signs = Signs { outcome, status: (status > 0).then_some(status), detail, message };
        let found = diagnose(&endpoint(base), signs);
        assert_eq!(found.cause, cause, "{found:?}");
        assert!(found.advice.contains(advice), "{found:?}");
        assert!(cause == "ok" || !found.reason.is_empty());
        found
    }

    const V1: &str = "https://api.example/v1";

    #[test]
    fn dns_tcp_and_tls_are_told_apart() {
        use Outcome::ConnectError;
        check(V1, (ConnectError, 0, "dns", "failed to lookup address"), "dns", "spelling");
        check(V1, (ConnectError, 0, "tcp", "Connection refused (os error 111)"), "connect", "start the server");
        check(V1, (ConnectError, 0, "tls", "invalid peer certificate: UnknownIssuer"), "tls", "SSL_CERT_FILE");
        check(V1, (ConnectError, 0, "tls", "invalid peer certificate: Expired"), "tls", "clock");
        check(V1, (ConnectError, 0, "tls", "certificate not valid for name \"a\""), "tls", "another host name");
        check(V1, (ConnectError, 0, "tls", "received corrupt message of type InvalidContentType"), "tls", "`http://`");
        check(V1, (Outcome::Timeout, 0, "connect", "stuck in tcp"), "connect", "firewall");
        check(V1, (Outcome::Timeout, 0, "connect", "stuck in tls"), "tls", "`http://`");
    }

    #[test]
    fn a_wrong_address_is_not_a_retired_model() {
        use Outcome::HttpError;
        let page = "<html><body>404 Not Found: no model here</body></html>";
        check(
            "https://api.example",
            (HttpError, 404, "not_found", page),
            "address",
            "base_url: https://api.example/v1",
        );
        check(V1, (HttpError, 404, "not_found", page), "address", "/chat/completions");
        check(V1, (HttpError, 405, "client_error", ""), "address", "check `base_url`");
        let gone = "The model `m-1` does not exist or you do not have access to it.";
        check(V1, (HttpError, 404, "not_found/model_not_found", gone), "model", "llmark models");
        check(V1, (HttpError, 404, "not_found", "No endpoints found for m-1."), "model", "");
        check(V1, (HttpError, 400, "bad_request", "m-1 has been decommissioned"), "model", "");
        let ark = (HttpError, 404, "not_found/InvalidEndpointOrModel.NotFound", "");
        check(V1, ark, "model", "");
        let page = (Outcome::ProtocolError, 200, "content_type", "<html>Sign in</html>");
        assert_eq!(check(V1, page, "page", "login page").standing, Standing::Unavailable);
        check(V1, (HttpError, 307, "redirect", "redirected to https://b.example/"), "redirect", "final address");
    }

    #[test]
    fn what_time_or_another_request_may_heal_is_doubtful() {
        use Outcome::HttpError;
        for (signs, cause) in [
            ((Outcome::RateLimited, 429, "rate_limited", "slow down"), "busy"),
            ((HttpError, 503, "unavailable", "no"), "busy"),
            ((HttpError, 400, "bad_request", "max_tokens must be at least 16"), "refused"),
            ((Outcome::Reset, 0, "mid_stream", ""), "broken"),
            ((Outcome::Timeout, 0, "first_token", ""), "broken"),
            ((Outcome::Truncated, 200, "connection", ""), "broken"),
        ] {
            assert_eq!(check(V1, signs, cause, "").standing, Standing::Doubtful);
        }
        check(V1, (HttpError, 401, "unauthorized", "bad key"), "auth", "MY_KEY");
        check(V1, (Outcome::QuotaExhausted, 429, "", "spent"), "quota", "top up");
        check(V1, (Outcome::Length, 200, "", ""), "ok", "");
    }
}
