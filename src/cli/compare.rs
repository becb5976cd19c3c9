//! `compare`: two stored runs, or two selections of one, with the exit code of the verdict.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::thread;

use super::args::CompareArgs;
use super::args::CompareFormat;
use super::args::Slice;
use super::exit::Exit;
use super::exit::Failure;
use super::finish;
use super::finish::ReadBack;
use super::run::PROFILES;
use super::terminal;
use crate::analyze::compare;
use crate::analyze::compare::Arm;
use crate::analyze::compare::By;
use crate::analyze::compare::Comparisons;
use crate::analyze::compare::Flip;
use crate::analyze::compare::Options;
use crate::analyze::compare::Selection;
use crate::domain::Asker;
use crate::domain::Event;
use crate::domain::TrialId;
use crate::report;
use crate::store::Manifest;
use crate::store::Record;
use crate::store::RunFolder;
use crate::store::manifest::CaseInfo;

/// Flips whose answers are looked up.
const ANSWERED_FLIPS: usize = 50;
/// Characters of an answer that stand beside a flip.
const LONGEST_ANSWER: usize = 500;
/// Folder of names for runs, beside the runs.
const BASELINES: &str = "baselines";

/// Compares a candidate with a baseline.
///
/// # Errors
/// A run cannot be read, or the comparison would mislead.
pub fn compare(args: &CompareArgs) -> Result<Exit, Failure> {
    let (base, cand) = both(|| Side::open(&args.base), || Side::open(&args.cand))?;
    let options = options(args, cand.back.run.terms.options.clone())?;
    let mut found = compare::compare(&base.arm(), &cand.arm(), &options).map_err(Failure::usage)?;
    found.notes.extend(changes(base.folder.manifest(), cand.folder.manifest()));
    found.notes.extend((base.back.run.simulated || cand.back.run.simulated).then(|| report::SIMULATED.to_owned()));
    look_up(std::slice::from_mut(&mut found), [&base.folder, &cand.folder])?;
    print(&found, if args.json { CompareFormat::Json } else { args.format.unwrap_or(CompareFormat::Table) });
    if let Some(name) = &args.save_baseline {
        save(name, cand.folder.path())?;
    }
    Ok(Exit::of(found.exit))
}

/// Holds a run that just ended against a stored one, with the settings of its suite.
///
/// # Errors
/// The baseline cannot be read, or the comparison would mislead.
pub fn against(baseline: &str, folder: &RunFolder, back: &ReadBack) -> Result<Comparisons, Failure> {
    let base = Side::open(baseline)?;
    let options = &back.run.terms.options;
    let candidate = Arm { run: &back.run, trials: &back.trials, selection: Selection::default() };
    let mut found = compare::compare(&base.arm(), &candidate, options).map_err(Failure::usage)?;
    found.notes.extend(changes(base.folder.manifest(), folder.manifest()));
    look_up(std::slice::from_mut(&mut found), [&base.folder, folder])?;
    Ok(found)
}

/// The stored run that a run will be held against, found before anything is spent; a selection of its own arms is
/// none.
///
/// # Errors
/// There is no such run.
pub fn stored_baseline(named: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(named) = named.filter(|text| Path::new(text).exists() || !text.contains('=') || text.contains(':')) else {
        return Ok(None);
    };
    let (path, selection) = split(named);
    selection.parse::<Selection>().map_err(Failure::usage)?;
    let folder = resolve(path);
    if !folder.join("manifest.json").exists() {
        return Err(Failure::usage(format!(
            "there is no stored run `{path}` to compare with: give a run folder, a name saved by `llmark compare --save-baseline`, or a selection such as target=..,mode=.."
        )));
    }
    RunFolder::open(&folder)?;
    let folder = folder.canonicalize().map_err(Failure::store)?.display().to_string();
    Ok(Some(if selection.is_empty() { folder } else { format!("{folder}:{selection}") }))
}

