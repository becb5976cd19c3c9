//! A log written, damaged, resumed and read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::channel;

use super::*;
use crate::domain::Asker;
use crate::domain::Attempt;
use crate::domain::CellId;
use crate::domain::ConnTimes;
use crate::domain::Cost;
use crate::domain::JsonText;
use crate::domain::Observation;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::Reply;
use crate::domain::RunStatus;
use crate::domain::TrialId;
use crate::domain::Usd;
use crate::store::Manifest;
use crate::store::Progress;
use crate::store::Record;
use crate::store::Stored;
use crate::text::Secret;

/// Each reading is a microsecond after the one before.
#[derive(Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> Offset {
        Offset(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

const START: Anchor = Anchor { offset_ns: 0, unix_ns: 1_700_000_000_000_000_000 };

fn folder(path: &std::path::Path) -> RunFolder {
    RunFolder::create(&path.join("run"), Manifest::default(), &[], &Redactor::default()).unwrap()
}

fn start(folder: &RunFolder) -> Result<Writer, StoreError> {
    Writer::start(folder, Arc::new(Ticks::default()), Redactor::default(), START)
}

fn intent(trials: std::ops::Range<u64>) -> Event {
    Event::Intent { trials, worst_cost: Some(Usd(1_000)) }
}

fn observed(trial: u64, outcome: Outcome, text: &str) -> Event {
    Event::Observed(Box::new(Observation {
        attempt: Attempt {
            trial: TrialId(trial),
            number: 1,
            turn: 1,
            is_last: true,
            cell: CellId(0),
            case: 0,
            repeat: 0,
            phase: Phase::Measure,
            asker: Asker::Subject,
        },
        sent_mode: JsonText::new(&serde_json::json!({})),
        due: Offset(5),
        sent: Offset(6),
        written: None,
        conn: ConnTimes::default(),
        status: Some(200),
        headers: None,
        events: Vec::new(),
        ended: Offset(9),
        reply: Reply { text: text.into(), ..Reply::default() },
        outcome,
        detail: String::new(),
        message: String::new(),
        retry_after: None,
        should_retry: None,
        request_id: None,
        cost: Cost { usd: Some(Usd(7)), basis: crate::domain::Basis::Computed },
        recall: None,
    }))
}

fn not_last(mut event: Event) -> Event {
    if let Event::Observed(seen) = &mut event {
        seen.attempt.is_last = false;
    }
    event
}

fn records(folder: &RunFolder) -> Vec<Stored> {
    folder.read().unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_was_appended_is_read_in_order() {
    let base = tempfile::tempdir().unwrap();
    let run = folder(base.path());
    let writer = start(&run).unwrap();
    let (told, answer) = channel();
    writer.append_durable(intent(0..2), move |result| told.send(result.is_ok()).unwrap()).unwrap();
    assert!(answer.recv().unwrap());
    assert!(writer.durable() >= 2);
    writer.append(observed(0, Outcome::Ok, "a")).unwrap();
    writer.sync().unwrap();
    assert_eq!(writer.durable(), 3);
    writer.close(START).unwrap();
    let lines = records(&run);
    assert!(matches!(lines[0].record, Record::Opened { session: 1, version: (1, _), .. }));
    assert_eq!(lines[1].record, Record::Event(intent(0..2)));
    assert_eq!(lines[2].record, Record::Event(observed(0, Outcome::Ok, "a")));
    assert_eq!(lines[3].record, Record::Closed(START));
    assert_eq!(lines.iter().map(|line| line.n).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn a_writer_that_is_dropped_loses_nothing() {
    let base = tempfile::tempdir().unwrap();
    let run = folder(base.path());
    let writer = start(&run).unwrap();
    for trial in 0..10_000 {
        writer.append(observed(trial, Outcome::Ok, "x")).unwrap();
    }
    drop(writer);
    assert_eq!(records(&run).len(), 10_001);
}

#[test]
fn files_are_private_and_a_second_run_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let files = [("a.yaml".to_owned(), b"name: a".to_vec()), ("cases/b.jsonl".to_owned(), b"{}".to_vec())];
    let path = base.path().join("new/run");
    let run = RunFolder::create(&path, Manifest::default(), &files, &Redactor::default()).unwrap();
    start(&run).unwrap().close(START).unwrap();
    run.write("charts/ttft.svg", b"<svg/>").unwrap();
    for file in ["manifest.json", "events.jsonl", "suite/a.yaml", "suite/cases/b.jsonl", "charts/ttft.svg", "lock"] {
        let mode = fs::metadata(path.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    for folder in ["", "suite", "suite/cases", "charts"] {
        assert_eq!(fs::metadata(path.join(folder)).unwrap().permissions().mode() & 0o777, 0o700, "{folder}");
    }
    let again = RunFolder::create(&path, Manifest::default(), &[], &Redactor::default()).unwrap_err();
    assert!(matches!(again, StoreError::Exists { .. }), "{again}");
    assert!(matches!(RunFolder::open_to_write(&path).unwrap_err(), StoreError::Locked { .. }));
    assert!(start(&RunFolder::open(&path).unwrap()).is_err(), "a folder opened to read is not written");
    for name in ["../x", "/etc/x", "", "a/../../x", "a\0b"] {
        assert!(matches!(run.write(name, b"").unwrap_err(), StoreError::BadName { .. }), "{name:?}");
    }
}

#[test]
fn a_log_cut_anywhere_keeps_every_whole_line_and_goes_on() {
    let base = tempfile::tempdir().unwrap();
    let run = folder(base.path());
    let writer = start(&run).unwrap();
    writer.append(intent(0..2)).unwrap();
    writer.append(observed(0, Outcome::Ok, "é\n\"")).unwrap();
    drop(writer);
    let whole = fs::read(run.log()).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').map(|at| at + 1).collect();
    for cut in 1..whole.len() {
        fs::write(run.log(), &whole[..cut]).unwrap();
        let kept = ends.iter().filter(|&&end| end <= cut).count();
        let mut reader = run.read().unwrap();
        assert_eq!(reader.by_ref().map(Result::unwrap).count(), kept, "cut at {cut}");
        assert_eq!(reader.torn(), u64::from(!ends.contains(&cut)), "cut at {cut}");
        start(&run).unwrap().close(START).unwrap();
        let lines = records(&run);
        assert_eq!(lines.len(), kept + 2);
        assert!(matches!(lines[kept].record, Record::Opened { .. }));
    }
}

#[test]
fn a_log_damaged_anywhere_but_at_its_end_is_an_error_that_names_the_line() {
    let base = tempfile::tempdir().unwrap();
    let run = folder(base.path());
    let writer = start(&run).unwrap();
    for trial in 0..4 {
        writer.append(observed(trial, Outcome::Ok, "text")).unwrap();
    }
    drop(writer);
    let whole = fs::read(run.log()).unwrap();
    let first = whole.iter().position(|&b| b == b'\n').unwrap() + 1;
    let last = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    for at in (first..last).step_by(7) {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        fs::write(run.log(), &bad).unwrap();
        let error = run.read().unwrap().find_map(Result::err).expect("damage is noticed");
        assert!(matches!(error, StoreError::Corrupt { line, .. } if line >= 2), "{error}");
        assert!(start(&run).is_err(), "a damaged log is not appended to");
    }
    fs::write(run.log(), [&whole[..first], &whole[last..]].concat()).unwrap();
    let error = run.read().unwrap().find_map(Result::err).unwrap();
    assert!(error.to_string().contains("line 2: number 4 where 1 should follow"), "{error}");
}

#[test]
fn a_disk_that_refuses_poisons_the_log() {
    let base = tempfile::tempdir().unwrap();
    let run = folder(base.path());
    fs::remove_file(run.log()).unwrap();
    std::os::unix::fs::symlink("/dev/full", run.log()).unwrap();
    let refused = start(&run).err().expect("the opening line cannot be written");
    assert!(refused.to_string().contains("events.jsonl"), "{refused}");
    assert!(refused.to_string().contains("No space left"), "{refused}");
}

#[test]
fn a_poisoned_log_tells_everybody_who_waits() {
    let base = tempfile::tempdir().unwrap();
    let run = folder(base.path());
    let mut log = Log::open(&run, Arc::new(Ticks::default()), Redactor::default()).unwrap();
    log.begin(START).unwrap();
    log.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (shared, (jobs, inbox)) = (Arc::clone(&log.shared), sync_channel(QUEUE));
    let thread = Some(thread::spawn(move || log.run(&inbox)));
    let writer = Writer { jobs: Some(jobs), shared, thread };
    let (told, answer) = channel();
    writer.append_noting(intent(0..1), Box::new(move |result| told.send(result).unwrap())).unwrap();
    let error = answer.recv().unwrap().unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(writer.durable(), 1, "the opening line alone is durable");
    assert!(writer.append(intent(1..2)).is_err() && writer.sync().is_err());
    assert!(writer.close(START).unwrap_err().to_string().contains("No space left"));
}

#[test]
fn secrets_never_reach_the_log() {
    let key = "sk-live-0123456789abcdefghij";
    let base = tempfile::tempdir().unwrap();
    let run = folder(base.path());
    let redactor = Redactor::new([&Secret::new(key)]);
    let writer = Writer::start(&run, Arc::new(Ticks::default()), redactor, START).unwrap();
    writer.append(observed(0, Outcome::HttpError, &format!("bad key \"{key}\" é"))).unwrap();
    writer.close(START).unwrap();
    let text = fs::read_to_string(run.log()).unwrap();
    assert!(!text.contains("0123456789ab"), "{text}");
    let lines = records(&run);
    assert_eq!(lines[1].record, Record::Event(observed(0, Outcome::HttpError, "bad key \"(redacted)\" é")));
}

#[test]
fn a_crash_leaves_intents_in_doubt_and_an_orderly_end_does_not() {
    let base = tempfile::tempdir().unwrap();
    let run = folder(base.path());
    let writer = start(&run).unwrap();
    writer.append(intent(0..4)).unwrap();
    writer.append(observed(1, Outcome::Ok, "")).unwrap();
    writer.append(observed(2, Outcome::Cancelled, "")).unwrap();
    drop(writer);
    let progress = Progress::of(run.read().unwrap()).unwrap();
    assert_eq!(progress.in_doubt().trials.numbers().collect::<Vec<_>>(), [0, 3]);
    assert_eq!(progress.in_doubt().worst_cost, Some(Usd(500)));
    assert_eq!(progress.finished().numbers().collect::<Vec<_>>(), [1]);
    assert_eq!((progress.spent(), progress.status(), progress.sessions()), (Usd(14), None, 1));
    let later = Anchor { offset_ns: 0, unix_ns: START.unix_ns + 5_000_000_000 };
    assert_eq!(progress.resume_at(later.unix_ns), Offset(5_000_000_000));

    let writer = start(&run).unwrap();
    writer.append(not_last(observed(3, Outcome::InDoubt, ""))).unwrap();
    writer.append(intent(3..4)).unwrap();
    drop(writer);
    let progress = Progress::of(run.read().unwrap()).unwrap();
    assert_eq!(progress.in_doubt().worst_cost, Some(Usd(1_250)), "trial 0 of the old intent, trial 3 of the new one");
    assert_eq!(progress.attempts().get(&3), Some(&1));

    let writer = start(&run).unwrap();
    writer.append(Event::Ended(RunStatus::Complete)).unwrap();
    writer.close(START).unwrap();
    let progress = Progress::of(run.read().unwrap()).unwrap();
    assert!(progress.in_doubt().trials.is_empty());
    assert_eq!((progress.status(), progress.sessions()), (Some(RunStatus::Complete), 3));
}

#[test]
fn a_newer_format_is_refused_politely() {
    let base = tempfile::tempdir().unwrap();
    let run = folder(base.path());
    start(&run).unwrap().close(START).unwrap();
    let text = fs::read_to_string(run.log()).unwrap();
    let first = text.lines().next().unwrap().replace("\"format\":[1,", "\"format\":[2,");
    let mut line = first.as_bytes()[..first.len() - 18].to_vec();
    format::finish(&mut line);
    fs::write(run.log(), line).unwrap();
    let error = run.read().unwrap().find_map(Result::err).unwrap();
    assert!(
        error.to_string().contains(&format!("format 2.{}", format::MINOR))
            && error.to_string().contains("newer llmark"),
        "{error}"
    );

    let manifest = run.path().join("manifest.json");
    fs::write(&manifest, r#"{"schema": 2, "strange": []}"#).unwrap();
    assert!(matches!(RunFolder::open(run.path()).unwrap_err(), StoreError::Newer { .. }));
    fs::remove_file(&manifest).unwrap();
    assert!(matches!(RunFolder::open(run.path()).unwrap_err(), StoreError::NotARun { .. }));
}
