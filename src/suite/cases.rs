//! Cases, inline or from files in four formats, checked and made unique.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::de;
use super::de::At;
use super::de::Verbatim;
use super::file::CaseFile;
use super::json;
use super::node::Entry;
use super::node::Kind;
use super::node::Node;
use super::problem::Sink;
use super::problem::Span;
use super::read::FILE_CAP;
use super::read::Files;
use super::yaml;
use crate::domain::Case;
use crate::domain::Expect;
use crate::domain::JsonText;
use crate::domain::Tag;
use crate::domain::Vars;
use crate::text::nearest;

/// Cases of a suite at most.
pub const MAX_CASES: usize = 1_000_000;

/// A case with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// Where it is written.
    pub span: Span,
    /// The case.
    pub case: Arc<Case>,
}

/// Reads all cases. A suite without any has one without variables.
pub fn load(sink: &Sink, files: &dyn Files, entries: &[At<CaseFile>]) -> Vec<Placed> {
    let mut cases = Vec::new();
    for entry in entries {
        let Some(case) = entry.get() else { continue };
        if let Some(path) = &case.file {
            from_file(sink, files, case, path, &mut cases);
        } else {
            let fallback = format!("case-{}", cases.len() + 1);
            add(sink, entry.span, case, &fallback, &[], &mut cases);
        }
        if cases.len() > MAX_CASES {
            sink.advise(entry.span, format!("more than {MAX_CASES} cases"), "use `limit:`, or several suites");
            break;
        }
    }
    if entries.is_empty() {
        cases.push(Placed { span: Span::default(), case: Arc::new(lone_case()) });
    }
    refuse_duplicates(sink, &cases);
    cases
}

fn lone_case() -> Case {
    let (vars, tags) = (Vars::default(), Vec::new());
    Case { id: "only".into(), vars, expect: None, tags, cluster: None, canary: false }
}

fn refuse_duplicates(sink: &Sink, cases: &[Placed]) {
    let mut seen = BTreeMap::new();
    for placed in cases {
        if let Some(first) = seen.insert(&placed.case.id, placed) {
            let help = format!("ids are unique within a suite; the other one reads `{}`", line(sink, first.span));
            sink.advise(placed.span, format!("the case id `{}` is used twice", placed.case.id), help);
        }
    }
}

fn line(sink: &Sink, span: Span) -> String {
    crate::text::plain::one_line(&sink.slice(span), 60)
}

fn from_file(sink: &Sink, files: &dyn Files, entry: &CaseFile, path: &At<String>, cases: &mut Vec<Placed>) {
    if entry.id.is_some() || entry.vars.is_some() || entry.expect.value().is_some() || entry.cluster.is_some() {
        let help = "an entry with `file:` takes `tags:` and `limit:` besides; the cases are in the file";
        sink.advise(path.span, "an entry is either a file of cases or a case", help);
    }
    let Some(name) = path.get() else { return };
    let Some(text) = text(sink, files, path.span, name) else { return };
    let source = sink.add_source(name.as_str(), text.as_str());
    let limit = entry.limit.as_ref().and_then(At::copied).map_or(MAX_CASES + 1, |n| n as usize);
    let tags = tags(entry);
    let stem = name.rsplit('/').next().unwrap_or(name).split('.').next().unwrap_or(name);
    let mut seen = 0;
    each_node(sink, source, path.span, name, &text, |node| {
        if seen == limit {
            return false;
        }
        seen += 1;
        let read: At<CaseFile> = de::read(sink, node);
        match read.get() {
            Some(CaseFile { file: Some(file), .. }) => {
                sink.advise(file.span, "a file of cases names another", "list all files in the suite");
            }
            Some(case) => add(sink, node.span, case, &format!("{stem}-{seen}"), &tags, cases),
            None => {}
        }
        true
    });
}

/// The text of a file that the suite names.
pub fn text(sink: &Sink, files: &dyn Files, span: Span, path: &str) -> Option<String> {
    let bytes = match files.bytes(path, FILE_CAP) {
        Ok(bytes) => bytes,
        Err(why) => {
            let help = "name a file below the suite's folder, relative to it";
            sink.advise(span, format!("the file cannot be read: {why}"), help);
            return None;
        }
    };
    let text = std::str::from_utf8(&bytes).map(|text| text.trim_start_matches('\u{feff}').to_owned());
    let report = |error: &std::str::Utf8Error| {
        let message = format!("`{path}` is not UTF-8 from byte {} on", error.valid_up_to());
        sink.advise(span, message, "save the file as UTF-8");
    };
    text.inspect_err(report).ok()
}

const FORMATS: [&str; 5] = ["jsonl", "json", "csv", "yaml", "yml"];

