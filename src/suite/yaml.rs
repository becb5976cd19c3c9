//! YAML to a tree with places. The only file that knows the YAML crate.
//!
//! Reads events rather than values: scalars keep their notation, every node its place, and aliases are copied under
//! a budget, so that neither depth nor repetition can exhaust memory.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_saphyr::granit_parser::Event;
use serde_saphyr::granit_parser::Options;
use serde_saphyr::granit_parser::Parser;
use serde_saphyr::granit_parser::ScalarStyle;
use serde_saphyr::granit_parser::ScanError;
use serde_saphyr::granit_parser::Span as Place;

use super::node::Entry;
use super::node::Kind;
use super::node::Node;
use super::node::is_not_finite;
use super::problem::Sink;
use super::problem::Span;

/// Nodes of one document at most, copies by alias included.
const MAX_NODES: usize = 1_000_000;
/// Nesting at most.
const MAX_DEPTH: usize = 100;

/// Parses the document `text`, registered in `sink` as number `source`. Problems go to the sink; `None` means that
/// there is no tree at all.
pub fn parse(sink: &Sink, source: u32, text: &str) -> Option<Node> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { sink, source, text, stack: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None };
    let mut documents = 0;
    while let Some(step) = parser.next_event() {
        let (event, place) = match step {
            Ok(step) => step,
            Err(error) => {
                builder.syntax(&error);
                return None;
            }
        };
        documents += usize::from(matches!(event, Event::DocumentStart(..)));
        if documents > 1 {
            sink.advise(
                builder.span(&place),
                "a second document begins here",
                "a file holds one document: remove `---`",
            );
            return None;
        }
        builder.take(event, &place)?;
    }
    let root = builder.root.take();
    if root.is_none() {
        sink.advise(Span { source, start: 0, end: 0 }, "the file is empty", "begin with `name:`; see `llmark init`");
    }
    root
}

/// A collection that is still open.
struct Open {
    span: Span,
    anchor: usize,
    kind: Collection,
}

enum Collection {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: BTreeSet<String>, key: Option<(String, Span)>, unique: bool },
}

struct Builder<'a> {
    sink: &'a Sink,
    source: u32,
    text: &'a str,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, place: &Place) -> Option<()> {
        let span = self.span(place);
        match event {
            Event::Scalar(text, style, anchor, _) => self.scalar(text.into_owned(), style, anchor, span),
            Event::SequenceStart(_, anchor, _) => self.open(span, anchor, Collection::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                let (entries, seen) = (Vec::new(), BTreeSet::new());
                self.open(span, anchor, Collection::Map { entries, seen, key: None, unique: true })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(id) => self.alias(id, span),
            _ => Some(()),
        }
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, anchor: usize, span: Span) -> Option<()> {
        let kind = match style {
            ScalarStyle::Plain if text.is_empty() => Kind::Null,
            ScalarStyle::Plain => Kind::Plain(text),
            _ => Kind::Text(text),
        };
        if let Kind::Plain(text) = &kind
            && is_not_finite(text)
        {
            let help = "write a finite number, or quotes around text";
            self.sink.advise(span, format!("`{text}` is no finite number"), help);
        }
        self.finish(Node { span, kind }, anchor, 1)
    }

    fn open(&mut self, span: Span, anchor: usize, kind: Collection) -> Option<()> {
        if self.stack.len() >= MAX_DEPTH {
            self.sink.advise(span, format!("nested deeper than {MAX_DEPTH} levels"), "flatten the document");
            return None;
        }
        self.stack.push(Open { span, anchor, kind });
        Some(())
    }

    fn close(&mut self, end: Span) -> Option<()> {
        let open = self.stack.pop()?;
        let span = Span { end: end.end.max(open.span.end), ..open.span };
        let span = self.without_trailing_blank(span);
        let kind = match open.kind {
            Collection::List(items) => Kind::List(items),
            Collection::Map { entries, .. } => Kind::Map(entries),
        };
        self.finish(Node { span, kind }, open.anchor, 1)
    }

    /// Block collections end where the next token begins; the blank between belongs to nobody.
    fn without_trailing_blank(&self, span: Span) -> Span {
        let text = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        Span { end: span.start + text.trim_end().len() as u32, ..span }
    }

    fn alias(&mut self, id: usize, span: Span) -> Option<()> {
        let Some((node, size)) = self.anchors.get(&id).cloned() else {
            self.sink.advise(span, "an alias inside its own anchor", "write the value out");
            return None;
        };
        self.finish(Node { span, ..node }, 0, size)
    }

    fn finish(&mut self, node: Node, anchor: usize, size: usize) -> Option<()> {
        self.nodes += size;
        if self.nodes > MAX_NODES {
            let help = "aliases multiply: write fewer of them, or move cases into files";
            self.sink.advise(node.span, format!("the document has more than {MAX_NODES} values"), help);
            return None;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), count(&node)));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open { kind: Collection::List(items), .. }) => items.push(node),
            Some(Open { kind: Collection::Map { entries, seen, key, unique }, .. }) => match key.take() {
                Some((key, key_span)) if *unique => entries.push(Entry { key, key_span, value: node }),
                Some(_) => {}
                None => *key = Some(new_key(self.sink, &node, seen, unique)),
            },
        }
        Some(())
    }

    fn span(&self, place: &Place) -> Span {
        let byte = |at: Option<usize>| at.unwrap_or_default() as u32;
        let start = byte(place.start.byte_offset());
        Span { source: self.source, start, end: byte(place.end.byte_offset()).max(start) }
    }

    fn syntax(&self, error: &ScanError) {
        let at = error.marker().byte_offset().unwrap_or_default() as u32;
        let help = if self.text.contains('\t') {
            "check indentation and quotes near here; YAML does not indent with tabs"
        } else {
            "check indentation, quotes and brackets near here; text with `: ` or `{{` needs quotes"
        };
        self.sink.advise(
            Span { source: self.source, start: at, end: at },
            format!("not valid YAML: {}", error.info()),
            help,
        );
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::List(items) => items.iter().map(count).sum(),
        Kind::Map(entries) => entries.iter().map(|entry| count(&entry.value)).sum(),
        _ => 0,
    }
}

