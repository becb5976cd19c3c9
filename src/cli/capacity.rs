//! `llmark capacity`: the highest load that meets the suite's objectives. Each level is a run folder of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tabled::builder::Builder;
use tabled::settings::Style;

use super::args::CapacityArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::finish;
use super::load;
use super::reach::Reach;
use super::reach::ReachArgs;
use super::run;
use super::session;
use super::session::Left;
use super::session::Session;
use super::session::Simulators;
use super::terminal;
use crate::analyze::capacity::Bounds;
use crate::analyze::capacity::Capacity;
use crate::analyze::capacity::Point;
use crate::analyze::capacity::Search;
use crate::analyze::capacity::Step;
use crate::analyze::capacity::points;
use crate::analyze::summary::SloVerdict;
use crate::engine::clock::RunClock;
use crate::load::Arrivals;
use crate::load::LoadSpec;
use crate::load::Shape;
use crate::load::Stop;
use crate::provider::Catalog;
use crate::report::SIMULATED;
use crate::suite::Suite;
use crate::text::number::count;
use crate::text::number::short;
use crate::text::parse_duration;

/// Measurements of one level before an undecided one counts as not met.
const TRIES: u32 = 3;
/// Measurements in all.
const MEASUREMENTS: u32 = 24;

/// Searches the capacity.
///
/// # Errors
/// A suite without objectives or with several cells, or a level that cannot be run.
pub fn capacity(args: &CapacityArgs) -> Result<Exit, Failure> {
    let catalog = load::catalog(args.selection.prices.as_deref())?;
    let suite = load::suite(&args.suite, &catalog)?;
    let step = parse_duration(&args.step).map_err(|why| Failure::usage(format!("--step: {why}")))?;
    check(args, &suite)?;
    let bounds = Bounds {
        start: args.from,
        min: if args.rate { args.from / 16.0 } else { 1.0 },
        max: args.max,
        whole: !args.rate,
        tries: TRIES,
        measurements: MEASUREMENTS,
    };
    let mut search = Search::new(bounds);
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| Path::new("reports").join(run::circumstances(&args.suite, &suite, RunClock::start()).run));
    let mut n = 0;
    while let Step::Measure(level) = search.next() {
        n += 1;
        let folder = out.join(format!("{n:02}-{level}"));
        let (point, status) = measure(args, &suite, &catalog, level, step, &folder)?;
        if status != Exit::Ok {
            return Ok(status);
        }
        if !args.quiet {
            terminal::note(&line(&point, args.rate));
        }
        search.record(point);
    }
    let found = search.result(suite.seed);
    std::fs::write(out.join("capacity.json"), as_json(&found, search.points()).to_string()).map_err(Failure::store)?;
    terminal::result(&if args.json {
        as_json(&found, search.points()).to_string()
    } else {
        text(&found, &search, args, is_simulated(&suite, args))
    });
    Ok(exit(&found))
}

/// The one target that is asked is a simulated one.
fn is_simulated(suite: &Suite, args: &CapacityArgs) -> bool {
    let asked = |id: &str| args.selection.targets.is_empty() || args.selection.targets.iter().any(|one| one == id);
    suite.targets.iter().filter(|target| asked(target.id.as_str())).all(|target| target.simulated)
}

/// A met level with nothing unclear beyond it is a result; what the client could not carry, or nobody could decide, is none.
fn exit(found: &Capacity) -> Exit {
    match found {
        Capacity { client_limited: true, .. } => Exit::Invalid,
        Capacity { highest_met: None, is_missed: true, .. } => Exit::Gate,
        Capacity { highest_met: None, .. } | Capacity { first_not_met: Some(_), is_missed: false, .. } => {
            Exit::Inconclusive
        }
        _ => Exit::Ok,
    }
}

