//! How estimates are written: two significant digits in the half-width, the value to the same place.

use crate::analyze::Estimate;
use crate::analyze::summary::SloResult;
use crate::text::number::short;

/// The unit that a column is shown in, chosen once for all of its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unit {
    /// Shown value = raw value divided by this.
    pub(crate) per: f64,
    /// The unit's name for headings; empty for plain counts.
    pub(crate) name: &'static str,
}

impl Unit {
    /// Values as they are.
    pub(crate) const fn plain(name: &'static str) -> Self {
        Self { per: 1.0, name }
    }

    /// Shares as percentages.
    pub(crate) const PERCENT: Self = Self { per: 0.01, name: "%" };

    /// Milliseconds or what suits the largest of them.
    pub(crate) fn time(values: impl IntoIterator<Item = f64>) -> Self {
        let scale = crate::text::number::scale_ms(values);
        Self { per: scale.per, name: scale.unit }
    }

    /// Dollars, for a thousand of the thing when one costs less than a cent.
    pub(crate) fn money(values: impl IntoIterator<Item = f64>) -> Self {
        let largest = values.into_iter().filter(|v| v.is_finite()).fold(0.0, f64::max);
        if largest < 0.01 { Self { per: 0.001, name: "USD per 1000" } } else { Self::plain("USD") }
    }
}

/// An estimate in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Written {
    /// The value without unit, or why there is none.
    pub(crate) value: String,
    /// The interval in brackets; empty where there is none.
    pub(crate) interval: String,
    /// How the interval came about and from how many.
    pub(crate) basis: String,
}

impl Written {
    /// Value and interval in one line.
    pub(crate) fn line(&self) -> String {
        if self.interval.is_empty() { self.value.clone() } else { format!("{} {}", self.value, self.interval) }
    }
}

/// The estimate in `unit`.
pub(crate) fn estimate(e: &Estimate, unit: Unit) -> Written {
    let basis = match e.method {
        crate::analyze::Method::None => format!("n = {}", e.n),
        crate::analyze::Method::Exact => format!("total over n = {}", e.n),
        method => format!("{} {:.0} %, n = {}", method.name(), e.level * 100.0, e.n),
    };
    let Some(value) = e.value else {
        let value = match e.needed_n {
            Some(needed) if needed > e.n => format!("n/a (n = {} < {needed})", e.n),
            _ => "n/a".to_owned(),
        };
        return Written { value, interval: String::new(), basis };
    };
    let places = places(e, unit);
    let interval = match (e.low, e.high) {
        (Some(low), Some(high)) if low.total_cmp(&high).is_eq() && high.total_cmp(&value).is_eq() => String::new(),
        (Some(low), Some(high)) if high.is_finite() => {
            format!("[{}, {}]", fixed(low / unit.per, places), fixed(high / unit.per, places))
        }
        (Some(low), Some(_)) => format!("[{}, ∞)", fixed(low / unit.per, places)),
        _ => String::new(),
    };
    Written { value: fixed(value / unit.per, places), interval, basis }
}

/// Decimal places so that the half-width keeps two significant digits; `None` lets the value decide.
fn places(e: &Estimate, unit: Unit) -> Option<usize> {
    let half = (e.high? - e.low?) / 2.0 / unit.per;
    if !half.is_finite() || half <= 0.0 {
        return None;
    }
    let needed = 1 - half.log10().floor() as i32;
    // More digits than six say nothing about a model, whatever the width of an interval.
    let digits_before = (e.value? / unit.per).abs().max(1e-12).log10().floor() as i32;
    Some(needed.min(5 - digits_before).clamp(0, 9) as usize)
}

/// A number with that many places, or about three significant digits.
pub(crate) fn fixed(value: f64, places: Option<usize>) -> String {
    match places {
        Some(places) if value.is_finite() => super::chart::axis::grouped(value, places),
        _ => short(value),
    }
}

/// The measured value in the unit that the objective speaks of.
pub(crate) fn measured(slo: &SloResult) -> String {
    let unit = objective_unit(&slo.slo);
    let written = estimate(&slo.value, unit);
    if unit.name.is_empty() || slo.value.value.is_none() {
        written.line()
    } else {
        format!("{} {}", written.line(), unit.name)
    }
}

/// The unit that an objective's own text is written in.
fn objective_unit(text: &str) -> Unit {
    use crate::analyze::slo_expr::Unit as Of;
    match crate::analyze::slo_expr::parse_slo(text).map(|slo| slo.unit) {
        Ok(Of::Ms) => Unit::plain("ms"),
        Ok(Of::Share) => Unit::PERCENT,
        Ok(Of::Usd) => Unit::plain("USD"),
        _ => Unit::plain(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::Method;

    #[track_caller]
    fn check(e: Estimate, unit: Unit, expected: &str) {
        assert_eq!(estimate(&e, unit).line(), expected);
    }

    #[test]
    fn the_interval_decides_the_digits() {
        let e = |v, l, h| Estimate::new(v, l, h, Method::Wilson, 812);
        check(e(0.7321, 0.7012, 0.7613), Unit::PERCENT, "73.2 [70.1, 76.1]");
        check(e(412.37, 380.2, 455.9), Unit::plain("ms"), "412 [380, 456]");
        check(e(412.37, 412.2, 412.9), Unit::plain("ms"), "412.37 [412.20, 412.90]");
        check(e(12_345.0, 12_000.0, 12_700.0), Unit::plain("ms"), "12\u{202f}345 [12\u{202f}000, 12\u{202f}700]");
        check(e(900.0, 800.0, f64::INFINITY), Unit::plain("ms"), "900 [800, ∞)");
        check(e(f64::INFINITY, 800.0, f64::INFINITY), Unit::plain("ms"), "∞ [800, ∞)");
        check(e(5.0, 5.0, 5.0), Unit::plain(""), "5.00");
    }

    #[test]
    fn what_is_withheld_says_what_is_needed() {
        check(Estimate::needs(12, 72), Unit::plain("ms"), "n/a (n = 12 < 72)");
        check(Estimate::none(0), Unit::plain("ms"), "n/a");
        check(Estimate::point(2.5, 1), Unit::plain("ms"), "2.50");
    }
}
