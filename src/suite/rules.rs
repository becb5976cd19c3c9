//! What the parts of a suite demand of each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::cases::MAX_CASES;
use super::cases::Placed;
use super::check::Early;
use super::de::At;
use super::file::RoleFile;
use super::file::SuiteFile;
use super::graders::Written;
use super::graders::check_targets;
use super::objectives::has_no_price;
use super::problem::Sink;
use super::problem::Span;
use super::prompt::Prompt;
use super::targets::Resolved;
use crate::analyze::reduce;
use crate::analyze::reduce::Reducer;
use crate::domain::Conversation;
use crate::domain::Format;
use crate::domain::ModeName;
use crate::domain::Part;
use crate::domain::PromptId;
use crate::load::LoadSpec;
use crate::load::plan::Budget;
use crate::provider::Endpoint;
use crate::text::nearest;

/// Parts of a suite that were read one by one.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Takes the problems.
    pub sink: &'a Sink,
    /// The file.
    pub file: &'a SuiteFile,
    /// Targets.
    pub endpoints: &'a [Resolved],
    /// Prompts.
    pub prompts: &'a [Prompt],
    /// Graders.
    pub written: &'a [Written],
    /// Loads.
    pub loads: &'a [Arc<LoadSpec>],
}

/// Repeats of a case at most.
const MOST_REPEATS: u32 = 100;

/// Parameters that most endpoints take, for suggestions.
const COMMON_PARAMS: [&str; 9] = [
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "seed",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
];

/// Cells of a suite at most.
const MAX_CELLS: usize = 10_000;
/// Trials of a suite's quality part at most.
const MAX_TRIALS: u64 = 100_000_000;

/// A suite needs targets and prompts.
pub fn required(parts: &Parts<'_>, whole: Span) {
    for (given, at, key) in [
        (
            parts.file.targets.is_some(),
            parts.file.targets.as_ref().map(|at| (at.span, at.get().map(Vec::len))),
            "targets",
        ),
        (
            parts.file.prompts.is_some(),
            parts.file.prompts.as_ref().map(|at| (at.span, at.get().map(Vec::len))),
            "prompts",
        ),
    ] {
        if !given {
            parts.sink.advise(whole.head(), format!("`{key}` is missing"), format!("add `{key}:`; see `llmark init`"));
        } else if let Some((span, Some(0))) = at {
            parts.sink.advise(span, format!("`{key}` is empty"), "add an entry");
        }
    }
}

/// The modes, each known at every target under test.
pub fn modes(parts: &Parts<'_>) -> Vec<ModeName> {
    let Some(written) = &parts.file.modes else { return vec!["default".into()] };
    let mut modes: Vec<ModeName> = Vec::new();
    for at in written.get().into_iter().flat_map(|many| &many.0) {
        let Some(name) = at.get() else { continue };
        let mode: ModeName = name.as_str().into();
        if modes.contains(&mode) {
            parts.sink.advise(at.span, format!("the mode `{name}` is listed twice"), "remove one of the two");
            continue;
        }
        check_mode(parts, at.span, name);
        modes.push(mode);
    }
    if written.get().is_some_and(|many| many.0.is_empty()) {
        parts.sink.advise(written.span, "`modes` is empty", "remove it, or list modes such as `[low, high]`");
    }
    modes
}

fn check_mode(parts: &Parts<'_>, span: Span, name: &str) {
    if name == "default" {
        return;
    }
    let judges = judges(parts);
    for target in parts.endpoints.iter().filter(|target| is_subject(target, &judges)) {
        let known: Vec<&str> = target.endpoint.modes.iter().map(|mode| mode.name.as_str()).collect();
        if known.contains(&name) {
            continue;
        }
        let id = &target.endpoint.id;
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => {
                format!("say what it sends: `modes: {{{name}: {{reasoning_effort: {name}}}}}` in the target")
            }
            None => format!("`{id}` can do {}; add others as `modes:` of the target", known.join(", ")),
        };
        let help = target.endpoint.mode_note.as_ref().map_or(help.clone(), |note| format!("{help} ({note})"));
        parts.sink.advise(span, format!("the target `{id}` has no mode `{name}`"), help);
    }
}

