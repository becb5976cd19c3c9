//! The command line.

use std::path::PathBuf;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;

use super::reach::ReachArgs;

/// Measure quality, latency and cost of language models on the same requests.
///
/// Results go to stdout, progress and warnings to stderr.
#[derive(Debug, Parser)]
#[command(name = "llmark", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  llmark run suites/quickstart.yaml                 models, modes and loads compared, on the simulator
  llmark run suite.yaml --mode low --mode high --concurrency 1,8
  llmark plan suite.yaml --show-prompts             what it would do and cost, without sending anything
  llmark compare reports/OLD reports/NEW --margin 2%
  llmark show reports/RUN                           what failed, and why

Exit codes: 0 all gates passed; 1 a gate failed; 2 usage or suite error; 3 inconclusive; 4 provider, key or quota;
5 store or I/O error; 6 the client was the limit; 7 budget reached; 130 interrupted, resumable.";

const PLAN_EXAMPLES: &str = "Examples:
  llmark plan suites/quickstart.yaml --show-prompts
  llmark plan suite.yaml --online                         keys, models and modes, with a few tokens
  llmark plan suite.yaml --from reports/RUN --detect 3%   cost, time and power from an earlier run
  llmark plan suite.yaml --pilot --budget-usd 0.10        ten cases per arm first";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plan, run, grade and report a suite.
    #[command(after_help = "Example: llmark run suites/quickstart.yaml --mode low --repeats 3 --budget-usd 0.50")]
    Run(RunArgs),
    /// Show what a run would do: matrix, requests, cost. Sends nothing, needs no key.
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Validate suites: every problem at once, each with its place.
    #[command(after_help = "Example: llmark check suites/*.yaml")]
    Check {
        /// Suite files.
        #[arg(required = true)]
        suites: Vec<PathBuf>,
        /// Problems as JSON on stdout.
        #[arg(long)]
        json: bool,
    },
    /// Grade recorded answers; no model is called.
    #[command(after_help = "Example: llmark grade suite.yaml --responses answers.jsonl")]
    Grade(GradeArgs),
    /// Apply changed graders to a stored run; both verdicts are kept.
    #[command(after_help = "Example: llmark regrade reports/RUN --suite suite.yaml --ask-judges --budget-usd 0.50")]
    Regrade(RegradeArgs),
    /// Measure a suite's judges against people's labels: agreement, flips, length bias, resistance to attacks.
    #[command(after_help = "Example: llmark judge-check suite.yaml --labels labels.jsonl

