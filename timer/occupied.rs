//! Which slots of a wheel hold anything: a bit for each. It must not know what a slot means.

/// Bits in the order of the slots.
pub(super) struct Occupied<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Occupied<WORDS> {
    pub(super) const NONE: Self = Self([0; WORDS]);

    #[inline]
    pub(super) fn insert(&mut self, slot: u16) {
        self.0[slot as usize / 64 % WORDS] |= 1 << (slot % 64);
    }

    #[inline]
    pub(super) fn remove(&mut self, slot: u16) {
        self.0[slot as usize / 64 % WORDS] &= !(1 << (slot % 64));
    }

    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn contains(&self, slot: u16) -> bool {
        self.0[slot as usize / 64] >> (slot % 64) & 1 != 0
    }

    #[inline]
    pub(super) fn first(&self) -> Option<u16> {
        let word = self.0.iter().position(|bits| *bits != 0)?;
        Some(word as u16 * 64 + self.0[word].trailing_zeros() as u16)
    }
}
