//! A thread's free lists, one per size. It knows blocks and the central lists, not what lives in the blocks.

use super::{BATCH, Block, CLASSES, STEP, central};
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

/// A list with more than this many steps of memory (128 KiB) gives a batch back to the central list: enough for a burst
/// of a thousand small tasks to go round within the thread.
const HIGH_WATER: usize = (128 << 10) / STEP;

struct List {
    head: Cell<*mut Block>,
    length: Cell<u32>,
}

struct Cache([List; CLASSES]);

std::thread_local! {
    static CACHE: Cache = const {
        Cache([const { List { head: Cell::new(null_mut()), length: Cell::new(0) } }; CLASSES])
    };
}

/// A free block of `class` steps.
#[inline]
pub(super) fn pop(class: usize) -> NonNull<Block> {
    // The last allocations of a thread may come after its cache is gone.
    CACHE
        .try_with(|cache| cache.0[class].pop(class))
        .unwrap_or_else(|_| central::take_one(class))
}

/// # Safety
/// As [`super::free`].
#[inline]
pub(super) unsafe fn push(block: NonNull<Block>, class: usize) {
    // SAFETY: passed on.
    let pushed = CACHE.try_with(|cache| unsafe { cache.0[class].push(block, class) });
    if pushed.is_err() {
        // SAFETY: passed on: a chain of one block.
        unsafe {
            (*block.as_ptr()).next = null_mut();
            central::put(class, block.as_ptr());
        }
    }
}

impl List {
    #[inline]
    fn pop(&self, class: usize) -> NonNull<Block> {
        let Some(block) = NonNull::new(self.head.get()) else {
            return self.refill(class);
        };
        // SAFETY: blocks in the list are free and this thread's, and initialised as `Block`s.
        self.head.set(unsafe { (*block.as_ptr()).next });
        self.length.set(self.length.get() - 1);
        block
    }

    #[cold]
    fn refill(&self, class: usize) -> NonNull<Block> {
        let (head, length) = central::take(class);
        // SAFETY: `take` gives a chain of at least one free block.
        self.head.set(unsafe { (*head.as_ptr()).next });
        self.length.set(length - 1);
        head
    }

    /// # Safety
    /// As [`super::free`].
    #[inline]
    unsafe fn push(&self, block: NonNull<Block>, class: usize) {
        // SAFETY: the block is free and now this thread's. Its first word, which walkers may read, is not touched.
        unsafe { (&raw mut (*block.as_ptr()).next).write(self.head.get()) };
        self.head.set(block.as_ptr());
        self.length.set(self.length.get() + 1);
        if self.length.get() as usize * class > HIGH_WATER {
            self.flush(class, BATCH as u32);
        }
    }

    /// Gives the newest `count` blocks to the central list.
    #[cold]
    fn flush(&self, class: usize, count: u32) {
        let head = self.head.get();
        let mut last = head;
        for _ in 1..count {
            // SAFETY: the list has at least `count` blocks.
            last = unsafe { (*last).next };
        }
        // SAFETY: as above; the chain is cut behind `last` and given away.
        unsafe {
            self.head.set((*last).next);
            (*last).next = null_mut();
            central::put(class, head);
        }
        self.length.set(self.length.get() - count);
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        for (class, list) in self.0.iter().enumerate() {
            if list.length.get() > 0 {
                list.flush(class, list.length.get());
            }
        }
    }
}
