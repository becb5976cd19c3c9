//! Evidence on one question, one unit at a time, and the moment at which it is enough.

use std::collections::BTreeMap;

use super::rule::Share;
use crate::analyze::Estimate;
use crate::analyze::Method;
use crate::stats::Interval;
use crate::stats::Level;
use crate::stats::sequential::Evidence;
use crate::stats::sequential::betting;
use crate::stats::sequential::betting::Wager;

/// No look before this many units.
pub(super) const FEWEST: u64 = 30;
/// 1 / alpha of each side of a comparison, alpha = .025.
const SIDE: f64 = 40.0;
/// 1 / alpha of an objective, alpha = .05.
const OBJECTIVE: f64 = 20.0;
const DIFFERENCES: Interval = Interval { low: -1.0, high: 1.0 };
const SHARES: Interval = Interval { low: 0.0, high: 1.0 };

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The candidate is better.
    Improved,
    /// The candidate is no worse than the margin.
    Equivalent,
    /// The candidate is worse.
    Regressed,
    /// The candidate is no better than the margin: with "no worse", the arms are level. Decides nothing by itself.
    NotBetter,
    /// The objective is met.
    Met,
    /// The objective is missed.
    Missed,
}

impl Word {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Equivalent => "equivalent",
            Self::Regressed => "regressed",
            Self::NotBetter => "not_better",
            Self::Met => "met",
            Self::Missed => "missed",
        }
    }
}

/// A claim with its bet, its evidence and what it takes.
#[derive(Debug, Clone, PartialEq)]
struct Claim {
    word: Word,
    /// It is about a small mean: values are fed negated.
    is_below: bool,
    wager: Wager,
    evidence: Evidence,
    needed: f64,
}

impl Claim {
    fn above(word: Word, null: f64, range: Interval, needed: f64) -> Option<Self> {
        let wager = Wager::above(null, range)?;
        Some(Self { word, is_below: false, wager, evidence: Evidence::default(), needed })
    }

    fn below(word: Word, null: f64, range: Interval, needed: f64) -> Option<Self> {
        let wager = Wager::below(null, range)?;
        Some(Self { word, is_below: true, wager, evidence: Evidence::default(), needed })
    }

    /// Takes a value between `low` and `high`: the one that speaks most against the claim. From the first look on the
    /// evidence is read.
    fn take(&mut self, low: f64, high: f64, n: u64) {
        self.wager.observe(if self.is_below { -high } else { low });
        if n >= FEWEST {
            self.evidence.update(self.wager.e_value());
        }
    }

    fn holds(&self) -> bool {
        self.evidence.now >= self.needed
    }
}

/// Distinct values and how often each came, in ascending order, as whole numbers of [`PARTS`].
#[derive(Debug, Clone, PartialEq, Default)]
struct Counted(BTreeMap<i64, u64>);

/// Values are kept to this many parts of one: a case has few repeats.
const PARTS: f64 = 1e9;

impl Counted {
    fn add(&mut self, value: f64) {
        *self.0.entry((value * PARTS).round() as i64).or_default() += 1;
    }

    fn values(&self) -> Vec<(f64, u64)> {
        self.0.iter().map(|(&parts, &times)| (parts as f64 / PARTS, times)).collect()
    }

    fn n(&self) -> u64 {
        self.0.values().sum()
    }

    fn mean(&self) -> f64 {
        self.values().iter().map(|(value, times)| value * *times as f64).sum::<f64>() / self.n() as f64
    }
}

/// Evidence on a question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    claims: Vec<Claim>,
    /// Values with what is missing at its lowest, and at its highest.
    ends: [Counted; 2],
    /// Values that are known.
    known: Counted,
    range: Interval,
    n: u64,
    /// Showing that nothing was lost is all that is asked.
    gates: bool,
    /// Pairs that only the candidate passes, and only the baseline.
    discordant: [u64; 2],
    decided: Option<Word>,
}

impl Case {
    /// A comparison with a margin, one of `family` that share the level. A gate is decided once the candidate is shown
    /// to be no worse than the margin; otherwise that is an answer only when it is no better either.
    pub(super) fn comparison(margin: f64, family: usize, gates: bool) -> Option<Self> {
        let shared = SIDE * family.max(1) as f64;
        let claims = [
            Claim::above(Word::Improved, 0.0, DIFFERENCES, shared)?,
            Claim::above(Word::Equivalent, -margin, DIFFERENCES, SIDE)?,
            Claim::below(Word::Regressed, 0.0, DIFFERENCES, shared)?,
            Claim::below(Word::NotBetter, margin, DIFFERENCES, SIDE)?,
        ];
        Some(Self { gates, ..Self::new(claims.into(), DIFFERENCES) })
    }

