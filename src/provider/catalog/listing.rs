//! The catalogue as rows, for `llmark models`.

use super::Catalog;
use super::Model;
use super::Served;
use crate::domain::Price;

/// One model at one provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The model's key.
    pub model: String,
    /// The provider.
    pub provider: String,
    /// The model's name there.
    pub id: String,
    /// Protocols, the preferred one first.
    pub protocols: Vec<String>,
    /// Region, where the model is served in several.
    pub region: Option<String>,
    /// The price in force; `None` where nobody states one in US dollars.
    pub price: Option<Price>,
    /// How firm the price is.
    pub price_confidence: String,
    /// Number of further claims of the same seller.
    pub other_claims: usize,
    /// Modes that can be asked, with `?` behind those that are unverified.
    pub modes: Vec<String>,
    /// Abilities by name, known ones only.
    pub abilities: Vec<&'static str>,
    /// Context length in tokens.
    pub context: Option<u64>,
    /// `listed`, `deprecated`, `retired`, `delisted` or `unknown`, with its date.
    pub lifecycle: String,
    /// When that was true.
    pub lifecycle_date: String,
}

/// Rows whose model, provider, name, vendor, family or lifecycle contains `filter`, all words of it, in any case.
pub fn list(catalog: &Catalog, filter: &str) -> Vec<Row> {
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let all = catalog.models.iter().flat_map(|model| model.endpoints.iter().map(move |served| (model, served)));
    all.filter(|(model, served)| {
        let about = [&model.id, &model.name, &model.vendor, &model.family, &model.role].into_iter().chain([
            &served.provider,
            &served.id,
            &served.lifecycle.status,
        ]);
        let about = about.map(|text| text.to_lowercase()).collect::<Vec<_>>().join("\n");
        words.iter().all(|word| about.contains(word))
    })
    .map(|(model, served)| row(catalog, model, served))
    .collect()
}

fn row(catalog: &Catalog, model: &Model, served: &Served) -> Row {
    let claims = || model.prices.iter().filter(|claim| claim.provider == served.provider);
    let active = claims().find(|claim| claim.active);
    // A price file is the user's word and beats the catalogue, here as in a run.
    let own = catalog.book.find("", &[&model.id, &served.id], &served.provider);
    let able = served.abilities.over(model.abilities);
    let abilities = [
        ("tools", able.tools),
        ("structured_output", able.structured_output),
        ("vision", able.vision),
        ("reasoning", able.reasoning),
    ];
    Row {
        model: model.id.clone(),
        provider: served.provider.clone(),
        id: served.id.clone(),
        protocols: served.protocols.clone(),
        region: served.region.clone(),
        price: own.cloned().or_else(|| active.and_then(|claim| claim.price(catalog))),
        price_confidence: match own {
            Some(_) => "price file".to_owned(),
            None => active.map(|claim| claim.confidence.clone()).unwrap_or_default(),
        },
        other_claims: claims().filter(|claim| !claim.active || own.is_some()).count(),
        modes: modes(served),
        abilities: abilities.into_iter().filter(|(_, can)| *can == Some(true)).map(|(name, _)| name).collect(),
        context: served.context.or(model.context),
        lifecycle: served.lifecycle.status.clone(),
        lifecycle_date: served.lifecycle.date.clone(),
    }
}

fn modes(served: &Served) -> Vec<String> {
    let Some(set) = served.protocols.first().and_then(|protocol| served.modes.get(protocol)) else {
        return Vec::new();
    };
    match set.candidates.first() {
        Some(candidate) if set.patches.is_empty() => candidate.patches.keys().map(|name| format!("{name}?")).collect(),
        _ => set.patches.keys().cloned().collect(),
    }
}
