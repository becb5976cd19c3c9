//! Targets as people write them, right and wrong.

use serde_json::json;

use super::*;
use crate::domain::Usage;

fn target(model: &str, provider: &str) -> TargetSpec {
    TargetSpec { model: Some(model.into()), provider: Some(provider.into()), ..TargetSpec::default() }
}

fn spelled_out(base_url: &str) -> TargetSpec {
    TargetSpec { model: Some("m".into()), base_url: Some(base_url.into()), ..TargetSpec::default() }
}

fn resolved(spec: &TargetSpec) -> Endpoint {
    resolve(spec, &Catalog::embedded()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[track_caller]
fn check_wrong(spec: &TargetSpec, field: &str, message: &str, help: &str) {
    let problems = resolve(spec, &Catalog::embedded()).err().unwrap();
    let found = problems.iter().any(|problem| {
        let advice = problem.help.as_deref().unwrap_or_default();
        problem.field == field && problem.message.contains(message) && advice.contains(help)
    });
    assert!(found, "{problems:#?}");
}

#[test]
fn a_catalogue_target_takes_one_line() {
    let endpoint = resolved(&target("seed-2.0-mini", "modelslab"));
    assert_eq!(endpoint.id.as_str(), "seed-2.0-mini@modelslab");
    assert_eq!((endpoint.model.as_str(), endpoint.auth.clone()), ("bytedance-seed-seed-2.0-mini", Auth::Bearer));
    assert_eq!(endpoint.key_env, ["MODELSLAB_API_KEY"]);
    assert_eq!(endpoint.claims.len(), 2, "the page states three prices");
    let names: Vec<_> = endpoint.modes.iter().map(|mode| (mode.name.as_str(), mode.verified, mode.reasons)).collect();
    let expected = [
        ("default", true, None),
        ("minimal", false, Some(false)),
        ("low", false, Some(true)),
        ("medium", false, Some(true)),
        ("high", false, Some(true)),
    ];
    assert_eq!(names, expected);
    assert_eq!(
        endpoint.candidates.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["openrouter-style", "ark-style"]
    );
    let mut anthropic = target("seed-2.0-mini", "modelslab");
    anthropic.protocol = Some("anthropic-messages".into());
    assert_eq!(resolved(&anthropic).auth, Auth::XApiKey);
}

#[test]
fn a_mode_that_a_target_cannot_do_names_what_it_can() {
    let toggle = resolved(&target("qwen3.6-35b-a3b", "openrouter"));
    let problem = toggle.mode(&"low".into()).unwrap_err();
    assert!(problem.message.contains("toggle only"), "{problem:?}");
    assert!(problem.help.unwrap().contains("default, minimal, high"));
    let plain = resolved(&target("gemma-2-27b-it", "openrouter"));
    assert!(plain.mode(&"low".into()).unwrap_err().message.contains("not a reasoning model"));
    assert!(plain.mode(&"default".into()).is_ok());
}

#[test]
fn an_endpoint_can_be_spelled_out() {
    let mut spec = spelled_out("http://127.0.0.1:8080/v1");
    spec.modes = vec![("low".into(), JsonText::new(&json!({"x": 1})))];
    let endpoint = resolved(&spec);
    assert_eq!((endpoint.id.as_str(), endpoint.provider.as_str()), ("m@127.0.0.1:8080", "custom"));
    assert_eq!((endpoint.dialect.name(), &endpoint.auth), ("openai-chat", &Auth::None));
    let low = endpoint.mode(&"low".into()).unwrap();
    assert_eq!((low.patch.as_str(), low.verified), (r#"{"x":1}"#, true));
    let high = endpoint.mode(&"high".into()).unwrap();
    assert_eq!((high.patch.as_str(), high.verified), (r#"{"reasoning_effort":"high"}"#, false));
    spec.key_env = Some("K".into());
    assert_eq!((resolved(&spec).auth, resolved(&spec).key_env), (Auth::Bearer, vec!["K".to_owned()]));
}

#[test]
fn the_simulator_needs_no_address_and_no_key() {
    let spec = TargetSpec { sim: Some("seed-2.0-mini".into()), id: Some("s".into()), ..TargetSpec::default() };
    let endpoint = resolved(&spec);
    assert!(endpoint.simulated && endpoint.key_env.is_empty() && endpoint.auth == Auth::None);
    assert_eq!((endpoint.provider.as_str(), endpoint.modes.len()), ("sim", 5));
    let usage = Usage { input: Some(1_000_000), output: Some(1_000_000), ..Usage::default() };
    assert_eq!(endpoint.price.unwrap().of(&usage).unwrap().to_string(), "0.50");
}

#[test]
fn a_known_provider_at_another_address_keeps_its_ways() {
    let mut spec = target("seed-2.0-mini", "modelslab");
    spec.base_url = Some("http://127.0.0.1:9000".into());
    let endpoint = resolved(&spec);
    assert_eq!(endpoint.base_url.as_str(), "http://127.0.0.1:9000/");
    assert_eq!(endpoint.model, "bytedance-seed-seed-2.0-mini");
    let local = resolved(&target("whatever", "llamacpp"));
    assert_eq!((local.model.as_str(), local.auth), ("whatever", Auth::None));
}

#[test]
fn mistakes_are_named_with_what_would_be_right() {
    check_wrong(&target("seed-2.0-mini", "modellab"), "provider", "`modellab`", "did you mean `modelslab`?");
    check_wrong(&target("seed-2.0-mimi", "modelslab"), "model", "`seed-2.0-mimi`", "did you mean `seed-2.0-mini`?");
    check_wrong(&target("gpt-5.3-codex", "mistral"), "provider", "not known at", "openrouter");
    check_wrong(&TargetSpec::default(), "", "no `model`", "sim");
    let nameless = TargetSpec { model: Some("seed-2.0-mini".into()), ..TargetSpec::default() };
    check_wrong(&nameless, "model", "needs a `provider`", "modelslab, openrouter");
    let mut spec = target("seed-2.0-mini", "deepinfra");
    spec.protocol = Some("openai-responses".into());
    check_wrong(&spec, "protocol", "does not speak", "openai-chat");
    spec.protocol = Some("openai_chat".into());
    check_wrong(&spec, "protocol", "`openai_chat`", "did you mean `openai-chat`?");
    check_wrong(&spelled_out("127.0.0.1:8080"), "base_url", "", "http");
    check_wrong(&spelled_out("ftp://x"), "base_url", "no HTTP address", "https://");
    check_wrong(&spelled_out("http://h/v1/chat/completions"), "base_url", "already", "leave it out");
    check_wrong(&spelled_out("http://user:pw@h/v1"), "base_url", "user or password", "key_env");
    let mut spec = spelled_out("http://h/v1");
    spec.body = Some(JsonText::new(&json!({"messages": []})));
    check_wrong(&spec, "body", "`messages`", "conversation");
}

#[test]
fn limits_come_from_the_catalogue_where_the_suite_says_nothing() {
    let mut spec = target("seed-2.0-mini", "modelslab");
    let endpoint = resolved(&spec);
    assert_eq!(endpoint.limits, Limits { concurrency: Some(5), rpm: None, tpm: None });
    let note = endpoint.notes.iter().find(|note| note.starts_with("held to")).unwrap();
    assert!(note.contains("5 at once") && note.contains("pay-as-you-go") && note.contains("2026-05-04"), "{note}");
    spec.limits = Limits { concurrency: Some(15), ..Limits::default() };
    let endpoint = resolved(&spec);
    assert_eq!(endpoint.limits.concurrency, Some(15));
    assert!(!endpoint.notes.iter().any(|note| note.starts_with("held to")), "the suite's own limit needs no note");
    spec.limits = Limits::default();
    spec.base_url = Some("http://127.0.0.1:9/v1".into());
    assert_eq!(resolved(&spec).limits, Limits::default(), "another address has other limits");
    let seed = resolved(&target("seed-2.0-mini", "byteplus-modelark")).limits;
    assert_eq!((seed.rpm, seed.tpm), (Some(30_000.0), Some(1_500_000.0)));
}

#[test]
fn every_endpoint_of_the_catalogue_resolves() {
    let catalog = Catalog::embedded();
    for model in &catalog.models {
        for served in model.endpoints.iter().filter(|served| !served.protocols.is_empty()) {
            let endpoint = resolve(&target(&served.id, &served.provider), &catalog).unwrap();
            assert_eq!(endpoint.model, served.id);
            for mode in &endpoint.modes {
                assert!(mode.patch.value().is_object(), "{} {}", served.id, mode.name);
            }
        }
    }
}
