//! The current-thread flavour: one worker, run by whichever thread is in `block_on`; and tasks that are bound to that
//! thread.
//! It owns the worker while nobody runs it, and the binding; it must not know the loop's insides.

use super::Shared;
use super::config::Flavor;
use super::turn::Turn;
use super::worker::Worker;
use crate::runtime::context::WorkerGuard;
use crate::runtime::shim::atomic::AtomicU64;
use crate::runtime::shim::{
    Mutex, seeded,
    thread::{self, Thread, ThreadId},
};
use crate::runtime::task::{Header, Ran, Runnable};
use core::sync::atomic::Ordering::Relaxed;

/// The worker's place while nobody runs it.
#[derive(Default)]
pub(crate) struct Seats {
    state: Mutex<State>,
    leaked: AtomicU64,
}

#[derive(Default)]
struct State {
    worker: Option<Box<Worker>>,
    /// Threads in `block_on` that would like to run it.
    waiting: Vec<Thread>,
    /// The thread that tasks spawned with `spawn_local` belong to.
    bound: Option<ThreadId>,
}

impl Seats {
    pub(crate) fn put(&self, worker: Box<Worker>) {
        let mut state = self.state.lock();
        state.worker = Some(worker);
        let waiting = core::mem::take(&mut state.waiting);
        drop(state);
        if seeded("a_free_seat_is_not_told") {
            return;
        }
        waiting.iter().for_each(Thread::unpark);
    }

    /// The worker, or a promise to un-park this thread when it is free.
    pub(crate) fn take(&self) -> Option<Box<Worker>> {
        let mut state = self.state.lock();
        if state.worker.is_none() {
            let me = thread::current();
            if !state.waiting.iter().any(|thread| thread.id() == me.id()) {
                state.waiting.push(me);
            }
        }
        state.worker.take()
    }

    /// The worker, if nobody runs it.
    pub(crate) fn try_take(&self) -> Option<Box<Worker>> {
        self.state.lock().worker.take()
    }

    /// Binds the runtime to this thread; false if it is bound to another one.
    pub(crate) fn bind(&self) -> bool {
        let me = thread::current().id();
        *self.state.lock().bound.get_or_insert(me) == me
    }

    /// Whether this thread may run the bound tasks.
    pub(crate) fn is_bound_elsewhere(&self) -> bool {
        self.state
            .lock()
            .bound
            .is_some_and(|bound| bound != thread::current().id())
    }
}

impl Shared {
    /// Whether this thread, which ends the runtime, may drop the task's future.
    pub(super) fn may_end_here(&self, header: &Header) -> bool {
        // Of the multi-threaded flavour's pinned tasks only those are left that have not begun: each worker has
        // dropped the others on its own thread.
        self.flavor == Flavor::MultiThread || !header.is_local() || !self.seats.is_bound_elsewhere()
    }

    /// Leaves a task alone for ever, and the runtime's memory with it, because a waker may still look for it.
    pub(super) fn leak(&self, task: Runnable) {
        let task = task.into_raw();
        // SAFETY: the queue entry is in our hands, so the task is not done and the runtime alive.
        core::mem::forget(unsafe { crate::runtime::table::get::<Self>(task.as_ref().runtime) });
        self.seats.leaked.fetch_add(1, Relaxed);
    }

    /// How many tasks were left alone.
    pub(crate) fn leaked(&self) -> u64 {
        self.seats.leaked.load(Relaxed)
    }
}

/// How the loop of a worker came to its end.
#[must_use]
pub(crate) enum Left {
    /// The caller's condition holds.
    Done(Box<Worker>),
    /// The runtime is stopping.
    Stopped(Box<Worker>),
    /// Another thread runs the worker now.
    Lost(Ran),
}

/// Runs a worker on this thread until `done` says so. `wants_a_look` keeps it from sleeping.
pub(crate) fn drive(
    worker: Box<Worker>,
    mut done: impl FnMut() -> bool,
    wants_a_look: impl Fn() -> bool,
) -> Left {
    let raw = Box::into_raw(worker);
    // SAFETY: the box is given up to `raw`; it is this thread's until it is made a box again below, or given away,
    // which `turn` reports.
    let guard = unsafe { WorkerGuard::enter(raw) };
    let left: fn(Box<Worker>) -> Left = loop {
        if done() {
            break Left::Done;
        }
        // SAFETY: see above; the reference does not outlive the call that may give the worker away.
        match unsafe { (*raw).turn(&guard) } {
            Turn::Worked => {}
            // SAFETY: see above.
            Turn::Idle => unsafe { (*raw).park(&wants_a_look) },
            Turn::Stop => {
                // Still the thread's worker while its own tasks are dropped: they may spawn more.
                // SAFETY: see above.
                unsafe { (*raw).end_bound_tasks() };
                break Left::Stopped;
            }
            Turn::Lost(ran) => return Left::Lost(ran),
        }
    };
    drop(guard);
    // SAFETY: the worker is still this thread's, and the guard with its pointer is gone.
    left(unsafe { Box::from_raw(raw) })
}