    /// An objective about a share.
    pub(super) fn objective(share: Share) -> Option<Self> {
        let (small, large) = if share.is_upper { (Word::Met, Word::Missed) } else { (Word::Missed, Word::Met) };
        let claims = [
            Claim::below(small, share.bound, SHARES, OBJECTIVE)?,
            Claim::above(large, share.bound, SHARES, OBJECTIVE)?,
        ];
        Some(Self::new(claims.into(), SHARES))
    }

    fn new(claims: Vec<Claim>, range: Interval) -> Self {
        Self {
            claims,
            ends: Default::default(),
            known: Counted::default(),
            range,
            n: 0,
            gates: true,
            discordant: [0, 0],
            decided: None,
        }
    }

    /// Takes a value that lies between `low` and `high`; the word, when it decides. Deaf once it is decided.
    pub(super) fn take(&mut self, low: f64, high: f64) -> Option<Word> {
        if self.decided.is_some() {
            return None;
        }
        self.n += 1;
        self.ends[0].add(low);
        self.ends[1].add(high);
        if low >= high {
            self.known.add(low);
            self.discordant[0] += u64::from(low > 0.5);
            self.discordant[1] += u64::from(low < -0.5);
        }
        let n = self.n;
        for claim in &mut self.claims {
            claim.take(low, high, n);
        }
        self.decided = self.decide();
        self.decided
    }

    fn decide(&self) -> Option<Word> {
        let holds = |word: Word| self.claims.iter().any(|claim| claim.word == word && claim.holds());
        if let Some(word) = [Word::Improved, Word::Regressed, Word::Met, Word::Missed].into_iter().find(|w| holds(*w)) {
            return Some(word);
        }
        (holds(Word::Equivalent) && (self.gates || holds(Word::NotBetter))).then_some(Word::Equivalent)
    }

    /// What may be said at the end: what was decided, or that nothing was lost, if that was ever shown.
    pub(super) fn word(&self) -> Option<Word> {
        let shown = |claim: &&Claim| claim.word == Word::Equivalent && claim.evidence.peak >= claim.needed;
        self.decided.or_else(|| self.claims.iter().find(shown).map(|claim| claim.word))
    }

    pub(super) fn decided(&self) -> Option<Word> {
        self.decided
    }

    pub(super) fn n(&self) -> u64 {
        self.n
    }

    pub(super) fn discordant(&self) -> [u64; 2] {
        self.discordant
    }

    /// Units that are missing, in part or whole.
    pub(super) fn missing(&self) -> u64 {
        self.n - self.known.n()
    }

    /// The mean of what is known, with the interval that holds whatever is missing and whenever one looks.
    pub(super) fn estimate(&self) -> Estimate {
        if self.n == 0 {
            return Estimate::none(0);
        }
        let low = betting::interval(&self.ends[0].values(), self.range, Level::P95).low;
        let high = betting::interval(&self.ends[1].values(), self.range, Level::P95).high;
        let value = if self.known.n() == 0 { f64::NAN } else { self.known.mean() };
        Estimate::new(value, low, high, Method::BettingCs, self.n)
    }

    /// The evidence for each claim now.
    pub(super) fn evidence(&self) -> Vec<(Word, f64)> {
        self.claims.iter().map(|claim| (claim.word, claim.wager.e_value())).collect()
    }

    /// Two-sided p of "no difference", valid at any time; `None` for objectives.
    pub(super) fn p_value(&self) -> Option<f64> {
        let sides = self.claims.iter().filter(|claim| matches!(claim.word, Word::Improved | Word::Regressed));
        let least = sides.map(|claim| claim.evidence.p_value()).reduce(f64::min)?;
        Some((2.0 * least).min(1.0))
    }
}

/// The interval of a mean of known values in [0, 1] that holds whenever one looks.
pub(super) fn share(values: impl Iterator<Item = f64>, shown: Estimate) -> Estimate {
    let mut counted = Counted::default();
    values.for_each(|value| counted.add(value));
    if counted.n() == 0 {
        return shown;
    }
    let interval = betting::interval(&counted.values(), SHARES, Level::P95);
    Estimate { low: Some(interval.low), high: Some(interval.high), method: Method::BettingCs, ..shown }
}
