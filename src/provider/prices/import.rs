//! Importers for public price maps. Each returns `None` where the value is not of its form.
//!
//! Forms as published by LiteLLM (`model_prices_and_context_window.json`), models.dev (`api.json`) and OpenRouter
//! (`GET /api/v1/models`).

use serde_json::Map;
use serde_json::Value;

use super::Entry;
use super::PriceBook;
use crate::domain::Price;
use crate::domain::Tier;
use crate::domain::Usd;

/// Tokens per million: what turns a price per token into ours.
const PER_TOKEN: f64 = 1e6;
const PER_MILLION: f64 = 1.0;

/// LiteLLM's map: USD per token, keyed by the model's name.
pub fn litellm(value: &Value) -> Option<PriceBook> {
    let rows = value.as_object()?;
    let is_row = |row: &Value| row.get("litellm_provider").is_some() || row.get("input_cost_per_token").is_some();
    rows.values().any(is_row).then(|| {
        let names = Names {
            input: "input_cost_per_token",
            output: "output_cost_per_token",
            cached: "cache_read_input_token_cost",
            write: "cache_creation_input_token_cost",
            reasoning: "output_cost_per_reasoning_token",
            request: "input_cost_per_request",
        };
        let mut book = PriceBook::default();
        for (name, row) in rows.iter().filter(|(name, row)| *name != "sample_spec" && is_row(row)) {
            let provider = row.get("litellm_provider").and_then(Value::as_str).unwrap_or_default();
            let model = name.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
            let price = names.price(row, PER_TOKEN).map(|mut price| {
                price.tiers = litellm_tiers(row);
                price
            });
            book.add(model, ours(provider), price, "LiteLLM price map");
        }
        book
    })
}

/// Two encodings of tiers live in one map: a list of ranges, and members with `_above_128k_tokens` in their names.
fn litellm_tiers(row: &Value) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for step in row.get("tiered_pricing").and_then(Value::as_array).into_iter().flatten() {
        let above = step.pointer("/range/0").and_then(Value::as_f64).unwrap_or(0.0);
        let (input, output) = (amount(step, "input_cost_per_token"), amount(step, "output_cost_per_token"));
        if let (true, Some(input), Some(output)) = (above > 0.0, input, output) {
            let cached_input = amount(step, "cache_read_input_token_cost").map(|cost| usd(cost, PER_TOKEN));
            let (input, output) = (usd(input, PER_TOKEN), usd(output, PER_TOKEN));
            tiers.push(Tier { above_tokens: above as u64, input, output, cached_input });
        }
    }
    for (name, value) in row.as_object().into_iter().flatten() {
        let Some(size) = name.strip_prefix("input_cost_per_token_above_") else { continue };
        let Some(thousands) = size.strip_suffix("k_tokens").and_then(|n| n.parse::<u64>().ok()) else { continue };
        let output = amount(row, &format!("output_cost_per_token_above_{size}"));
        let cached = amount(row, &format!("cache_read_input_token_cost_above_{size}"));
        if let (Some(input), Some(output)) = (value.as_f64(), output) {
            tiers.push(Tier {
                above_tokens: thousands * 1000,
                input: usd(input, PER_TOKEN),
                output: usd(output, PER_TOKEN),
                cached_input: cached.map(|cost| usd(cost, PER_TOKEN)),
            });
        }
    }
    tiers.sort_by_key(|tier| tier.above_tokens);
    tiers
}

/// models.dev: USD per million tokens, models below providers.
pub fn models_dev(value: &Value) -> Option<PriceBook> {
    let providers = value.as_object()?;
    let models = |provider: &Value| provider.get("models").and_then(Value::as_object).cloned();
    providers.values().any(|provider| models(provider).is_some()).then(|| {
        let names = Names {
            input: "input",
            output: "output",
            cached: "cache_read",
            write: "cache_write",
            reasoning: "reasoning",
            request: "request",
        };
        let mut book = PriceBook::default();
        for (provider, entry) in providers {
            for (model, row) in models(entry).unwrap_or_default() {
                let cost = row.get("cost").unwrap_or(&Value::Null);
                let price = names.price(cost, PER_MILLION).map(|mut price| {
                    price.tiers = models_dev_tiers(cost);
                    price
                });
                book.add(&model, ours(provider), price, "models.dev");
            }
        }
        book
    })
}

