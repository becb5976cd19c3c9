//! The comparison table as data: columns with units, rows of figures. Terminal, Markdown and page all show this one.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::written::Unit;
use super::written::Written;
use super::written::estimate;
use crate::analyze::Estimate;
use crate::analyze::Metric;
use crate::analyze::Summary;
use crate::analyze::reduce::Reducer;
use crate::analyze::run::Arrivals;
use crate::analyze::summary::Cell;
use crate::analyze::summary::Distribution;
use crate::text::number::count;

/// A table of cells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid {
    /// Columns from left to right.
    pub(crate) columns: Vec<Column>,
    /// One row per cell, in plan order.
    pub(crate) rows: Vec<Vec<Entry>>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// A stable name.
    pub(crate) key: Cow<'static, str>,
    /// Heading without unit.
    pub(crate) title: Cow<'static, str>,
    /// Unit for the heading; empty for names and counts.
    pub(crate) unit: &'static str,
    /// What is dropped first when space is short has the largest number; names are never dropped.
    pub(crate) rank: u8,
    /// Which values are good.
    pub(crate) better: Better,
    /// Holds names rather than figures.
    pub(crate) is_name: bool,
}

/// Which values of a column are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    /// Small ones.
    Less,
    /// Large ones.
    More,
    /// Neither.
    Neither,
}

/// One square.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Entry {
    /// The raw value, for sorting; `None` for names and where there is none.
    pub(crate) raw: Option<f64>,
    /// What is shown.
    pub(crate) text: Written,
    /// The best of its column by its point estimate.
    pub(crate) is_best: bool,
}

impl Entry {
    fn name(text: &str) -> Self {
        Self { text: Written { value: text.to_owned(), ..Written::default() }, ..Self::default() }
    }
}

/// Takes a figure from a cell.
type Pick = Box<dyn Fn(&Cell) -> Option<Estimate>>;

/// Something shown of each cell.
struct Figure {
    column: Column,
    pick: Pick,
    scale: Scaling,
}

enum Scaling {
    Time,
    Money,
    Fixed(Unit),
}

/// The comparison table of a run.
pub(crate) fn comparison(summary: &Summary) -> Grid {
    let mut grid = names(summary);
    for figure in figures().into_iter().chain(reduced(summary)) {
        let picked: Vec<Option<Estimate>> = summary.cells.iter().map(|cell| (figure.pick)(cell)).collect();
        if picked.iter().all(Option::is_none) {
            continue;
        }
        let finite = || picked.iter().flatten().filter_map(|e| e.value);
        let unit = match figure.scale {
            Scaling::Time => Unit::time(finite()),
            Scaling::Money => Unit::money(finite()),
            Scaling::Fixed(unit) => unit,
        };
        let mut entries: Vec<Entry> = summary
            .cells
            .iter()
            .zip(&picked)
            .map(|(cell, e)| e.as_ref().map_or_else(Entry::default, |e| entry(cell, e, unit, &figure.column.key)))
            .collect();
        // A time that this machine falsified is no merit.
        let is_time = matches!(figure.scale, Scaling::Time);
        let counts = |cell: &Cell| !(is_time && cell.client_limited);
        let rivals = entries.iter_mut().zip(&summary.cells).filter(|(_, cell)| counts(cell));
        mark_best(rivals.map(|(entry, _)| entry).collect(), figure.column.better);
        // A column of zeros, such as no errors anywhere, or without any figure is the first to give way.
        let is_idle = entries.iter().all(|e| e.raw.is_none_or(|v| v.abs() <= 0.0));
        let rank = if is_idle { u8::MAX } else { figure.column.rank };
        grid.columns.push(Column { unit: unit.name, rank, ..figure.column });
        for (row, entry) in grid.rows.iter_mut().zip(entries) {
            row.push(entry);
        }
    }
    grid
}

fn entry(cell: &Cell, e: &Estimate, unit: Unit, key: &str) -> Entry {
    let mut text = estimate(e, unit);
    // A percentage of few cases says more with its counts.
    if let (true, "pass", Some(quality)) = (e.n < 20, key, &cell.quality)
        && e.value.is_some_and(|v| (v * quality.decided as f64 - quality.passed as f64).abs() < 1e-9)
    {
        text.value = format!("{} ({}/{})", text.value, quality.passed, quality.decided);
    }
    Entry { raw: e.value, text, is_best: false }
}

/// Marks the best point estimates, unless all are equal or only one exists.
fn mark_best(entries: Vec<&mut Entry>, better: Better) {
    let values: Vec<f64> = entries.iter().filter_map(|e| e.raw).filter(|v| v.is_finite()).collect();
    let best = match better {
        Better::Less => values.iter().copied().fold(f64::INFINITY, f64::min),
        Better::More => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Better::Neither => return,
    };
    let all_equal = values.iter().all(|v| v.total_cmp(&best).is_eq());
    if values.len() < 2 || all_equal {
        return;
    }
    for entry in entries {
        entry.is_best = entry.raw == Some(best);
    }
}

/// A name of a cell: heading, name, whether it stands even where all cells share it.
type Name = (&'static str, fn(&Cell) -> &str, bool);

/// The columns that name a cell, as far as the run varies in them, and n.
fn names(summary: &Summary) -> Grid {
    let cells = &summary.cells;
    let varies = |pick: fn(&Cell) -> &str| cells.iter().map(pick).collect::<BTreeSet<_>>().len() > 1;
    let all: [Name; 4] = [
        ("target", |c| c.key.target.as_str(), true),
        ("mode", |c| c.key.mode.as_str(), true),
        ("prompt", |c| c.key.prompt.as_str(), false),
        ("load", |c| c.key.load.as_str(), true),
    ];
    let kept: Vec<_> = all.into_iter().filter(|(_, pick, always)| *always || varies(*pick)).collect();
    let column = |title: &'static str, is_name| Column {
        key: title.into(),
        title: title.into(),
        unit: "",
        rank: 0,
        better: Better::Neither,
        is_name,
    };
    let columns = kept.iter().map(|(title, ..)| column(title, true)).chain([column("n", false)]).collect();
    let row = |cell: &Cell| {
        let n = Entry { raw: Some(cell.n as f64), ..Entry::name(&cell.n.to_string()) };
        kept.iter().map(|(_, pick, _)| Entry::name(pick(cell))).chain([n]).collect()
    };
    Grid { columns, rows: cells.iter().map(row).collect() }
}

