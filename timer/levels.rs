//! The wheel proper, without its lock: levels of 64 slots over the whole of 64-bit time. It owns
//! the shape (which slot a deadline belongs to, which slot is next); it knows neither threads nor
//! clocks, and calls no waker.
//!
//! Time is cut into ticks (`tick.rs`). A tick number is read in groups of six bits; an entry stands at the
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
//! The groups cover every bit: there is no overflow list and no wrap-around. Entries with the
//! same tick fire in the order they came.
//!
//! An entry that comes to an empty slot stands there alone, by its address. The second makes the
//! slot a ring of blocks, and a ring it remains until its last entry has left.

#[cfg(feature = "test-util")]
use super::batch::BATCH;
use super::batch::Batch;
use super::block::{Block, CELLS, Pool, Surplus};
use super::entry::{Entry, State};
use super::prefetch::prefetch;
use super::slot::{ALONE, Held, Slot};
use super::tick::{LAST_TICK, TICK_SHIFT, start_of, tick_at, tick_of};
#[cfg(feature = "test-util")]
use core::ptr;

const GROUP: u32 = 6;
const LEVELS: usize = (64 - TICK_SHIFT).div_ceil(GROUP) as usize;
const SLOTS: usize = LEVELS << GROUP;
const NO_SLOT: u16 = u16::MAX;

/// Entries moved down a level under one hold of the lock.
const MOVES: usize = 256;

pub(super) struct Levels {
    /// Every tick up to this one has been dealt with, but for the slot in `draining`.
    elapsed: u64,
    /// The slot at `elapsed` that a full batch interrupted, or `NO_SLOT`.
    draining: u16,
    /// Bit per slot that is not empty.
    occupied: [u64; LEVELS],
    /// A ring is known by its last block, whose `next` is the first.
    slots: [Slot; SLOTS],
    pool: Pool,
    len: usize,
}