/// A node as the key of a mapping. A repeated key is reported, and its value dropped.
fn new_key(sink: &Sink, node: &Node, seen: &mut BTreeSet<String>, unique: &mut bool) -> (String, Span) {
    let Some(key) = node.scalar().map(str::to_owned) else {
        sink.advise(node.span, format!("{} is no key", node.noun()), "a key is a word; a template needs quotes");
        *unique = false;
        return (String::new(), node.span);
    };
    *unique = seen.insert(key.clone());
    if !*unique {
        sink.advise(node.span, format!("the key `{key}` is given twice"), "remove one of the two");
    }
    (key, node.span)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::proptest;

    use super::*;

    fn problems(text: &str) -> String {
        let sink = Sink::default();
        let source = sink.add_source("s.yaml", text);
        let root = parse(&sink, source, text);
        sink.finish(root).map_or_else(|problems| problems.to_string(), |_| String::new())
    }

    #[test]
    fn every_value_has_its_place() {
        let text = "name: übung\nlist:\n  - {a: 'x y', b: [1, 2]}\n  - |\n    block\nlast: é\n";
        let sink = Sink::default();
        let source = sink.add_source("s.yaml", text);
        let root = parse(&sink, source, text).unwrap();
        let slice = |node: &Node| sink.slice(node.span);
        assert_eq!(slice(root.member("name").unwrap()), "übung");
        assert_eq!(slice(root.member("last").unwrap()), "é");
        let list = root.member("list").unwrap();
        let Kind::List(items) = &list.kind else { panic!("{list:?}") };
        assert_eq!(slice(&items[0]), "{a: 'x y', b: [1, 2]}");
        assert_eq!(slice(items[0].member("a").unwrap()), "'x y'");
        assert_eq!(slice(items[0].member("b").unwrap()), "[1, 2]");
        assert!(slice(list).ends_with("block"), "{:?}", slice(list));
    }

    #[test]
    fn bombs_and_towers_are_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb = format!("{bomb}a{level}: &a{level} [{aliases}]\n");
        }
        assert!(problems(&bomb).contains("more than 1000000 values"), "{}", problems(&bomb));
        for tower in ["[", "{a: ", "- ", "? "] {
            let problems = problems(&tower.repeat(100_000));
            assert!(problems.contains("nested deeper") || problems.contains("recursion limit"), "{problems}");
        }
    }

    #[test]
    fn duplicates_and_second_documents_are_refused() {
        assert!(problems("a: 1\nb: 2\na: 3\n").contains("s.yaml:3:1: the key `a` is given twice"));
        assert!(problems("a: 1\n---\nb: 2\n").contains("second document"));
        assert!(problems("").contains("empty"));
        assert!(problems("a: .nan").contains("no finite number"));
        assert!(problems("x: &a [*a]").contains("alias") || problems("x: &a [*a]").contains("anchor"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            problems(&text);
        }

        #[test]
        fn nor_does_any_punctuation(text in "[-:{}\\[\\]&*!|>'\"%@`#,? \n\taé1]{0,60}") {
            problems(&text);
        }
    }
}
