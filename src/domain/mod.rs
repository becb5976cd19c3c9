//! The nouns of a benchmark: ids, prompts, cases, targets, trials, observations, outcomes, verdicts.
//!
//! Plain values without I/O, clocks or serialisation. Every other room speaks in these words, so a
//! change of a file format (`store`, `suite`) never changes a type here, and the other way round.

pub mod answer;
pub mod case;
pub mod event;
pub mod id;
pub mod json;
pub mod message;
pub mod money;
pub mod observation;
pub mod outcome;
pub mod probe;
pub mod random;
pub mod recall;
pub mod tape;
pub mod time;
pub mod usage;
pub mod verdict;

pub use answer::Answer;
pub use case::Case;
pub use case::Expect;
pub use case::Vars;
pub use event::Event;
pub use event::Health;
pub use event::RunStatus;
pub use id::{CaseId, CellId, ClusterId, GraderId, LoadId, ModeName, PromptId, ProviderId, Tag, TargetId, TrialId};
pub use json::JsonText;
pub use message::{Conversation, Format, Message, Part, Role, Tool, ToolCall, ToolChoice};
pub use money::Basis;
pub use money::Cost;
pub use money::Price;
pub use money::Tier;
pub use money::Usd;
pub use observation::{Asker, Attempt, Channel, ConnTimes, Flag, Observation, Phase, Reply, Stage, WireEvent};
pub use outcome::Outcome;
pub use probe::Probe;
pub use probe::Standing;
pub use recall::Kept;
pub use recall::Recall;
pub use time::Clock;
pub use time::Offset;
pub use usage::TokenSource;
pub use usage::Usage;
pub use verdict::Verdict;
pub use verdict::Why;
