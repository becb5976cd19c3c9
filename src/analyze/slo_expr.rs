//! Service-level objectives as text: `p95(ttft) <= 400ms for mode=minimal, load=c16`.
//!
//! ```text
//! slo       = value op bound [ "for" key "=" name { "," key "=" name } ]
//! value     = statistic "(" metric ")" | metric
//! statistic = "mean" | "min" | "max" | "p" number          0 < number < 100
//! op        = "<=" | "<" | ">=" | ">"
//! key       = "target" | "mode" | "prompt" | "load"
//! ```
//!
//! Parsing only: whether an objective is met is decided elsewhere. Every error carries the byte range of `text` that
//! is wrong, so that a caller can put a caret under it.

use std::fmt;
use std::ops::Range;

use super::reduce::Reducer;
use crate::domain::GraderId;
use crate::text::nearest;
use crate::text::parse_duration;

/// An objective, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct SloSpec {
    /// As the author wrote it.
    pub text: String,
    /// How the metric's values become one number; `None` for metrics of a whole cell, such as `error_rate`.
    pub statistic: Option<Statistic>,
    /// What is measured.
    pub metric: SloMetric,
    /// How it is compared.
    pub op: Op,
    /// The bound, in `unit`.
    pub bound: f64,
    /// Unit of the bound and of the metric.
    pub unit: Unit,
    /// Which cells must meet it.
    pub scope: Scope,
}

/// How many values become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Nearest-rank percentile, as a share in (0, 1): 0.95 for `p95`.
    Percentile(f64),
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Percentile(share) => write!(f, "p{}", (share * 1e8).round() / 1e6),
        }
    }
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// At most.
    Le,
    /// Less than.
    Lt,
    /// At least.
    Ge,
    /// More than.
    Gt,
}

impl Op {
    /// Whether `value` compares to `bound` as wanted; never for what is not a number.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Le => value <= bound,
            Self::Lt => value < bound,
            Self::Ge => value >= bound,
            Self::Gt => value > bound,
        }
    }

    /// The bound is an upper one: small values are good.
    pub fn is_upper(self) -> bool {
        matches!(self, Self::Le | Self::Lt)
    }

    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Le => "<=",
            Self::Lt => "<",
            Self::Ge => ">=",
            Self::Gt => ">",
        }
    }
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// A share in [0, 1].
    Share,
    /// US dollars.
    Usd,
    /// A count of tokens.
    Tokens,
    /// Tokens per second.
    TokensPerSecond,
    /// Requests per second.
    RequestsPerSecond,
}

/// What an objective measures, by the names of the public contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SloMetric {
    /// Due to first byte written.
    Queue,
    /// Due to response headers.
    Ttfb,
    /// Due to first generated token.
    Ttft,
    /// Due to first token of the answer.
    Ttfa,
    /// Due to last token.
    E2e,
    /// Time per output token after the first, per trial.
    Tpot,
    /// Gaps between token-bearing events, pooled.
    Itl,
    /// A trial's longest gap.
    ItlMax,
    /// Output tokens per second after the first, per trial.
    OutputTps,
    /// Output tokens over the whole time, per trial.
    E2eTps,
    /// Finished trials per second of the window.
    ThroughputRps,
    /// Output tokens per second of the window.
    ThroughputTps,
    /// Prompt tokens per trial.
    InputTokens,
    /// Cached prompt tokens per trial.
    CachedTokens,
    /// Reasoning tokens per trial.
    ReasoningTokens,
    /// Output tokens per trial.
    OutputTokens,
    /// Cost per trial.
    CostUsd,
    /// Cost of the cell over its trials.
    CostPerCase,
    /// Cost of the cell over its passed trials.
    CostPerPass,
    /// Share of graded trials that pass.
    PassRate,
    /// Share of trials that failed on the path.
    ErrorRate,
    /// Share of trials that pass every grader and every per-trial limit.
    Goodput,
    /// A grader's mean score.
    Score(GraderId),
    /// Repeats of a case reduced to one value, such as `pass@3`.
    Reduced(Reducer),
}

use SloMetric as M;

