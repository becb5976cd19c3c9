//! Deciding while a run goes on, at any time and as often as one likes, without raising more false alarms than
//! promised: comparisons of the run's arms and objectives about shares, by bets on bounded values.
//!
//! **Order.** Evidence is taken in the order of the plan, never in the order in which answers arrive: a finished trial
//! waits until all trials before it in its cell are in. When an answer comes depends on how long it is, that on how
//! hard the case is, so taking the quick ones first would bias what is seen. It also makes decisions a function of
//! the stored run alone: [`replay`] makes them again from the log.
//!
//! **Unit.** A case is the unit of comparisons and of `pass_rate`: its repeats are averaged first. Trials are the unit
//! of `error_rate`, `goodput` and percentiles. No look is taken before thirty units.
//!
//! **Missing results** enter with the value that speaks against the claim in question.
//!
//! **Answers.** A gate asks whether anything was lost: "no worse than the margin" decides it. Without a gate a
//! comparison goes on until the candidate is better, worse, or neither by more than the margin.
//!
//! **Levels.** "Improved" and "regressed" need 1/alpha = 40 for each of the comparisons that are watched (Bonferroni,
//! fixed by the plan, so that no decision waits for another), "no worse than the margin" needs 40, objectives need 20.

mod question;
mod result;
mod rule;
mod tracker;

#[cfg(test)]
mod tests;

pub use question::Word;
pub use result::Answered;
pub use result::Ended;
pub use result::Stopping;
pub use result::estimates;
pub use result::overrule;
pub use result::replay;
pub use rule::Asked;
pub use rule::Question;
pub use rule::Rule;
pub use tracker::Decision;
pub use tracker::Grant;
pub use tracker::Tracker;
