//! One measured level: how its objectives fared, in counts that can be added up.

use crate::analyze::Estimate;
use crate::analyze::Metric;
use crate::analyze::Run;
use crate::analyze::Summary;
use crate::analyze::Trials;
use crate::analyze::fold;
use crate::analyze::slo;
use crate::analyze::slo::Evidence;
use crate::analyze::summary::SloVerdict;
use crate::domain::Phase;
use crate::stats::Level;
use crate::stats::exceedance;
use crate::stats::exceedance::Gate;

/// Trials beyond a limit, trials in all, and the share that may lie beyond.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counts {
    /// Beyond the limit.
    pub over: u64,
    /// In all.
    pub n: u64,
    /// Share that may lie beyond.
    pub allowed: f64,
}

impl Counts {
    /// Trials that it takes in all for a verdict, where these do not reach.
    pub fn needed(self) -> Option<u64> {
        match exceedance::gate_share(self.over, self.n, self.allowed, Level::P95) {
            Gate::Inconclusive { needed_n } => Some(needed_n),
            _ => None,
        }
    }

    /// The verdict of these counts at 95 %, one-sided.
    pub fn verdict(self) -> SloVerdict {
        match exceedance::gate_share(self.over, self.n, self.allowed, Level::P95) {
            Gate::Met => SloVerdict::Met,
            Gate::Missed => SloVerdict::Missed,
            Gate::Inconclusive { .. } => SloVerdict::Inconclusive,
        }
    }

    /// Share beyond the limit; 0 without trials.
    pub fn share(self) -> f64 {
        if self.n == 0 { 0.0 } else { self.over as f64 / self.n as f64 }
    }
}

/// One objective at one level.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The objective as written.
    pub slo: String,
    /// Its counts, where it is about a share of trials.
    pub counts: Option<Counts>,
    /// Its verdict.
    pub verdict: SloVerdict,
    /// What was measured last.
    pub value: Estimate,
}

/// One level as measured, once or several times.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Requests in flight, or per second.
    pub level: f64,
    /// The objectives.
    pub held: Vec<Held>,
    /// Trials behind it.
    pub trials: u64,
    /// Times it was measured.
    pub tries: u32,
    /// Finished trials per second, of the last measurement.
    pub throughput_rps: Estimate,
    /// Output tokens per second, of the last measurement.
    pub throughput_tps: Estimate,
    /// TTFT percentiles of the last measurement: median and 95th.
    pub ttft: Option<[Estimate; 2]>,
    /// The client was the limit in one of the measurements: the level says nothing about the server.
    pub client_limited: bool,
}

impl Point {
    /// Missed if an objective is missed, met if all are met.
    pub fn verdict(&self) -> SloVerdict {
        let all_met = !self.held.is_empty() && self.held.iter().all(|held| held.verdict == SloVerdict::Met);
        if self.client_limited {
            SloVerdict::Inconclusive
        } else if self.held.iter().any(|held| held.verdict == SloVerdict::Missed) {
            SloVerdict::Missed
        } else if all_met {
            SloVerdict::Met
        } else {
            SloVerdict::Inconclusive
        }
    }

    /// Trials that it takes in all to decide every objective, where counts tell.
    pub fn needed(&self) -> Option<u64> {
        self.held.iter().filter_map(|held| held.counts?.needed()).max()
    }

    /// The objective that is worst off: missed before open, then by how far its share exceeds what is allowed.
    pub fn binding(&self) -> Option<&Held> {
        let excess = |held: &Held| held.counts.map_or(0.0, |c| c.share() / c.allowed.max(1e-9));
        let worst = |a: &&Held, b: &&Held| {
            let open = |held: &Held| held.verdict == SloVerdict::Inconclusive;
            let missed = |held: &Held| held.verdict == SloVerdict::Missed;
            (missed(a), open(a)).cmp(&(missed(b), open(b))).then(excess(a).total_cmp(&excess(b)))
        };
        self.held.iter().filter(|held| held.verdict != SloVerdict::Met).max_by(worst)
    }

    /// Pools another measurement of the same level. One in which the client was the limit says nothing where the client
    /// kept up in the other.
    pub fn pool(&mut self, other: Self) {
        let tries = self.tries + other.tries;
        match (self.client_limited, other.client_limited) {
            (true, false) => *self = Self { tries, ..other },
            (false, true) => self.tries = tries,
            _ => self.add(other),
        }
    }

    fn add(&mut self, other: Self) {
        for new in other.held {
            match self.held.iter_mut().find(|held| held.slo == new.slo) {
                None => self.held.push(new),
                Some(held) => {
                    held.counts = match (held.counts, new.counts) {
                        (Some(a), Some(b)) => Some(Counts { over: a.over + b.over, n: a.n + b.n, allowed: b.allowed }),
                        (a, b) => b.or(a),
                    };
                    held.verdict = held.counts.map_or(new.verdict, Counts::verdict);
                    held.value = new.value;
                }
            }
        }
        self.trials += other.trials;
        self.tries += other.tries;
        (self.throughput_rps, self.throughput_tps) = (other.throughput_rps, other.throughput_tps);
        self.ttft = other.ttft;
    }
}

/// The measured levels of a run, one per cell, in the order of `summary.cells`.
pub fn points(run: &Run, trials: &Trials, summary: &Summary) -> Vec<Point> {
    let rows = fold::by_cell(run, trials, Phase::Measure);
    let point = |(at, cell): (usize, &crate::analyze::summary::Cell)| {
        let place = cell.id.0 as usize;
        let evidence = Evidence { run, cell, rows: &rows[place], gaps: &trials.gaps[place] };
        let ttft = cell.metrics.get(&Metric::Ttft);
        Point {
            level: cell.arrivals.level(),
            held: summary.slos.iter().filter(|slo| slo.cell_index == at).map(|slo| held(slo, &evidence)).collect(),
            trials: cell.n,
            tries: 1,
            throughput_rps: cell.throughput_rps,
            throughput_tps: cell.throughput_tps,
            ttft: ttft.map(|found| [found.p50, found.p95]),
            client_limited: cell.client_limited,
        }
    };
    summary.cells.iter().enumerate().map(point).collect()
}

fn held(result: &crate::analyze::summary::SloResult, evidence: &Evidence<'_>) -> Held {
    let spec = evidence.run.slos.iter().find(|slo| slo.text == result.slo);
    let counts = spec.and_then(|slo| slo::counts(slo, evidence));
    Held {
        slo: result.slo.clone(),
        counts: counts.map(|(over, n, allowed)| Counts { over, n, allowed }),
        verdict: result.verdict,
        value: result.value,
    }
}
