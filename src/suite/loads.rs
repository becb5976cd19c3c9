//! Loads of a suite: from what the file says to specs that can be planned.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cases::text;
use super::de::At;
use super::de::Many;
use super::file::ArrivalsFile;
use super::file::Connections;
use super::file::Curve;
use super::file::LoadFile;
use super::file::RateFile;
use super::file::Time;
use super::problem::Sink;
use super::problem::Span;
use super::read::Files;
use super::rules::key_span;
use crate::analyze::slo_expr::parse_metric;
use crate::domain::LoadId;
use crate::load::Arrivals;
use crate::load::LoadSpec;
use crate::load::Shape;
use crate::load::Stop;
use crate::load::replay::parse_replay;

/// Outstanding trials of an open loop, where the suite does not say.
const MAX_OUTSTANDING: u32 = 4096;
/// Requests in flight at most.
const MAX_CONCURRENCY: u32 = 100_000;
/// Trials of one cell at most.
const MAX_TRIALS: u64 = 10_000_000;
/// Trials of a load that ends by precision, where the suite does not say.
const DEFAULT_CAP: u64 = 10_000;

/// Reads all loads; a suite without any has one request in flight.
pub fn load(sink: &Sink, files: &dyn Files, entries: &[At<LoadFile>]) -> Vec<Arc<LoadSpec>> {
    let mut loads = Vec::new();
    let mut ids: BTreeMap<LoadId, Span> = BTreeMap::new();
    for entry in entries {
        let Some(file) = entry.get() else { continue };
        for spec in read(sink, files, entry.span, file) {
            let place = file.id.as_ref().map_or(entry.span, |id| id.span);
            if ids.insert(spec.id.clone(), place).is_some() {
                let help = "give one of them an `id:` of its own";
                sink.advise(place, format!("two loads are called `{}`", spec.id), help);
            }
            loads.push(Arc::new(spec));
        }
    }
    if entries.is_empty() {
        loads.push(Arc::new(closed(1)));
    }
    loads
}

/// A closed loop in which every case runs.
pub fn closed(concurrency: u32) -> LoadSpec {
    LoadSpec {
        id: format!("c{concurrency}").into(),
        shape: Shape::Closed { concurrency },
        stop: Stop::Cases,
        max_outstanding: concurrency,
        salt: None,
        warm: true,
    }
}

fn read(sink: &Sink, files: &dyn Files, span: Span, file: &LoadFile) -> Vec<LoadSpec> {
    let stop = stop(sink, span, file);
    let shapes = shapes(sink, files, span, file);
    if let Some(id) = &file.id
        && shapes.len() > 1
    {
        sink.advise(id.span, "one name for several concurrencies", "remove `id:`; the loads are called c1, c16, ..");
    }
    check_total(sink, span, &shapes, &stop);
    let id = file.id.as_ref().and_then(At::get);
    let max_outstanding = file.max_outstanding.as_ref().and_then(At::copied);
    let spec = |(name, shape): (String, Shape)| LoadSpec {
        id: id.cloned().unwrap_or(name).into(),
        max_outstanding: match shape {
            Shape::Closed { concurrency } => concurrency,
            _ => max_outstanding.unwrap_or(MAX_OUTSTANDING),
        },
        shape,
        stop: stop.clone(),
        salt: file.salt.as_ref().and_then(At::copied),
        warm: file.connections.as_ref().and_then(At::copied) != Some(Connections::Cold),
    };
    shapes.into_iter().map(spec).collect()
}

