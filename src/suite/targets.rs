//! Targets of a suite: resolved against the catalogue, with every problem at the key that it is about.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::de::At;
use super::de::Pairs;
use super::file::AuthFile;
use super::file::HttpFile;
use super::file::LimitsFile;
use super::file::PriceFile;
use super::file::RoleFile;
use super::file::TargetFile;
use super::node::Kind;
use super::node::Node;
use super::problem::Sink;
use super::problem::Span;
use crate::domain::JsonText;
use crate::domain::ModeName;
use crate::domain::Price;
use crate::domain::Tier;
use crate::domain::Usd;
use crate::provider::Auth;
use crate::provider::Catalog;
use crate::provider::Endpoint;
use crate::provider::TargetSpec;
use crate::provider::endpoint::Limits;
use crate::provider::resolve;

/// A target with its place.
#[derive(Clone)]
pub struct Resolved {
    /// Where it is written.
    pub span: Span,
    /// Where requests go.
    pub endpoint: Arc<Endpoint>,
    /// What the author says it is for.
    pub role: Option<RoleFile>,
}

/// Resolves all targets; `http2` holds for those that do not say which version of HTTP they speak.
pub fn load(sink: &Sink, catalog: &Catalog, entries: &[At<TargetFile>], http2: bool) -> Vec<Resolved> {
    let mut resolved: Vec<Resolved> = Vec::new();
    let mut ids = BTreeSet::new();
    for entry in entries {
        let Some(file) = entry.get() else { continue };
        refuse_keys(sink, file);
        match resolve(&spec(sink, file, http2), catalog) {
            Ok(endpoint) => {
                if !ids.insert(endpoint.id.clone()) {
                    let place = file.id.as_ref().map_or(entry.span.head(), |id| id.span);
                    let help = "give one of them another `id:`";
                    sink.advise(place, format!("two targets are called `{}`", endpoint.id), help);
                }
                let role = file.role.as_ref().and_then(At::copied);
                resolved.push(Resolved { span: entry.span, endpoint: Arc::new(endpoint), role });
            }
            Err(problems) => {
                for problem in problems {
                    let span = place(file, problem.field).unwrap_or(entry.span.head());
                    sink.report(span, problem.message, problem.help);
                }
            }
        }
    }
    resolved
}

/// Keys in files leak; so the file may only name the variable that holds one. What looks like a key was refused.
fn refuse_keys(sink: &Sink, file: &TargetFile) {
    for at in [&file.key, &file.api_key].into_iter().flatten().filter(|at| !at.get().is_some_and(|text| is_key(text))) {
        sink.hide(at.span);
        let help = "put the key into an environment variable and write its name: `key_env: MY_API_KEY`";
        sink.advise(at.span, "a key does not belong into a suite", help);
    }
    if let Some(at) = &file.key_env
        && let Some(name) = at.get()
    {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(legal) || name.starts_with(|c: char| c.is_ascii_digit()) {
            sink.hide(at.span);
            sink.advise(at.span, "`key_env` takes the name of an environment variable", "write `key_env: MY_API_KEY`");
        }
    }
}

/// Looks for literal keys anywhere in a document and reports them without showing them.
pub fn refuse_secrets(sink: &Sink, node: &Node) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| refuse_secrets(sink, item)),
        Kind::Map(entries) => entries.iter().for_each(|entry| refuse_secrets(sink, &entry.value)),
        Kind::Plain(text) | Kind::Text(text) if is_key(text) => {
            sink.hide(node.span);
            let help = "put the key into an environment variable and write its name: `key_env: MY_API_KEY`";
            sink.advise(node.span, "this looks like a literal key", help);
        }
        _ => {}
    }
}

/// Prefixes that vendors give to keys.
const PREFIXES: [&str; 8] = ["sk-", "sk_", "gsk_", "xai-", "hf_", "AIza", "ghp_", "Bearer "];

/// A word that is most likely a key: a vendor's prefix, or 40 random characters in one piece.
fn is_key(text: &str) -> bool {
    let word = text.trim();
    let body = |c: char| c.is_ascii_alphanumeric() || "-_+/=.".contains(c);
    if let Some(rest) = PREFIXES.iter().find_map(|prefix| word.strip_prefix(prefix)) {
        return rest.len() >= 16 && rest.chars().all(body);
    }
    let has = |kind: fn(&char) -> bool| word.chars().filter(kind).count() >= 5;
    let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    let random = has(char::is_ascii_digit) && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    word.len() >= 40 && word.chars().all(base64) && random && word.matches(['/', '-', '_']).count() <= word.len() / 8
}

