//! Suites and catalogues from the command line's arguments.

use std::path::Path;
use std::sync::Arc;

use super::args::Selection;
use super::exit::Failure;
use super::judge_check;
use crate::domain::Usd;
use crate::load::Plan;
use crate::provider::Catalog;
use crate::provider::Endpoint;
use crate::suite;
use crate::suite::Filters;
use crate::suite::Suite;

/// The catalogue, with a price file laid over it.
///
/// # Errors
/// The price file cannot be read.
pub fn catalog(prices: Option<&Path>) -> Result<Catalog, Failure> {
    let catalog = Catalog::embedded();
    let Some(path) = prices else { return Ok(catalog) };
    suite::prices::load(path).map(|book| catalog.with_prices(book)).map_err(Failure::usage)
}

/// A suite, checked.
///
/// # Errors
/// Everything that is wrong with it.
pub fn suite(path: &Path, catalog: &Catalog) -> Result<Suite, Failure> {
    let suite = suite::load(path, catalog).map_err(Failure::usage)?;
    judge_check::check_labels(&suite)?;
    Ok(suite)
}

/// The plan that the command line asks for.
///
/// # Errors
/// Filters that fit nothing.
pub fn plan(suite: &Suite, selection: &Selection) -> Result<Plan, Failure> {
    let budget_usd = selection.budget_usd.as_deref().map(str::parse::<Usd>).transpose();
    let filters = Filters {
        targets: selection.targets.clone(),
        modes: selection.modes.clone(),
        prompts: selection.prompts.clone(),
        cases: selection.cases.clone(),
        tags: selection.tags.clone(),
        concurrency: selection.concurrency.clone(),
        repeats: selection.repeats,
        seed: selection.seed,
        budget_usd: budget_usd.map_err(|why| Failure::usage(format!("--budget-usd: {why}")))?,
    };
    suite::expand(suite, &filters).map_err(|problems| {
        let lines = problems.iter().map(|p| format!("{}\n  help: {}", p.message, p.help));
        Failure::usage(lines.collect::<Vec<_>>().join("\n"))
    })
}

/// Every endpoint that a plan needs: the targets it names and what graders ask.
pub fn endpoints(suite: &Suite, plan: &Plan) -> Vec<Arc<Endpoint>> {
    let used = |endpoint: &&Arc<Endpoint>| plan.cells.iter().any(|cell| cell.target == endpoint.id);
    let subjects = suite.targets.iter().filter(used);
    let mut all: Vec<Arc<Endpoint>> = subjects.cloned().collect();
    for helper in &suite.helpers {
        if all.iter().all(|known| known.id != helper.id) {
            all.push(Arc::clone(helper));
        }
    }
    all
}