fn shapes(sink: &Sink, files: &dyn Files, span: Span, file: &LoadFile) -> Vec<(String, Shape)> {
    let replay = match file.arrivals.as_ref().map(|at| (at.span, at.get())) {
        Some((_, Some(ArrivalsFile::Replay(path)))) => Some(path),
        _ => file.replay.as_ref(),
    };
    let rate = file.rate.as_ref().or(file.ramps.as_ref());
    if let (Some(_), Some(twice)) = (&file.rate, &file.ramps) {
        sink.advise(
            twice.span,
            "the rate is given twice",
            "keep one of `rate: {from: 1, to: 20}` and `ramps: {from: 1, to: 20}`",
        );
    }
    let kinds = [file.concurrency.is_some(), rate.is_some(), replay.is_some()];
    match (kinds, replay) {
        ([true, false, false], _) => {
            file.concurrency.as_ref().map(|at| many_closed(sink, at, file)).unwrap_or_default()
        }
        ([false, true, false], _) => rate.and_then(|at| open(sink, at, file)).into_iter().collect(),
        ([false, false, true], Some(path)) => replayed(sink, files, path).into_iter().collect(),
        ([false, false, false], _) => {
            sink.advise(
                span.head(),
                "the load does not say how requests arrive",
                "add `concurrency:`, `rate:` or `replay:`",
            );
            Vec::new()
        }
        _ => {
            let help = "keep one of `concurrency` (closed loop), `rate` (open loop) and `replay` (recorded)";
            sink.advise(span, "a load has one way in which requests arrive", help);
            Vec::new()
        }
    }
}

fn many_closed(sink: &Sink, levels: &At<Many<At<u32>>>, file: &LoadFile) -> Vec<(String, Shape)> {
    if let Some(at) = &file.arrivals {
        sink.advise(at.span, "a closed loop has no arrivals of its own", "write `rate:` instead of `concurrency:`");
    }
    let mut shapes = Vec::new();
    for level in levels.get().into_iter().flat_map(|many| &many.0) {
        let Some(concurrency) = level.copied() else { continue };
        if concurrency == 0 || concurrency > MAX_CONCURRENCY {
            let help = format!("write a number from 1 to {MAX_CONCURRENCY}");
            sink.advise(level.span, format!("`{concurrency}` requests in flight cannot be kept"), help);
        } else {
            shapes.push((format!("c{concurrency}"), Shape::Closed { concurrency }));
        }
    }
    shapes
}

fn open(sink: &Sink, at: &At<RateFile>, file: &LoadFile) -> Option<(String, Shape)> {
    let rate = at.get()?;
    let from = positive(sink, &rate.from)?;
    let to = match &rate.to {
        Some(to) => positive(sink, to)?,
        None => from,
    };
    if rate.to.is_none()
        && let Some(place) = rate.curve.as_ref().map(|c| c.span).or(rate.steps.as_ref().map(|s| s.span))
    {
        sink.advise(place, "the rate does not change", "add `to:` with the rate at the end");
    }
    let name = if rate.to.is_some() { format!("r{from}-{to}") } else { format!("r{from}") };
    let arrivals = arrivals(sink, file);
    let exponential = rate.curve.as_ref().and_then(At::copied) == Some(Curve::Exponential);
    let steps = rate.steps.as_ref().and_then(At::copied).unwrap_or(0);
    if let Some(at) = &rate.steps
        && steps < 2
    {
        sink.advise(at.span, format!("a rate cannot change in {steps} steps"), "write 2 or more, or remove `steps:`");
    }
    Some((name, Shape::Open { rate: from, to, exponential, steps, arrivals }))
}

fn positive(sink: &Sink, at: &At<f64>) -> Option<f64> {
    let value = at.copied()?;
    if value > 0.0 && value <= 1e6 {
        return Some(value);
    }
    sink.advise(
        at.span,
        format!("`{value}` requests per second cannot be sent"),
        "write a rate above 0, up to 1000000",
    );
    None
}

