//! `all`, `any`, `not`, `weighted`: graders of graders, by interval arithmetic.
//!
//! Each verdict stands for the interval of values it is consistent with: a pass is [1, 1], a fail [0, 0], a score
//! [v, v], and what could not be judged [0, 1]. On binary verdicts this is Kleene's strong three-valued logic, so
//! that an outage never makes a negated grader pass.

use std::marker::PhantomData;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::json;

use super::Grader;
use super::Step;
use super::compile;
use super::compile::Compiled;
use super::compile::Context;
use super::compile::Problem;
use super::params::Common;
use super::params::Full;
use super::params::ParamInfo;
use super::params::Params;
use super::spec::ByName;
use super::spec::GraderSpec;
use super::spec::NAMES;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use crate::domain::Case;
use crate::domain::Verdict;

/// How verdicts become one.
pub trait Operator: std::fmt::Debug + Clone + PartialEq + Send + Sync + 'static {
    /// Takes exactly one grader.
    const SINGLE: bool = false;
    /// Takes a threshold.
    const THRESHOLD: bool = false;

    /// The interval of the whole, from intervals and weights of the parts.
    fn interval(parts: &[((f64, f64), f64)]) -> (f64, f64);
}

macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident { $($body:tt)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name;

        impl Operator for $name { $($body)* }
    )*};
}

operators! {
    /// The least of all.
    All {
        fn interval(parts: &[((f64, f64), f64)]) -> (f64, f64) {
            parts.iter().fold((1.0, 1.0), |all, ((low, high), _)| (low.min(all.0), high.min(all.1)))
        }
    }
    /// The greatest of all.
    Any {
        fn interval(parts: &[((f64, f64), f64)]) -> (f64, f64) {
            parts.iter().fold((0.0, 0.0), |any, ((low, high), _)| (low.max(any.0), high.max(any.1)))
        }
    }
    /// The opposite.
    Not {
        const SINGLE: bool = true;
        fn interval(parts: &[((f64, f64), f64)]) -> (f64, f64) {
            parts.first().map_or((0.0, 1.0), |((low, high), _)| (1.0 - high, 1.0 - low))
        }
    }
    /// The weighted mean; what is missing keeps its weight.
    Weighted {
        const THRESHOLD: bool = true;
        fn interval(parts: &[((f64, f64), f64)]) -> (f64, f64) {
            let total: f64 = parts.iter().map(|(_, weight)| weight).sum();
            if total <= 0.0 {
                return (0.0, 1.0);
            }
            let (low, high) = parts.iter().fold((0.0, 0.0), |sum: (f64, f64), ((low, high), weight)| {
                (sum.0 + weight * low, sum.1 + weight * high)
            });
            ((low / total).clamp(0.0, 1.0), (high / total).clamp(0.0, 1.0))
        }
    }
}

/// A combination as the suite states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination<O> {
    /// The parts.
    pub of: Vec<GraderSpec>,
    /// The value from which on the whole passes.
    pub min: Option<f64>,
    operator: PhantomData<O>,
}

struct CombinationVisitor<O>(PhantomData<O>);

impl<'de, O: Operator> Visitor<'de> for CombinationVisitor<O> {
    type Value = Full<Combination<O>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if O::SINGLE { "a grader" } else { "a list of graders" })
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let part = GraderSpec::deserialize(serde::de::value::StrDeserializer::new(name))?;
        Ok(full(Common::default(), vec![part], None))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut of = Vec::new();
        while let Some(part) = seq.next_element()? {
            of.push(part);
        }
        Ok(full(Common::default(), of, None))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut common, mut of, mut min) = (Common::default(), Vec::new(), None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" => common.id = Some(map.next_value()?),
                "when" => common.when = map.next_value()?,
                "weight" => common.weight = map.next_value()?,
                "min" if O::THRESHOLD => min = Some(map.next_value()?),
                "of" => of.extend(map.next_value::<Parts>()?.0),
                name if NAMES.contains(&name) => of.push(map.next_value_seed(ByName(name))?),
                _ if O::THRESHOLD => return Err(A::Error::unknown_field(&key, &["id", "when", "weight", "min", "of"])),
                _ => return Err(A::Error::unknown_field(&key, &["id", "when", "weight", "of"])),
            }
        }
        Ok(full(common, of, min))
    }
}

fn full<O>(common: Common, of: Vec<GraderSpec>, min: Option<f64>) -> Full<Combination<O>> {
    Full { common, params: Combination { of, min, operator: PhantomData } }
}

/// One grader or a list of them.
struct Parts(Vec<GraderSpec>);

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let full = deserializer.deserialize_any(CombinationVisitor::<All>(PhantomData))?;
        Ok(Self(full.params.of))
    }
}

impl<'de, O: Operator> Deserialize<'de> for Full<Combination<O>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CombinationVisitor(PhantomData))
    }
}