fn column(key: &'static str, title: &'static str, rank: u8, better: Better) -> Column {
    Column { key: key.into(), title: title.into(), unit: "", rank, better, is_name: false }
}

fn of(cell: &Cell, metric: Metric, pick: fn(&Distribution) -> Estimate) -> Option<Estimate> {
    cell.metrics.get(&metric).map(pick)
}

fn figures() -> Vec<Figure> {
    type Pick = fn(&Cell) -> Option<Estimate>;
    let share = |key, title, rank, better, pick: Pick| Figure {
        column: column(key, title, rank, better),
        pick: Box::new(pick),
        scale: Scaling::Fixed(Unit::PERCENT),
    };
    let time = |key, title, rank, pick: Pick| Figure {
        column: column(key, title, rank, Better::Less),
        pick: Box::new(pick),
        scale: Scaling::Time,
    };
    let money = |key, title, rank, pick: Pick| Figure {
        column: column(key, title, rank, Better::Less),
        pick: Box::new(pick),
        scale: Scaling::Money,
    };
    let rate = |key, title, rank, unit, pick: Pick| Figure {
        column: column(key, title, rank, Better::More),
        pick: Box::new(pick),
        scale: Scaling::Fixed(Unit::plain(unit)),
    };
    vec![
        share("pass", "pass rate", 1, Better::More, |c| c.quality.as_ref().map(|q| q.pass_rate)),
        money("cost_per_pass", "cost per pass", 4, |c| c.cost.per_pass),
        money("cost_per_case", "cost per case", 9, |c| Some(c.cost.per_case)),
        time("ttft_p50", "TTFT p50", 2, |c| of(c, Metric::Ttft, |d| d.p50)),
        time("ttft_p95", "TTFT p95", 7, |c| of(c, Metric::Ttft, |d| d.p95)),
        time("ttfa_p50", "TTFA p50", 8, |c| of(c, Metric::Ttfa, |d| d.p50)),
        time("e2e_p50", "e2e p50", 3, |c| of(c, Metric::E2e, |d| d.p50)),
        time("e2e_p95", "e2e p95", 6, |c| of(c, Metric::E2e, |d| d.p95)),
        rate("output_tps", "output speed", 10, "tok/s", |c| of(c, Metric::OutputTps, |d| d.p50)),
        rate("throughput_tps", "throughput", 5, "tok/s", |c| Some(c.throughput_tps)),
        rate("throughput_rps", "throughput", 12, "req/s", |c| Some(c.throughput_rps)),
        share("goodput", "goodput", 11, Better::More, |c| c.goodput),
        share("errors", "errors", 5, Better::Less, |c| Some(c.error_rate)),
    ]
}

/// A column for each of the suite's reducers.
fn reduced(summary: &Summary) -> Vec<Figure> {
    let first = summary.cells.iter().find_map(|cell| cell.quality.as_ref());
    let reducers = first.into_iter().flat_map(|quality| quality.reduced.iter().map(|reduced| reduced.reducer));
    let figure = |reducer: Reducer| Figure {
        column: Column {
            key: reducer.to_string().into(),
            title: reducer.to_string().into(),
            ..column("", "", 2, Better::More)
        },
        pick: Box::new(move |cell| {
            let reduced = &cell.quality.as_ref()?.reduced;
            reduced.iter().find(|reduced| reduced.reducer == reducer).map(|reduced| reduced.estimate)
        }),
        scale: Scaling::Fixed(Unit::PERCENT),
    };
    reducers.map(figure).collect()
}

/// What stands below every comparison table.
pub(crate) fn footnotes(summary: &Summary) -> Vec<String> {
    let closed = summary.cells.iter().filter_map(|cell| match cell.arrivals {
        Arrivals::Closed(concurrency) if !summary.recorded => Some((concurrency, &cell.key.load)),
        _ => None,
    });
    let open = summary.cells.iter().find(|cell| matches!(cell.arrivals, Arrivals::Open(_)));
    let mut notes = vec![
        "Brackets are 95 % intervals: Wilson for shares (t over cases where cases repeat), order statistics for \
         percentiles, t or BCa for means, a block bootstrap for throughput. A failed trial counts as infinitely late in \
         latency percentiles."
            .to_owned(),
    ];
    if let Some((concurrency, load)) = closed.max_by_key(|(concurrency, _)| *concurrency) {
        let requests = count(u64::from(concurrency), "request");
        notes.push(format!(
            "{load} is a closed loop with {requests} in flight: its latencies make no claim about a rate."
        ));
    }
    if let Some(cell) = open {
        notes.push(format!(
            "{} is an open loop, whose arrivals wait for no answer: latency counts from the planned moment.",
            cell.key.load
        ));
    }
    for reduced in reduced(summary) {
        let meaning = Reducer::named(&reduced.column.title).map(Reducer::meaning).unwrap_or_default();
        notes.push(format!("{}: {meaning}.", reduced.column.title));
    }
    notes.push("n/a (n = 12 < 72): too few trials for this percentile; 72 would do.".into());
    notes.push("* best of its column by its point estimate; overlapping intervals may reverse it.".into());
    notes
}
