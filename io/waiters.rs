//! The tasks that wait for one thing, as their wakers, on the way in and out of a lock. It owns the wakers meanwhile, and
//! must not know what they wait for.

use core::task::Waker;
use std::collections::VecDeque;

/// A task that comes when so many wait takes the place of the oldest, which is woken so that it comes again. A future
/// that is dropped leaves its waker behind, so without a bound there would be one for each that ever waited.
const MOST: usize = 16;

/// A queue of wakers, of which one needs no allocation.
#[derive(Default)]
pub(super) struct Waiters {
    first: Option<Waker>,
    more: VecDeque<Waker>,
}

impl Waiters {
    /// Whether a waker that wakes the same task is there already.
    pub(super) fn has(&self, waker: &Waker) -> bool {
        self.first
            .iter()
            .chain(&self.more)
            .any(|other| other.will_wake(waker))
    }

    /// Adds a waker. The one that comes back must be woken when the lock is released.
    #[must_use]
    pub(super) fn add(&mut self, waker: Waker) -> Option<Waker> {
        if self.first.is_none() {
            self.first = Some(waker);
            return None;
        }
        self.more.push_back(waker);
        if self.more.len() < MOST {
            return None;
        }
        core::mem::replace(&mut self.first, self.more.pop_front())
    }

    /// Takes all of them, to be woken or dropped when the lock is released.
    #[must_use]
    pub(super) fn take(&mut self) -> Self {
        core::mem::take(self)
    }

    /// Wakes them, the oldest first. A waker that panics does not cost the others their wake.
    pub(super) fn wake(self) {
        struct Rest(Waiters);

        impl Rest {
            fn wake(&mut self) {
                if let Some(waker) = self.0.first.take() {
                    waker.wake();
                }
                while let Some(waker) = self.0.more.pop_front() {
                    waker.wake();
                }
            }
        }

        impl Drop for Rest {
            fn drop(&mut self) {
                self.wake();
            }
        }

        Rest(self).wake();
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::Wake;

    #[derive(Default)]
    struct Counted {
        wakes: AtomicUsize,
        panics: bool,
    }

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.wakes.fetch_add(1, SeqCst);
            assert!(!self.panics, "as the test wants it");
        }
    }

    #[test]
    fn those_that_are_too_many_are_woken_oldest_first() {
        let counted: Vec<Arc<Counted>> = (0..MOST + 5).map(|_| Arc::default()).collect();
        let mut waiters = Waiters::default();
        for (at, task) in counted.iter().enumerate() {
            let waker: Waker = task.clone().into();
            assert!(!waiters.has(&waker));
            let displaced = waiters.add(waker);
            assert_eq!(displaced.is_some(), at >= MOST);
            if let Some(displaced) = displaced {
                displaced.wake();
            }
            assert!(waiters.has(&task.clone().into()));
        }
        for (at, task) in counted.iter().enumerate() {
            assert_eq!(task.wakes.load(SeqCst), usize::from(at < 5));
        }
        waiters.take().wake();
        for task in &counted {
            assert_eq!(task.wakes.load(SeqCst), 1);
            assert_eq!(Arc::strong_count(task), 1);
        }
        assert!(!waiters.has(&counted[0].clone().into()));
    }

    #[test]
    fn waker_that_panics_costs_the_others_nothing() {
        let bad = Arc::new(Counted {
            panics: true,
            ..Counted::default()
        });
        let good: [Arc<Counted>; 2] = Default::default();
        let mut waiters = Waiters::default();
        for task in [&good[0], &bad, &good[1]] {
            assert!(waiters.add(task.clone().into()).is_none());
        }
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| waiters.wake())).unwrap_err();
        assert_eq!(good.map(|task| task.wakes.load(SeqCst)), [1, 1]);
        assert_eq!(bad.wakes.load(SeqCst), 1);
    }
}
