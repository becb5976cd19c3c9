//! Live progress on stderr: a table that redraws itself on a terminal, a plain line every few seconds elsewhere.
//!
//! A thread of its own empties the channel a few times per second; nothing that measures ever waits for it.

use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use super::live;
use super::record::Seen;
use super::tally::Outlook;
use super::tally::Tally;
use super::terminal;
use crate::domain::Clock as _;
use crate::domain::Offset;
use crate::engine::clock::RunClock;

/// Plain lines come this often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// The table is drawn this often.
const REDRAW: Duration = Duration::from_millis(200);

/// A display that runs.
pub struct Display {
    thread: JoinHandle<()>,
    end: Sender<()>,
}

impl Display {
    /// Starts the display; what the sender is given shows up in it.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(outlook: Outlook) -> std::io::Result<(Self, Sender<Seen>)> {
        let ((sender, inbox), (end, ends)) = (channel(), channel());
        let show = move || show(&outlook, &inbox, &ends);
        let thread = std::thread::Builder::new().name("progress".into()).spawn(show)?;
        Ok((Self { thread, end }, sender))
    }

    /// Ends the display and leaves a clean line.
    pub fn end(self) {
        drop(self.end);
        let _ = self.thread.join();
    }
}

fn show(outlook: &Outlook, inbox: &Receiver<Seen>, end: &Receiver<()>) {
    let clock = RunClock::start();
    let is_live = terminal::is_live();
    let mut tally = Tally::new(outlook);
    let (mut last, mut printed) = (Offset::ZERO, Offset::ZERO);
    while end.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
        for seen in inbox.try_iter() {
            tally.take(&seen, outlook);
        }
        let now = clock.now();
        tally.pass(now.since(last).unwrap_or_default());
        last = now;
        let elapsed = now.since(Offset::ZERO).unwrap_or_default();
        if is_live {
            terminal::redraw(&live::lines(&tally, outlook, elapsed, terminal::size()));
        } else if now.since(printed).unwrap_or_default() >= PLAIN_EVERY {
            printed = now;
            terminal::note(&live::plain(&tally, outlook, elapsed));
        }
    }
    terminal::redraw(&[]);
}
