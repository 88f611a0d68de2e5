//! A thread's free lists, one per size. It knows blocks and the central lists, not what lives in the blocks.
//!
//! A list that has room takes a block back in a few instructions. Lists begin without room, so the first block of a
//! thread takes the slow path, which registers the flush at the thread's end; after that end, when later destructors
//! free tasks, no list has room or blocks again.

use super::{BATCH, Block, CLASSES, STEP, central};
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

/// A list with more than this many bytes gives a batch back to the central list: enough for a burst of a thousand small
/// tasks to go round within the thread.
const MOST_BYTES: usize = 128 << 10;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unregistered,
    Registered,
    Ended,
}

struct List {
    head: Cell<*mut Block>,
    /// How many more blocks the list takes.
    room: Cell<u32>,
}

struct Cache {
    lists: [List; CLASSES],
    stage: Cell<Stage>,
    /// Exchanges with the central lists since [`tidy`] was called.
    exchanges: Cell<u32>,
}

/// Flushes the cache at the thread's end.
struct AtEnd;

// Not from the shim: in a model no task comes from here, and no other thread sees what stands here.
std::thread_local! {
    static CACHE: Cache = const {
        Cache {
            lists: [const { List { head: Cell::new(null_mut()), room: Cell::new(0) } }; CLASSES],
            stage: Cell::new(Stage::Unregistered),
            exchanges: Cell::new(0),
        }
    };
    static AT_END: AtEnd = const { AtEnd };
}

/// How many blocks of `class` a list holds at most.
const fn capacity(class: usize) -> u32 {
    (MOST_BYTES / (class * STEP)) as u32
}

/// A free block of `class` steps; `None` for class zero, whose list stays empty.
#[inline]
pub(super) fn pop(class: usize) -> Option<NonNull<Block>> {
    CACHE.with(|cache| {
        let list = &cache.lists[class % CLASSES];
        let Some(block) = NonNull::new(list.head.get()) else {
            return cache.refill(class);
        };
        // SAFETY: blocks in the list are free and this thread's, and initialised as `Block`s.
        list.head.set(unsafe { (*block.as_ptr()).next });
        list.room.set(list.room.get() + 1);
        Some(block)
    })
}

/// Takes a block back; false for class zero, whose list never has room.
///
/// # Safety
/// As [`super::free`].
#[inline]
pub(super) unsafe fn push(block: NonNull<Block>, class: usize) -> bool {
    CACHE.with(|cache| {
        let list = &cache.lists[class % CLASSES];
        let room = list.room.get();
        if room == 0 {
            // SAFETY: passed on.
            return unsafe { cache.push_without_room(block, class) };
        }
        // SAFETY: passed on.
        unsafe { list.push(block, room) };
        true
    })
}

/// The thread has nothing to do for a while: it gives the lists that have grown to the central ones, because each block
/// may keep a chunk from the system.
pub(super) fn tidy() {
    CACHE.with(|cache| {
        if cache.exchanges.replace(0) > 0 && cache.stage.get() == Stage::Registered {
            cache.give(BATCH as u32);
        }
    });
}

impl List {
    /// # Safety
    /// As [`super::free`]; `room` is the list's, and not zero.
    #[inline]
    unsafe fn push(&self, block: NonNull<Block>, room: u32) {
        // SAFETY: the block is free and now this thread's. Its first word, which walkers may read, is not touched.
        unsafe { (&raw mut (*block.as_ptr()).next).write(self.head.get()) };
        self.head.set(block.as_ptr());
        self.room.set(room - 1);
    }

    /// Gives the newest `count` blocks to the central list; the list has as many.
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
        self.room.set(self.room.get() + count);
    }
}

impl Cache {
    /// Gives the lists room and registers their flush; false at the thread's end.
    fn register(&self) -> bool {
        if self.stage.get() == Stage::Unregistered {
            self.stage.set(Stage::Registered);
            for (class, list) in self.lists.iter().enumerate().skip(1) {
                list.room.set(capacity(class));
            }
            if AT_END.try_with(|_| ()).is_err() {
                self.end();
            }
        }
        self.stage.get() == Stage::Registered
    }

    #[cold]
    fn refill(&self, class: usize) -> Option<NonNull<Block>> {
        if class == 0 {
            return None;
        }
        if !self.register() {
            return Some(central::take_one(class));
        }
        self.exchanges.set(self.exchanges.get() + 1);
        let (head, length) = central::take(class);
        let list = &self.lists[class];
        // SAFETY: `take` gives a chain of at least one free block.
        list.head.set(unsafe { (*head.as_ptr()).next });
        list.room.set(capacity(class) - (length - 1));
        Some(head)
    }

    /// # Safety
    /// As [`super::free`].
    #[cold]
    unsafe fn push_without_room(&self, block: NonNull<Block>, class: usize) -> bool {
        if class == 0 {
            return false;
        }
        let list = &self.lists[class];
        if !self.register() {
            // SAFETY: passed on: a chain of one block.
            unsafe {
                (*block.as_ptr()).next = null_mut();
                central::put(class, block.as_ptr());
            }
            return true;
        }
        if list.room.get() == 0 {
            self.exchanges.set(self.exchanges.get() + 1);
            list.flush(class, BATCH as u32);
        }
        // SAFETY: passed on.
        unsafe { list.push(block, list.room.get()) };
        true
    }

    /// Gives the lists with more than `kept` blocks to the central ones.
    fn give(&self, kept: u32) {
        for (class, list) in self.lists.iter().enumerate().skip(1) {
            let held = capacity(class) - list.room.get();
            if held > kept {
                list.flush(class, held);
            }
        }
    }

    fn end(&self) {
        self.stage.set(Stage::Ended);
        self.give(0);
        for list in &self.lists {
            list.room.set(0);
        }
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        CACHE.with(Cache::end);
    }
}

const _: () = assert!(capacity(CLASSES - 1) as usize >= 2 * BATCH - 2);
