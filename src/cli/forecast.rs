//! What `plan` foresees: cost, time, what the suite will be able to see, and where further trials buy most; from an
//! earlier run or a pilot where there is one, else from stated assumptions.

use std::fmt::Write as _;

use clap::Parser as _;
use serde_json::Value;
use serde_json::json;

use super::args;
use super::args::PlanArgs;
use super::compare;
use super::exit::Exit;
use super::exit::Failure;
use super::finish;
use super::finish::ReadBack;
use super::load;
use super::run;
use super::session;
use super::terminal;
use crate::analyze;
use crate::analyze::Estimate;
use crate::analyze::compare::Selection;
use crate::analyze::forecast;
use crate::analyze::forecast::Needed;
use crate::analyze::forecast::Outlook;
use crate::analyze::forecast::Planned;
use crate::analyze::forecast::Power;
use crate::analyze::run::Arrivals;
use crate::analyze::run::CellInfo;
use crate::load::Plan;
use crate::provider::Catalog;
use crate::store::RunFolder;
use crate::suite::Suite;
use crate::suite::explain::Forecast;
use crate::text::number::count;
use crate::text::number::percent;
use crate::text::number::short;

/// Cases that a pilot asks of each arm.
const PILOT_CASES: usize = 10;
/// Requests that a pilot has in flight.
const PILOT_CONCURRENCY: u32 = 4;

/// A forecast, with what it rests on.
pub struct Seen {
    source: Option<String>,
    cells: Vec<(Planned, Option<Outlook>)>,
    comparisons: Vec<Compared>,
    detect: Option<f64>,
}

/// A comparison that the suite will make.
struct Compared {
    baseline: String,
    candidate: String,
    power: Power,
    needed: Option<Needed>,
}

/// Looks ahead; sends a pilot first where the command line asks for one.
///
/// # Errors
/// The earlier run cannot be read, or the pilot cannot be sent.
pub fn look(
    args: &PlanArgs,
    suite: &Suite,
    plan: &Plan,
    bounds: &Forecast,
    catalog: &Catalog,
) -> Result<Seen, Failure> {
    let share = |text: &str| {
        let found = compare::share(text).filter(|share| *share > 0.0 && *share < 1.0);
        found.ok_or_else(|| {
            Failure::usage(format!("--detect {text}: give a difference between 0 and 100 %, such as 3%"))
        })
    };
    let detect = args.detect.as_deref().map(share).transpose()?;
    let folder = match &args.from {
        Some(run) => Some(RunFolder::open(run)?),
        None if args.pilot => Some(pilot(args, suite, plan, catalog)?),
        None => None,
    };
    let source = folder.as_ref().map(finish::read_back).transpose()?;
    let planned: Vec<Planned> = bounds.cells.iter().map(|cell| planned(suite, plan, cell)).collect();
    let cells = planned.iter().map(|one| {
        let outlook = source.as_ref().and_then(|back| forecast::outlook(&back.run, &back.trials, one));
        (one.clone(), outlook)
    });
    Ok(Seen {
        cells: cells.collect(),
        comparisons: comparisons(suite, plan, &planned, source.as_ref(), detect),
        source: source.map(|back| format!("{} ({} trials)", back.run.meta.id, back.summary.run.trials)),
        detect,
    })
}

