//! What only shuttle's twins have: atomics with a scheduling point before each operation, and a time that passes when
//! somebody waits for it.
//!
//! The atomics are the real ones, so that they have their size and can be zeroed. All threads of an execution run on
//! one thread of the system, so each operation is sequentially consistent; weaker orders are loom's business.
//!
//! The time stands still but for two steps: it is a little later each time somebody asks, and a wait with a timeout
//! moves it to its end. Such a wait is over as soon as the others have had a chance to run, so nothing may depend on it
//! that must not be late, and a lost wake-up shows where the waits have no timeout.

use super::{Condvar, MutexGuard};
use core::cell::Cell;
use core::ops::{Add, Deref};
use core::time::Duration;

/// How much later it is each time somebody asks.
const A_LITTLE: Duration = Duration::from_micros(10);

/// Another thread may come first.
pub(crate) fn step() {
    // Shuttle takes a sleep for a scheduling point and nothing else.
    thread::sleep(Duration::ZERO);
}

/// An atomic with a scheduling point before each operation.
#[repr(transparent)]
#[derive(Debug, Default)]
pub(crate) struct Stepped<T>(T);

impl<T> Deref for Stepped<T> {
    type Target = T;
    fn deref(&self) -> &T {
        step();
        &self.0
    }
}

pub(crate) mod atomic {
    use super::Stepped;
    pub(crate) use core::sync::atomic::fence;

    macro_rules! atomics {
        ($($name:ident: $value:ty),+) => {
            $(
                pub(crate) type $name = Stepped<core::sync::atomic::$name>;

                impl $name {
                    pub(crate) const fn new(value: $value) -> Self {
                        Self(core::sync::atomic::$name::new(value))
                    }
                }
            )+
        };
    }

    atomics!(AtomicBool: bool, AtomicU8: u8, AtomicU16: u16, AtomicU32: u32, AtomicU64: u64, AtomicUsize: usize);

    pub(crate) type AtomicPtr<T> = Stepped<core::sync::atomic::AtomicPtr<T>>;

    impl<T> AtomicPtr<T> {
        pub(crate) const fn new(value: *mut T) -> Self {
            Self(core::sync::atomic::AtomicPtr::new(value))
        }
    }
}

/// Memory that comes and goes is kept to the end of the execution, and checked then.
pub(crate) mod mortal {
    pub(crate) use super::atomic::{AtomicU8, AtomicU64, AtomicUsize};
}

pub(crate) mod thread;

std::thread_local! {
    /// All threads of an execution run on one thread of the system.
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// The time since the beginning of the execution.
pub(crate) fn now() -> Duration {
    NOW.set(NOW.get() + A_LITTLE);
    NOW.get()
}

/// Begins an execution.
#[cfg(test)]
pub(crate) fn begin() {
    NOW.set(Duration::ZERO);
}

/// A wait whose time is over as soon as the others have had a chance to take the lock.
pub(crate) fn wait_for<T>(
    _condvar: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    timeout: Duration,
) -> bool {
    let end = NOW.get().saturating_add(timeout);
    guard.unlocked(thread::yield_now);
    NOW.set(NOW.get().max(end));
    true
}

/// The number of this thread in the execution.
pub(crate) fn thread_number() -> u64 {
    usize::from(thread::current().id()) as u64
}

/// A moment of the execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(now())
    }
    pub(crate) fn elapsed(&self) -> Duration {
        Self::now().saturating_duration_since(*self)
    }
    pub(crate) fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
    pub(crate) fn checked_add(&self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}
