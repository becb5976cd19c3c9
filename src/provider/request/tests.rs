//! What really goes out: order of patches, place of salt and key, headers.

use serde_json::json;

use super::*;
use crate::domain::Conversation;
use crate::domain::Format;
use crate::domain::Message;
use crate::domain::Role;
use crate::provider::Catalog;
use crate::provider::TargetSpec;
use crate::provider::resolve;

fn endpoint(spec: &TargetSpec) -> Endpoint {
    resolve(spec, &Catalog::embedded()).unwrap()
}

fn known(model: &str, provider: &str) -> TargetSpec {
    TargetSpec { model: Some(model.into()), provider: Some(provider.into()), ..TargetSpec::default() }
}

struct Sent {
    body: Value,
    text: String,
    wire: WireRequest,
}

/// Sends "hi" in `mode` with a salt and the key `sk-secret`.
fn send(endpoint: &Endpoint, mode: &str, params: &Value, conversation: &Conversation) -> Sent {
    let messages = [Message::text(Role::User, "hi \"you\"")];
    let members = endpoint.dialect.encode(&messages, conversation);
    let params: Params = params.as_object().unwrap().clone();
    let key = Secret::new("sk-secret");
    let mode = (!mode.is_empty()).then(|| endpoint.mode(&mode.into()).unwrap());
    let ask = Ask { members: &members, mode, params: &params, salt: Some("[7\n] "), key: Some(&key), stream: true };
    let wire = endpoint.request(&ask).unwrap();
    let text = String::from_utf8(wire.body.concat()).unwrap();
    Sent { body: serde_json::from_str(&text).unwrap(), text, wire }
}