/// The comparison on stdout.
fn print(found: &Comparisons, format: CompareFormat) {
    terminal::result(&match format {
        CompareFormat::Table => report::table::compare::render(found, terminal::screen()),
        CompareFormat::Md => report::md::compare::text(found),
        CompareFormat::Json => report::json::compare::text(found),
        CompareFormat::Junit => {
            let mut junit = report::junit::Report::default();
            junit.compare(std::slice::from_ref(found));
            String::from_utf8_lossy(&junit.render("compare").bytes).into_owned()
        }
    });
}

/// Fills in what the first flips answered, from the logs of baseline and candidate.
///
/// # Errors
/// A log cannot be read.
pub fn look_up(found: &mut [Comparisons], [base, cand]: [&RunFolder; 2]) -> Result<(), Failure> {
    let mut flips: Vec<&mut Flip> =
        found.iter_mut().flat_map(|one| one.flips.iter_mut().take(ANSWERED_FLIPS)).collect();
    if flips.is_empty() {
        return Ok(());
    }
    let baseline_trials = flips.iter().map(|flip| flip.baseline_trial).collect();
    let candidate_trials = flips.iter().map(|flip| flip.candidate_trial).collect();
    let (before, after) = both(|| answers(base, baseline_trials), || answers(cand, candidate_trials))?;
    for flip in &mut flips {
        let both = before.get(&flip.baseline_trial).zip(after.get(&flip.candidate_trial));
        flip.answers = both.map(|(before, after)| [before.clone(), after.clone()]);
    }
    Ok(())
}

/// The last answer of each of these trials, bounded.
fn answers(folder: &RunFolder, wanted: HashSet<TrialId>) -> Result<HashMap<TrialId, String>, Failure> {
    let mut found = HashMap::new();
    for stored in folder.read()?.only_trials(wanted) {
        if let Record::Event(Event::Observed(seen)) = stored?.record
            && seen.attempt.asker == Asker::Subject
        {
            found.insert(seen.attempt.trial, seen.reply.text.chars().take(LONGEST_ANSWER).collect());
        }
    }
    Ok(found)
}

/// Both at once: each reads a log of its own.
fn both<A: Send, B: Send>(
    first: impl FnOnce() -> Result<A, Failure> + Send,
    second: impl FnOnce() -> Result<B, Failure>,
) -> Result<(A, B), Failure> {
    thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        let first = first.join().unwrap_or_else(|_| Err(Failure::store("reading a run came to an end")))?;
        Ok((first, second?))
    })
}

/// One side, read back.
struct Side {
    folder: RunFolder,
    back: ReadBack,
    selection: Selection,
}

impl Side {
    fn open(text: &str) -> Result<Self, Failure> {
        let (path, selection) = split(text);
        let selection = selection.parse::<Selection>().map_err(Failure::usage)?;
        let folder = RunFolder::open(&resolve(path))?;
        let back = finish::read_back(&folder)?;
        Ok(Self { folder, back, selection })
    }

    fn arm(&self) -> Arm<'_> {
        Arm { run: &self.back.run, trials: &self.back.trials, selection: self.selection.clone() }
    }
}

/// `RUN:target=a,mode=low` into its folder and its selection; a folder may have colons in its name.
fn split(text: &str) -> (&str, &str) {
    if Path::new(text).exists() {
        return (text, "");
    }
    match text.rsplit_once(':') {
        Some((path, selection)) if !path.is_empty() && selection.contains('=') => (path, selection),
        _ => (text, ""),
    }
}

/// A path as given, or the run that was saved under this name.
fn resolve(text: &str) -> PathBuf {
    let given = PathBuf::from(text);
    if given.exists() {
        return given;
    }
    let saved = fs::read_to_string(Path::new("reports").join(BASELINES).join(text));
    saved.map_or(given, |saved| PathBuf::from(saved.trim_end()))
}

