//! The memory of tasks in a model, in place of `listed.rs`: from the system, and kept until the end of the execution, so
//! that a touch after the end is found by loom, or when the execution is settled, instead of being undefined.

use core::cell::RefCell;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};

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
    let Some(cell) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
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
        cells.alive.remove(at.expect("a task was freed twice"));
        cells.ended.push((cell, layout));
    });
}

/// Calls `visit` for every cell of a task. One that ends meanwhile is kept, and its first word says so. Loom's models do not
/// walk.
pub(super) fn for_each(visit: impl FnMut(NonNull<u8>)) {
    if cfg!(shuttle) {
        let alive = CELLS.with_borrow(|cells| cells.alive.clone());
        alive.into_iter().for_each(visit);
    }
}

/// Ends an execution: gives the memory back, and says how many tasks were freed and how many were not.
#[cfg(test)]
pub(crate) fn settle() -> (usize, usize) {
    CELLS.with_borrow_mut(|cells| {
        for &(cell, layout) in &cells.ended {
            #[cfg(shuttle)]
            // SAFETY: the memory is still ours, and its first word the state.
            let state = unsafe { cell.cast::<u64>().read() };
            #[cfg(shuttle)]
            assert_eq!(state, 0, "a task was touched after its end");
            // SAFETY: `allocate` got the memory with this layout, and the execution is over.
            unsafe { std::alloc::dealloc(cell.as_ptr(), layout) };
        }
        let cells = core::mem::take(cells);
        (cells.ended.len(), cells.alive.len())
    })
}
