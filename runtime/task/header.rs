//! What all tasks share: the header, and the table behind which their types stand. It owns who may call what of it, and
//! the end of the memory; it must not know what a future or a queue is.

use super::arena;
use super::extra;
use super::id::Id;
use super::outcome::Outcome;
use super::state::{Snapshot, State};
use crate::runtime::shim::Word;
use crate::runtime::shim::atomic::{AtomicU16, AtomicU64};
use core::panic::Location;
use core::ptr::NonNull;
use core::task::{Context, Poll};

/// The part of a task that every type of task shares.
#[repr(C, align(8))]
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) vtable: &'static VTable,
    /// The waker of whoever awaits the handle; `state` says whose it is.
    pub(super) joiner: Word,
    pub(crate) location: &'static Location<'static>,
    /// The slot of the runtime in the table of runtimes.
    pub(crate) runtime: u16,
    /// The worker that ran the task last: where a wake-up from elsewhere is sent.
    pub(crate) home: AtomicU16,
    /// Counts the lives of this piece of memory, so that address and generation make an [`Id`].
    pub(super) generation: u32,
}

/// The typed operations of a task, and what a dump says of its type.
pub(crate) struct VTable {
    pub(super) poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Poll<Left>,
    pub(super) cancel: unsafe fn(NonNull<Header>),
    pub(super) discard: unsafe fn(NonNull<Header>),
    pub(super) take: unsafe fn(NonNull<Header>, *mut ()),
    pub(super) schedule: unsafe fn(NonNull<Header>),
    pub(super) type_name: fn() -> &'static str,
    pub(super) in_pool: bool,
    pub(super) memory: arena::Kind,
}

/// What stands in the cell after the future is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing: there was no handle, and nothing to drop.
    Nothing,
    /// The outcome.
    Outcome,
}

impl Header {
    pub(crate) fn id(&self) -> Id {
        Id::new(core::ptr::from_ref(self).addr(), self.generation)
    }

    #[inline]
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.state.load()
    }

    pub(crate) fn type_name(&self) -> &'static str {
        (self.vtable.type_name)()
    }

    /// Whether this is a blocking job.
    pub(crate) fn is_in_pool(&self) -> bool {
        self.vtable.in_pool
    }

    /// The name that was given to the task.
    pub(super) fn name(&self) -> Option<String> {
        if self.state.load().has_extra() {
            extra::name_of(self.id())
        } else {
            None
        }
    }

    /// Puts the task into a queue.
    ///
    /// # Safety
    /// The caller owns the queue entry and gives it up.
    #[inline]
    pub(super) unsafe fn push(task: NonNull<Self>) {
        // SAFETY: passed on; what is read of the header is read before the push.
        unsafe { (task.as_ref().vtable.schedule)(task) }
    }

    /// Polls the future. After `Ready` it is gone, and what is left says what stands in its place.
    ///
    /// # Safety
    /// The caller owns the right to run, and the task is not done.
    #[inline]
    pub(super) unsafe fn poll(task: NonNull<Self>, cx: &mut Context<'_>) -> Poll<Left> {
        // SAFETY: passed on.
        unsafe { (task.as_ref().vtable.poll)(task, cx) }
    }

    /// Drops the future; the outcome says cancelled, or panicked if the drop did.
    ///
    /// # Safety
    /// As [`Header::poll`].
    pub(super) unsafe fn cancel(task: NonNull<Self>) {
        // SAFETY: passed on.
        unsafe { (task.as_ref().vtable.cancel)(task) }
    }

    /// Drops the outcome that nobody retrieved, and reports it if it was a panic or an error.
    ///
    /// # Safety
    /// The outcome stands in the cell, the caller owns it and a reference, and nobody uses the outcome afterwards.
    #[inline]
    pub(super) unsafe fn discard(task: NonNull<Self>) {
        // SAFETY: passed on.
        unsafe { (task.as_ref().vtable.discard)(task) }
    }

    /// Moves the outcome out.
    ///
    /// # Safety
    /// As [`Header::discard`], and `T` is the output of the task's future.
    pub(super) unsafe fn take<T>(task: NonNull<Self>) -> Outcome<T> {
        let mut outcome = core::mem::MaybeUninit::<Outcome<T>>::uninit();
        // SAFETY: passed on; the vtable's function writes the whole outcome.
        unsafe {
            (task.as_ref().vtable.take)(task, outcome.as_mut_ptr().cast());
            outcome.assume_init()
        }
    }

    /// [`free`](Self::free) where it is the rare end of a short function.
    ///
    /// # Safety
    /// As there.
    #[cold]
    pub(super) unsafe fn free_elsewhere(task: NonNull<Self>) {
        // SAFETY: passed on.
        unsafe { Self::free(task) }
    }

    /// Gives the memory back.
    ///
    /// # Safety
    /// The last reference is gone, the future and the outcome with it.
    #[inline]
    pub(super) unsafe fn free(task: NonNull<Self>) {
        // SAFETY: passed on.
        unsafe { Self::free_as(task, task.as_ref().state.load()) }
    }

    /// [`free`](Self::free) for a caller that has seen the state.
    ///
    /// # Safety
    /// As there.
    #[inline]
    pub(super) unsafe fn free_as(task: NonNull<Self>, last: Snapshot) {
        // SAFETY: nobody else refers to the task; the memory came from the arena as one of this kind.
        unsafe {
            if last.has_extra() {
                extra::remove(task.as_ref().id());
            }
            let memory = &task.as_ref().vtable.memory;
            task.as_ref().state.vacate();
            arena::free(task.cast(), memory);
        }
    }
}

const _: () = assert!(loom_is_on() || (size_of::<Header>() == 40 && align_of::<Header>() == 8));
const _: () = assert!(size_of::<AtomicU64>() == 8 || loom_is_on());

const fn loom_is_on() -> bool {
    cfg!(loom)
}
