//! From a checked suite to the plan: targets × modes × prompts × loads, less what filters leave out.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use regex::Regex;
use sha2::Digest;
use sha2::Sha256;

use super::check::Suite;
use super::loads::closed;
use crate::domain::Case;
use crate::domain::PromptId;
use crate::domain::Usd;
use crate::load::Cell;
use crate::load::LoadSpec;
use crate::load::Order;
use crate::load::Plan;
use crate::load::plan::Budget;
use crate::load::segments;
use crate::text::nearest;

/// What a command line leaves of a suite, or puts in its place. Empty means everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filters {
    /// Ids of targets.
    pub targets: Vec<String>,
    /// Names of modes.
    pub modes: Vec<String>,
    /// Ids of prompts.
    pub prompts: Vec<String>,
    /// Patterns of case ids, with `*` and `?`.
    pub cases: Vec<String>,
    /// Tags; a case needs one of them.
    pub tags: Vec<String>,
    /// Closed loops that replace the suite's loads.
    pub concurrency: Vec<u32>,
    /// Replaces the suite's repeats.
    pub repeats: Option<u32>,
    /// Replaces the suite's seed.
    pub seed: Option<u64>,
    /// Replaces the suite's budget in dollars.
    pub budget_usd: Option<Usd>,
}

/// Attempts of a trial where the suite does not say. Timed loads never retry: that would be load nobody planned.
const DEFAULT_ATTEMPTS: u16 = 3;

/// A filter that fits nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterProblem {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

/// Makes the plan. The same suite, catalogue, filters and seed give the same plan.
///
/// # Errors
/// Every filter that names something the suite does not have.
pub fn expand(suite: &Suite, filters: &Filters) -> Result<Plan, Vec<FilterProblem>> {
    let chosen = choose(suite, filters)?;
    let seed = filters.seed.unwrap_or(suite.seed);
    let cells = cells(&chosen);
    let cases: Vec<Arc<Case>> = chosen.cases.iter().map(|&at| suite.cases[at].clone()).collect();
    let canaries: Vec<bool> = cases.iter().map(|case| case.canary).collect();
    let repeats = filters.repeats.unwrap_or(suite.repeats).max(1);
    let order = Order {
        seed,
        cells: &cells,
        canaries: &canaries,
        every: suite.canary_every,
        repeats,
        warmup: suite.warmup,
        grouped: suite.early.decided,
        spare: suite.early.max_repeats.map_or(0, |most| most.saturating_sub(repeats)),
    };
    let pick = |prompt: &PromptId| {
        let all = &suite.conversations[prompt];
        (prompt.clone(), chosen.cases.iter().map(|&at| all[at].clone()).collect())
    };
    // What compares with another target's answer is asked when all answers are there.
    let judging = |at: &usize| suite.applied[*at].iter().map(|&grader| &suite.graders[grader]);
    let names = |at: &usize| judging(at).filter(|grader| grader.rival().is_none()).map(|g| g.id.clone()).collect();
    Ok(Plan {
        hash: hash(suite, &chosen),
        seed,
        segments: segments(&order),
        repeats,
        conversations: chosen.prompts.iter().map(pick).collect(),
        graders: chosen.cases.iter().map(names).collect(),
        cells,
        cases,
        max_attempts: suite.max_attempts.unwrap_or(DEFAULT_ATTEMPTS),
        timeouts: suite.timeouts,
        params: suite.params.clone(),
        budget: Budget { usd: filters.budget_usd.or(suite.budget.usd), ..suite.budget },
        salt: suite.salt,
    })
}

/// What filters left, as positions in the suite's own lists or names from them.
struct Chosen {
    targets: Vec<usize>,
    modes: Vec<usize>,
    prompts: Vec<PromptId>,
    cases: Vec<usize>,
    loads: Vec<Arc<LoadSpec>>,
    ids: Ids,
}

struct Ids {
    targets: Vec<String>,
    modes: Vec<String>,
}

