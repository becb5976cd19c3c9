//! From a target as written to an endpoint that can be asked.

use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;
use url::Url;

use super::Auth;
use super::Catalog;
use super::DIALECTS;
use super::Dialect;
use super::Endpoint;
use super::Mode;
use super::Problem;
use super::TargetSpec;
use super::catalog::Bounds;
use super::catalog::ModeSet;
use super::catalog::Model;
use super::catalog::Provider;
use super::catalog::Served;
use super::dialect;
use super::endpoint::Abilities;
use super::endpoint::Limits;
use super::prices::lint;
use crate::domain::JsonText;
use crate::domain::ModeName;
use crate::domain::Price;
use crate::domain::json::merge;
use crate::text::nearest;

/// Stands for the simulator's address until it has one.
const SIM_URL: &str = "http://127.0.0.1:9/v1";

/// Fills in what `spec` leaves out from the catalogue.
///
/// # Errors
/// Every problem of the target, each with what would be right.
pub fn resolve(spec: &TargetSpec, catalog: &Catalog) -> Result<Endpoint, Vec<Problem>> {
    let mut problems = Vec::new();
    let found = find(spec, catalog, &mut problems);
    let dialect = speak(spec, &found, &mut problems);
    let base_url = address(spec, &found, dialect, &mut problems);
    let overrides = overrides(spec, dialect, &mut problems);
    match (dialect, base_url) {
        (Some(dialect), Some(base_url)) if problems.is_empty() => {
            let mut endpoint = build(spec, catalog, &found, dialect, base_url, overrides);
            let key = found.model.map_or(endpoint.model.as_str(), |known| &known.id).to_owned();
            endpoint.reprice(&catalog.book, &key);
            Ok(endpoint)
        }
        _ => Err(problems),
    }
}

/// What the catalogue knows of a target.
#[derive(Default)]
struct Found<'c> {
    provider: Option<&'c Provider>,
    model: Option<&'c Model>,
    served: Option<&'c Served>,
    /// Other names of the same model at the same provider.
    others: Vec<&'c str>,
}

fn find<'c>(spec: &TargetSpec, catalog: &'c Catalog, problems: &mut Vec<Problem>) -> Found<'c> {
    if let Some(profile) = &spec.sim {
        return Found { model: catalog.model(spec.model.as_ref().unwrap_or(profile)), ..Found::default() };
    }
    let Some(model) = &spec.model else {
        let problem = Problem::new("", "the target has no `model`");
        problems.push(problem.with_help("write `model: NAME`, or `sim: {profile: NAME}` for the simulator"));
        return Found::default();
    };
    let Some(name) = &spec.provider else { return without_provider(spec, model, catalog, problems) };
    let Some(provider) = catalog.provider(name) else {
        let known = catalog.providers.iter().map(|provider| provider.id.as_str()).collect::<Vec<_>>().join(", ");
        let help =
            catalog.provider_like(name).map_or(format!("known are {known}"), |near| format!("did you mean `{near}`?"));
        problems.push(Problem::new("provider", format!("there is no provider `{name}`")).with_help(help));
        return Found::default();
    };
    let places = catalog.served(model, &provider.id);
    if let Some((known, served)) = places.first() {
        let others = places.iter().skip(1).map(|(_, other)| other.id.as_str()).filter(|id| *id != served.id).collect();
        return Found { provider: Some(provider), model: Some(known), served: Some(served), others };
    }
    if provider.kind != "local" && spec.protocol.is_none() && spec.base_url.is_none() {
        problems.push(unknown_model(model, provider, catalog));
    }
    Found { provider: Some(provider), ..Found::default() }
}