/// Ids of the targets that graders ask.
fn judges(parts: &Parts<'_>) -> Vec<String> {
    parts.written.iter().flat_map(|grader| grader.spec.targets()).collect()
}

/// A target that graders ask is not under test itself, unless the suite says so.
fn is_subject(target: &Resolved, judges: &[String]) -> bool {
    match target.role {
        Some(role) => role != RoleFile::Judge,
        None => !judges.iter().any(|judge| judge == target.endpoint.id.as_str()),
    }
}

/// Targets under test, and targets that graders ask.
pub fn roles(parts: &Parts<'_>) -> (Vec<Arc<Endpoint>>, Vec<Arc<Endpoint>>) {
    let ids: Vec<&str> = parts.endpoints.iter().map(|target| target.endpoint.id.as_str()).collect();
    if ids.len() == parts.file.targets.as_ref().and_then(At::get).map_or(0, Vec::len) {
        check_targets(parts.sink, parts.written, &ids);
    }
    let judges = judges(parts);
    let subjects: Vec<_> = parts.endpoints.iter().filter(|target| is_subject(target, &judges)).collect();
    if let (true, Some(first)) = (subjects.is_empty(), parts.endpoints.first()) {
        let help = "add a target to be tested; one that judges itself as well says `role: both`";
        parts.sink.advise(first.span.head(), "every target judges, none is tested", help);
    }
    let asked = |target: &&Resolved| judges.iter().any(|judge| judge == target.endpoint.id.as_str());
    let helpers = parts.endpoints.iter().filter(asked).map(|target| target.endpoint.clone()).collect();
    (subjects.into_iter().map(|target| target.endpoint.clone()).collect(), helpers)
}

/// What repeats of a case are reduced to.
pub fn reducers(parts: &Parts<'_>) -> Vec<Reducer> {
    let many = parts.file.reduce.as_ref().and_then(At::get);
    let written = many.into_iter().flat_map(|many| &many.0);
    let read = |at: &At<String>| {
        let name = at.get()?;
        let found = Reducer::named(name);
        if found.is_none() {
            parts.sink.advise(
                at.span,
                format!("`{name}` reduces nothing"),
                format!("the reducers are {}", reduce::NAMES),
            );
        }
        found
    };
    let mut found: Vec<Reducer> = written.filter_map(read).collect();
    if let (Some(at), true) = (&parts.file.reduce, parts.written.is_empty()) {
        parts.sink.advise(at.span, "`reduce` needs graders, and the suite has none", "add `graders:`");
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|reducer| seen.insert(*reducer));
    found
}

/// A number that may not be zero; 1 where it is absent.
pub fn at_least_one(sink: &Sink, at: Option<&At<u32>>, name: &str) -> u32 {
    let Some(at) = at else { return 1 };
    let n = at.copied().unwrap_or(1);
    if n == 0 {
        sink.advise(at.span, format!("`{name}` of 0 runs nothing"), "write 1 or more");
    }
    n
}

/// What may end before its plan does.
pub fn early(sink: &Sink, file: &SuiteFile) -> Early {
    let written = file.stop_when.as_ref().and_then(At::get);
    let decided = written.is_some_and(|written| written.decided.as_ref().and_then(At::copied).is_none_or(|d| d.0));
    let most = written.and_then(|written| written.max_repeats.as_ref());
    let repeats = file.repeats.as_ref().and_then(At::copied).unwrap_or(1);
    if let Some(at) = most
        && let Some(n) = at.copied()
        && (n < repeats || n > MOST_REPEATS)
    {
        let help = format!("write {repeats} to {MOST_REPEATS}: the suite's `repeats` are run in any case");
        sink.advise(at.span, format!("`max_repeats: {n}` cannot be kept"), help);
    }
    if let (Some(at), None) = (&file.abort_on, &file.slos) {
        sink.advise(at.span, "`abort_on` watches objectives, and the suite has none", "add `slos:`, or remove it");
    }
    Early { decided, max_repeats: most.and_then(At::copied).filter(|_| decided), certain_miss: file.abort_on.is_some() }
}

