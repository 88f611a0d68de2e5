//! What a worker shows to the other threads: its stealable `next` slot, its inboxes, hints and counters.
//! It must not know the loop that serves them.

use super::queue::{Inbox, Thief};
use crate::runtime::shim::atomic::{AtomicBool, AtomicPtr, AtomicU64, fence};
use crate::runtime::shim::seeded;
use crate::runtime::task::{Header, Runnable};
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

/// One worker as the others see it. On cache lines of its own.
#[repr(align(128))]
pub(crate) struct Remote {
    /// The task that the worker runs next. Filled by the worker only, emptied by anybody.
    next: AtomicPtr<Header>,
    pub(crate) counters: Counters,
    /// When the worker has made so many polls in all, it looks round: for timers, for what came into its inbox, and
    /// whether it is to stop. Written by the worker, and by whoever stops the runtime.
    look_at: AtomicU64,
    pub(crate) thief: OwnLine<Thief>,
    /// Whether the deque may hold something: written by the worker when that changes, so that a thief touches the deque
    /// only if it pays.
    pub(crate) deque_has_work: AtomicBool,
    pub(crate) inbox: OwnLine<Inbox>,
    /// Tasks that must run on this worker.
    pub(crate) pinned: Inbox,
    /// Counted by the pushers.
    pub(crate) inbox_pushes: AtomicU64,
}

/// Keeps a value from sharing a cache line with what stands before it.
#[repr(align(128))]
pub(crate) struct OwnLine<T>(pub(crate) T);

impl<T> core::ops::Deref for OwnLine<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Numbers that one thread writes and others read: plain loads and stores.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) polls: Count,
    pub(crate) spawns: Count,
    pub(crate) done: Count,
    pub(crate) steals: Count,
    pub(crate) parks: Count,
    pub(crate) timers: Count,
    pub(crate) events: Count,
}

impl Remote {
    pub(crate) fn new(thief: Thief) -> Self {
        Self {
            next: AtomicPtr::new(null_mut()),
            counters: Counters::default(),
            look_at: AtomicU64::new(0),
            thief: OwnLine(thief),
            deque_has_work: AtomicBool::new(false),
            inbox: OwnLine(Inbox::new()),
            pinned: Inbox::new(),
            inbox_pushes: AtomicU64::new(0),
        }
    }

    /// Polls until the worker looks round. Only the worker calls this.
    #[inline]
    pub(crate) fn polls_to_look(&self) -> u64 {
        let look_at = self.look_at.load(Relaxed);
        look_at.saturating_sub(self.counters.polls.get())
    }

    /// Whether it is time to look round. Only the worker calls this.
    #[inline]
    pub(crate) fn is_time_to_look(&self) -> bool {
        self.counters.polls.get() >= self.look_at.load(Relaxed)
    }

    /// Lets so many polls pass before the next look; none if the runtime is stopping. Only the worker calls this.
    pub(crate) fn look_after(&self, polls: u32, is_stopping: impl FnOnce() -> bool) {
        let look_at = self.counters.polls.get() + u64::from(polls);
        self.look_at.store(look_at, Relaxed);
        if !seeded("no_fence_before_the_look_at_the_stop") {
            // ORDERING: pairs with the fence of `Gate::stop`, see there.
            fence(SeqCst);
        }
        if is_stopping() {
            self.look_at_once();
        }
    }

    /// Makes the worker look round before its next poll: the runtime is stopping. Anybody may call this.
    pub(crate) fn look_at_once(&self) {
        self.look_at.store(0, Relaxed);
    }

    /// Fills the slot if it is empty, without a read-modify-write. Only the worker calls this.
    #[inline]
    pub(crate) fn fill_next(&self, task: Runnable) -> Result<(), Runnable> {
        // Others only empty the slot, so one that is seen empty stays so.
        if !self.next.load(Relaxed).is_null() {
            return Err(task);
        }
        // ORDERING: Release pairs with the Acquire of `take_next`.
        self.next.store(task.into_raw().as_ptr(), Release);
        Ok(())
    }

    /// Fills the slot, and gives what it held. Only the worker calls this.
    #[inline]
    pub(crate) fn displace_next(&self, task: Runnable) -> Option<Runnable> {
        match self.fill_next(task) {
            Ok(()) => None,
            // ORDERING: Release as in `fill_next`, Acquire as in `take_next`.
            Err(task) => Self::from_slot(self.next.swap(task.into_raw().as_ptr(), AcqRel)),
        }
    }

    /// Empties the slot.
    #[inline]
    pub(crate) fn take_next(&self) -> Option<Runnable> {
        let seen = self.next.load(Relaxed);
        if seen.is_null() {
            return None;
        }
        if seeded("two_take_the_next") {
            self.next.store(null_mut(), Relaxed);
            return Self::from_slot(seen);
        }
        // ORDERING: Acquire pairs with the Release of `fill_next` and `displace_next`.
        Self::from_slot(self.next.swap(null_mut(), Acquire))
    }

    pub(crate) fn has_next(&self) -> bool {
        !self.next.load(Relaxed).is_null()
    }

    fn from_slot(task: *mut Header) -> Option<Runnable> {
        // SAFETY: the slot held the task's queue entry, and it was taken out by the swap.
        NonNull::new(task).map(|task| unsafe { Runnable::from_raw(task) })
    }

    /// Whether a searcher would find something here. The `next` slot does not count: its worker is about to run it.
    pub(crate) fn has_work(&self) -> bool {
        // The hint may outlast the work until the worker looks, and the worker may be in a long poll.
        (self.deque_has_work.load(Relaxed) && self.thief.len() > 0) || !self.inbox.is_empty()
    }

    /// Tasks that wait for this worker.
    pub(crate) fn queue_depth(&self) -> usize {
        self.thief.len() + usize::from(self.has_next())
    }

    pub(crate) fn inbox_depth(&self) -> usize {
        self.inbox.len() + self.pinned.len()
    }
}
