//! What a scheduler can be told: its flavour, sizes and hooks.
//! It must not know how any of it is used, or which values are refused (`runtime/builder.rs`).

use crate::runtime::quietly::quietly;
use crate::runtime::report;
use crate::timer::clock::Clock;
use core::time::Duration;
use std::sync::Arc;

/// How a runtime gets its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    /// Threads of its own, one per worker.
    MultiThread,
    /// The thread that calls `block_on`.
    CurrentThread,
}

pub(crate) type ThreadHook = Arc<dyn Fn() + Send + Sync>;

/// What the workers call at the turning points of their lives.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) start: Option<ThreadHook>,
    pub(crate) stop: Option<ThreadHook>,
    pub(crate) park: Option<ThreadHook>,
    pub(crate) unpark: Option<ThreadHook>,
}

impl Hooks {
    pub(crate) fn start(&self) {
        call(self.start.as_ref());
    }
    pub(crate) fn stop(&self) {
        call(self.stop.as_ref());
    }
    pub(crate) fn park(&self) {
        call(self.park.as_ref());
    }
    pub(crate) fn unpark(&self) {
        call(self.unpark.as_ref());
    }
}

/// A hook that panics is the user's affair; the worker lives on.
fn call(hook: Option<&ThreadHook>) {
    if let Some(hook) = hook {
        quietly(|| hook());
    }
}

/// The settings of a runtime that is being built, and later those of the runtime.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) thread_name: String,
    pub(crate) stack_size: Option<usize>,
    pub(crate) maintenance_interval: u32,
    pub(crate) hooks: Hooks,
    pub(crate) on_unhandled: Option<report::Hook>,
    pub(crate) blocking_threads: usize,
    pub(crate) blocking_keep_alive: Duration,
    pub(crate) blocking_queue: Option<usize>,
    #[cfg(feature = "test-util")]
    pub(crate) paused: bool,
}

impl Config {
    pub(crate) fn clock(&self) -> Clock {
        let clock = Clock::new();
        #[cfg(feature = "test-util")]
        if self.paused {
            clock.freeze();
        }
        clock
    }
}
