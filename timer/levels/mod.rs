//! The wheel proper, without its lock: levels of 256 slots over the whole of 64-bit time. It owns
//! the shape (which slot a deadline belongs to, which slot is next); it knows neither threads nor
//! clocks, and calls no waker.
//!
//! Time is cut into ticks (`tick.rs`). A tick number is read in groups of eight bits; an entry stands at the
//! level of the highest group in which its tick differs from `elapsed`, in the slot that the
//! group's value names. Three facts follow, and everything below rests on them:
//!
//! 1. Whatever stands at a lower level is due before whatever stands at a higher one, and within
//!    a level the slots are due in ascending order: the first bit of the first non-empty level is
//!    the next slot.
//! 2. `elapsed` may be raised to any tick before the start of that next slot without moving an
//!    entry, since no entry's highest differing group changes.
//! 3. The slot at `elapsed`'s own index of a level never receives an entry, so that a slot which
//!    is being drained only shrinks.
//!
//! The groups cover every bit: there is no overflow list and no wrap-around. Entries that fire at
//! the same time and have the same tick do so in the order they came.
//!
//! Few levels, because an entry moves down once for each on the way, and each move is a cache miss:
//! with 256 slots a sleep of up to 4.3 s moves once at most, and a slot of the second level holds
//! what is due within 17 ms.
//!
//! An entry that comes to an empty slot stands there alone, by its address. The second makes the
//! slot a ring of blocks, and a ring it remains until its last entry has left.

use super::block::{Block, CELLS, Pool, Surplus};
use super::entry::Entry;
use super::occupied::Occupied;
use super::slot::{ALONE, Held, Slot};
use super::tick::{LAST_TICK, TICK_SHIFT, start_of, tick_at};
#[cfg(feature = "test-util")]
use core::ptr;

mod taking;

const GROUP: u32 = 8;
const LEVELS: usize = (64 - TICK_SHIFT).div_ceil(GROUP) as usize;
const SLOTS: usize = LEVELS << GROUP;
const NO_SLOT: u16 = u16::MAX;

pub(super) struct Levels {
    /// Every tick up to this one has been dealt with, but for the slot in `draining`.
    elapsed: u64,
    /// The slot at `elapsed` that a full batch interrupted, or `NO_SLOT`.
    draining: u16,
    occupied: Occupied<{ SLOTS / 64 }>,
    /// A ring is known by its last block, whose `next` is the first. Apart, because wheels are made on small stacks too.
    slots: Box<[Slot; SLOTS]>,
    pool: Pool,
    len: usize,
}

impl Levels {
    pub(super) fn new() -> Self {
        Self {
            elapsed: 0,
            draining: NO_SLOT,
            occupied: Occupied::NONE,
            slots: match vec![Slot::EMPTY; SLOTS].try_into() {
                Ok(slots) => slots,
                Err(_) => unreachable!("as many slots as were asked for"),
            },
            pool: Pool::new(),
            len: 0,
        }
    }

    /// Starts over at `now`. The wheel must be empty.
    pub(super) fn restart(&mut self, now: u64) {
        debug_assert!(self.len == 0 && self.first().is_none());
        self.draining = NO_SLOT;
        self.elapsed = tick_at(now);
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entries in the wheel.
    #[cfg(all(test, not(shuttle)))]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn has_come(&self, tick: u64) -> bool {
        tick <= self.elapsed
    }

    pub(super) fn surplus(&mut self) -> Option<Surplus> {
        self.pool.surplus()
    }

    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Puts `entry` where `tick` says, if that is an empty slot and `now` changes nothing about it.
    /// Returns whether it did; otherwise [`insert`](Self::insert) after
    /// [`catch_up`](Self::catch_up) is the way.
    #[inline]
    pub(super) fn insert_alone(&mut self, entry: &Entry, tick: u64, now: u64) -> bool {
        if now >> TICK_SHIFT > self.elapsed || tick <= self.elapsed {
            return false;
        }
        let slot = self.slot_of(tick);
        if !self.slots[slot as usize % SLOTS].is_empty() {
            return false;
        }
        self.settle(entry, slot);
        self.len += 1;
        true
    }

