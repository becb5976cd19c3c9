//! Money: totals that hold everything spent, ratios with intervals, and what other price claims would make of it.

use std::collections::BTreeMap;

use super::Estimate;
use super::Method;
use super::infer;
use super::run::Run;
use super::run::TargetInfo;
use super::summary::CellCost;
use super::summary::Claim;
use super::summary::CostSplit;
use super::summary::CostTotal;
use super::summary::TokenSums;
use super::trial::Tokens;
use super::trial::TrialRow;
use super::trial::Trials;
use crate::domain::Basis;
use crate::domain::CellId;
use crate::domain::Phase;
use crate::domain::Price;
use crate::domain::Usage;
use crate::domain::Usd;
use crate::stats::Level;
use crate::stats::bootstrap;
use crate::stats::bootstrap::Scheme;
use crate::stats::bootstrap::Sums;
use crate::stats::mean;

/// Claims are shown that would move a cell's cost by more than this share.
const CLAIM_MATTERS: f64 = 0.2;

/// With more units than this the ratio is smooth enough for its linear approximation.
const MOST_BOOTSTRAPPED: usize = 2_000;

/// Money of one cell's measured rows.
pub fn cell_cost(run: &Run, trials: &Trials, cell: CellId, rows: &[&TrialRow]) -> CellCost {
    let target = run.cells.get(cell.0 as usize).and_then(|c| run.targets.iter().find(|t| t.id == c.target));
    let price = target.and_then(|target| target.price.as_deref());
    let costs: Vec<f64> = rows.iter().filter_map(|row| row.cost).map(Usd::as_f64).collect();
    CellCost {
        total: CostTotal { usd: total(rows), basis: basis(trials, |c, phase| c == cell && phase == Phase::Measure) },
        per_case: infer::mean_of(&costs),
        per_pass: (!run.graders.is_empty()).then(|| per_pass(rows, run.meta.seed)),
        split: price.map(|price| split(price, rows)),
        claims: target.map(|target| claims(target, rows)).unwrap_or_default(),
        billed_over_computed: price.and_then(|price| billed_over_computed(price, rows)),
    }
}

/// Dollars of rows, exact.
pub fn total(rows: &[&TrialRow]) -> f64 {
    rows.iter().filter_map(|row| row.cost).sum::<Usd>().as_f64()
}

/// Requests by the origin of their cost, over the cells and phases that `wanted` names.
pub fn basis(trials: &Trials, wanted: impl Fn(CellId, Phase) -> bool) -> BTreeMap<Basis, u64> {
    let mut counts = BTreeMap::new();
    for (&(cell, phase, basis), n) in &trials.basis {
        if wanted(cell, phase) {
            *counts.entry(basis).or_default() += n;
        }
    }
    counts
}

/// Dollars per passed trial: everything known to be spent over the passes of these trials, resampling cases jointly.
fn per_pass(rows: &[&TrialRow], seed: u64) -> Estimate {
    let mut cases: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    // A pass of unknown cost would make the others look cheap.
    for (row, usd) in rows.iter().filter_map(|row| Some((row, row.cost?))) {
        let (cost, passes) = cases.entry(row.case).or_default();
        *cost += usd.as_f64();
        *passes += f64::from(u8::from(row.grade.pass == Some(true)));
    }
    let (cost, passes): (Vec<f64>, Vec<f64>) = cases.into_values().unzip();
    let n = cost.len() as u64;
    if passes.iter().sum::<f64>() <= 0.0 {
        return Estimate::none(n);
    }
    ratio(cost, passes, seed)
}

