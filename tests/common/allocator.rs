//! The system's allocator, with a count of what each thread holds: for tests that do all by hand on one thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// To be made a test program's `#[global_allocator]`.
pub(crate) struct PerThread;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// How many bytes more this thread has allocated than freed.
pub(crate) fn held() -> isize {
    HELD.with(Cell::get)
}

fn count(size: usize, sign: isize) {
    // The cell needs no destructor, so it is there until the thread's very end.
    HELD.with(|held| held.set(held.get() + sign * size as isize));
}

// SAFETY: every method hands its arguments unchanged to `System`, which upholds the contract of `GlobalAlloc`, and
// returns what it returned; `count` neither allocates nor unwinds.
unsafe impl GlobalAlloc for PerThread {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller promised a layout of nonzero size.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller promised a layout of nonzero size.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: the caller promised that `pointer` came from here, so from `System`, with `layout`, and a valid `size`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller promised that `pointer` came from here, so from `System`, with `layout`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
