//! Money, exact: prices and costs in integers of a millionth of a millionth of a dollar.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::ops::Sub;
use std::str::FromStr;

use super::Usage;

/// An amount of US dollars in units of 1e-12 USD. Sums are exact up to nine million dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(pub i64);

const PICO: f64 = 1e12;

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The nearest representable amount.
    pub fn from_f64(usd: f64) -> Self {
        Self((usd * PICO).round() as i64)
    }

    /// The amount in dollars.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PICO
    }
}

impl FromStr for Usd {
    type Err = String;

    /// Parses a plain decimal such as `0.0036` without a detour through binary floating point.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a decimal amount of at most 12 places");
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || fraction.len() > 12 || !plain(whole) || !plain(fraction) {
            return Err(bad());
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| bad())? };
        let fraction: i64 = format!("{fraction:0<12}").parse().map_err(|_| bad())?;
        whole
            .checked_mul(1_000_000_000_000)
            .and_then(|w| w.checked_add(fraction))
            .map(|v| Self(sign * v))
            .ok_or_else(bad)
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Where a cost comes from, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// The provider stated it in the reply.
    Billed,
    /// Usage times price.
    Computed,
    /// Booked for a reply without usage, such as an aborted stream.
    Estimated,
    /// No usage or no price.
    Unknown,
}

impl Basis {
    /// The contract's name, as in `cost_basis`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Billed => "billed",
            Self::Computed => "computed",
            Self::Estimated => "estimated",
            Self::Unknown => "unknown",
        }
    }
}

/// A cost and where it comes from; `usd` is `None` exactly when the basis is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The amount.
    pub usd: Option<Usd>,
    /// Its origin.
    pub basis: Basis,
}

impl Cost {
    /// A cost that nothing is known of.
    pub const UNKNOWN: Self = Self { usd: None, basis: Basis::Unknown };
}

/// Prices that hold from a prompt length on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The tier holds for prompts of more than this many tokens.
    pub above_tokens: u64,
    /// USD per million input tokens.
    pub input: Usd,
    /// USD per million output tokens.
    pub output: Usd,
    /// USD per million cached input tokens.
    pub cached_input: Option<Usd>,
}

/// What an endpoint charges. Amounts are USD per million tokens unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Input tokens.
    pub input: Usd,
    /// Output tokens, reasoning included unless priced apart.
    pub output: Usd,
    /// Input tokens served from the provider's cache; `None` means charged as input.
    pub cached_input: Option<Usd>,
    /// Input tokens written to the provider's cache; `None` means charged as input.
    pub cache_write: Option<Usd>,
    /// Reasoning tokens where they cost other than output.
    pub reasoning: Option<Usd>,
    /// USD per request.
    pub per_request: Usd,
    /// Other prices for long prompts, ascending by `above_tokens`; the whole request is charged at its tier.
    pub tiers: Vec<Tier>,
    /// Who says so; empty where the suite's author did.
    pub source: String,
    /// When it was said, as an ISO date; empty where unknown.
    pub as_of: String,
}

impl Price {
    /// Cost of `usage`; `None` when input or output tokens are unknown.
    pub fn of(&self, usage: &Usage) -> Option<Usd> {
        let (input, output) = (usage.input?, usage.output?);
        let tier = self.tiers.iter().rev().find(|tier| input > tier.above_tokens);
        let (in_rate, out_rate) = tier.map_or((self.input, self.output), |t| (t.input, t.output));
        let cached_rate = tier.map_or(self.cached_input, |t| t.cached_input).unwrap_or(in_rate);
        let cached = usage.cached.unwrap_or(0).min(input);
        let written = usage.cache_write.unwrap_or(0).min(input - cached);
        let reasoning = if self.reasoning.is_some() { usage.reasoning.unwrap_or(0).min(output) } else { 0 };
        let parts = [
            (input - cached - written, in_rate),
            (cached, cached_rate),
            (written, self.cache_write.unwrap_or(in_rate)),
            (output - reasoning, out_rate),
            (reasoning, self.reasoning.unwrap_or(out_rate)),
        ];
        let per_million: i128 = parts.iter().map(|&(n, rate)| i128::from(n) * i128::from(rate.0)).sum();
        let tokens = (per_million + 500_000).div_euclid(1_000_000);
        Some(Usd(i64::try_from(tokens).unwrap_or(i64::MAX)) + self.per_request)
    }
}

impl fmt::Display for Usd {
    /// Dollars with as many places as needed, at least two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let pico = self.0.unsigned_abs();
        let fraction = format!("{:012}", pico % 1_000_000_000_000);
        let kept = fraction.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{}.{}", pico / 1_000_000_000_000, &fraction[..kept])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        Price {
            input: "0.10".parse().unwrap(),
            output: "0.40".parse().unwrap(),
            cached_input: None,
            cache_write: None,
            reasoning: None,
            per_request: Usd::ZERO,
            tiers: vec![Tier {
                above_tokens: 128_000,
                input: "0.20".parse().unwrap(),
                output: "0.80".parse().unwrap(),
                cached_input: None,
            }],
            source: String::new(),
            as_of: String::new(),
        }
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input: Some(input), output: Some(output), ..Usage::default() }
    }

    #[test]
    fn decimals_are_exact() {
        for text in ["0.10", "0.0036", "14.00", "0.000000000001", "-1.50"] {
            assert_eq!(text.parse::<Usd>().unwrap().to_string(), text);
        }
        for text in ["", ".", "1e3", "0.0000000000001", "ten", "1.2.3", "--1", "99999999999"] {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_long_prompt_is_charged_whole_at_its_tier() {
        assert_eq!(price().of(&usage(1000, 1000)).unwrap().to_string(), "0.0005");
        assert_eq!(price().of(&usage(128_000, 0)).unwrap().to_string(), "0.0128");
        assert_eq!(price().of(&usage(128_001, 0)).unwrap().to_string(), "0.0256002");
    }

    #[test]
    fn cached_and_reasoning_tokens_are_charged_once() {
        let mut p = price();
        p.cached_input = Some("0.01".parse().unwrap());
        p.reasoning = Some("1.00".parse().unwrap());
        let mut u = usage(100_000, 100_000);
        u.cached = Some(50_000);
        u.reasoning = Some(25_000);
        assert_eq!(p.of(&u).unwrap().to_string(), "0.0605");
    }

    #[test]
    fn unknown_tokens_have_no_cost() {
        assert_eq!(price().of(&Usage { input: Some(1), ..Usage::default() }), None);
    }
}
