//! HTTP over our own connections: phases stamped one by one, bodies handed on raw, nothing retried.
//!
//! One task per stream does everything: connect, write, read, stamp. A stamp is taken when the read returns, before
//! a byte of it is looked at; framing and decoding happen on another thread (see [`Tap`]).

mod alarm;
pub mod connect;
pub mod exchange;
mod flow;
pub mod http1;
mod http2;
pub mod pool;
pub mod proxy;
pub mod raw;
pub mod socket;
pub mod sse;
pub mod tape;
pub mod tls;

pub use exchange::Ended;
pub use exchange::Failure;
pub use exchange::Signals;
pub use exchange::Tap;
pub use exchange::Timers;
pub use exchange::exchange;
pub use pool::Network;
pub use pool::Wire;
pub use proxy::Proxies;
pub use raw::Block;
pub use raw::Mark;
pub use sse::Framed;
pub use sse::Framer;
pub use tape::Speed;