fn check(args: &CapacityArgs, suite: &Suite) -> Result<(), Failure> {
    if suite.slos.is_empty() {
        return Err(Failure::usage(format!(
            "{}: capacity needs objectives; add `slos: [p95(ttft) <= 400ms]`",
            args.suite.display()
        )));
    }
    if !(args.from > 0.0 && args.max >= args.from) {
        return Err(Failure::usage("--from must be above 0 and --max no smaller than it"));
    }
    let plan = load::plan(&with_load(suite, closed(1, Duration::from_secs(1))), &args.selection)?;
    if plan.cells.len() == 1 {
        return Ok(());
    }
    let names: Vec<String> = plan.cells.iter().map(|c| format!("{} {} {}", c.target, c.mode, c.prompt)).collect();
    Err(Failure::usage(format!(
        "capacity is measured for one target, mode and prompt at a time, and there are {}:\n  {}\nchoose with --target, --mode and --prompt",
        names.len(),
        names.join("\n  ")
    )))
}

fn with_load(suite: &Suite, load: LoadSpec) -> Suite {
    Suite { loads: vec![Arc::new(load)], ..suite.clone() }
}

fn closed(concurrency: u32, step: Duration) -> LoadSpec {
    LoadSpec { stop: Stop::Duration(step), ..crate::suite::loads::closed(concurrency) }
}

fn open(rate: f64, step: Duration) -> LoadSpec {
    LoadSpec {
        id: format!("r{rate}").into(),
        shape: Shape::Open { rate, to: rate, exponential: false, steps: 0, arrivals: Arrivals::Poisson },
        max_outstanding: (rate * 60.0).ceil().max(256.0) as u32,
        ..closed(1, step)
    }
}

fn measure(
    args: &CapacityArgs,
    suite: &Suite,
    catalog: &Catalog,
    level: f64,
    step: Duration,
    place: &Path,
) -> Result<(Point, Exit), Failure> {
    let spec = if args.rate { open(level, step) } else { closed(level as u32, step) };
    let suite = with_load(suite, spec);
    let plan = Arc::new(load::plan(&suite, &args.selection)?);
    let mut endpoints = load::endpoints(&suite, &plan);
    let simulators = Simulators::start(&mut endpoints, args.suite.parent().unwrap_or(Path::new(".")))?;
    let keys = session::find_keys(&endpoints, catalog, false)?;
    run::raise_descriptor_limit(&plan)?;
    let clock = RunClock::start();
    let reach = Reach::new(&ReachArgs::default(), &keys.redactor)?;
    let profiles = simulators.profiles.clone();
    let place = run::Place { out: Some(place), suite: &args.suite, baseline: None, reach: &reach, profiles };
    let folder = run::create_folder(&place, &suite, &plan, &endpoints, clock, &keys.redactor)?;
    let session = Session {
        suite: &suite,
        plan,
        endpoints: &endpoints,
        keys,
        folder: &folder,
        clock,
        left: Left::default(),
        progress: false,
        recorded: Vec::new(),
        watch: None,
        allow_code: false,
        answers: None,
        reach,
    };
    let status = session::exit_of(session.run()?);
    simulators.stop();
    let mut back = finish::read_back(&folder)?;
    finish::write_all(&folder, &mut back)?;
    let point = points(&back.run, &back.trials, &back.summary).into_iter().next();
    let point = point.ok_or_else(|| Failure::provider(format!("no trial was measured at level {level}")))?;
    Ok((Point { level, ..point }, status))
}

fn line(point: &Point, rate: bool) -> String {
    let what = if rate { "per second" } else { "in flight" };
    let verdict = if point.client_limited { "the client was the limit" } else { point.verdict().name() };
    let binding = point.binding().map(|held| format!(", {}", held.slo)).unwrap_or_default();
    format!("{} {what}: {verdict}{binding} ({} trials)", level(point.level), point.trials)
}