impl<O: Operator> Params for Combination<O> {
    fn about() -> Vec<ParamInfo> {
        let grader = json!({"$ref": "#/$defs/grader"});
        let several = json!({"type": "array", "items": grader, "minItems": 1});
        let of = if O::SINGLE { grader } else { several };
        let mut params = vec![ParamInfo { name: "of", help: "The graders combined.", required: false, schema: of }];
        if O::THRESHOLD {
            let schema = json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1});
            let help = "The value from which on the whole passes.";
            params.push(ParamInfo { name: "min", help, required: false, schema });
        }
        params
    }
}

impl<O: Operator> Spec for Combination<O> {
    fn rule(&self, context: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let mut problems = self.shape();
        let mut parts = Vec::new();
        for (at, part) in self.of.iter().enumerate() {
            match compile::compile(part, context) {
                Ok(compiled) if compiled.iter().any(|part| part.rival().is_some()) => {
                    let message = "another target's answer is known when the run is over; give the grader a place of its own in `graders:`";
                    problems.push(Problem::at(format!("of[{at}].{}.against", part.kind.name()), message));
                }
                Ok(compiled) => parts.extend(compiled),
                Err(more) => {
                    problems.extend(more.into_iter().map(|p| p.within(part.kind.name()).within(&format!("of[{at}]"))));
                }
            }
        }
        if O::THRESHOLD && problems.is_empty() && parts.iter().map(|part| part.weight).sum::<f64>() <= 0.0 {
            problems.push(Problem::at("of", "the weights sum to zero; give one grader a weight"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Box::new(Combined::<O> { parts, min: self.min, operator: PhantomData }))
    }

    fn files(&self) -> Vec<String> {
        self.of.iter().flat_map(GraderSpec::files).collect()
    }

    fn targets(&self) -> Vec<String> {
        self.of.iter().flat_map(GraderSpec::targets).collect()
    }

    fn labels(&self) -> Vec<String> {
        self.of.iter().flat_map(GraderSpec::labels).collect()
    }

    fn runs_code(&self) -> bool {
        self.of.iter().any(GraderSpec::runs_code)
    }

    fn sees_refusals(&self) -> bool {
        self.of.iter().any(|part| part.kind.sees_refusals())
    }
}

impl<O: Operator> Combination<O> {
    fn shape(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.of.is_empty() {
            problems.push(Problem::at("of", "name the graders to combine"));
        }
        if O::SINGLE && self.of.len() > 1 {
            problems.push(Problem::at("of", "takes one grader; combine several with `all` or `any` inside"));
        }
        if let Some(min) = self.min
            && !(min > 0.0 && min <= 1.0)
        {
            problems.push(Problem::at("min", format!("`{min}` is no threshold; write a number above 0 and up to 1")));
        }
        problems
    }
}

struct Combined<O> {
    parts: Vec<Compiled>,
    min: Option<f64>,
    operator: PhantomData<O>,
}

impl<O: Operator> Rule for Combined<O> {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        let parts = self.parts.iter().filter(|part| part.applies_to(subject.case));
        let steps: Vec<(Step, f64, String)> =
            parts.map(|part| (part.grade(subject.case, subject.answer), part.weight, part.id.to_string())).collect();
        gather::<O>(steps.into_iter(), Vec::new(), self.min)
    }

    fn objection(&self, case: &Case) -> Option<String> {
        self.parts.iter().filter(|part| part.applies_to(case)).find_map(|part| part.objection(case))
    }

    fn parts(&self) -> &[Compiled] {
        &self.parts
    }
}

/// A judged part: its verdict, weight and name.
type Judged = (Verdict, f64, String);

/// Takes the steps one by one and stops as soon as the rest cannot change the result.
fn gather<O: Operator>(
    mut rest: std::vec::IntoIter<(Step, f64, String)>,
    mut judged: Vec<Judged>,
    min: Option<f64>,
) -> Step {
    let open = rest.as_slice().iter().map(|(_, weight, _)| ((0.0, 1.0), *weight));
    let parts: Vec<((f64, f64), f64)> = judged.iter().map(|(v, w, _)| (v.bounds(), *w)).chain(open).collect();
    let (low, high) = O::interval(&parts);
    if let (false, Some((step, weight, id))) = (decided(low, high), rest.next()) {
        return step.then(move |verdict| {
            judged.push((verdict, weight, id));
            gather::<O>(rest, judged, min)
        });
    }
    Step::Done(conclude((low, high), &judged, min))
}

fn decided(low: f64, high: f64) -> bool {
    low.to_bits() == high.to_bits()
}

fn conclude((low, high): (f64, f64), judged: &[Judged], min: Option<f64>) -> Verdict {
    let why = judged.iter().map(|(verdict, _, id)| format!("{id}: {}", word(verdict))).collect::<Vec<_>>().join(", ");
    match min {
        Some(min) if low >= min => Verdict::decide(true, format!("{low:.3} of {min}; {why}")),
        Some(min) if high < min => Verdict::decide(false, format!("{high:.3} of {min}; {why}")),
        None if decided(low, high) && low >= 1.0 => Verdict::decide(true, why),
        None if decided(low, high) && low <= 0.0 => Verdict::decide(false, why),
        None if decided(low, high) => Verdict::score(low, why),
        _ => Verdict::ungradable(format!("between {low:.3} and {high:.3}; {}", reasons(judged))),
    }
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass { .. } => "pass".into(),
        Verdict::Fail { why } => format!("fail ({})", why.text),
        Verdict::Score { value, .. } => format!("{value:.3}"),
        Verdict::Ungradable { why } => format!("ungradable ({})", why.text),
    }
}