/// Sends ten cases per arm, once or twice each, as a run of its own that can be used again.
fn pilot(args: &PlanArgs, suite: &Suite, plan: &Plan, catalog: &Catalog) -> Result<RunFolder, Failure> {
    let quiet = ["llmark".into(), "run".into(), args.suite.clone().into_os_string(), "--quiet".into()];
    let cli = args::Cli::try_parse_from(quiet).map_err(Failure::usage)?;
    let args::Command::Run(mut sent) = cli.command else { return Err(Failure::usage("a pilot is a run")) };
    let first = plan.segments.first().map(|segment| segment.slots.as_slice()).unwrap_or_default();
    let mut ids: Vec<String> = Vec::new();
    for slot in first.iter().chain(plan.segments.iter().flat_map(|segment| &segment.slots)) {
        let id = plan.cases[slot.case as usize].id.to_string();
        if ids.len() < PILOT_CASES && !ids.contains(&id) {
            ids.push(id);
        }
    }
    sent.selection = args.selection.clone();
    sent.selection.cases = ids;
    sent.selection.tags = Vec::new();
    sent.selection.concurrency = vec![PILOT_CONCURRENCY];
    sent.selection.repeats = Some(plan.repeats.min(2));
    sent.out.clone_from(&args.out);
    sent.allow_http = args.allow_http;
    let mut suite = suite.clone();
    suite.name += "-pilot";
    suite.early = crate::suite::Early::default();
    suite.baseline = None;
    suite.warmup = 0;
    let pilot = load::plan(&suite, &sent.selection)?;
    let (folder, status) = run::send(&sent, &args.suite, &suite, pilot, catalog)?;
    let mut back = finish::read_back(&folder)?;
    finish::write_all(&folder, &mut back)?;
    terminal::note(&format!("the pilot is kept; use it again with --from {}", folder.path().display()));
    match session::exit_of(status) {
        Exit::Ok => Ok(folder),
        _ => Err(Failure::provider("the pilot did not come to its end; what it has is kept")),
    }
}

fn planned(suite: &Suite, plan: &Plan, bound: &crate::suite::explain::CellForecast) -> Planned {
    let cell = &bound.cell;
    let target = suite.targets.iter().find(|target| target.id == cell.target);
    let names = [cell.target.as_str(), cell.mode.as_str(), cell.prompt.as_str(), cell.load.id.as_str()];
    Planned {
        names: names.map(str::to_owned),
        trials: bound.trials + bound.warmup,
        cases: plan.cases.iter().filter(|case| !case.canary).count() as u64,
        repeats: plan.repeats,
        in_sequence: bound.in_sequence,
        prescribed_s: bound.prescribed.as_secs_f64(),
        price: target.and_then(|target| target.price.as_deref().cloned()),
    }
}

fn comparisons(
    suite: &Suite,
    plan: &Plan,
    planned: &[Planned],
    source: Option<&ReadBack>,
    detect: Option<f64>,
) -> Vec<Compared> {
    let info = |cell: &crate::load::Cell| CellInfo {
        target: cell.target.clone(),
        mode: cell.mode.clone(),
        prompt: cell.prompt.clone(),
        load: cell.load.id.clone(),
        arrivals: Arrivals::Closed(1),
        timed: false,
        salted: false,
        planned: 0,
    };
    let cells: Vec<CellInfo> = plan.cells.iter().map(info).collect();
    let baseline = suite.baseline.as_deref().filter(|text| text.contains('='));
    let baseline: Option<Selection> = baseline.and_then(|text| text.parse().ok());
    let mut found = Vec::new();
    for (base, cand) in analyze::compare::pairs(&cells, baseline.as_ref()) {
        for (base_at, cand_at) in analyze::compare::matched(&cells, &base, &cand) {
            let (base, cand) = (&planned[base_at], &planned[cand_at]);
            let measured = source.map(|back| (&back.run, &back.trials, (base, cand)));
            let power = forecast::power(cand.cases, cand.repeats, measured);
            let needed = detect.map(|delta| power.needed(delta));
            found.push(Compared { baseline: base.names.join("/"), candidate: cand.names.join("/"), power, needed });
        }
    }
    found
}

impl Seen {
    fn total(&self, of: fn(&Outlook) -> Estimate) -> Estimate {
        let parts: Option<Vec<Estimate>> = self.cells.iter().map(|(_, seen)| seen.as_ref().map(of)).collect();
        parts.map_or(Estimate::none(0), |parts| forecast::sum(&parts))
    }