/// Calls `take` with the cases of a file until it says no. JSON Lines are read line by line, so that the memory of a
/// large file is that of its cases.
fn each_node(sink: &Sink, source: u32, span: Span, name: &str, text: &str, take: impl FnMut(&Node) -> bool) {
    let format = name.rsplit('.').next().unwrap_or_default();
    let nodes = match format {
        "jsonl" => return each_line(sink, source, text, take),
        "json" => json::parse(sink, source, text, 0).and_then(|node| list(sink, node)),
        "yaml" | "yml" => yaml::parse(sink, source, text).and_then(|node| list(sink, node)),
        "csv" => csv_rows(sink, source, text),
        _ => {
            let help = match nearest(format, FORMATS) {
                Some(near) => format!("did you mean `.{near}`?"),
                None => "cases are read from .jsonl, .json, .csv and .yaml".into(),
            };
            sink.advise(span, format!("`{name}` has no known format"), help);
            None
        }
    };
    nodes.iter().flatten().all(take);
}

fn list(sink: &Sink, node: Node) -> Option<Vec<Node>> {
    if let Kind::List(items) = node.kind {
        return Some(items);
    }
    sink.advise(node.span.head(), "a file of cases holds a list", "write `- id: ..` or `[{\"id\": ..}]`");
    None
}

fn each_line(sink: &Sink, source: u32, text: &str, mut take: impl FnMut(&Node) -> bool) {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let node = (!line.trim().is_empty()).then(|| json::parse(sink, source, line, offset)).flatten();
        if node.is_some_and(|node| !take(&node)) {
            return;
        }
        offset += line.len();
    }
}

/// Columns `id`, `expect`, `tags` (separated by `;` or `,`), `cluster` and `canary`; all others are variables.
fn csv_rows(sink: &Sink, source: u32, text: &str) -> Option<Vec<Node>> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let whole = Span { source, start: 0, end: text.find('\n').unwrap_or(text.len()) as u32 };
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => {
            sink.report(whole, format!("not valid CSV: {error}"), None);
            return None;
        }
    };
    let mut nodes = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => nodes.push(row(&headers, &record, row_span(&record, source, text))),
            Err(error) => {
                let at = error.position().map_or(0, csv::Position::byte) as u32;
                let span = Span { source, start: at, end: at };
                sink.advise(span, "not valid CSV", format!("{error}; every row has as many fields as the first"));
            }
        }
    }
    Some(nodes)
}

fn row_span(record: &csv::StringRecord, source: u32, text: &str) -> Span {
    let start = record.position().map_or(0, csv::Position::byte) as usize;
    let rest = text.get(start..).unwrap_or_default();
    let skip = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
    let end = start + skip + rest[skip..].find(['\r', '\n']).unwrap_or(rest.len() - skip);
    Span { source, start: (start + skip) as u32, end: end as u32 }
}

fn row(headers: &csv::StringRecord, record: &csv::StringRecord, span: Span) -> Node {
    let node = |kind| Node { span, kind };
    let entry = |key: &str, kind| Entry { key: key.to_owned(), key_span: span, value: node(kind) };
    let mut own = Vec::new();
    let mut vars = Vec::new();
    for (header, field) in headers.iter().zip(record) {
        match header.trim() {
            "tags" => {
                let tags = field.split([';', ',']).map(str::trim).filter(|tag| !tag.is_empty());
                own.push(entry("tags", Kind::List(tags.map(|tag| node(Kind::Text(tag.to_owned()))).collect())));
            }
            "canary" if !field.is_empty() => own.push(entry("canary", Kind::Plain(field.to_owned()))),
            "id" | "expect" | "cluster" | "canary" if field.is_empty() => {}
            key @ ("id" | "expect" | "cluster") => own.push(entry(key, Kind::Text(field.to_owned()))),
            key => {
                let name = key.strip_prefix("vars.").unwrap_or(key);
                vars.push(entry(name, Kind::Text(field.to_owned())));
            }
        }
    }
    own.push(entry("vars", Kind::Map(vars)));
    node(Kind::Map(own))
}

fn tags(case: &CaseFile) -> Vec<Tag> {
    let many = case.tags.as_ref().and_then(At::get);
    let found = many.into_iter().flat_map(|many| &many.0).filter_map(At::get);
    found.map(|tag| tag.as_str().into()).collect()
}

fn add(sink: &Sink, span: Span, case: &CaseFile, fallback: &str, more_tags: &[Tag], cases: &mut Vec<Placed>) {
    let text = |field: &Option<At<String>>| field.as_ref().and_then(At::get).cloned();
    let id = text(&case.id).unwrap_or_else(|| fallback.to_owned());
    if id.trim().is_empty() || id.chars().any(char::is_control) {
        let place = case.id.as_ref().map_or(span, |id| id.span);
        sink.advise(place, "the case id is empty or holds control characters", "write a short name");
    }
    if let Some(limit) = &case.limit {
        sink.advise(limit.span, "`limit` belongs to a file of cases", "remove it, or write `file:` beside it");
    }
    let vars = case.vars.as_ref().and_then(At::get).into_iter().flat_map(|pairs| &pairs.0);
    let case = Case {
        id: id.into(),
        vars: vars.map(|(name, Verbatim(value))| (name.clone(), JsonText::new(value))).collect(),
        expect: case.expect.value().map(Expect::new),
        tags: tags(case).into_iter().chain(more_tags.iter().cloned()).collect(),
        cluster: text(&case.cluster).map(Into::into),
        canary: case.canary.as_ref().and_then(At::copied).unwrap_or(false),
    };
    cases.push(Placed { span, case: Arc::new(case) });
}