fn unknown_model(model: &str, provider: &Provider, catalog: &Catalog) -> Problem {
    let as_it_is = format!("to send `{model}` as it is, add `protocol: {}`", provider.protocols[0].name);
    if let Some(known) = catalog.model(model) {
        let places: Vec<&str> = known.endpoints.iter().map(|served| served.provider.as_str()).collect();
        return Problem::new("provider", format!("`{model}` is not known at provider `{}`", provider.id))
            .with_help(format!("it is known at {}; {as_it_is}", unique(&places).join(", ")));
    }
    let there = catalog.models.iter().filter(|known| known.endpoints.iter().any(|s| s.provider == provider.id));
    let near = nearest(model, there.map(|known| known.id.as_str())).or_else(|| catalog.model_like(model));
    let help = near.map_or(as_it_is.clone(), |near| format!("did you mean `{near}`? {as_it_is}"));
    Problem::new("model", format!("there is no model `{model}` in the catalogue")).with_help(help)
}

/// A target that names no provider is spelled out by its address, or known at one provider only.
fn without_provider<'c>(
    spec: &TargetSpec,
    model: &str,
    catalog: &'c Catalog,
    problems: &mut Vec<Problem>,
) -> Found<'c> {
    if spec.base_url.is_some() {
        return Found::default();
    }
    let Some(known) = catalog.model(model) else {
        let help = catalog.model_like(model).map_or_else(
            || "name a `provider`, or spell the endpoint out with `protocol` and `base_url`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        problems.push(Problem::new("model", format!("there is no model `{model}` in the catalogue")).with_help(help));
        return Found::default();
    };
    let places: Vec<&str> = known.endpoints.iter().map(|served| served.provider.as_str()).collect();
    let problem = Problem::new("model", format!("`{model}` needs a `provider` or a `base_url`"));
    problems.push(problem.with_help(format!("the catalogue knows it at {}", unique(&places).join(", "))));
    Found { model: Some(known), ..Found::default() }
}

fn unique<'t>(names: &[&'t str]) -> Vec<&'t str> {
    let mut names = names.to_vec();
    names.dedup();
    names
}