/// A metric's name, unit, and whether it has a value per trial (or per gap) that a statistic must summarize.
type Row = (&'static str, SloMetric, Unit, bool);

const METRICS: [Row; 22] = [
    ("queue", M::Queue, Unit::Ms, true),
    ("ttfb", M::Ttfb, Unit::Ms, true),
    ("ttft", M::Ttft, Unit::Ms, true),
    ("ttfa", M::Ttfa, Unit::Ms, true),
    ("e2e", M::E2e, Unit::Ms, true),
    ("tpot", M::Tpot, Unit::Ms, true),
    ("itl", M::Itl, Unit::Ms, true),
    ("itl_max", M::ItlMax, Unit::Ms, true),
    ("output_tps", M::OutputTps, Unit::TokensPerSecond, true),
    ("e2e_tps", M::E2eTps, Unit::TokensPerSecond, true),
    ("throughput_rps", M::ThroughputRps, Unit::RequestsPerSecond, false),
    ("throughput_tps", M::ThroughputTps, Unit::TokensPerSecond, false),
    ("input_tokens", M::InputTokens, Unit::Tokens, true),
    ("cached_tokens", M::CachedTokens, Unit::Tokens, true),
    ("reasoning_tokens", M::ReasoningTokens, Unit::Tokens, true),
    ("output_tokens", M::OutputTokens, Unit::Tokens, true),
    ("cost_usd", M::CostUsd, Unit::Usd, true),
    ("cost_per_case", M::CostPerCase, Unit::Usd, false),
    ("cost_per_pass", M::CostPerPass, Unit::Usd, false),
    ("pass_rate", M::PassRate, Unit::Share, false),
    ("error_rate", M::ErrorRate, Unit::Share, false),
    ("goodput", M::Goodput, Unit::Share, false),
];

impl SloMetric {
    /// The metric called `name`; `score.<grader>` names a grader's score.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(grader) = name.strip_prefix("score.") {
            return (!grader.is_empty()).then(|| Self::Score(grader.into()));
        }
        let known = METRICS.iter().find(|row| row.0 == name).map(|row| row.1.clone());
        known.or_else(|| Reducer::named(name).map(Self::Reduced))
    }

    /// Names of all metrics but the scores.
    pub fn names() -> impl Iterator<Item = &'static str> {
        METRICS.iter().map(|row| row.0)
    }

    /// The contract's name.
    pub fn name(&self) -> String {
        match self {
            Self::Score(grader) => format!("score.{grader}"),
            Self::Reduced(reducer) => reducer.to_string(),
            _ => self.row().map_or_else(String::new, |row| row.0.to_owned()),
        }
    }

    /// The unit of its values.
    pub fn unit(&self) -> Unit {
        self.row().map_or(Unit::Share, |row| row.2)
    }

    /// It has many values per cell, so that a statistic must say which is meant.
    pub fn is_sampled(&self) -> bool {
        self.row().is_some_and(|row| row.3)
    }

    fn row(&self) -> Option<&'static Row> {
        METRICS.iter().find(|row| row.1 == *self)
    }
}

/// Which cells an objective holds for; `None` means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The target's id.
    pub target: Option<String>,
    /// The mode's name.
    pub mode: Option<String>,
    /// The prompt's id.
    pub prompt: Option<String>,
    /// The load's id.
    pub load: Option<String>,
}

