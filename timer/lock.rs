//! The byte lock around a wheel. It owns one byte and knows nothing of what it guards.
//!
//! It is held for tens of instructions, almost always by the one thread whose wheel it is, so it
//! takes one read-modify-write to lock and a plain store to unlock; a queue of waiters would cost
//! more than the waits it could shorten. No foreign code runs while it is held.

use crate::runtime::shim::atomic::AtomicBool;
use crate::runtime::shim::{seeded, spin_loop, thread};
use core::sync::atomic::Ordering;

/// How often a waiter looks before it gives its processor away: the holder may have been
/// descheduled, and then spinning only delays it.
const SPINS: u32 = 64;

pub(super) struct SpinLock(AtomicBool);

impl SpinLock {
    pub(super) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[inline]
    pub(super) fn lock(&self) {
        if !self.try_lock() {
            self.wait();
        }
    }

    #[inline]
    pub(super) fn try_lock(&self) -> bool {
        // ORDERING: Acquire, with the Release store in `unlock`: what the last holder wrote is
        // visible to this one.
        #[cfg(not(loom))]
        let taken = self.0.swap(true, Ordering::Acquire);
        // To loom a `true` that is swapped in over a `true` may come after the unlocking store, and stay for ever.
        #[cfg(loom)]
        let taken = self
            .0
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err();
        !taken || seeded("the_lock_is_open")
    }

    #[inline]
    pub(super) fn unlock(&self) {
        // ORDERING: Release, with the Acquire swap in `try_lock`.
        self.0.store(false, Ordering::Release);
    }

    #[cold]
    fn wait(&self) {
        let mut spins = 0;
        loop {
            // Looking before swapping keeps the line shared while somebody else holds the lock.
            while self.0.load(Ordering::Relaxed) {
                spin_loop();
                spins += 1;
                if spins >= SPINS {
                    thread::yield_now();
                }
            }
            if self.try_lock() {
                return;
            }
        }
    }
}