/// The protocol: the suite's, or the endpoint's preferred one, or the provider's.
fn speak(spec: &TargetSpec, found: &Found<'_>, problems: &mut Vec<Problem>) -> Option<&'static dyn Dialect> {
    let names: Vec<&str> = DIALECTS.iter().map(|dialect| dialect.name()).collect();
    let spoken: Vec<&str> = found.provider.iter().flat_map(|p| &p.protocols).map(|s| s.name.as_str()).collect();
    if let Some(name) = &spec.protocol {
        let known = dialect(name);
        if known.is_none() {
            let near = nearest(name, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let help = near.unwrap_or_else(|| format!("known are {}", names.join(", ")));
            problems.push(Problem::new("protocol", format!("there is no protocol `{name}`")).with_help(help));
        } else if !spoken.is_empty() && !spoken.contains(&name.as_str()) && spec.base_url.is_none() {
            let message = format!("provider `{}` does not speak {name}", found.provider.map_or("", |p| &p.id));
            problems.push(Problem::new("protocol", message).with_help(format!("it speaks {}", spoken.join(", "))));
        }
        return known;
    }
    if let Some(served) = found.served
        && served.protocols.is_empty()
    {
        let message = format!("`{}` is no chat model there: it only completes text", served.id);
        problems.push(Problem::new("model", message));
        return None;
    }
    let preferred = found.served.and_then(|served| served.protocols.first()).map(String::as_str);
    dialect(preferred.or(spoken.first().copied()).unwrap_or("openai-chat"))
}

fn address(
    spec: &TargetSpec,
    found: &Found<'_>,
    dialect: Option<&'static dyn Dialect>,
    problems: &mut Vec<Problem>,
) -> Option<Url> {
    if spec.sim.is_some() {
        return Url::parse(SIM_URL).ok();
    }
    let known = found.served.and_then(|served| served.base_url.as_ref()).or(found.provider.map(|p| &p.base_url));
    let text = spec.base_url.as_ref().or(known)?;
    let mut wrong = |message: String, help: &str| {
        problems.push(Problem::new("base_url", message).with_help(help));
        None
    };
    let Ok(url) = Url::parse(text) else {
        return wrong(format!("`{text}` is no URL"), "write it whole, such as `http://127.0.0.1:8080/v1`");
    };
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return wrong(format!("`{text}` is no HTTP address"), "write `https://` or `http://` and a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("the base URL holds a user or password".into(), "name the key's variable in `key_env`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong(
            "the base URL has a query or fragment".into(),
            "paths are appended to it, so it must end in a path",
        );
    }
    let path = dialect.map_or("", |dialect| dialect.path());
    if !path.is_empty() && url.path().trim_end_matches('/').ends_with(path) {
        return wrong(format!("`{text}` names the path `{path}` already"), "leave it out; it is appended");
    }
    Some(url)
}

/// The suite's own patch on the body, which may not touch what carries the conversation.
fn overrides(spec: &TargetSpec, dialect: Option<&'static dyn Dialect>, problems: &mut Vec<Problem>) -> JsonText {
    let patches = spec.body.iter().map(|patch| ("body", patch));
    let modes = spec.modes.iter().map(|(_, patch)| ("modes", patch));
    for (field, patch) in patches.chain(modes) {
        let protected = dialect.map(Dialect::protected).unwrap_or_default();
        for name in protected.iter().filter(|name| patch.value().get(**name).is_some()) {
            let problem = Problem::new(field, format!("a merge patch may not set `{name}`"));
            problems.push(problem.with_help("it carries the conversation; set it in the target or the prompt"));
        }
    }
    spec.body.clone().unwrap_or_else(empty)
}

fn empty() -> JsonText {
    JsonText::new(&Value::Object(Map::new()))
}

fn build(
    spec: &TargetSpec,
    catalog: &Catalog,
    found: &Found<'_>,
    dialect: &'static dyn Dialect,
    base_url: Url,
    overrides: JsonText,
) -> Endpoint {
    let name = model_name(spec, found);
    let provider = provider_name(spec, found);
    let place = if provider == "custom" { authority(&base_url) } else { provider.clone() };
    let (modes, candidates, mode_note) = settings(spec, catalog, found, dialect);
    let (price, claims) = prices(spec, catalog, found);
    let doubts = price.iter().flat_map(|price| lint(price, &claims.iter().collect::<Vec<_>>(), None));
    let (limits, bounds) = limits(spec, catalog, found);
    let notes =
        notes(spec, found).into_iter().chain(bounds).chain(doubts.map(|doubt| format!("price: {doubt}"))).collect();
    let key = found.model.map_or(name.as_str(), |known| &known.id);
    let key = spec.model.as_deref().unwrap_or(key);
    Endpoint {
        id: spec.id.clone().unwrap_or_else(|| format!("{key}@{place}").into()),
        provider: provider.into(),
        auth: auth(spec, found, dialect),
        key_env: key_env(spec, found),
        model_field: found.provider.map_or("model", |p| &p.model_field).to_owned(),
        headers: Vec::new(),
        body: body(found),
        stream_body: JsonText::new(&Value::Object(found.provider.map(|p| p.stream_body.clone()).unwrap_or_default())),
        overrides,
        renames: found.provider.iter().flat_map(|p| p.renames.clone()).collect(),
        mode_reset: JsonText::new(&catalog.mode_reset),
        modes,
        candidates,
        mode_note,
        price: price.map(Arc::new),
        claims: claims.into_iter().map(Arc::new).collect(),
        limits,
        models_path: models_path(found, dialect),
        context: found.served.and_then(|s| s.context).or(found.model.and_then(|m| m.context)),
        abilities: abilities(found),
        notes,
        http2: spec.http2,
        simulated: spec.sim.is_some(),
        model: name,
        base_url,
        dialect,
    }
}

fn model_name(spec: &TargetSpec, found: &Found<'_>) -> String {
    let written = spec.model.as_ref().or(spec.sim.as_ref()).cloned().unwrap_or_default();
    found.served.map_or(written, |served| served.id.clone())
}

fn provider_name(spec: &TargetSpec, found: &Found<'_>) -> String {
    if spec.sim.is_some() { "sim".into() } else { found.provider.map_or("custom", |p| &p.id).to_owned() }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

fn auth(spec: &TargetSpec, found: &Found<'_>, dialect: &dyn Dialect) -> Auth {
    let spoken = found.provider.iter().flat_map(|p| &p.protocols).find(|spoken| spoken.name == dialect.name());
    let usual = if dialect.name() == "anthropic-messages" { Auth::XApiKey } else { Auth::Bearer };
    match (&spec.auth, spoken.map(|spoken| spoken.auth.as_str())) {
        (Some(auth), _) => auth.clone(),
        _ if spec.sim.is_some() => Auth::None,
        (None, Some("x-api-key")) => Auth::XApiKey,
        (None, Some("bearer")) => Auth::Bearer,
        _ if spec.key_env.is_none() => Auth::None,
        (None, _) => usual,
    }
}

fn key_env(spec: &TargetSpec, found: &Found<'_>) -> Vec<String> {
    match (&spec.key_env, found.provider) {
        (Some(name), _) => vec![name.clone()],
        (None, Some(provider)) if provider.kind != "local" => provider.key_env.clone(),
        _ => Vec::new(),
    }
}

fn body(found: &Found<'_>) -> JsonText {
    let mut body = Value::Object(found.provider.map(|p| p.body.clone()).unwrap_or_default());
    // Both are patches, so the second is laid over the first and its nulls must stay.
    if let (Some(served), Some(members)) = (found.served, body.as_object_mut()) {
        for (name, patch) in &served.body {
            match members.get_mut(name).filter(|_| patch.is_object()) {
                Some(member) => merge(member, patch.clone()),
                None => {
                    members.insert(name.clone(), patch.clone());
                }
            }
        }
    }
    JsonText::new(&body)
}

fn models_path(found: &Found<'_>, dialect: &dyn Dialect) -> Option<String> {
    match found.provider {
        Some(provider) => provider.models_path.clone(),
        None if dialect.name() == "anthropic-messages" => Some("/v1/models".into()),
        None => Some("/models".into()),
    }
}

fn abilities(found: &Found<'_>) -> Abilities {
    let served = found.served.map(|served| served.abilities).unwrap_or_default();
    served.over(found.model.map(|model| model.abilities).unwrap_or_default())
}

type ByName = Vec<(String, Vec<Mode>)>;

/// Modes in force, other candidates, and why some are missing. The suite's patches override and add.
fn settings(
    spec: &TargetSpec,
    catalog: &Catalog,
    found: &Found<'_>,
    dialect: &dyn Dialect,
) -> (Vec<Mode>, ByName, Option<String>) {
    let nothing = ModeSet::default();
    let at_endpoint = found.served.and_then(|served| match served.modes.get(dialect.name()) {
        None if abilities(found).reasoning == Some(false) => Some(&nothing),
        known => known,
    });
    let at_provider = found.provider.and_then(|provider| provider.modes.get(dialect.name()));
    let set = at_endpoint.or(at_provider).or(catalog.protocol_modes.get(dialect.name())).unwrap_or(&nothing);
    let firm = ["documented", "observed", "first-party"].contains(&set.confidence.as_str());
    let verified = spec.sim.is_some() || (firm && at_endpoint.is_some());
    let made = |patches: &Map<String, Value>, verified| -> Vec<Mode> {
        patches.iter().map(|(name, patch)| mode(catalog, name, patch.into(), verified)).collect()
    };
    let mut candidates: ByName =
        set.candidates.iter().map(|candidate| (candidate.name.clone(), made(&candidate.patches, false))).collect();
    let chosen = if set.patches.is_empty() && !candidates.is_empty() {
        candidates.remove(0).1
    } else {
        made(&set.patches, verified)
    };
    let mut modes = vec![Mode { name: "default".into(), patch: empty(), verified: true, reasons: None }];
    modes.extend(chosen);
    for (name, patch) in &spec.modes {
        let own = mode(catalog, name.as_str(), patch.clone(), true);
        match modes.iter_mut().find(|mode| mode.name == *name) {
            Some(known) => *known = own,
            None => modes.push(own),
        }
    }
    (modes, candidates, set.note.clone())
}

fn mode(catalog: &Catalog, name: &str, patch: JsonText, verified: bool) -> Mode {
    let reasons = catalog.mode_reasons.get(name).copied();
    Mode { name: ModeName::from(name), patch, verified, reasons }
}

/// The price in force and other claims of the same seller; of the model's first seller for the simulator.
fn prices(spec: &TargetSpec, catalog: &Catalog, found: &Found<'_>) -> (Option<Price>, Vec<Price>) {
    let claims: Vec<_> = found.model.map(|model| model.prices.iter().collect()).unwrap_or_default();
    let first = claims.iter().find(|claim| claim.active).map(|claim| claim.provider.clone());
    let seller = if spec.sim.is_some() { first } else { found.served.map(|served| served.provider.clone()) };
    let ours: Vec<_> = claims.into_iter().filter(|claim| Some(&claim.provider) == seller.as_ref()).collect();
    let known = ours.iter().find(|claim| claim.active).and_then(|claim| claim.price(catalog));
    let in_force = spec.price.clone().or_else(|| known.clone());
    let passed_over = spec.price.as_ref().and(known);
    let others = ours.iter().filter(|claim| !claim.active).filter_map(|claim| claim.price(catalog));
    (in_force, spec.claims.iter().cloned().chain(passed_over).chain(others).collect())
}

/// The suite's limits, each one that it leaves out from the catalogue, with a note on what came from there.
fn limits(spec: &TargetSpec, catalog: &Catalog, found: &Found<'_>) -> (Limits, Option<String>) {
    let nothing = Bounds::default();
    // At another address another rule holds: a proxy, a stand-in, a server of one's own.
    let found = if spec.base_url.is_some() { &Found::default() } else { found };
    let provider = found.provider.map_or(&nothing, |provider| &provider.limits);
    let known =
        found.served.map(|served| &served.limits).filter(|bounds| !bounds.source.is_empty()).unwrap_or(provider);
    let own = spec.limits;
    let limits = Limits {
        concurrency: own.concurrency.or(known.concurrency),
        rpm: own.rpm.or(known.rpm),
        tpm: own.tpm.or(known.tpm),
    };
    let added = [
        own.concurrency.xor(limits.concurrency).map(|n| format!("{n} at once")),
        own.rpm.xor(limits.rpm).map(|n| format!("{n} requests per minute")),
        own.tpm.xor(limits.tpm).map(|n| format!("{n} tokens per minute")),
    ];
    let added: Vec<String> = added.into_iter().flatten().collect();
    let source = catalog.sources.get(&known.source);
    let date = source.map(|source| source.date.as_str()).filter(|date| !date.is_empty());
    let of = format!("{}{}", catalog.source(&known.source), date.map_or(String::new(), |date| format!(", {date}")));
    let note = (!added.is_empty())
        .then(|| format!("held to {} ({}; {of}); `limits:` of the target overrules it", added.join(", "), known.what));
    (limits, note)
}

fn notes(spec: &TargetSpec, found: &Found<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(provider) = found.provider else { return notes };
    notes.extend(provider.notes.iter().map(|note| format!("{} {note}", provider.name)));
    if let Some(served) = found.served {
        notes.extend(served.lifecycle.warning().map(|gone| format!("`{}` is {gone}", served.id)));
        notes.extend(served.notes.iter().cloned());
        if !found.others.is_empty() {
            notes.push(format!("`{}` is asked; also served there: {}", served.id, found.others.join(", ")));
        }
    } else if provider.kind != "local" {
        let name = spec.model.as_deref().unwrap_or_default();
        notes.push(format!("`{name}` is not in the catalogue and is sent as it is"));
    }
    notes
}

#[cfg(test)]
mod tests;
