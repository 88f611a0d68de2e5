//! The right to run a task: what a queue holds. One exists for a task at any time, or none.
//! It must not know which queue, or what the scheduler does before and after a run.

use super::cell::Header;
use super::state::{Pend, Start};
use super::waker::{self, ThinWaker};
use crate::runtime::coop;
#[cfg(loom)]
use crate::runtime::shim::LocalCell as _;
use crate::runtime::shim;
use core::cell::Cell;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::task::{Context, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The right to run one task. It owns no reference: as long as it exists the task is not done, and the alive
/// reference keeps the memory.
#[must_use = "a runnable that is dropped is a task that never runs again"]
pub(crate) struct Runnable(NonNull<Header>);

// SAFETY: a task whose future is not `Send` is marked local, and the scheduler runs it on its own thread only; the
// word itself is as shareable as any pointer.
unsafe impl Send for Runnable {}

/// How a run ended.
#[must_use]
pub(crate) enum Ran {
    /// The task waits for a wake-up.
    Idle,
    /// The task has ended.
    Done,
    /// The task yielded or was woken while it ran: it goes to the back of the queue.
    Again(Runnable),
}

shim::thread_local! {
    static CURRENT: Cell<*const Header> = const { Cell::new(core::ptr::null()) };
}

/// The task that this thread is polling.
pub(crate) fn current() -> Option<NonNull<Header>> {
    NonNull::new(CURRENT.get().cast_mut())
}

/// Hides the current task from a nested executor, and shows it again when dropped.
pub(crate) struct Aside(*const Header);

impl Aside {
    pub(crate) fn enter() -> Self {
        Self(CURRENT.replace(core::ptr::null()))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

impl Runnable {
    /// # Safety
    /// The caller owns the task's queue entry and gives it up.
    pub(crate) unsafe fn from_raw(task: NonNull<Header>) -> Self {
        Self(task)
    }

    pub(crate) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the task is not done while its queue entry exists, so its memory is alive.
        unsafe { self.0.as_ref() }
    }

    /// Polls the task once, or drops its future if it was cancelled.
    #[inline]
    pub(crate) fn run(self) -> Ran {
        match self.header().state.start() {
            Start::Poll => {}
            Start::Cancel => {
                self.end_as_cancelled();
                return Ran::Done;
            }
        }
        let task = self.into_raw();
        let outer = CURRENT.replace(task.as_ptr());
        // SAFETY: the alive reference outlives this poll, and a borrowed waker is neither dropped nor consumed.
        let waker = unsafe { waker::borrowed(task) };
        // SAFETY: `start` gave the right to run.
        let polled = unsafe { Header::poll(task, &mut Context::from_waker(&waker)) };
        CURRENT.set(outer);
        match polled {
            Poll::Ready(()) => {
                coop::take_yield();
                // SAFETY: the poll left the outcome in the cell, and the right to run is still ours.
                unsafe { complete(task) };
                Ran::Done
            }
            // A yield keeps the right to run: the queue entry carries it.
            Poll::Pending if coop::take_yield() => Ran::Again(Self(task)),
            // SAFETY: not done, so the alive reference keeps the memory up to the moment when `pend` lets go of it.
            Poll::Pending => match unsafe { task.as_ref() }.state.pend() {
                // From here on the task may be running elsewhere, or be gone.
                Pend::Idle => Ran::Idle,
                Pend::Again => Ran::Again(Self(task)),
            },
        }
    }

    /// Drops the future without polling it; the handle sees a cancellation.
    pub(crate) fn cancel(self) {
        // The transition is the same whether or not somebody asked for the cancellation.
        match self.header().state.start() {
            Start::Poll | Start::Cancel => self.end_as_cancelled(),
        }
    }

    fn end_as_cancelled(self) {
        let task = self.into_raw();
        let outer = CURRENT.replace(task.as_ptr());
        // SAFETY: `start` gave the right to run.
        unsafe { Header::cancel(task) };
        CURRENT.set(outer);
        coop::take_yield();
        // SAFETY: `cancel` left the outcome in the cell.
        unsafe { complete(task) };
    }
}

/// Ends a task whose outcome stands in the cell.
///
/// # Safety
/// The caller owns the right to run and gives it up.
unsafe fn complete(task: NonNull<Header>) {
    // SAFETY: the alive reference is ours until the transitions below give it up; the outcome is ours to discard when
    // there is no handle, because a handle that is gone never comes back, and when the handle went during the poll.
    unsafe {
        let header = task.as_ref();
        if !header.state.load().has_handle() {
            Header::discard(task);
            if header.state.complete_unjoined() {
                Header::free(task);
            }
            return;
        }
        let completed = header.state.complete_joined();
        if completed.wake_joiner {
            // The word is the completer's from now on. The waker may run foreign code: no lock is held here.
            let joiner = ThinWaker::from_raw(header.joiner.read());
            quietly(|| joiner.wake());
        }
        if completed.orphaned {
            Header::discard(task);
        }
        if header.state.ref_dec() {
            Header::free(task);
        }
    }
}

/// Runs `f` and keeps a panic from getting out, that of a panic's payload included.
pub(crate) fn quietly(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            core::mem::forget(worse);
        }
    }
}
