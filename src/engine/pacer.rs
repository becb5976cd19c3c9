//! Open loop: a thread of its own releases requests at their planned times.
//!
//! Absolute deadlines of a nanosecond clock, never relative sleeps. A late release is sent late and its wait counts as
//! queue time; beyond the load's bound of outstanding trials an arrival is shed and counted, never skipped silently.

use std::num::NonZeroU64;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::clock::RunClock;
use super::issue::Issuer;
use super::issue::Refused;
use super::setup::Control;
use crate::domain::Clock as _;
use crate::domain::Offset;
use crate::domain::Usd;
use crate::load::Segment;

/// What the pacer and the dispatcher share.
#[derive(Debug, Default)]
pub struct Gate {
    /// Trials below this number have a durable intent.
    pub durable: AtomicU64,
    /// Released and not yet ended.
    pub outstanding: AtomicU32,
    /// Release no more.
    pub stop: AtomicBool,
}

/// What happened to an arrival that was not sent.
pub enum Unsent {
    /// Too many were outstanding.
    Shed {
        /// Position in the segment.
        k: u64,
        /// When it was due.
        due: Offset,
    },
    /// It was refused.
    Refused(Refused),
}

/// How often a wait for a durable intent is checked.
const POLL: Duration = Duration::from_micros(200);

/// What the pacer works with.
pub struct Pace<'a> {
    /// Makes requests.
    pub issuer: &'a Issuer,
    /// The segment.
    pub segment: &'a Segment,
    /// The run's clock.
    pub clock: RunClock,
    /// When the segment's arrivals begin.
    pub start: Offset,
    /// Trials outstanding at most.
    pub bound: u32,
    /// Shared with the dispatcher.
    pub gate: &'a Gate,
    /// Trials that are not to run.
    pub done: &'a dyn Fn(u64) -> bool,
    /// Counts what is sent.
    pub control: &'a Control,
}

/// Releases the segment's trials, but those already done; ends when all are out or the gate says stop.
pub fn run(pace: &Pace<'_>, mut unsent: impl FnMut(Unsent)) {
    let Pace { issuer, segment, clock, start, bound, gate, done, control } = *pace;
    // Without this the kernel may round each sleep up by 50 microseconds; where it is refused, lateness is reported.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    for (k, at) in (0..).zip(&segment.arrivals).filter(|(k, _)| !done(segment.trial(*k).0)) {
        let due = start.plus(Duration::from_nanos(at.0));
        // Made ahead of its time, so that the work does not delay the send.
        let job = match issuer.prepare(segment, k, due, 1) {
            Ok(job) => job,
            Err(refused) => return unsent(Unsent::Refused(refused)),
        };
        clock.sleep_until(due);
        while gate.durable.load(Ordering::Acquire) <= segment.trial(k).0 && !gate.stop.load(Ordering::Acquire) {
            clock.sleep_until(clock.now().plus(POLL));
        }
        let stop = gate.stop.load(Ordering::Acquire);
        if stop || gate.outstanding.load(Ordering::Acquire) >= bound {
            issuer.purse.settle(job.stream.ticket.reserved, Some(Usd::ZERO));
            if stop {
                return;
            }
            unsent(Unsent::Shed { k, due });
            continue;
        }
        gate.outstanding.fetch_add(1, Ordering::AcqRel);
        control.count_issued();
        issuer.lanes.send(job);
    }
}
