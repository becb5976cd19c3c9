//! Durations as people write them: `400ms`, `8s`, `1m30s`, `2h`.

use std::time::Duration;

/// Parses a duration with unit. The units are `ns`, `us`, `ms`, `s`, `m` (or `min`) and `h`; parts may be joined.
///
/// # Errors
/// A sentence that says what is wrong and what would be right; a bare number names the missing unit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return Err("a duration is missing; write a number with a unit, such as `400ms` or `8s`".into());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let value: f64 =
            number.parse().map_err(|_| format!("`{text}` is not a duration; write `400ms`, `8s` or `1m30s`"))?;
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        total += value * seconds_of(unit).ok_or_else(|| unit_problem(text, unit))?;
        rest = tail.trim_start();
    }
    Duration::try_from_secs_f64(total).map_err(|_| format!("`{text}` is too long a duration"))
}

fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

fn unit_problem(text: &str, unit: &str) -> String {
    if unit.is_empty() {
        format!("`{text}` has no unit; write `{text}ms` or `{text}s`")
    } else {
        format!("`{unit}` is not a unit of time; use ns, us, ms, s, m or h")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("400ms"), Ok(Duration::from_millis(400)));
        assert_eq!(parse_duration(" 400 ms"), Ok(Duration::from_millis(400)));
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("0.5s"), Ok(Duration::from_millis(500)));
        assert!(parse_duration("60").unwrap_err().contains("`60ms` or `60s`"));
        assert!(parse_duration("5 parsecs").is_err());
        assert!(parse_duration("").is_err());
        assert!(parse_duration("-5s").is_err());
    }
}
