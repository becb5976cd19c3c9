//! Commands, progress, exit codes, wiring. The only room that prints or reads the environment.

pub mod args;
pub mod cache;
pub mod capacity;
pub mod check;
pub mod compare;
pub mod convert;
pub mod doubt;
pub mod early;
pub mod exit;
pub mod finish;
pub mod forecast;
pub mod grade;
pub mod import;
pub mod judge_check;
pub mod keys;
pub mod live;
pub mod load;
pub mod models;
pub mod notes;
pub mod plan;
pub mod preflight;
pub mod progress;
pub mod reach;
pub mod record;
pub mod regrade;
pub mod resume;
pub mod run;
pub mod selftest;
pub mod session;
pub mod show;
pub mod simulate;
pub mod tally;
pub mod terminal;
pub mod trend;
pub mod trial;
pub mod watch;

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::Parser as _;

use args::Cli;
use args::Command;
use exit::Exit;
use exit::Failure;

/// Runs the command line.
pub fn main() -> ExitCode {
    keys::forbid_core_dumps();
    quiet_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match command(cli.command) {
        Ok(exit) if terminal::lost() => exit.worse(Exit::Store).into(),
        Ok(exit) => exit.into(),
        Err(failure) => {
            terminal::error(&session::redactor(&load::catalog(None).unwrap_or_default()).clean(&failure.message));
            failure.exit.into()
        }
    }
}

fn command(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Check { suites, json } => check::check(&suites, json),
        Command::Plan(args) => plan::plan(&args),
        Command::Grade(args) => grade::grade(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Trend(args) => trend::trend(&args),
        Command::Capacity(args) => capacity::capacity(&args),
        Command::Report(args) => show::report(&args),
        Command::Show(args) => show::show(&args),
        Command::Resume(args) => resume::resume(&args),
        Command::Regrade(args) => regrade::regrade(&args),
        Command::JudgeCheck(args) => judge_check::judge_check(&args),
        Command::Recost(args) => regrade::recost(&args),
        Command::Selftest(args) => selftest::selftest(&args),
        Command::Models(args) => models::models(&args),
        Command::Sim(args) => simulate::serve(&args),
        Command::Init { dir } => check::init(&dir),
        Command::Schema => check::schema(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "llmark", &mut script);
            terminal::result(&String::from_utf8_lossy(&script));
            Ok(Exit::Ok)
        }
        Command::Import(args) => import::import(&args),
        Command::Cache(args) => cache::cache(&args),
    }
}

/// Help and version go to stdout and succeed; everything else is a usage error.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS }
}

/// A panic is our fault and must not show what it held: its message may carry anything.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        terminal::error(&format!("internal error{place}; please report it"));
    }));
}
