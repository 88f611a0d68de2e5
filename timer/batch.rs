//! Wakers on their way from under the lock to those who wake them. It owns them meanwhile, and knows
//! nothing of wheels.

use crate::runtime::task::waker::ThinWaker;
use core::mem::MaybeUninit;

/// Wakers taken under one hold of the lock.
pub(super) const BATCH: usize = 64;

/// Wakers on the stack, between the wheel and whoever wakes them after the lock is released.
pub(super) struct Batch {
    wakers: [MaybeUninit<ThinWaker>; BATCH],
    next: usize,
    len: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            wakers: [const { MaybeUninit::uninit() }; BATCH],
            next: 0,
            len: 0,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == BATCH
    }

    /// Wakers that were put in since the batch was last emptied.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, waker: ThinWaker) {
        self.wakers[self.len].write(waker);
        self.len += 1;
    }

    /// Takes the oldest waker; the batch is empty, and can be filled again, after the last.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<ThinWaker> {
        if self.next == self.len {
            self.next = 0;
            self.len = 0;
            return None;
        }
        self.next += 1;
        // SAFETY: cells in `next..len` are initialised, and raising `next` gives this one away.
        Some(unsafe { self.wakers[self.next - 1].assume_init_read() })
    }
}

impl Drop for Batch {
    /// Wakes what is left: a waker that panics must not cost the sleepers behind it their wake.
    fn drop(&mut self) {
        while let Some(waker) = self.pop() {
            waker.wake();
        }
    }
}
