//! What only loom's twins have: atomics and cells that see who touches them when.

use super::{Condvar, MutexGuard};
use core::time::Duration;
pub(crate) use loom::thread;
pub(crate) use std::time::Instant;

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence,
    };
}

/// A wait whose time is over as soon as the others have had a chance to take the lock.
pub(crate) fn wait_for<T>(
    _condvar: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    _timeout: Duration,
) -> bool {
    guard.unlocked(thread::yield_now);
    true
}

/// No time passes.
pub(crate) fn now() -> Duration {
    Duration::ZERO
}

/// Loom sees atomics, locks and cells, and needs no other steps.
pub(crate) const fn step() {}

/// A word that a protocol hands from one thread to another; loom sees who reads and writes it.
pub(crate) struct Word(loom::cell::UnsafeCell<usize>);

impl Word {
    pub(crate) fn new(value: usize) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    /// # Safety
    /// Nobody writes the word meanwhile.
    pub(crate) unsafe fn read(&self) -> usize {
        // SAFETY: passed on.
        self.0.with(|word| unsafe { *word })
    }

    /// # Safety
    /// Nobody reads or writes the word meanwhile.
    pub(crate) unsafe fn write(&self, value: usize) {
        // SAFETY: passed on.
        self.0.with_mut(|word| unsafe { *word = value });
    }
}

/// A cell that one thread at a time touches; loom takes every access for a write.
pub(crate) struct Exclusive<T> {
    value: core::cell::UnsafeCell<T>,
    touched: loom::cell::UnsafeCell<()>,
}

impl<T> Exclusive<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: core::cell::UnsafeCell::new(value),
            touched: loom::cell::UnsafeCell::new(()),
        }
    }
    pub(crate) fn get(&self) -> *mut T {
        self.touched.with_mut(|_| ());
        self.value.get()
    }
}
