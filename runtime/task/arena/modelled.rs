//! The memory of tasks in a model, in place of `listed.rs`: from the system, not to be walked, and kept until the end of
//! the execution, so that a touch after the end is found by loom instead of being undefined.

use core::cell::RefCell;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc, handle_alloc_error};

#[derive(Default)]
struct Cells {
    alive: Vec<NonNull<u8>>,
    ended: Vec<(NonNull<u8>, Layout)>,
}

std::thread_local! {
    /// All threads of a model run on one thread of the system.
    static CELLS: RefCell<Cells> = RefCell::default();
}

pub(super) fn allocate(layout: Layout) -> (NonNull<u8>, u32) {
    // SAFETY: the size is not zero.
    let Some(cell) = NonNull::new(unsafe { alloc(layout) }) else {
        handle_alloc_error(layout)
    };
    CELLS.with_borrow_mut(|cells| cells.alive.push(cell));
    (cell, 1)
}

/// # Safety
/// As [`super::free`].
pub(super) unsafe fn free(cell: NonNull<u8>, layout: Layout) {
    CELLS.with_borrow_mut(|cells| {
        let at = cells.alive.iter().position(|&alive| alive == cell);
        cells.alive.swap_remove(at.expect("a task was freed twice"));
        cells.ended.push((cell, layout));
    });
}

pub(super) fn for_each(_visit: impl FnMut(NonNull<u8>)) {}

/// Ends an execution: gives the memory back, and says how many tasks were freed and how many were not.
#[cfg(test)]
pub(in crate::runtime::task) fn settle() -> (usize, usize) {
    CELLS.with_borrow_mut(|cells| {
        for &(cell, layout) in &cells.ended {
            // SAFETY: `allocate` got the memory with this layout, and the execution is over.
            unsafe { std::alloc::dealloc(cell.as_ptr(), layout) };
        }
        let cells = core::mem::take(cells);
        (cells.ended.len(), cells.alive.len())
    })
}
