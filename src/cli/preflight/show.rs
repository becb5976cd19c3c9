//! What preflight found, as tables for people and as JSON for programs.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;
use tabled::builder::Builder;
use tabled::settings::Style;

use super::Found;
use super::count::Counted;
use crate::domain::Outcome;
use crate::domain::Probe;
use crate::domain::Standing;
use crate::domain::TargetId;
use crate::provider::Endpoint;
use crate::provider::Mode;
use crate::store::manifest::ProbeInfo;
use crate::text::number::count;

/// Everything that was found online, to be shown.
pub struct Online<'a> {
    /// Of whom.
    pub endpoints: &'a [std::sync::Arc<Endpoint>],
    /// Problems of keys, by target; these were not asked.
    pub keyless: &'a BTreeMap<TargetId, String>,
    /// What was found.
    pub found: &'a Found,
    /// Prompt tokens, where the protocol counts them.
    pub counts: &'a BTreeMap<TargetId, Counted>,
}

impl Online<'_> {
    /// Some target that the plan needs is not to be had.
    pub fn has_gaps(&self) -> bool {
        let gone = |probe: &Probe| probe.standing == Standing::Unavailable && probe.candidate.is_empty();
        !self.keyless.is_empty() || self.found.probes.iter().any(gone)
    }

    /// Tables and sentences.
    pub fn text(&self) -> String {
        let mut parts = vec![self.table()];
        parts.extend(self.keyless.iter().map(|(target, why)| format!("{target}: {why}")));
        parts.extend(self.endpoints.iter().flat_map(|endpoint| self.remarks(endpoint)));
        let (n, cost) = (self.asked(), self.found.cost());
        parts.push(format!("asked {}, for {:.6} USD as far as it is known", count(n, "question"), cost.as_f64()));
        parts.join("\n")
    }

    fn asked(&self) -> u64 {
        self.found.probes.iter().filter(|probe| probe.outcome.is_some()).count() as u64
    }

    fn table(&self) -> String {
        let mut table = Builder::default();
        let head = ["target", "mode", "patch sent", "verdict", "mode is", "reasoning", "output", "ttft", "e2e", "cost"];
        table.push_record(head);
        for probe in &self.found.probes {
            table.push_record(record(probe, self.mode(probe)));
        }
        for target in self.keyless.keys() {
            table.push_record([target.as_str(), "", "", "unavailable: key", "", "", "", "", "", ""]);
        }
        let mut table = table.build();
        table.with(Style::blank());
        table.to_string()
    }

    fn mode(&self, probe: &Probe) -> Option<&Mode> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.id == probe.target)?;
        endpoint.modes.iter().find(|mode| mode.name == probe.mode)
    }

    fn remarks(&self, endpoint: &Endpoint) -> Vec<String> {
        let id = &endpoint.id;
        let mut lines = Vec::new();
        let probes = || self.found.probes.iter().filter(|probe| probe.target == *id);
        let mut said = Vec::new();
        for probe in probes().filter(|probe| probe.standing != Standing::Ok) {
            if !said.contains(&&probe.reason) {
                said.push(&probe.reason);
                let advice =
                    if probe.advice.is_empty() { String::new() } else { format!("\n  help: {}", probe.advice) };
                lines.push(format!("{id}: {}{advice}", probe.reason));
            }
        }
        lines.extend(self.listing(endpoint));
        lines.extend(candidates(endpoint, &probes().collect::<Vec<_>>()));
        if let Some(counts) = self.counts.get(id) {
            lines.extend(counted(id, counts));
        }
        lines
    }

    fn listing(&self, endpoint: &Endpoint) -> Option<String> {
        let (id, model) = (&endpoint.id, &endpoint.model);
        let listing = self.found.listings.get(id)?;
        self.found.probes.iter().find(|probe| probe.target == *id && probe.outcome.is_some())?;
        let n = listing.names.len();
        Some(match listing.has_model {
            None => format!("{id}: no models listing"),
            Some(true) => format!("{id}: `{model}` is one of {} listed", count(n as u64, "model")),
            Some(false) => {
                let near = crate::provider::aside::nearest_listed(&listing.names, model);
                let near = near.map_or(String::new(), |near| format!("; the nearest is `{near}`"));
                let answers = self.found.probes.iter().any(|p| p.target == *id && p.standing == Standing::Ok);
                let answers = if answers { ", though it answers" } else { "" };
                format!("{id}: `{model}` is not one of {} listed{answers}{near}", count(n as u64, "model"))
            }
        })
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let probes: Vec<Value> = self.found.probes.iter().map(|probe| self.probe_json(probe)).collect();
        let listing = |(id, listing): (&TargetId, &super::Listing)| {
            (id.to_string(), json!({ "models": listing.names.len(), "has_model": listing.has_model }))
        };
        let tokens = |(id, counted): (&TargetId, &Counted)| (id.to_string(), counted_json(counted));
        json!({
            "probes": probes,
            "keys": self.keyless.iter().map(|(id, why)| (id.to_string(), json!(why))).collect::<serde_json::Map<_, _>>(),
            "listings": self.found.listings.iter().map(listing).collect::<serde_json::Map<_, _>>(),
            "input_tokens_counted": self.counts.iter().map(tokens).collect::<serde_json::Map<_, _>>(),
            "questions": self.asked(),
            "cost_usd": self.found.cost().as_f64(),
        })
    }

    fn probe_json(&self, probe: &Probe) -> Value {
        let mut value = serde_json::to_value(ProbeInfo::from(probe)).unwrap_or_default();
        value["mode_is"] = mode_is(probe, self.mode(probe)).into();
        value["cost_usd"] = probe.cost.usd.map(crate::domain::Usd::as_f64).into();
        value
    }
}

