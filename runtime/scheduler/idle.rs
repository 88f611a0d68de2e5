//! Who sleeps and who searches: the protocol by which no wake-up is lost and few are made.
//! It owns one bit per worker and one counter; it must not know how a worker sleeps or what work is.
//!
//! # The protocol
//!
//! Somebody who makes work for others does
//!
//! - *Push*: put the work where a searcher looks;
//! - *PushFence*: a sequentially consistent fence;
//! - *Look*: [`Idle::claim_any`] (or `claim`): if nobody searches and somebody sleeps, clear that worker's bit. Whoever
//!   clears it also counts the worker as searching, and un-parks it.
//!
//! A worker that finds nothing does
//!
//! - *Announce*: [`Idle::announce`]: set the own bit, and stop counting as searching;
//! - *SleepFence*: a sequentially consistent fence;
//! - *Recheck*: look at everything a searcher would look at; if there is something, [`Idle::retract`] and search;
//! - *Park*; after it, `retract`: if the bit was gone already, somebody claimed the worker, which now searches.
//!
//! # Why no work is left behind
//!
//! Take one push and one worker that goes to sleep. Either PushFence comes first: then Recheck sees the pushed work.
//! Or SleepFence comes first: then Look sees the bit that Announce set, and that this worker searches no more. Look
//! may still find `searching > 0` because of another worker; that one has not made its Announce before PushFence, so
//! its own Recheck is after it and sees the work.
//!
//! A searcher that finds work stops counting as searching, and if it was the last one it makes a Look itself
//! ([`Idle::stop_searching`]): so at most one un-park is in flight, and it is passed on as long as there is work.
//!
//! A push by a worker into its own queue skips PushFence (the two loads of Look may then miss an Announce that happens
//! in the same nanoseconds). Nothing is lost: the pusher is awake, will come to the work itself, and looks again at its
//! next maintenance.

use crate::runtime::shim::atomic::{AtomicU64, fence};
use crate::runtime::shim::seeded;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

const BITS: usize = u64::BITS as usize;
const SEARCHER: u64 = 1;
const SLEEPER: u64 = 1 << 32;

/// See the module's documentation.
pub(crate) struct Idle {
    /// A set bit: the worker has announced its sleep, and nobody has claimed it since.
    sleeping: Box<[AtomicU64]>,
    /// In the low half, the workers that look for work or were claimed to do so; in the high half, how many bits are
    /// set, give or take those that are just changing: a hint for the hot paths, so that they read one word.
    counts: AtomicU64,
    workers: usize,
}

enum Tried {
    Claimed(Claimed),
    /// The worker does not sleep.
    Awake,
    /// Somebody else claimed it, or it woke, in this very moment.
    Raced,
}

/// A worker was claimed, counts as searching already, and must be un-parked.
#[must_use = "a claimed worker that is not un-parked sleeps for ever"]
#[derive(Debug)]
pub(crate) struct Claimed(pub(crate) usize);

