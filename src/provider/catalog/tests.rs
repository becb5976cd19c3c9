//! The embedded file: complete, consistent and free of mistakes that only a reader would see.

use std::collections::BTreeSet;

use super::*;
use crate::provider::dialect;

#[test]
fn the_embedded_file_parses_and_refers_to_itself() {
    let catalog = Catalog::embedded();
    let mut seen = BTreeSet::new();
    for provider in &catalog.providers {
        assert!(seen.insert(&provider.id), "{} twice", provider.id);
        assert!(url::Url::parse(&provider.base_url).is_ok(), "{}", provider.base_url);
        assert!(!provider.protocols.is_empty(), "{} speaks nothing", provider.id);
        for spoken in &provider.protocols {
            assert!(dialect(&spoken.name).is_some(), "{}: {}", provider.id, spoken.name);
            assert!(["bearer", "x-api-key", "none"].contains(&spoken.auth.as_str()), "{}", spoken.auth);
        }
    }
    for model in &catalog.models {
        assert!(seen.insert(&model.id), "{} twice", model.id);
        for served in &model.endpoints {
            let provider = catalog.provider(&served.provider).unwrap_or_else(|| panic!("{}", served.provider));
            for protocol in &served.protocols {
                let spoken = provider.protocols.iter().any(|spoken| spoken.name == *protocol);
                assert!(spoken, "{} at {} speaks {protocol}", model.id, provider.id);
            }
            assert!(served.modes.keys().all(|name| served.protocols.contains(name)), "{} {}", model.id, served.id);
        }
    }
}

#[test]
fn every_claim_has_a_source_and_exact_amounts() {
    let catalog = Catalog::embedded();
    for model in &catalog.models {
        for claim in &model.prices {
            let at = format!("{} at {}: {}", model.id, claim.provider, claim.what);
            assert!(catalog.sources.contains_key(&claim.source), "{at}");
            assert!(["per_1m_tokens", "per_request"].contains(&claim.unit.as_str()), "{at}");
            assert_eq!(claim.price(&catalog).is_some(), claim.currency == "USD", "{at}");
            let seller = catalog.provider(&claim.provider).is_some() || catalog.sellers.contains_key(&claim.provider);
            assert!(seller, "{at}: unknown seller");
        }
    }
}

#[test]
fn limits_say_what_they_are_and_whence() {
    let catalog = Catalog::embedded();
    let served = catalog.models.iter().flat_map(|model| &model.endpoints).map(|served| &served.limits);
    let stated = catalog.providers.iter().map(|provider| &provider.limits).chain(served);
    let stated: Vec<_> = stated.filter(|l| l.concurrency.is_some() || l.rpm.is_some() || l.tpm.is_some()).collect();
    assert!(stated.len() > 5, "{}", stated.len());
    for limits in stated {
        assert!(!limits.what.is_empty() && catalog.sources.contains_key(&limits.source), "{limits:?}");
    }
}

#[test]
fn a_price_file_shows_in_the_list() {
    let value = serde_json::json!({"seed-2.0-mini@modelslab": {"input": 7, "output": 8}});
    let catalog = Catalog::embedded().with_prices(PriceBook::read(&value).unwrap());
    let rows = list(&catalog, "seed-2.0-mini modelslab");
    let row = rows.iter().find(|row| row.provider == "modelslab").unwrap();
    assert_eq!(row.price.as_ref().unwrap().input.to_string(), "7.00");
    assert_eq!((row.price_confidence.as_str(), row.other_claims), ("price file", 3), "the page's three stay beside it");
}

#[test]
fn one_page_states_three_prices() {
    let catalog = Catalog::embedded();
    let model = catalog.model("seed-2.0-mini").unwrap();
    let page: Vec<_> = model.prices.iter().filter(|claim| claim.provider == "modelslab").collect();
    let prices: Vec<_> = page.iter().map(|claim| claim.price(&catalog).unwrap()).collect();
    let usage = crate::domain::Usage { input: Some(1000), output: Some(1000), ..Default::default() };
    let costs: Vec<_> = prices.iter().map(|price| price.of(&usage).unwrap().to_string()).collect();
    assert_eq!(costs, ["0.0005", "0.0005", "0.25"]);
    assert_eq!(page.iter().filter(|claim| claim.active).count(), 1);
}

#[test]
fn the_family_and_all_related_models_are_there() {
    let catalog = Catalog::embedded();
    let related = catalog.models.iter().filter(|model| model.role == "related").count();
    assert_eq!((catalog.models.len(), related), (24, 17));
    assert_eq!(list(&catalog, "seed-2.0-mini modelslab").len(), 1);
    let row = &list(&catalog, "SEED-2.0-mini modelslab")[0];
    assert_eq!((row.modes.join(" "), row.other_claims), ("minimal? low? medium? high?".into(), 2));
    assert!(list(&catalog, "banana").is_empty());
}

#[test]
fn typos_find_their_name() {
    let catalog = Catalog::embedded();
    assert_eq!(catalog.provider_like("modellab"), Some("modelslab"));
    assert_eq!(catalog.model_like("seed-2.0-mimi"), Some("seed-2.0-mini"));
    assert!(catalog.provider("llama.cpp").is_some() && catalog.provider("ark").is_some());
}
