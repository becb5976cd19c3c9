//! Runs that are killed, interrupted and resumed, held against the simulator's own ledger.

use std::collections::BTreeMap;
use std::fs;

use llmark::domain::Asker;
use llmark::domain::Event;
use llmark::domain::Observation;
use llmark::domain::Outcome;
use llmark::domain::random::Stream;
use llmark::store::Progress;
use llmark::store::Record;

use super::world::World;
use super::world::has_strace;
use super::world::rounds;
use super::world::signal;
use super::world::told;

const CASES: u64 = 40;

/// What a run's log says in all.
struct Account {
    attempts: u64,
    in_doubt: u64,
    ok: u64,
    finals: BTreeMap<u64, u64>,
    status: Option<llmark::domain::RunStatus>,
}

fn account(world: &World) -> Account {
    let mut account = Account { attempts: 0, in_doubt: 0, ok: 0, finals: BTreeMap::new(), status: None };
    for stored in world.recorded().read().unwrap() {
        match stored.unwrap().record {
            Record::Event(Event::Observed(seen)) => account.take(&seen),
            Record::Event(Event::Ended(status)) => account.status = Some(status),
            _ => {}
        }
    }
    account
}

impl Account {
    fn take(&mut self, seen: &Observation) {
        assert!(seen.ended >= seen.sent && seen.sent >= seen.due, "time runs forward: {seen:?}");
        assert!(seen.events.windows(2).all(|pair| pair[0].at <= pair[1].at), "stamps ascend");
        if seen.attempt.asker != Asker::Subject {
            return;
        }
        self.attempts += 1;
        self.in_doubt += u64::from(seen.outcome == Outcome::InDoubt);
        self.ok += u64::from(seen.outcome == Outcome::Ok || seen.outcome == Outcome::Length);
        if seen.attempt.is_last && seen.outcome != Outcome::Cancelled {
            *self.finals.entry(seen.attempt.trial.0).or_default() += 1;
        }
    }
}

/// The log after a kill, without a torn tail.
fn acknowledged(world: &World) -> Vec<u8> {
    let bytes = fs::read(world.recorded().log()).unwrap_or_default();
    let end = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    bytes[..end].to_vec()
}

fn resume(world: &World) {
    let output = world.run(&["resume", "out", "--in-doubt", "retry", "--quiet"]);
    assert!(is_done(output.status.code()), "{}", told(&output));
}

/// The run ended with a result; on a busy machine it says that the client was the limit.
fn is_done(code: Option<i32>) -> bool {
    matches!(code, Some(0 | 3 | 6))
}

/// A finished run holds every trial once, and accounts for everything that the server accepted.
fn check_against_ledger(world: &World) {
    let (account, ledger) = (account(world), world.server().ledger().totals());
    assert_eq!(account.finals.len() as u64, CASES, "every trial ended");
    assert!(account.finals.values().all(|&n| n == 1), "and ended once: {:?}", account.finals);
    assert!(ledger.accepted <= account.attempts, "{} accepted, {} on record", ledger.accepted, account.attempts);
    assert!(account.ok <= ledger.answered, "nothing is on record that was not answered");
    assert!(ledger.answered <= account.ok + account.in_doubt, "nothing answered is missing");
}