fn place(file: &TargetFile, field: &str) -> Option<Span> {
    let span = |at: &Option<At<String>>| at.as_ref().map(|at| at.span);
    match field {
        "id" => span(&file.id),
        "model" => span(&file.model),
        "provider" => span(&file.provider),
        "protocol" => span(&file.protocol),
        "base_url" => span(&file.base_url),
        "key_env" => span(&file.key_env),
        "auth" => file.auth.as_ref().map(|at| at.span),
        "price" => file.price.as_ref().map(|at| at.span),
        "modes" => file.modes.as_ref().map(|at| at.span),
        "body" => file.body.as_ref().map(|at| at.span),
        "limits" => file.limits.as_ref().map(|at| at.span),
        "sim" => file.sim.as_ref().map(|at| at.span),
        _ => None,
    }
}

fn spec(sink: &Sink, file: &TargetFile, http2: bool) -> TargetSpec {
    let text = |at: &Option<At<String>>| at.as_ref().and_then(At::get).cloned();
    TargetSpec {
        id: text(&file.id).map(Into::into),
        model: text(&file.model),
        provider: text(&file.provider),
        protocol: text(&file.protocol),
        base_url: text(&file.base_url),
        key_env: text(&file.key_env),
        auth: file.auth.as_ref().and_then(At::get).map(auth),
        price: file.price.as_ref().and_then(At::get).map(price),
        claims: file.claims.as_ref().and_then(At::get).into_iter().flatten().filter_map(At::get).map(price).collect(),
        modes: file.modes.as_ref().and_then(At::get).map(|pairs| modes(sink, pairs)).unwrap_or_default(),
        body: file.body.as_ref().and_then(|at| patch(sink, at)),
        http2: file.http.as_ref().and_then(At::copied).map_or(http2, |version| version == HttpFile::Two),
        limits: file.limits.as_ref().and_then(At::get).map(|file| limits(sink, file)).unwrap_or_default(),
        sim: file.sim.as_ref().and_then(At::get).and_then(|sim| sim.profile.get().cloned()),
    }
}

fn auth(file: &AuthFile) -> Auth {
    match file {
        AuthFile::Bearer => Auth::Bearer,
        AuthFile::XApiKey => Auth::XApiKey,
        AuthFile::None => Auth::None,
        AuthFile::Body(name) => Auth::Body(name.clone()),
        AuthFile::Header(name) => Auth::Header(name.clone()),
    }
}

fn price(file: &PriceFile) -> Price {
    let mut tiers: Vec<Tier> = file.tiers.iter().map(tier).collect();
    tiers.sort_by_key(|tier| tier.above_tokens);
    Price {
        input: file.input.0,
        output: file.output.0,
        cached_input: file.cached_input.map(|amount| amount.0),
        cache_write: file.cache_write.map(|amount| amount.0),
        reasoning: file.reasoning.map(|amount| amount.0),
        per_request: file.per_request.map_or(Usd::ZERO, |amount| amount.0),
        tiers,
        source: file.source.clone().unwrap_or_default(),
        as_of: file.as_of.clone().unwrap_or_default(),
    }
}

fn tier(file: &super::file::TierFile) -> Tier {
    let cached_input = file.cached_input.map(|amount| amount.0);
    Tier { above_tokens: file.above_tokens, input: file.input.0, output: file.output.0, cached_input }
}

fn modes(sink: &Sink, pairs: &Pairs<At<serde_json::Value>>) -> Vec<(ModeName, JsonText)> {
    pairs.0.iter().filter_map(|(name, at)| Some((name.as_str().into(), patch(sink, at)?))).collect()
}

fn patch(sink: &Sink, at: &At<serde_json::Value>) -> Option<JsonText> {
    let value = at.get()?;
    if !value.is_object() {
        sink.advise(
            at.span,
            "a merge patch is a mapping",
            "write the members to add, such as `{reasoning_effort: low}`",
        );
        return None;
    }
    Some(JsonText::new(value))
}

fn limits(sink: &Sink, file: &LimitsFile) -> Limits {
    let rate = |at: &Option<At<f64>>| {
        let at = at.as_ref()?;
        let value = at.copied()?;
        if value <= 0.0 {
            sink.advise(at.span, format!("`{value}` per minute lets nothing through"), "write a number above 0");
        }
        Some(value)
    };
    if let Some(at) = &file.concurrency
        && at.copied() == Some(0)
    {
        sink.advise(at.span, "`0` concurrent requests let nothing through", "write a number above 0");
    }
    let concurrency = file.concurrency.as_ref().and_then(At::copied);
    Limits { concurrency, rpm: rate(&file.rpm), tpm: rate(&file.tpm) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_words() {
        for key in
            ["sk-proj-0123456789abcdefABCDEF", "gsk_0123456789abcdef0123", "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7b"]
        {
            assert!(is_key(key), "{key}");
        }
        for word in [
            "sk-8",
            "bytedance-seed-seed-2.0-mini",
            "https://openrouter.ai/api/v1",
            "OPENROUTER_API_KEY",
            "0123456789012345678901234567890123456789",
        ] {
            assert!(!is_key(word), "{word}");
        }
    }
}
