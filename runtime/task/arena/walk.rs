//! The walk over all tasks. It owns how a reference is made to a task that may end at any moment; who wants the tasks is
//! not its affair.

use super::region::Walked;
use super::{Block, central, listed, region};
use crate::runtime::task::header::Header;
use crate::runtime::task::waker::drop_ref;
use core::ptr::NonNull;

/// Calls `visit` for every task that is alive, with a reference of its own, which `visit` owns.
///
/// Tasks that are spawned or end during the walk may be seen or not. No lock is held while `visit` runs.
pub(crate) fn walk(filter: impl Fn(&Header) -> bool, mut visit: impl FnMut(NonNull<Header>)) {
    let mut found = Vec::new();
    let mut alive = Vec::new();
    // SAFETY: the list calls this under its lock: what it holds is a task.
    listed::for_each(|cell| alive.extend(unsafe { reference(cell.cast()) }));
    sift(alive, &filter, &mut found);
    found.drain(..).for_each(&mut visit);
    region::for_each_chunk(|chunk| {
        sift(alive_in(chunk), &filter, &mut found);
        found.drain(..).for_each(&mut visit);
    });
}

/// References to the tasks in the chunk.
fn alive_in(chunk: &Walked) -> Vec<NonNull<Header>> {
    let mut alive = Vec::new();
    let class = chunk.class();
    if class == 0 {
        return alive;
    }
    let central = central::lock(class);
    if chunk.class() == class {
        // SAFETY: the lock of the class is held, and the class is still the chunk's; its blocks are in the chunk.
        unsafe {
            for block in chunk.blocks() {
                alive.extend(reference(NonNull::new_unchecked(block).cast()));
            }
        }
    }
    drop(central);
    alive
}

/// A reference to the task in a block or a cell of the list, if there is one that has not ended.
///
/// # Safety
/// The memory is one of the arena's and stays so during the call.
unsafe fn reference(task: NonNull<Header>) -> Option<NonNull<Header>> {
    // SAFETY: the first word of a block, and of a cell in the list, is a state, or zero.
    unsafe { (*task.as_ptr()).state.try_ref() }.map(|_| task)
}

/// Keeps of the referenced tasks those that `filter` wants.
///
/// This is done without a lock: giving up a reference may free a task, and that takes the lock of its list.
fn sift(
    alive: Vec<NonNull<Header>>,
    filter: &impl Fn(&Header) -> bool,
    found: &mut Vec<NonNull<Header>>,
) {
    for header in alive {
        // SAFETY: the reference in `alive` keeps the header; it is passed on or given up.
        unsafe {
            if filter(header.as_ref()) {
                found.push(header);
            } else {
                drop_ref(header);
            }
        }
    }
}

const _: () = assert!(
    cfg!(loom)
        || (size_of::<Block>() == size_of::<Header>()
            && core::mem::offset_of!(Block, generation)
                == core::mem::offset_of!(Header, generation))
);