    /// For people; empty where there is nothing to say.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(source) = &self.source {
            let (cost, time) = (self.total(|seen| seen.cost_usd), self.total(|seen| seen.time_s));
            let _ = writeln!(text, "\nforecast from {source}:");
            let _ = writeln!(text, "  cost: {} USD", shown(&cost, 1.0));
            let _ = writeln!(text, "  time: {} s", shown(&time, 1.0));
            let missing = self.cells.iter().filter(|(_, seen)| seen.is_none()).count();
            if missing > 0 {
                let _ = writeln!(text, "  {missing} cells have no trial in it, so there is no total");
            }
        }
        self.say_power(&mut text);
        self.say_error(&mut text);
        text
    }

    fn say_power(&self, text: &mut String) {
        if self.comparisons.is_empty() {
            return;
        }
        let _ = writeln!(text, "\nsmallest difference that is found with 80 % power (two-sided 5 %, paired by case):");
        for one in &self.comparisons {
            let power = &one.power;
            let repeats = if power.repeats > 1 { format!(" x {}", power.repeats) } else { String::new() };
            let rate = power.smallest.map_or("no difference of pass rates".to_owned(), |share| {
                format!("pass rate {} points", short(100.0 * share))
            });
            let cases = count(power.cases, "case");
            let latency = percent(power.smallest_latency);
            let (one_arm, other) = (&one.candidate, &one.baseline);
            let _ =
                writeln!(text, "  {one_arm} against {other}: {rate} with {cases}{repeats}; typical latency {latency}");
            let _ = writeln!(text, "    {}", basis(power));
            if let (Some(needed), Some(delta)) = (&one.needed, self.detect) {
                let _ = writeln!(text, "    {}", wanted(power, needed, delta));
            }
        }
    }

    fn say_error(&self, text: &mut String) {
        let split = |(planned, seen): &(Planned, Option<Outlook>)| {
            let seen = seen.as_ref()?;
            Some((planned.names.join("/"), planned.clone(), seen.split?, seen.judge_variance))
        };
        let found: Vec<_> = self.cells.iter().filter_map(split).collect();
        if found.is_empty() {
            if self.source.is_some() {
                let _ = writeln!(text, "\nwhere the error comes from is unknown: the earlier trials were not repeated");
            }
            return;
        }
        let _ = writeln!(text, "\nwhere the error of the pass rate comes from, and what the next trials buy:");
        for (name, planned, split, judge) in found {
            let all = split.between + split.within / f64::from(planned.repeats);
            if all <= 0.0 {
                let _ = writeln!(text, "  {name}: no variation was seen, which is no certainty");
                continue;
            }
            let cases = split.between / all;
            let judge = judge.map_or("judge unknown: no answer was judged twice".to_owned(), |variance| {
                format!("judges differ with a variance of {}", short(variance))
            });
            let (new, again) = forecast::next_trials(&split, planned.cases, planned.repeats, planned.cases);
            let _ = writeln!(
                text,
                "  {name}: cases {}, repeats {} of the variance; {judge}\n    {} more trials: error down by {} as new cases, by {} as repeats",
                percent(cases),
                percent(1.0 - cases),
                planned.cases,
                percent(new),
                percent(again)
            );
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let cell = |(planned, seen): &(Planned, Option<Outlook>)| {
            let [target, mode, prompt, load] = &planned.names;
            let next = seen.as_ref().and_then(|seen| seen.split).map(|split| {
                let (new, again) = forecast::next_trials(&split, planned.cases, planned.repeats, planned.cases);
                json!({ "trials": planned.cases, "as_cases": new, "as_repeats": again })
            });
            json!({
                "target": target, "mode": mode, "prompt": prompt, "load": load,
                "cost_usd": seen.as_ref().map(|seen| estimate(&seen.cost_usd)),
                "time_s": seen.as_ref().map(|seen| estimate(&seen.time_s)),
                "pass_rate": seen.as_ref().map(|seen| estimate(&seen.pass_rate)),
                "variance": seen.as_ref().and_then(|seen| seen.split).map(|split| json!({
                    "cases": split.between, "repeats": split.within,
                    "judge": seen.as_ref().and_then(|seen| seen.judge_variance),
                })),
                "error_falls_by": next,
                "from_another_load": seen.as_ref().map(|seen| seen.other_load),
            })
        };
        json!({
            "source": self.source,
            "cost_usd": estimate(&self.total(|seen| seen.cost_usd)),
            "time_s": estimate(&self.total(|seen| seen.time_s)),
            "cells": self.cells.iter().map(cell).collect::<Vec<_>>(),
            "comparisons": self.comparisons.iter().map(|one| self.compared(one)).collect::<Vec<_>>(),
        })
    }

    fn compared(&self, one: &Compared) -> Value {
        let power = &one.power;
        json!({
            "baseline": one.baseline, "candidate": one.candidate, "cases": power.cases, "repeats": power.repeats,
            "power": 0.8, "level": 0.95,
            "discordance": estimate(&power.discordance), "discordance_is_assumed": power.discordance.n == 0,
            "design_effect": power.design_effect,
            "smallest_difference": power.smallest,
            "smallest_difference_range": [power.smallest_range.0, power.smallest_range.1],
            "latency": { "metric": power.latency.0.name(), "log_sd": power.log_sd, "is_assumed": !power.latency.1,
                         "smallest_change": power.smallest_latency },
            "detect": self.detect,
            "needed_cases": one.needed.and_then(|needed| needed.cases),
            "needed_repeats": one.needed.and_then(|needed| needed.repeats),
        })
    }
}

