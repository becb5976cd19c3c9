//! What a person sees while a run goes on: a view that redraws itself on a terminal, and nothing of it elsewhere.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use super::world::World;

const COLUMNS: u16 = 72;

/// Everything that a run writes to a pseudo-terminal behind stderr.
fn on_terminal(world: &World, arguments: &[&str]) -> String {
    let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    rustix::pty::grantpt(&master).unwrap();
    rustix::pty::unlockpt(&master).unwrap();
    let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    rustix::termios::tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut command = world.llmark(arguments);
    command.env("TERM", "xterm").stdout(Stdio::null()).stderr(Stdio::from(slave));
    let mut child = command.spawn().unwrap();
    // The only writer left is the child.
    drop(command);
    let (mut master, mut seen, mut block) = (File::from(master), Vec::new(), [0; 4096]);
    // The end of a terminal without writers is an error, not an end of file.
    while let Ok(n @ 1..) = master.read(&mut block) {
        seen.extend_from_slice(&block[..n]);
    }
    child.wait().unwrap();
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn a_terminal_shows_every_cell_and_is_left_clean() {
    let world = World::new(300);
    let seen = on_terminal(&world, &["run", "suite.yaml", "--out", "out"]);
    let erase = regex::Regex::new("\u{1b}\\[[0-9]+A\r\u{1b}\\[J").unwrap();
    let views: Vec<&str> = erase.split(&seen).collect();
    assert!(views.len() > 2, "it was drawn again: {seen:?}");
    let drawn = views[..views.len() - 1].concat();
    for word in ["in flight", "TTFT p50", "pass", "300 trials", "left", "USD"] {
        assert!(drawn.contains(word), "{word}: {drawn}");
    }
    assert!(drawn.lines().all(|line| line.trim_end().chars().count() < usize::from(COLUMNS)), "{drawn}");
    assert!(!views.last().unwrap().contains("in flight"), "the last view was taken away");
    assert!(!erase.replace_all(&seen, "").contains('\u{1b}'), "no other control sequence");
}

#[test]
fn quiet_and_logs_see_no_view() {
    let world = World::new(60);
    let seen = on_terminal(&world, &["run", "suite.yaml", "--out", "quiet", "--quiet"]);
    assert!(!seen.contains("in flight") && !seen.contains("\u{1b}["), "{seen}");
    let output = world.run(&["run", "suite.yaml", "--out", "logged"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains('\u{1b}'));
}
