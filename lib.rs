//! filch: a lean work-stealing async runtime with asyncio's breadth.
mod timer;

pub mod runtime;

/// Sleeps, timeouts and intervals.
pub mod time {
    #[doc(inline)]
    pub use crate::timer::*;
}
