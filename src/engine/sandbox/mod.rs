//! Runs programs that graders ask for, above all code that a model wrote.
//!
//! An isolated program sees a machine of its own: namespaces for users, mounts, processes, network and host name, built
//! with util-linux, so that no unsafe code is needed here. Its root holds `/usr` read-only and nothing else of
//! the host: no home folder, no network, no environment, no capability, no other process. Processor time, memory,
//! processes, files and output are limited, and all its processes die with it. Where the system does not allow this, the
//! program is refused: isolation is never degraded.
//!
//! The suite author's own command runs with the limits alone, in the suite's folder.

mod command;
mod scratch;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::grade::Finished;
use crate::grade::Program;
use scratch::Scratch;

/// Where programs of graders run.
#[derive(Debug)]
pub struct Sandbox {
    temporary: PathBuf,
    folder: PathBuf,
    environment: Vec<(OsString, OsString)>,
    checked: OnceLock<Result<(), String>>,
}

/// The script's first line once the program is about to start.
const READY: &[u8] = b"ready\n";

impl Sandbox {
    /// A sandbox. `temporary` is where scratch folders are made, `folder` where the author's commands run,
    /// `environment` all that these see (such as `PATH` and `HOME`, never a key); isolated programs see nothing of it.
    pub fn new(temporary: PathBuf, folder: PathBuf, environment: Vec<(OsString, OsString)>) -> Self {
        Self { temporary, folder, environment, checked: OnceLock::new() }
    }

    /// Whether this system can isolate programs; looked up once.
    ///
    /// # Errors
    /// What is missing, for the user to mend.
    pub fn check(&self) -> Result<(), String> {
        self.checked.get_or_init(|| self.probe()).clone()
    }

    /// Runs a program to its end; blocks. Model code that misbehaves is a [`Finished`] with its limit, never an `Err`.
    ///
    /// # Errors
    /// The program could not be started, or this system cannot isolate it.
    pub fn run(&self, program: &Program) -> Result<Finished, String> {
        if program.isolated {
            self.check()?;
            self.isolated(program)
        } else {
            self.limited(program)
        }
    }

    fn probe(&self) -> Result<(), String> {
        let argv = ["sh", "-c", "true | true"].map(String::from).to_vec();
        let cpu = Duration::from_secs(5);
        let trial = Program { argv, files: Vec::new(), stdin: Vec::new(), cpu, isolated: true };
        let needs = "it needs Linux, util-linux and unprivileged user namespaces";
        match self.isolated(&trial) {
            Ok(Finished { code: Some(0), .. }) => Ok(()),
            Ok(other) => Err(format!("this system cannot isolate programs: a trial run ended as {other:?}; {needs}")),
            Err(why) => Err(format!("this system cannot isolate programs: {why}; {needs}")),
        }
    }

    fn isolated(&self, program: &Program) -> Result<Finished, String> {
        let scratch = Scratch::new(&self.temporary, program, command::owner())?;
        let limits = watch::Limits::of(program.cpu);
        let mut finished = watch::run(command::isolated(program, &scratch), &limits)?;
        let Some(output) = finished.stdout.strip_prefix(READY) else {
            let why = String::from_utf8_lossy(&finished.stderr);
            return Err(why.lines().next().unwrap_or("the sandbox ended at once").to_owned());
        };
        finished.stdout = output.to_vec();
        // The shell in between tells a signal as 128 plus its number.
        finished.code = finished.code.filter(|code| *code <= 128);
        Ok(finished)
    }

    fn limited(&self, program: &Program) -> Result<Finished, String> {
        let scratch = Scratch::new(&self.temporary, program, None)?;
        let folder = if program.files.is_empty() { self.folder.clone() } else { scratch.files() };
        let command = command::limited(program, &scratch, &folder, &self.environment);
        watch::run(command, &watch::Limits::of(program.cpu))
    }
}

#[cfg(test)]
mod tests;
