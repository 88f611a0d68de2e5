//! Numbers of a runtime that several threads write: what is counted where they meet anyway, and who is awake, for the
//! sake of a paused clock. It must not know who reads them.

use crate::runtime::shim::atomic::{AtomicU64, AtomicUsize};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Numbers that several threads write.
#[derive(Default)]
pub(crate) struct Shares {
    pub(crate) remote_spawns: AtomicU64,
    pub(crate) unparks: AtomicU64,
    /// Tasks that ended on a thread without a worker.
    pub(crate) done: AtomicU64,
    /// Tasks that ended because their runtime did.
    pub(crate) dropped: AtomicU64,
    /// How often somebody came to rest while the clock was frozen.
    pub(crate) rests: AtomicU64,
    /// Threads in `block_on` that are not asleep.
    roots: AtomicUsize,
    /// Jobs of this runtime's tasks in pools of their own.
    #[cfg(feature = "test-util")]
    holds: AtomicUsize,
}

/// Counts a thread in `block_on` as awake, or an awake one as asleep, until it is dropped.
pub(crate) struct RootMark<'a>(&'a AtomicUsize, usize);

impl Drop for RootMark<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(self.1, Relaxed);
    }
}

impl Shares {
    pub(crate) fn root_awake(&self) -> RootMark<'_> {
        self.roots.fetch_add(1, Relaxed);
        RootMark(&self.roots, usize::MAX)
    }
    pub(crate) fn root_asleep(&self) -> RootMark<'_> {
        self.roots.fetch_sub(1, Relaxed);
        RootMark(&self.roots, 1)
    }
    /// A thread in `block_on` falls asleep, and [`Self::root_wakes`] follows.
    pub(crate) fn root_sleeps(&self) {
        // ORDERING: SeqCst with `roots_awake`: the waker counts a root before it goes on to look itself.
        self.roots.fetch_sub(1, SeqCst);
    }
    /// Undoes [`Self::root_sleeps`]: by the thread itself, or by its waker before it is un-parked.
    pub(crate) fn root_wakes(&self) {
        // ORDERING: as above.
        self.roots.fetch_add(1, SeqCst);
    }
    #[cfg(feature = "test-util")]
    pub(crate) fn roots_awake(&self) -> usize {
        // ORDERING: as above.
        self.roots.load(SeqCst)
    }
    #[cfg(feature = "test-util")]
    pub(crate) fn hold_clock(&self) {
        // ORDERING: SeqCst with `is_clock_held`: whoever holds the clock does so before it comes to rest itself.
        self.holds.fetch_add(1, SeqCst);
    }
    #[cfg(feature = "test-util")]
    pub(crate) fn release_clock(&self) {
        // ORDERING: as above: whom the job's end has woken was woken before.
        self.holds.fetch_sub(1, SeqCst);
    }
    #[cfg(feature = "test-util")]
    pub(crate) fn is_clock_held(&self) -> bool {
        // ORDERING: as above.
        self.holds.load(SeqCst) > 0
    }
}
