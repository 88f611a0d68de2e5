//! The end of a runtime: no more spawns, the workers stop, every future is dropped exactly once.
//! It owns the gate for spawns from outside and the order of the end; it must not know who asked for it or who waits
//! (`runtime/shutdown.rs`).
//!
//! # The order
//!
//! 1. *Stop*: `stopping` is set, and every worker made to look round and un-parked. After its present poll the worker
//!    ends its loop, drops on its own thread the tasks that must not leave it, and hands itself in.
//! 2. *Close*: whoever hands in the last worker closes the gate and waits for the spawns that are just passing it. From
//!    here on no task is made but as cancelled.
//! 3. *Drain*: it empties all queues, dropping each future, and walks the registry for tasks that wait: `cancel` gives it
//!    their queue entries. A task that is scheduled or running is in the hands of some thread that is about to push
//!    it, or is in the middle of `block_in_place`; the loop comes again until all tasks are done.
//! 4. *Finished*: who waits for the end is told.
//!
//! # Stop against a worker's count
//!
//! A busy worker looks round when its count of polls comes to `Remote::look_at`; to read that costs it nothing, as the
//! count is in its hands anyway. Whoever stops the runtime sets the flag, *StopFence*, and writes zero there. The worker
//! writes the next count there, *LookFence*, and reads the flag. Stop first: the worker sees the flag, and writes zero
//! itself. LookFence first: the worker's count is older than the stopper's zero. So the zero is what remains.
//!
//! # Spawn against close
//!
//! A spawn from outside does *Enter* (count up, look at the flag in the same word), push, *Leave* (count down). *Close*
//! sets the flag and waits until the count is zero. The word is one atomic: either Enter comes first, and Drain begins
//! after the push; or Close comes first, and Enter sees the flag. A worker's own spawns need no gate: they happen before
//! it hands itself in, or, in Drain, find `stopping` set and no worker on the thread.

use super::Shared;
use super::worker::Worker;
use crate::runtime::shim::atomic::{AtomicBool, AtomicUsize, fence};
use crate::runtime::shim::{self, Condvar, Instant, Mutex, seeded};
use crate::runtime::task::{Header, Runnable, ThinWaker, abort_owned, walk};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use core::time::Duration;

const CLOSED: usize = 1 << (usize::BITS - 1);
/// How long Drain waits for threads that hold tasks, before it looks again.
const RECHECK: Duration = Duration::from_millis(1);

/// The gate that spawns from outside pass, and the way to the end.
pub(crate) struct Gate {
    /// `CLOSED`, and how many spawns are passing.
    passing: AtomicUsize,
    stopping: AtomicBool,
    end: Mutex<End>,
    changed: Condvar,
}

struct End {
    /// Workers that have not handed themselves in.
    running: usize,
    #[expect(
        clippy::vec_box,
        reason = "workers travel between threads as boxes; moving them out would copy them"
    )]
    stopped: Vec<Box<Worker>>,
    finished: bool,
}

/// The right to publish a task from outside.
pub(crate) struct Pass<'a>(&'a Gate);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // ORDERING: Release pairs with the Acquire of `close`: the push is seen by Drain.
        self.0.passing.fetch_sub(1, Release);
    }
}

impl Gate {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            passing: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            end: Mutex::new(End {
                running: workers,
                stopped: Vec::new(),
                finished: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Enter. `None` when the gate is closed.
    pub(crate) fn enter(&self) -> Option<Pass<'_>> {
        // ORDERING: Acquire pairs with the Release of `close`.
        if self.passing.fetch_add(1, Acquire) & CLOSED == 0 || seeded("the_gate_lets_pass") {
            return Some(Pass(self));
        }
        self.passing.fetch_sub(1, Relaxed);
        None
    }

    /// Close: returns when no spawn is passing.
    pub(crate) fn close(&self) {
        // ORDERING: Release pairs with `enter`, Acquire with `Pass::drop`.
        let mut passing = self.passing.fetch_or(CLOSED, AcqRel);
        while passing & !CLOSED != 0 && !seeded("the_gate_does_not_wait") {
            // A few instructions, unless the system has taken the thread from its core.
            shim::thread::yield_now();
            // ORDERING: as above.
            passing = self.passing.load(Acquire);
        }
    }

    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// The flag of Stop, and StopFence. The caller makes the workers look round.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Relaxed);
        if !seeded("no_fence_after_the_stop") {
            // ORDERING: pairs with the fence of `Remote::look_after`: it sees the flag, or what it wrote before is older
            // than what the caller writes next.
            fence(SeqCst);
        }
    }