fn counted(id: &TargetId, counts: &Counted) -> Vec<String> {
    let line = |prompt: &crate::domain::PromptId| {
        let (mean, n) = counts.mean(prompt)?;
        Some(format!("{id}: prompt `{prompt}` has {mean:.1} tokens by the provider's own count (mean of {n} cases)"))
    };
    let mut lines: Vec<String> = counts.tokens.keys().filter_map(line).collect();
    if lines.is_empty() {
        lines.push(format!("{id}: does not count tokens"));
    }
    lines
}

fn counted_json(counted: &Counted) -> Value {
    let one = |prompt: &crate::domain::PromptId| {
        let (mean, n) = counted.mean(prompt)?;
        Some((prompt.to_string(), json!({ "mean": mean, "cases": n })))
    };
    Value::Object(counted.tokens.keys().filter_map(one).collect())
}

fn record(probe: &Probe, mode: Option<&Mode>) -> [String; 10] {
    let number = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
    let ms = |t: Option<f64>| t.map_or(String::new(), |t| format!("{t:.0} ms"));
    let patch =
        if probe.sent_mode.as_str() == "{}" { "nothing".to_owned() } else { probe.sent_mode.as_str().to_owned() };
    let patch = if probe.candidate.is_empty() { patch } else { format!("{patch} ({})", probe.candidate) };
    let verdict = match probe.standing {
        Standing::Ok if probe.outcome == Some(Outcome::Ok) => "ok".to_owned(),
        Standing::Ok => format!("ok, {}", probe.outcome.map_or("", Outcome::name)),
        standing => format!("{}: {}", standing.name(), probe.cause),
    };
    let reasoning = match probe.reasoning_tokens {
        Some(n) => n.to_string(),
        None if probe.reasoned => "seen".to_owned(),
        None if probe.standing == Standing::Ok => "none seen".to_owned(),
        None => String::new(),
    };
    let cost = if probe.outcome.is_none() { String::new() } else { money(probe) };
    let mode_is = mode_is(probe, mode).to_owned();
    let (target, name) = (probe.target.to_string(), probe.mode.to_string());
    [
        target,
        name,
        patch,
        verdict,
        mode_is,
        reasoning,
        number(probe.output_tokens),
        ms(probe.ttft_ms),
        ms(probe.e2e_ms),
        cost,
    ]
}

fn money(probe: &Probe) -> String {
    probe.cost.usd.map_or("unknown".into(), |usd| format!("{:.6} USD", usd.as_f64()))
}

/// How the mode stands after the question: what was seen beats what is documented.
fn mode_is(probe: &Probe, mode: Option<&Mode>) -> &'static str {
    let patch = probe.sent_mode.as_str() != "{}";
    match (probe.standing, mode) {
        (Standing::Doubtful, Some(_)) if probe.cause == "refused" => "refused",
        (Standing::Unavailable | Standing::Doubtful, _) | (_, None) => "",
        _ if !patch => "the default",
        (_, Some(mode)) if mode.reasons == Some(false) && probe.reasoned => "NOT HONORED: it reasons",
        (_, Some(mode)) if mode.reasons == Some(true) && !probe.reasoned => "NOT SEEN: no reasoning",
        (_, Some(mode)) if mode.reasons.is_some() => "honored",
        (_, Some(mode)) if mode.verified => "verified",
        _ => "unverified",
    }
}

