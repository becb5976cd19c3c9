//! How requests arrive: load specs, arrival processes, the plan. No clock, no task.

pub mod arrivals;
pub mod fit;
pub mod order;
pub mod plan;
pub mod replay;
pub mod spec;

pub use order::Order;
pub use order::segments;
pub use plan::Cell;
pub use plan::Plan;
pub use plan::Segment;
pub use plan::Slot;
pub use spec::Arrivals;
pub use spec::LoadSpec;
pub use spec::Shape;
pub use spec::Stop;