#[test]
fn a_mode_clears_other_controls_and_leaves_the_suites_own() {
    let mut spec = known("seed-2.0-mini", "openrouter");
    spec.body = Some(JsonText::new(&json!({"reasoning": {"exclude": true}, "top_k": 20})));
    let sent =
        send(&endpoint(&spec), "low", &json!({"reasoning_effort": "high", "max_tokens": 10}), &Conversation::default());
    let expected = json!({
        "model": "bytedance-seed/seed-2.0-mini", "max_tokens": 10, "stream": true,
        "stream_options": {"include_usage": true}, "provider": {"require_parameters": true},
        "reasoning": {"effort": "low", "exclude": true}, "top_k": 20,
        "messages": [{"role": "user", "content": "[7\n] hi \"you\""}],
    });
    assert_eq!(sent.body, expected);
    assert_eq!(sent.wire.sent_mode.as_str(), r#"{"reasoning":{"effort":"low"}}"#);
    assert_eq!(sent.wire.url.as_str(), "https://openrouter.ai/api/v1/chat/completions");
    assert!(sent.wire.headers["authorization"].is_sensitive());
    assert_eq!(sent.wire.headers["accept-encoding"], "identity");
}

/// The mode is what cells differ by: a suite's `body` must not undo it unseen.
#[test]
fn a_mode_wins_over_the_suites_body() {
    let mut spec = known("seed-2.0-mini", "openrouter");
    spec.body = Some(JsonText::new(&json!({"reasoning": {"effort": "high"}, "max_tokens": 500, "n": 2})));
    let bounded = endpoint(&spec);
    let sent = send(&bounded, "low", &json!({"max_tokens": 10}), &Conversation::default());
    assert_eq!((&sent.body["reasoning"]["effort"], &sent.body["max_tokens"]), (&json!("low"), &json!(500)));
    assert_eq!(sent.wire.max_output, Some(1000), "two choices of 500 tokens each");
    assert_eq!(bounded.max_output(&Params::new(), None), Some(1000));
    let free = endpoint(&known("seed-2.0-mini", "openrouter"));
    assert_eq!(free.max_output(&Params::new(), None), None);
}

#[test]
fn the_default_mode_sends_nothing_and_leaves_controls_alone() {
    let endpoint = endpoint(&known("seed-2.0-mini", "ark"));
    let sent =
        send(&endpoint, "default", &json!({"reasoning_effort": "high", "max_tokens": 9}), &Conversation::default());
    assert_eq!((&sent.body["reasoning_effort"], &sent.body["max_completion_tokens"]), (&json!("high"), &json!(9)));
    assert_eq!(sent.body.get("max_tokens"), None, "max_tokens bounds the answer alone at this vendor");
    assert_eq!(sent.wire.sent_mode.as_str(), "{}");
}

#[test]
fn effort_and_form_of_the_answer_live_together() {
    let schema = JsonText::new(&json!({"type": "object"}));
    let conversation =
        Conversation { format: Some(Format::JsonSchema { name: "x".into(), schema }), ..Conversation::default() };
    let mut spec = known("any", "anthropic");
    spec.protocol = Some("anthropic-messages".into());
    let sent = send(&endpoint(&spec), "high", &json!({}), &conversation);
    let config = json!({"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}});
    assert_eq!((&sent.body["output_config"], &sent.body["max_tokens"]), (&config, &json!(4096)));
    assert_eq!(sent.wire.url.as_str(), "https://api.anthropic.com/v1/messages");
    assert_eq!(
        (&sent.wire.headers["x-api-key"], &sent.wire.headers["anthropic-version"]),
        (&"sk-secret".parse().unwrap(), &"2023-06-01".parse().unwrap())
    );
}

#[test]
fn a_key_in_the_body_is_in_no_header_and_in_no_fingerprint() {
    let mut spec = known("seed-2.0-mini", "modelslab");
    spec.auth = Some(Auth::Body("key".into()));
    let endpoint = endpoint(&spec);
    let sent = send(&endpoint, "minimal", &json!({}), &Conversation::default());
    assert_eq!((&sent.body["key"], &sent.body["reasoning_effort"]), (&json!("sk-secret"), &json!("minimal")));
    assert!(sent.text.ends_with(",\"key\":\"sk-secret\"}"));
    assert!(sent.wire.headers.values().all(|value| !value.to_str().unwrap().contains("secret")));
    let other = send(&endpoint, "low", &json!({}), &Conversation::default());
    assert_ne!(sent.wire.fingerprint, other.wire.fingerprint, "effort is part of what was asked");
}

#[test]
fn no_patch_touches_the_conversation() {
    let mut endpoint = endpoint(&known("seed-2.0-mini", "openrouter"));
    endpoint.overrides = JsonText::new(&json!({"messages": [], "stream": false, "model": "other"}));
    let sent = send(&endpoint, "", &json!({}), &Conversation::default());
    assert_eq!((sent.body["messages"].as_array().unwrap().len(), &sent.body["stream"]), (1, &json!(true)));
    assert_eq!(sent.body["model"], "bytedance-seed/seed-2.0-mini");
    assert_eq!(sent.text.matches("\"model\"").count(), 1);
}

#[test]
fn a_version_segment_stands_once() {
    for base in ["http://127.0.0.1:1", "http://127.0.0.1:1/", "http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1/"] {
        let spec = TargetSpec {
            model: Some("m".into()),
            protocol: Some("anthropic-messages".into()),
            base_url: Some(base.into()),
            ..TargetSpec::default()
        };
        assert_eq!(endpoint(&spec).url("/v1/messages").unwrap().as_str(), "http://127.0.0.1:1/v1/messages");
    }
}

#[test]
fn parameters_that_a_protocol_lacks_are_named() {
    let mut spec = known("any", "anthropic");
    spec.protocol = Some("anthropic-messages".into());
    let endpoint = endpoint(&spec);
    let members = endpoint.dialect.encode(&[Message::text(Role::User, "x")], &Conversation::default());
    let params = json!({"seed": 1, "frequency_penalty": 0, "presence_penalty": 0.5});
    let params = params.as_object().unwrap();
    let ask = Ask { members: &members, mode: None, params, salt: None, key: None, stream: true };
    assert_eq!(endpoint.request(&ask).unwrap_err(), "anthropic-messages cannot send seed, presence_penalty");
}
