//! What a grader says of an answer.

/// Why a verdict is what it is: one line for people, plus how it was reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Why {
    /// One line: what was found and what was wanted.
    pub text: String,
    /// The text that was judged, after extraction; `None` when it is the whole answer.
    pub extracted: Option<String>,
    /// The step that matched, for graders with a fall-back chain.
    pub step: Option<&'static str>,
}

impl Why {
    /// A reason in words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// Stands before the votes of several judges in a reason.
pub const VOTES: &str = "votes: ";

/// The votes of several judges in a reason: places on their scale, `None` for a judge without a verdict.
pub fn votes(why: &str) -> Option<Vec<Option<u32>>> {
    let (_, votes) = why.rsplit_once(VOTES)?;
    votes.split(' ').map(|vote| if vote == "-" { Some(None) } else { vote.parse().ok().map(Some) }).collect()
}

/// A grader's judgement of one answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The requirement is met.
    Pass {
        /// Why.
        why: Why,
    },
    /// The requirement is not met.
    Fail {
        /// Why.
        why: Why,
    },
    /// A value from 0 to 1; finite.
    Score {
        /// The value.
        value: f64,
        /// Why.
        why: Why,
    },
    /// The grader could not judge; says nothing about the model.
    Ungradable {
        /// Why.
        why: Why,
    },
}

impl Verdict {
    /// Pass or fail, with a reason.
    pub fn decide(passed: bool, why: impl Into<String>) -> Self {
        let why = Why::text(why);
        if passed { Self::Pass { why } } else { Self::Fail { why } }
    }

    /// A score; anything outside 0 to 1, or not a number, is ungradable.
    pub fn score(value: f64, why: impl Into<String>) -> Self {
        let why = Why::text(why);
        if value.is_finite() && (0.0..=1.0).contains(&value) {
            Self::Score { value, why }
        } else {
            Self::Ungradable { why: Why::text(format!("score {value} is outside 0 to 1: {}", why.text)) }
        }
    }

    /// No judgement, with a reason.
    pub fn ungradable(why: impl Into<String>) -> Self {
        Self::Ungradable { why: Why::text(why) }
    }

    /// The reason.
    pub fn why(&self) -> &Why {
        match self {
            Self::Pass { why } | Self::Fail { why } | Self::Score { why, .. } | Self::Ungradable { why } => why,
        }
    }

    /// Lowest and highest value that is consistent with this verdict: missing is [0, 1].
    pub fn bounds(&self) -> (f64, f64) {
        match self {
            Self::Pass { .. } => (1.0, 1.0),
            Self::Fail { .. } => (0.0, 0.0),
            Self::Score { value, .. } => (*value, *value),
            Self::Ungradable { .. } => (0.0, 1.0),
        }
    }
}
