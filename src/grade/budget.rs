//! `max_ttft`, `max_e2e`, `max_cost`: limits that one trial must keep.
//!
//! A figure that is unknown is ungradable, never a pass.

use super::compile::Context;
use super::compile::Problem;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::decide;
use crate::domain::Answer;
use crate::domain::Verdict;
use crate::text::number::short;
use crate::text::parse_duration;

params! {
    /// Parameters of `max_ttft`.
    pub struct MaxTtft {
        /// The longest time to the first token, such as `500ms`.
        limit: Text,
    }
    from ttft
}

params! {
    /// Parameters of `max_e2e`.
    pub struct MaxE2e {
        /// The longest time to the last token, such as `8s`.
        limit: Text,
    }
    from e2e
}

params! {
    /// Parameters of `max_cost`.
    pub struct MaxCost {
        /// The highest cost in US dollars, such as `0.002`.
        limit: Text,
    }
    from cost
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that every short form has")]
fn ttft(text: &str) -> Result<MaxTtft, String> {
    Ok(MaxTtft { limit: Text(text.to_owned()) })
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that every short form has")]
fn e2e(text: &str) -> Result<MaxE2e, String> {
    Ok(MaxE2e { limit: Text(text.to_owned()) })
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that every short form has")]
fn cost(text: &str) -> Result<MaxCost, String> {
    Ok(MaxCost { limit: Text(text.to_owned()) })
}

impl Spec for MaxTtft {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        Ok(at_most("ttft", milliseconds(&self.limit)?, "ms", |answer| answer.ttft_ms))
    }
}

impl Spec for MaxE2e {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        Ok(at_most("e2e", milliseconds(&self.limit)?, "ms", |answer| answer.e2e_ms))
    }
}

impl Spec for MaxCost {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let text = self.limit.0.to_lowercase();
        let text = text.trim().trim_start_matches('$').trim_end_matches("usd").trim();
        let limit = text.parse().ok().filter(|usd: &f64| usd.is_finite() && *usd >= 0.0);
        let limit =
            limit.ok_or_else(|| vec![Problem::at("limit", format!("`{}` is no cost; write `0.002`", self.limit.0))])?;
        Ok(at_most("cost", limit, "USD", |answer| answer.cost.map(crate::domain::Usd::as_f64)))
    }
}

fn milliseconds(limit: &Text) -> Result<f64, Vec<Problem>> {
    let limit = parse_duration(&limit.0).map_err(|message| vec![Problem::at("limit", message)])?;
    Ok(limit.as_secs_f64() * 1000.0)
}

fn at_most(name: &'static str, limit: f64, unit: &'static str, of: fn(&Answer) -> Option<f64>) -> Box<dyn Rule> {
    decide(move |subject| match of(subject.answer).filter(|value| value.is_finite()) {
        None => Verdict::ungradable(format!("{name} is unknown")),
        Some(value) => {
            Verdict::decide(value <= limit, format!("{name} {} {unit}, limit {} {unit}", short(value), short(limit)))
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::Answer;
    use crate::domain::Usd;
    use crate::domain::Verdict;
    use crate::grade::Grader;
    use crate::grade::testing::case;
    use crate::grade::testing::done;
    use crate::grade::testing::grader;
    use crate::grade::testing::problems;
    use serde_json::json;

    #[test]
    fn limits_are_inclusive_and_unknown_is_no_pass() {
        let known = Answer {
            ttft_ms: Some(500.0),
            e2e_ms: Some(2500.0),
            cost: Some(Usd::from_f64(0.002)),
            ..Answer::default()
        };
        let rows = [
            (json!({"max_ttft": "500ms"}), true),
            (json!({"max_ttft": {"limit": "0.4s", "id": "fast"}}), false),
            (json!({"max_e2e": "3s"}), true),
            (json!({"max_cost": 0.002}), true),
            (json!({"max_cost": "0.0019 usd"}), false),
        ];
        for (spec, passed) in rows {
            let grade = grader(spec.clone());
            let verdict = done(grade.grade(&case(&json!(null)), &known));
            assert_eq!(matches!(verdict, Verdict::Pass { .. }), passed, "{spec}");
            let verdict = done(grade.grade(&case(&json!(null)), &Answer::default()));
            assert!(matches!(verdict, Verdict::Ungradable { .. }), "{spec}");
        }
        assert!(problems(json!({"max_ttft": "500"}))[0].starts_with("limit"));
        assert!(problems(json!({"max_cost": "cheap"}))[0].contains("no cost"));
    }
}
