//! What can go wrong with a run folder.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Trouble with a run folder. Cheap to clone: a failed write is reported to everybody who waits for it.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {doing} {}: {cause}", path.display())]
    Io {
        /// What was attempted, such as `write`.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        cause: Arc<io::Error>,
    },
    /// Another process writes this run.
    #[error("{} is in use by process {pid}; wait for it or stop it, then try again", path.display())]
    Locked {
        /// The run folder.
        path: PathBuf,
        /// Who holds it; 0 where unknown.
        pid: u32,
    },
    /// The folder already holds a run.
    #[error("{} already holds a run; go on with `llmark resume {}` or choose another --out", path.display(), path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Not a run folder.
    #[error("{} is not a run folder: it has no manifest.json", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// Written by a later version.
    #[error("{} has format {found}, and this llmark reads up to {known}; use a newer llmark", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The newest version that can be read.
        known: String,
    },
    /// A file does not say what it should.
    #[error("{}, line {line}: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// A file name that would leave the run folder.
    #[error("`{name}` is not a plain relative file name")]
    BadName {
        /// The name.
        name: String,
    },
    /// The writer has ended.
    #[error("the event log is closed")]
    Closed,
}

impl StoreError {
    /// Wraps an error of the operating system.
    pub(crate) fn io(doing: &'static str, path: &Path, cause: impl Into<io::Error>) -> Self {
        Self::Io { doing, path: path.to_owned(), cause: Arc::new(cause.into()) }
    }

    /// A file that does not say what it should.
    pub(crate) fn corrupt(path: &Path, line: u64, problem: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), line, problem: problem.into() }
    }
}
