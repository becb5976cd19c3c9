//! `llmark sim` as another process, so that its processor time is not the client's.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Error;
use std::io::Result;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

/// Anything that goes wrong ends the bench.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A simulator that runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl Server {
    /// Starts the simulator's profile `instant` on a free port.
    ///
    /// # Errors
    /// The program cannot be started or does not say where it listens.
    pub(crate) fn start() -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_llmark"))
            .args(["sim", "--profile", "instant"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let found = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = found.ok_or_else(|| Error::other(format!("the simulator said `{line}`")))?.to_owned();
        Ok(Self { child, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours and holds nothing: nobody misses a proper end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
