//! The instrument's own record over one segment.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::clock::Anchor;
use super::io::Pulse;
use crate::domain::CellId;
use crate::domain::Clock;
use crate::domain::Health;
use crate::domain::Observation;

/// Collects while a segment runs.
pub struct Audit {
    begin: Anchor,
    io_cpu: Vec<u64>,
    jiffies: [u64; 2],
    /// Lateness of sends in nanoseconds; a histogram, so that a long run needs no more memory than a short one.
    dispatch: Histogram<u64>,
    tokens: u64,
    coalesced: u64,
    /// Arrivals planned, sent and shed.
    pub arrivals: [u64; 3],
}

impl Audit {
    /// Starts; forgets heartbeats from before.
    pub fn start(clock: &dyn Clock, pulse: &Pulse) -> Self {
        let mut lag = pulse.lag.lock().unwrap_or_else(PoisonError::into_inner);
        lag.reset();
        let mut dispatch = lag.clone();
        drop(lag);
        dispatch.auto(true);
        pulse.overflow.store(false, Ordering::Relaxed);
        Self {
            begin: Anchor::take(clock),
            io_cpu: pulse.cpu.iter().map(|cpu| cpu.load(Ordering::Relaxed)).collect(),
            jiffies: jiffies(),
            dispatch,
            tokens: 0,
            coalesced: 0,
            arrivals: [0; 3],
        }
    }

    /// Notes an attempt that ended.
    pub fn note(&mut self, observation: &Observation) {
        let late = observation.sent.since(observation.due).unwrap_or_default();
        // Fails beyond 500 years of lateness alone.
        let _ = self.dispatch.record(late.as_nanos() as u64);
        let reads = observation.events.iter().filter(|e| e.channel.is_generated()).map(|e| e.read);
        let mut last = None;
        for read in reads {
            self.tokens += 1;
            self.coalesced += u64::from(last == Some(read));
            last = Some(read);
        }
    }

    /// The record.
    pub fn finish(self, cell: CellId, clock: &dyn Clock, pulse: &Pulse) -> Health {
        let end = Anchor::take(clock);
        let lag = pulse.lag.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = end.at.since(self.begin.at).unwrap_or_default().as_nanos().max(1) as f64;
        let busiest = pulse.cpu.iter().zip(&self.io_cpu).map(|(cpu, was)| cpu.load(Ordering::Relaxed) - was).max();
        let [stolen, total] = jiffies();
        Health {
            cell: Some(cell),
            window: (self.begin.at, end.at),
            lag: [quantile(&lag, 0.5), quantile(&lag, 0.99), Duration::from_nanos(lag.max())],
            dispatch: [0.5, 0.99, 1.0].map(|q| quantile(&self.dispatch, q)),
            cpu: self.begin.cpu_share(&end),
            io_cpu: busiest.unwrap_or(0) as f64 / elapsed,
            coalesced: self.coalesced as f64 / self.tokens.max(1) as f64,
            fds: open_descriptors(),
            arrivals: self.arrivals,
            clock_step_s: self.begin.clock_step(&end),
            suspended_s: self.begin.suspended(&end),
            steal: (stolen - self.jiffies[0]) as f64 / (total - self.jiffies[1]).max(1) as f64,
            overflow: pulse.overflow.load(Ordering::Relaxed),
        }
    }
}

fn quantile(histogram: &Histogram<u64>, q: f64) -> Duration {
    Duration::from_nanos(if histogram.is_empty() { 0 } else { histogram.value_at_quantile(q) })
}

/// Time that the hypervisor took from this machine, and all time, in clock ticks of `/proc/stat`; zeros elsewhere.
fn jiffies() -> [u64; 2] {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<u64> =
        text.lines().next().unwrap_or_default().split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    [ticks.get(7).copied().unwrap_or(0), ticks.iter().take(8).sum()]
}

fn open_descriptors() -> u32 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u32)
}
