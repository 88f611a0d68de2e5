//! Regions of 2 MiB, their chunks of 64 KiB, and the pages behind them. It knows blocks as memory, and that a chunk's
//! fields belong to whoever holds the lock of its size.

use super::{Block, STEP};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};
use parking_lot::Mutex;
use std::alloc::{Layout, alloc, handle_alloc_error};

const REGION: usize = 2 << 20;
const CHUNK: usize = 64 << 10;
const CHUNKS: usize = REGION / CHUNK;
/// Whole free chunks of a size that are kept, so that a size at the edge does not go to the system again and again.
const KEPT: usize = 1;

/// The chunks of one size that have blocks to give, linked through [`Chunk::link`].
pub(super) struct Central {
    pub(super) first: *mut Chunk,
    /// How many chunks of this size have all their blocks here.
    pub(super) whole: usize,
}

// SAFETY: chunks live for ever, and those of this size are touched under this list's lock only.
unsafe impl Send for Central {}

/// The description of a chunk. It stands in the region's first page, so that the chunk's own pages can be given back.
#[repr(C)]
pub(super) struct Chunk {
    /// Zero while the chunk belongs to no size. Changes under the lock of the regions and that of the size.
    class: AtomicUsize,
    base: *mut u8,
    /// The chunk's size in bytes: the first one of a region has lost a page to the descriptions.
    size: usize,
    capacity: u32,
    /// Blocks from this index on were never handed out.
    fresh: u32,
    /// The blocks that came back, how many, and the neighbours in the central list while it has blocks to give.
    free: *mut Block,
    returned: u32,
    linked: bool,
    next: *mut Chunk,
    previous: *mut Chunk,
}

#[repr(C)]
struct Region([Chunk; CHUNKS]);

const DESCRIPTIONS: usize = 4096;
const _: () = assert!(size_of::<Region>() <= DESCRIPTIONS);

struct Regions {
    all: Vec<*mut Region>,
    /// Chunks that belong to no size.
    idle: Vec<*mut Chunk>,
}

// SAFETY: regions live for ever; the lists of pointers are used under the lock.
unsafe impl Send for Regions {}

static REGIONS: Mutex<Regions> = Mutex::new(Regions {
    all: Vec::new(),
    idle: Vec::new(),
});
/// Lives of blocks start at different numbers in each chunk's life.
static LIVES: AtomicUsize = AtomicUsize::new(0);

/// A chunk for blocks of `class`, not linked. The caller holds the lock of the class.
pub(super) fn acquire(class: usize) -> *mut Chunk {
    let mut regions = REGIONS.lock();
    if regions.idle.is_empty() {
        regions.grow();
    }
    let chunk = regions.idle.pop().expect("a new region has idle chunks");
    // SAFETY: an idle chunk belongs to whoever took it from the list, under the lock.
    unsafe {
        (*chunk).capacity = ((*chunk).size / (class * STEP)) as u32;
        (*chunk).fresh = 0;
        (*chunk).free = null_mut();
        (*chunk).returned = 0;
        (*chunk).linked = false;
        // ORDERING: Relaxed; a walker that reads it takes the lock of the class and reads it again.
        (*chunk).class.store(class, Ordering::Relaxed);
    }
    chunk
}

impl Regions {
    fn grow(&mut self) {
        let layout = Layout::from_size_align(REGION, REGION).expect("a region's layout is valid");
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc(layout) };
        if memory.is_null() {
            handle_alloc_error(layout);
        }
        #[expect(
            clippy::cast_ptr_alignment,
            reason = "regions are aligned to their size"
        )]
        let region = memory.cast::<Region>();
        for index in 0..CHUNKS {
            let lost = if index == 0 { DESCRIPTIONS } else { 0 };
            // SAFETY: the description lies in the region's first page, the chunk inside the region.
            unsafe {
                let chunk = (&raw mut (*region).0[index]).cast::<Chunk>();
                chunk.write(Chunk {
                    class: AtomicUsize::new(0),
                    base: memory.add(index * CHUNK + lost),
                    size: CHUNK - lost,
                    capacity: 0,
                    fresh: 0,
                    free: null_mut(),
                    returned: 0,
                    linked: false,
                    next: null_mut(),
                    previous: null_mut(),
                });
                self.idle.push(chunk);
            }
        }
        // The lowest addresses are used first.
        self.idle.reverse();
        self.all.push(region);
    }
}

impl Chunk {
    /// The chunk of a block.
    ///
    /// # Safety
    /// The block came from the arena.
    pub(super) unsafe fn of(block: *mut Block) -> *mut Chunk {
        let offset = block.addr() & (REGION - 1);
        let region = block
            .map_addr(|address| address & !(REGION - 1))
            .cast::<Region>();
        // SAFETY: regions are aligned to their size, so the masked address is that of the block's region.
        unsafe { (&raw mut (*region).0[offset / CHUNK]).cast() }
    }

