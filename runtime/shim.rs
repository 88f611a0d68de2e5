//! The one place that chooses between the real primitives and their model-checked twins: loom's, which go through every
//! order of a small protocol, or shuttle's, which try many orders of a whole runtime.
//! It owns no logic: every lock-free protocol of the crate takes its atomics, its locks and its spin hint from here,
//! so that the sources that ship are the sources that are checked.
//! Statics use `core`/`std` directly, because the twins live for one execution only. Thread-locals come from here, as
//! [`thread_local`], because all threads of a model run on one thread of the system.

#[cfg(not(any(loom, shuttle)))]
mod real {
    pub(crate) mod atomic {
        #[cfg(not(filch_tsan))]
        pub(crate) use core::sync::atomic::fence;
        pub(crate) use core::sync::atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
        };

        /// The thread sanitizer knows no fences. A read-modify-write on a word that all share orders at least as much.
        #[cfg(filch_tsan)]
        pub(crate) fn fence(order: core::sync::atomic::Ordering) {
            static FENCES: AtomicUsize = AtomicUsize::new(0);
            // ORDERING: that of the fence, which all callers want sequentially consistent.
            FENCES.fetch_add(1, order);
        }
    }
    /// Atomics in memory that comes and goes: a model checks that they are not touched after their end.
    pub(crate) mod mortal {
        pub(crate) use core::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};
    }
    pub(crate) use core::hint::spin_loop;
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::sync::Arc;
    pub(crate) use std::time::Instant;
    pub(crate) use std::{thread, thread_local};

    /// Waits on `condvar` until it is notified.
    pub(crate) fn wait<T>(condvar: &Condvar, guard: &mut MutexGuard<'_, T>) {
        condvar.wait(guard);
    }

    /// Waits on `condvar` until it is notified or `timeout` is over; true if it is over.
    pub(crate) fn wait_for<T>(
        condvar: &Condvar,
        guard: &mut MutexGuard<'_, T>,
        timeout: core::time::Duration,
    ) -> bool {
        condvar.wait_for(guard, timeout).timed_out()
    }

    /// Whether a thread has ended and can be joined without a wait.
    pub(crate) fn is_finished(thread: &thread::JoinHandle<()>) -> bool {
        thread.is_finished()
    }

    /// Stands before what other threads see without an atomic or a lock of this file: in a model, another thread may
    /// come first.
    #[inline(always)]
    pub(crate) const fn step() {}

    /// Whether a bug was sown for a model to find, as the negative control of that model: never, in what ships.
    #[cfg(not(filch_tsan))]
    #[inline(always)]
    pub(crate) const fn seeded(_bug: &str) -> bool {
        false
    }

    /// Whether `FILCH_SEEDED_BUG` names this bug, as the negative control of the thread sanitizer.
    #[cfg(filch_tsan)]
    pub(crate) fn seeded(bug: &str) -> bool {
        static SEEDED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        let seeded = SEEDED.get_or_init(|| std::env::var("FILCH_SEEDED_BUG").ok());
        seeded.as_deref() == Some(bug)
    }
}

/// Cells without checks: loom alone sees who touches them.
#[cfg(not(loom))]
mod cells {
    /// A cell that one thread at a time touches, by the rules of a protocol.
    #[repr(transparent)]
    pub(crate) struct Exclusive<T>(core::cell::UnsafeCell<T>);

    impl<T> Exclusive<T> {
        #[inline]
        pub(crate) fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        /// To be used under the protocol's rules only, and not kept beyond them.
        #[inline]
        pub(crate) fn get(&self) -> *mut T {
            self.0.get()
        }
    }

    /// A word that a protocol hands from one thread to another.
    pub(crate) struct Word(core::cell::UnsafeCell<usize>);

    impl Word {
        #[inline]
        pub(crate) fn new(value: usize) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        /// # Safety
        /// Nobody writes the word meanwhile.
        #[inline]
        pub(crate) unsafe fn read(&self) -> usize {
            // SAFETY: passed on.
            unsafe { *self.0.get() }
        }

        /// # Safety
        /// Nobody reads or writes the word meanwhile.
        #[inline]
        pub(crate) unsafe fn write(&self, value: usize) {
            // SAFETY: passed on.
            unsafe { *self.0.get() = value };
        }
    }
}

#[cfg(any(loom, shuttle))]
mod modelled;

#[cfg(not(loom))]
pub(crate) use cells::{Exclusive, Word};
#[cfg(any(loom, shuttle))]
pub(crate) use modelled::*;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use real::*;
