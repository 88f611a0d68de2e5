//! The right to run a task: what a queue holds. One exists for a task at any time, or none.
//! It must not know which queue, or what the scheduler does before and after a run.

use super::header::{Header, Left};
use super::state::{Pend, Start};
use super::waker::{self, ThinWaker};
use crate::runtime::coop;
use crate::runtime::quietly::quietly;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;
use core::task::{Context, Poll};

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
    /// The task has ended.
    Done,
    /// The task waits for a wake-up.
    Idle,
    /// The task yielded or was woken while it ran: it goes to the back of the queue.
    Again(Runnable),
}

/// The task that this thread is polling.
pub(crate) fn current() -> Option<NonNull<Header>> {
    NonNull::new(coop::task().cast::<Header>().cast_mut())
}

/// Hides the current task from a nested executor, and shows it again when dropped.
pub(crate) struct Aside(*const ());

impl Aside {
    pub(crate) fn enter() -> Self {
        Self(coop::replace_task(core::ptr::null()))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        coop::replace_task(self.0);
    }
}

impl Runnable {
    /// # Safety
    /// The caller owns the task's queue entry and gives it up.
    pub(crate) unsafe fn from_raw(task: NonNull<Header>) -> Self {
        Self(task)
    }

    /// Wakes; what is to be queued for it is the caller's. A panic of a foreign waker ends here.
    #[inline]
    pub(crate) fn woken(waker: ThinWaker) -> Option<Self> {
        waker.wake_to_entry().map(Self)
    }

    /// Puts it into the queue where it belongs.
    #[cold]
    pub(crate) fn queue(self) {
        // SAFETY: `self` is the queue entry, and is given up.
        unsafe { Header::push(self.into_raw()) }
    }

    pub(crate) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the task is not done while its queue entry exists, so its memory is alive.
        unsafe { self.0.as_ref() }
    }

    /// Polls the task once, or drops its future if it was cancelled. If it has to wait, later wake-ups from elsewhere are
    /// sent to `home`.
    #[inline(always)]
    pub(crate) fn run(self, home: u16) -> Ran {
        match self.header().state.start() {
            Start::Poll => {}
            Start::Cancel => {
                self.end_as_cancelled();
                return Ran::Done;
            }
        }
        let task = self.into_raw();
        let outer = coop::begin_poll(task.as_ptr().cast());
        // SAFETY: the alive reference outlives this poll, and a borrowed waker is neither dropped nor consumed.
        let waker = unsafe { waker::borrowed(task) };
        // SAFETY: `start` gave the right to run.
        let polled = unsafe { Header::poll(task, &mut Context::from_waker(&waker)) };
        let yielded = coop::end_poll(outer);
        match polled {
            Poll::Ready(left) => {
                // SAFETY: the poll left this in the cell, and the right to run is still ours.
                unsafe { complete(task, left) };
                Ran::Done
            }
            // A yield keeps the right to run: the queue entry carries it.
            Poll::Pending if yielded => Ran::Again(Self(task)),
            // Not done, so the alive reference keeps the memory up to the moment when `pend` lets go of it.
            Poll::Pending => {
                // SAFETY: see above.
                let header = unsafe { task.as_ref() };
                if header.home.load(Relaxed) != home {
                    header.home.store(home, Relaxed);
                }
                match header.state.pend() {
                    // From here on the task may be running elsewhere, or be gone.
                    Pend::Idle => Ran::Idle,
                    Pend::Again => Ran::Again(Self(task)),
                }
            }
        }
    }

    /// Drops the future without polling it; the handle sees a cancellation.
    pub(crate) fn cancel(self) {
        // The transition is the same whether or not somebody asked for the cancellation.
        match self.header().state.start() {
            Start::Poll | Start::Cancel => self.end_as_cancelled(),
        }
    }

    #[cold]
    fn end_as_cancelled(self) {
        let task = self.into_raw();
        let outer = coop::begin_poll(task.as_ptr().cast());
        // SAFETY: `start` gave the right to run.
        unsafe { Header::cancel(task) };
        coop::end_poll(outer);
        // SAFETY: `cancel` left the outcome in the cell.
        unsafe { complete(task, Left::Outcome) };
    }
}

/// Ends a task whose future is gone.
///
/// # Safety
/// The caller owns the right to run and gives it up; `left` says what stands in the cell.
#[inline(always)]
unsafe fn complete(task: NonNull<Header>, left: Left) {
    // SAFETY: as below; with nothing in the cell there was no handle, and none comes back.
    unsafe {
        if left == Left::Nothing {
            if let Some(last) = task.as_ref().state.complete_unjoined() {
                Header::free_as(task, last);
            }
        } else {
            complete_with_outcome(task);
        }
    }
}

/// Ends a task whose outcome stands in the cell.
///
/// # Safety
/// As [`complete`].
unsafe fn complete_with_outcome(task: NonNull<Header>) {
    // SAFETY: the alive reference is ours until the transitions below give it up; the outcome is ours to discard when
    // there is no handle, because a handle that is gone never comes back, and when the handle went during the poll.
    unsafe {
        let header = task.as_ref();
        if !header.state.load().has_handle() {
            Header::discard(task);
            if header.state.complete_unjoined().is_some() {
                Header::free_elsewhere(task);
            }
            return;
        }
        let completed = header.state.complete_joined();
        if completed.wake_joiner {
            // The word is the completer's from now on. The waker may run foreign code: no lock is held here.
            wake_joiner(ThinWaker::from_raw(header.joiner.read()));
        }
        if completed.orphaned {
            Header::discard(task);
        }
        waker::drop_ref(task);
    }
}

/// A function of its own, so that a completion without a joiner saves no registers.
#[inline(never)]
fn wake_joiner(joiner: ThinWaker) {
    quietly(|| joiner.wake());
}