/// What a forecast of power rests on.
fn basis(power: &Power) -> String {
    let psi = &power.discordance;
    let latency = if power.latency.1 { "measured" } else { "assumed" };
    let pairs = match (psi.n, &power.variance) {
        (0, _) => format!("assumed: {} of the pairs disagree", percent(forecast::ASSUMED_DISCORDANCE)),
        (n, Some(split)) if power.repeats > 1 => format!(
            "from {n} pairs: variance {} between cases, {} and {} within",
            short(split.between),
            short(split.within_a),
            short(split.within_b)
        ),
        (n, _) => format!("from {n} pairs: {} disagree {}", percent(psi.value.unwrap_or(0.0)), range(psi)),
    };
    let clusters = if power.design_effect > 1.0 {
        format!("; clusters multiply the variance by {}", short(power.design_effect))
    } else {
        String::new()
    };
    format!("{pairs}; log ratios of latencies scatter by {} ({latency}){clusters}", short(power.log_sd))
}

fn wanted(power: &Power, needed: &Needed, delta: f64) -> String {
    let cases = needed.cases.map_or("no number of cases".to_owned(), |n| format!("{n} cases"));
    let repeats = match (needed.repeats, power.variance.is_some()) {
        (Some(n), _) => format!(", or {n} repeats of these {}", power.cases),
        (None, true) => format!(", and no number of repeats of these {}", power.cases),
        (None, false) => "; what repeats would do is unknown: none were measured".to_owned(),
    };
    format!("to find {} points: {cases}{repeats}", short(100.0 * delta))
}

fn range(e: &Estimate) -> String {
    match (e.low, e.high) {
        (Some(low), Some(high)) => format!("[{}, {}]", percent(low), percent(high)),
        _ => String::new(),
    }
}

fn shown(e: &Estimate, scale: f64) -> String {
    let one = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| short(value * scale));
    match (e.low, e.high) {
        (Some(low), Some(high)) => format!("{} [{}, {}]", one(e.value), short(low * scale), short(high * scale)),
        _ => one(e.value),
    }
}

fn estimate(e: &Estimate) -> Value {
    json!({
        "value": e.value, "low": e.low, "high": e.high, "level": e.level, "method": e.method.name(), "n": e.n,
        "needed_n": e.needed_n,
    })
}
