//! The global allocator of `counts`: the system's, with a count of requests.
//!
//! This file owns the two counters. It must not know what is being measured. The counters stand still unless a child was
//! asked for them, because a locked increment per allocation would show up in the other readings; what then remains is
//! one load and one branch. Memory that a runtime maps by itself is no allocation; it shows up as system calls.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// The system allocator, counting.
pub(crate) struct Counting;

/// Counts from here on, on every thread.
pub(crate) fn start() {
    COUNTING.store(true, Relaxed);
}

/// Requests and requested bytes since [`start`].
pub(crate) fn totals() -> (u64, u64) {
    (ALLOCATIONS.load(Relaxed), BYTES.load(Relaxed))
}

#[inline]
fn count(size: usize) {
    if COUNTING.load(Relaxed) {
        ALLOCATIONS.fetch_add(1, Relaxed);
        BYTES.fetch_add(size as u64, Relaxed);
    }
}

// SAFETY: every method hands its arguments unchanged to `System`, which upholds the contract of `GlobalAlloc`, and
// returns what it returned; `count` neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller promised a layout of nonzero size.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller promised a layout of nonzero size.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller promised that `pointer` came from here, so from `System`, with `layout`, and a valid `size`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller promised that `pointer` came from here, so from `System`, with `layout`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