    /// Takes `entry` out if it stands alone, and returns whether it did.
    #[inline]
    pub(super) fn remove_alone(&mut self, entry: &Entry) -> bool {
        let (slot, cell) = entry.place();
        if cell != ALONE {
            return false;
        }
        self.len -= 1;
        self.vacate(slot as u16);
        true
    }

    /// Puts `entry` where `tick` says. The tick must not have come.
    #[inline]
    pub(super) fn insert(&mut self, entry: &Entry, tick: u64) {
        self.append(entry, tick);
        self.len += 1;
    }

    /// Takes `entry` out, which must be in.
    pub(super) fn remove(&mut self, entry: &Entry) {
        if self.remove_alone(entry) {
            return;
        }
        let (block, cell) = entry.place();
        self.len -= 1;
        if self.pool.block_mut(block).clear(cell) {
            self.unlink(block);
        }
    }

    /// Raises `elapsed` towards `now` as far as no entry has to move for it, so that what is
    /// inserted next stands low: an entry's level counts the moves before it fires.
    #[inline]
    pub(super) fn catch_up(&mut self, now: u64) {
        if now >> TICK_SHIFT > self.elapsed {
            self.raise(tick_at(now));
        }
    }

    #[inline(never)]
    fn raise(&mut self, tick: u64) {
        if self.draining == NO_SLOT {
            let bound = self.first().map_or(tick, |(_, start)| start - 1);
            self.elapsed = self.elapsed.max(tick.min(bound));
        }
    }

    /// When there is something to take next, in nanoseconds, or to move down: the deadline itself,
    /// unless it stands in a crowd of more than one block or in the first tick of a slot above the
    /// lowest level. `u64::MAX` if there is nothing.
    pub(super) fn next_expiry(&self) -> u64 {
        if self.draining != NO_SLOT {
            return start_of(self.elapsed);
        }
        let Some((slot, start)) = self.first() else {
            return u64::MAX;
        };
        // A look at the entries of a small crowd finds their time to the nanosecond, and spares the
        // wake-ups at which they would only move down.
        let next = match self.slots[slot as usize].held() {
            Held::Nothing => u64::MAX,
            // SAFETY: as in `take_cell`, of an entry that stands alone.
            Held::One(entry) => unsafe { &*entry }.deadline(),
            Held::Ring(tail) => {
                let block = self.pool.block(tail);
                if block.next != tail {
                    return start_of(start);
                }
                let entries = block.cells[..block.used as usize].iter();
                // SAFETY: a cell that is not null holds a registered entry; see `take_cell`.
                let entries = entries.filter_map(|cell| unsafe { cell.as_ref() });
                entries.map(Entry::deadline).min().unwrap_or(u64::MAX)
            }
        };
        let level = u32::from(slot >> GROUP);
        if level == 0 {
            return next.min(start_of(start));
        }
        // What is due in the slot's first tick is not looked at before that is over; what moved later
        // may lie behind the slots that follow.
        let end = start + (1 << (level * GROUP));
        next.clamp(start_of(start), start_of(end.min(LAST_TICK)))
    }

    /// A lower bound on the earliest deadline, exact unless deadlines were moved.
    #[cfg(feature = "test-util")]
    pub(super) fn next_deadline(&self) -> u64 {
        let Some((slot, start)) = self.first() else {
            return u64::MAX;
        };
        if self.draining != NO_SLOT {
            return start_of(self.elapsed);
        }
        let last = start + (1 << (u32::from(slot >> GROUP) * GROUP)) - 1;
        // What stands in other slots is due after the last tick of this one.
        let bound = start_of(last.min(LAST_TICK)).saturating_add(1);
        self.entries(slot)
            .map(Entry::deadline)
            .fold(bound, u64::min)
    }