fn choose(suite: &Suite, filters: &Filters) -> Result<Chosen, Vec<FilterProblem>> {
    let mut problems = Vec::new();
    let ids = Ids {
        targets: suite.targets.iter().map(|target| target.id.to_string()).collect(),
        modes: suite.modes.iter().map(ToString::to_string).collect(),
    };
    let prompts: Vec<String> = suite.prompts.iter().map(ToString::to_string).collect();
    let targets = named("target", &ids.targets, &filters.targets, &mut problems);
    let modes = named("mode", &ids.modes, &filters.modes, &mut problems);
    let kept = named("prompt", &prompts, &filters.prompts, &mut problems);
    let cases = chosen_cases(suite, filters, &mut problems);
    let loads = chosen_loads(suite, filters, &mut problems);
    if filters.repeats == Some(0) {
        problems.push(problem("`--repeats 0` runs nothing", "give 1 or more"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let prompts = kept.into_iter().map(|at| suite.prompts[at].clone()).collect();
    Ok(Chosen { targets, modes, prompts, cases, loads, ids })
}

fn problem(message: impl Into<String>, help: impl Into<String>) -> FilterProblem {
    FilterProblem { message: message.into(), help: help.into() }
}

fn named(what: &str, known: &[String], wanted: &[String], problems: &mut Vec<FilterProblem>) -> Vec<usize> {
    for name in wanted.iter().filter(|name| !known.contains(name)) {
        let help = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the suite has {}", known.join(", ")),
        };
        problems.push(problem(format!("the suite has no {what} `{name}`"), help));
    }
    (0..known.len()).filter(|&at| wanted.is_empty() || wanted.contains(&known[at])).collect()
}

fn chosen_cases(suite: &Suite, filters: &Filters, problems: &mut Vec<FilterProblem>) -> Vec<usize> {
    let globs: Vec<Regex> = filters.cases.iter().filter_map(|pattern| glob(pattern)).collect();
    let fits = |case: &Case| {
        let by_id = globs.is_empty() || globs.iter().any(|glob| glob.is_match(case.id.as_str()));
        let has = |tag: &String| case.tags.iter().any(|own| own.as_str() == tag);
        by_id && (filters.tags.is_empty() || filters.tags.iter().any(has))
    };
    let found: Vec<usize> = (0..suite.cases.len()).filter(|&at| fits(&suite.cases[at])).collect();
    if found.is_empty() {
        let mut tags: Vec<String> = suite.cases.iter().flat_map(|case| &case.tags).map(ToString::to_string).collect();
        tags.sort();
        tags.dedup();
        tags.truncate(20);
        let known = if tags.is_empty() { "no tags".into() } else { format!("the tags {}", tags.join(", ")) };
        let help = format!("the suite has {} cases and {known}", suite.cases.len());
        problems.push(problem("no case fits the filters", help));
    }
    found
}

/// A shell pattern over a whole name: `*` any text, `?` one character.
fn glob(pattern: &str) -> Option<Regex> {
    let mut source = String::from("^(?s:");
    for c in pattern.chars() {
        match c {
            '*' => source.push_str(".*"),
            '?' => source.push('.'),
            c => source.push_str(&regex::escape(&c.to_string())),
        }
    }
    Regex::new(&(source + ")$")).ok()
}

fn chosen_loads(suite: &Suite, filters: &Filters, problems: &mut Vec<FilterProblem>) -> Vec<Arc<LoadSpec>> {
    if filters.concurrency.contains(&0) {
        problems.push(problem("`--concurrency 0` sends nothing", "give 1 or more"));
    }
    if filters.concurrency.is_empty() {
        return suite.loads.clone();
    }
    let mut levels = filters.concurrency.clone();
    levels.dedup();
    levels.into_iter().map(|level| Arc::new(closed(level))).collect()
}

fn cells(chosen: &Chosen) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &target in &chosen.targets {
        for &mode in &chosen.modes {
            for prompt in &chosen.prompts {
                for load in &chosen.loads {
                    cells.push(Cell {
                        target: chosen.ids.targets[target].as_str().into(),
                        mode: chosen.ids.modes[mode].as_str().into(),
                        prompt: prompt.clone(),
                        load: load.clone(),
                    });
                }
            }
        }
    }
    cells
}

/// Text fed to a hash as it is written, so that nothing large is built.
struct Hashing(Sha256);

impl fmt::Write for Hashing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// Hash of what the plan means: endpoints, modes, conversations, expectations, graders, parameters, loads.
fn hash(suite: &Suite, chosen: &Chosen) -> String {
    let mut hashing = Hashing(Sha256::new());
    // Writing into a hash cannot fail.
    let _ = feed(&mut hashing, suite, chosen);
    hashing.0.finalize().iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn feed(out: &mut Hashing, suite: &Suite, chosen: &Chosen) -> fmt::Result {
    for &at in &chosen.targets {
        let target = &suite.targets[at];
        write!(out, "{:?}{}{}{:?}", target.id, target.dialect.name(), target.base_url, target.model)?;
        if target.http2 {
            write!(out, "http2")?;
        }
        write!(out, "{:?}{:?}{:?}{:?}", target.body, target.stream_body, target.overrides, target.modes)?;
    }
    for &at in &chosen.modes {
        write!(out, "{:?}", suite.modes[at])?;
    }
    for &at in &chosen.cases {
        write!(out, "{:?}", suite.cases[at])?;
        for prompt in &chosen.prompts {
            feed_conversation(out, &suite.conversations[prompt][at])?;
        }
    }
    for grader in &suite.graders {
        write!(out, "{:?}{}{}", grader.id, grader.version, grader.weight)?;
    }
    for load in &chosen.loads {
        write!(out, "{load:?}")?;
    }
    write!(out, "{:?}{:?}{:?}", serde_json::to_string(&suite.params), suite.salt, suite.timeouts)
}

/// A conversation with images by their hash: printing their bytes as numbers would take long.
fn feed_conversation(out: &mut Hashing, conversation: &crate::domain::Conversation) -> fmt::Result {
    use crate::domain::Part;
    for message in conversation.turns.iter().flatten() {
        write!(out, "{:?}{:?}{:?}", message.role, message.tool_calls, message.tool_call_id)?;
        for part in &message.content {
            match part {
                Part::Image { media_type, data } => {
                    write!(out, "{media_type}")?;
                    out.0.update(data);
                }
                other => write!(out, "{other:?}")?,
            }
        }
    }
    write!(out, "{:?}{:?}{:?}", conversation.tools, conversation.tool_choice, conversation.format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_names() {
        let rows =
            [("a*", "abc", true), ("a?c", "abc", true), ("b*", "abc", false), ("a.c", "abc", false), ("*", "", true)];
        for (pattern, name, fits) in rows {
            assert_eq!(glob(pattern).unwrap().is_match(name), fits, "{pattern} {name}");
        }
    }
}
