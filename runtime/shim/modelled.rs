//! Loom's twins, in the shape of the real ones.

use core::cell::Cell;
use core::ops::{Deref, DerefMut};
use core::time::Duration;
use std::sync::OnceLock;

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence,
    };
}
pub(crate) mod mortal;

pub(crate) use crate::modelled_thread_local as thread_local;
pub(crate) use loom::hint::spin_loop;
pub(crate) use loom::thread;
/// The count of an `Arc` is none of the crate's protocols, and loom's own one cannot be a receiver of methods.
pub(crate) use std::sync::Arc;

/// A mutex without poisoning, as parking_lot's.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

/// A guard that can be put aside for the length of a wait.
pub(crate) struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    held: Option<loom::sync::MutexGuard<'a, T>>,
}

const HELD: &str = "a guard is without its lock only inside a wait";

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            lock: self,
            held: Some(self.0.lock().unwrap()),
        }
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
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
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
    guard.held = Some(condvar.0.wait(held).unwrap());
}

/// A wait whose time is over as soon as the others have had a chance to take the lock.
pub(crate) fn wait_for<T>(
    _condvar: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    _timeout: Duration,
) -> bool {
    drop(guard.held.take());
    thread::yield_now();
    guard.held = Some(guard.lock.0.lock().unwrap());
    true
}

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

/// Thread-locals of the threads of a model.
#[macro_export]
#[doc(hidden)]
macro_rules! modelled_thread_local {
    ($($(#[$attr:meta])* static $name:ident: $t:ty = const { $init:expr };)+) => {
        $(loom::thread_local! { $(#[$attr])* static $name: $t = $init; })+
    };
}

/// What `std`'s thread-locals have of `Cell`.
pub(crate) trait LocalCell<T> {
    fn set(&'static self, value: T);
}

impl<T: 'static> LocalCell<T> for thread::LocalKey<Cell<T>> {
    fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }
}

/// Whether the bug of this name was sown for a model to find. `FILCH_SEEDED_BUG` names it.
pub(crate) fn seeded(bug: &str) -> bool {
    static SEEDED: OnceLock<Option<String>> = OnceLock::new();
    let seeded = SEEDED.get_or_init(|| std::env::var("FILCH_SEEDED_BUG").ok());
    seeded.as_deref() == Some(bug)
}
