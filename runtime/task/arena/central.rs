//! The lists that all threads share: which chunks of a size have free blocks. It exchanges batches with the caches and
//! whole chunks with the regions.

use super::region::{self, Central, Chunk};
use super::{BATCH, Block, CLASSES};
use core::ptr::{NonNull, null_mut};
use parking_lot::{Mutex, MutexGuard};

static CENTRAL: [Mutex<Central>; CLASSES] = [const {
    Mutex::new(Central {
        first: null_mut(),
        whole: 0,
    })
}; CLASSES];

pub(super) fn lock(class: usize) -> MutexGuard<'static, Central> {
    CENTRAL[class].lock()
}

/// A chain of one to [`BATCH`] free blocks, and its length.
pub(super) fn take(class: usize) -> (NonNull<Block>, u32) {
    take_up_to(class, BATCH as u32)
}

#[cold]
pub(super) fn take_one(class: usize) -> NonNull<Block> {
    take_up_to(class, 1).0
}

fn take_up_to(class: usize, most: u32) -> (NonNull<Block>, u32) {
    let mut central = lock(class);
    let mut head = null_mut();
    let mut length = 0;
    while length < most {
        if central.first.is_null() {
            if length > 0 {
                break;
            }
            let chunk = region::acquire(class);
            // SAFETY: a chunk of this class, under its lock.
            unsafe { (*chunk).link(&mut central) };
            central.whole += 1;
        }
        // SAFETY: as above.
        let chunk = unsafe { &mut *central.first };
        let block = chunk.pop(&mut central);
        // SAFETY: the block is free and now ours.
        unsafe { (&raw mut (*block).next).write(head) };
        head = block;
        length += 1;
    }
    // The loop has run at least once: the chain is not empty.
    (
        NonNull::new(head).expect("a chain of at least one block"),
        length,
    )
}

/// Takes back a chain of blocks that ends in null.
///
/// # Safety
/// The blocks are free, of this class, and the caller's.
pub(super) unsafe fn put(class: usize, mut head: *mut Block) {
    let mut central = lock(class);
    while !head.is_null() {
        // SAFETY: the caller's chain; each block lies in a chunk of this class, whose lock is held.
        unsafe {
            let next = (*head).next;
            (*Chunk::of(head)).push(&mut central, head);
            head = next;
        }
    }
}
