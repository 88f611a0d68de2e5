//! The books of a wheel, compared with each other. It sees the inside of the levels and changes
//! nothing.

use super::{Held, Levels};
use crate::timer::entry::Entry;
use crate::timer::slot::ALONE;

impl Levels {
    /// Panics unless slots, bits, blocks, places and the count agree.
    pub(in crate::timer) fn check(&self) {
        let (mut len, mut blocks) = (0, 0);
        for (slot, held) in (0..).zip(self.slots.iter()) {
            assert_ne!(self.occupied.contains(slot as u16), held.is_empty());
            // SAFETY: as in `take_cell`, here and below.
            let place = |entry: *const Entry| unsafe { &*entry }.place();
            let mut next = match held.held() {
                Held::Nothing => continue,
                Held::One(entry) => {
                    assert_eq!(place(entry), (slot as u32, ALONE));
                    len += 1;
                    continue;
                }
                Held::Ring(tail) => tail,
            };
            while next != u32::MAX {
                let (index, block) = (next, self.pool.block(next));
                assert_eq!(
                    (block.slot as usize, self.pool.block(block.next).prev),
                    (slot, index)
                );
                let cells = (0..block.used)
                    .zip(&block.cells)
                    .filter(|(_, entry)| !entry.is_null());
                for (cell, entry) in cells.clone() {
                    assert_eq!(place(*entry), (index, cell));
                }
                assert_eq!(cells.count(), block.live as usize);
                len += block.live as usize;
                blocks += 1;
                let end = matches!(held.held(), Held::Ring(tail) if tail == block.next);
                next = if end { u32::MAX } else { block.next };
            }
        }
        assert_eq!((len, blocks), (self.len, self.pool.live()));
    }
}