impl Idle {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            sleeping: (0..workers.div_ceil(BITS))
                .map(|_| AtomicU64::new(0))
                .collect(),
            counts: AtomicU64::new(0),
            workers,
        }
    }

    /// Announce and SleepFence. The caller makes its Recheck next.
    pub(crate) fn announce(&self, worker: usize, searching: bool) {
        // ORDERING: Release pairs with the Acquire of `claim`, so that the claimer un-parks a worker whose parker is
        // in order; the fence below orders Announce before Recheck.
        self.sleeping[worker / BITS].fetch_or(1 << (worker % BITS), Release);
        let searcher = if searching { SEARCHER } else { 0 };
        self.counts.fetch_add(SLEEPER - searcher, Release);
        if !seeded("no_sleep_fence") {
            // ORDERING: SleepFence; pairs with PushFence.
            fence(SeqCst);
        }
    }

    /// PushFence.
    pub(crate) fn push_fence(&self) {
        if !seeded("no_push_fence") {
            // ORDERING: pairs with SleepFence in `announce`.
            fence(SeqCst);
        }
    }

    /// Takes the announcement back; false if the worker was claimed meanwhile, and hence counts as searching.
    #[must_use]
    pub(crate) fn retract(&self, worker: usize) -> bool {
        let bit = 1 << (worker % BITS);
        // ORDERING: Acquire pairs with the Release of `claim`.
        let was_set = self.sleeping[worker / BITS].fetch_and(!bit, Acquire) & bit != 0;
        if was_set {
            self.counts.fetch_sub(SLEEPER, Relaxed);
        }
        was_set
    }

    /// Whether a Look would claim somebody: two loads, for the hot paths.
    #[inline]
    pub(crate) fn wants_a_look(&self) -> bool {
        // The word is zero when all are busy.
        let counts = self.counts.load(Relaxed);
        counts != 0 && counts % SLEEPER == 0
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn everyone_sleeps(&self) -> bool {
        self.sleeping
            .iter()
            .map(|word| word.load(Relaxed).count_ones() as usize)
            .sum::<usize>()
            == self.workers
    }

    /// Look: claims the sleeper with the lowest number, unless somebody searches already.
    pub(crate) fn claim_any(&self) -> Option<Claimed> {
        'look: loop {
            if self.searching() != 0 {
                return None;
            }
            for (at, word) in self.sleeping.iter().enumerate() {
                let seen = word.load(Relaxed);
                if seen != 0 {
                    match self.try_claim(at * BITS + seen.trailing_zeros() as usize) {
                        Tried::Claimed(claimed) => return Some(claimed),
                        Tried::Awake | Tried::Raced => continue 'look,
                    }
                }
            }
            return None;
        }
    }

    /// Claims this worker if it sleeps; after a race for it, perhaps another one.
    pub(crate) fn claim(&self, worker: usize) -> Option<Claimed> {
        match self.try_claim(worker) {
            Tried::Claimed(claimed) => Some(claimed),
            Tried::Awake => None,
            Tried::Raced if seeded("a_raced_claim_gives_up") => None,
            Tried::Raced => self.claim_any(),
        }
    }

    fn try_claim(&self, worker: usize) -> Tried {
        let (word, bit) = (&self.sleeping[worker / BITS], 1 << (worker % BITS));
        if word.load(Relaxed) & bit == 0 {
            return Tried::Awake;
        }
        // Counted first: between the two steps nobody may think that nobody searches.
        self.counts.fetch_add(SEARCHER, Relaxed);
        // ORDERING: Acquire pairs with `announce`, Release with `retract`.
        if word.fetch_and(!bit, AcqRel) & bit != 0 {
            self.counts.fetch_sub(SLEEPER, Relaxed);
            return Tried::Claimed(Claimed(worker));
        }
        // Somebody else was faster. While this thread counted as a searcher, another pusher may have left its Look
        // undone on its account; the caller makes it up.
        self.counts.fetch_sub(SEARCHER, Relaxed);
        if !seeded("no_fence_after_a_race") {
            // ORDERING: that pusher's PushFence came before this fence, as its Look did not see the subtraction above;
            // so the Look that follows sees every announcement that was made before that PushFence.
            fence(SeqCst);
        }
        Tried::Raced
    }

    /// Whether the worker may search: not more than half of them do.
    #[must_use]
    pub(crate) fn start_searching(&self) -> bool {
        if self.workers < 2 || 2 * self.searching() >= self.workers {
            return false;
        }
        self.counts.fetch_add(SEARCHER, Relaxed);
        true
    }

    /// A worker that sleeps no more goes on to search, whatever the limit says.
    pub(crate) fn search_on(&self) {
        self.counts.fetch_add(SEARCHER, Relaxed);
    }

    fn searching(&self) -> usize {
        (self.counts.load(Relaxed) % SLEEPER) as usize
    }

    /// A searcher found work; true if it was the last one. Then, if there is more work, it has to make a Look.
    #[must_use]
    pub(crate) fn stop_searching(&self) -> bool {
        let last = self.counts.fetch_sub(SEARCHER, Relaxed) % SLEEPER == SEARCHER;
        if last && !seeded("no_fence_after_a_search") {
            // ORDERING: pairs with PushFence: whoever left its Look undone because of this searcher has pushed before.
            fence(SeqCst);
        }
        last
    }
}
