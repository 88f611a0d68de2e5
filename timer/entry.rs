//! What a sleeping future leaves in a wheel: a deadline, a waker and its place. It owns the four
//! states and says who may touch which field; it knows neither the wheel's shape nor the clock.
//!
//! | field      | written by                       | read by                              |
//! |------------|----------------------------------|--------------------------------------|
//! | `deadline` | the owner, at any time           | the wheel, under its lock            |
//! | `waker`    | the owner, under the lock        | the wheel, under its lock            |
//! | `block`, `cell` | the wheel, under its lock   | the wheel, under its lock            |
//! | `wheel`    | the owner                        | the owner                            |
//! | `state`    | the owner, unless `REGISTERED`; then whoever holds the lock | anybody   |
//!
//! All of them are atomics because owner and wheel are two threads; none needs an RMW.

use super::prefetch::prefetch;
use crate::runtime::shim::atomic::{AtomicU8 as Cell, AtomicU16, AtomicU32};
use crate::runtime::shim::mortal::{AtomicU8, AtomicU64, AtomicUsize};
use crate::runtime::shim::seeded;
use crate::runtime::task::waker::ThinWaker;
use core::marker::PhantomPinned;
use core::mem::ManuallyDrop;
use core::sync::atomic::Ordering;
use core::task::Waker;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// In no wheel.
    Idle = 0,
    /// In the wheel that `wheel` names, which holds its address and its waker.
    Registered = 1,
    /// The wheel let go of it because it was due, and never touches it again.
    Fired = 2,
    /// The wheel let go of it because its runtime ended, and never touches it again.
    Closed = 3,
}

/// Set in `wheel` when the deadline was moved later while the entry stood in a wheel, so that a
/// firing thread may have fired it for the deadline it had before.
const MOVED: u16 = 1 << 15;

pub(crate) struct Entry {
    /// Nanoseconds since the epoch.
    deadline: AtomicU64,
    /// An owned [`ThinWaker`] while `Registered`, meaningless otherwise.
    waker: AtomicUsize,
    block: AtomicU32,
    wheel: AtomicU16,
    cell: Cell,
    state: AtomicU8,
    // A wheel may hold its address; that also keeps `&mut` and `Box` to it from claiming that
    // nobody else reads it.
    _pinned: PhantomPinned,
}

impl Entry {
    /// An idle entry that remembers the wheel of the thread that made it.
    #[inline]
    pub(crate) fn new(deadline: u64, wheel: u16) -> Self {
        Self {
            deadline: AtomicU64::new(deadline),
            waker: AtomicUsize::new(0),
            block: AtomicU32::new(0),
            wheel: AtomicU16::new(wheel),
            cell: Cell::new(0),
            state: AtomicU8::new(State::Idle as u8),
            _pinned: PhantomPinned,
        }
    }

    #[inline]
    pub(crate) fn deadline(&self) -> u64 {
        self.deadline.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set_deadline(&self, deadline: u64) {
        self.deadline.store(deadline, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        // ORDERING: Acquire, with the Release store in `let_go`: an owner that reads `Fired` or
        // `Closed` may free the entry, so the wheel's last access must come before.
        match self.state.load(Ordering::Acquire) {
            0 => State::Idle,
            1 => State::Registered,
            2 => State::Fired,
            _ => State::Closed,
        }
    }

    /// For the owner, when no wheel holds the entry.
    #[inline]
    pub(crate) fn set_idle(&self) {
        self.wheel.store(self.wheel(), Ordering::Relaxed);
        self.state.store(State::Idle as u8, Ordering::Relaxed);
    }

    /// Id of the wheel the entry stands in, or of the one it would fall back to.
    #[inline]
    pub(crate) fn wheel(&self) -> u16 {
        self.wheel.load(Ordering::Relaxed) & !MOVED
    }

    /// Whether the deadline was moved later since the entry was registered.
    #[inline]
    pub(crate) fn is_moved(&self) -> bool {
        self.wheel.load(Ordering::Relaxed) & MOVED != 0
    }

    #[inline]
    pub(crate) fn set_moved(&self) {
        let wheel = self.wheel.load(Ordering::Relaxed);
        if !seeded("a_move_leaves_no_mark") {
            self.wheel.store(wheel | MOVED, Ordering::Relaxed);
        }
    }

    /// Under the lock of wheel `id`: gives the entry its waker and makes it registered there.
    #[inline]
    pub(super) fn set_registered(&self, id: u16, waker: ThinWaker) {
        debug_assert_eq!(id & MOVED, 0);
        self.waker.store(waker.into_raw(), Ordering::Relaxed);
        self.wheel.store(id, Ordering::Relaxed);
        self.state.store(State::Registered as u8, Ordering::Relaxed);
    }

    /// Under the lock, while registered: takes the waker and hands the entry back to its owner,
    /// who may free it from then on; the wheel must have forgotten its address.
    #[inline]
    pub(super) fn let_go(&self, state: State) -> ThinWaker {
        let word = self.waker.load(Ordering::Relaxed);
        // What it points at is wanted as soon as the lock is released.
        prefetch(word as *const u8);
        let order = match seeded("letting_go_is_relaxed") {
            true => Ordering::Relaxed,
            // ORDERING: Release, with the Acquire load in `state`.
            false => Ordering::Release,
        };
        self.state.store(state as u8, order);
        // SAFETY: while the entry was registered the word was an owned waker, and leaving that
        // state under the lock makes this the one place that takes it.
        unsafe { ThinWaker::from_raw(word) }
    }

    /// Under the lock, while registered: whether the stored waker wakes what `waker` wakes.
    #[inline]
    pub(super) fn will_wake(&self, waker: &Waker) -> bool {
        let word = self.waker.load(Ordering::Relaxed);
        // SAFETY: the word is an owned waker while the entry is registered; `ManuallyDrop` leaves
        // it so.
        ManuallyDrop::new(unsafe { ThinWaker::from_raw(word) }).will_wake(waker)
    }

    /// Under the lock, while registered: stores `waker` and returns the one it displaces.
    #[inline]
    pub(super) fn swap_waker(&self, waker: ThinWaker) -> ThinWaker {
        let word = self.waker.load(Ordering::Relaxed);
        self.waker.store(waker.into_raw(), Ordering::Relaxed);
        // SAFETY: the word was an owned waker, and was just replaced under the lock.
        unsafe { ThinWaker::from_raw(word) }
    }

    /// Under the lock: block and cell that hold the entry's address, or slot and `ALONE`.
    #[inline]
    pub(super) fn place(&self) -> (u32, u8) {
        let block = self.block.load(Ordering::Relaxed);
        (block, self.cell.load(Ordering::Relaxed))
    }

    #[inline]
    pub(super) fn set_place(&self, block: u32, cell: u8) {
        self.block.store(block, Ordering::Relaxed);
        self.cell.store(cell, Ordering::Relaxed);
    }
}

#[cfg(loom)]
impl Drop for Entry {
    fn drop(&mut self) {
        self.deadline.end();
        self.waker.end();
        self.state.end();
    }
}
