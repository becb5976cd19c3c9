//! Disks that fail, files that are damaged, limits of the system.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::process::Stdio;

use super::world::World;
use super::world::has;
use super::world::has_strace;
use super::world::told;

const CASES: usize = 12;

/// Commands that read a run must answer damage with this code and never with a panic.
fn check_readers(world: &World, codes: &[i32], what: &str) {
    for arguments in [
        &["report", "out", "--format", "json"][..],
        &["show", "out"],
        &["compare", "out", "out"],
        &["resume", "out", "--in-doubt", "skip"],
    ] {
        let output = world.run(arguments);
        let text = told(&output);
        assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{arguments:?}, {what}: {text}");
        assert!(!text.contains("panicked"), "{arguments:?}, {what}: {text}");
    }
}

fn finished() -> World {
    let world = World::new(CASES);
    let output = world.run(&["run", "suite.yaml", "--out", "out", "--quiet"]);
    assert!(matches!(output.status.code(), Some(0 | 6)), "{}", told(&output));
    world
}

#[test]
fn damage_is_an_error_and_never_silence() {
    let world = finished();
    for name in ["events.jsonl", "manifest.json"] {
        let path = world.out().join(name);
        let whole = fs::read(&path).unwrap();
        for page in (0..whole.len()).step_by(4096) {
            let mut bad = whole.clone();
            bad[page + (whole.len() - page).min(4096) / 2] ^= 0x55;
            fs::write(&path, &bad).unwrap();
            let output = world.run(&["report", "out", "--format", "json"]);
            assert!(!told(&output).contains("panicked"), "{name}, page at {page}: {}", told(&output));
            let is_refused = output.status.code() == Some(5);
            // A changed letter inside a text of the manifest is no damage that can be seen.
            assert!(is_refused || name == "manifest.json", "{name}, page at {page}: {}", told(&output));
        }
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let mut half = fs::read(&path).unwrap();
        half.push(b'\n');
        fs::write(&path, &half).unwrap();
        check_readers(&world, &[5], name);
        fs::write(&path, &whole).unwrap();
    }
    fs::write(world.out().join("events.jsonl"), "").unwrap();
    let output = world.run(&["report", "out", "--format", "json"]);
    assert_ne!(output.status.code(), Some(0), "an empty log is not an empty success");
    fs::remove_file(world.out().join("manifest.json")).unwrap();
    check_readers(&world, &[2, 5], "no manifest");
}

#[test]
fn a_torn_tail_is_dropped_and_said() {
    let world = finished();
    let path = world.out().join("events.jsonl");
    let whole = fs::read(&path).unwrap();
    for cut in [1, 9, 40] {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let output = world.run(&["report", "out", "--format", "json"]);
        assert!(matches!(output.status.code(), Some(0 | 3 | 6)), "cut by {cut}: {}", told(&output));
    }
}

#[test]
fn a_newer_run_is_refused_politely() {
    let world = finished();
    let path = world.out().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap().replacen("\"schema\": 1", "\"schema\": 99", 1);
    fs::write(&path, text).unwrap();
    let output = world.run(&["report", "out"]);
    assert_eq!(output.status.code(), Some(5));
    assert!(told(&output).contains("newer llmark"), "{}", told(&output));
}

#[test]
fn a_folder_that_cannot_be_written_stops_the_run_before_it_costs() {
    let world = World::new(CASES);
    for out in ["/proc/no-such-folder", "/dev/null/run", "suite.yaml"] {
        let output = world.run(&["run", "suite.yaml", "--out", out]);
        assert_eq!(output.status.code(), Some(5), "{out}: {}", told(&output));
    }
    if !rustix_is_root() {
        let locked = world.path().join("locked");
        fs::create_dir(&locked).unwrap();
        fs::set_permissions(&locked, Permissions::from_mode(0o500)).unwrap();
        let output = world.run(&["run", "suite.yaml", "--out", "locked/run"]);
        assert_eq!(output.status.code(), Some(5), "{}", told(&output));
    }
    assert_eq!(world.server().ledger().totals().accepted, 0, "nothing was sent");
}