fn reasons(judged: &[Judged]) -> String {
    let missing = judged.iter().filter(|(verdict, ..)| matches!(verdict, Verdict::Ungradable { .. }));
    missing.map(|(verdict, _, id)| format!("{id}: {}", verdict.why().text)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::testing::judge;
    use crate::grade::testing::problems;
    use crate::grade::testing::spec;
    use proptest::prelude::*;

    const PASS: ((f64, f64), f64) = ((1.0, 1.0), 2.0);
    const MISSING: ((f64, f64), f64) = ((0.0, 1.0), 1.0);

    /// Weights exact 2 (pass), judge 1 (missing), length 1 (score 0.5): [0.625, 0.875].
    #[test]
    fn weighted_means_keep_what_is_missing() {
        let parts = [PASS, MISSING, ((0.5, 0.5), 1.0)];
        assert_eq!(Weighted::interval(&parts), (0.625, 0.875));
        let verdict = |min| conclude(Weighted::interval(&parts), &[], Some(min));
        assert!(matches!(verdict(0.6), Verdict::Pass { .. }));
        assert!(matches!(verdict(0.7), Verdict::Ungradable { .. }));
        assert!(matches!(verdict(0.9), Verdict::Fail { .. }));
    }

    #[test]
    fn missing_stays_missing_and_one_fail_decides() {
        let fail = ((0.0, 0.0), 1.0);
        assert_eq!(Not::interval(&[(Any::interval(&[fail, MISSING]), 1.0)]), (0.0, 1.0));
        assert_eq!(All::interval(&[fail, MISSING]), (0.0, 0.0));
        assert_eq!(Any::interval(&[PASS, MISSING]), (1.0, 1.0));
    }

    #[test]
    fn combinations_are_read_and_judged() {
        let rows = [
            (json!({"all": [{"contains": {"value": "a"}}, {"contains": {"value": "b"}}]}), "ab", (1.0, 1.0)),
            (json!({"all": [{"contains": {"value": "a"}}, {"contains": {"value": "b"}}]}), "a", (0.0, 0.0)),
            (json!({"any": {"of": [{"contains": {"value": "a"}}, "json"], "id": "x"}}), "a", (1.0, 1.0)),
            (json!({"not": {"contains": {"value": "a"}}}), "a", (0.0, 0.0)),
            (json!({"not": "json"}), "a", (1.0, 1.0)),
            (json!({"not": {"of": "json", "id": "prose"}}), "{}", (0.0, 0.0)),
            (json!({"not": {"max_ttft": "1s"}}), "a", (0.0, 1.0)),
            (json!({"all": [{"max_ttft": "1s"}, {"contains": {"value": "x"}}]}), "a", (0.0, 0.0)),
            (json!({"weighted": {"of": [{"contains": {"value": "a", "weight": 3}}, "json"]}}), "a", (0.75, 0.75)),
            (
                json!({"weighted": {"of": [{"contains": {"value": "a", "weight": 3}}, "json"], "min": 0.7}}),
                "a",
                (1.0, 1.0),
            ),
        ];
        for (spec, text, bounds) in rows {
            assert_eq!(judge(spec.clone(), json!(null), text).bounds(), bounds, "{spec}");
        }
    }

    #[test]
    fn problems_are_named_where_they_are() {
        assert!(problems(json!({"all": [{"regex": {"pattern": "("}}]}))[0].starts_with("of[0].regex.pattern: "));
        assert!(problems(json!({"weighted": {"of": ["json"], "min": 0}}))[0].starts_with("min: "));
        assert!(problems(json!({"weighted": {"of": [{"json": {"weight": 0}}]}}))[0].contains("zero"));
        assert!(problems(json!({"not": ["json", "json"]}))[0].contains("one grader"));
        assert!(problems(json!({"all": []}))[0].contains("name the graders"));
        assert_eq!(spec(json!({"all": [{"json_schema": {"schema": "a.json"}}]})).files(), ["a.json"]);
    }

    proptest! {
        #[test]
        fn intervals_stay_intervals(parts in prop::collection::vec((0.0f64..=1.0, 0.0f64..=1.0, 0.0f64..5.0), 1..6)) {
            let parts: Vec<_> = parts.into_iter().map(|(a, b, w)| ((a.min(b), a.max(b)), w)).collect();
            for (low, high) in [All::interval(&parts), Any::interval(&parts), Not::interval(&parts), Weighted::interval(&parts)] {
                prop_assert!(0.0 <= low && low <= high + 1e-12 && high <= 1.0, "{low} {high}");
            }
        }
    }
}
