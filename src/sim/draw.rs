//! Distributions that a profile may name for times and counts, and how a value is drawn from one.
//!
//! ```yaml
//! ttft: 40ms                                        # constant
//! ttft: {normal: {mean: 40ms, sd: 5ms}}
//! ttft: {lognormal: {median: 40ms, sigma: 0.3}}
//! ttft: {empirical: [31ms, 35ms, 60ms]}             # one of these, equally likely
//! ttft: {mixture: [{weight: 9, of: 40ms}, {weight: 1, of: 400ms}]}    # bimodal and the like
//! ```

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::random::Stream;
use crate::text::parse_duration;

/// A distribution over non-negative numbers; draws below zero become zero.
#[derive(Debug, Clone, PartialEq)]
pub enum Draw {
    /// Always this value.
    Constant(f64),
    /// Normal, cut at zero.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        sd: f64,
    },
    /// Lognormal.
    Lognormal {
        /// Its median.
        median: f64,
        /// Standard deviation of its logarithm.
        sigma: f64,
    },
    /// One of these values, equally likely; never empty.
    Empirical(Vec<f64>),
    /// One of several distributions, by weight; never empty.
    Mixture(Vec<(f64, Self)>),
}

impl Draw {
    /// The next value.
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let value = match self {
            Self::Constant(value) => *value,
            Self::Normal { mean, sd } => mean + sd * stream.normal(),
            Self::Lognormal { median, sigma } => median * (sigma * stream.normal()).exp(),
            Self::Empirical(values) => values[stream.below(values.len() as u64) as usize],
            Self::Mixture(parts) => pick(parts, stream).sample(stream),
        };
        value.max(0.0)
    }
}

fn pick<'a>(parts: &'a [(f64, Draw)], stream: &mut Stream) -> &'a Draw {
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    let mut left = stream.uniform() * total;
    for (weight, part) in parts {
        left -= weight;
        if left < 0.0 {
            return part;
        }
    }
    &parts[parts.len() - 1].1
}

/// A distribution over durations, kept in nanoseconds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Delay(Draw);

impl Delay {
    /// Always this long.
    pub fn constant(value: Duration) -> Self {
        Self(Draw::Constant(value.as_nanos() as f64))
    }

    /// The next duration; a draw beyond a day is cut there.
    pub fn sample(&self, stream: &mut Stream) -> Duration {
        Duration::from_nanos(self.0.sample(stream).min(86_400e9) as u64)
    }
}

impl TryFrom<Value> for Delay {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        read(&value, &nanoseconds).map(Self)
    }
}

/// A distribution over counts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Count(Draw);

impl Count {
    /// Always this many.
    pub fn constant(value: u32) -> Self {
        Self(Draw::Constant(f64::from(value)))
    }

    /// The next count, rounded; a draw beyond a million is cut there.
    pub fn sample(&self, stream: &mut Stream) -> usize {
        self.0.sample(stream).round().min(1e6) as usize
    }
}

impl TryFrom<Value> for Count {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        read(&value, &plain).map(Self)
    }
}

type Unit<'a> = &'a dyn Fn(&Value) -> Result<f64, String>;

fn read(value: &Value, unit: Unit) -> Result<Draw, String> {
    let Value::Object(tagged) = value else { return unit(value).map(Draw::Constant) };
    let mut members = tagged.iter();
    let (Some((name, inner)), None) = (members.next(), members.next()) else {
        return Err("a distribution has one key: constant, normal, lognormal, empirical or mixture".into());
    };
    match name.as_str() {
        "constant" => unit(inner).map(Draw::Constant),
        "normal" => {
            let [mean, sd] = fields(name, inner, ["mean", "sd"])?;
            Ok(Draw::Normal { mean: unit(mean)?, sd: unit(sd)? })
        }
        "lognormal" => {
            let [median, sigma] = fields(name, inner, ["median", "sigma"])?;
            Ok(Draw::Lognormal { median: unit(median)?, sigma: plain(sigma)? })
        }
        "empirical" => {
            let values: Result<Vec<f64>, String> = list(name, inner)?.iter().map(unit).collect();
            values.map(Draw::Empirical)
        }
        "mixture" => {
            list(name, inner)?.iter().map(|part| weighted(part, unit)).collect::<Result<_, _>>().map(Draw::Mixture)
        }
        _ => Err(format!("`{name}` is no distribution; known: constant, normal, lognormal, empirical, mixture")),
    }
}

fn weighted(part: &Value, unit: Unit) -> Result<(f64, Draw), String> {
    let [weight, of] = fields("mixture", part, ["weight", "of"])?;
    let weight = plain(weight)?;
    if weight <= 0.0 {
        return Err("a weight in `mixture` must be above zero".into());
    }
    Ok((weight, read(of, unit)?))
}

fn list<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() { Err(format!("`{name}` needs a list with at least one entry")) } else { Ok(items) }
}

fn fields<'a, const N: usize>(name: &str, value: &'a Value, keys: [&str; N]) -> Result<[&'a Value; N], String> {
    match value.as_object() {
        Some(object) if object.len() == N && keys.iter().all(|key| object.contains_key(*key)) => {
            Ok(keys.map(|key| &object[key]))
        }
        _ => Err(format!("`{name}` needs exactly these keys: {}", keys.join(", "))),
    }
}

fn nanoseconds(value: &Value) -> Result<f64, String> {
    match value {
        Value::String(text) => parse_duration(text).map(|d| d.as_nanos() as f64),
        Value::Number(n) if n.as_f64() == Some(0.0) => Ok(0.0),
        other => Err(format!("`{other}` is not a duration; write it with a unit, such as `40ms`")),
    }
}

fn plain(value: &Value) -> Result<f64, String> {
    match value.as_f64() {
        Some(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err(format!("`{value}` is not a number of zero or more")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn delay(value: Value) -> Result<Delay, String> {
        Delay::try_from(value)
    }

    #[test]
    fn every_shape_is_read_and_drawn() {
        let shapes = [
            (json!("40ms"), 40.0, 40.0),
            (json!({"constant": "2ms"}), 2.0, 2.0),
            (json!({"normal": {"mean": "40ms", "sd": "1ms"}}), 39.9, 40.1),
            (json!({"lognormal": {"median": "10ms", "sigma": 0.1}}), 9.9, 10.2),
            (json!({"empirical": ["1ms", "3ms"]}), 1.9, 2.1),
            (json!({"mixture": [{"weight": 1, "of": "1ms"}, {"weight": 3, "of": {"constant": "5ms"}}]}), 3.9, 4.1),
        ];
        for (shape, low, high) in shapes {
            let mut stream = Stream::new(1, "draw");
            let draw = delay(shape.clone()).unwrap();
            let mean = (0..20_000).map(|_| draw.sample(&mut stream).as_secs_f64() * 1e3).sum::<f64>() / 20_000.0;
            assert!((low..=high).contains(&mean), "{shape}: {mean}");
        }
    }

    #[test]
    fn problems_say_what_would_be_right() {
        let rows = [
            (json!(40), "with a unit"),
            (json!({"gauss": 1}), "known: constant"),
            (json!({"normal": {"mean": "1ms"}}), "mean, sd"),
            (json!({"empirical": []}), "at least one"),
            (json!({"mixture": [{"weight": 0, "of": "1ms"}]}), "above zero"),
            (json!({"constant": "1ms", "normal": {}}), "one key"),
        ];
        for (shape, part) in rows {
            let problem = delay(shape).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        }
        assert!(Count::try_from(json!(-1)).is_err());
    }
}
