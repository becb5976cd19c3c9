//! Names of things. A name is a cheap shared string with a type, so that no two kinds are mixed up.

use std::fmt;
use std::sync::Arc;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}

names! {
    /// One model at one endpoint, as the suite calls it.
    TargetId,
    /// A catalogue provider, such as `openrouter`; `custom` for an endpoint spelled out in the suite.
    ProviderId,
    /// A named reasoning setting, such as `low`; `default` sends nothing.
    ModeName,
    /// A message template of the suite.
    PromptId,
    /// One input with its expectation.
    CaseId,
    /// How requests arrive: `c16` in closed loop, `r5` in open loop.
    LoadId,
    /// What judges an answer; unique within a suite.
    GraderId,
    /// A label of cases, used by filters, slices and `when`.
    Tag,
    /// Cases that share a passage, template or conversation, and hence their luck.
    ClusterId,
}

/// Position of a cell in the plan's cell table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(pub u32);

/// Number of a trial, unique within a run and the same whenever the same plan is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialId(pub u64);

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