/// What the candidates of a target's unverified modes showed: the first that switches reasoning on and off is the one.
fn candidates(endpoint: &Endpoint, probes: &[&Probe]) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for probe in probes {
        if !names.contains(&probe.candidate.as_str()) {
            names.push(&probe.candidate);
        }
    }
    let unverified = |probe: &&&Probe| {
        endpoint.modes.iter().any(|mode| mode.name == probe.mode && !mode.verified && mode.patch.as_str() != "{}")
    };
    if names.len() < 2 || !probes.iter().any(|probe| unverified(&probe)) {
        return Vec::new();
    }
    let of = |name: &str| {
        probes.iter().filter(|probe| probe.candidate == name).filter(unverified).copied().collect::<Vec<_>>()
    };
    let separates = names.iter().find(|name| is_honored(endpoint, &of(name)));
    vec![match separates {
        Some(&"") => format!("{}: the patches in force switch reasoning as asked", endpoint.id),
        Some(name) => {
            let patches: Vec<String> =
                of(name).iter().map(|probe| format!("{}: {}", probe.mode, probe.sent_mode.as_str())).collect();
            format!(
                "{}: candidate `{name}` switches reasoning as asked; adopt it in the target: `modes: {{{}}}`",
                endpoint.id,
                patches.join(", ")
            )
        }
        None => format!(
            "{}: no candidate was seen to change anything in one question each; its modes cannot be told apart here",
            endpoint.id
        ),
    }]
}

/// All modes of a candidate answered, and reasoning was on and off where their names say so, each at least once.
fn is_honored(endpoint: &Endpoint, probes: &[&Probe]) -> bool {
    let wanted =
        |probe: &Probe| endpoint.modes.iter().find(|mode| mode.name == probe.mode).and_then(|mode| mode.reasons);
    let as_asked =
        probes.iter().all(|p| p.standing == Standing::Ok && wanted(p).is_none_or(|reasons| reasons == p.reasoned));
    as_asked && probes.iter().any(|p| p.reasoned) && probes.iter().any(|p| !p.reasoned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Basis;
    use crate::domain::Cost;
    use crate::domain::JsonText;
    use crate::provider::Catalog;
    use crate::provider::TargetSpec;
    use crate::provider::resolve;

    fn endpoint() -> Endpoint {
        let (model, provider) = (Some("seed-2.0-mini".into()), Some("modelslab".into()));
        resolve(&TargetSpec { model, provider, ..TargetSpec::default() }, &Catalog::embedded()).unwrap()
    }

    fn probe(mode: &str, candidate: &str, reasoned: bool) -> Probe {
        Probe {
            target: "seed-2.0-mini@modelslab".into(),
            mode: mode.into(),
            candidate: candidate.into(),
            sent_mode: JsonText::new(&json!({"x": mode})),
            standing: Standing::Ok,
            cause: "ok".into(),
            reason: String::new(),
            advice: String::new(),
            outcome: Some(Outcome::Ok),
            listed: None,
            input_tokens: Some(9),
            output_tokens: Some(4),
            reasoning_tokens: None,
            reasoned,
            ttft_ms: Some(10.0),
            e2e_ms: Some(20.0),
            cost: Cost { usd: None, basis: Basis::Unknown },
        }
    }

    #[test]
    fn the_candidate_that_switches_reasoning_is_named() {
        let endpoint = endpoint();
        let name = endpoint.candidates[0].0.clone();
        let ignored = [probe("minimal", "", true), probe("high", "", true)];
        let honored = [probe("minimal", &name, false), probe("high", &name, true)];
        let all: Vec<&Probe> = ignored.iter().chain(&honored).collect();
        let said = candidates(&endpoint, &all);
        assert!(
            said[0].contains(&format!("candidate `{name}` switches")) && said[0].contains("minimal: {\"x\""),
            "{said:?}"
        );
        let none: Vec<&Probe> = ignored.iter().chain([&ignored[0]]).collect();
        assert!(candidates(&endpoint, &none).is_empty(), "one candidate alone compares nothing");
    }

    #[test]
    fn what_is_seen_beats_what_is_documented() {
        let endpoint = endpoint();
        let mode = |name: &str| endpoint.modes.iter().find(|mode| mode.name.as_str() == name).unwrap();
        assert_eq!(mode_is(&probe("minimal", "", true), Some(mode("minimal"))), "NOT HONORED: it reasons");
        assert_eq!(mode_is(&probe("minimal", "", false), Some(mode("minimal"))), "honored");
        let refused = Probe { standing: Standing::Doubtful, cause: "refused".into(), ..probe("high", "", false) };
        assert_eq!(mode_is(&refused, Some(mode("high"))), "refused");
    }
}
