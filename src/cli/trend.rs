//! `trend`: how a suite's figures moved over the stored runs of a folder, with changes of level flagged.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::args::TrendArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::finish;
use super::terminal;
use crate::analyze::Estimate;
use crate::analyze::Metric;
use crate::analyze::summary::Cell;
use crate::analyze::trend;
use crate::analyze::trend::Change;
use crate::analyze::trend::Kind;
use crate::report::SIMULATED;
use crate::store::RunFolder;
use crate::text::number::short;
use crate::text::plain::one_line;

/// A figure of one run.
struct Point {
    run: String,
    /// Hash of what the run asked: another one means other cases, prompts or settings.
    plan: String,
    value: Estimate,
}

/// Figures in order of time, by suite and cell, and metric.
type Series = BTreeMap<(String, &'static str), (Kind, Vec<Point>)>;

/// Prints every series with its changes; says which folders cannot be read.
///
/// # Errors
/// The folder cannot be read.
pub fn trend(args: &TrendArgs) -> Result<Exit, Failure> {
    let entries = fs::read_dir(&args.dir).map_err(|e| Failure::usage(format!("{}: {e}", args.dir.display())))?;
    let mut folders: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    folders.retain(|path| path.join("manifest.json").exists());
    folders.sort();
    let (mut runs, mut simulated) = (Vec::new(), false);
    for path in folders {
        match RunFolder::open(&path).map_err(Failure::from).and_then(|folder| finish::read_back(&folder)) {
            Ok(back) => {
                simulated |= back.run.simulated;
                runs.push((back.run.meta, back.summary.cells));
            }
            Err(why) => terminal::warning(&format!("{} is left out: {}", path.display(), why.message)),
        }
    }
    runs.sort_by(|(a, _), (b, _)| (&a.started, &a.id).cmp(&(&b.started, &b.id)));
    let mut series = Series::new();
    for (meta, cells) in &runs {
        for cell in cells {
            let name = format!("{}: {}", meta.suite, cell.key);
            for (metric, kind, value) in figures(cell) {
                let point = Point { run: meta.id.clone(), plan: meta.suite_hash.clone(), value };
                series.entry((name.clone(), metric)).or_insert((kind, Vec::new())).1.push(point);
            }
        }
    }
    let stamp = if simulated { format!("{SIMULATED}\n") } else { String::new() };
    terminal::result(&if args.json { as_json(&series) } else { stamp + &as_text(&series) });
    Ok(Exit::Ok)
}

/// What is followed of a cell, as far as it is known.
fn figures(cell: &Cell) -> Vec<(&'static str, Kind, Estimate)> {
    let time = |q: fn(&crate::analyze::summary::Distribution) -> Estimate| cell.metrics.get(&Metric::E2e).map(q);
    let all = [
        ("pass_rate", Kind::Share, cell.quality.as_ref().map(|q| q.pass_rate)),
        ("p50(e2e)", Kind::Time, time(|d| d.p50)),
        ("p95(e2e)", Kind::Time, time(|d| d.p95)),
        ("error_rate", Kind::Share, Some(cell.error_rate)),
        ("cost_per_case", Kind::Amount, Some(cell.cost.per_case)),
    ];
    let known = all.into_iter().filter_map(|(metric, kind, value)| Some((metric, kind, value?)));
    known.filter(|(_, _, e)| e.value.is_some_and(f64::is_finite)).collect()
}

fn changes(kind: Kind, points: &[Point]) -> Vec<Change> {
    trend::changes(&points.iter().map(|point| point.value).collect::<Vec<_>>(), kind)
}

/// The suite asks something else from this run on.
fn is_other_suite(points: &[Point], at: usize) -> bool {
    at > 0 && points[at].plan != points[at - 1].plan
}

fn as_text(series: &Series) -> String {
    let mut lines = Vec::new();
    for ((cell, metric), (kind, points)) in series {
        let values: Vec<String> =
            points.iter().map(|point| point.value.value.map_or_else(String::new, short)).collect();
        lines.push(format!("{}  {metric}: {}", one_line(cell, 120), values.join(" ")));
        for change in changes(*kind, points) {
            let also = if is_other_suite(points, change.at) { "; the suite changed here, too" } else { "" };
            let (before, after) = (short(change.before), short(change.after));
            let run = one_line(&points[change.at].run, 80);
            lines
                .push(format!("  changed at {run}: {before} -> {after} (p {:.2e}, {}{also})", change.p, change.method));
        }
    }
    if lines.is_empty() { "no stored run has a figure to follow\n".to_owned() } else { lines.join("\n") + "\n" }
}

fn as_json(series: &Series) -> String {
    let one = |((cell, metric), (kind, points)): (&(String, &str), &(Kind, Vec<Point>))| {
        let value = |(at, point): (usize, &Point)| {
            let e = &point.value;
            json!({ "run": point.run, "value": e.value, "low": e.low.filter(|x| x.is_finite()),
                    "high": e.high.filter(|x| x.is_finite()), "n": e.n, "suite_changed": is_other_suite(points, at) })
        };
        let change = |change: Change| {
            json!({ "run": points[change.at].run, "before": change.before, "after": change.after,
                    "p_value": change.p, "method": change.method })
        };
        let values: Vec<_> = points.iter().enumerate().map(value).collect();
        let changes: Vec<_> = changes(*kind, points).into_iter().map(change).collect();
        json!({ "cell": cell, "metric": metric, "values": values, "changes": changes })
    };
    json!({ "series": series.iter().map(one).collect::<Vec<_>>() }).to_string() + "\n"
}