fn models_dev_tiers(cost: &Value) -> Vec<Tier> {
    let listed = cost.get("tiers").and_then(Value::as_array).into_iter().flatten();
    let listed = listed.filter_map(|step| Some((step.pointer("/tier/size").or(step.get("size"))?.as_u64()?, step)));
    let over = cost.get("context_over_200k").map(|step| (200_000, step));
    let mut tiers: Vec<Tier> = listed
        .chain(over)
        .filter_map(|(above_tokens, step)| {
            let (input, output) = (amount(step, "input")?, amount(step, "output")?);
            let cached_input = amount(step, "cache_read").map(|cost| usd(cost, PER_MILLION));
            Some(Tier { above_tokens, input: usd(input, PER_MILLION), output: usd(output, PER_MILLION), cached_input })
        })
        .collect();
    tiers.sort_by_key(|tier| tier.above_tokens);
    tiers.dedup_by_key(|tier| tier.above_tokens);
    tiers
}

/// OpenRouter's list of models: USD per token, as text.
pub fn openrouter(value: &Value) -> Option<PriceBook> {
    let rows = value.get("data")?.as_array()?;
    rows.iter().any(|row| row.get("pricing").is_some()).then(|| {
        let names = Names {
            input: "prompt",
            output: "completion",
            cached: "input_cache_read",
            write: "input_cache_write",
            reasoning: "internal_reasoning",
            request: "request",
        };
        let mut book = PriceBook::default();
        for row in rows {
            let model = row.get("id").and_then(Value::as_str).unwrap_or_default();
            let pricing = row.get("pricing").unwrap_or(&Value::Null);
            let mut price = names.price(pricing, PER_TOKEN);
            if let Some(price) = &mut price {
                price.tiers = openrouter_tiers(pricing);
                // Reasoning that costs as much as other output is not priced apart.
                price.reasoning = price.reasoning.filter(|cost| *cost != price.output && *cost != Usd::ZERO);
            }
            book.add(model, "openrouter", price, "OpenRouter models list");
        }
        book
    })
}

fn openrouter_tiers(pricing: &Value) -> Vec<Tier> {
    let steps = pricing.get("overrides").and_then(Value::as_array).into_iter().flatten();
    let mut tiers: Vec<Tier> = steps
        .filter_map(|step| {
            let above_tokens = step.get("min_prompt_tokens")?.as_u64()?.saturating_sub(1);
            let (input, output) = (amount(step, "prompt")?, amount(step, "completion")?);
            let cached_input = amount(step, "input_cache_read").map(|cost| usd(cost, PER_TOKEN));
            Some(Tier { above_tokens, input: usd(input, PER_TOKEN), output: usd(output, PER_TOKEN), cached_input })
        })
        .collect();
    tiers.sort_by_key(|tier| tier.above_tokens);
    tiers
}

impl PriceBook {
    /// Adds a row. A price of nothing means unknown in these maps, unless the model's name says that it is free.
    fn add(&mut self, model: &str, provider: &str, price: Option<Price>, source: &str) {
        let is_free = model.ends_with(":free");
        match price.filter(|price| is_free || price.input + price.output + price.per_request > Usd::ZERO) {
            Some(price) => self.entries.push(Entry {
                target: String::new(),
                model: model.to_owned(),
                provider: provider.to_owned(),
                price: Price { source: source.to_owned(), ..price },
            }),
            None => self.skipped += 1,
        }
    }
}

/// What a map calls its members.
struct Names {
    input: &'static str,
    output: &'static str,
    cached: &'static str,
    write: &'static str,
    reasoning: &'static str,
    request: &'static str,
}

impl Names {
    /// The price of a row whose amounts are for one million divided by `factor` tokens.
    fn price(&self, row: &Value, factor: f64) -> Option<Price> {
        let tokens = |name: &str| amount(row, name).map(|cost| usd(cost, factor));
        Some(Price {
            input: tokens(self.input)?,
            output: tokens(self.output)?,
            cached_input: tokens(self.cached),
            cache_write: tokens(self.write),
            reasoning: tokens(self.reasoning),
            per_request: amount(row, self.request).map(Usd::from_f64).unwrap_or_default(),
            tiers: Vec::new(),
            source: String::new(),
            as_of: String::new(),
        })
    }
}

/// A number or a number as text; negative amounts stand for "varies" and count as absent.
fn amount(row: &Value, name: &str) -> Option<f64> {
    let value = row.as_object().and_then(|members: &Map<String, Value>| members.get(name))?;
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (0.0..1e6).contains(&number).then_some(number)
}

/// USD per million tokens, without the dust that binary fractions leave behind.
fn usd(cost: f64, factor: f64) -> Usd {
    Usd::from_f64((cost * factor * 1e9).round() / 1e9)
}

/// Our id of a provider that a map calls otherwise.
fn ours(provider: &str) -> &str {
    match provider {
        "volcengine" => "volcengine-ark",
        "together_ai" | "togetherai" => "together",
        "dashscope" => "alibaba",
        "moonshotai" => "moonshot",
        "novita-ai" => "novita",
        "vercel_ai_gateway" | "vercel" => "vercel-ai-gateway",
        other => other,
    }
}
