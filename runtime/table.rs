//! The table of runtimes: a number of two bytes in every task leads to the runtime that it belongs to.
//! It owns the numbers and the pointers; it must not know what a runtime is.
//!
//! A pointer is read only on behalf of a task that has a queue entry and is hence not done. A runtime takes its pointer
//! out only after all its tasks are done ([`shutdown`](super::shutdown)), so the pointer that is read is alive.

use super::shim;
use core::marker::PhantomData;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// One less than there are numbers: the last one means "none".
const SLOTS: usize = u16::MAX as usize;
/// The number of tasks that belong to no runtime.
pub(crate) const NONE: u16 = u16::MAX;

static TABLE: [AtomicPtr<()>; SLOTS] = [const { AtomicPtr::new(null_mut()) }; SLOTS];
static FREE: Mutex<Free> = Mutex::new(Free {
    fresh: 0,
    returned: VecDeque::new(),
});

struct Free {
    fresh: u16,
    /// The longest unused comes first, so that a number says one thing for as long as possible.
    returned: VecDeque<u16>,
}

/// A number in the table, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    number: u16,
    of: PhantomData<fn() -> T>,
}

impl<T> Slot<T> {
    /// `None` if the process has 65535 runtimes and local sets.
    pub(crate) fn acquire() -> Option<Self> {
        let mut free = FREE.lock();
        let number = match free.returned.pop_front() {
            Some(number) => number,
            None if free.fresh < NONE => {
                free.fresh += 1;
                free.fresh - 1
            }
            None => return None,
        };
        Some(Self {
            number,
            of: PhantomData,
        })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// Lets tasks find `shared` by the number. The pointer is taken out when the slot is dropped, which `shared` does
    /// by owning it.
    pub(crate) fn point_to(&self, shared: &Arc<T>) {
        // ORDERING: Release pairs with the Acquire of `get`.
        TABLE[usize::from(self.number)]
            .store(Arc::as_ptr(shared).cast_mut().cast(), Ordering::Release);
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        TABLE[usize::from(self.number)].store(null_mut(), Ordering::Relaxed);
        FREE.lock().returned.push_back(self.number);
    }
}

/// A reference of one's own to what has the number.
///
/// # Safety
/// The number was acquired by a `Slot<T>` that points to an `Arc<T>`, and that one is kept alive until this function
/// returns: by a task of it that is not done.
pub(crate) unsafe fn get<T>(number: u16) -> Arc<T> {
    // ORDERING: Acquire pairs with `point_to`.
    let shared = TABLE[usize::from(number)]
        .load(Ordering::Acquire)
        .cast::<T>();
    debug_assert!(!shared.is_null(), "a task outlived its runtime");
    shim::step();
    // SAFETY: the caller says that the value lives; the count goes up before the new `Arc` is made.
    unsafe {
        let shared = NonNull::new_unchecked(shared).as_ptr();
        Arc::increment_strong_count(shared);
        Arc::from_raw(shared)
    }
}
