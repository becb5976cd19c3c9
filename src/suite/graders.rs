//! Graders of a suite: read by the grading room's own forms, compiled, and held against the cases.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::cases::Placed;
use super::de;
use super::node::Kind;
use super::node::Node;
use super::problem::Sink;
use super::problem::Span;
use super::read::FILE_CAP;
use super::read::Files;
use crate::grade::Compiled;
use crate::grade::Context;
use crate::grade::GraderSpec;
use crate::grade::Problem;
use crate::grade::compile;
use crate::text::nearest;

/// A grader with its place.
#[derive(Debug, Clone)]
pub struct Written {
    /// Where it is written.
    pub node: Node,
    /// What it says.
    pub spec: GraderSpec,
}

/// Reads the graders below `graders:`.
pub fn read(sink: &Sink, node: Option<&Node>) -> Vec<Written> {
    let Some(node) = node else { return Vec::new() };
    let Kind::List(items) = &node.kind else {
        sink.advise(node.span, format!("expected a list of graders, found {}", node.noun()), "write `- exact: {}`");
        return Vec::new();
    };
    let spec = |item: &Node| Some(Written { spec: de::read(sink, item).take()?, node: item.clone() });
    items.iter().filter_map(spec).collect()
}

/// Compiles graders. A grader with named extractions becomes several.
pub fn compiled(sink: &Sink, files: &dyn Files, seed: u64, targets: Vec<String>, written: &[Written]) -> Vec<Compiled> {
    let context = Context { files: contents(sink, files, written), targets, seed };
    let mut graders = Vec::new();
    let mut ids = BTreeSet::new();
    for grader in written {
        match compile(&grader.spec, &context) {
            Ok(more) => {
                for one in more {
                    if !ids.insert(one.id.clone()) {
                        let help = "give one of them an `id:`";
                        sink.advise(place(&grader.node, "id"), format!("two graders are called `{}`", one.id), help);
                    }
                    graders.push(one);
                }
            }
            Err(problems) => problems.into_iter().for_each(|problem| report(sink, grader, problem)),
        }
    }
    graders
}

fn report(sink: &Sink, grader: &Written, problem: Problem) {
    let span = place(&grader.node, &problem.at);
    match problem.message.split_once("; ") {
        Some((message, help)) => sink.advise(span, message, help),
        None => sink.report(span, problem.message, None),
    }
}

fn contents(sink: &Sink, files: &dyn Files, written: &[Written]) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for grader in written {
        for name in grader.spec.files().into_iter().chain(grader.spec.labels()) {
            match files.bytes(&name, FILE_CAP) {
                Ok(bytes) => {
                    found.insert(name, bytes.to_vec());
                }
                Err(why) => {
                    let help = "name a file below the suite's folder, relative to it";
                    let span = find_scalar(&grader.node, &name).unwrap_or(grader.node.span);
                    sink.advise(span, format!("the file cannot be read: {why}"), help);
                }
            }
        }
    }
    found
}

/// The place of a parameter such as `extract[0].regex`, or the nearest part of the grader that is written.
fn place(grader: &Node, at: &str) -> Span {
    let mut node = match &grader.kind {
        Kind::Map(entries) => entries.first().map_or(grader, |entry| &entry.value),
        _ => grader,
    };
    for step in at.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
        let next = match &node.kind {
            Kind::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => node.member(step),
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    if node.span == grader.span { grader.span.head() } else { node.span }
}

fn find_scalar(node: &Node, text: &str) -> Option<Span> {
    match &node.kind {
        Kind::List(items) => items.iter().find_map(|item| find_scalar(item, text)),
        Kind::Map(entries) => entries.iter().find_map(|entry| find_scalar(&entry.value, text)),
        _ => (node.scalar() == Some(text)).then_some(node.span),
    }
}

/// For each case the positions of the graders that apply. A case that none applies to is a problem, and so is a
/// case that a grader cannot judge.
pub fn applied(sink: &Sink, graders: &[Compiled], cases: &[Placed]) -> Vec<Vec<usize>> {
    let mut all = Vec::with_capacity(cases.len());
    for placed in cases {
        let case = &placed.case;
        let fit: Vec<usize> = (0..graders.len()).filter(|&at| graders[at].applies_to(case)).collect();
        if fit.is_empty() && !graders.is_empty() {
            let message = format!("no grader applies to case `{}`", case.id);
            sink.advise(
                placed.span,
                message,
                "give it a tag that a grader's `when:` names, or add a grader without `when:`",
            );
        }
        for &at in &fit {
            if let Some(why) = graders[at].objection(case) {
                let message = format!("grader `{}` cannot judge case `{}`: {why}", graders[at].id, case.id);
                sink.report(placed.span, message, None);
            }
        }
        all.push(fit);
    }
    all
}

/// Reports graders that ask a target which the suite does not have.
pub fn check_targets(sink: &Sink, written: &[Written], targets: &[&str]) {
    for grader in written {
        for target in grader.spec.targets() {
            if !targets.contains(&target.as_str()) {
                let help = match nearest(&target, targets.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the targets are {}; add it to `targets:`", targets.join(", ")),
                };
                let span = find_scalar(&grader.node, &target).unwrap_or(grader.node.span);
                sink.advise(span, format!("`{target}` is no target of this suite"), help);
            }
        }
    }
}
