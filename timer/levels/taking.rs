//! What leaves the wheel: entries that are due, or all of them; and, on the way, those that move
//! down a level. It must not know where an insertion puts an entry.

use super::{GROUP, Levels, NO_SLOT};
#[cfg(feature = "test-util")]
use crate::timer::batch::BATCH;
use crate::timer::batch::Batch;
use crate::timer::block::Block;
use crate::timer::entry::{Entry, State};
use crate::timer::prefetch::prefetch;
use crate::timer::slot::Held;
use crate::timer::tick::{tick_at, tick_of};

/// Entries moved down a level under one hold of the lock.
const MOVES: usize = 256;

/// Blocks of the tick that has begun that are looked through.
const GLANCE: usize = 8;

impl Levels {
    /// Takes up to a batch of entries that are due at `now`, in the order of their ticks, and
    /// returns whether more is left to do. Of the tick that has begun it takes those whose deadlines
    /// have passed, if they are not many.
    pub(in crate::timer) fn take_due(&mut self, now: u64, batch: &mut Batch) -> bool {
        let now_tick = tick_at(now);
        let mut moves = MOVES;
        loop {
            if self.draining == NO_SLOT {
                match self.first() {
                    Some((slot, start)) if start <= now_tick => {
                        self.elapsed = start;
                        self.draining = slot;
                    }
                    next => {
                        self.elapsed = self.elapsed.max(now_tick);
                        let begun = next
                            .filter(|(slot, start)| slot >> GROUP == 0 && *start == now_tick + 1);
                        if let Some((slot, _)) = begun {
                            self.take_begun(slot, now, batch);
                        }
                        return batch.is_full();
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
    pub(in crate::timer) fn take_any(&mut self, batch: &mut Batch) -> bool {
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

    /// Takes up to a batch of entries whose deadlines have passed at `now` although their tick has
    /// not come, and returns whether more may be left. Nothing must be due by its tick.
    #[cfg(feature = "test-util")]
    pub(in crate::timer) fn take_within_tick(&mut self, now: u64, batch: &mut Batch) -> bool {
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
            self.prefetch_entries(head);
            let used = self.pool.block(head).used;
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

    /// Takes those entries of a slot at the lowest level whose deadlines have passed, as far as
    /// `batch` and a look at `GLANCE` blocks go: the others are due when the tick is over.
    fn take_begun(&mut self, slot: u16, now: u64, batch: &mut Batch) {
        let tail = match self.slots[slot as usize].held() {
            Held::Nothing => return,
            Held::One(entry) => {
                // SAFETY: as in `take_cell`, of an entry that stands alone.
                let entry = unsafe { &*entry };
                if entry.deadline() <= now && !batch.is_full() {
                    self.vacate(slot);
                    self.len -= 1;
                    batch.push(entry.let_go(State::Fired));
                }
                return;
            }
            Held::Ring(tail) => tail,
        };
        let mut index = self.pool.block(tail).next;
        for _ in 0..GLANCE {
            let &Block { next, used, .. } = self.pool.block(index);
            self.prefetch_entries(index);
            for cell in 0..used {
                // SAFETY: as in `take_cell`.
                let entry = unsafe { self.pool.block(index).cells[cell as usize].as_ref() };
                if entry.is_none_or(|entry| entry.deadline() > now) {
                    continue;
                }
                if batch.is_full() {
                    return;
                }
                if let Some(entry) = self.take_cell(index, cell) {
                    self.len -= 1;
                    batch.push(entry.let_go(State::Fired));
                }
            }
            if self.pool.block(index).live == 0 {
                self.unlink(index);
            }
            if index == tail {
                return;
            }
            index = next;
        }
    }

    #[inline]
    fn prefetch_entries(&self, block: u32) {
        let block = self.pool.block(block);
        self.pool.prefetch(block.next);
        for cell in &block.cells[..block.used as usize] {
            prefetch(*cell);
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
