//! The process's wheels by number. It owns their addresses and which numbers are free.
//!
//! A sleeping future has room for a number, not for a reference count, and may outlive its
//! runtime. Wheels are therefore never freed: a number that was handed out once always leads to a
//! wheel, whose lock can be taken. A runtime that ends gives its wheels back for the next one, so
//! that there are as many as ever lived at a time.

use super::alarm::Alarm;
use super::wheel::Wheel;
use core::ops::Deref;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers take 15 bits.
const CAPACITY: usize = 1 << 15;

static WHEELS: [AtomicPtr<Wheel>; CAPACITY] = [const { AtomicPtr::new(ptr::null_mut()) }; CAPACITY];

static NUMBERS: Mutex<Numbers> = Mutex::new(Numbers {
    free: Vec::new(),
    next: 0,
});

struct Numbers {
    free: Vec<u16>,
    next: u16,
}

/// A wheel that a runtime holds. Dropping it closes the wheel and gives it back.
pub(crate) struct WheelRef(&'static Wheel);

impl WheelRef {
    /// An empty wheel that begins at `now`, or `None` if all 32,768 are in use.
    pub(crate) fn acquire(alarm: Arc<Alarm>, now: u64) -> Option<Self> {
        let mut numbers = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
        let wheel = match numbers.free.pop() {
            Some(id) => get(id),
            None if usize::from(numbers.next) == CAPACITY => return None,
            None => {
                let wheel: &'static Wheel = Box::leak(Box::new(Wheel::new(numbers.next)));
                // ORDERING: Release, with the Acquire load in `get`.
                WHEELS[usize::from(numbers.next)]
                    .store(ptr::from_ref(wheel).cast_mut(), Ordering::Release);
                numbers.next += 1;
                wheel
            }
        };
        drop(numbers);
        wheel.open(alarm, now);
        Some(Self(wheel))
    }

    /// The wheel itself, which lives as long as the process.
    pub(crate) fn wheel(&self) -> &'static Wheel {
        self.0
    }
}

impl Deref for WheelRef {
    type Target = Wheel;

    fn deref(&self) -> &Wheel {
        self.0
    }
}

impl Drop for WheelRef {
    fn drop(&mut self) {
        self.0.close();
        NUMBERS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .free
            .push(self.0.id());
    }
}

/// The wheel of a number that an entry got from a wheel.
#[inline]
pub(crate) fn get(id: u16) -> &'static Wheel {
    // ORDERING: Acquire, with the Release store in `acquire`.
    let wheel = WHEELS[usize::from(id)].load(Ordering::Acquire);
    if wheel.is_null() {
        panic_nameless(id);
    }
    // SAFETY: not null, so `acquire` stored the address of a leaked wheel.
    unsafe { &*wheel }
}

/// Puts a model's wheel under a number of the model's own.
#[cfg(all(test, loom))]
pub(super) fn put(wheel: &'static Wheel) {
    WHEELS[usize::from(wheel.id())].store(ptr::from_ref(wheel).cast_mut(), Ordering::Release);
}

#[cold]
fn panic_nameless(id: u16) -> ! {
    panic!("no wheel has the number {id}")
}
