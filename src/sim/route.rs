//! Which path does what. Any prefix is served, so that every vendor's base URL fits.

use serde_json::Value;
use serde_json::json;

use super::ask::Ask;
use super::ask::Protocol;
use super::embed;
use super::host::Hosts;
use super::ledger::Entry;
use super::page::Page;
use super::profile::Model;
use super::request::Request;
use super::wire;

/// What a request leads to.
pub(super) enum Reaction {
    Page(Page),
    Generate(Box<Ask>),
}

/// Decides on a request.
pub(super) fn route(request: &Request, hosts: &Hosts) -> Reaction {
    let path = request.path.trim_end_matches('/');
    match request.method.as_str() {
        "POST" => post(path, &request.body),
        "GET" | "HEAD" => Reaction::Page(fetch(path, hosts)),
        _ => Reaction::Page(plain_error(405, "only GET and POST are served")),
    }
}

fn post(path: &str, body: &[u8]) -> Reaction {
    let protocol = if path.ends_with("/chat/completions") {
        Protocol::Chat
    } else if path.ends_with("/responses") {
        Protocol::Responses
    } else if path.ends_with("/messages") || path.ends_with("/messages/count_tokens") {
        Protocol::Messages
    } else if path.ends_with("/embeddings") {
        return Reaction::Page(embeddings(body));
    } else {
        return Reaction::Page(plain_error(404, &format!("nothing is served at {path}")));
    };
    let asked = serde_json::from_slice(body).map_err(|e| format!("the body is no JSON: {e}"));
    let counting = path.ends_with("/count_tokens");
    let asked = asked.and_then(|body: Value| Ask::read(protocol, &with_limit(body, counting)));
    match asked {
        Ok(ask) if counting => Reaction::Page(Page::json(200, &json!({"input_tokens": ask.prompt_tokens()}))),
        Ok(ask) => Reaction::Generate(Box::new(ask)),
        Err(message) => Reaction::Page(Page::json(400, &wire::error(protocol, 400, &message))),
    }
}

fn embeddings(body: &[u8]) -> Page {
    let asked = serde_json::from_slice(body).map_err(|e| format!("the body is no JSON: {e}"));
    match asked.and_then(|body: Value| embed::answer(&body)) {
        Ok(answer) => Page::json(200, &answer),
        Err(message) => plain_error(400, &message),
    }
}

/// Counting needs no `max_tokens`.
fn with_limit(mut body: Value, counting: bool) -> Value {
    if counting && body.is_object() && body["max_tokens"].is_null() {
        body["max_tokens"] = json!(1);
    }
    body
}

fn fetch(path: &str, hosts: &Hosts) -> Page {
    if path.ends_with("/models") {
        return models(hosts);
    }
    if let Some((_, name)) = path.split_once("/models/") {
        return match hosts.models().find(|model| model.id == name || model.aliases.iter().any(|alias| alias == name)) {
            Some(model) => Page::json(200, &listed(model)),
            None => plain_error(404, &format!("the model `{name}` is not served here")),
        };
    }
    match path {
        "" => Page::json(200, &json!({"name": "llmark simulator", "simulated": true})),
        "/health" | "/v1/health" => Page::json(200, &json!({"status": "ok"})),
        "/sim/ledger" => ledger(hosts),
        _ => plain_error(404, &format!("nothing is served at {path}")),
    }
}

fn models(hosts: &Hosts) -> Page {
    let data: Vec<Value> = hosts.models().map(listed).collect();
    let id = |entry: Option<&Value>| entry.map_or(Value::Null, |model| model["id"].clone());
    let (first, last) = (id(data.first()), id(data.last()));
    Page::json(200, &json!({"object": "list", "data": data, "has_more": false, "first_id": first, "last_id": last}))
}

fn listed(model: &Model) -> Value {
    json!({"id": model.id, "object": "model", "type": "model", "created": 1_771_027_200, "owned_by": "llmark-sim",
        "display_name": format!("{} (simulated)", model.id), "created_at": "2026-02-14T00:00:00Z",
        "max_input_tokens": model.context})
}

/// The account, for clients in other processes.
fn ledger(hosts: &Hosts) -> Page {
    let totals = hosts.ledger.totals();
    let entries: Vec<Value> = hosts.ledger.entries().iter().map(line).collect();
    let totals = json!({"connections": totals.connections, "accepted": totals.accepted, "answered": totals.answered,
        "input_tokens": totals.input_tokens, "output_tokens": totals.output_tokens, "cost_usd": totals.cost.to_string()});
    Page::json(200, &json!({"totals": totals, "entries": entries}))
}

fn line(entry: &Entry) -> Value {
    json!({"seq": entry.seq, "id": entry.id, "path": entry.path, "model": entry.model, "mode": entry.mode,
        "accepted_ns": entry.accepted_ns, "status": entry.status, "answered": entry.answered,
        "input_tokens": entry.input_tokens, "cached_tokens": entry.cached_tokens,
        "output_tokens": entry.output_tokens, "reasoning_tokens": entry.reasoning_tokens,
        "cost_usd": entry.cost.to_string()})
}

fn plain_error(status: u16, message: &str) -> Page {
    Page::json(status, &wire::error(Protocol::Chat, status, message))
}
