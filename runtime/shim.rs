//! The one place that chooses between the real primitives and loom's model-checked twins.
//! It owns no logic: every lock-free protocol of the crate takes its atomics, its locks and its spin hint from here,
//! so that the sources that ship are the sources that are checked.
//! Statics and thread-locals use `core`/`std` directly, because loom's primitives live for one execution only.

#[cfg(not(loom))]
mod real {
    pub(crate) mod atomic {
        pub(crate) use core::sync::atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence,
        };
    }
    pub(crate) use core::hint::spin_loop;
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
    use core::time::Duration;
    pub(crate) use std::sync::Arc;

    /// Waits on `condvar` until it is notified.
    pub(crate) fn wait<T>(condvar: &Condvar, guard: &mut MutexGuard<'_, T>) {
        condvar.wait(guard);
    }

    /// Waits on `condvar` until it is notified or `limit` has passed; says whether it was the limit.
    pub(crate) fn wait_for<T>(
        condvar: &Condvar,
        guard: &mut MutexGuard<'_, T>,
        limit: Duration,
    ) -> bool {
        condvar.wait_for(guard, limit).timed_out()
    }
}

#[cfg(loom)]
mod modelled;

#[cfg(loom)]
pub(crate) use modelled::*;
#[cfg(not(loom))]
pub(crate) use real::*;