impl Levels {
    pub(super) fn new() -> Self {
        Self {
            elapsed: 0,
            draining: NO_SLOT,
            occupied: [0; LEVELS],
            slots: [Slot::EMPTY; SLOTS],
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

    /// Takes up to a batch of entries that are due at `now`, in the order of their ticks, and
    /// returns whether more is left to do.
    pub(super) fn take_due(&mut self, now: u64, batch: &mut Batch) -> bool {
        let now = tick_at(now);
        let mut moves = MOVES;
        loop {
            if self.draining == NO_SLOT {
                match self.first() {
                    Some((slot, start)) if start <= now => {
                        self.elapsed = start;
                        self.draining = slot;
                    }
                    _ => {
                        self.elapsed = self.elapsed.max(now);
                        return false;
                    }
                }
            }
            if !self.drain(self.draining, batch, &mut moves) {
                return true;
            }
            self.draining = NO_SLOT;
        }
    }

    /// Takes up to a batch of entries whatever their deadlines, and returns whether more are left.
    pub(super) fn take_any(&mut self, batch: &mut Batch) -> bool {
        while let Some((slot, _)) = self.first() {
            if batch.is_full() {
                return true;
            }
            match self.slots[slot as usize].held() {
                Held::Nothing => unreachable!("an empty slot is not occupied"),
                Held::One(entry) => {
                    self.vacate(slot);
                    self.len -= 1;
                    // SAFETY: as in `take_cell`, of an entry that stood alone.
                    batch.push(unsafe { &*entry }.let_go(State::Closed));
                }
                Held::Ring(tail) => {
                    let head = self.pool.block(tail).next;
                    for cell in 0..self.pool.block(head).used {
                        if batch.is_full() {
                            return true;
                        }
                        if let Some(entry) = self.take_cell(head, cell) {
                            self.len -= 1;
                            batch.push(entry.let_go(State::Closed));
                        }
                    }
                    self.unlink(head);
                }
            }
        }
        false
    }

    /// A lower bound in nanoseconds on when the next entry is due: exact, unless it stands in a
    /// crowd of more than one block above the lowest level. `u64::MAX` if there is none.
    pub(super) fn next_expiry(&self) -> u64 {
        if self.draining != NO_SLOT {
            return start_of(self.elapsed);
        }
        let Some((slot, start)) = self.first() else {
            return u64::MAX;
        };
        if slot >> GROUP == 0 {
            return start_of(start);
        }
        // A look at the entries of a small crowd spares the wake-ups at which they would only move
        // down.
        let next = match self.slots[slot as usize].held() {
            Held::Nothing => u64::MAX,
            // SAFETY: as in `take_cell`, of an entry that stands alone.
            Held::One(entry) => tick_of(unsafe { &*entry }.deadline()),
            Held::Ring(tail) => {
                let block = self.pool.block(tail);
                if block.next != tail {
                    return start_of(start);
                }
                let entries = block.cells[..block.used as usize].iter();
                // SAFETY: a cell that is not null holds a registered entry; see `take_cell`.
                let entries = entries.filter_map(|cell| unsafe { cell.as_ref() });
                let ticks = entries.map(|entry| tick_of(entry.deadline()));
                ticks.min().unwrap_or(u64::MAX)
            }
        };
        // Entries whose deadlines moved later may lie behind the slots that follow.
        let end = start + (1 << (u32::from(slot >> GROUP) * GROUP));
        start_of(next.min(end).min(LAST_TICK))
    }

    /// Takes up to a batch of entries whose deadlines have passed at `now` although their tick has
    /// not come, and returns whether more may be left. Nothing must be due by its tick.
    #[cfg(feature = "test-util")]
    pub(super) fn take_within_tick(&mut self, now: u64, batch: &mut Batch) -> bool {
        let Some((slot, _)) = self.first() else {
            return false;
        };
        let due: Vec<&Entry> = self
            .entries(slot)
            .filter(|entry| entry.deadline() <= now)
            .take(BATCH)
            .collect();
        for entry in &due {
            self.remove(entry);
            batch.push(entry.let_go(State::Fired));
        }
        batch.is_full()
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
        let level = self.occupied.iter().position(|slots| *slots != 0)? as u32;
        let index = self.occupied[level as usize].trailing_zeros();
        let shift = level * GROUP;
        let start = ((self.elapsed >> shift >> GROUP << GROUP) | u64::from(index)) << shift;
        Some(((level << GROUP | index) as u16, start))
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
        let level = slot >> GROUP;
        self.occupied[level as usize % LEVELS] |= 1 << (slot % (1 << GROUP));
    }

    /// Empties `slot`, of which nothing but the slot itself is left.
    #[inline]
    fn vacate(&mut self, slot: u16) {
        self.slots[slot as usize % SLOTS] = Slot::EMPTY;
        let level = slot >> GROUP;
        self.occupied[level as usize % LEVELS] &= !(1 << (slot % (1 << GROUP)));
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

    /// Empties `slot`, which starts at `elapsed`: what is due goes to `batch`, the rest moves to
    /// where it stands relative to `elapsed`. Returns whether it came to the end before `batch`
    /// or `moves` ran out.
    fn drain(&mut self, slot: u16, batch: &mut Batch, moves: &mut usize) -> bool {
        loop {
            let tail = match self.slots[slot as usize].held() {
                Held::Nothing => return true,
                Held::One(entry) => {
                    if batch.is_full() || *moves == 0 {
                        return false;
                    }
                    self.vacate(slot);
                    // SAFETY: as in `take_cell`, of an entry that stood alone.
                    self.pass_on(unsafe { &*entry }, batch, moves);
                    return true;
                }
                Held::Ring(tail) => tail,
            };
            let head = self.pool.block(tail).next;
            let block = self.pool.block(head);
            let used = block.used;
            for cell in &block.cells[..used as usize] {
                prefetch(*cell);
            }
            for cell in 0..used {
                if batch.is_full() || *moves == 0 {
                    return false;
                }
                if let Some(entry) = self.take_cell(head, cell) {
                    self.pass_on(entry, batch, moves);
                }
            }
            self.unlink(head);
        }
    }

    /// Lets go of an entry that was taken out of the slot at `elapsed` if it is due, and otherwise
    /// puts it where it stands now.
    #[inline]
    fn pass_on(&mut self, entry: &Entry, batch: &mut Batch, moves: &mut usize) {
        // Read once: the owner may be moving it later meanwhile.
        let tick = tick_of(entry.deadline());
        if tick <= self.elapsed {
            self.len -= 1;
            batch.push(entry.let_go(State::Fired));
        } else {
            *moves -= 1;
            self.append(entry, tick);
        }
    }

    /// Takes the entry out of a cell and leaves a hole, and the block in its ring.
    #[inline]
    fn take_cell<'a>(&mut self, block: u32, cell: u8) -> Option<&'a Entry> {
        let block = self.pool.block_mut(block);
        let cell = &mut block.cells[cell as usize];
        // SAFETY: a cell that is not null holds the address of a registered entry. Its owner keeps
        // it there until the wheel lets go of it or `remove`, under the lock that the caller
        // holds, has cleared the cell (the contract of `Wheel::insert`). The borrow is used up to
        // `let_go` or `append` only.
        let entry = unsafe { cell.as_ref() }?;
        *cell = core::ptr::null();
        block.live -= 1;
        Some(entry)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
#[path = "tests/check.rs"]
mod check;
