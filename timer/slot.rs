//! What a slot of a wheel holds, in one word. It owns the encoding; the blocks it may refer to are
//! the pool's, the entry is its future's.

use super::entry::Entry;
use core::ptr;

/// The cell of an entry that stands alone in its slot: its place says the slot instead of a block.
pub(super) const ALONE: u8 = u8::MAX;

/// The address of an entry, or twice the index of a block and one, or null.
#[derive(Clone, Copy)]
pub(super) struct Slot(*const Entry);

const RING: usize = 1;

const _: () = assert!(align_of::<Entry>() > RING);

pub(super) enum Held {
    Nothing,
    /// The address of a registered entry.
    One(*const Entry),
    /// The last block of a ring.
    Ring(u32),
}

impl Slot {
    pub(super) const EMPTY: Self = Self(ptr::null());

    #[inline]
    pub(super) fn one(entry: &Entry) -> Self {
        Self(ptr::from_ref(entry))
    }

    #[inline]
    pub(super) fn ring(tail: u32) -> Self {
        Self(ptr::without_provenance((tail as usize) << 1 | RING))
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0.is_null()
    }

    #[inline]
    pub(super) fn held(self) -> Held {
        if self.0.addr() & RING != 0 {
            Held::Ring((self.0.addr() >> 1) as u32)
        } else if self.0.is_null() {
            Held::Nothing
        } else {
            Held::One(self.0)
        }
    }
}
