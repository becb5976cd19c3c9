//! Numbers for people: units chosen once per column, digits by precision.

/// A unit with its factor: the displayed value is the raw one divided by `per`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Raw units per displayed unit.
    pub per: f64,
    /// The unit's symbol.
    pub unit: &'static str,
}

/// The scale for a column of milliseconds, chosen by its largest finite value.
pub fn scale_ms(values: impl IntoIterator<Item = f64>) -> Scale {
    let largest = values.into_iter().filter(|v| v.is_finite()).fold(0.0, f64::max);
    match largest {
        v if v >= 600_000.0 => Scale { per: 60_000.0, unit: "min" },
        v if v >= 10_000.0 => Scale { per: 1000.0, unit: "s" },
        v if v > 0.0 && v < 1.0 => Scale { per: 0.001, unit: "µs" },
        _ => Scale { per: 1.0, unit: "ms" },
    }
}

/// `value` with about three significant digits, never in exponent form; `∞` and `n/a` for what is no number.
pub fn short(value: f64) -> String {
    if value.is_nan() {
        return "n/a".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "-∞".into() };
    }
    let places = match value.abs() {
        v if v >= 100.0 || v == 0.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        v => (2 - v.log10().floor() as i32).clamp(0, 12) as usize,
    };
    format!("{value:.places$}")
}

/// A share as a percentage with one place, such as `91.2 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A count with its noun: `1 case`, `12 cases`.
pub fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_keeps_three_digits() {
        let rows = [
            (0.0, "0"),
            (1234.5, "1234"),
            (12.34, "12.3"),
            (1.234, "1.23"),
            (0.01234, "0.0123"),
            (f64::INFINITY, "∞"),
            (f64::NAN, "n/a"),
        ];
        for (value, expected) in rows {
            assert_eq!(short(value), expected);
        }
    }

    #[test]
    fn a_column_has_one_unit() {
        assert_eq!(scale_ms([1.0, 20_000.0]).unit, "s");
        assert_eq!(scale_ms([900.0, f64::INFINITY]).unit, "ms");
    }
}