impl Scope {
    /// Whether a cell with these names is meant.
    pub fn covers(&self, target: &str, mode: &str, prompt: &str, load: &str) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        fits(&self.target, target) && fits(&self.mode, mode) && fits(&self.prompt, prompt) && fits(&self.load, load)
    }

    fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "target" => &mut self.target,
            "mode" => &mut self.mode,
            "prompt" => &mut self.prompt,
            "load" => &mut self.load,
            _ => return None,
        })
    }
}

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SloError {
    /// Bytes of the expression that are wrong.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

/// Parses an objective.
///
/// # Errors
/// The first thing that is wrong, with its place in `text`.
pub fn parse_slo(text: &str) -> Result<SloSpec, SloError> {
    let (op_at, op) = find_op(text)?;
    let after = op_at + op.symbol().len();
    let (bound_end, scope) = split_scope(text, after)?;
    let (statistic, metric) = parse_value(text, 0..op_at)?;
    let unit = metric.unit();
    let bound = parse_bound(text, after..bound_end, unit)?;
    Ok(SloSpec { text: text.to_owned(), statistic, metric, op, bound, unit, scope })
}

/// Parses a value such as `p95(ttft)` or `error_rate`, as stop rules use it.
///
/// # Errors
/// The first thing that is wrong, with its place in `text`.
pub fn parse_metric(text: &str) -> Result<(Option<Statistic>, SloMetric), SloError> {
    parse_value(text, 0..text.len())
}

fn problem<T>(at: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Result<T, SloError> {
    Err(SloError { at, message: message.into(), help: help.into() })
}

const EXAMPLE: &str = "write a comparison such as `p95(ttft) <= 400ms`";

fn find_op(text: &str) -> Result<(usize, Op), SloError> {
    let Some(at) = text.find(['<', '>', '=']) else {
        return problem(0..text.len(), format!("`{text}` has no comparison"), EXAMPLE);
    };
    let rest = &text[at..];
    let op = match (rest.starts_with("<="), rest.starts_with(">="), &rest[..1]) {
        (true, ..) => Op::Le,
        (_, true, _) => Op::Ge,
        (_, _, "<") => Op::Lt,
        (_, _, ">") => Op::Gt,
        _ => return problem(at..at + 1, "`=` is no comparison of an objective", "use `<=`, `<`, `>=` or `>`"),
    };
    Ok((at, op))
}

/// End of the bound, and the scope behind the word `for`.
fn split_scope(text: &str, from: usize) -> Result<(usize, Scope), SloError> {
    let mut scope = Scope::default();
    let word = text[from..].match_indices("for").map(|(i, _)| from + i).find(|&i| {
        let ends = text[i + 3..].chars().next().is_none_or(char::is_whitespace);
        ends && text[..i].ends_with(char::is_whitespace)
    });
    let Some(word) = word else { return Ok((text.len(), scope)) };
    let mut at = word + 3;
    for part in text[at..].split(',') {
        read_scope(&mut scope, part, at)?;
        at += part.len() + 1;
    }
    Ok((word, scope))
}

fn read_scope(scope: &mut Scope, part: &str, at: usize) -> Result<(), SloError> {
    let span = trimmed(part, at);
    let Some((key, value)) = part.split_once('=') else {
        return problem(span, format!("`{}` is no condition", part.trim()), "write `for mode=minimal, load=c16`");
    };
    let (key, value) = (key.trim(), value.trim());
    let Some(slot) = scope.slot(key) else {
        return problem(span, format!("`{key}` is no part of a cell"), "use target, mode, prompt or load");
    };
    if value.is_empty() {
        return problem(span, format!("`{key}` is compared with nothing"), format!("write `{key}=NAME`"));
    }
    if slot.replace(value.to_owned()).is_some() {
        return problem(span, format!("`{key}` is given twice"), "name each part of a cell once");
    }
    Ok(())
}

fn trimmed(part: &str, at: usize) -> Range<usize> {
    let start = at + (part.len() - part.trim_start().len());
    start..(start + part.trim().len()).max(start)
}

fn parse_value(text: &str, within: Range<usize>) -> Result<(Option<Statistic>, SloMetric), SloError> {
    let at = trimmed(&text[within.clone()], within.start);
    let value = &text[at.clone()];
    if value.is_empty() {
        return problem(at, "nothing is compared", EXAMPLE);
    }
    let Some((head, tail)) = value.split_once('(') else {
        let metric = find_metric(value, at.clone())?;
        return need_statistic(metric, at);
    };
    let Some(inner) = tail.strip_suffix(')') else {
        return problem(at, format!("`{value}` lacks its closing parenthesis"), format!("write `{head}(METRIC)`"));
    };
    let statistic = parse_statistic(head.trim(), trimmed(head, at.start))?;
    let inner_at = trimmed(inner, at.start + head.len() + 1);
    let metric = find_metric(inner.trim(), inner_at)?;
    refuse_statistic(statistic, metric, at)
}

fn need_statistic(metric: SloMetric, at: Range<usize>) -> Result<(Option<Statistic>, SloMetric), SloError> {
    if metric.is_sampled() {
        let name = metric.name();
        let help = format!("say which of its values is meant, such as `p95({name})` or `mean({name})`");
        return problem(at, format!("`{name}` has a value for every trial"), help);
    }
    Ok((None, metric))
}

fn refuse_statistic(
    statistic: Statistic,
    metric: SloMetric,
    at: Range<usize>,
) -> Result<(Option<Statistic>, SloMetric), SloError> {
    let name = metric.name();
    match metric {
        M::Score(_) if statistic == Statistic::Mean => Ok((None, metric)),
        _ if metric.is_sampled() => Ok((Some(statistic), metric)),
        _ => problem(at, format!("`{name}` is one number per cell and has no {statistic}"), format!("write `{name}`")),
    }
}

fn parse_statistic(word: &str, at: Range<usize>) -> Result<Statistic, SloError> {
    // The shift happens in decimal, so that `p99.9` is the number 0.999 and not its neighbor.
    let share = word.strip_prefix('p').and_then(|digits| format!("{digits}e-2").parse::<f64>().ok());
    match (word, share) {
        ("mean" | "avg", _) => Ok(Statistic::Mean),
        ("min", _) => Ok(Statistic::Min),
        ("max", _) => Ok(Statistic::Max),
        ("median", _) => Ok(Statistic::Percentile(0.5)),
        (_, Some(share)) if share > 0.0 && share < 1.0 => Ok(Statistic::Percentile(share)),
        (_, Some(_)) => problem(at, format!("`{word}` is no percentile"), "a percentile lies between p0 and p100"),
        _ => problem(at, format!("`{word}` is no statistic"), "use mean, min, max, p50, p90, p95, p99 or another pN"),
    }
}

fn find_metric(name: &str, at: Range<usize>) -> Result<SloMetric, SloError> {
    if let Some(metric) = SloMetric::named(name) {
        return Ok(metric);
    }
    let help = match nearest(name, SloMetric::names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the metrics are {} and score.<grader>", SloMetric::names().collect::<Vec<_>>().join(", ")),
    };
    problem(at, format!("`{name}` is no metric"), help)
}

fn parse_bound(text: &str, within: Range<usize>, unit: Unit) -> Result<f64, SloError> {
    let at = trimmed(&text[within.clone()], within.start);
    let bound = &text[at.clone()];
    if bound.is_empty() {
        return problem(at.start..at.start, "the bound is missing", EXAMPLE);
    }
    let value = match unit {
        Unit::Ms => match parse_duration(bound) {
            Ok(duration) => return Ok(duration.as_secs_f64() * 1e3),
            Err(why) => return problem(at, why, "a time is written with its unit, such as `400ms` or `8s`"),
        },
        Unit::Share => share(bound),
        Unit::Usd => dollars(bound),
        Unit::Tokens => with_unit(bound, &["tokens", "tok"]),
        Unit::TokensPerSecond => with_unit(bound, &["tok/s", "tokens/s", "tps", "/s"]),
        Unit::RequestsPerSecond => with_unit(bound, &["req/s", "rps", "/s"]),
    };
    match value {
        Some(value) => Ok(value),
        None => problem(at, format!("`{bound}` is no {}", unit.noun()), unit.help()),
    }
}

fn plain_number(text: &str) -> Option<f64> {
    let digits = text.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| digits.parse().ok()).flatten()
}

fn share(text: &str) -> Option<f64> {
    let value = match text.strip_suffix('%') {
        Some(percent) => plain_number(percent)? / 100.0,
        None => plain_number(text)?,
    };
    (0.0..=1.0).contains(&value).then_some(value)
}

fn dollars(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix('$') {
        Some(rest) => plain_number(rest),
        None => plain_number(lower.strip_suffix("usd")?),
    }
}

fn with_unit(text: &str, units: &[&str]) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let bare = units.iter().find_map(|unit| lower.strip_suffix(unit));
    plain_number(bare.unwrap_or(&lower))
}

