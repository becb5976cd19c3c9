//! The highest load that meets the objectives: which load to measure next, and what all measurements come to.
//!
//! A pure state machine. The caller measures what [`Search::next`] asks for and records it; measurements of one level
//! are pooled, so a level that is not decided is simply measured again. The level reported as met is always one that
//! was measured and met, with nothing at or below it missed.
//!
//! ```
//! use llmark::analyze::capacity::{Bounds, Search, Step};
//!
//! let search = Search::new(Bounds { start: 4.0, min: 1.0, max: 64.0, whole: true, tries: 3, measurements: 20 });
//! assert_eq!(search.next(), Step::Measure(4.0));
//! ```

mod fit;
mod point;
mod search;

pub use fit::Capacity;
pub use fit::knee;
pub use point::Counts;
pub use point::Held;
pub use point::Point;
pub use point::points;
pub use search::Bounds;
pub use search::Search;
pub use search::Step;
