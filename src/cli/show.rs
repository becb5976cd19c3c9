//! `report` and `show`: stored runs, rendered again or looked into.

use std::fmt::Write as _;
use std::path::Path;

use super::args::Format;
use super::args::ReportArgs;
use super::args::ShowArgs;
use super::exit::Exit;
use super::exit::Failure;
use super::finish;
use super::finish::ReadBack;
use super::terminal;
use crate::domain::Event;
use crate::report;
use crate::report::Row;
use crate::store::RunFolder;
use crate::text::plain::for_terminal;
use crate::text::plain::one_line;

/// Renders a stored run.
///
/// # Errors
/// The run cannot be read.
pub fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    let folder = RunFolder::open(&args.run)?;
    let mut back = finish::read_back(&folder)?;
    if let Err(failure) = finish::complete(&folder, &mut back) {
        terminal::warning(&format!("the baseline is not compared: {}", failure.message));
    }
    let format = if args.json { Some(Format::Json) } else { args.format };
    let Some(format) = format else {
        finish::write_all(&folder, &mut back)?;
        finish::print(folder.path(), &back.summary, false);
        return Ok(finish::exit(&back.summary, Exit::Ok));
    };
    let text = match format {
        Format::Json => {
            finish::attach(&folder, &mut back.summary)?;
            report::json::text(&back.summary)
        }
        Format::Md => report::md::text(&back.summary),
        Format::Table => report::table::render(&back.summary, terminal::screen()),
        Format::Csv | Format::Junit | Format::Html => by_rows(&folder, &back, format)?,
    };
    terminal::result(&text);
    Ok(Exit::Ok)
}

fn by_rows(folder: &RunFolder, back: &ReadBack, format: Format) -> Result<String, Failure> {
    let rows = all_rows(folder, back)?;
    let bytes = match format {
        Format::Csv => report::csv::text(&rows).map_err(Failure::store)?,
        Format::Junit => {
            let mut junit = report::junit::Report::default();
            for row in &rows {
                junit.push(row);
            }
            junit.compare(&back.summary.comparisons);
            junit.render(&back.run.meta.suite).bytes
        }
        _ => {
            let mut details = report::html::Details::new(back.summary.cells.len());
            for row in rows {
                details.push(row);
            }
            report::html::render(&back.summary, &details).bytes
        }
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn all_rows(folder: &RunFolder, back: &ReadBack) -> Result<Vec<Row>, Failure> {
    let rows = report::row::Rows::new(&back.run, &back.trials, &back.summary);
    let mut all = Vec::new();
    finish::each_event(folder, |event| {
        if let Event::Observed(observation) = event {
            all.extend(rows.row(observation));
        }
    })?;
    Ok(all)
}

/// Lists what failed, or shows one trial whole.
///
/// # Errors
/// The run cannot be read, or has no such trial.
pub fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let folder = RunFolder::open(&args.run)?;
    let back = finish::read_back(&folder)?;
    let rows = all_rows(&folder, &back)?;
    match args.trial {
        None if args.json => terminal::result(&failures_json(&rows)),
        None => terminal::result(&failures(&rows, &args.run)),
        Some(trial) => {
            let mut seen = Vec::new();
            finish::each_event(&folder, |event| {
                if let Event::Observed(observation) = event
                    && observation.attempt.trial.0 == trial
                {
                    seen.push((**observation).clone());
                }
            })?;
            let of_trial: Vec<&Row> = rows.iter().filter(|row| row.trial == trial).collect();
            if seen.is_empty() {
                return Err(Failure::usage(format!("the run has no trial {trial}")));
            }
            terminal::result(&super::trial::text(&folder, &seen, &of_trial, args.json)?);
        }
    }
    Ok(Exit::Ok)
}

/// Failures grouped by cause, most frequent first.
fn failures(rows: &[Row], run: &Path) -> String {
    let mut groups: std::collections::BTreeMap<String, Vec<&Row>> = std::collections::BTreeMap::new();
    for row in rows.iter().filter(|row| is_failure(row)) {
        groups.entry(cause(row)).or_default().push(row);
    }
    if groups.is_empty() {
        return "no failures".into();
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    let mut text = String::new();
    for (cause, rows) in groups {
        let _ = writeln!(text, "{} x {}", rows.len(), for_terminal(&cause));
        for row in rows.iter().take(10) {
            let key = &row.cell;
            let names = format!("{} {} {} {}", key.target, key.mode, key.prompt, key.load);
            let answer = one_line(&row.answer, 60);
            let _ = writeln!(text, "  trial {:<6} {:<20} {names}  {answer}", row.trial, row.case);
        }
        if rows.len() > 10 {
            let _ = writeln!(text, "  and {} more", rows.len() - 10);
        }
    }
    let example = rows.iter().find(|row| is_failure(row)).map_or(0, |row| row.trial);
    format!("{text}\nlook at one: llmark show {} {example}", run.display())
}

fn is_failure(row: &Row) -> bool {
    row.outcome.is_infra() || row.outcome.is_withheld() || (row.is_last && row.pass == Some(false))
}

fn cause(row: &Row) -> String {
    if !row.outcome.is_sample() {
        let status = row.http_status.filter(|status| *status != 200).map(|status| format!(" HTTP {status}"));
        let outcome = format!("{}{}", row.outcome, status.unwrap_or_default());
        let parts = [outcome.as_str(), &row.detail, &row.message];
        return one_line(&parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": "), 160);
    }
    let failed: Vec<&str> =
        row.verdicts.iter().filter(|v| v.value == Some(0.0)).map(|verdict| verdict.grader.as_str()).collect();
    format!("failed {}", failed.join(", "))
}

fn failures_json(rows: &[Row]) -> String {
    let row = |row: &Row| {
        serde_json::json!({
            "trial": row.trial, "attempt": row.attempt, "case": row.case.as_str(), "target": row.cell.target.as_str(),
            "mode": row.cell.mode.as_str(), "prompt": row.cell.prompt.as_str(), "load": row.cell.load.as_str(),
            "outcome": row.outcome.name(), "cause": cause(row), "answer": row.answer,
        })
    };
    serde_json::Value::from(rows.iter().filter(|r| is_failure(r)).map(row).collect::<Vec<_>>()).to_string()
}