    fn is_whole(&self) -> bool {
        self.returned == self.fresh
    }

    fn has_blocks(&self) -> bool {
        self.returned > 0 || self.fresh < self.capacity
    }

    /// Hands out a block. The chunk has one, and is linked.
    pub(super) fn pop(&mut self, central: &mut Central) -> *mut Block {
        if self.is_whole() {
            central.whole -= 1;
        }
        let block = if self.free.is_null() {
            let block = self.block(self.fresh).cast::<Block>();
            self.fresh += 1;
            let lives = LIVES.fetch_add(1 << 8, Ordering::Relaxed) as u32;
            // SAFETY: the block lies in the chunk and was never handed out in this life of the chunk. Walkers do not
            // look beyond `fresh`, which they read under the lock that is held here.
            unsafe {
                (&raw mut (*block).state).write(0);
                (&raw mut (*block).generation).write(lives);
            }
            block
        } else {
            let block = self.free;
            // SAFETY: blocks that came back are initialised.
            self.free = unsafe { (*block).next };
            self.returned -= 1;
            block
        };
        if !self.has_blocks() {
            self.unlink(central);
        }
        block
    }

    /// Takes a block back, and gives the chunk back if it is whole and not to be kept.
    ///
    /// # Safety
    /// The block is free and of this chunk.
    pub(super) unsafe fn push(&mut self, central: &mut Central, block: *mut Block) {
        // SAFETY: the block is free, hence ours.
        unsafe { (&raw mut (*block).next).write(self.free) };
        self.free = block;
        self.returned += 1;
        if !self.linked {
            self.link(central);
        }
        if self.is_whole() {
            central.whole += 1;
            if central.whole > KEPT {
                central.whole -= 1;
                self.unlink(central);
                self.release();
            }
        }
    }

    pub(super) fn link(&mut self, central: &mut Central) {
        self.linked = true;
        self.previous = null_mut();
        self.next = central.first;
        if !self.next.is_null() {
            // SAFETY: a linked chunk of the same size, under the same lock.
            unsafe { (*self.next).previous = self };
        }
        central.first = self;
    }

    fn unlink(&mut self, central: &mut Central) {
        self.linked = false;
        // SAFETY: the neighbours are linked chunks of the same size, under the same lock.
        unsafe {
            if self.previous.is_null() {
                central.first = self.next;
            } else {
                (*self.previous).next = self.next;
            }
            if !self.next.is_null() {
                (*self.next).previous = self.previous;
            }
        }
    }

    /// Gives the chunk's pages to the system and the chunk to the idle ones.
    fn release(&mut self) {
        self.class.store(0, Ordering::Relaxed);
        #[cfg(target_os = "linux")]
        // SAFETY: the pages hold free blocks only, nobody refers to them, and they read as zero afterwards. A walker
        // reads no block of a chunk without a class. A refusal leaves the pages as they are, which does no harm.
        let _ = unsafe {
            rustix::mm::madvise(
                self.base.cast(),
                self.size,
                rustix::mm::Advice::LinuxDontNeed,
            )
        };
        REGIONS.lock().idle.push(self);
    }

    fn block(&self, index: u32) -> *mut u8 {
        // SAFETY: callers keep to indices below the capacity.
        unsafe {
            self.base
                .add(index as usize * self.class.load(Ordering::Relaxed) * STEP)
        }
    }
}

/// A chunk that a walker looks at.
pub(super) struct Walked(*mut Chunk);

impl Walked {
    /// The size of its blocks, in steps, or zero while it has none. Certain under the lock of that size alone.
    pub(super) fn class(&self) -> usize {
        // SAFETY: descriptions of chunks live for ever, and the class is an atomic.
        unsafe { &(*self.0).class }.load(Ordering::Relaxed)
    }

    /// The blocks that were ever handed out. They are initialised, and stay mapped while the lock is held.
    ///
    /// # Safety
    /// The caller holds the lock of the size that the chunk has, and keeps it.
    pub(super) unsafe fn blocks(&self) -> impl Iterator<Item = *mut Block> {
        // SAFETY: the lock is held, so the chunk's fields do not change.
        let (chunk, fresh) = unsafe { (&*self.0, (*self.0).fresh) };
        (0..fresh).map(|index| chunk.block(index).cast())
    }
}

/// Calls `visit` for every chunk there is.
pub(super) fn for_each_chunk(mut visit: impl FnMut(&Walked)) {
    let regions = REGIONS.lock().all.clone();
    for region in regions {
        for index in 0..CHUNKS {
            // SAFETY: regions and their descriptions live for ever.
            visit(&Walked(unsafe { (&raw mut (*region).0[index]).cast() }));
        }
    }
}
