//! Sleeps, timeouts and intervals.
//!
//! | to | use |
//! |---|---|
//! | wait a while, or until a time | [`sleep()`], [`sleep_until`] |
//! | give up on something | [`timeout()`], [`timeout_at`] |
//! | do something again and again | [`interval()`], [`interval_at`] |
//!
//! Timers are never early. A lone one is late by what the system and the tasks that run before it
//! take; a crowd is fired together, at most every 160 µs. A timer that is waiting occupies 24 bytes in its future
//! and, in a crowd, about nine in a wheel; it allocates nothing and makes no system call. Durations and
//! deadlines saturate, so that [`Duration::MAX`](std::time::Duration::MAX) means never.
//!
//! With the feature `test-util` a test can stop the clock and move it by hand.
//!
//! # Examples
//!
//! ```
//! use filch::time;
//! use std::time::Duration;
//!
//! filch::block_on(async {
//!     let answer = time::timeout(Duration::from_secs(1), async {
//!         time::sleep(Duration::from_millis(1)).await;
//!         42
//!     });
//!     assert_eq!(answer.await, Ok(42));
//! });
//! ```

// This folder knows nothing of tasks, workers or sockets. From a `sleep()` to its wake:
//
//   sleep.rs     the future: an entry, registered at the first `Pending`
//   context.rs   finds the thread's wheel and clock
//   table.rs     finds a wheel by its number
//   wheel.rs     the lock, and who wins when a timer fires while it is dropped
//   tick.rs      how time is rounded
//   levels/      which slot, which is next; taking.rs, what leaves it
//   occupied.rs  which slots hold anything
//   slot.rs      what a slot holds
//   block.rs     what a crowded slot is made of
//   batch.rs     how wakers leave the lock
//   entry.rs     what stands in it
//   alarm.rs     how a sleeping leader learns of a timer set by a stranger
//
// A wheel at rest remains at rest: a scheduler turns it, through `context::Timers`.

mod alarm;
mod batch;
mod block;
pub(crate) mod clock;
pub(crate) mod context;
mod entry;
pub mod error;
mod instant;
mod interval;
mod levels;
mod lock;
#[cfg(feature = "test-util")]
mod mock;
#[cfg(all(test, loom))]
mod model;
mod occupied;
mod prefetch;
mod sleep;
mod slot;
mod table;
mod tick;
mod timeout;
mod wheel;

pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
#[cfg(feature = "test-util")]
pub use mock::{pause, resume};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Timeout, timeout, timeout_at};

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
