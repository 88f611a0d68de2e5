//! What a pool can be told: sizes, times, names and hooks.
//! It must not know how any of it is used.

use std::{sync::Arc, time::Duration};

/// A function that runs on a pool thread, outside the pool's lock. A panic in it is caught.
pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;

/// Longest part of a pool's name, in bytes, that goes into the name of a thread.
const NAME_LIMIT: usize = 48;

/// The settings of a pool.
#[derive(Clone)]
pub(crate) struct Config {
    /// Threads are called `<name>-blocking-<n>`, the watcher `<name>-blocking-watch`.
    pub(crate) name: String,
    /// Never more threads than this; at least 1.
    pub(crate) max_threads: usize,
    /// Threads that a submission may wake or create; what lies beyond needs a stall. At least 1.
    pub(crate) core_threads: usize,
    /// How long a thread waits for a job before it leaves. `Duration::MAX` means for ever.
    pub(crate) keep_alive: Duration,
    /// Stack size in bytes; the platform's default if absent.
    pub(crate) stack_size: Option<usize>,
    /// How many jobs may wait; at least 1, without limit if absent.
    pub(crate) queue_bound: Option<usize>,
    /// Runs on each thread before its first job.
    pub(crate) on_thread_start: Option<Hook>,
    /// Runs on each thread that ran the start hook, before it ends.
    pub(crate) on_thread_stop: Option<Hook>,
    /// Runs on a thread that has just become idle, before it waits.
    pub(crate) on_thread_idle: Option<Hook>,
    /// A pool that goes up to `max_threads` on submission, without waiting for a stall.
    pub(crate) fixed: bool,
    /// Asked before every thread creation; an error stands for the system's refusal.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) refuse_thread: Option<Arc<dyn Fn() -> std::io::Result<()> + Send + Sync>>,
}

impl Config {
    /// The defaults: 512 threads at most, as many as there are cores on submission, ten seconds of keep-alive.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            max_threads: 512,
            // To a model the same on every machine, and so few that the watcher has something to do.
            core_threads: if cfg!(shuttle) { 1 } else { num_cpus::get() },
            keep_alive: Duration::from_secs(10),
            stack_size: None,
            queue_bound: None,
            on_thread_start: None,
            on_thread_stop: None,
            on_thread_idle: None,
            fixed: false,
            #[cfg(all(test, not(any(loom, shuttle))))]
            refuse_thread: None,
        }
    }

    /// The same settings with every number inside its range and the name fit for a thread.
    pub(super) fn sanitised(mut self) -> Self {
        self.max_threads = self.max_threads.max(1);
        self.core_threads = match self.fixed {
            true => self.max_threads,
            false => self.core_threads.clamp(1, self.max_threads),
        };
        self.queue_bound = self.queue_bound.map(|bound| bound.max(1));
        // The standard library panics on a NUL in a thread's name.
        self.name.retain(|c| c != '\0');
        let mut end = self.name.len().min(NAME_LIMIT);
        while !self.name.is_char_boundary(end) {
            end -= 1;
        }
        self.name.truncate(end);
        self
    }
}