A line of the labels: {\"case\": \"id\", \"response\": \"text\", \"label\": \"pass\"}; for pairwise judges:
{\"case\": \"id\", \"response_a\": \"..\", \"response_b\": \"..\", \"label\": \"a\"}.")]
    JudgeCheck(JudgeCheckArgs),
    /// Apply changed prices to a stored run.
    #[command(after_help = "Example: llmark recost reports/RUN --prices prices.yaml")]
    Recost(RecostArgs),
    /// Compare a candidate with a baseline, paired by case.
    #[command(after_help = "Example: llmark compare RUN:mode=low RUN:mode=high --margin 2% --by tag")]
    Compare(CompareArgs),
    /// Find the highest load that meets the suite's objectives.
    #[command(after_help = "Example: llmark capacity suite.yaml --max 64 --step 20s")]
    Capacity(CapacityArgs),
    /// Render a stored run again.
    #[command(after_help = "Example: llmark report reports/RUN --format md > summary.md")]
    Report(ReportArgs),
    /// List what failed, or one trial whole.
    #[command(after_help = "Example: llmark show reports/RUN 17")]
    Show(ShowArgs),
    /// Go on with an interrupted run; finished trials never run again.
    #[command(after_help = "Example: llmark resume reports/RUN --in-doubt skip")]
    Resume(ResumeArgs),
    /// Serve the embedded simulator.
    #[command(after_help = "Example: llmark sim --port 8000 --profile seed-2.0-mini")]
    Sim(SimArgs),
    /// Measure this instrument's own error on this machine.
    #[command(after_help = "Example: llmark selftest --streams 100")]
    Selftest(SelftestArgs),
    /// List the catalogue: ids, prices with source and date, modes, lifecycle.
    #[command(after_help = "Example: llmark models seed")]
    Models(ModelsArgs),
    /// Turn recorded outputs of other tools into responses for `grade`.
    #[command(after_help = "Example: llmark import results.json --from promptfoo --out answers.jsonl")]
    Import(ImportArgs),
    /// Look into the response cache: why a trial was or was not answered from it, what it holds.
    #[command(after_help = "Example: llmark cache why reports/RUN 17")]
    Cache(CacheArgs),
    /// Show how a suite's figures moved over stored runs.
    #[command(after_help = "Example: llmark trend reports")]
    Trend(TrendArgs),
    /// Write a first suite.
    #[command(after_help = "Example: llmark init my-suite")]
    Init {
        /// Where to write it.
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Print the JSON Schema of suites.
    #[command(after_help = "Example: llmark schema > schema.json")]
    Schema,
    /// Print a completion script.
    #[command(after_help = "Example: llmark completions bash > ~/.local/share/bash-completion/completions/llmark")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// What selects and changes the trials of a suite.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Only this target; may be repeated.
    #[arg(long = "target", value_name = "ID")]
    pub targets: Vec<String>,
    /// Only this mode; may be repeated.
    #[arg(long = "mode", value_name = "M")]
    pub modes: Vec<String>,
    /// Only this prompt; may be repeated.
    #[arg(long = "prompt", value_name = "ID")]
    pub prompts: Vec<String>,
    /// Only cases whose id matches; `*` and `?` are wild; may be repeated.
    #[arg(long = "case", value_name = "GLOB")]
    pub cases: Vec<String>,
    /// Only cases with this tag; may be repeated.
    #[arg(long = "tag", value_name = "T")]
    pub tags: Vec<String>,
    /// Closed loops with these concurrencies instead of the suite's loads.
    #[arg(long, value_delimiter = ',', value_name = "N,..", value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Vec<u32>,
    /// Times that each case runs per cell.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeats: Option<u32>,
    /// Seed of every random choice.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Spend at most this many dollars.
    #[arg(long, value_name = "X")]
    pub budget_usd: Option<String>,
    /// Prices that override the catalogue's.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}

/// `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Suite files.
    #[arg(required = true)]
    pub suites: Vec<PathBuf>,
    /// What of them.
    #[command(flatten)]
    pub selection: Selection,
    /// Folder of the run [default: reports/<run id>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Gate against this stored run.
    #[arg(long, value_name = "RUN")]
    pub baseline: Option<String>,
    /// Print the summary as JSON instead of tables.
    #[arg(long)]
    pub json: bool,
    /// No progress.
    #[arg(long, short)]
    pub quiet: bool,
    /// Do not ask before a large or costly run.
    #[arg(long, short)]
    pub yes: bool,
    /// Run code that models write, in a sandbox.
    #[arg(long)]
    pub allow_code: bool,
    /// With a budget: run targets whose price nobody states.
    #[arg(long)]
    pub allow_unknown_prices: bool,
    /// Ask targets on this machine too before the run: by default only remote targets get the preflight, one listing
    /// and one tiny call per mode, so that a local server sees the plan's requests and no others.
    #[arg(long)]
    pub preflight: bool,
    /// Ask nobody before the run; keys are still checked.
    #[arg(long, conflicts_with = "preflight")]
    pub no_preflight: bool,
    /// Send keys over unencrypted http to hosts other than this machine.
    #[arg(long)]
    pub allow_http: bool,
    /// The response cache.
    #[command(flatten)]
    pub cache: CacheUse,
    /// Recordings and proxies.
    #[command(flatten)]
    pub reach: ReachArgs,
}

