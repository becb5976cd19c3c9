//! Was the client the limit? Held against every cell in every run.

use super::metric::Metric;
use super::run::Arrivals;
use super::run::Run;
use super::summary::Audit;
use super::summary::Cell;
use super::summary::Instrument;
use super::trial::TrialRow;
use super::trial::Trials;
use crate::domain::Health;
use crate::text::number::percent;
use crate::text::number::short;
use std::time::Duration;

/// Heartbeat lag that no latency of interest notices.
const LAG_FLOOR_MS: f64 = 2.0;
/// Lag allowed as a share of the median TTFT.
const LAG_SHARE: f64 = 0.05;
/// A client that stood still for longer, once, spoiled whatever was in flight then: stopped, starved, or asleep.
const STOOD_STILL_MS: f64 = 500.0;
/// A busier I/O thread cannot be trusted to read in time.
const IO_CPU: f64 = 0.8;
/// A wall-clock step or a sleep of less is noise.
const STEP_S: f64 = 0.05;
/// More than this taken by the hypervisor disturbs every time.
const STEAL: f64 = 0.05;
/// Less than this is within the grain of the kernel's own clock ticks.
const STOLEN_S: f64 = 0.2;

/// The audit of a cell from the segments recorded for it; `None` where nothing was recorded.
pub fn audit(health: &[&Health], rows: &[&TrialRow], ttft_p50: Option<f64>, arrivals: Arrivals) -> Option<Audit> {
    if health.is_empty() {
        return None;
    }
    let worst = |of: fn(&Health) -> f64| health.iter().map(|h| of(h)).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let mut audit = Audit {
        lag_ms: triple(health, |h| h.lag),
        dispatch_ms: triple(health, |h| h.dispatch),
        cpu: worst(|h| h.cpu),
        io_cpu: worst(|h| h.io_cpu),
        coalesced: coalesced(rows).unwrap_or(0.0),
        arrivals: std::array::from_fn(|i| health.iter().map(|h| h.arrivals[i]).sum()),
        limits: Vec::new(),
    };
    let typical = ttft_p50.filter(|ms| ms.is_finite()).unwrap_or(0.0);
    audit.limits = limits(&audit, health, typical, arrivals);
    Some(audit)
}

fn triple(health: &[&Health], of: impl Fn(&Health) -> [Duration; 3]) -> [f64; 3] {
    std::array::from_fn(|i| health.iter().map(|h| of(h)[i].as_secs_f64() * 1e3).fold(0.0, f64::max))
}

/// Every reason why the client was the limit, in words.
fn limits(audit: &Audit, health: &[&Health], ttft_p50: f64, arrivals: Arrivals) -> Vec<String> {
    let allowed = LAG_FLOOR_MS.max(LAG_SHARE * ttft_p50);
    let mut found = Vec::new();
    let mut note = |holds: bool, text: String| {
        if holds {
            found.push(text);
        }
    };
    let [_, lag, longest] = audit.lag_ms;
    note(longest > STOOD_STILL_MS, format!("the client stood still for {} ms", short(longest)));
    note(
        lag > allowed,
        format!("the heartbeat of the I/O threads lagged {} ms at p99, {} ms allowed", short(lag), short(allowed)),
    );
    let [_, late, _] = audit.dispatch_ms;
    let is_open = matches!(arrivals, Arrivals::Open(_));
    note(
        is_open && late > allowed,
        format!("requests left {} ms late at p99, {} ms allowed", short(late), short(allowed)),
    );
    note(
        audit.io_cpu > IO_CPU,
        format!("an I/O thread was busy {} of the time, {} allowed", percent(audit.io_cpu), percent(IO_CPU)),
    );
    note(health.iter().any(|h| h.overflow), "a queue between the client's own threads overflowed".into());
    let shed = audit.arrivals[2];
    note(shed > 0, format!("{shed} of {} arrivals were shed: the plan's load was not offered", audit.arrivals[0]));
    let most = |of: fn(&Health) -> f64| health.iter().map(|h| of(h).abs()).fold(0.0, f64::max);
    let slept = most(|h| h.suspended_s);
    note(slept > STEP_S, format!("the machine slept for {} s", short(slept)));
    let (steal, stolen_s) = stolen(health);
    let much = steal > STEAL && stolen_s > STOLEN_S;
    note(much, format!("the hypervisor took {} of the processor time", percent(steal)));
    found
}

/// Share of the processor time that the hypervisor took over all segments, and how many seconds of one core that is.
///
/// The kernel counts in ticks of 10 ms: over half a second a few of them are a large share and still mean nothing.
fn stolen(health: &[&Health]) -> (f64, f64) {
    let seconds = |h: &&&Health| h.window.1.since(h.window.0).unwrap_or_default().as_secs_f64();
    let whole: f64 = health.iter().map(|h| seconds(&h)).sum();
    let stolen: f64 = health.iter().filter(|h| h.steal.is_finite()).map(|h| h.steal * seconds(&h)).sum();
    (if whole > 0.0 { stolen / whole } else { 0.0 }, stolen)
}

