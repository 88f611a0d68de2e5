//! What the twins of loom and of shuttle have in common, in the shape of the real ones: locks without poisoning,
//! condition variables, thread-locals, and the bugs that are sown for a model to find.
//! It must not know what a model is about.

use core::cell::Cell;
use core::ops::{Deref, DerefMut};
use std::sync::{OnceLock, PoisonError};

#[cfg(loom)]
use loom as twin;
#[cfg(shuttle)]
use shuttle as twin;

#[cfg(loom)]
pub(crate) mod mortal;
#[cfg(loom)]
mod on_loom;
#[cfg(shuttle)]
mod on_shuttle;

pub(crate) use crate::modelled_thread_local as thread_local;
#[cfg(loom)]
pub(crate) use on_loom::*;
#[cfg(shuttle)]
pub(crate) use on_shuttle::*;
/// The count of an `Arc` is none of the crate's protocols, and loom's own one cannot be a receiver of methods.
pub(crate) use std::sync::Arc;
pub(crate) use twin::hint::spin_loop;
pub(crate) use twin::thread_local as twin_thread_local;

/// A mutex without poisoning, as parking_lot's.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(twin::sync::Mutex<T>);

/// A guard that can be put aside for the length of a wait.
pub(crate) struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    held: Option<twin::sync::MutexGuard<'a, T>>,
}

const HELD: &str = "a guard is without its lock only inside a wait";

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(twin::sync::Mutex::new(value))
    }
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            lock: self,
            held: Some(self.take()),
        }
    }
    fn take(&self) -> twin::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> MutexGuard<'_, T> {
    /// Lets go of the lock while `f` runs.
    fn unlocked(&mut self, f: impl FnOnce()) {
        drop(self.held.take());
        f();
        self.held = Some(self.lock.take());
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.held.as_ref().expect(HELD)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect(HELD)
    }
}

/// A condition variable in parking_lot's shape.
#[derive(Debug)]
pub(crate) struct Condvar(twin::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(twin::sync::Condvar::new())
    }
    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }
    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Waits on `condvar` until it is notified.
pub(crate) fn wait<T>(condvar: &Condvar, guard: &mut MutexGuard<'_, T>) {
    let held = guard.held.take().expect(HELD);
    let held = condvar.0.wait(held);
    guard.held = Some(held.unwrap_or_else(PoisonError::into_inner));
}

/// No thread is known to have ended before it is joined.
pub(crate) fn is_finished(_thread: &thread::JoinHandle<()>) -> bool {
    false
}

/// Thread-locals of the threads of a model.
#[macro_export]
#[doc(hidden)]
macro_rules! modelled_thread_local {
    ($($(#[$attr:meta])* static $name:ident: $t:ty = const { $init:expr };)+) => {
        $($(#[$attr])* static $name: $crate::runtime::shim::LocalKey<$t> = {
            $crate::runtime::shim::twin_thread_local! { static SLOT: $t = $init; }
            $crate::runtime::shim::LocalKey::new(&SLOT)
        };)+
    };
}

/// A key with what `std`'s has of `Cell`.
pub(crate) struct LocalKey<T: 'static>(&'static thread::LocalKey<T>);

impl<T> LocalKey<T> {
    pub(crate) const fn new(slot: &'static thread::LocalKey<T>) -> Self {
        Self(slot)
    }
}

impl<T> Deref for LocalKey<T> {
    type Target = &'static thread::LocalKey<T>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> LocalKey<Cell<T>> {
    pub(crate) fn get(&self) -> T
    where
        T: Copy,
    {
        self.0.with(Cell::get)
    }
    pub(crate) fn set(&self, value: T) {
        self.0.with(|cell| cell.set(value));
    }
    pub(crate) fn replace(&self, value: T) -> T {
        self.0.with(|cell| cell.replace(value))
    }
}

/// Whether the bug of this name was sown for a model to find. `FILCH_SEEDED_BUG` names it.
pub(crate) fn seeded(bug: &str) -> bool {
    static SEEDED: OnceLock<Option<String>> = OnceLock::new();
    let seeded = SEEDED.get_or_init(|| std::env::var("FILCH_SEEDED_BUG").ok());
    seeded.as_deref() == Some(bug)
}