/// A ratio of sums over units: `BCa` where the bootstrap is cheap, else the linear approximation.
fn ratio(above: Vec<f64>, below: Vec<f64>, seed: u64) -> Estimate {
    let n = above.len();
    let value = bootstrap::safe_ratio(above.iter().sum(), below.iter().sum());
    let point = Estimate { method: Method::Bca, ..Estimate::point(value, n as u64) };
    if n < 10 {
        return Estimate { needed_n: Some(10), ..point };
    }
    if n > MOST_BOOTSTRAPPED {
        let average = mean::mean(&below);
        let lines: Vec<f64> = above.iter().zip(&below).map(|(a, b)| value + (a - value * b) / average).collect();
        return infer::mean_of(&lines);
    }
    let sums = Sums::new([above, below], |[a, b]| bootstrap::safe_ratio(a, b));
    let values = bootstrap::replicate(n, &Scheme::Units, &[&sums], seed, 0..bootstrap::RESAMPLES);
    let acceleration = bootstrap::acceleration(&sums.jackknife());
    match bootstrap::bca(&values[0], value, acceleration, Level::P95) {
        Some(interval) => Estimate { low: Some(interval.low), high: Some(interval.high), ..point },
        None => point,
    }
}

fn usage(tokens: &Tokens) -> Usage {
    Usage {
        input: tokens.input,
        cached: tokens.cached,
        cache_write: tokens.cache_write,
        output: tokens.output,
        reasoning: tokens.reasoning,
        ..Usage::default()
    }
}

/// Dollars by kind of token. Requests of several turns are priced together, which only tiers could tell apart.
fn split(price: &Price, rows: &[&TrialRow]) -> CostSplit {
    let mut sum = CostSplit::default();
    for row in rows {
        let tokens = &row.tokens;
        let (Some(input), Some(output)) = (tokens.input, tokens.output) else { continue };
        let tier = price.tiers.iter().rev().find(|tier| input > tier.above_tokens);
        let (in_rate, out_rate) = tier.map_or((price.input, price.output), |t| (t.input, t.output));
        let cached_rate = tier.map_or(price.cached_input, |t| t.cached_input).unwrap_or(in_rate);
        let cached = tokens.cached.unwrap_or(0).min(input);
        let reasoning = tokens.reasoning.unwrap_or(0).min(output);
        let dollars = |n: u64, rate: Usd| n as f64 * rate.as_f64() / 1e6;
        sum.cached += dollars(cached, cached_rate);
        let written = tokens.cache_write.unwrap_or(0).min(input - cached);
        sum.input +=
            dollars(input - cached - written, in_rate) + dollars(written, price.cache_write.unwrap_or(in_rate));
        sum.output += dollars(output - reasoning, out_rate);
        sum.reasoning += dollars(reasoning, price.reasoning.unwrap_or(out_rate));
        sum.requests += price.per_request.as_f64() * f64::from(row.attempts);
    }
    sum
}

fn priced(price: &Price, rows: &[&TrialRow]) -> Usd {
    rows.iter().filter_map(|row| price.of(&usage(&row.tokens))).sum()
}

fn claims(target: &TargetInfo, rows: &[&TrialRow]) -> Vec<Claim> {
    let Some(price) = target.price.as_deref() else { return Vec::new() };
    let ours = priced(price, rows).as_f64();
    let claim = |price: &Price| Claim {
        source: price.source.clone(),
        as_of: price.as_of.clone(),
        usd: priced(price, rows).as_f64(),
    };
    let differs = |claim: &Claim| ours > 0.0 && (claim.usd / ours - 1.0).abs() > CLAIM_MATTERS;
    target.claims.iter().map(|price| claim(price)).filter(differs).collect()
}

fn billed_over_computed(price: &Price, rows: &[&TrialRow]) -> Option<f64> {
    let billed = rows.iter().filter(|row| row.basis == Basis::Billed);
    let pairs = billed.filter_map(|row| Some((row.cost?.as_f64(), price.of(&usage(&row.tokens))?.as_f64())));
    let (billed, computed) = pairs.fold((0.0, 0.0), |(b, c), (billed, computed)| (b + billed, c + computed));
    (computed > 0.0 && billed > 0.0).then(|| billed / computed)
}

