//! `trend`: how a suite's figures moved over the stored runs of a folder, with changes of level flagged.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::args::TrendArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::finish;
use super::terminal;
use crate::analyze::Metric;
use crate::analyze::summary::Cell;
use crate::stats::change_point;
use crate::stats::change_point::Search;
use crate::store::RunFolder;
use crate::text::number::short;
use crate::text::plain::one_line;

/// Run id and value, by suite, cell and metric.
type Series = BTreeMap<(String, &'static str), Vec<(String, f64)>>;

/// Prints every series with its changes; says which folders are no runs.
///
/// # Errors
/// The folder cannot be read.
pub fn trend(args: &TrendArgs) -> Result<Exit, Failure> {
    let entries = fs::read_dir(&args.dir).map_err(|e| Failure::usage(format!("{}: {e}", args.dir.display())))?;
    let mut folders: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    folders.retain(|path| path.join("manifest.json").exists());
    let mut backs = Vec::new();
    for path in folders {
        backs.push(finish::read_back(&RunFolder::open(&path)?)?);
    }
    backs.sort_by(|a, b| a.run.meta.started.cmp(&b.run.meta.started));
    let mut series = Series::new();
    for back in &backs {
        for cell in &back.summary.cells {
            add(&mut series, &back.run.meta.suite, &back.run.meta.id, cell);
        }
    }
    terminal::result(&if args.json { as_json(&series) } else { as_text(&series) });
    Ok(Exit::Ok)
}

fn add(series: &mut Series, suite: &str, run: &str, cell: &Cell) {
    let key = &cell.key;
    let name = one_line(&format!("{suite}: {} {} {} {}", key.target, key.mode, key.prompt, key.load), 120);
    let p95 = cell.metrics.get(&Metric::E2e).and_then(|d| d.p95.value);
    let figures = [("pass_rate", cell.quality.as_ref().and_then(|q| q.pass_rate.value)), ("p95(e2e)", p95)];
    let cost = ("cost_per_case", cell.cost.per_case.value);
    for (metric, value) in figures.into_iter().chain([cost]) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            series.entry((name.clone(), metric)).or_default().push((run.to_owned(), value));
        }
    }
}

fn changes(points: &[(String, f64)]) -> Vec<change_point::ChangePoint> {
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    change_point::find(&values, Search::default())
}

fn as_text(series: &Series) -> String {
    let mut lines = Vec::new();
    for ((cell, metric), points) in series {
        let values: Vec<String> = points.iter().map(|(_, value)| short(*value)).collect();
        lines.push(format!("{cell}  {metric}: {}", values.join(" ")));
        for change in changes(points) {
            let run = &points[change.at].0;
            let (before, after) = (short(change.before), short(change.after));
            lines.push(format!("  changed at {run}: {before} -> {after} (p {:.3})", change.p));
        }
    }
    if lines.is_empty() { "no stored run has a figure to follow\n".to_owned() } else { lines.join("\n") + "\n" }
}

fn as_json(series: &Series) -> String {
    let one = |((cell, metric), points): (&(String, &str), &Vec<(String, f64)>)| {
        let changes = changes(points).into_iter().map(|change| {
            let run = &points[change.at].0;
            json!({ "run": run, "before": change.before, "after": change.after, "p_value": change.p })
        });
        let values: Vec<_> = points.iter().map(|(run, value)| json!({ "run": run, "value": value })).collect();
        json!({ "cell": cell, "metric": metric, "values": values, "changes": changes.collect::<Vec<_>>() })
    };
    json!({ "series": series.iter().map(one).collect::<Vec<_>>() }).to_string() + "\n"
}
