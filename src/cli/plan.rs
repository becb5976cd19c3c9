//! `llmark plan`: what a run would do, before anything is sent.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tabled::builder::Builder;
use tabled::settings::Style;

use super::args::PlanArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::forecast::look;
use super::load;
use super::notes::notes;
use super::preflight::online::online;
use super::terminal;
use crate::domain::PromptId;
use crate::domain::TargetId;
use crate::load::Plan;
use crate::suite::Suite;
use crate::suite::explain::CellForecast;
use crate::suite::explain::Forecast;
use crate::suite::explain::forecast;
use crate::suite::explain::forecast_counted;
use crate::suite::explain::shown;
use crate::text::plain::for_terminal;

/// Shows what a run would do.
///
/// # Errors
/// A suite or selection that cannot run.
pub fn plan(args: &PlanArgs) -> Result<Exit, Failure> {
    let catalog = load::catalog(args.selection.prices.as_deref())?;
    let mut suite = load::suite(&args.suite, &catalog)?;
    let plan = load::plan(&suite, &args.selection)?;
    super::session::simulated_prices(&mut suite.targets, args.suite.parent());
    let online = args.online.then(|| online(&args.suite, &suite, &plan, &catalog, args.allow_http)).transpose()?;
    let forecast = match &online {
        None => forecast(&suite, &plan),
        Some(seen) => {
            let mean = |target: &TargetId, prompt: &PromptId| Some(seen.counts.get(target)?.mean(prompt)?.0);
            forecast_counted(&suite, &plan, &mean)
        }
    };
    let seen = look(args, &suite, &plan, &forecast, &catalog)?;
    let exit = online.as_ref().map_or(Exit::Ok, |seen| seen.exit);
    if args.json {
        let mut json = as_json(&suite, &plan, &forecast);
        json["forecast"] = seen.json();
        if let Some(seen) = online {
            json["online"] = seen.json;
        }
        terminal::result(&json.to_string());
        return Ok(exit);
    }
    terminal::result(&text(&suite, &plan, &forecast));
    terminal::result(&for_terminal(seen.text().trim_end()));
    if args.show_prompts {
        terminal::result(&prompts(&plan));
    }
    if let Some(seen) = online {
        terminal::result(&format!("\n{}", for_terminal(&seen.text)));
    }
    Ok(exit)
}

fn text(suite: &Suite, plan: &Plan, forecast: &Forecast) -> String {
    let mut table = Builder::default();
    table.push_record(["target", "mode", "prompt", "load", "trials", "warm-up", "input tokens", "cost at most"]);
    for cell in &forecast.cells {
        table.push_record(record(cell));
    }
    let mut table = table.build();
    table.with(Style::blank());
    let (low, high) = (money(forecast.cost_low), money(forecast.cost_high));
    let each = |ms| minutes(forecast.time(Duration::from_millis(ms)));
    let mut lines = vec![
        format!(
            "{}: {} cells x {} cases, {} requests",
            suite.name,
            forecast.cells.len(),
            forecast.cases,
            forecast.requests
        ),
        table.to_string(),
        format!("cost: {low} for the prompts alone, {high} if every answer runs into its limit"),
        format!("time: {} at 0.5 s per request, {} at 5 s", each(500), each(5000)),
        format!("plan {} with seed {}", &plan.hash[..plan.hash.len().min(12)], plan.seed),
    ];
    lines.extend(notes(suite, plan, forecast));
    for_terminal(&lines.join("\n"))
}

fn record(cell: &CellForecast) -> Vec<String> {
    let bound = if cell.open_ended { "at most " } else { "" };
    vec![
        cell.cell.target.to_string(),
        cell.cell.mode.to_string(),
        cell.cell.prompt.to_string(),
        cell.cell.load.id.to_string(),
        format!("{bound}{}", cell.trials),
        cell.warmup.to_string(),
        format!("{} {}", if cell.counted { "counted" } else { "about" }, cell.input_tokens),
        money(cell.cost_high),
    ]
}

fn money(usd: Option<crate::domain::Usd>) -> String {
    usd.map_or("unknown".into(), |usd| format!("{:.6} USD", usd.as_f64()))
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 120.0 { format!("{seconds:.0} s") } else { format!("{:.1} min", seconds / 60.0) }
}

fn prompts(plan: &Plan) -> String {
    let mut text = String::new();
    for (prompt, conversations) in &plan.conversations {
        for (case, conversation) in plan.cases.iter().zip(conversations) {
            let shown = for_terminal(&shown(conversation));
            let _ = write!(text, "\n=== prompt {prompt}, case {}\n{shown}\n", case.id);
        }
    }
    text
}

fn as_json(suite: &Suite, plan: &Plan, forecast: &Forecast) -> Value {
    let usd = |amount: Option<crate::domain::Usd>| amount.map(crate::domain::Usd::as_f64);
    let cell = |cell: &CellForecast| {
        json!({
            "target": cell.cell.target.as_str(), "mode": cell.cell.mode.as_str(), "prompt": cell.cell.prompt.as_str(),
            "load": cell.cell.load.id.as_str(), "trials": cell.trials, "trials_are_a_bound": cell.open_ended,
            "warmup": cell.warmup, "requests": cell.requests, "input_tokens_estimated": cell.input_tokens,
            "input_tokens_counted": cell.counted,
            "output_tokens_max": cell.output_tokens, "cost_usd_low": usd(cell.cost_low), "cost_usd_high": usd(cell.cost_high),
        })
    };
    json!({
        "suite": suite.name, "hash": plan.hash, "seed": plan.seed, "cases": forecast.cases, "requests": forecast.requests,
        "cost_usd_low": usd(forecast.cost_low), "cost_usd_high": usd(forecast.cost_high),
        "cells": forecast.cells.iter().map(cell).collect::<Vec<_>>(),
    })
}