    /// Everything in an occupied slot.
    #[cfg(feature = "test-util")]
    fn entries<'a>(&self, slot: u16) -> impl Iterator<Item = &'a Entry> {
        let (one, tail) = match self.slots[slot as usize].held() {
            Held::Nothing => (ptr::null(), None),
            Held::One(entry) => (entry, None),
            Held::Ring(tail) => (ptr::null(), Some(tail)),
        };
        let mut next = tail.map(|tail| self.pool.block(tail).next);
        let ring = core::iter::from_fn(move || {
            let block = self.pool.block(next?);
            next = (next != tail).then_some(block.next);
            Some(&block.cells[..block.used as usize])
        });
        core::iter::once(one)
            .chain(ring.flatten().copied())
            // SAFETY: as in `take_cell`; the borrows are not used beyond the caller's hold of the
            // lock.
            .filter_map(|entry| unsafe { entry.as_ref() })
    }

    /// The next slot and the tick at which it starts (fact 1).
    #[inline]
    fn first(&self) -> Option<(u16, u64)> {
        let slot = self.occupied.first()?;
        let (level, index) = (slot >> GROUP, slot % (1 << GROUP));
        let shift = u32::from(level) * GROUP;
        let start = ((self.elapsed >> shift >> GROUP << GROUP) | u64::from(index)) << shift;
        Some((slot, start))
    }

    /// Where an entry due at `tick` stands. The tick must not have come.
    #[inline]
    fn slot_of(&self, tick: u64) -> u16 {
        debug_assert!(tick > self.elapsed);
        // The lowest bit changes no group, and spares the question whether any is set.
        let level = (tick ^ self.elapsed | 1).ilog2() / GROUP;
        let index = (tick >> (level * GROUP)) as u32 % (1 << GROUP);
        (level << GROUP | index) as u16
    }

    /// Puts `entry` into `slot`, which is empty.
    #[inline]
    fn settle(&mut self, entry: &Entry, slot: u16) {
        entry.set_place(u32::from(slot), ALONE);
        self.slots[slot as usize % SLOTS] = Slot::one(entry);
        self.occupied.insert(slot);
    }

    /// Empties `slot`, of which nothing but the slot itself is left.
    #[inline]
    fn vacate(&mut self, slot: u16) {
        self.slots[slot as usize % SLOTS] = Slot::EMPTY;
        self.occupied.remove(slot);
    }

    #[inline]
    fn append(&mut self, entry: &Entry, tick: u64) {
        let slot = self.slot_of(tick);
        match self.slots[slot as usize].held() {
            Held::Nothing => self.settle(entry, slot),
            // SAFETY: as in `take_cell`, of an entry that stands alone.
            Held::One(first) => self.pair(unsafe { &*first }, entry, slot),
            Held::Ring(tail) => {
                let block = self.pool.block_mut(tail);
                if (block.used as usize) < CELLS {
                    block.push(tail, entry);
                } else {
                    self.append_block(entry, slot, tail);
                }
            }
        }
    }

    /// Makes `slot`, where `first` stands alone, a ring of one block of both.
    #[inline(never)]
    fn pair(&mut self, first: &Entry, second: &Entry, slot: u16) {
        let index = self.pool.take(slot);
        let block = self.pool.block_mut(index);
        block.push(index, first);
        block.push(index, second);
        self.slots[slot as usize] = Slot::ring(index);
    }

    /// Puts `entry` into a new last block of `slot`, whose last one so far is `tail`.
    #[inline(never)]
    fn append_block(&mut self, entry: &Entry, slot: u16, tail: u32) {
        let fresh = self.pool.take(slot);
        let head = self.pool.block(tail).next;
        self.pool.block_mut(tail).next = fresh;
        self.pool.block_mut(head).prev = fresh;
        let block = self.pool.block_mut(fresh);
        block.prev = tail;
        block.next = head;
        block.push(fresh, entry);
        self.slots[slot as usize] = Slot::ring(fresh);
    }

    /// Takes an empty block out of its slot's ring and gives it back to the pool.
    #[inline(never)]
    fn unlink(&mut self, index: u32) {
        let &Block {
            next, prev, slot, ..
        } = self.pool.block(index);
        if next == index {
            self.vacate(slot);
        } else {
            self.pool.block_mut(prev).next = next;
            self.pool.block_mut(next).prev = prev;
            if matches!(self.slots[slot as usize].held(), Held::Ring(tail) if tail == index) {
                self.slots[slot as usize] = Slot::ring(prev);
            }
        }
        self.pool.give(index);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
#[path = "../tests/check.rs"]
mod check;
