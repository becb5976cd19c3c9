//! The simulator's view of `CLOCK_MONOTONIC`, which a client on the same machine can compare with its own stamps.

use std::time::Duration;
use std::time::UNIX_EPOCH;

use rustix::time::ClockId;
use rustix::time::Timespec;
use rustix::time::clock_gettime;

/// How long before a deadline the precise sleeper starts to spin.
const SPIN: Duration = Duration::from_micros(60);

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(super) fn now_ns() -> u64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Monotonic);
    (tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(tv_nsec as u64)
}

/// Blocks the thread until `CLOCK_MONOTONIC` shows `deadline`, spinning at the end.
pub(super) fn sleep_until(deadline: u64) {
    let left = Duration::from_nanos(deadline.saturating_sub(now_ns()));
    if let Some(coarse) = left.checked_sub(SPIN) {
        std::thread::sleep(coarse);
    }
    while now_ns() < deadline {
        std::hint::spin_loop();
    }
}

fn wall() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Realtime);
    Duration::new(u64::try_from(tv_sec).unwrap_or_default(), tv_nsec as u32)
}

/// Seconds since 1970.
pub(super) fn unix_seconds() -> u64 {
    wall().as_secs()
}

/// The time of day as an HTTP date.
pub(super) fn date() -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + wall())
}
