//! `llmark models`: the catalogue.

use serde_json::Value;
use serde_json::json;
use tabled::builder::Builder;
use tabled::settings::Style;

use super::args::ModelsArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::load;
use super::terminal;
use crate::domain::Usd;
use crate::provider::catalog::list;
use crate::provider::catalog::listing::Row;
use crate::text::number::count;

/// Lists models at their providers.
///
/// # Errors
/// A price file that cannot be read.
pub fn models(args: &ModelsArgs) -> Result<Exit, Failure> {
    let catalog = load::catalog(args.prices.as_deref())?;
    let rows = list(&catalog, args.filter.as_deref().unwrap_or_default());
    if args.json {
        terminal::result(&Value::from(rows.iter().map(as_json).collect::<Vec<_>>()).to_string());
        return Ok(Exit::Ok);
    }
    if rows.is_empty() {
        return Err(Failure::usage("no model matches; `llmark models` lists all"));
    }
    terminal::result(&table(&rows));
    terminal::note(&format!(
        "{}; prices in USD per million tokens; `?` marks modes that nobody documents; compiled {}",
        count(rows.len() as u64, "endpoint"),
        catalog.compiled
    ));
    Ok(Exit::Ok)
}

fn table(rows: &[Row]) -> String {
    let mut table = Builder::default();
    table.push_record(["model", "provider", "id there", "in", "out", "cached", "price from", "modes", "lifecycle"]);
    for row in rows {
        let price = row.price.as_ref();
        let usd = |pick: fn(&crate::domain::Price) -> Option<Usd>| {
            price.and_then(pick).map_or("unknown".to_owned(), |usd| usd.to_string())
        };
        let from = price.map_or(String::new(), |price| format!("{} {}", price.source, price.as_of));
        let more = if row.other_claims > 0 { format!(" (+{} other)", row.other_claims) } else { String::new() };
        table.push_record([
            row.model.clone(),
            row.provider.clone(),
            row.id.clone(),
            usd(|price| Some(price.input)),
            usd(|price| Some(price.output)),
            price.and_then(|p| p.cached_input).map_or("-".into(), |usd| usd.to_string()),
            format!("{}{more}", crate::text::plain::one_line(&from, 44)),
            if row.modes.is_empty() { "-".into() } else { row.modes.join(" ") },
            format!("{} {}", row.lifecycle, row.lifecycle_date),
        ]);
    }
    table.build().with(Style::blank()).to_string()
}

fn as_json(row: &Row) -> Value {
    let price = row.price.as_ref().map(|price| {
        json!({
            "input": price.input.as_f64(), "output": price.output.as_f64(),
            "cached_input": price.cached_input.map(Usd::as_f64), "per_request": price.per_request.as_f64(),
            "unit": "USD per million tokens", "source": price.source, "as_of": price.as_of,
            "tiers": price.tiers.iter().map(|tier| json!({ "above_tokens": tier.above_tokens, "input": tier.input.as_f64(), "output": tier.output.as_f64() })).collect::<Vec<_>>(),
        })
    });
    json!({
        "model": row.model, "provider": row.provider, "id": row.id, "protocols": row.protocols, "region": row.region,
        "price": price, "price_confidence": row.price_confidence, "other_claims": row.other_claims, "modes": row.modes,
        "abilities": row.abilities, "context": row.context, "lifecycle": row.lifecycle, "lifecycle_date": row.lifecycle_date,
    })
}
