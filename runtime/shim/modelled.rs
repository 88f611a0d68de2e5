//! Loom's twins, in the shape of the real ones.

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence,
    };
}
pub(crate) use loom::hint::spin_loop;
pub(crate) use loom::sync::{Arc, MutexGuard};

/// A mutex without poisoning, as parking_lot's.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
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
    replace(guard, |guard| condvar.0.wait(guard).unwrap());
}

/// Waits until notified: in a model no time passes, so the time-out is the model's to raise by other means.
pub(crate) fn wait_for<T>(
    condvar: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    _timeout: core::time::Duration,
) -> bool {
    wait(condvar, guard);
    false
}

/// Loom's condition variable takes the guard by value.
fn replace<'a, T>(
    guard: &mut MutexGuard<'a, T>,
    f: impl FnOnce(MutexGuard<'a, T>) -> MutexGuard<'a, T>,
) {
    // SAFETY: the guard is moved out and a guard is moved in; a panic between the two ends the model's process.
    unsafe {
        let taken = core::ptr::read(guard);
        let given = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(taken)))
            .unwrap_or_else(|_| std::process::abort());
        core::ptr::write(guard, given);
    }
}