impl Unit {
    fn noun(self) -> &'static str {
        match self {
            Self::Ms => "time",
            Self::Share => "share between 0% and 100%",
            Self::Usd => "amount of money",
            Self::Tokens => "number of tokens",
            Self::TokensPerSecond => "number of tokens per second",
            Self::RequestsPerSecond => "number of requests per second",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Ms => "write `400ms` or `8s`",
            Self::Share => "write `1%` or `0.01`",
            Self::Usd => "write `0.002 usd`",
            Self::Tokens => "write `200` or `200 tokens`",
            Self::TokensPerSecond => "write `50` or `50 tok/s`",
            Self::RequestsPerSecond => "write `5` or `5 rps`",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::proptest;

    use super::*;

    #[track_caller]
    fn check(text: &str, statistic: Option<Statistic>, metric: SloMetric, op: Op, bound: f64) {
        let slo = parse_slo(text).unwrap();
        assert_eq!((slo.statistic, slo.metric, slo.op), (statistic, metric, op), "{text}");
        assert!((slo.bound - bound).abs() < 1e-12, "{text}: {}", slo.bound);
    }

    #[test]
    fn the_objectives_of_the_contract_parse() {
        let p = |share| Some(Statistic::Percentile(share));
        check("p95(ttft) <= 400ms", p(0.95), M::Ttft, Op::Le, 400.0);
        check("p99(e2e) <= 8s for mode=minimal, load=c16", p(0.99), M::E2e, Op::Le, 8000.0);
        check("error_rate <= 1%", None, M::ErrorRate, Op::Le, 0.01);
        check("pass_rate >= 90%", None, M::PassRate, Op::Ge, 0.9);
        check("cost_per_pass <= 0.002 usd", None, M::CostPerPass, Op::Le, 0.002);
        check("pass@3 >= 90%", None, M::Reduced(Reducer::PassAt(3)), Op::Ge, 0.9);
        check("pass^2 > 0.5 for mode=low", None, M::Reduced(Reducer::PassHat(2)), Op::Gt, 0.5);
        check("goodput>=95%", None, M::Goodput, Op::Ge, 0.95);
        check("mean( tpot ) < 20ms", Some(Statistic::Mean), M::Tpot, Op::Lt, 20.0);
        check("mean(score.helpful) > 0.8", None, M::Score("helpful".into()), Op::Gt, 0.8);
        check("throughput_tps >= 500 tok/s", None, M::ThroughputTps, Op::Ge, 500.0);
        check("p99.9(itl) <= 1m30s", p(0.999), M::Itl, Op::Le, 90_000.0);
    }

    #[test]
    fn a_scope_names_cells() {
        let slo = parse_slo("p99(e2e) <= 8s for mode=minimal, load=c16").unwrap();
        assert!(slo.scope.covers("any", "minimal", "any", "c16"));
        assert!(!slo.scope.covers("any", "high", "any", "c16"));
        assert!(!slo.scope.covers("any", "minimal", "any", "c1"));
    }

    #[track_caller]
    fn wrong(text: &str, at: &str, message: &str, help: &str) {
        let error = parse_slo(text).unwrap_err();
        assert_eq!(&text[error.at.clone()], at, "{error:?}");
        assert!(error.message.contains(message) && error.help.contains(help), "{error:?}");
    }

    #[test]
    fn errors_point_at_what_is_wrong() {
        wrong("p95(ttft) 400ms", "p95(ttft) 400ms", "no comparison", "<=");
        wrong("p95(tfft) <= 400ms", "tfft", "no metric", "`ttft`");
        wrong("p95(ttft) <= 400", "400", "no unit", "unit");
        wrong("ttft <= 400ms", "ttft", "every trial", "p95(ttft)");
        wrong("p95(error_rate) <= 1%", "p95(error_rate)", "one number per cell", "`error_rate`");
        wrong("p101(ttft) <= 1s", "p101", "no percentile", "p100");
        wrong("q95(ttft) <= 1s", "q95", "no statistic", "p95");
        wrong("error_rate <= 200%", "200%", "no share", "1%");
        wrong("cost_per_pass <= 0.25", "0.25", "no amount", "usd");
        wrong("goodput == 95%", "=", "no comparison", ">=");
        wrong("goodput >= 95% for room=kitchen", "room=kitchen", "no part of a cell", "mode");
        wrong("goodput >= 95% for mode=a, mode=b", "mode=b", "twice", "once");
        wrong("goodput >=", "", "missing", "p95");
        wrong("p95(ttft <= 1s", "p95(ttft", "closing", "p95(METRIC)");
    }

    #[test]
    fn names_and_metrics_correspond() {
        for name in SloMetric::names() {
            assert_eq!(SloMetric::named(name).unwrap().name(), name);
        }
        assert_eq!(Statistic::Percentile(0.999).to_string(), "p99.9");
    }

    proptest! {
        #[test]
        fn nothing_makes_the_parser_panic(text in any::<String>()) {
            if let Err(error) = parse_slo(&text) {
                assert!(text.get(error.at).is_some());
            }
        }

        #[test]
        fn nor_anything_that_looks_right(text in "(p95|mean|é)?\\(?(ttft|score\\.é)\\)? ?[<>=]{0,2} ?[0-9.]{0,4}(ms|%|é)? ?(for)? ?[a-zé=,]{0,9}") {
            if let Err(error) = parse_slo(&text) {
                assert!(text.get(error.at).is_some());
            }
        }
    }
}