/// Remembers `run` as the baseline called `name`, in `reports/baselines`.
fn save(name: &str, run: &Path) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Failure::usage(format!("`{name}` cannot be a baseline's name: letters, digits, `-`, `_` and `.`")));
    }
    let folder = Path::new("reports").join(BASELINES);
    let failed = |error: std::io::Error| Failure::store(format!("{}: {error}", folder.display()));
    let run = run.canonicalize().map_err(failed)?;
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::write(folder.join(name), format!("{}\n", run.display())).map_err(failed)?;
    terminal::note(&format!("baseline `{name}` is now {}", run.display()));
    Ok(())
}

/// The suite's settings, overridden by the command line.
fn options(args: &CompareArgs, mut options: Options) -> Result<Options, Failure> {
    if let Some(margin) = &args.margin {
        options.margins.points = share(margin)
            .ok_or_else(|| Failure::usage(format!("--margin {margin}: write a share, such as 2% or 0.02")))?;
    }
    let by = |slice: &Slice| match slice {
        Slice::Tag => By::Tag,
        Slice::Prompt => By::Prompt,
        Slice::Cluster => By::Cluster,
    };
    if !args.by.is_empty() {
        options.by = args.by.iter().map(by).collect();
    }
    Ok(options)
}

/// `2%` or `0.02`.
pub fn share(text: &str) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|x| x.is_finite());
    match text.trim().strip_suffix('%') {
        Some(percent) => number(percent).map(|x| x / 100.0),
        None => number(text),
    }
}

/// What differs between the runs besides what is compared, as far as their manifests tell.
fn changes(base: &Manifest, cand: &Manifest) -> Vec<String> {
    let mut notes: Vec<String> = changed_prompts(base, cand).into_iter().collect();
    for target in &base.targets {
        let Some(other) = cand.targets.iter().find(|other| other.id == target.id) else { continue };
        if (&target.model, &target.protocol) != (&other.model, &other.protocol) {
            notes.push(format!(
                "target {} is {} over {} in the baseline and {} over {} in the candidate",
                target.id, target.model, target.protocol, other.model, other.protocol
            ));
        }
        let profile = |manifest: &Manifest| manifest.extra.get(PROFILES).map(|all| all[&target.id].clone());
        if let (Some(ours), Some(theirs)) = (profile(base), profile(cand))
            && ours != theirs
        {
            notes.push(format!(
                "target {} is another simulator profile in the candidate than in the baseline",
                target.id
            ));
        }
    }
    if base.params != cand.params {
        notes.push(format!("the parameters differ: {} in the baseline, {} in the candidate", base.params, cand.params));
    }
    notes
}

/// Cases whose conversation differs between the runs under a prompt of the same name.
fn changed_prompts(base: &Manifest, cand: &Manifest) -> Option<String> {
    let known: HashMap<&str, &CaseInfo> = cand.cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let differs = |case: &CaseInfo, other: &CaseInfo| {
        case.prompt_hash.iter().any(|(prompt, hash)| other.prompt_hash.get(prompt).is_some_and(|o| o != hash))
    };
    let changed = |case: &&CaseInfo| known.get(case.id.as_str()).is_some_and(|other| differs(case, other));
    let count = base.cases.iter().filter(changed).count();
    (count > 0).then(|| format!("the conversation of {count} cases differs between the runs: prompt or input changed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_split_at_the_selection() {
        assert_eq!(split("reports/x:mode=low,target=a"), ("reports/x", "mode=low,target=a"));
        assert_eq!(split("reports/x"), ("reports/x", ""));
        assert_eq!(split("a:b"), ("a:b", ""));
    }

    #[test]
    fn margins_are_shares() {
        assert_eq!(share("2%"), Some(0.02));
        assert_eq!(share(" 0.05 "), Some(0.05));
        assert_eq!(share("two"), None);
        assert_eq!(share("NaN"), None);
    }
}
