//! Price files of every form, and mistakes of a factor of a million.

use serde_json::json;

use super::*;
use crate::provider::Catalog;
use crate::provider::TargetSpec;
use crate::provider::resolve;

#[track_caller]
fn check(book: &PriceBook, model: &str, provider: &str, expected: [&str; 2]) {
    let price = book.find("", &[model], provider).unwrap_or_else(|| panic!("{model} at {provider}: {book:?}"));
    assert_eq!([price.input.to_string(), price.output.to_string()], expected);
}

#[test]
fn our_own_form_is_read() {
    let book = PriceBook::read(&json!({"prices": [
        {"model": "m", "provider": "p", "input": 0.10, "output": "0.40", "cached_input": 0.02, "as_of": "2026-11-22"},
        {"target": "local", "per_request": 0.25},
        {"model": "m", "input": 1, "output": 2, "tiers": [{"above_tokens": 128_000, "input": 2, "output": 4}]},
    ]}))
    .unwrap();
    check(&book, "m", "p", ["0.10", "0.40"]);
    check(&book, "m", "elsewhere", ["1.00", "2.00"]);
    assert_eq!(book.find("local", &["m"], "p").unwrap().per_request.to_string(), "0.25");
    let mapping =
        PriceBook::read(&json!({"m@p": {"input": 1, "output": 2}, "local": {"input": 3, "output": 4}})).unwrap();
    check(&mapping, "m", "p", ["1.00", "2.00"]);
    assert_eq!(mapping.find("local", &["x"], "y").unwrap().input.to_string(), "3.00");
}

#[test]
fn a_bare_number_names_the_missing_unit() {
    let problems = parse(&json!(0.25)).unwrap_err();
    assert!(problems[0].contains("`0.25` has no unit") && problems[0].contains("per million tokens"), "{problems:?}");
    let all = PriceBook::read(&json!({"a": 0.25, "b": {"inputs": 1}, "c": {"input": -1, "output": "x"}})).unwrap_err();
    for part in ["`a`: a price of", "did you mean `input`?", "`input` is negative", "`output` is `\"x\"`"] {
        assert!(all.iter().any(|problem| problem.contains(part)), "{part}: {all:#?}");
    }
}

#[test]
fn litellm_states_dollars_per_token() {
    let book = PriceBook::read(&json!({
        "sample_spec": {"litellm_provider": "x", "input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
        "deepinfra/ByteDance/Seed-2.0-mini": {
            "litellm_provider": "deepinfra", "input_cost_per_token": 1e-07, "output_cost_per_token": 4e-07,
            "cache_read_input_token_cost": 2e-08,
        },
        "volcengine/doubao": {
            "litellm_provider": "volcengine", "input_cost_per_token": 2.9e-08, "output_cost_per_token": 2.9e-07,
            "tiered_pricing": [
                {"range": [0, 32_000], "input_cost_per_token": 2.9e-08, "output_cost_per_token": 2.9e-07},
                {"range": [32_000, 128_000], "input_cost_per_token": 5.8e-08, "output_cost_per_token": 5.8e-07},
            ],
        },
        "old": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
            "input_cost_per_token_above_200k_tokens": 2e-06, "output_cost_per_token_above_200k_tokens": 4e-06},
        "unknown": {"litellm_provider": "openai", "input_cost_per_token": 0, "output_cost_per_token": 0},
    }))
    .unwrap();
    check(&book, "ByteDance/Seed-2.0-mini", "deepinfra", ["0.10", "0.40"]);
    check(&book, "doubao", "volcengine-ark", ["0.029", "0.29"]);
    let tiers = |model: &str, provider: &str| {
        let price = book.find("", &[model], provider).unwrap();
        price.tiers.iter().map(|tier| (tier.above_tokens, tier.input.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(tiers("doubao", "volcengine-ark"), [(32_000, "0.058".to_owned())]);
    assert_eq!(tiers("old", "openai"), [(200_000, "2.00".to_owned())]);
    assert_eq!((book.entries.len(), book.skipped), (3, 1), "0 means unknown there");
}

#[test]
fn models_dev_states_dollars_per_million() {
    let book = PriceBook::read(&json!({"openrouter": {"id": "openrouter", "models": {
        "bytedance-seed/seed-2.0-mini": {"id": "x", "cost": {"input": 0.1, "output": 0.4,
            "tiers": [{"tier": {"size": 128_000}, "input": 0.2, "output": 0.8}]}},
        "nobody/knows": {"id": "y"},
    }}}))
    .unwrap();
    check(&book, "bytedance-seed/seed-2.0-mini", "openrouter", ["0.10", "0.40"]);
    assert_eq!((book.entries[0].price.tiers[0].above_tokens, book.skipped), (128_000, 1));
}

/// One published reader takes these amounts for prices per million: a factor of a million.
#[test]
fn openrouter_states_dollars_per_token_as_text() {
    let book = PriceBook::read(&json!({"data": [
        {"id": "a/b", "pricing": {"prompt": "0.0000001", "completion": "0.0000004", "request": "0", "internal_reasoning": "0.0000004"}},
        {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "a/b:free", "pricing": {"prompt": "0", "completion": "0"}},
    ]}))
    .unwrap();
    check(&book, "a/b", "openrouter", ["0.10", "0.40"]);
    assert_eq!((book.entries.len(), book.skipped, book.entries[0].price.reasoning), (2, 1, None));
}

#[test]
fn a_price_file_overrules_the_catalogue_and_keeps_its_claim() {
    let spec =
        TargetSpec { model: Some("seed-2.0-mini".into()), provider: Some("deepinfra".into()), ..TargetSpec::default() };
    let book = PriceBook::read(&json!({"seed-2.0-mini@deepinfra": {"input": 1, "output": 2}})).unwrap();
    let endpoint = resolve(&spec, &Catalog::embedded().with_prices(book)).unwrap();
    assert_eq!((endpoint.price.unwrap().input.to_string(), endpoint.claims.len()), ("1.00".to_owned(), 1));
}

#[test]
fn doubtful_prices_are_named() {
    let price = |value: Value| parse(&value).unwrap();
    let sound = price(json!({"input": 0.10, "output": 0.40}));
    assert_eq!(lint(&sound, &[], None), Vec::<String>::new());
    let rows = [
        (json!({"input": 0.25, "output": 0.25}), "looks blended"),
        (json!({"input": 0.3, "output": 0.3}), "one price"),
        (json!({"input": 0.4, "output": 0.1}), "swapped"),
        (json!({"input": 0.1, "output": 0.4, "cached_input": 0.1}), "cached input"),
        (json!({"input": 0, "output": 0}), "free of charge"),
        (json!({"input": 0.1, "output": 0.4, "per_request": 0.25}), "more than 10 times"),
        (json!({"per_request": 0.25}), "more than 10 times"),
    ];
    for (value, expected) in rows {
        let doubts = lint(&price(value.clone()), &[&sound], None);
        assert!(doubts.iter().any(|doubt| doubt.contains(expected)), "{value}: {doubts:?}");
    }
}
