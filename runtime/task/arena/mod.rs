//! The memory of tasks, which is also their registry.
//!
//! It owns blocks of memory and can walk them; it must not know what a task does, only that a block's first word is
//! zero exactly while no task lives in it ([`State`](super::state::State)).
//!
//! # Layers
//!
//! - A *thread cache* has a free list per size (steps of 8 bytes). Allocating and freeing are a pop and a push.
//! - A *central list* per size (`central.rs`), under a lock, exchanges batches of 64 blocks with the caches.
//! - *Chunks* of 64 KiB, cut into blocks of one size, lie in *regions* of 2 MiB (`region.rs`). A chunk whose blocks
//!   are all back in the central list gives its pages back to the system. Regions are never unmapped.
//!
//! Tasks that are large or aligned beyond 8 bytes, and with `cfg(filch_system_alloc)` all tasks, come from the system
//! allocator and stand in a linked list (`listed.rs`).
//!
//! # Why a walk is sound
//!
//! Blocks are type-stable: memory that was once a block of some size always reads as one, free or not. A walker holds
//! the lock of the size, so no chunk changes its size under it, reads a first word, and makes a reference to the task
//! only by a compare-exchange that fails on a word without references. A block that was just handed out has word
//! zero until [`State::publish`](super::state::State::publish), whose Release makes the header visible to the walker.

mod cache;
mod central;
#[cfg_attr(any(loom, shuttle), path = "modelled.rs")]
mod listed;
mod region;
mod walk;

pub(crate) use walk::walk;

#[cfg(all(test, any(loom, shuttle)))]
pub(crate) use listed::settle;

use core::ptr::NonNull;
use std::alloc::Layout;

/// Sizes from this one on come from the system allocator.
const LARGE: usize = 1024;
const STEP: usize = 8;
const CLASSES: usize = LARGE / STEP;
const BATCH: usize = 64;

/// A free block. The first word is the state of the task that will live here, and zero until then.
#[repr(C)]
struct Block {
    state: u64,
    next: *mut Block,
    /// The rest of the header up to the word that keeps the generation.
    _unused: [u64; 2],
    runtime_and_home: u32,
    generation: u32,
}

/// Where the memory of a task comes from; known when its type is.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// The size in steps of a block of the arena, or zero: from the system allocator.
    class: usize,
    layout: Layout,
}

impl Kind {
    pub(super) const fn of(layout: Layout) -> Self {
        let listed = cfg!(any(filch_system_alloc, loom, shuttle))
            || layout.size() > LARGE - STEP
            || layout.align() > STEP;
        Self {
            class: if listed {
                0
            } else {
                layout.size().div_ceil(STEP)
            },
            layout,
        }
    }
}

/// Memory for a task, its first word zero, and the number of its life.
#[inline]
pub(super) fn allocate(kind: Kind) -> (NonNull<u8>, u32) {
    let Some(block) = cache::pop(kind.class) else {
        return listed::allocate(kind.layout);
    };
    // SAFETY: the block is a free one, hence initialised, and now ours.
    let generation = unsafe { (&raw const (*block.as_ptr()).generation).read() };
    (block.cast(), generation.wrapping_add(1))
}

/// Takes memory back.
///
/// # Safety
/// `memory` came from [`allocate`] as one of this kind; its first word is zero, and nobody refers to it.
#[inline]
pub(super) unsafe fn free(memory: NonNull<u8>, kind: &'static Kind) {
    // SAFETY: passed on; the word of the generation stays as it is.
    unsafe {
        if !cache::push(memory.cast(), kind.class) {
            listed::free(memory, kind.layout);
        }
    }
}

/// To be called when this thread has nothing to do for a while: it gives back what it keeps beyond a little.
pub(crate) fn tidy() {
    cache::tidy();
}