/// Whether a run takes answers from the response cache.
#[derive(Debug, Clone, Default, Args)]
pub struct CacheUse {
    /// Take answers from the response cache where it holds the very request, and keep new ones [default: off].
    /// Quality runs only: timed loads and suites with objectives on times always send.
    #[arg(long, conflicts_with = "no_cache")]
    pub cache: bool,
    /// Send every request, whatever the suite says.
    #[arg(long)]
    pub no_cache: bool,
    /// Folder of the response cache [default: llmark/responses in the user's cache folder].
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

/// `cache`.
#[derive(Debug, Clone, Args)]
pub struct CacheArgs {
    /// What to do.
    #[command(subcommand)]
    pub what: CacheCommand,
    /// Folder of the response cache [default: llmark/responses in the user's cache folder].
    #[arg(long, value_name = "DIR", global = true)]
    pub cache_dir: Option<PathBuf>,
    /// JSON on stdout.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with the response cache.
#[derive(Debug, Clone, Subcommand)]
pub enum CacheCommand {
    /// Why a trial was answered from the cache, or not: what its request is known by, and what differs from the
    /// nearest request that the cache held.
    Why {
        /// The run's folder.
        run: PathBuf,
        /// The trial.
        trial: u64,
    },
    /// List what the cache holds, by run and target, with sizes.
    Ls,
    /// Forget the oldest answers, until the rest is no larger and no older than asked.
    Prune {
        /// Size to keep at most, such as 500MB or 2GB.
        #[arg(long, value_name = "SIZE")]
        max_size: Option<String>,
        /// Age to keep at most, such as 30d or 12h.
        #[arg(long, value_name = "AGE")]
        max_age: Option<String>,
    },
    /// Forget everything.
    Clear,
}

/// `plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The suite.
    pub suite: PathBuf,
    /// What of it.
    #[command(flatten)]
    pub selection: Selection,
    /// Print every rendered prompt.
    #[arg(long)]
    pub show_prompts: bool,
    /// Ask the endpoints: key, connection, models listing, one small call per target and mode, candidates of modes
    /// that nobody documents, exact prompt tokens where the protocol counts them. Costs a few tokens.
    #[arg(long)]
    pub online: bool,
    /// With --online or --pilot: send keys over unencrypted http to hosts other than this machine.
    #[arg(long)]
    pub allow_http: bool,
    /// Forecast cost, time and power from an earlier run of this suite or a similar one.
    #[arg(long, value_name = "RUN", conflicts_with = "pilot")]
    pub from: Option<PathBuf>,
    /// Send ten cases per arm first, within the budget, and forecast from them. Needs keys; the pilot is kept.
    #[arg(long)]
    pub pilot: bool,
    /// How many cases or repeats it takes to find this difference in pass rate, such as 3%.
    #[arg(long, value_name = "SHARE")]
    pub detect: Option<String>,
    /// JSON on stdout.
    #[arg(long)]
    pub json: bool,
    /// Accepted for symmetry with `run`.
    #[arg(long, value_name = "DIR", hide = true)]
    pub out: Option<PathBuf>,
    /// Accepted for symmetry with `run`.
    #[arg(long, value_name = "RUN", hide = true)]
    pub baseline: Option<String>,
    /// Accepted for symmetry with `run`.
    #[arg(long, short, hide = true)]
    pub quiet: bool,
    /// Accepted for symmetry with `run`.
    #[arg(long, short, hide = true)]
    pub yes: bool,
}

/// `grade`.
#[derive(Debug, Clone, Args)]
pub struct GradeArgs {
    /// The suite with cases and graders.
    pub suite: PathBuf,
    /// Recorded answers, one JSON object per line.
    #[arg(long, value_name = "FILE")]
    pub responses: PathBuf,
    /// Folder of the run [default: reports/<run id>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the summary as JSON instead of tables.
    #[arg(long)]
    pub json: bool,
    /// No progress.
    #[arg(long, short)]
    pub quiet: bool,
    /// Run code that models wrote, in a sandbox.
    #[arg(long)]
    pub allow_code: bool,
}

/// `regrade`.
#[derive(Debug, Clone, Args)]
pub struct RegradeArgs {
    /// The run's folder.
    pub run: PathBuf,
    /// A suite with other graders [default: the run's own copy].
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<PathBuf>,
    /// Ask judges again even where their graders did not change.
    #[arg(long)]
    pub ask_judges: bool,
    /// Spend at most this many dollars on judges [default: what the suite's budget leaves].
    #[arg(long, value_name = "X")]
    pub budget_usd: Option<String>,
    /// Send keys over unencrypted http to hosts other than this machine.
    #[arg(long)]
    pub allow_http: bool,
    /// Print the summary as JSON instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Run code that models wrote, in a sandbox.
    #[arg(long)]
    pub allow_code: bool,
}

/// `judge-check`.
#[derive(Debug, Clone, Args)]
pub struct JudgeCheckArgs {
    /// The suite with the judges.
    pub suite: PathBuf,
    /// Answers that people labelled, one JSON object per line.
    #[arg(long, value_name = "FILE")]
    pub labels: PathBuf,
    /// A stored run: the rates that these judges found in it, corrected by the labels.
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Answers labelled fail that are attacked with each built-in injection; 0 attacks none.
    #[arg(long, value_name = "N", default_value = "10")]
    pub attacked: usize,
    /// Spend at most this many dollars.
    #[arg(long, value_name = "X")]
    pub budget_usd: Option<String>,
    /// Folder of the run [default: reports/<run id>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The figures as JSON on stdout.
    #[arg(long)]
    pub json: bool,
    /// No progress.
    #[arg(long, short)]
    pub quiet: bool,
    /// With a budget: ask judges whose price nobody states.
    #[arg(long)]
    pub allow_unknown_prices: bool,
    /// Send keys over unencrypted http to hosts other than this machine.
    #[arg(long)]
    pub allow_http: bool,
}

/// `recost`.
#[derive(Debug, Clone, Args)]
pub struct RecostArgs {
    /// The run's folder.
    pub run: PathBuf,
    /// Prices [default: the catalogue of this version].
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Print the summary as JSON instead of tables.
    #[arg(long)]
    pub json: bool,
}

/// `compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// Baseline: a run folder, or a selection of one: `RUN:target=..,mode=..,prompt=..,load=..`.
    pub base: String,
    /// Candidate, likewise.
    pub cand: String,
    /// Non-inferiority margin of pass rates and scores [default: 2%].
    #[arg(long, value_name = "SHARE")]
    pub margin: Option<String>,
    /// Slices of the gate; may be repeated.
    #[arg(long, value_name = "WHAT")]
    pub by: Vec<Slice>,
    /// How to write it: a table, Markdown for a comment or `$GITHUB_STEP_SUMMARY`, `JUnit` XML, or JSON.
    #[arg(long, value_name = "HOW")]
    pub format: Option<CompareFormat>,
    /// JSON on stdout.
    #[arg(long)]
    pub json: bool,
    /// Make the candidate the baseline of later comparisons under this name.
    #[arg(long, value_name = "NAME")]
    pub save_baseline: Option<String>,
}

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// For people at a terminal.
    Table,
    /// Markdown.
    Md,
    /// `JUnit` XML.
    Junit,
    /// The same as `--json`.
    Json,
}

