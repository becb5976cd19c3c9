//! Runs a plan. The only room with tasks, threads and channels; emits events.
//!
//! ```text
//! dispatcher (closed loop) --+                                     +--> recorder (durable log)
//! pacer      (open loop)   --+--> I/O threads --> decoding thread --> dispatcher --> grading threads
//! heartbeat ---------------------^ (stamp only)
//! ```
//!
//! The dispatcher alone holds the run's state and puts all events in one order. The I/O threads connect, write, read
//! and stamp; everything that takes processor time for itself happens on other threads.

pub mod aside;
pub mod audit;
pub mod clock;
pub mod decode;
pub mod dispatch;
pub mod embed;
mod ended;
pub mod grading;
pub mod io;
pub mod issue;
pub mod limiter;
pub mod observe;
pub mod pacer;
pub mod purse;
pub mod question;
pub mod recall;
pub mod retry;
pub mod sandbox;
mod segment;
pub mod setup;
pub mod tapes;

pub use dispatch::run;
pub use setup::Assignment;
pub use setup::Control;
pub use setup::EngineError;
pub use setup::Recorder;
pub use setup::Setup;
