//! What more reasoning buys: modes of one target side by side.

pub mod steps;

use std::collections::BTreeMap;

use super::Metric;
use super::run::Run;
use super::slo::Evidence;
use super::summary::EffortCurve;
use super::summary::EffortPoint;
use super::trial::TrialRow;
use crate::domain::LoadId;
use crate::domain::ModeName;
use crate::domain::PromptId;
use crate::domain::TargetId;
use crate::stats::mean;
use crate::stats::paired;

/// A curve for every target, prompt and load that was run in two modes or more.
pub fn curves(run: &Run, cells: &[Evidence<'_>]) -> Vec<EffortCurve> {
    let mut groups: BTreeMap<(&TargetId, &PromptId, &LoadId), Vec<usize>> = BTreeMap::new();
    for (at, evidence) in cells.iter().enumerate() {
        let key = &evidence.cell.key;
        groups.entry((&key.target, &key.prompt, &key.load)).or_default().push(at);
    }
    let order = |key: &(&TargetId, &PromptId, &LoadId)| {
        run.targets.iter().position(|target| target.id == *key.0).unwrap_or(usize::MAX)
    };
    let mut groups: Vec<_> = groups.into_iter().filter(|(_, members)| members.len() >= 2).collect();
    groups.sort_by_key(|(key, members)| (order(key), members[0]));
    groups.into_iter().map(|(_, members)| curve(cells, &members)).collect()
}

fn curve(cells: &[Evidence<'_>], members: &[usize]) -> EffortCurve {
    let key = &cells[members[0]].cell.key;
    let mut points: Vec<EffortPoint> = members.iter().map(|at| point(&cells[*at], *at)).collect();
    let tokens = |point: &EffortPoint| point.reasoning_tokens.value.unwrap_or(0.0);
    points.sort_by(|a, b| tokens(a).total_cmp(&tokens(b)).then(a.cell_index.cmp(&b.cell_index)));
    let efficient: Vec<bool> = points.iter().map(|p| !points.iter().any(|other| dominates(other, p))).collect();
    points.iter_mut().zip(efficient).for_each(|(point, efficient)| point.efficient = efficient);
    EffortCurve {
        target: key.target.clone(),
        prompt: key.prompt.clone(),
        load: key.load.clone(),
        inseparable: inseparable(cells, &points),
        points,
        steps: Vec::new(),
        cheapest: None,
    }
}

fn point(evidence: &Evidence<'_>, cell_index: usize) -> EffortPoint {
    let cell = evidence.cell;
    EffortPoint {
        mode: cell.key.mode.clone(),
        cell_index,
        pass_rate: cell.quality.as_ref().map(|quality| quality.pass_rate),
        reasoning_tokens: cell.mode.reasoning_tokens,
        ttfa_ms: cell.metrics.get(&Metric::Ttfa).map(|found| found.p50),
        cost: cell.cost.per_case,
        efficient: true,
    }
}

/// At least as good in everything and better in something. What is unknown of either is not compared.
fn dominates(a: &EffortPoint, b: &EffortPoint) -> bool {
    let value = |estimate: Option<super::Estimate>| estimate.and_then(|e| e.value);
    let pairs =
        [(value(b.pass_rate), value(a.pass_rate)), (value(a.ttfa_ms), value(b.ttfa_ms)), (a.cost.value, b.cost.value)];
    let known: Vec<(f64, f64)> = pairs.into_iter().filter_map(|(x, y)| Some((x?, y?))).collect();
    known.iter().all(|(x, y)| x <= y) && known.iter().any(|(x, y)| x < y)
}

/// Neighboring modes whose reasoning tokens do not differ at 5 %, paired by case where they share cases.
fn inseparable(cells: &[Evidence<'_>], points: &[EffortPoint]) -> Vec<(ModeName, ModeName)> {
    let tokens: Vec<BTreeMap<u32, f64>> = points.iter().map(|p| tokens_by_case(cells[p.cell_index].rows)).collect();
    let pairs = points.iter().zip(&tokens).zip(points.iter().zip(&tokens).skip(1));
    let alike = pairs.filter(|((_, a), (_, b))| are_alike(a, b));
    alike.map(|((a, _), (b, _))| (a.mode.clone(), b.mode.clone())).collect()
}

fn tokens_by_case(rows: &[&TrialRow]) -> BTreeMap<u32, f64> {
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.is_sample()) {
        if let Some(tokens) = row.tokens.reasoning {
            let (sum, n) = sums.entry(row.case).or_default();
            *sum += tokens as f64;
            *n += 1.0;
        }
    }
    sums.into_iter().map(|(case, (sum, n))| (case, sum / n)).collect()
}

fn are_alike(a: &BTreeMap<u32, f64>, b: &BTreeMap<u32, f64>) -> bool {
    let shared: Vec<f64> = a.iter().filter_map(|(case, x)| Some(b.get(case)? - x)).collect();
    if shared.len() >= 2 {
        return mean::estimate(&shared).is_some_and(|m| m.p_two_sided(0.0) > 0.05);
    }
    let (a, b): (Vec<f64>, Vec<f64>) = (a.values().copied().collect(), b.values().copied().collect());
    paired::welch(&a, &b).is_some_and(|m| m.p_two_sided(0.0) > 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::analyze::summarize::summarize;
    use crate::domain::CellId;
    use crate::domain::Verdict;

    /// Three modes: `low` reasons as `minimal` does, `high` ten times as much and is right more often.
    #[test]
    fn modes_that_reason_alike_are_named() {
        let mut run = fixture::run(12);
        run.cells = ["minimal", "low", "high"].map(|mode| fixture::cell(mode, "c1", 1)).to_vec();
        let mut fold = Fold::new(&run);
        for i in 0..36u64 {
            let (cell, case) = ((i / 12) as u32, (i % 12) as u32);
            let mut obs = fixture::ok(i, case);
            obs.attempt.cell = CellId(cell);
            let tokens = if cell == 2 { 500 } else { 50 } + (i * 7 % 11);
            obs.reply.usage.as_mut().unwrap().reasoning = Some(tokens);
            fold.push(&fixture::observed(obs));
            fold.push(&fixture::graded(i, Verdict::decide(cell == 2 || case < 4, "")));
        }
        let summary = summarize(&run, &fold.finish());
        let curve = &summary.efforts[0];
        let modes: Vec<&str> = curve.points.iter().map(|p| p.mode.as_str()).collect();
        assert_eq!(modes[2], "high");
        assert_eq!(curve.inseparable.len(), 1);
        assert!(curve.points[2].efficient && summary.warnings.iter().any(|w| w.code == "modes_inseparable"));
    }

    #[test]
    fn nothing_is_compared_with_what_is_unknown() {
        assert!(!are_alike(&BTreeMap::new(), &BTreeMap::new()));
        let flat: BTreeMap<u32, f64> = (0..5).map(|case| (case, 7.0)).collect();
        assert!(are_alike(&flat, &flat));
        let more: BTreeMap<u32, f64> = (0..5).map(|case| (case, 70.0)).collect();
        assert!(!are_alike(&flat, &more));
    }
}
