//! A number with what is known about its error. No point estimate leaves this room without one.

use std::fmt;

/// How an interval came about; the names appear in files and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Wilson score interval of a proportion.
    Wilson,
    /// Exact binomial interval.
    ClopperPearson,
    /// Student's t over independent values.
    T,
    /// Cluster-robust error, t with one degree of freedom less than clusters.
    Cr1,
    /// Tango's score interval of a paired difference.
    Tango,
    /// Bias-corrected and accelerated bootstrap.
    Bca,
    /// Percentile bootstrap.
    Percentile,
    /// Order statistics: free of assumptions on the distribution.
    OrderStat,
    /// Bootstrap of blocks of time, so that dependence between neighbors counts.
    BlockBootstrap,
    /// Cluster-robust test inversion for a quantile of pooled values (Woodruff 1952).
    Woodruff,
    /// Anytime-valid confidence sequence.
    EbCs,
    /// Anytime-valid confidence sequence by bets: it holds although the run could stop on what it saw.
    BettingCs,
    /// Normal interval by the delta method.
    Delta,
    /// Fisher's z of a rank correlation, error after Bonett and Wright.
    FisherZ,
    /// Prediction-powered inference: a judge's figure corrected by people's labels.
    Ppi,
    /// A sum or count of everything that was measured; nothing is estimated.
    Exact,
    /// Too few data, or nothing to say.
    None,
}

impl Method {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::ClopperPearson => "clopper-pearson",
            Self::T => "t",
            Self::Cr1 => "cr1",
            Self::Tango => "tango",
            Self::Bca => "bca",
            Self::Percentile => "percentile",
            Self::OrderStat => "order-stat",
            Self::BlockBootstrap => "block-bootstrap",
            Self::Woodruff => "woodruff",
            Self::EbCs => "eb-cs",
            Self::BettingCs => "betting-cs",
            Self::Delta => "delta",
            Self::FisherZ => "fisher-z",
            Self::Ppi => "ppi",
            Self::Exact => "exact",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A number with its interval, level, method and n.
///
/// Never NaN. A latency value or limit may be `+infinity`: a failed trial counts as infinitely late.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The point estimate; `None` when it is withheld or undefined.
    pub value: Option<f64>,
    /// Lower limit; `None` when there is none.
    pub low: Option<f64>,
    /// Upper limit; `None` when there is none, `+infinity` when the data do not bound it.
    pub high: Option<f64>,
    /// Confidence level, such as 0.95.
    pub level: f64,
    /// How the interval was made.
    pub method: Method,
    /// Units of analysis behind it: trials, cases or windows.
    pub n: u64,
    /// How many units it takes in all, where there are too few for the value or for a verdict.
    pub needed_n: Option<u64>,
}

/// The level of every interval in a summary.
pub const LEVEL: f64 = 0.95;

impl Estimate {
    /// Nothing known, from `n` units.
    pub fn none(n: u64) -> Self {
        Self { value: None, low: None, high: None, level: LEVEL, method: Method::None, n, needed_n: None }
    }

    /// Withheld: `needed_n` units in all would do.
    pub fn needs(n: u64, needed_n: u64) -> Self {
        Self { needed_n: Some(needed_n), ..Self::none(n) }
    }

    /// A value with both limits.
    pub fn new(value: f64, low: f64, high: f64, method: Method, n: u64) -> Self {
        let real = |x: f64| (!x.is_nan()).then_some(x);
        Self { value: real(value), low: real(low), high: real(high), level: LEVEL, method, n, needed_n: None }
    }

    /// A value without limits, such as the mean of one trial.
    pub fn point(value: f64, n: u64) -> Self {
        Self { value: (!value.is_nan()).then_some(value), ..Self::none(n) }
    }

    /// Half of the interval's width over the value; `None` where either is missing, infinite or zero.
    pub fn relative_half_width(&self) -> Option<f64> {
        let (value, low, high) = (self.value?, self.low?, self.high?);
        let share = (high - low) / 2.0 / value.abs();
        share.is_finite().then_some(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_estimate_carries_nan() {
        let e = Estimate::new(f64::NAN, f64::NAN, f64::INFINITY, Method::T, 3);
        assert_eq!((e.value, e.low, e.high), (None, None, Some(f64::INFINITY)));
        assert_eq!(Estimate::point(f64::NAN, 1).value, None);
    }

    #[test]
    fn the_relative_half_width_needs_a_finite_interval() {
        assert_eq!(Estimate::new(10.0, 9.0, 11.0, Method::T, 9).relative_half_width(), Some(0.1));
        assert_eq!(Estimate::new(10.0, 9.0, f64::INFINITY, Method::OrderStat, 9).relative_half_width(), None);
        assert_eq!(Estimate::new(0.0, -1.0, 1.0, Method::T, 9).relative_half_width(), None);
    }
}
