//! What `judge-check` prints and writes: figures with intervals, attacks, requirements.

use serde_json::Value;
use serde_json::json;

use super::rates::Rate;
use crate::analyze::Estimate;
use crate::analyze::judges;
use crate::analyze::judges::Found;
use crate::cli::exit::Exit;
use crate::domain::Usd;
use crate::grade::Requirement;
use crate::text::plain::one_line;

/// One judge with all that is known about it.
pub(super) struct Judge {
    /// The grader's name.
    pub(super) grader: String,
    /// Whom it asks.
    pub(super) asks: Vec<String>,
    /// Verdicts given.
    pub(super) decided: u64,
    /// The figures.
    pub(super) found: Found,
    /// What the suite requires.
    pub(super) required: Vec<Requirement>,
    /// Cost of the check.
    pub(super) usd: Usd,
    /// Requests made.
    pub(super) calls: u64,
}

impl Judge {
    fn figure(&self, name: &str) -> Estimate {
        let found = self.found.figures.iter().find(|(known, _)| *known == name);
        found.map_or(Estimate::none(0), |(_, figure)| *figure)
    }

    fn holds(&self, required: &Requirement) -> Option<bool> {
        judges::holds(&self.figure(required.figure), required.limit, required.at_most)
    }

    /// Below a requirement is a failed gate; an interval that holds the limit is no answer.
    pub(super) fn exit(&self) -> Exit {
        let exit = |required: &Requirement| match self.holds(required) {
            Some(true) => Exit::Ok,
            Some(false) => Exit::Gate,
            None => Exit::Inconclusive,
        };
        self.required.iter().map(exit).fold(Exit::Ok, Exit::worse)
    }
}

fn word(holds: Option<bool>) -> &'static str {
    match holds {
        Some(true) => "met",
        Some(false) => "missed",
        None => "inconclusive",
    }
}

/// What a figure means, in a few words.
fn meaning(name: &str) -> &'static str {
    match name {
        "agreement" => "verdicts equal to the label",
        "kappa" => "agreement beyond chance (Cohen)",
        "sensitivity" => "good answers that pass",
        "specificity" => "bad answers that do not pass",
        "flip_rate" => "verdicts that change with the order, or when asked again",
        "repeat_flip_rate" => "verdicts that change when asked again",
        "length_bias" => "rank correlation of error and length; above 0 favors long answers",
        "attack_success" => "bad answers that pass with an injection",
        _ => "questions without a verdict",
    }
}

fn shown(figure: &Estimate) -> String {
    let Some(value) = figure.value else { return format!("n/a, n = {}", figure.n) };
    match (figure.low, figure.high) {
        (Some(low), Some(high)) => {
            format!("{value:.3} [{low:.3}, {high:.3}] {}, n = {}", figure.method.name(), figure.n)
        }
        _ => format!("{value:.3} (no interval), n = {}", figure.n),
    }
}

/// For people.
pub(super) fn text(judges: &[Judge], rates: &[Rate]) -> String {
    let mut text = judges.iter().map(one).collect::<Vec<_>>().join("\n");
    if !rates.is_empty() {
        text.push_str("\ncorrected by these labels (prediction-powered inference):\n");
    }
    for rate in rates {
        let names = one_line(&format!("{} in {}", rate.grader, rate.cell), 100);
        let (raw, corrected) = (shown(&rate.raw), shown(&rate.corrected));
        text.extend(["  ", &names, "\n    judge     ", &raw, "\n    corrected ", &corrected, " labelled\n"]);
    }
    text
}

fn one(judge: &Judge) -> String {
    let asks: Vec<String> = judge.asks.iter().map(|name| one_line(name, 60)).collect();
    let mut lines = vec![format!(
        "judge `{}` ({}): {} labelled answers, {} requests, {} USD",
        one_line(&judge.grader, 60),
        asks.join(", "),
        judge.found.labelled,
        judge.calls,
        judge.usd
    )];
    for (name, figure) in &judge.found.figures {
        lines.push(format!("  {name:<17} {:<46} {}", shown(figure), meaning(name)));
    }
    if let Some(alpha) = judge.found.alpha {
        lines.push(format!("  {:<17} {alpha:<46.3} agreement of the judges (Krippendorff, ordinal)", "alpha"));
    }
    for (name, figure) in &judge.found.attacks {
        lines.push(format!("    attack {name:<13} {}", shown(figure)));
    }
    for required in &judge.required {
        let sign = if required.at_most { "<=" } else { ">=" };
        lines.push(format!("  require {} {sign} {}: {}", required.figure, required.limit, word(judge.holds(required))));
    }
    lines
        .push("  Brackets are 95 % intervals; a gate decides only where the whole interval lies on one side.\n".into());
    lines.join("\n")
}

/// For programs.
pub(super) fn json(judges: &[Judge], rates: &[Rate]) -> String {
    let all: Vec<Value> = judges.iter().map(as_json).collect();
    let rate = |rate: &Rate| {
        let cell = &rate.cell;
        json!({
            "grader": rate.grader, "target": cell.target.as_str(), "mode": cell.mode.as_str(),
            "prompt": cell.prompt.as_str(), "load": cell.load.as_str(), "judge": estimate(&rate.raw),
            "corrected": estimate(&rate.corrected),
        })
    };
    let rates: Vec<Value> = rates.iter().map(rate).collect();
    let exit = judges.iter().map(Judge::exit).fold(Exit::Ok, Exit::worse);
    let document = json!({"schema": 1, "judges": all, "corrected": rates, "exit": exit.code()});
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn as_json(judge: &Judge) -> Value {
    let figures = judge.found.figures.iter().map(|(name, figure)| ((*name).to_owned(), estimate(figure)));
    let attacks = judge.found.attacks.iter().map(|(name, figure)| (name.clone(), estimate(figure)));
    let required: Vec<Value> = judge
        .required
        .iter()
        .map(|r| {
            let kind = if r.at_most { "max" } else { "min" };
            json!({"figure": r.figure, kind: r.limit, "verdict": word(judge.holds(r))})
        })
        .collect();
    json!({
        "grader": judge.grader, "targets": judge.asks, "labelled": judge.found.labelled, "requests": judge.calls,
        "cost_usd": judge.usd.to_string().parse::<f64>().ok(), "alpha": judge.found.alpha,
        "figures": figures.collect::<serde_json::Map<_, _>>(), "attacks": attacks.collect::<serde_json::Map<_, _>>(),
        "require": required,
    })
}

fn estimate(e: &Estimate) -> Value {
    json!({"value": e.value, "low": e.low, "high": e.high, "level": e.level, "method": e.method.name(), "n": e.n,
        "needed_n": e.needed_n})
}