fn text(found: &Capacity, search: &Search, args: &CapacityArgs, simulated: bool) -> String {
    let what = if args.rate { "requests per second" } else { "requests in flight" };
    let lowest = search.points().first().map_or(args.from, |point| point.level);
    let head = match (found.highest_met.map(level), found.first_not_met.map(level)) {
        (Some(met), Some(not)) if found.client_limited => {
            format!(
                "capacity: at least {met} {what}; at {not} this client was the limit, which says nothing about the server"
            )
        }
        (Some(met), Some(not)) if found.is_missed => format!("capacity: {met} {what}; {not} is missed"),
        (Some(met), Some(not)) => {
            format!("capacity: at least {met} {what}; {not} could not be decided: {}", longer(search, args))
        }
        (Some(met), None) => format!("capacity: at least {met} {what}, the highest level tried"),
        (None, _) if found.client_limited => {
            format!("no level could be decided: at {} {what} this client was the limit", level(lowest))
        }
        (None, _) if found.is_missed => format!("no level meets the objectives, down to {} {what}", level(lowest)),
        (None, _) => format!("no level could be decided, down to {} {what}: {}", level(lowest), longer(search, args)),
    };
    let mut lines: Vec<String> = simulated.then(|| SIMULATED.to_owned()).into_iter().collect();
    lines.push(head);
    if let Some(slo) = &found.binding {
        lines.push(format!("binding objective: {slo}"));
    }
    // Below what was measured the fit is no estimate of anything.
    let within = |value: &f64| *value >= lowest;
    if let (Some(value), Some(low), Some(high)) =
        (found.crossing.value.filter(within), found.crossing.low, found.crossing.high)
    {
        let (value, low, high) = (short(value), short(low), short(high));
        lines.push(format!(
            "a rising fit through all levels reaches the limit at {value} [{low}, {high}]: an estimate, not measured"
        ));
    }
    if let Some(knee) = found.knee {
        lines.push(format!("throughput stops growing in proportion at {}", short(knee)));
    }
    lines.push(curve(search.points()));
    lines.join("\n")
}

/// What would decide the level that was left open.
fn longer(search: &Search, args: &CapacityArgs) -> String {
    let open = search.points().iter().find(|point| point.verdict() == SloVerdict::Inconclusive);
    let needed = open.and_then(|point| Some((point, point.needed()?)));
    needed.map_or_else(
        || "try a longer --step".into(),
        |(point, needed)| {
            let trials = count(needed, "trial");
            format!("it had {} and takes {trials}; try a longer --step than {}", point.trials, args.step)
        },
    )
}

/// A level as a person would name it: requests in flight are whole.
fn level(level: f64) -> String {
    if level.fract() == 0.0 { format!("{level}") } else { short(level) }
}

/// The curve as a table with bars.
fn curve(points: &[Point]) -> String {
    let most = points.iter().filter_map(|p| p.throughput_tps.value).fold(0.0, f64::max);
    let mut table = Builder::default();
    table.push_record(["level", "verdict", "trials", "TTFT p50 ms", "TTFT p95 ms", "rps", "tok/s", ""]);
    for point in points {
        let value = |estimate: Option<f64>| estimate.map_or("n/a".into(), short);
        let ttft = |at: usize| value(point.ttft.as_ref().and_then(|pair| pair[at].value));
        let share = point.throughput_tps.value.unwrap_or(0.0) / most.max(1e-9);
        table.push_record([
            level(point.level),
            if point.client_limited { "client limited".into() } else { point.verdict().name().to_owned() },
            point.trials.to_string(),
            ttft(0),
            ttft(1),
            value(point.throughput_rps.value),
            value(point.throughput_tps.value),
            "█".repeat((share * 24.0).round() as usize),
        ]);
    }
    table.build().with(Style::blank()).to_string()
}

fn as_json(found: &Capacity, points: &[Point]) -> Value {
    let estimate = |e: &crate::analyze::Estimate| json!({ "value": e.value, "low": e.low, "high": e.high, "level": e.level, "method": e.method.name(), "n": e.n, "needed_n": e.needed_n });
    let point = |p: &Point| {
        json!({
            "level": p.level, "verdict": p.verdict().name(), "trials": p.trials, "measurements": p.tries,
            "client_limited": p.client_limited, "throughput_rps": estimate(&p.throughput_rps),
            "throughput_tps": estimate(&p.throughput_tps),
            "ttft_ms": p.ttft.as_ref().map(|pair| json!({ "p50": estimate(&pair[0]), "p95": estimate(&pair[1]) })),
            "slos": p.held.iter().map(|h| json!({ "slo": h.slo, "verdict": h.verdict.name(), "value": estimate(&h.value) })).collect::<Vec<_>>(),
        })
    };
    json!({
        "highest_met": found.highest_met, "first_not_met": found.first_not_met, "is_missed": found.is_missed,
        "binding": found.binding, "knee": found.knee, "client_limited": found.client_limited,
        "crossing": estimate(&found.crossing), "points": points.iter().map(point).collect::<Vec<_>>(),
    })
}
