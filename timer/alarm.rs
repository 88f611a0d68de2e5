//! How a thread that sets a timer makes sure that the sleeping leader wakes for it. It owns the
//! leader's promise and the hook that interrupts its sleep; it knows neither wheels nor workers.
//!
//! One parked worker, the leader, sleeps in the driver until the earliest timer. Its promise is the
//! time at which it will wake by itself. A worker that sets a timer in its own wheel tells nobody:
//! it is running, and looks at its wheel before it parks. Everybody else must compare.
//!
//! **The leader, to sleep**: (L1) promise ← `u64::MAX`; (L2) fence; (L3) t ← the least
//! `next_expiry` of all wheels; (L4) promise ← t; (L5) sleep until t or a kick; (L6) promise ← 0.
//!
//! **Another thread, to set a timer due at d**: (S1) insert, which publishes a `next_expiry` of at
//! most d; (S2) fence; (S3) if promise > d, swap it for 0 and kick.
//!
//! *The timer is not missed.* Both fences are `SeqCst`, so one of them comes first.
//!
//! - S2 before L2: S1 is visible to L3, hence t ≤ d, and the leader wakes in time.
//! - L2 before S2: S3 reads what L1 wrote or something later. `u64::MAX` or a t > d: it kicks, and
//!   a kick that comes before L5 makes L5 return at once. A t ≤ d: the leader wakes in time. L6's
//!   0: the leader is awake, and its next L3 follows a fence that comes after S2. The 0 of another
//!   setter's S3: that setter is about to kick, and the leader's next look follows.
//!
//! Swapping the promise for 0 makes it one kick for each sleep, however many timers are set.

use crate::runtime::shim::atomic::{AtomicU64, fence};
use crate::runtime::shim::seeded;
use core::sync::atomic::Ordering;

/// Interrupts the sleep of the leader; called from any thread, also after the runtime has ended.
pub(crate) type Kick = Box<dyn Fn() + Send + Sync>;

pub(crate) struct Alarm {
    promise: AtomicU64,
    kick: Kick,
}

impl Alarm {
    pub(crate) fn new(kick: Kick) -> Self {
        Self {
            promise: AtomicU64::new(0),
            kick,
        }
    }

    /// L1 to L4. `earliest` loads the least `next_expiry`; the leader may sleep until what this
    /// returns, and must call [`wake`](Self::wake) when it is back.
    pub(crate) fn promise(&self, earliest: impl Fn() -> u64) -> u64 {
        if seeded("the_promise_comes_last") {
            let earliest = earliest();
            self.promise.store(earliest, Ordering::Relaxed);
            return earliest;
        }
        self.promise.store(u64::MAX, Ordering::Relaxed);
        if !seeded("no_fence_in_the_promise") {
            // ORDERING: SeqCst, with the fence in `tell`; the two cases are in the file's text.
            fence(Ordering::SeqCst);
        }
        let earliest = earliest();
        // A setter may have swapped the MAX for 0 since; to overwrite that is right, because its
        // kick comes after, and to keep it would be right too.
        self.promise.store(earliest, Ordering::Relaxed);
        earliest
    }

    /// L6: the leader is awake and will look again before it sleeps.
    pub(crate) fn wake(&self) {
        self.promise.store(0, Ordering::Relaxed);
    }

    /// S2 and S3: a timer due at `expiry` was set by a thread that will not look itself.
    pub(crate) fn tell(&self, expiry: u64) {
        if !seeded("no_fence_in_the_telling") {
            // ORDERING: SeqCst, with the fence in `promise`.
            fence(Ordering::SeqCst);
        }
        let mut promise = self.promise.load(Ordering::Relaxed);
        while promise > expiry {
            match self
                .promise
                .compare_exchange(promise, 0, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return self.kick(),
                Err(now) => promise = now,
            }
        }
    }

    /// Interrupts the leader's sleep, if it sleeps.
    pub(crate) fn kick(&self) {
        (self.kick)();
    }
}
