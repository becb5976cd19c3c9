//! Exit codes: stable, documented, never 0 by accident.

use std::process::ExitCode;

/// Why the process ends as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// All gates passed.
    Ok,
    /// A gate failed.
    Gate,
    /// Usage or suite error.
    Usage,
    /// Too little data for a gate.
    Inconclusive,
    /// Provider, key or quota stopped the run.
    Provider,
    /// Store or I/O error.
    Store,
    /// The client was the limit.
    Invalid,
    /// Budget reached.
    Budget,
    /// Interrupted, resumable.
    Interrupted,
}

/// Where several apply, the first of these is returned.
const PRECEDENCE: [Exit; 8] = [
    Exit::Usage,
    Exit::Interrupted,
    Exit::Store,
    Exit::Provider,
    Exit::Budget,
    Exit::Gate,
    Exit::Invalid,
    Exit::Inconclusive,
];

impl Exit {
    /// The code.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Gate => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::Provider => 4,
            Self::Store => 5,
            Self::Invalid => 6,
            Self::Budget => 7,
            Self::Interrupted => 130,
        }
    }

    /// The exit of a code; unknown codes are store errors.
    pub fn of(code: u8) -> Self {
        PRECEDENCE.into_iter().chain([Self::Ok]).find(|exit| exit.code() == code).unwrap_or(Self::Store)
    }

    /// The one that outranks the other.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        PRECEDENCE.into_iter().find(|exit| *exit == self || *exit == other).unwrap_or(Self::Ok)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error for the user, with the exit that it leads to.
#[derive(Debug)]
pub struct Failure {
    /// The exit.
    pub exit: Exit,
    /// What to say.
    pub message: String,
}

impl Failure {
    /// Usage or suite error.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }

    /// Store or I/O error.
    pub fn store(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Store, message: message.to_string() }
    }

    /// Provider, key or quota.
    pub fn provider(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Provider, message: message.to_string() }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            message = format!("{message}: {source}");
            cause = source.source();
        }
        Self::store(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_ranks_codes() {
        let ranked = [2, 130, 5, 4, 7, 1, 6, 3, 0].map(Exit::of);
        for pair in ranked.windows(2) {
            assert_eq!(pair[0].worse(pair[1]), pair[0]);
            assert_eq!(pair[1].worse(pair[0]), pair[0]);
        }
    }
}