/// Share of token-bearing events that arrived together with the one before.
pub fn coalesced(rows: &[&TrialRow]) -> Option<f64> {
    let gaps: u64 = rows.iter().map(|row| u64::from(row.times.events.saturating_sub(1))).sum();
    let together: u64 = rows.iter().map(|row| u64::from(row.times.coalesced)).sum();
    (gaps > 0).then(|| together as f64 / gaps as f64)
}

/// How the instrument did over the whole run.
pub fn instrument(run: &Run, trials: &Trials, cells: &[Cell]) -> Instrument {
    let all: Vec<&Health> = trials.health.iter().collect();
    let rows: Vec<&TrialRow> = trials.rows.iter().filter(|row| row.is_measured()).collect();
    let most = |of: fn(&Health) -> f64| all.iter().map(|h| of(h)).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let known = |value: f64| (!all.is_empty()).then_some(value);
    let step = all.iter().map(|h| h.clock_step_s).fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
    Instrument {
        calibration: run.calibration,
        lag_ms: (!all.is_empty()).then(|| triple(&all, |h| h.lag)),
        dispatch_ms: (!all.is_empty()).then(|| triple(&all, |h| h.dispatch)),
        cpu: known(most(|h| h.cpu)),
        io_cpu: known(most(|h| h.io_cpu)),
        coalesced: coalesced(&rows),
        fds: all.iter().map(|h| h.fds).max(),
        arrivals: std::array::from_fn(|i| all.iter().map(|h| h.arrivals[i]).sum()),
        clock_step_s: if step.is_finite() { step } else { 0.0 },
        suspended_s: most(|h| h.suspended_s),
        steal: most(|h| h.steal),
        client_limited: cells.iter().any(|cell| cell.client_limited),
    }
}

/// Median TTFT of a cell's successes, which lag is held against.
pub fn typical_ttft(rows: &[&TrialRow]) -> Option<f64> {
    super::infer::plain_median(rows.iter().filter(|r| r.is_sample()).filter_map(|r| r.value(Metric::Ttft)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Offset;

    fn reasons(health: &Health, ttft: f64, arrivals: Arrivals) -> usize {
        audit(&[health], &[], Some(ttft), arrivals).unwrap().limits.len()
    }

    #[test]
    fn each_sign_of_a_slow_client_counts() {
        let closed = Arrivals::Closed(1);
        let ms = Duration::from_millis;
        let fine = Health { lag: [ms(0), ms(2), ms(90)], io_cpu: 0.8, clock_step_s: 0.01, ..Health::default() };
        assert_eq!(reasons(&fine, 10.0, closed), 0);
        let late = Health { lag: [ms(0), ms(3), ms(3)], ..fine.clone() };
        assert_eq!(reasons(&late, 10.0, closed), 1);
        assert_eq!(reasons(&late, 100.0, closed), 0, "3 ms are within 5 % of 100 ms");
        let bad = [
            Health { io_cpu: 0.81, ..fine.clone() },
            Health { overflow: true, ..fine.clone() },
            Health { lag: [ms(0), ms(2), ms(1500)], ..fine.clone() },
            Health { arrivals: [10, 9, 1], ..fine.clone() },
            Health { suspended_s: 2.0, ..fine.clone() },
            Health { steal: 0.2, window: (Offset::ZERO, Offset(5_000_000_000)), ..fine.clone() },
        ];
        for health in bad {
            assert_eq!(reasons(&health, 10.0, closed), 1, "{health:?}");
        }
    }

    #[test]
    fn a_late_pacer_matters_in_open_loop_only() {
        let ms = Duration::from_millis;
        let late = Health { dispatch: [ms(0), ms(30), ms(30)], ..Health::default() };
        assert_eq!(reasons(&late, 100.0, Arrivals::Open(5.0)), 1);
        assert_eq!(reasons(&late, 100.0, Arrivals::Closed(5)), 0);
        assert_eq!(audit(&[], &[], None, Arrivals::Closed(1)), None);
    }

    #[test]
    fn hostile_figures_stay_out() {
        let odd = Health { cpu: f64::NAN, io_cpu: f64::NAN, steal: f64::NAN, ..Health::default() };
        let found = audit(&[&odd], &[], Some(f64::INFINITY), Arrivals::Closed(1)).unwrap();
        assert_eq!((found.cpu, found.io_cpu), (0.0, 0.0));
        assert!(found.limits.is_empty());
    }
}
