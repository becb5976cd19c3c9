//! Reports of hostile text: every renderer gives a file that its readers can read and that holds no markup of the model's.

#![no_main]

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use llmark::analyze::Fold;
use llmark::analyze::Run;
use llmark::analyze::summarize;
use llmark::cli::convert;
use llmark::domain::Event;
use llmark::domain::Observation;
use llmark::domain::Verdict;
use llmark::report;
use llmark::store::Record;
use llmark::store::RunFolder;

/// A stored run and its answers; the texts are replaced.
fn stored() -> &'static (Run, Vec<Observation>) {
    static STORED: OnceLock<(Run, Vec<Observation>)> = OnceLock::new();
    STORED.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/runs/v1");
        let folder = RunFolder::open(&path).expect("the stored run is committed");
        let seen = folder.read().expect("its log is readable").filter_map(|line| match line.ok()?.record {
            Record::Event(Event::Observed(seen)) => Some(*seen),
            _ => None,
        });
        (convert::run(folder.manifest()).expect("its manifest is readable"), seen.collect())
    })
}

fn rename(run: &mut Run, text: &str) {
    run.meta.description = text.into();
    run.meta.host = text.into();
    for target in &mut run.targets {
        target.model = text.into();
    }
    for case in &mut run.cases {
        case.expect = Some(text.into());
    }
}

fn say(seen: &mut Observation, text: &str) {
    seen.reply.text = text.into();
    seen.reply.reasoning = text.into();
    seen.reply.model = Some(text.into());
    seen.message = text.into();
    seen.detail = text.into();
    seen.request_id = Some(text.into());
}

fuzz_target!(|text: &str| {
    let (run, observations) = stored();
    let (mut run, mut observations) = (run.clone(), observations.clone());
    rename(&mut run, text);
    observations.iter_mut().for_each(|seen| say(seen, text));
    let mut fold = Fold::new(&run);
    for seen in &observations {
        fold.push(&Event::Observed(Box::new(seen.clone())));
        if let Some(grader) = run.graders.first() {
            let verdict = Verdict::decide(false, text);
            let graded = Event::Graded { trial: seen.attempt.trial, grader: grader.id.clone(), version: "1".into(), verdict };
            fold.push(&graded);
        }
    }
    let trials = fold.finish();
    let summary = summarize(&run, &trials);
    let rows = report::Rows::new(&run, &trials, &summary);
    let mut table = report::csv::Table::new(Vec::new()).expect("memory");
    let mut junit = report::junit::Report::default();
    let mut details = report::html::Details::new(summary.cells.len());
    let mut count = 0;
    for row in observations.iter().filter_map(|seen| rows.row(seen)) {
        table.push(&row).expect("memory");
        junit.push(&row);
        details.push(row);
        count += 1;
    }
    check_csv(&table.finish().expect("memory"), count);
    check_xml(&junit.render(&run.meta.suite).bytes);
    check_html(&report::html::render(&summary, &details).bytes);
    check_terminal(&report::table::render(&summary, report::table::Screen { width: 100, color: false }));
    serde_json::from_slice::<serde_json::Value>(&report::json::render(&summary).bytes).expect("JSON");
    report::md::render(&summary);
});

fn check_csv(bytes: &[u8], rows: usize) {
    let mut reader = csv::Reader::from_reader(bytes);
    let fields = reader.headers().expect("a header").len();
    let records: Vec<_> = reader.records().map(|record| record.expect("a row")).collect();
    assert_eq!(records.len(), rows);
    for record in records {
        assert_eq!(record.len(), fields);
        assert!(!record.iter().any(|field| field.starts_with(['=', '@', '\t', '\r', '\0'])), "{record:?}");
    }
}

fn check_xml(bytes: &[u8]) {
    roxmltree::Document::parse(std::str::from_utf8(bytes).expect("UTF-8")).expect("XML 1.0");
}

/// The page has the scripts that it has without an answer, no more; all are named by hash in its policy.
fn check_html(bytes: &[u8]) {
    static SCRIPTS: OnceLock<usize> = OnceLock::new();
    let page = std::str::from_utf8(bytes).expect("UTF-8").to_ascii_lowercase();
    let scripts = page.matches("<script").count();
    assert_eq!(scripts, *SCRIPTS.get_or_init(|| scripts));
    for markup in ["<img", "<iframe", "<base", "<object", "<embed", "<link"] {
        assert!(!page.contains(markup), "{markup}");
    }
}

fn check_terminal(text: &str) {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}
