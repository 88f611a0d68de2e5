//! The state word of a task: flags and reference count in one atomic, changed only by the named transitions below.
//! It must not know what a future, a queue or a scheduler is; the protocol that it carries is told in `task/mod.rs`.

use crate::runtime::shim::mortal::AtomicU64;
use crate::runtime::shim::seeded;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// A queue entry exists or the runner must poll again. Set by wakers, cleared by [`State::start`].
const SCHED: u64 = 1;
/// Somebody has the right to touch the future. Kept across a yield, when the queue entry carries it.
const RUN: u64 = 1 << 1;
/// The future is gone; the output, if a handle wants it, stands in its place. Never cleared.
const DONE: u64 = 1 << 2;
/// The next run drops the future instead of polling it. Set together with `SCHED`. Never cleared.
const CANCEL: u64 = 1 << 3;
/// The `JoinHandle` lives. It alone clears this, and after `DONE` it owns the output.
const HANDLE: u64 = 1 << 4;
/// The joiner word holds a waker: until `DONE` the handle may clear this, from `DONE` on it is the completer's.
const JOINER: u64 = 1 << 5;
/// The side table holds something about this task. Set before the task is published.
const EXTRA: u64 = 1 << 6;
/// The task belongs to one thread. Set before the task is published.
const LOCAL: u64 = 1 << 7;
/// One reference. The alive reference counts as one from the spawn to the end of the completion.
const REF: u64 = 1 << 8;

/// See the module's documentation.
pub(crate) struct State(AtomicU64);

/// What the runner may do with a task that it took from a queue.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Poll the future.
    Poll,
    /// Drop the future and complete the task as cancelled.
    Cancel,
}

/// What remains after a poll that returned `Pending`.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pend {
    /// Nothing: touch the task no more.
    Idle,
    /// The task was woken during the poll: the runner owns a new queue entry.
    Again,
}

/// What a wake-up asks of the waker.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Nothing.
    Nothing,
    /// Put the task into a queue: the caller owns the queue entry.
    Push,
    /// The last reference is gone: free the task.
    Free,
}

/// What a completion that found a handle has to do before it gives up the alive reference.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Completed {
    /// Take the joiner's waker and wake it.
    pub(crate) wake_joiner: bool,
    /// The handle went away during the last poll: drop the output.
    pub(crate) orphaned: bool,
}

/// What a handle that is dropped has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Detach {
    /// Nothing: the handle's reference is given up.
    Gone,
    /// The joiner's waker is the handle's again: drop it, then give up the reference.
    DropJoiner,
    /// The task is done: drop the output, then give up the reference with [`State::release_handle`].
    DropOutput,
}

/// What the registry's walker sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

impl Snapshot {
    #[inline]
    pub(crate) fn is_done(self) -> bool {
        self.0 & DONE != 0
    }
    pub(crate) fn is_running(self) -> bool {
        self.0 & RUN != 0
    }
    pub(crate) fn is_cancelled(self) -> bool {
        self.0 & CANCEL != 0
    }
    pub(crate) fn is_scheduled(self) -> bool {
        self.0 & SCHED != 0
    }
    #[inline]
    pub(crate) fn is_local(self) -> bool {
        self.0 & LOCAL != 0
    }
    #[inline]
    pub(crate) fn has_extra(self) -> bool {
        self.0 & EXTRA != 0
    }
    #[inline]
    pub(crate) fn has_handle(self) -> bool {
        self.0 & HANDLE != 0
    }
}

impl State {
    /// The state of a task that is about to be published, with one queue entry and one handle.
    #[inline]
    pub(crate) fn spawned(local: bool, extra: bool) -> u64 {
        let flags = if local { LOCAL } else { 0 } | if extra { EXTRA } else { 0 };
        flags | SCHED | HANDLE | (2 * REF)
    }

    /// A state word of its own kind, for memory that does not come zeroed in a loom model.
    #[cfg(loom)]
    pub(crate) fn vacant() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Publishes a task to the registry's walkers: the last write of a spawn.
    #[inline]
    pub(crate) fn publish(&self, value: u64) {
        // ORDERING: Release pairs with the Acquire of `try_ref` in a walker.
        self.0.store(value, Release);
    }

