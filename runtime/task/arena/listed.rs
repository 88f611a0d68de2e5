//! Tasks from the system allocator: large ones, those with a large alignment, and with `cfg(filch_system_alloc)` all.
//! They stand in a doubly linked list, whose links lie in front of the cell.

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicU32, Ordering};
use parking_lot::Mutex;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

#[repr(C)]
struct Link {
    next: *mut Link,
    previous: *mut Link,
    cell: *mut u8,
}

struct First(*mut Link);

// SAFETY: links are read and written under the lock.
unsafe impl Send for First {}

static LIST: Mutex<First> = Mutex::new(First(null_mut()));
static LIVES: AtomicU32 = AtomicU32::new(0);

/// The layout of link and cell together, and the cell's offset.
fn with_link(layout: Layout) -> (Layout, usize) {
    Layout::new::<Link>()
        .extend(layout)
        .expect("a task's layout leaves room for its link")
}

#[cold]
pub(super) fn allocate(layout: Layout) -> (NonNull<u8>, u32) {
    let (whole, offset) = with_link(layout);
    // SAFETY: the size is not zero.
    let memory = unsafe { alloc(whole) };
    if memory.is_null() {
        handle_alloc_error(whole);
    }
    #[expect(clippy::cast_ptr_alignment, reason = "the layout starts with a link")]
    let link = memory.cast::<Link>();
    // SAFETY: the memory is ours and large enough; the first word of the cell is its state, zero while it is free.
    let cell = unsafe {
        let cell = memory.add(offset);
        cell.cast::<u64>().write_unaligned(0);
        let mut first = LIST.lock();
        link.write(Link {
            next: first.0,
            previous: null_mut(),
            cell,
        });
        if !first.0.is_null() {
            (*first.0).previous = link;
        }
        first.0 = link;
        NonNull::new_unchecked(cell)
    };
    (cell, LIVES.fetch_add(1, Ordering::Relaxed))
}

/// # Safety
/// As [`super::free`].
#[cold]
pub(super) unsafe fn free(cell: NonNull<u8>, layout: Layout) {
    let (whole, offset) = with_link(layout);
    // SAFETY: the link lies in front of the cell, as `allocate` put it; nobody else refers to the cell, and a walker,
    // which looks under the lock, saw or sees a state without references.
    unsafe {
        let memory = cell.as_ptr().sub(offset);
        #[expect(clippy::cast_ptr_alignment, reason = "the layout starts with a link")]
        let link = memory.cast::<Link>();
        {
            let mut first = LIST.lock();
            let (next, previous) = ((*link).next, (*link).previous);
            if previous.is_null() {
                first.0 = next;
            } else {
                (*previous).next = next;
            }
            if !next.is_null() {
                (*next).previous = previous;
            }
        }
        dealloc(memory, whole);
    }
}

/// Calls `visit` for every cell in the list, under its lock.
pub(super) fn for_each(mut visit: impl FnMut(NonNull<u8>)) {
    let first = LIST.lock();
    let mut link = first.0;
    while !link.is_null() {
        // SAFETY: linked cells are allocated as long as the lock is held.
        unsafe {
            visit(NonNull::new_unchecked((*link).cell));
            link = (*link).next;
        }
    }
}
