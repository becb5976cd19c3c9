//! Live progress on stderr: a redrawn line on a terminal, a plain line every few seconds elsewhere.

use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;

use super::record::Seen;
use super::terminal;
use crate::domain::CellId;
use crate::domain::Clock as _;
use crate::domain::Offset;
use crate::domain::Phase;
use crate::domain::Usd;
use crate::engine::Control;
use crate::engine::clock::RunClock;
use crate::text::number::short;

/// What the display knows beforehand.
pub struct Outlook {
    /// Trials planned, warm-up included; those of duration-bound loads are an upper bound.
    pub planned: u64,
    /// Names of the cells.
    pub cells: Vec<String>,
    /// How many requests were sent.
    pub control: Control,
}

/// Plain lines come this often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
const REDRAW: Duration = Duration::from_millis(100);

/// Starts the display; it ends when all senders are gone.
pub fn start(outlook: Outlook, inbox: Receiver<Seen>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("progress".into()).spawn(move || show(&outlook, &inbox))
}

struct Tally {
    ended: u64,
    warmup: u64,
    errors: u64,
    failed: u64,
    judged: u64,
    tokens: u64,
    cost: Usd,
    cell: Option<CellId>,
    ttft: Option<Histogram<u64>>,
}

impl Tally {
    fn take(&mut self, seen: &Seen) {
        match *seen {
            Seen::Attempt { cell, phase, is_last, outcome, ttft_ms, tokens, cost, .. } => {
                if self.cell != Some(cell) {
                    self.cell = Some(cell);
                    self.ttft = Histogram::new(3).ok();
                }
                self.ended += u64::from(is_last);
                self.warmup += u64::from(is_last && phase == Phase::Warmup);
                self.errors += u64::from(is_last && outcome.is_infra());
                self.tokens += tokens;
                self.cost = self.cost + cost.unwrap_or_default();
                if let (Some(histogram), Some(ms)) = (&mut self.ttft, ttft_ms) {
                    histogram.saturating_record((ms * 1000.0) as u64);
                }
            }
            Seen::Verdict { failed, .. } => {
                self.judged += 1;
                self.failed += u64::from(failed);
            }
        }
    }

    fn line(&self, outlook: &Outlook, elapsed: Duration) -> String {
        let cell = self.cell.and_then(|cell| outlook.cells.get(cell.0 as usize)).cloned().unwrap_or_default();
        let seconds = elapsed.as_secs_f64().max(1e-3);
        let quantile = |q| self.ttft.as_ref().map_or(0.0, |h| h.value_at_quantile(q) as f64 / 1000.0);
        let pass = if self.judged == 0 {
            String::new()
        } else {
            format!(" · {} of {} checks passed", self.judged - self.failed, self.judged)
        };
        let cost = if self.cost == Usd::ZERO { String::new() } else { format!(" · {:.4} USD", self.cost.as_f64()) };
        let errors = if self.errors == 0 { String::new() } else { format!(" · {} errors", self.errors) };
        format!(
            "{cell}: ttft p50 {} ms p95 {} ms · {} tok/s{pass}{errors}{cost} · {} in flight",
            short(quantile(0.5)),
            short(quantile(0.95)),
            short(self.tokens as f64 / seconds),
            outlook.control.issued().saturating_sub(self.ended),
        )
    }
}

fn show(outlook: &Outlook, inbox: &Receiver<Seen>) {
    let clock = RunClock::start();
    let bar = terminal::is_live().then(|| bar(outlook.planned));
    let mut tally = Tally {
        ended: 0,
        warmup: 0,
        errors: 0,
        failed: 0,
        judged: 0,
        tokens: 0,
        cost: Usd::ZERO,
        cell: None,
        ttft: None,
    };
    let mut drawn = Offset::ZERO;
    loop {
        let every = if bar.is_some() { REDRAW } else { PLAIN_EVERY };
        let over = match inbox.recv_timeout(REDRAW) {
            Ok(seen) => {
                tally.take(&seen);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        let now = clock.now();
        if over {
            break;
        }
        if now.since(drawn).unwrap_or_default() >= every {
            drawn = now;
            let line = tally.line(outlook, now.since(Offset::ZERO).unwrap_or_default());
            match &bar {
                Some(bar) => {
                    bar.set_position(tally.ended);
                    bar.set_message(line);
                }
                None => terminal::note(&format!("{}/{} {line}", tally.ended, outlook.planned)),
            }
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn bar(planned: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(planned), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed} left {eta}\n{wide_msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
