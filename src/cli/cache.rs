//! The response cache on the command line: when a run uses it, where it is, what it holds.

mod why;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;
use tabled::builder::Builder;
use tabled::settings::Style;

use super::args::CacheArgs;
use super::args::CacheCommand;
use super::args::CacheUse;
use super::exit::Exit;
use super::exit::Failure;
use super::keys;
use super::terminal;
use crate::analyze::slo_expr::Unit;
use crate::domain::Kept;
use crate::domain::Observation;
use crate::domain::TargetId;
use crate::engine::clock::Anchor;
use crate::engine::clock::RunClock;
use crate::engine::recall::AnswerCache;
use crate::engine::recall::Answers;
use crate::engine::recall::Parts;
use crate::sim;
use crate::store::Cache;
use crate::store::RunFolder;
use crate::store::cache::Label;
use crate::store::cache::Listed;
use crate::suite::Suite;
use crate::text::Redactor;
use crate::text::number::count;
use crate::text::parse_duration;
use crate::text::plain::for_terminal;

/// Runs a command on the cache.
///
/// # Errors
/// The cache or the run cannot be read.
pub fn cache(args: &CacheArgs) -> Result<Exit, Failure> {
    match &args.what {
        CacheCommand::Why { run, trial } => {
            let run = RunFolder::open(run)?;
            let chosen = args.cache_dir.clone().or_else(|| super::resume::cache_of(&run).cache_dir);
            why::why(&Cache::new(&folder(chosen.as_deref())?), &run, *trial, args.json)
        }
        CacheCommand::Ls => list(&Cache::new(&folder(args.cache_dir.as_deref())?), args.json),
        CacheCommand::Prune { max_size, max_age } => {
            let limits = Limits::of(max_size.as_deref(), max_age.as_deref())?;
            prune(&Cache::new(&folder(args.cache_dir.as_deref())?), limits, args.json)
        }
        CacheCommand::Clear => clear(&Cache::new(&folder(args.cache_dir.as_deref())?), args.json),
    }
}

/// The answers that a run may take, where the command line or the suite wants any.
///
/// # Errors
/// Nothing says where the cache is.
pub fn answers(
    wanted: &CacheUse,
    suite: &Suite,
    run: &RunFolder,
    redactor: &Redactor,
) -> Result<Option<Answers>, Failure> {
    if wanted.no_cache || !(wanted.cache || suite.cache == Some(true)) {
        return Ok(None);
    }
    if let Some(why) = needs_times(suite) {
        terminal::note(&format!(
            "the response cache is off: {why} needs times, which only answers that are sent for have"
        ));
        return Ok(None);
    }
    let shelf = Shelf {
        cache: Cache::new(&folder(wanted.cache_dir.as_deref())?),
        redactor: redactor.clone(),
        run: run.manifest().run.clone(),
        warned: AtomicBool::new(false),
    };
    Ok(Some(Answers { cache: Arc::new(shelf), places: places(suite, run) }))
}

/// What of a suite no kept answer can serve.
fn needs_times(suite: &Suite) -> Option<String> {
    let timed = |unit| matches!(unit, Unit::Ms | Unit::TokensPerSecond | Unit::RequestsPerSecond);
    let slo = suite.slos.iter().find(|slo| timed(slo.metric.unit())).map(|slo| format!("the objective `{}`", slo.text));
    let grader =
        suite.graders.iter().find(|grader| ["max_ttft", "max_e2e"].contains(&super::convert::kind(&grader.version)));
    slo.or_else(|| grader.map(|grader| format!("the grader `{}`", grader.id)))
}

/// What stands for the address of simulated targets: their profile, since their port is another in every run.
fn places(suite: &Suite, run: &RunFolder) -> BTreeMap<TargetId, String> {
    let folder = Path::new(&run.manifest().suite.path).parent().unwrap_or(Path::new("."));
    let simulated = suite.targets.iter().chain(&suite.helpers).filter(|endpoint| endpoint.simulated);
    simulated.map(|endpoint| (endpoint.id.clone(), place(&endpoint.model, folder))).collect()
}

/// A built-in profile is as old as this version, one of a file is what the file says.
fn place(profile: &str, folder: &Path) -> String {
    if sim::Profile::builtin(profile).is_some() {
        return format!("sim:{profile}@{}", env!("CARGO_PKG_VERSION"));
    }
    let text = std::fs::read(folder.join(profile)).unwrap_or_default();
    let digest = Sha256::digest(&text).iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("sim:{profile}@{digest}")
}

/// Where the cache is: as named, or in the user's cache folder.
fn folder(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let of = |name: &str| keys::environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = of("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(|| Some(of("HOME")?.join(".cache")));
    base.map(|base| base.join("llmark/responses")).ok_or_else(|| {
        Failure::usage("neither XDG_CACHE_HOME nor HOME says where the response cache is; name it with --cache-dir DIR")
    })
}

/// The cache of one run: it stamps what it keeps with the run's name, and trouble with it ends nothing.
struct Shelf {
    cache: Cache,
    redactor: Redactor,
    run: String,
    warned: AtomicBool,
}

impl AnswerCache for Shelf {
    fn find(&self, key: &str) -> Option<(Observation, Kept)> {
        let (label, observation) = self.cache.find(key)?;
        let avoided = observation.cost.usd;
        Some((observation, Kept { run: label.run, unix_ms: label.unix_ms, avoided }))
    }

    fn keep(&self, key: &str, parts: Parts, observation: &Observation) {
        let unix_ms = Anchor::take(&RunClock::start()).wall / 1_000_000;
        let label = Label { key: key.to_owned(), run: self.run.clone(), unix_ms, parts };
        if let Err(error) = self.cache.keep(&label, observation, &self.redactor)
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            terminal::warning(&format!("an answer could not be kept in the response cache: {error}"));
        }
    }
}