/// Attempts of a trial at most.
pub fn max_attempts(sink: &Sink, file: &SuiteFile) -> Option<u16> {
    let at = &file.retry.as_ref()?.get()?.max_attempts;
    let n = at.copied()?;
    if n == 0 || n > 20 {
        sink.advise(at.span, format!("`{n}` attempts cannot be made"), "write 1 (no retry) to 20");
    }
    Some(n)
}

/// What may be spent; a budget in dollars needs prices.
pub fn budget(parts: &Parts<'_>) -> Budget {
    let Some(written) = parts.file.budget.as_ref().and_then(At::get) else { return Budget::default() };
    if let Some(usd) = &written.usd
        && let Some(target) = parts.endpoints.iter().find(|target| has_no_price(target))
    {
        let message = format!("a budget in dollars needs prices, and `{}` has none", target.endpoint.id);
        parts.sink.advise(usd.span, message, "add `price: {input: .., output: ..}` to the target");
    }
    if let Some(at) = &written.minutes
        && at.copied().is_some_and(|minutes| minutes <= 0.0)
    {
        parts.sink.advise(at.span, "the run would end before it begins", "write minutes above 0");
    }
    let minutes = written.minutes.as_ref().and_then(At::copied).filter(|minutes| *minutes > 0.0);
    Budget {
        usd: written.usd.as_ref().and_then(At::copied).map(|amount| amount.0),
        time: minutes.and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok()),
    }
}

/// Rules on the whole: its size, and parameters that targets do not have.
pub fn combined(parts: &Parts<'_>, modes: &[ModeName], cases: &[Placed]) {
    let axes = [parts.endpoints.len(), modes.len(), parts.prompts.len(), parts.loads.len()];
    let cells: usize = axes.iter().fold(1, |all, n| all.saturating_mul(*n));
    let repeats = parts.file.repeats.as_ref().and_then(At::copied).unwrap_or(1);
    let trials = (cells as u64).saturating_mul(cases.len() as u64).saturating_mul(u64::from(repeats));
    if cells > MAX_CELLS || trials > MAX_TRIALS || cases.len() > MAX_CASES {
        let [targets, modes, prompts, loads] = axes;
        let message = format!(
            "the matrix is too large: {targets} targets × {modes} modes × {prompts} prompts × {loads} loads × {} cases × {repeats} repeats",
            cases.len()
        );
        let help = format!("a suite holds {MAX_CELLS} cells and {MAX_TRIALS} trials at most; split it");
        let span = parts.file.targets.as_ref().map_or(Span::default(), |at| at.span.head());
        parts.sink.advise(span, message, help);
    }
    check_params(parts);
    check_abilities(parts);
}

/// Prompts that ask for what a target under test is known not to do.
fn check_abilities(parts: &Parts<'_>) {
    let judges = judges(parts);
    for target in parts.endpoints.iter().filter(|target| is_subject(target, &judges)) {
        let able = target.endpoint.abilities;
        for prompt in parts.prompts {
            let wants_schema = matches!(prompt.format, Some(Format::JsonSchema { .. }));
            let needs = [
                (!prompt.tools.is_empty(), able.tools, "calls no functions", "`tools`"),
                (prompt.has_images(), able.vision, "sees no images", "images"),
                (
                    wants_schema,
                    able.structured_output,
                    "answers in no JSON Schema",
                    "`response_format: {json_schema: ..}`",
                ),
            ];
            for (needed, able, cannot, what) in needs {
                if needed && able == Some(false) {
                    let message =
                        format!("the target `{}` {cannot}, and prompt `{}` needs it", target.endpoint.id, prompt.id);
                    let known = target.endpoint.abilities.known();
                    let known = if known.is_empty() { "plain text only".to_owned() } else { known.join(", ") };
                    let help = format!("it can do {known}; remove {what}, or test another target");
                    parts.sink.advise(prompt.span.head(), message, help);
                }
            }
        }
    }
}

