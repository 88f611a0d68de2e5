//! Wakers of one word.
//! STUB in this branch: the real one stores a filch task pointer unboxed; the interface below is fixed.

use core::task::Waker;

/// An owned waker in one word.
pub(crate) struct ThinWaker(usize);

#[allow(dead_code)]
impl ThinWaker {
    /// Clones `waker` into one word.
    pub(crate) fn new(waker: &Waker) -> Self {
        Self(Box::into_raw(Box::new(waker.clone())) as usize)
    }
    /// Whether waking `self` wakes what `waker` wakes.
    pub(crate) fn will_wake(&self, waker: &Waker) -> bool {
        // SAFETY: the word came from `Box::into_raw` and is owned by `self`.
        unsafe { (*(self.0 as *const Waker)).will_wake(waker) }
    }
    /// Wakes and consumes.
    pub(crate) fn wake(self) {
        let word = self.into_raw();
        // SAFETY: the word came from `Box::into_raw`; `into_raw` gave up ownership.
        unsafe { Box::from_raw(word as *mut Waker) }.wake()
    }
    /// Gives up ownership; never zero.
    pub(crate) fn into_raw(self) -> usize {
        core::mem::ManuallyDrop::new(self).0
    }
    /// # Safety
    /// `raw` came from `into_raw` and is used once.
    pub(crate) unsafe fn from_raw(raw: usize) -> Self {
        Self(raw)
    }
}

impl Drop for ThinWaker {
    fn drop(&mut self) {
        // SAFETY: the word came from `Box::into_raw` and is owned by `self`.
        drop(unsafe { Box::from_raw(self.0 as *mut Waker) });
    }
}
