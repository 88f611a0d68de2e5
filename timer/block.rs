//! Blocks of entry addresses, and the pool they come from. It owns memory and free lists; which
//! slot of a wheel a block belongs to is the wheel's business.
//!
//! A crowded slot is a ring of blocks instead of a list through the entries: to walk a list of sleepers
//! is a chain of cache misses, each waiting for the one before, while a block shows fourteen
//! addresses at once and their misses overlap.

use super::entry::Entry;
use super::prefetch::prefetch;
use core::ptr::{self, NonNull};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};

/// Addresses in one block, chosen so that a block is two cache lines with its header.
pub(super) const CELLS: usize = 14;
/// No block.
const NONE: u32 = u32::MAX;

const CHUNK_SHIFT: u32 = 9;
const CHUNK_BLOCKS: usize = 1 << CHUNK_SHIFT;
/// Chunks (of 64 KiB) that stay when the last block comes back.
const KEPT_CHUNKS: usize = 1;

/// All-zero bytes are a valid block: that is how chunks are born.
#[repr(C, align(128))]
pub(super) struct Block {
    /// Neighbours in the ring of a slot; `next` also links free blocks.
    pub(super) next: u32,
    pub(super) prev: u32,
    pub(super) slot: u16,
    /// Cells in use, counted from the front, holes included.
    pub(super) used: u8,
    /// Cells that are not holes.
    pub(super) live: u8,
    pub(super) cells: [*const Entry; CELLS],
}

/// Blocks under 32-bit indices, in chunks that never move.
pub(super) struct Pool {
    chunks: Vec<NonNull<Block>>,
    free: u32,
    /// Blocks from here on were never handed out since the pool was last empty.
    fresh: u32,
    live: u32,
}

// SAFETY: the pool owns its chunks; the entry addresses in them are only followed by the wheel,
// under its lock.
unsafe impl Send for Pool {}

/// Chunks that the pool gave up, freed when dropped: outside the lock.
pub(super) struct Surplus(Vec<NonNull<Block>>);

impl Pool {
    pub(super) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: NONE,
            fresh: 0,
            live: 0,
        }
    }

    /// Blocks handed out and not given back.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn live(&self) -> u32 {
        self.live
    }

    /// Bytes held from the allocator.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * layout().size()
    }

    #[inline]
    pub(super) fn block(&self, index: u32) -> &Block {
        let chunk = self.chunks[(index >> CHUNK_SHIFT) as usize];
        // SAFETY: the chunk has `CHUNK_BLOCKS` blocks, all initialised (zeroed) at birth; the
        // pool owns it and `&self` forbids a live `&mut` to any of its blocks.
        unsafe { chunk.add(index as usize % CHUNK_BLOCKS).as_ref() }
    }

    #[inline]
    pub(super) fn block_mut(&mut self, index: u32) -> &mut Block {
        let chunk = self.chunks[(index >> CHUNK_SHIFT) as usize];
        // SAFETY: as in `block`; `&mut self` makes the borrow the only one.
        unsafe { chunk.add(index as usize % CHUNK_BLOCKS).as_mut() }
    }

    /// Asks the cache for the lines of a block.
    #[inline]
    pub(super) fn prefetch(&self, index: u32) {
        let block = ptr::from_ref(self.block(index));
        prefetch(block);
        // SAFETY: the block has two cache lines.
        prefetch(unsafe { block.byte_add(64) });
    }

    /// A block for `slot` with no cell in use, linked to itself.
    #[inline]
    pub(super) fn take(&mut self, slot: u16) -> u32 {
        let index = if self.free != NONE {
            let index = self.free;
            self.free = self.block(index).next;
            index
        } else {
            if self.fresh as usize == self.chunks.len() * CHUNK_BLOCKS {
                self.grow();
            }
            self.fresh += 1;
            self.fresh - 1
        };
        self.live += 1;
        let block = self.block_mut(index);
        block.next = index;
        block.prev = index;
        block.slot = slot;
        block.used = 0;
        block.live = 0;
        index
    }

    /// Takes back a block that [`take`](Self::take) gave out and no ring holds.
    #[inline]
    pub(super) fn give(&mut self, index: u32) {
        self.live -= 1;
        if self.live == 0 {
            // Starting over keeps the next blocks where the cache is warm, and lets `surplus`
            // return what a burst left behind.
            self.free = NONE;
            self.fresh = 0;
        } else {
            let free = self.free;
            self.block_mut(index).next = free;
            self.free = index;
        }
    }

    /// What an empty pool holds beyond the chunk it keeps.
    #[inline]
    pub(super) fn surplus(&mut self) -> Option<Surplus> {
        if self.live == 0 && self.chunks.len() > KEPT_CHUNKS {
            let surplus = Surplus(self.chunks.split_off(KEPT_CHUNKS));
            self.chunks.shrink_to_fit();
            return Some(surplus);
        }
        None
    }

    #[cold]
    fn grow(&mut self) {
        // SAFETY: the layout is not of size zero.
        let chunk = unsafe { alloc_zeroed(layout()) };
        match NonNull::new(chunk.cast()) {
            Some(chunk) => self.chunks.push(chunk),
            None => handle_alloc_error(layout()),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        drop(Surplus(core::mem::take(&mut self.chunks)));
    }
}

impl Drop for Surplus {
    fn drop(&mut self) {
        for chunk in &self.0 {
            // SAFETY: each chunk came from `alloc_zeroed` with this layout and left the pool.
            unsafe { dealloc(chunk.as_ptr().cast(), layout()) };
        }
    }
}

impl Block {
    /// Puts `entry` into the next cell, which must be there.
    #[inline]
    pub(super) fn push(&mut self, index: u32, entry: &Entry) {
        entry.set_place(index, self.used);
        self.cells[self.used as usize] = ptr::from_ref(entry);
        self.used += 1;
        self.live += 1;
    }

    /// Makes cell `cell` a hole and returns whether the block is empty now.
    #[inline]
    pub(super) fn clear(&mut self, cell: u8) -> bool {
        self.cells[cell as usize] = ptr::null();
        self.live -= 1;
        // The last cell can be used again at once; this keeps a loop of create and drop beside a
        // lasting neighbour inside one block.
        if cell + 1 == self.used {
            self.used = cell;
        }
        self.live == 0
    }
}

fn layout() -> Layout {
    const { assert!(size_of::<Block>() == 128) };
    Layout::new::<[Block; CHUNK_BLOCKS]>()
}