fn arrivals(sink: &Sink, file: &LoadFile) -> Arrivals {
    match file.arrivals.as_ref().and_then(At::get) {
        Some(ArrivalsFile::Constant) => Arrivals::Constant,
        Some(ArrivalsFile::Gamma(at)) => {
            let shape = at.copied().unwrap_or(1.0);
            if !(0.01..=1000.0).contains(&shape) {
                let help = "below 1 is burstier than Poisson, above 1 smoother; write 0.01 to 1000";
                sink.advise(at.span, format!("`{shape}` is no shape of a gamma distribution"), help);
            }
            Arrivals::Gamma(shape)
        }
        _ => Arrivals::Poisson,
    }
}

fn replayed(sink: &Sink, files: &dyn Files, path: &At<String>) -> Option<(String, Shape)> {
    let name = path.get()?;
    let text = text(sink, files, path.span, name)?;
    match parse_replay(name, &text) {
        Ok(arrivals) => {
            let stem = name.rsplit('/').next().unwrap_or(name).split('.').next().unwrap_or("replay").to_owned();
            Some((stem, Shape::Replay { name: name.clone(), arrivals }))
        }
        Err(error) => {
            let source = sink.add_source(name.as_str(), text.as_str());
            let start = text.split_inclusive('\n').take(error.line.saturating_sub(1)).map(str::len).sum::<usize>();
            let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
            sink.report(Span { source, start: start as u32, end: end as u32 }, error.message, None);
            None
        }
    }
}

fn stop(sink: &Sink, span: Span, file: &LoadFile) -> Stop {
    let rules = [file.requests.is_some(), file.duration.is_some(), file.until.is_some()];
    if rules.iter().filter(|given| **given).count() > 1 {
        let help = "keep one of `requests`, `duration` and `until`";
        sink.advise(span, "the load has several ends", help);
    }
    if let Some(cap) = &file.cap
        && file.until.is_none()
    {
        sink.advise(cap.span, "`cap` limits a load that ends by precision", "write `requests:` instead");
    }
    if let Some(at) = &file.requests {
        return Stop::Requests(counted(sink, at));
    }
    if let Some(at) = &file.duration {
        let Some(Time(duration)) = at.copied() else { return Stop::Cases };
        if duration.is_zero() {
            sink.advise(at.span, "the load ends before it begins", "write a duration above 0, such as `60s`");
        }
        return Stop::Duration(duration);
    }
    until(sink, file).unwrap_or(Stop::Cases)
}

fn counted(sink: &Sink, at: &At<u64>) -> u64 {
    let n = at.copied().unwrap_or(1);
    if n == 0 || n > MAX_TRIALS {
        sink.advise(at.span, format!("`{n}` trials cannot be run"), format!("write a number from 1 to {MAX_TRIALS}"));
    }
    n
}

fn until(sink: &Sink, file: &LoadFile) -> Option<Stop> {
    let at = file.until.as_ref()?;
    let pairs = &at.get()?.0;
    let [(metric, width)] = &pairs[..] else {
        sink.advise(at.span, "`until` takes one metric", "write `until: {p95(ttft): 5%}`");
        return None;
    };
    if let Err(error) = parse_metric(metric) {
        sink.advise(key_span(sink, at.span, metric), error.message, error.help);
    }
    let relative = width.get()?.0;
    if relative <= 0.0 {
        sink.advise(width.span, "no interval is that narrow", "write a share above 0, such as `5%`");
    }
    let cap = file.cap.as_ref().map_or(DEFAULT_CAP, |cap| counted(sink, cap));
    Some(Stop::Precision { metric: metric.clone(), relative, cap })
}

fn check_total(sink: &Sink, span: Span, shapes: &[(String, Shape)], stop: &Stop) {
    for (_, shape) in shapes {
        if let (Shape::Open { rate, to, .. }, Stop::Duration(duration)) = (shape, stop) {
            let most = rate.max(*to) * duration.as_secs_f64();
            if most > MAX_TRIALS as f64 {
                let help = format!("a cell holds {MAX_TRIALS} trials at most; lower the rate or the duration");
                sink.advise(span, format!("about {most:.0} requests in one cell"), help);
            }
        }
    }
}
