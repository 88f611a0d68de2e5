//! The slots: one for each descriptor that a poller watches, found by the number in the poller's key.
//! It owns their memory, which is never given back, and their generations; it must not know how a poller is asked.
//!
//! A key is a slot's number and its generation. The generation goes up when the slot's source ends, so an event that was
//! in flight then, or comes later for a duplicate of the descriptor, is not taken for one of the next source in the same
//! slot. The comparison and what follows are not one step: a source that begins in between is told of an event that it
//! did not have, which costs it an attempt and no more.

use super::event::{Interest, REARMS};
use super::readiness::{Direction, Readiness};
use super::registry::Registry;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use parking_lot::Mutex;
use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, OnceLock};

/// How many bits of a key are the slot's number; the rest are its generation.
const INDEX_BITS: u32 = if usize::BITS >= 64 { 32 } else { 24 };
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;
/// Slots are made in rows of so many.
const ROW: usize = 256;
/// 16 million slots; on 32 bits the keys that `polling` and the driver keep for themselves would be in the last row.
const ROWS: usize = if usize::BITS >= 64 {
    1 << 16
} else {
    (1 << 16) - 1
};

/// One descriptor's place. Exactly a cache line, where words have 64 bits.
#[repr(align(64))]
pub(crate) struct Slot {
    pub(crate) readiness: Readiness,
    pub(crate) home: Mutex<Home>,
    index: u32,
    generation: AtomicU32,
}

/// By whom the descriptor is watched.
pub(crate) struct Home {
    pub(crate) registry: Option<Arc<Registry>>,
    pub(crate) descriptor: RawFd,
    /// Whether the poller was asked to report writability too.
    pub(crate) writes: bool,
}

static SLOTS: [OnceLock<&[Slot; ROW]>; ROWS] = [const { OnceLock::new() }; ROWS];
static FREE: Mutex<Free> = Mutex::new(Free {
    numbers: Vec::new(),
    made: 0,
});

struct Free {
    numbers: Vec<u32>,
    /// How many slots were ever used.
    made: usize,
}

impl Slot {
    fn new(index: u32) -> Self {
        Self {
            readiness: Readiness::new(),
            home: Mutex::new(Home {
                registry: None,
                descriptor: -1,
                writes: false,
            }),
            index,
            generation: AtomicU32::new(0),
        }
    }

    /// A slot that nobody uses: unarmed, without a home.
    ///
    /// # Errors
    /// If there are as many as a key can name.
    pub(crate) fn acquire() -> io::Result<&'static Self> {
        let mut free = FREE.lock();
        let index = match free.numbers.pop() {
            Some(index) => index as usize,
            None => {
                let index = free.made;
                if index == ROW * ROWS {
                    return Err(io::Error::other(
                        "this process watches as many descriptors as filch has numbers for: close some first",
                    ));
                }
                free.made += 1;
                index
            }
        };
        // Under the lock, so that `all` finds the row of each slot that was made.
        let row = SLOTS[index / ROW].get_or_init(|| Self::new_row(index - index % ROW));
        Ok(&row[index % ROW])
    }

    fn new_row(first: usize) -> &'static [Self; ROW] {
        // Not made on the stack, which may be a small one.
        let row: Box<[Self]> = (first..first + ROW)
            .map(|at| Self::new(at as u32))
            .collect();
        let row: &[Self] = Box::leak(row);
        row.try_into().expect("as many as a row has")
    }

    /// Ends the present use: its keys mean nothing from now on. The slot must be unarmed and without a home.
    pub(crate) fn release(&self) {
        // ORDERING: Relaxed. Who takes the slot next gets it through the lock; an event that sees the old generation
        // finds the slot unarmed, or tells the next user for nothing.
        self.generation.fetch_add(1, Relaxed);
        FREE.lock().numbers.push(self.index);
    }

    /// What events for this slot's present use carry.
    pub(crate) fn key(&self) -> usize {
        let generation = self.generation.load(Relaxed) as usize;
        // On 32 bits the generation's upper part is lost, on both sides of the comparison.
        self.index as usize | generation << INDEX_BITS
    }

    /// The slot that `key` was made for, if its use has not ended.
    #[inline]
    pub(crate) fn by_key(key: usize) -> Option<&'static Self> {
        let index = key & INDEX_MASK;
        let slot = &SLOTS.get(index / ROW)?.get()?[index % ROW];
        (slot.key() == key).then_some(slot)
    }

    /// What is to be reported of the descriptor.
    pub(super) fn interest(&self, home: &Home) -> Interest {
        let (read, write) = (Direction::Read, Direction::Write);
        Interest {
            key: self.key(),
            reads: !REARMS || self.readiness.is_armed(read),
            writes: if REARMS {
                self.readiness.is_armed(write)
            } else {
                home.writes
            },
        }
    }

    /// Every slot that was ever used.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        let made = FREE.lock().made;
        let rows = SLOTS.iter().map_while(OnceLock::get).copied();
        rows.flatten().take(made)
    }
}

#[cfg(test)]
mod tests {
    use super::Slot;

    #[test]
    fn a_slot_fits_a_cache_line() {
        assert_eq!(size_of::<Slot>(), 64);
    }

    #[test]
    fn a_key_leads_to_its_slot_until_that_is_released() {
        let slot = Slot::acquire().unwrap();
        let key = slot.key();
        assert!(Slot::by_key(key).is_some_and(|found| core::ptr::eq(found, slot)));
        slot.release();
        assert!(Slot::by_key(key).is_none());
    }

    #[test]
    fn reserved_keys_lead_to_no_slot() {
        for key in [usize::MAX, usize::MAX - 1] {
            assert!(Slot::by_key(key).is_none());
        }
    }
}