fn list(cache: &Cache, as_json: bool) -> Result<Exit, Failure> {
    let all = cache.list()?;
    let mut groups: BTreeMap<(String, String, String), (u64, u64)> = BTreeMap::new();
    for Listed { label, bytes } in &all {
        let part = |name: &str| label.parts.get(name).cloned().unwrap_or_default();
        let model = part("body/model").trim_matches('"').to_owned();
        let group = groups.entry((label.run.clone(), part("address"), model)).or_default();
        *group = (group.0 + 1, group.1 + bytes);
    }
    let bytes: u64 = all.iter().map(|entry| entry.bytes).sum();
    if as_json {
        let group = |((run, address, model), (n, bytes)): (&(String, String, String), &(u64, u64))| json!({ "run": run, "address": address, "model": model, "answers": n, "bytes": bytes });
        let groups: Vec<_> = groups.iter().map(group).collect();
        let folder = cache.folder().display().to_string();
        let whole = json!({ "folder": folder, "answers": all.len(), "bytes": bytes, "groups": groups });
        terminal::result(&whole.to_string());
        return Ok(Exit::Ok);
    }
    if !all.is_empty() {
        let mut table = Builder::default();
        table.push_record(["run", "address", "model", "answers", "size"]);
        for ((run, address, model), (n, bytes)) in &groups {
            let texts = [run, address, model].map(|text| for_terminal(text));
            table.push_record(texts.into_iter().chain([n.to_string(), size(*bytes)]));
        }
        terminal::result(&table.build().with(Style::blank()).to_string());
    }
    let total = format!("{} in {}, {}", count(all.len() as u64, "answer"), cache.folder().display(), size(bytes));
    terminal::result(&total);
    Ok(Exit::Ok)
}

/// What a cache may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Limits {
    bytes: u64,
    /// Answers from before this moment go, in milliseconds since 1970.
    since_ms: u64,
}

impl Limits {
    fn of(size: Option<&str>, age: Option<&str>) -> Result<Self, Failure> {
        if size.is_none() && age.is_none() {
            return Err(Failure::usage("say what to keep: --max-size 500MB, --max-age 30d, or both"));
        }
        let bytes = size.map(bytes_of).transpose().map_err(|why| Failure::usage(format!("--max-size: {why}")))?;
        let age = age.map(age_of).transpose().map_err(|why| Failure::usage(format!("--max-age: {why}")))?;
        let now = Anchor::take(&RunClock::start()).wall / 1_000_000;
        Ok(Self { bytes: bytes.unwrap_or(u64::MAX), since_ms: age.map_or(0, |age| now.saturating_sub(age)) })
    }
}

/// A size in bytes: digits with kB, MB or GB after them.
fn bytes_of(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        _ => return Err(format!("`{text}` is no size; write 500MB or 2GB")),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no size; write 500MB or 2GB"))?;
    Ok((number * factor) as u64)
}

/// An age in milliseconds: days, or a duration as suites write it.
fn age_of(text: &str) -> Result<u64, String> {
    match text.strip_suffix('d').and_then(|days| days.trim().parse::<f64>().ok()).filter(|days| *days >= 0.0) {
        Some(days) => Ok((days * 86_400_000.0) as u64),
        None => parse_duration(text).map(|age| age.as_millis() as u64),
    }
}

fn prune(cache: &Cache, limits: Limits, as_json: bool) -> Result<Exit, Failure> {
    let (n, bytes) = cache.prune(limits.bytes, limits.since_ms)?;
    removed(cache, (n, bytes), as_json);
    Ok(Exit::Ok)
}

fn clear(cache: &Cache, as_json: bool) -> Result<Exit, Failure> {
    removed(cache, cache.clear()?, as_json);
    Ok(Exit::Ok)
}

fn removed(cache: &Cache, (n, bytes): (u64, u64), as_json: bool) {
    let folder = cache.folder().display().to_string();
    terminal::result(&if as_json {
        json!({ "folder": folder, "removed": n, "bytes": bytes }).to_string()
    } else {
        format!("{} removed from {folder}, {}", count(n, "answer"), size(bytes))
    });
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_with_their_units() {
        assert_eq!((bytes_of("500MB"), bytes_of("1.5 gb"), bytes_of("7")), (Ok(500_000_000), Ok(1_500_000_000), Ok(7)));
        assert_eq!((age_of("30d"), age_of("12h")), (Ok(2_592_000_000), Ok(43_200_000)));
        assert!(bytes_of("many").is_err() && bytes_of("5 TB").is_err() && age_of("-1d").is_err());
        assert!(Limits::of(None, None).is_err());
    }
}
