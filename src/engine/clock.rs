//! The run's clock and how far it can be trusted.

use std::time::Duration;

use rustix::time::ClockId;
use rustix::time::Timespec;
use rustix::time::clock_gettime;

use crate::domain::Clock;
use crate::domain::Offset;

/// `CLOCK_MONOTONIC` since a zero. Not `Instant`: pacing sleeps until absolute times of this very clock.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    zero: u64,
}

impl RunClock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { zero: nanoseconds(ClockId::Monotonic) }
    }

    /// The zero itself as `CLOCK_MONOTONIC` shows it, in nanoseconds.
    pub fn zero_ns(self) -> u64 {
        self.zero
    }

    /// A clock that goes on from `at`, for a session that resumes an earlier one, perhaps after a reboot.
    pub fn resume(at: Offset) -> Self {
        Self { zero: nanoseconds(ClockId::Monotonic).wrapping_sub(at.0) }
    }

    /// Sleeps until `at`; returns at once when it has passed.
    pub fn sleep_until(self, at: Offset) {
        let at = self.zero.wrapping_add(at.0);
        let request = Timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as _ };
        while rustix::thread::clock_nanosleep_absolute(rustix::thread::ClockId::Monotonic, &request).is_err() {}
    }
}

impl Clock for RunClock {
    fn now(&self) -> Offset {
        Offset(nanoseconds(ClockId::Monotonic).wrapping_sub(self.zero))
    }
}

/// Readings of several clocks at about one moment; two of them show steps, suspension and processor time.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    /// Monotonic time.
    pub at: Offset,
    /// Wall time in nanoseconds since 1970.
    pub wall: u64,
    boot: u64,
    cpu: u64,
}

impl Anchor {
    /// Reads all clocks.
    pub fn take(clock: &dyn Clock) -> Self {
        Self {
            at: clock.now(),
            wall: nanoseconds(ClockId::Realtime),
            boot: nanoseconds(ClockId::Boottime),
            cpu: nanoseconds(ClockId::ProcessCPUTime),
        }
    }

    fn elapsed(&self, later: &Self) -> f64 {
        seconds(later.at.0, self.at.0)
    }

    /// Seconds that the wall clock moved against the monotonic one.
    pub fn clock_step(&self, later: &Self) -> f64 {
        seconds(later.wall, self.wall) - self.elapsed(later)
    }

    /// Seconds that the machine slept.
    pub fn suspended(&self, later: &Self) -> f64 {
        (seconds(later.boot, self.boot) - self.elapsed(later)).max(0.0)
    }

    /// Processor time of this process over elapsed time; 1.0 is one core.
    pub fn cpu_share(&self, later: &Self) -> f64 {
        seconds(later.cpu, self.cpu) / self.elapsed(later).max(1e-9)
    }
}

/// Processor time of the calling thread.
pub fn thread_cpu() -> Duration {
    Duration::from_nanos(nanoseconds(ClockId::ThreadCPUTime))
}

fn nanoseconds(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn seconds(later: u64, earlier: u64) -> f64 {
    (later as f64 - earlier as f64) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeping_until_a_time_does_not_return_early() {
        let clock = RunClock::start();
        let due = clock.now().plus(Duration::from_millis(3));
        clock.sleep_until(due);
        assert!(clock.now() >= due);
        clock.sleep_until(Offset::ZERO);
    }

    #[test]
    fn an_undisturbed_machine_shows_no_step() {
        let clock = RunClock::start();
        let first = Anchor::take(&clock);
        let second = Anchor::take(&clock);
        assert!(first.clock_step(&second).abs() < 0.5);
        assert!(first.suspended(&second) < 0.5);
    }
}
