//! Objectives of a suite: each on a metric that the suite produces and on cells that it has.

use super::de::At;
use super::problem::Span;
use super::rules::Parts;
use super::rules::key_span;
use super::targets::Resolved;
use crate::analyze::SloSpec;
use crate::analyze::slo_expr::Scope;
use crate::analyze::slo_expr::SloMetric;
use crate::analyze::slo_expr::parse_metric;
use crate::analyze::slo_expr::parse_slo;
use crate::analyze::stop::Precision;
use crate::domain::ModeName;
use crate::grade::Compiled;
use crate::text::nearest;

/// Objectives, each on a metric that this suite produces and on cells that it has.
pub fn slos(parts: &Parts<'_>, modes: &[ModeName], graders: &[Compiled]) -> Vec<SloSpec> {
    let many = parts.file.slos.as_ref().and_then(At::get);
    let written = many.into_iter().flat_map(|many| &many.0);
    let found: Vec<SloSpec> = written.clone().filter_map(|at| slo(parts, at, modes, graders)).collect();
    if parts.written.is_empty() {
        written.for_each(|at| bare_goodput(parts, at, modes, &found));
    }
    untils(parts, graders);
    found
}

/// Goodput is about graders and limits: in a cell with neither it is not defined.
fn bare_goodput(parts: &Parts<'_>, at: &At<String>, modes: &[ModeName], all: &[SloSpec]) {
    let Some(spec) = at.get().and_then(|text| all.iter().find(|spec| spec.text == *text)) else { return };
    if spec.metric != SloMetric::Goodput {
        return;
    }
    let limits: Vec<&Scope> = all.iter().filter(|slo| slo.is_trial_limit()).map(|slo| &slo.scope).collect();
    let has_none = |cell: &[&str; 4]| {
        let covers = |scope: &Scope| scope.covers(cell[0], cell[1], cell[2], cell[3]);
        covers(&spec.scope) && !limits.iter().any(|scope| covers(scope))
    };
    if let Some([target, mode, prompt, load]) = cells(parts, modes).find(has_none) {
        let message = format!(
            "`goodput` needs graders or limits of single trials, and {target}/{mode}/{prompt}/{load} has neither"
        );
        let help = "add `graders:`, or an objective on a percentile of a time, such as `p95(e2e) <= 8s`";
        parts.sink.advise(at.span, message, help);
    }
}

fn cells<'a>(parts: &Parts<'a>, modes: &'a [ModeName]) -> impl Iterator<Item = [&'a str; 4]> {
    let parts = *parts;
    let targets = parts.endpoints.iter().map(|target| target.endpoint.id.as_str());
    let arms = targets.flat_map(move |target| modes.iter().map(move |mode| (target, mode.as_str())));
    let prompted =
        arms.flat_map(move |(target, mode)| parts.prompts.iter().map(move |prompt| (target, mode, prompt.id.as_str())));
    prompted.flat_map(move |(target, mode, prompt)| {
        parts.loads.iter().map(move |load| [target, mode, prompt, load.id.as_str()])
    })
}

/// Loads that end by the precision of a metric, each on one that this suite produces.
fn untils(parts: &Parts<'_>, graders: &[Compiled]) {
    let loads = parts.file.loads.as_ref().and_then(At::get);
    for at in loads.into_iter().flatten().filter_map(At::get).filter_map(|load| load.until.as_ref()) {
        for (text, _) in at.get().into_iter().flat_map(|pairs| &pairs.0) {
            let Ok((statistic, metric)) = parse_metric(text) else { continue };
            let place = key_span(parts.sink, at.span, text);
            if !Precision::can_watch(statistic, &metric) {
                let help = "write a percentile or the mean of single trials, such as `p95(ttft)` or `mean(e2e)`";
                parts.sink.advise(place, format!("a load cannot end by the precision of `{text}`"), help);
            } else if let Some((message, help)) = unproducible(parts, &metric, graders) {
                parts.sink.advise(place, message, help);
            }
        }
    }
}

fn slo(parts: &Parts<'_>, at: &At<String>, modes: &[ModeName], graders: &[Compiled]) -> Option<SloSpec> {
    let text = at.get()?;
    // Inside quotes the text begins one byte later; a folded text has no simple place.
    let skip = parts.sink.slice(at.span).find(text.as_str());
    match parse_slo(text) {
        Ok(spec) => {
            if let Some((message, help)) = unproducible(parts, &spec.metric, graders) {
                parts.sink.advise(at.span, message, help);
            }
            check_scope(parts, at.span, &spec.scope, modes);
            Some(spec)
        }
        Err(error) => {
            let span = skip.map_or(at.span, |skip| at.span.part(error.at.start + skip..error.at.end + skip));
            parts.sink.advise(span, error.message, error.help);
            None
        }
    }
}

fn unproducible(parts: &Parts<'_>, metric: &SloMetric, graders: &[Compiled]) -> Option<(String, String)> {
    let name = metric.name();
    match metric {
        SloMetric::PassRate | SloMetric::CostPerPass | SloMetric::Score(_) | SloMetric::Reduced(_)
            if parts.written.is_empty() =>
        {
            Some((format!("`{name}` needs graders, and the suite has none"), "add `graders:`".into()))
        }
        SloMetric::Score(id) if !graders.iter().any(|grader| grader.id == *id) => {
            let known: Vec<&str> = graders.iter().map(|grader| grader.id.as_str()).collect();
            let help = match nearest(id.as_str(), known.iter().copied()) {
                Some(near) => format!("did you mean `score.{near}`?"),
                None => format!("the graders are {}", known.join(", ")),
            };
            Some((format!("no grader is called `{id}`"), help))
        }
        SloMetric::CostUsd | SloMetric::CostPerCase | SloMetric::CostPerPass => {
            let unpriced = parts.endpoints.iter().find(|target| has_no_price(target))?;
            let id = &unpriced.endpoint.id;
            Some((format!("`{name}` needs a price, and `{id}` has none"), "add `price:` to the target".into()))
        }
        _ => None,
    }
}

/// Nobody states a price, and it is not simulated.
pub fn has_no_price(target: &Resolved) -> bool {
    target.endpoint.price.is_none() && !target.endpoint.simulated
}

fn check_scope(parts: &Parts<'_>, span: Span, scope: &Scope, modes: &[ModeName]) {
    let targets: Vec<&str> = parts.endpoints.iter().map(|target| target.endpoint.id.as_str()).collect();
    let prompts: Vec<&str> = parts.prompts.iter().map(|prompt| prompt.id.as_str()).collect();
    let loads: Vec<&str> = parts.loads.iter().map(|load| load.id.as_str()).collect();
    let modes: Vec<&str> = modes.iter().map(ModeName::as_str).collect();
    for (key, wanted, known) in [
        ("target", &scope.target, targets),
        ("mode", &scope.mode, modes),
        ("prompt", &scope.prompt, prompts),
        ("load", &scope.load, loads),
    ] {
        let Some(wanted) = wanted else { continue };
        if known.is_empty() || known.contains(&wanted.as_str()) {
            continue;
        }
        let help = match nearest(wanted, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the suite has {}", known.join(", ")),
        };
        parts.sink.advise(span, format!("no {key} of this suite is called `{wanted}`"), help);
    }
}
