//! filch: a lean work-stealing async runtime with asyncio's breadth.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod io;
mod timer;

pub mod runtime;

/// Tasks: spawning, joining, cancelling, yielding, and looking at them.
pub mod task {
    #[doc(inline)]
    pub use crate::runtime::spawn::{spawn, spawn_local, spawn_pinned};
    #[doc(inline)]
    pub use crate::runtime::task::{
        AbortHandle, Builder, Id, JoinError, JoinHandle, LocalKey, Scoped, TaskInfo, TaskState,
        Unconstrained, Unhandled, YieldNow, all_tasks, consume_budget, current, id, try_current, try_id,
        unconstrained, yield_now,
    };
    #[doc(inline)]
    pub use crate::runtime::threads::block_in_place;
    #[doc(inline)]
    pub use crate::runtime::{LocalSet, RunUntil, run_in_executor, spawn_blocking};
}

/// Time: sleeps, timeouts, intervals and the clock they go by.
pub mod time {
    #[doc(inline)]
    pub use crate::timer::*;
}

#[doc(inline)]
pub use runtime::block_on;
#[doc(inline)]
pub use task::{block_in_place, run_in_executor, spawn, spawn_blocking, spawn_local, spawn_pinned};

#[cfg(feature = "macros")]
#[doc(inline)]
pub use filch_macros::{main, test};
