//! What a suite says of its arms: how they are compared, with which one, and which cases watch for drift.

use super::check::Compare;
use super::de::At;
use super::de::Many;
use super::file::SliceFile;
use super::file::SuiteFile;
use super::problem::Sink;
use super::problem::Span;
use super::rules::Parts;
use crate::analyze::compare;
use crate::analyze::compare::Selection;
use crate::domain::Case;
use crate::domain::ModeName;
use crate::text::nearest;

/// How arms are compared.
pub fn compare(sink: &Sink, file: &SuiteFile) -> Compare {
    let Some(at) = &file.compare else { return Compare::default() };
    let Some(written) = at.get() else { return Compare::default() };
    let mut gate = Vec::new();
    for at in many(written.gate.as_ref()) {
        let Some(metric) = at.get() else { continue };
        check_metric(sink, at.span, metric);
        gate.push(metric.clone());
    }
    let margin = written.margin.as_ref().and_then(|at| Some((at.span, at.get()?.0)));
    if let Some((span, _)) = margin.filter(|(_, margin)| !(*margin > 0.0 && *margin < 1.0)) {
        let help = "write a share above 0, such as `2%`: no number of cases can show that nothing at all was lost";
        sink.advise(span, "a margin lies above 0 and below 100 %", help);
    }
    Compare {
        gate,
        margin: margin.map(|(_, margin)| margin),
        slices: many(written.slices.as_ref()).filter_map(At::copied).map(slice).collect(),
    }
}

fn many<T>(list: Option<&At<Many<At<T>>>>) -> impl Iterator<Item = &At<T>> {
    list.and_then(At::get).into_iter().flat_map(|many| &many.0)
}

/// A gate names what arms are compared in.
fn check_metric(sink: &Sink, span: Span, metric: &str) {
    if compare::metrics().contains(&metric) || metric.strip_prefix("score.").is_some_and(|grader| !grader.is_empty()) {
        return;
    }
    let help = match nearest(metric, compare::metrics().iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write score.GRADER, or one of {}", compare::metrics().join(", ")),
    };
    sink.advise(span, format!("arms are not compared in `{metric}`"), help);
}

fn slice(slice: SliceFile) -> &'static str {
    match slice {
        SliceFile::Tag => "tag",
        SliceFile::Prompt => "prompt",
        SliceFile::Cluster => "cluster",
    }
}

/// The baseline as written: a selection of the suite's own arms, whose names must be known, or a stored run.
pub fn baseline(parts: &Parts<'_>, modes: &[ModeName]) -> Option<String> {
    let at = parts.file.baseline.as_ref()?;
    let text = at.get()?;
    if !text.contains('=') || text.contains(':') {
        return Some(text.clone());
    }
    match text.parse::<Selection>() {
        Err(error) => {
            parts.sink.advise(at.span, error.to_string(), "write `target=..,mode=..,prompt=..`, or a stored run");
        }
        Ok(selection) => check_selection(parts, modes, at.span, &selection),
    }
    Some(text.clone())
}

fn check_selection(parts: &Parts<'_>, modes: &[ModeName], span: Span, selection: &Selection) {
    let targets: Vec<&str> = parts.endpoints.iter().map(|target| target.endpoint.id.as_str()).collect();
    let prompts: Vec<&str> = parts.prompts.iter().map(|prompt| prompt.id.as_str()).collect();
    let modes: Vec<&str> = modes.iter().map(ModeName::as_str).collect();
    let loads: Vec<&str> = parts.loads.iter().map(|load| load.id.as_str()).collect();
    let named = [
        ("target", &selection.target, targets),
        ("mode", &selection.mode, modes),
        ("prompt", &selection.prompt, prompts),
        ("load", &selection.load, loads),
    ];
    for (what, wanted, known) in named {
        let Some(wanted) = wanted.as_deref().filter(|wanted| !known.contains(wanted)) else { continue };
        let help = match nearest(wanted, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the suite has {}", known.join(", ")),
        };
        parts.sink.advise(span, format!("the suite has no {what} `{wanted}`"), help);
    }
}

/// Marks the canaries that the suite names by tag or id. Returns after how many trials they come again.
pub fn canaries(sink: &Sink, file: &SuiteFile, cases: &mut [Case]) -> Option<u64> {
    let written = file.canary.as_ref()?.get()?;
    let texts = |list: Option<&At<Many<At<String>>>>| -> Vec<(Span, String)> {
        many(list).filter_map(|at| Some((at.span, at.get()?.clone()))).collect()
    };
    let by_tag = |tag: &str, case: &Case| case.tags.iter().any(|own| own.as_str() == tag);
    let by_id = |id: &str, case: &Case| case.id.as_str() == id;
    let mut mark = |names: Vec<(Span, String)>, what: &str, fits: &dyn Fn(&str, &Case) -> bool| {
        for (span, name) in names {
            let found = cases.iter_mut().filter(|case| fits(&name, case)).map(|case| case.canary = true).count();
            if found == 0 {
                sink.advise(
                    span,
                    format!("no case has the {what} `{name}`"),
                    "name cases of this suite, by tag or by id",
                );
            }
        }
    };
    mark(texts(written.tag.as_ref()), "tag", &by_tag);
    mark(texts(written.cases.as_ref()), "id", &by_id);
    let every = written.every.as_ref()?;
    if every.copied() == Some(0) {
        sink.advise(every.span, "canaries cannot come after every 0 trials", "write 1 or more, such as `every: 50`");
    }
    every.copied().filter(|n| *n > 0)
}