/// More bytes per token than any text but a contrived one has: what is longer even so cannot fit.
const BYTES_PER_TOKEN: u64 = 6;

/// Prompts that no tokenizer fits into the context of a target under test.
pub fn lengths(parts: &Parts<'_>, conversations: &BTreeMap<PromptId, Vec<Arc<Conversation>>>) {
    let judges = judges(parts);
    for target in parts.endpoints.iter().filter(|target| is_subject(target, &judges)) {
        let Some(context) = target.endpoint.context else { continue };
        for prompt in parts.prompts {
            let rendered = conversations.get(&prompt.id).map(Vec::as_slice).unwrap_or_default();
            let longest = rendered.iter().map(|conversation| text_bytes(conversation)).max().unwrap_or(0);
            if longest > context.saturating_mul(BYTES_PER_TOKEN) {
                let (id, least) = (&target.endpoint.id, longest / BYTES_PER_TOKEN);
                let message = format!(
                    "prompt `{}` has at least {least} tokens ({longest} bytes), and the target `{id}` takes {context}",
                    prompt.id
                );
                let help = "shorten the longest case, or test a target with a longer context (`llmark models`)";
                parts.sink.advise(prompt.span.head(), message, help);
            }
        }
    }
}

fn text_bytes(conversation: &Conversation) -> u64 {
    let parts = conversation.turns.iter().flatten().flat_map(|message| &message.content);
    let bytes = |part: &Part| if let Part::Text(text) = part { text.len() as u64 } else { 0 };
    parts.map(bytes).sum()
}

fn check_params(parts: &Parts<'_>) {
    let Some(at) = &parts.file.params else { return };
    let Some(params) = at.get() else { return };
    for target in parts.endpoints {
        if let Err(unknown) = target.endpoint.dialect.options(params, true) {
            for name in unknown {
                let message = format!("the target `{}` takes no parameter `{name}`", target.endpoint.id);
                let help = match nearest(&name, COMMON_PARAMS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "remove it, or send it as `body: {..}` of the targets that take it".into(),
                };
                parts.sink.advise(key_span(parts.sink, at.span, &name), message, help);
            }
        }
    }
    for (name, value) in params {
        if let Some(right) =
            wanted(name).filter(|(_, is_right)| !value.is_null() && !is_right(value)).map(|(right, _)| right)
        {
            let message = format!("`{name}` is {}", super::node::shortened(&value.to_string()));
            parts.sink.advise(key_span(parts.sink, at.span, name), message, format!("write {right}"));
        }
    }
}

type Test = fn(&Value) -> bool;

/// What a parameter that every provider reads alike must be, in words and as a test; others pass as they are.
fn wanted(name: &str) -> Option<(&'static str, Test)> {
    fn within(value: &Value, least: f64, most: f64) -> bool {
        value.as_f64().is_some_and(|value| (least..=most).contains(&value))
    }
    Some(match name {
        "temperature" => ("a number from 0 to 2", |value| within(value, 0.0, 2.0)),
        "top_p" => ("a number above 0, 1 at most", |value| within(value, f64::MIN_POSITIVE, 1.0)),
        "frequency_penalty" | "presence_penalty" => ("a number from -2 to 2", |value| within(value, -2.0, 2.0)),
        "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
            ("a whole number of 1 or more", |value| value.as_u64().is_some_and(|n| n > 0))
        }
        "seed" => ("a whole number", |value| value.is_i64() || value.is_u64()),
        "stop" => ("a text or a list of texts", |value| {
            value.is_string() || value.as_array().is_some_and(|all| all.iter().all(Value::is_string))
        }),
        _ => return None,
    })
}

/// The place of a key inside a mapping, by its text.
pub fn key_span(sink: &Sink, span: Span, key: &str) -> Span {
    let text = sink.slice(span);
    text.find(&format!("{key}:")).map_or(span.head(), |at| span.part(at..at + key.len()))
}