/// Token sums of rows.
pub fn token_sums(rows: &[&TrialRow]) -> TokenSums {
    let sum = |of: fn(&Tokens) -> Option<u64>| rows.iter().filter_map(|row| of(&row.tokens)).sum();
    TokenSums {
        input: sum(|t| t.input),
        cached: sum(|t| t.cached),
        output: sum(|t| t.output),
        reasoning: sum(|t| t.reasoning),
        unknown: rows.iter().filter(|row| row.is_sample() && row.tokens.output.is_none()).count() as u64,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::domain::Cost;
    use crate::domain::Outcome;
    use crate::domain::Verdict;

    fn price(input: &str, output: &str) -> Arc<Price> {
        Arc::new(Price {
            input: input.parse().unwrap(),
            output: output.parse().unwrap(),
            cached_input: None,
            cache_write: None,
            reasoning: None,
            per_request: Usd::ZERO,
            tiers: Vec::new(),
            source: "claimed".into(),
            as_of: "2026-01-01".into(),
        })
    }

    /// Twenty trials at $0.001, half of them right and one lost after it was paid: a pass costs what all trials cost.
    #[test]
    fn a_pass_pays_for_what_failed() {
        let run = fixture::run(20);
        let mut fold = Fold::new(&run);
        for i in 0..20u32 {
            let mut obs = fixture::ok(u64::from(i), i);
            if i == 19 {
                obs.outcome = Outcome::Truncated;
            }
            fold.push(&fixture::observed(obs));
            fold.push(&fixture::graded(u64::from(i), Verdict::decide(i % 2 == 0, "")));
        }
        let trials = fold.finish();
        let cost = cell_cost(&run, &trials, CellId(0), &trials.rows.iter().collect::<Vec<_>>());
        assert!((cost.total.usd - 0.02).abs() < 1e-12);
        let per_pass = cost.per_pass.unwrap();
        assert!((per_pass.value.unwrap() - 0.002).abs() < 1e-12 && per_pass.method == Method::Bca);
        assert!(per_pass.low.unwrap() < 0.002 && per_pass.high.unwrap() > 0.002);
        assert_eq!(cost.total.basis[&Basis::Computed], 20);
    }

    /// One answer of two came without token counts: a pass still costs a tenth of a cent, not half of one.
    #[test]
    fn passes_of_unknown_cost_make_no_other_cheap() {
        let run = fixture::run(2);
        let mut fold = Fold::new(&run);
        for i in 0..2u32 {
            let mut obs = fixture::ok(u64::from(i), i);
            if i == 1 {
                obs.cost = Cost::UNKNOWN;
            }
            fold.push(&fixture::observed(obs));
            fold.push(&fixture::graded(u64::from(i), Verdict::decide(true, "")));
        }
        let trials = fold.finish();
        let cost = cell_cost(&run, &trials, CellId(0), &trials.rows.iter().collect::<Vec<_>>());
        assert!((cost.per_pass.unwrap().value.unwrap() - 0.001).abs() < 1e-12);
    }

    #[test]
    fn no_pass_has_no_price() {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        fold.push(&fixture::observed(fixture::ok(0, 0)));
        fold.push(&fixture::graded(0, Verdict::decide(false, "")));
        let trials = fold.finish();
        let cost = cell_cost(&run, &trials, CellId(0), &trials.rows.iter().collect::<Vec<_>>());
        assert_eq!(cost.per_pass.unwrap().value, None);
    }

    #[test]
    fn claims_that_move_the_cost_stand_beside_it() {
        let mut run = fixture::run(1);
        run.targets[0].price = Some(price("1.00", "1.00"));
        run.targets[0].claims = vec![price("1.10", "1.00"), price("2.00", "2.00")];
        let mut fold = Fold::new(&run);
        fold.push(&fixture::observed(fixture::ok(0, 0)));
        let trials = fold.finish();
        let cost = cell_cost(&run, &trials, CellId(0), &trials.rows.iter().collect::<Vec<_>>());
        assert_eq!(cost.claims.len(), 1);
        assert!((cost.claims[0].usd - 28e-6).abs() < 1e-15);
        let split = cost.split.unwrap();
        assert!((split.input - 10e-6).abs() < 1e-15 && (split.output - 4e-6).abs() < 1e-15);
    }
}
