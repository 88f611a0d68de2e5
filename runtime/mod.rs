//! The runtime: what runs tasks. Most programs need only [`filch::block_on`](crate::block_on) or `#[filch::main]`; here
//! are the [`Builder`] for those that need more, the [`Runtime`] it builds, and the [`Handle`] to it.

mod block_on;
pub(crate) mod blocking;
mod builder;
pub(crate) mod context;
pub(crate) mod coop;
mod executor;
mod handle;
pub(crate) mod home;
mod local_set;
mod metrics;
#[cfg(all(test, loom))]
pub(crate) mod model;
pub(crate) mod paused;
pub(crate) mod quietly;
mod report;
mod scheduler;
pub(crate) mod shim;
mod shutdown;
#[cfg(all(test, shuttle))]
mod shuttle;
pub(crate) mod spawn;
mod table;
pub(crate) mod task;
pub(crate) mod tasks;
pub(crate) mod threads;

pub use self::builder::Builder;
pub use self::context::EnterGuard;
pub use self::executor::{Executor, ExecutorBuilder, run_in_executor, spawn_blocking};
pub use self::handle::{Handle, TryCurrentError};
pub use self::local_set::{LocalSet, RunUntil};
pub use self::metrics::{Metrics, WorkerMetrics};
pub use self::shutdown::{Runtime, ShutdownReport, block_on};
pub use self::task::Unhandled;
