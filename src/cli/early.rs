//! The rule of early stopping between the plan, the manifest and `analyze`.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::analyze::early::Asked;
use crate::analyze::early::Rule;
use crate::domain::LoadId;
use crate::domain::Phase;
use crate::load::Plan;
use crate::load::Stop;
use crate::store::Manifest;
use crate::suite::Suite;

/// What the plan fixes of early stopping: the order in which each load asks the cases.
pub fn stored(suite: &Suite, plan: &Plan) -> Option<Value> {
    let rule = suite.early.decided.then(|| order(plan))?;
    let load =
        |(id, asked): (&LoadId, &Asked)| (id.to_string(), json!({ "cases": asked.cases, "repeats": asked.repeats }));
    Some(json!({ "loads": rule.orders.iter().map(load).collect::<serde_json::Map<_, _>>() }))
}

/// What each cell of a load asks, in order, for loads that end by a number of trials.
fn order(plan: &Plan) -> Rule {
    let mut orders = BTreeMap::new();
    for (at, cell) in plan.cells.iter().enumerate() {
        let repeats = match cell.load.stop {
            Stop::Cases => plan.repeats,
            Stop::Requests(_) => u32::MAX,
            Stop::Duration(_) | Stop::Precision { .. } => continue,
        };
        let own = plan.segments.iter().filter(|s| s.cell.0 as usize == at && s.phase == Phase::Measure);
        let cases = own.flat_map(|segment| (0..segment.trials).map(|k| segment.slot(k).case));
        let counts = |case: &u32| plan.cases.get(*case as usize).is_some_and(|case| !case.canary);
        orders.entry(cell.load.id.clone()).or_insert_with(|| Asked { cases: cases.filter(counts).collect(), repeats });
    }
    Rule { orders }
}

/// The rule of early stopping that a manifest keeps.
pub fn rule(manifest: &Manifest) -> Option<Rule> {
    let loads = manifest.extra.get("stop_when")?.get("loads")?.as_object()?;
    let asked = |(id, load): (&String, &Value)| {
        let cases = load["cases"].as_array()?.iter().filter_map(|case| u32::try_from(case.as_u64()?).ok()).collect();
        let repeats = load["repeats"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
        Some((id.as_str().into(), Asked { cases, repeats }))
    };
    Some(Rule { orders: loads.iter().filter_map(asked).collect() })
}
