//! The driver: where the leading worker sleeps until an event, a wake-up or a timer, and who is woken by an event.
//! It owns the [`polling::Poller`] and what is registered with it; it must not know tasks, workers or timers.
//!
//! Reading order: `readiness.rs` (what is known of a descriptor, and who waits), `slot.rs` (where that stands),
//! `source.rs` (attempt, wait and arming), `context.rs` (where a source registers), `registry.rs` (with a poller),
//! `watch.rs` (the driver, which waits).
//! On Linux the wait is made on the poller's own descriptor (`wait_linux.rs`): `Poller::wait` of polling 3.11 makes five
//! system calls even with a zero timeout. Elsewhere, with `cfg(filch_generic_poll)`, and should the poller's descriptor
//! not be what it is taken for, `wait_generic.rs` uses `Poller::wait`.

#[cfg(not(any(loom, shuttle)))]
pub(crate) mod context;
#[cfg(not(any(loom, shuttle)))]
mod event;
#[cfg(all(test, loom))]
mod model;
#[cfg_attr(
    any(loom, shuttle),
    allow(dead_code, reason = "only a model of it is used")
)]
pub(crate) mod readiness;
#[cfg(not(any(loom, shuttle)))]
pub(crate) mod registry;
#[cfg(not(any(loom, shuttle)))]
pub(crate) mod slot;
#[cfg(not(any(loom, shuttle)))]
pub(crate) mod source;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
#[cfg(not(any(loom, shuttle)))]
mod wait_generic;
#[cfg(all(not(any(loom, shuttle)), target_os = "linux", not(filch_generic_poll)))]
mod wait_linux;
#[cfg(any(loom, shuttle))]
mod wait_modelled;
#[cfg(not(any(loom, shuttle)))]
mod watch;

#[cfg(any(loom, shuttle))]
pub(crate) use wait_modelled::{Driver, Events};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use watch::{Driver, Events};