/// How a comparison is sliced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Slice {
    /// By tag.
    Tag,
    /// By prompt.
    Prompt,
    /// By cluster.
    Cluster,
}

/// `capacity`.
#[derive(Debug, Clone, Args)]
pub struct CapacityArgs {
    /// The suite; its objectives decide.
    pub suite: PathBuf,
    /// What of it.
    #[command(flatten)]
    pub selection: Selection,
    /// Search request rates instead of concurrencies.
    #[arg(long)]
    pub rate: bool,
    /// The first level to try.
    #[arg(long, value_name = "X", default_value = "1")]
    pub from: f64,
    /// Never go beyond this level.
    #[arg(long, value_name = "X", default_value = "256")]
    pub max: f64,
    /// Time at each level.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub step: String,
    /// Folder of the run [default: reports/<run id>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// JSON on stdout.
    #[arg(long)]
    pub json: bool,
    /// No progress.
    #[arg(long, short)]
    pub quiet: bool,
    /// Do not ask before a large or costly run.
    #[arg(long, short)]
    pub yes: bool,
    /// Accepted for symmetry with `run`.
    #[arg(long, value_name = "RUN", hide = true)]
    pub baseline: Option<String>,
}

/// Forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One self-contained page.
    Html,
    /// Markdown.
    Md,
    /// One row per attempt.
    Csv,
    /// The summary.
    Json,
    /// For CI systems.
    Junit,
    /// For the terminal.
    Table,
}

/// `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The run's folder.
    pub run: PathBuf,
    /// To stdout in this form; without it all files of the run folder are written again.
    #[arg(long, value_name = "FORM")]
    pub format: Option<Format>,
    /// The summary as JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// The run's folder.
    pub run: PathBuf,
    /// One trial whole.
    pub trial: Option<u64>,
    /// JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// What to do with trials that may have been sent before a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InDoubt {
    /// Send them again; both attempts count in the cost.
    Retry,
    /// Leave them unanswered.
    Skip,
}

/// `resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// The run's folder.
    pub run: PathBuf,
    /// Trials that may have been sent, and billed, without an answer on record.
    #[arg(long, value_name = "WHAT", default_value = "retry")]
    pub in_doubt: InDoubt,
    /// Print the summary as JSON instead of tables.
    #[arg(long)]
    pub json: bool,
    /// No progress.
    #[arg(long, short)]
    pub quiet: bool,
    /// Run code that models write, in a sandbox.
    #[arg(long)]
    pub allow_code: bool,
    /// Send keys over unencrypted http to hosts other than this machine.
    #[arg(long)]
    pub allow_http: bool,
}

/// `sim`.
#[derive(Debug, Clone, Args)]
pub struct SimArgs {
    /// Port; 0 takes a free one.
    #[arg(long, default_value = "8000")]
    pub port: u16,
    /// A built-in profile or a YAML file; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub profile: Vec<String>,
    /// Append every accepted request to this file.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// `selftest`.
#[derive(Debug, Clone, Args)]
pub struct SelftestArgs {
    /// Streams at once.
    #[arg(long, default_value = "100")]
    pub streams: u32,
    /// Tokens per stream.
    #[arg(long, default_value = "100")]
    pub tokens: u32,
    /// Milliseconds between tokens.
    #[arg(long, default_value = "10")]
    pub gap_ms: u64,
    /// JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `models`.
#[derive(Debug, Clone, Args)]
pub struct ModelsArgs {
    /// Part of a model's or provider's name.
    pub filter: Option<String>,
    /// Prices that override the catalogue's.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The other tool's output.
    pub file: PathBuf,
    /// Which tool wrote it: promptfoo, inspect, lm-eval or openai-evals [default: told from the content].
    #[arg(long, value_name = "TOOL")]
    pub from: Option<String>,
    /// Where to write the responses [default: stdout].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `trend`.
#[derive(Debug, Clone, Args)]
pub struct TrendArgs {
    /// A folder of run folders.
    pub dir: PathBuf,
    /// JSON on stdout.
    #[arg(long)]
    pub json: bool,
}
