//! What the process may print, and how: the only place that touches stdout and stderr.

use std::io;
use std::io::IsTerminal as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use super::keys::environment;
use crate::report::table::Screen;

/// Some result could not be written to standard output.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a result. A closed pipe is no error: the reader had enough. Anything else loses what was asked for, which
/// [`lost`] tells at the end.
pub fn result(text: &str) {
    let mut out = io::stdout().lock();
    let end: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(end)).and_then(|()| out.flush());
    if let Err(why) = written
        && why.kind() != io::ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        error(&format!("standard output: {why}"));
    }
}

/// Whether a result was lost on its way to standard output.
pub fn lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Lines of the live view that stand on the terminal now, the cursor below them.
static DRAWN: Mutex<usize> = Mutex::new(0);

/// Prints a message beside the results. A live view makes room and comes back below it.
pub fn note(text: &str) {
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(io::stderr().lock(), "{}{text}", erase(&mut drawn));
}

/// Replaces the live view; no lines take it away.
pub fn redraw(lines: &[String]) {
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = erase(&mut drawn);
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    *drawn = lines.len();
    // One write, so that no half of a view is ever seen.
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// What takes the drawn lines off the terminal: up by their number, clear to the end.
fn erase(drawn: &mut usize) -> String {
    let lines = std::mem::take(drawn);
    if lines == 0 { String::new() } else { format!("\u{1b}[{lines}A\r\u{1b}[J") }
}

/// Columns and rows of the terminal behind stderr.
pub fn size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    size.filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or((80, 24))
}

/// Prints an error.
pub fn error(text: &str) {
    let paint = is_colored(io::stderr().is_terminal());
    let word = if paint { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
    note(&format!("{word}: {text}"));
}

/// Prints a warning.
pub fn warning(text: &str) {
    let paint = is_colored(io::stderr().is_terminal());
    let word = if paint { "\u{1b}[33mwarning\u{1b}[0m" } else { "warning" };
    note(&format!("{word}: {text}"));
}

/// What stdout can show.
pub fn screen() -> Screen {
    let is_terminal = io::stdout().is_terminal();
    let columns = environment("COLUMNS").and_then(|c| c.into_string().ok()).and_then(|c| c.parse().ok());
    let width = rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|width| *width > 0)
        .or(columns)
        .unwrap_or(120);
    Screen { width: width.max(40), color: is_colored(is_terminal) }
}

/// Progress may redraw itself: stderr is a terminal that nobody else reads.
pub fn is_live() -> bool {
    io::stderr().is_terminal() && is_colored(true)
}

/// Whether a question can be asked.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a yes-or-no question; anything but yes is no.
pub fn confirm(question: &str) -> bool {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{question} [y/N] ");
    let _ = err.flush();
    drop(err);
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Colors only on a terminal, and only where nobody objects.
fn is_colored(is_terminal: bool) -> bool {
    let set = |name| environment(name).is_some_and(|value| !value.is_empty());
    is_terminal && !set("NO_COLOR") && !set("CI") && environment("TERM").is_none_or(|term| term != "dumb")
}
