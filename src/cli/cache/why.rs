//! `llmark cache why`: what a trial's requests are known by, and why the cache did or did not answer them.

use serde_json::Value;
use serde_json::json;

use super::places;
use crate::cli::exit::Exit;
use crate::cli::exit::Failure;
use crate::cli::finish;
use crate::cli::load;
use crate::cli::resume::stored_plan;
use crate::cli::resume::stored_suite;
use crate::cli::session;
use crate::cli::terminal;
use crate::domain::Asker;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Phase;
use crate::engine::recall::Parts;
use crate::engine::recall::Sent;
use crate::engine::recall::is_worth_keeping;
use crate::provider::endpoint::Ask;
use crate::store::Cache;
use crate::store::RunFolder;
use crate::store::cache::Listed;
use crate::text::number::count;
use crate::text::plain::for_terminal;

/// Differences shown at most.
const MOST_DIFFERENCES: usize = 5;

/// A part of a request: its name, its value here, its value there.
type Difference = (String, String, String);

/// What became of one attempt.
struct Answer<'a> {
    seen: &'a Observation,
    /// What was sent, where it can still be told.
    parts: Option<Parts>,
    /// The nearest other entry, where the cache did not hold this one, with what differs.
    nearest: Option<(Listed, Vec<Difference>)>,
}

/// Says why trial `trial` of `run` was answered from `cache`, or not.
///
/// # Errors
/// The run has no such trial, or the run or the cache cannot be read.
pub(super) fn why(cache: &Cache, run: &RunFolder, trial: u64, as_json: bool) -> Result<Exit, Failure> {
    let mut seen = Vec::new();
    finish::each_event(run, |event| {
        if let Event::Observed(observation) = event
            && observation.attempt.trial.0 == trial
        {
            seen.push((**observation).clone());
        }
    })?;
    if seen.is_empty() {
        return Err(Failure::usage(format!("the run has no trial {trial}")));
    }
    let entries = cache.list()?;
    let answers: Vec<Answer<'_>> = seen.iter().map(|seen| answer(cache, run, &entries, seen)).collect();
    terminal::result(&if as_json {
        Value::from(answers.iter().map(as_value).collect::<Vec<_>>()).to_string()
    } else {
        answers.iter().map(|answer| text(run, answer)).collect::<Vec<_>>().join("\n\n")
    });
    Ok(Exit::Ok)
}

fn answer<'a>(cache: &Cache, run: &RunFolder, entries: &[Listed], seen: &'a Observation) -> Answer<'a> {
    let Some(recall) = &seen.recall else { return Answer { seen, parts: None, nearest: None } };
    let kept = cache.find(&recall.key).map(|(label, _)| label.parts);
    let parts = kept.or_else(|| sent(run, seen).filter(|sent| sent.key() == recall.key).map(|sent| sent.parts()));
    let nearest = parts.as_ref().filter(|_| recall.kept.is_none()).and_then(|parts| {
        // What this run itself has kept was not there when it asked.
        let others =
            entries.iter().filter(|entry| entry.label.key != recall.key && entry.label.run != run.manifest().run);
        let compared = others.map(|entry| (entry, differences(parts, &entry.label.parts)));
        compared.min_by_key(|(_, differences)| differences.len()).map(|(entry, found)| (entry.clone(), found))
    });
    Answer { seen, parts, nearest }
}

/// The request of a trial's first turn, made again from the stored suite.
fn sent(run: &RunFolder, seen: &Observation) -> Option<Sent> {
    if seen.attempt.asker != Asker::Subject || seen.attempt.turn != 1 {
        return None;
    }
    let catalog = load::catalog(None).ok()?;
    let suite = stored_suite(run, &catalog).ok()?;
    let plan = stored_plan(run, &suite).ok()?;
    let cell = plan.cells.get(seen.attempt.cell.0 as usize)?;
    let conversation = plan.conversations.get(&cell.prompt)?.get(seen.attempt.case as usize)?;
    let mut endpoint = (**suite.targets.iter().find(|endpoint| endpoint.id == cell.target)?).clone();
    let place = places(&suite, run).remove(&endpoint.id);
    if endpoint.simulated {
        let folder = std::path::Path::new(&run.manifest().suite.path).parent()?;
        let profile = session::profile(&endpoint.model, folder).ok()?;
        endpoint.model.clone_from(&profile.model().id);
    }
    let members = endpoint.dialect.encode(conversation.turns.first()?, conversation);
    let mode = endpoint.modes.iter().find(|mode| mode.name == cell.mode);
    let ask = Ask { members: &members, mode, params: &plan.params, salt: None, key: None, stream: true };
    let request = endpoint.request(&ask).ok()?;
    Some(Sent::new(endpoint.dialect.name(), &request, place.as_ref(), seen.attempt.repeat, 0))
}