fn rustix_is_root() -> bool {
    fs::metadata("/proc/self").map_or(0, |facts| std::os::unix::fs::MetadataExt::uid(&facts)) == 0
}

#[test]
fn closed_and_full_outputs_are_no_panic() {
    let world = World::new(CASES);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = world
        .llmark(&["run", "suite.yaml", "--out", "out", "--json"])
        .stdout(Stdio::from(full.try_clone().unwrap()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", told(&output));
    assert!(!told(&output).contains("panicked"), "{}", told(&output));
    for arguments in ["report out --format json", "show out", "models", "schema", "completions bash", "--help"] {
        let script = format!("\"$0\" {arguments} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}");
        let mut command = Command::new("bash");
        world.place(&mut command).args(["-c", &script, env!("CARGO_BIN_EXE_llmark")]);
        let output = command.output().unwrap();
        assert!(!told(&output).contains("panicked"), "{arguments}: {}", told(&output));
    }
    let output = world.llmark(&["models"]).stdout(Stdio::from(full)).output().unwrap();
    assert_ne!(output.status.code(), Some(0), "a lost output is no success");
    assert!(!told(&output).contains("panicked"), "{}", told(&output));
}

#[test]
fn few_descriptors_are_an_outcome_or_an_error_but_no_panic() {
    let world = World::new(CASES);
    for limit in ["16", "24", "40"] {
        let script = format!("ulimit -n {limit}; exec \"$0\" run suite.yaml --out out{limit} --quiet --concurrency 64");
        let mut command = Command::new("sh");
        world.place(&mut command).args(["-c", &script, env!("CARGO_BIN_EXE_llmark")]);
        let output = command.output().unwrap();
        assert!(output.status.code().is_some_and(|code| code != 101), "{limit}: {:?}", output.status);
        assert!(!told(&output).contains("panicked"), "{limit}: {}", told(&output));
    }
}

/// The run's folder on a file system of so many KiB.
fn on_small_disk(world: &World, size: u32) -> std::process::Output {
    let script = format!(
        "mkdir -p small copy && mount -t tmpfs -o size={size}k tmpfs small && \"$0\" run suite.yaml --out small/out --quiet; \
         code=$?; cp -r small/out copy/out{size} 2>/dev/null; exit $code"
    );
    let mut command = Command::new("unshare");
    world.place(&mut command).args(["-Urm", "sh", "-c", &script, env!("CARGO_BIN_EXE_llmark")]);
    command.output().unwrap()
}

#[test]
fn a_full_disk_stops_the_run_and_leaves_a_readable_log() {
    if !has("unshare", &["-Urm", "true"], "a full disk") {
        return;
    }
    let world = World::new(60);
    for size in [4, 16, 32, 48, 64] {
        let output = on_small_disk(&world, size);
        let text = told(&output);
        assert!(!text.contains("panicked"), "{size}k: {text}");
        assert!(matches!(output.status.code(), Some(0 | 5 | 6)), "{size}k: {text}");
        let copy = world.path().join(format!("copy/out{size}"));
        if copy.join("manifest.json").exists() && copy.join("events.jsonl").exists() {
            let run = llmark::store::RunFolder::open(&copy).unwrap();
            assert!(run.read().unwrap().all(|line| line.is_ok()), "{size}k: the log is readable");
        }
    }
}

/// Fails the N-th sync of the run with an I/O error.
fn with_failing_sync(world: &World, n: u32) -> std::process::Output {
    let inject = format!("inject=fsync,fdatasync:error=EIO:when={n}");
    let mut command = Command::new("strace");
    world.place(&mut command).args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &inject]);
    let out = format!("out{n}");
    command.args([env!("CARGO_BIN_EXE_llmark"), "run", "suite.yaml", "--quiet", "--out", &out]);
    command.output().unwrap()
}

#[test]
fn a_failed_sync_is_never_taken_for_success() {
    if !has_strace("a failing sync") {
        return;
    }
    let world = World::new(CASES);
    for n in [1, 2, 5, 8] {
        let output = with_failing_sync(&world, n);
        let text = told(&output);
        assert_eq!(output.status.code(), Some(5), "sync {n}: {text}");
        assert!(!text.contains("panicked"), "sync {n}: {text}");
    }
}