    /// Finished.
    pub(super) fn finish(&self) {
        self.end.lock().finished = true;
        if !seeded("the_end_is_not_told") {
            self.changed.notify_all();
        }
    }

    /// Waits for the end, at most for `timeout`; whether it has come.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut end = self.end.lock();
        while !end.finished {
            match deadline {
                None => shim::wait(&self.changed, &mut end),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    shim::wait_for(&self.changed, &mut end, left);
                }
            }
        }
        true
    }
}

impl Shared {
    /// Stop: no worker begins another poll.
    pub(crate) fn stop(&self) {
        if seeded("the_workers_wake_before_the_stop") {
            self.unpark_all();
        }
        self.gate.stop();
        for remote in &self.remotes {
            remote.look_at_once();
        }
        if !seeded("the_workers_wake_before_the_stop") {
            self.unpark_all();
        }
    }

    /// Takes a worker that has stopped. The last one brings the end, on this thread.
    pub(crate) fn hand_in(&self, worker: Box<Worker>) {
        worker.retire();
        let mut end = self.gate.end.lock();
        end.stopped.push(worker);
        end.running -= 1;
        if end.running > 0 {
            return;
        }
        let workers = core::mem::take(&mut end.stopped);
        drop(end);
        self.gate.close();
        self.drain(&workers);
        drop(workers);
        self.gate.finish();
    }

    /// Drain.
    fn drain(&self, workers: &[Box<Worker>]) {
        let mut timers_are_closed = false;
        loop {
            for worker in workers {
                while let Some(task) = worker.drain() {
                    self.end_task(task);
                }
            }
            for remote in &self.remotes {
                while let Some(task) = remote.inbox.take().or_else(|| remote.pinned.take()) {
                    self.end_task(task);
                }
            }
            if self.live_tasks() == self.leaked() {
                break;
            }
            // A task that must not be touched here is found too, so that it is counted as left alone.
            let found = self.cancel_waiting(|_| true, |task| self.end_task(task));
            if found > 0 {
                continue;
            }
            if !timers_are_closed {
                // Only now, when the tasks that slept are gone: what is left sleeps in `block_on`.
                self.close_sources();
                timers_are_closed = true;
                continue;
            }
            let mut end = self.gate.end.lock();
            shim::wait_for(&self.gate.changed, &mut end, RECHECK);
        }
        self.close_sources();
    }

    /// Ends what wakes from outside: timers and IO. Who still waits for them, in another runtime, is woken.
    fn close_sources(&self) {
        self.timers.close();
        for driver in self.parking.drivers() {
            driver.close(ThinWaker::wake_quietly);
        }
    }

    /// Drops a task's future; one that must not be touched by this thread is left alone for ever.
    pub(super) fn end_task(&self, task: Runnable) {
        if !self.may_end_here(task.header()) {
            return self.leak(task);
        }
        task.cancel();
        // Counted afterwards: a drop may take its time, and the end waits for it.
        self.shares.done.fetch_add(1, Relaxed);
        self.shares.dropped.fetch_add(1, Relaxed);
    }

    /// Walks the registry for tasks of this runtime that wait, and gives their queue entries to `take`. A blocking job is
    /// not one of them: the pool has cancelled and counted it, or a thread of the pool has taken it and will run it.
    pub(super) fn cancel_waiting(
        &self,
        wanted: impl Fn(&Header) -> bool,
        mut take: impl FnMut(Runnable),
    ) -> usize {
        let mut found = 0;
        let number = self.slot.number();
        walk(
            |header| header.runtime == number && !header.is_in_pool() && wanted(header),
            |task| {
                // SAFETY: the walk gave a reference, which is given up here.
                if let Some(entry) = unsafe { abort_owned(task) } {
                    found += 1;
                    take(entry);
                }
            },
        );
        found
    }
}