fn check_second_resume_changes_nothing(world: &World) {
    let (log, ledger) = (fs::read(world.recorded().log()).unwrap(), world.server().ledger().totals());
    resume(world);
    assert_eq!(fs::read(world.recorded().log()).unwrap(), log);
    assert_eq!(world.server().ledger().totals().accepted, ledger.accepted);
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let mut moments = Stream::new(7, "kills");
    for _ in 0..rounds(6) {
        let world = World::new(CASES as usize);
        let mut child = world.start();
        world.wait_for(1 + moments.below(CASES - 2), &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        let before = acknowledged(&world);
        resume(&world);
        let after = fs::read(world.recorded().log()).unwrap();
        assert!(after.starts_with(&before), "nothing acknowledged was lost");
        check_against_ledger(&world);
        check_second_resume_changes_nothing(&world);
    }
}

#[test]
fn a_run_killed_at_any_write_goes_on() {
    if !has_strace("kills at a write") {
        return;
    }
    let (rounds, mut moments) = (rounds(6), Stream::new(7, "writes"));
    for round in 0..rounds {
        let world = World::new(CASES as usize);
        // The long version goes through all writes of a run; the short one takes the first and some others.
        let n = if rounds > 6 || round < 3 { round + 1 } else { 4 + moments.below(60) };
        let status = world.killed_at_write(n);
        if status.success() && rounds > 6 {
            eprintln!("a run has {round} writes, and was killed at each");
            return;
        }
        if !world.out().join("manifest.json").exists() {
            assert_eq!(world.server().ledger().totals().accepted, 0, "nothing is sent before the run is on disk");
            continue;
        }
        let before = acknowledged(&world);
        resume(&world);
        assert!(status.success() || fs::read(world.recorded().log()).unwrap().starts_with(&before));
        check_against_ledger(&world);
    }
}

#[test]
fn a_run_killed_again_and_again_gets_done() {
    let world = World::new(CASES as usize);
    let mut child = world.start();
    for step in 1..=3 {
        world.wait_for(step * 8, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        let mut again = world.llmark(&["resume", "out", "--in-doubt", "retry", "--quiet"]);
        child = again.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    }
    assert!(is_done(child.wait().unwrap().code()));
    check_against_ledger(&world);
}

#[test]
fn skipped_doubts_are_not_sent_again() {
    let world = World::new(CASES as usize);
    let mut child = world.start();
    world.wait_for(10, &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let doubts = Progress::of(world.recorded().read().unwrap()).unwrap().in_doubt().trials.count();
    let output = world.run(&["resume", "out", "--in-doubt", "skip", "--quiet"]);
    assert!(is_done(output.status.code()), "{}", told(&output));
    let account = account(&world);
    assert_eq!((account.in_doubt, account.attempts), (doubts, CASES));
    assert!(world.server().ledger().totals().accepted <= CASES);
}

#[test]
fn an_interrupt_drains_what_is_in_flight() {
    let world = World::new(CASES as usize);
    let mut child = world.start();
    world.wait_for(6, &mut child);
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    let progress = Progress::of(world.recorded().read().unwrap()).unwrap();
    assert!(progress.in_doubt().trials.is_empty(), "nothing is in doubt after an orderly stop");
    let ledger = world.server().ledger().totals();
    assert_eq!(ledger.accepted, ledger.answered, "everything in flight was waited for");
    assert_eq!(account(&world).ok, ledger.answered);
    resume(&world);
    check_against_ledger(&world);
    assert_eq!(world.server().ledger().totals().accepted, CASES, "nothing was sent twice");
}

#[test]
fn a_second_interrupt_aborts_and_books_an_estimate() {
    let world = World::new(CASES as usize);
    let mut child = world.start();
    world.wait_for(6, &mut child);
    signal(&child, "INT");
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    let on_record = account(&world);
    assert!(world.server().ledger().totals().accepted <= on_record.attempts);
    resume(&world);
    assert_eq!(account(&world).finals.len() as u64, CASES);
}

#[test]
fn termination_and_hang_up_leave_a_run_that_can_go_on() {
    for name in ["TERM", "HUP"] {
        let world = World::new(CASES as usize);
        let mut child = world.start();
        world.wait_for(6, &mut child);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{name}: {}", told(&output));
        resume(&world);
        check_against_ledger(&world);
    }
}

#[test]
fn a_second_process_is_refused_by_name() {
    let world = World::new(CASES as usize);
    let mut child = world.start();
    world.wait_for(4, &mut child);
    let output = world.run(&["resume", "out", "--in-doubt", "retry"]);
    assert_eq!(output.status.code(), Some(5), "{}", told(&output));
    assert!(told(&output).contains(&format!("process {}", child.id())), "{}", told(&output));
    let output = world.run(&["run", "suite.yaml", "--out", "out"]);
    assert_ne!(output.status.code(), Some(0));
    assert!(told(&output).contains("already holds a run"), "{}", told(&output));
    assert!(is_done(child.wait().unwrap().code()), "the first is not disturbed");
    check_against_ledger(&world);
}

#[test]
fn a_changed_suite_does_not_mix_with_an_old_run() {
    let world = World::new(CASES as usize);
    let mut child = world.start();
    world.wait_for(6, &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let copy = world.recorded().suite();
    let text = fs::read_to_string(&copy).unwrap().replace("Repeat this word", "Say");
    fs::write(copy, text).unwrap();
    let accepted = world.server().ledger().totals().accepted;
    let output = world.run(&["resume", "out", "--in-doubt", "retry"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert_eq!(world.server().ledger().totals().accepted, accepted);
}
