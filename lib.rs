//! filch: a lean work-stealing async runtime with asyncio's breadth.
mod timer;

pub mod runtime;

#[cfg(feature = "macros")]
#[doc(inline)]
pub use filch_macros::{main, test};

/// Sleeps, timeouts and intervals.
pub mod time {
    #[doc(inline)]
    pub use crate::timer::*;
}