    /// Marks the slot as free for the walkers: the last write before the memory goes back to the arena.
    #[inline]
    pub(crate) fn vacate(&self) {
        self.0.store(0, Relaxed);
        #[cfg(loom)]
        self.0.end();
    }

    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        // ORDERING: Acquire pairs with the Release of `complete_joined`: a reader that sees `DONE` sees the output.
        Snapshot(self.0.load(Acquire))
    }

    /// Takes the right to run that a queue entry carries.
    #[inline]
    pub(crate) fn start(&self) -> Start {
        let seen = if seeded("yield_drops_a_wake") && self.0.load(Relaxed) & RUN != 0 {
            self.0.fetch_and(!SCHED, Relaxed)
        } else if self.0.load(Relaxed) & RUN != 0 {
            // A yield kept the right to run and its queue entry brings it back. A waker may have set `SCHED`
            // meanwhile; it stays set and costs one poll more, never one less.
            // ORDERING: Acquire pairs with the Release half of `cancel`.
            self.0.load(Acquire)
        } else {
            // ORDERING: Acquire pairs with the Release half of `wake`, so that this poll sees what the waker did
            // before it woke, and of `pend`, so that it sees the last poll's writes. As a read-modify-write it
            // also orders the clearing of SCHED before the poll's reads: a wake after it sets SCHED anew.
            self.0.fetch_add(RUN.wrapping_sub(SCHED), AcqRel)
        };
        if seen & CANCEL != 0 {
            Start::Cancel
        } else {
            Start::Poll
        }
    }

    /// Gives up the right to run after a `Pending`.
    #[inline]
    pub(crate) fn pend(&self) -> Pend {
        // ORDERING: Release hands the future to the next `start`; Acquire is for the runner that goes on at once.
        let order = if seeded("pend_is_relaxed") {
            Relaxed
        } else {
            AcqRel
        };
        let seen = self.0.fetch_sub(RUN, order);
        if seen & SCHED != 0 && !seeded("pend_ignores_a_wake") {
            Pend::Again
        } else {
            Pend::Idle
        }
    }

    /// Completes a task that nobody joins, and gives up the alive reference; if the task is to be freed, what it was.
    #[inline]
    pub(crate) fn complete_unjoined(&self) -> Option<Snapshot> {
        // ORDERING: Release hands the cell to whoever frees it; Acquire makes the freer see all earlier releases.
        let seen = self
            .0
            .fetch_add(DONE.wrapping_sub(RUN).wrapping_sub(REF), AcqRel);
        (seen / REF == 1 || seeded("completion_frees_always")).then_some(Snapshot(seen))
    }

    /// Completes a task whose output stands in the cell.
    pub(crate) fn complete_joined(&self) -> Completed {
        // ORDERING: Release publishes the output to `load` and `set_joiner`; Acquire pairs with the Release of
        // `set_joiner`, so that the joiner's waker is seen.
        let seen = self.0.fetch_add(DONE.wrapping_sub(RUN), AcqRel);
        Completed {
            wake_joiner: seen & JOINER != 0 && !seeded("completion_forgets_the_joiner"),
            orphaned: seen & HANDLE == 0 && !seeded("completion_forgets_an_orphan"),
        }
    }

    /// One more reference.
    #[inline]
    pub(crate) fn ref_inc(&self) {
        // ORDERING: Relaxed, as for any counter whose new owner got the task from an owner.
        let seen = self.0.fetch_add(REF, Relaxed);
        debug_assert!(
            seen >= REF,
            "a reference was made to a task that was already free"
        );
    }

    /// One reference less; true if the task is to be freed.
    #[inline]
    #[must_use]
    pub(crate) fn ref_dec(&self) -> bool {
        // ORDERING: Release pairs with the Acquire of the last `ref_dec`, which frees.
        let order = if seeded("ref_dec_is_relaxed") {
            Relaxed
        } else {
            AcqRel
        };
        let seen = self.0.fetch_sub(REF, order);
        debug_assert!(seen >= REF, "a task lost more references than it had");
        seen / REF == 1
    }

    /// A walker's reference: given only to a task that is alive, so that its memory is a task now and stays one.
    pub(crate) fn try_ref(&self) -> Option<Snapshot> {
        let mut seen = self.0.load(Relaxed);
        while seen / REF != 0 && seen & DONE == 0 {
            // ORDERING: Acquire pairs with `publish`.
            match self
                .0
                .compare_exchange_weak(seen, seen + REF, Acquire, Relaxed)
            {
                Ok(_) => return Some(Snapshot(seen)),
                Err(now) => seen = now,
            }
        }
        None
    }

    /// A wake-up that keeps the waker.
    #[inline]
    pub(crate) fn wake_by_ref(&self) -> Wake {
        // A read-modify-write even if SCHED is set already: what the waker did before must be seen by the poll that
        // the earlier wake caused.
        if seeded("wake_only_looks") && self.0.load(Relaxed) & SCHED != 0 {
            return Wake::Nothing;
        }
        // ORDERING: Release pairs with the Acquire of `start`; Acquire orders the push after the last poll.
        let seen = self.0.fetch_or(SCHED, AcqRel);
        if seen & (SCHED | RUN | DONE) == 0 {
            Wake::Push
        } else {
            Wake::Nothing
        }
    }

    /// A wake-up that uses up the waker's reference.
    #[inline]
    pub(crate) fn wake(&self) -> Wake {
        let mut seen = self.0.load(Relaxed);
        loop {
            let next = (seen | SCHED) - REF;
            // ORDERING: as `wake_by_ref`; the Release half also serves as that of `ref_dec`.
            match self.0.compare_exchange_weak(seen, next, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        let busy = match seeded("wake_pushes_twice") {
            true => RUN | DONE,
            false => SCHED | RUN | DONE,
        };
        if seen & busy == 0 {
            // The alive reference covers the queue entry.
            Wake::Push
        } else if seen / REF == 1 && !seeded("wake_never_frees") {
            unlikely();
            Wake::Free
        } else {
            Wake::Nothing
        }
    }

    /// Asks for cancellation; `None` if the task had already ended.
    pub(crate) fn cancel(&self) -> Option<Wake> {
        let asked = if seeded("cancel_wakes_nobody") {
            CANCEL
        } else {
            SCHED | CANCEL
        };
        let mut seen = self.0.load(Relaxed);
        loop {
            if seen & DONE != 0 && !seeded("cancel_ignores_the_end") {
                return None;
            }
            // ORDERING: as `wake_by_ref`; `start` and the runner's loads see CANCEL.
            match self
                .0
                .compare_exchange_weak(seen, seen | asked, AcqRel, Relaxed)
            {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        let busy = if seeded("cancel_pushes_twice") {
            RUN
        } else {
            SCHED | RUN
        };
        Some(if seen & busy == 0 {
            Wake::Push
        } else {
            Wake::Nothing
        })
    }

    /// The handle wrote the joiner word and offers it to the completer; false if the task is done.
    #[must_use]
    #[inline]
    pub(crate) fn set_joiner(&self) -> bool {
        let mut seen = self.0.load(Relaxed);
        loop {
            debug_assert!(seen & HANDLE != 0 && seen & JOINER == 0);
            if seen & DONE != 0 {
                // ORDERING: Acquire pairs with `complete_joined`; the caller reads the output next.
                if !seeded("joiner_reads_unordered") {
                    self.0.load(Acquire);
                }
                return false;
            }
            // ORDERING: Release hands the joiner word to `complete_joined`.
            match self
                .0
                .compare_exchange_weak(seen, seen | JOINER, Release, Relaxed)
            {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// The handle wants the joiner word back; false if the task is done, and the word the completer's.
    #[must_use]
    pub(crate) fn take_back_joiner(&self) -> bool {
        let mut seen = self.0.load(Relaxed);
        loop {
            debug_assert!(seen & HANDLE != 0 && seen & JOINER != 0);
            if seen & DONE != 0 && !seeded("joiner_is_taken_twice") {
                // ORDERING: as in `set_joiner`.
                self.0.load(Acquire);
                return false;
            }
            match self
                .0
                .compare_exchange_weak(seen, seen & !JOINER, Relaxed, Relaxed)
            {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether the joiner word is set. Only the handle asks, and only it changes the answer before `DONE`.
    #[inline]
    pub(crate) fn has_joiner(&self) -> bool {
        self.0.load(Relaxed) & JOINER != 0
    }

    /// Drops the handle of a task to which nothing has happened since its spawn; false if something has.
    #[inline]
    pub(crate) fn detach_untouched(&self) -> bool {
        let spawned = Self::spawned(false, false);
        // ORDERING: Release as in `detach`.
        let detached = self
            .0
            .compare_exchange(spawned, spawned - HANDLE - REF, Release, Relaxed);
        detached.is_ok()
    }

    /// Drops the handle.
    #[inline]
    pub(crate) fn detach(&self) -> Detach {
        let mut seen = self.0.load(Relaxed);
        loop {
            debug_assert!(seen & HANDLE != 0);
            if seen & DONE != 0 {
                // ORDERING: Acquire pairs with `complete_joined`; the caller drops the output next.
                self.0.load(Acquire);
                return Detach::DropOutput;
            }
            let joiner = seen & JOINER != 0;
            let next = if joiner {
                seen & !(JOINER | HANDLE)
            } else {
                (seen & !HANDLE) - REF
            };
            // ORDERING: Release as in `ref_dec`. The task is not done, so the alive reference remains.
            match self.0.compare_exchange_weak(seen, next, Release, Relaxed) {
                Ok(_) if joiner => return Detach::DropJoiner,
                Ok(_) => return Detach::Gone,
                Err(now) => seen = now,
            }
        }
    }

    /// Gives up the handle and its reference after the output was taken or dropped; true if the task is to be freed.
    #[must_use]
    #[inline]
    pub(crate) fn release_handle(&self) -> bool {
        // ORDERING: as `ref_dec`.
        let seen = self.0.fetch_sub(REF + HANDLE, AcqRel);
        debug_assert!(seen & HANDLE != 0 && seen & DONE != 0);
        seen / REF == 1
    }
}

/// Keeps the compiler from computing both sides of a branch that is hardly ever taken.
#[cold]
fn unlikely() {}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn spawned() -> State {
        State(AtomicU64::new(State::spawned(false, false)))
    }

    #[test]
    fn a_wake_during_a_poll_asks_for_one_more_poll() {
        let state = spawned();
        assert_eq!(state.start(), Start::Poll);
        assert_eq!(state.wake_by_ref(), Wake::Nothing);
        assert_eq!(state.wake_by_ref(), Wake::Nothing);
        assert_eq!(state.pend(), Pend::Again);
        assert_eq!(state.start(), Start::Poll);
        assert_eq!(state.pend(), Pend::Idle);
        assert_eq!(state.wake_by_ref(), Wake::Push);
    }

    #[test]
    fn a_yield_keeps_the_right_to_run_and_sees_a_cancellation() {
        let state = spawned();
        assert_eq!(state.start(), Start::Poll);
        assert_eq!(state.start(), Start::Poll);
        assert_eq!(state.cancel(), Some(Wake::Nothing));
        assert_eq!(state.start(), Start::Cancel);
    }

    #[test]
    fn the_last_of_handle_and_completion_frees() {
        let state = spawned();
        assert_eq!(state.start(), Start::Poll);
        assert_eq!(state.detach(), Detach::Gone);
        assert!(state.complete_unjoined().is_some());

        let state = spawned();
        assert_eq!(state.start(), Start::Poll);
        assert_eq!(
            state.complete_joined(),
            Completed {
                wake_joiner: false,
                orphaned: false
            }
        );
        assert!(!state.ref_dec());
        assert_eq!(state.detach(), Detach::DropOutput);
        assert!(state.release_handle());
    }

    #[test]
    fn a_wake_after_the_end_does_nothing_but_free_its_reference() {
        let state = spawned();
        assert_eq!(state.start(), Start::Poll);
        state.ref_inc();
        assert_eq!(state.detach(), Detach::Gone);
        assert!(state.complete_unjoined().is_none());
        assert_eq!(state.wake_by_ref(), Wake::Nothing);
        assert_eq!(state.cancel(), None);
        assert!(state.try_ref().is_none());
        assert_eq!(state.wake(), Wake::Free);
    }
}