fn differences(here: &Parts, there: &Parts) -> Vec<Difference> {
    let names: std::collections::BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    let of = |parts: &Parts, name: &str| parts.get(name).cloned().unwrap_or_else(|| "nothing".into());
    let differs = names.into_iter().filter(|name| here.get(*name) != there.get(*name));
    differs.map(|name| (name.clone(), of(here, name), of(there, name))).collect()
}

/// Why the cache had no part in an attempt, or what it did.
fn verdict(seen: &Observation) -> String {
    let Some(recall) = &seen.recall else {
        let why = match seen.attempt.phase {
            Phase::Warmup => "a warm-up is always sent",
            Phase::Measure => "it was off (add --cache), or the load is timed, or the request is salted",
        };
        return format!("not asked: {why}");
    };
    match &recall.kept {
        Some(kept) => {
            let cost = kept.avoided.map_or(String::new(), |usd| format!(", {usd} USD not spent again"));
            format!("hit: answered in run {} on {}{cost}", kept.run, date(kept.unix_ms))
        }
        None if is_worth_keeping(seen) => "miss: sent, and kept for later runs".into(),
        None => format!("miss: sent, and not kept ({} is no complete answer)", seen.outcome),
    }
}

fn date(unix_ms: u64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms.cast_signed())
        .unwrap_or_default()
        .strftime("%Y-%m-%d %H:%M UTC")
        .to_string()
}

fn text(run: &RunFolder, answer: &Answer<'_>) -> String {
    let attempt = &answer.seen.attempt;
    let asker = match &attempt.asker {
        Asker::Subject => format!("attempt {}, turn {}", attempt.number, attempt.turn),
        Asker::Grader(id) => format!("question {} of grader {id}", attempt.number),
    };
    let mut lines = vec![format!("trial {} of {}, {asker}", attempt.trial, run.manifest().run), verdict(answer.seen)];
    if let Some(recall) = &answer.seen.recall {
        lines.push(format!("key {}", recall.key));
    }
    if let Some(parts) = &answer.parts {
        lines.extend(parts.iter().map(|(name, value)| format!("  {name} = {value}")));
    }
    match &answer.nearest {
        Some((entry, found)) => {
            let label = &entry.label;
            lines.push(format!(
                "nearest answer of another run: {} of {}, {}",
                &label.key[..12],
                label.run,
                count(found.len() as u64, "difference")
            ));
            for (name, here, there) in found.iter().take(MOST_DIFFERENCES) {
                lines.push(format!("  {name}: here {here}\n  {:width$}  there {there}", "", width = name.len()));
            }
        }
        None if answer.parts.is_some() && answer.seen.recall.as_ref().is_some_and(|recall| recall.kept.is_none()) => {
            lines.push("the cache holds no answer of another run".into());
        }
        None => {}
    }
    for_terminal(&lines.join("\n"))
}

fn as_value(answer: &Answer<'_>) -> Value {
    let attempt = &answer.seen.attempt;
    let recall = answer.seen.recall.as_ref();
    let kept = recall.and_then(|recall| recall.kept.as_ref());
    let difference = |(name, here, there): &Difference| json!({ "part": name, "here": here, "there": there });
    json!({
        "trial": attempt.trial.0,
        "attempt": attempt.number,
        "turn": attempt.turn,
        "grader": match &attempt.asker { Asker::Subject => None, Asker::Grader(id) => Some(id.as_str()) },
        "result": match (recall, kept) { (None, _) => "not asked", (_, Some(_)) => "hit", (_, None) => "miss" },
        "why": verdict(answer.seen),
        "key": recall.map(|recall| recall.key.as_str()),
        "run": kept.map(|kept| kept.run.as_str()),
        "avoided_usd": kept.and_then(|kept| kept.avoided).map(crate::domain::Usd::as_f64),
        "parts": answer.parts,
        "nearest": answer.nearest.as_ref().map(|(entry, found)| json!({
            "key": entry.label.key, "run": entry.label.run,
            "differences": found.iter().map(difference).collect::<Vec<_>>(),
        })),
    })
}
