//! Growth beyond the number of cores: the watcher, which adds threads when those that are awake are stuck. It must not
//! touch the queue itself.
//!
//! A submission calls the watcher when jobs wait and as many threads are awake as there are cores. From then on it looks
//! at the count of jobs taken every 100 µs, or less often while it sees that count move. No job taken for 100 µs is
//! suspected of being a stall; then the busy threads are sampled, because on a loaded machine a thread that has lost
//! its core for some milliseconds looks the same from here:
//!
//! - none of them is runnable: they are blocked. 2, then 4, 8, ... threads are added, one lot as soon as the lot before
//!   is stuck as well.
//! - one of them is runnable and has used 10 to 20 ms of processor time since the stall began: it computes. More
//!   threads would not compute faster, but the jobs behind it may be of another kind: one thread is added.
//! - one of them is runnable and has used less: it has lost its core, or the job is near its end. Nothing is done for
//!   100 ms, then one thread is added whatever the reason, because the job may be spinning for a later one.
//! - the system does not tell: they are taken for blocked.
//!
//! While the system refuses threads, one is asked for every 10 ms.
//!
//! So a chain of jobs each of which waits for a later one goes through, up to the maximum of threads, however the jobs
//! wait. The watcher sleeps when the queue is empty, when a submission would wake or create a thread anyway, and when
//! no thread could be added; it ends after one keep-alive of sleep.

use super::{
    Job,
    handover::Handover,
    roster::Id,
    runnable::{self, Sample},
    shared::Shared,
};
use crate::runtime::shim::{self, Arc, Instant, MutexGuard, seeded};
use std::time::Duration;

/// No job taken for this long is suspected of being a stall.
const STALL: Duration = Duration::from_micros(100);
/// Longest time between two looks while jobs are being taken.
const LONGEST_WHILE_MOVING: Duration = Duration::from_micros(400);
/// Longest time between two samples of a stall that looks like the loss of a core.
const LONGEST_WHILE_RUNNABLE: Duration = Duration::from_millis(1);
/// A stall of this length is answered whatever it looks like.
const PATIENCE: Duration = Duration::from_millis(100);
/// Time until the next look while the system refuses threads.
const AFTER_FAILURE: Duration = Duration::from_millis(10);
/// Clock ticks of one thread that make it a computing one; the first of them may have been almost over.
const COMPUTING_TICKS: u64 = 2;
/// Threads that are sampled at most, the latest takers first: where few are awake these are all of them.
const SAMPLED: usize = 16;
/// Threads that are added by the first answer to a stall.
const FIRST_LOT: usize = 2;
/// After so many looks in a row that found jobs taken, the next stall starts from the first lot again.
const CALM_LOOKS: u32 = 8;

/// What a suspected stall looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// Nobody who took a job is runnable, or the system does not tell.
    Blocked,
    /// Somebody has been computing for long.
    Computing,
    /// Somebody is runnable, or has been woken and has not looked at the queue yet.
    Pending,
}

/// The watcher's memory of what it has seen.
struct Growth {
    /// The count of jobs taken at the latest look.
    seen: u64,
    /// When that count was first seen.
    since: Instant,
    /// Time until the next look.
    period: Duration,
    /// Looks in a row at which jobs had been taken.
    moving: u32,
    /// Threads to add at the next stall.
    lot: usize,
    /// The first samples of the current stall.
    baseline: Vec<Sample>,
}

impl Growth {
    fn new(takes: u64, now: Instant) -> Self {
        Self {
            seen: takes,
            since: now,
            period: STALL,
            moving: 0,
            lot: FIRST_LOT,
            baseline: Vec::new(),
        }
    }

    /// A look at the count of jobs taken: whether a stall is to be suspected.
    fn suspects(&mut self, takes: u64, now: Instant) -> bool {
        if takes == self.seen {
            return now.saturating_duration_since(self.since) >= STALL;
        }
        self.seen = takes;
        self.since = now;
        self.baseline.clear();
        self.moving += 1;
        if self.moving >= CALM_LOOKS {
            self.lot = FIRST_LOT;
        }
        // A first move may be that of the threads just added, which may be stuck again at once.
        self.period = if self.moving > 1 {
            (self.period * 2).min(LONGEST_WHILE_MOVING)
        } else {
            STALL
        };
        false
    }

    /// What the samples say of the stall.
    fn evidence(&mut self, samples: Vec<Sample>) -> Evidence {
        if !samples.iter().any(|sample| sample.runnable) {
            return Evidence::Blocked;
        }
        if self.baseline.is_empty() {
            self.baseline = samples;
            return Evidence::Pending;
        }
        let computes = |sample: &Sample| {
            let first = self.baseline.iter().find(|first| first.tid == sample.tid);
            first.is_some_and(|first| sample.ticks >= first.ticks + COMPUTING_TICKS)
        };
        if samples.iter().any(computes) {
            Evidence::Computing
        } else {
            Evidence::Pending
        }
    }

    /// How many threads to add, given what the stall looks like.
    fn answer(&mut self, evidence: Evidence, now: Instant) -> usize {
        let count = match evidence {
            Evidence::Blocked => {
                let lot = self.lot;
                self.lot = lot.saturating_mul(2);
                lot
            }
            Evidence::Computing => 1,
            Evidence::Pending if now.saturating_duration_since(self.since) >= PATIENCE => 1,
            Evidence::Pending => {
                self.period = (self.period * 2).min(LONGEST_WHILE_RUNNABLE);
                return 0;
            }
        };
        self.since = now;
        self.period = STALL;
        self.moving = 0;
        self.baseline.clear();
        count
    }
}

/// The body of the watcher, in seat `id`.
pub(super) fn watch<J: Job>(shared: &Arc<Shared<J>>, id: Id) {
    let mut books = shared.books.lock();
    let mut growth = Growth::new(books.takes(), Instant::now());
    while !books.is_closed() {
        if !books.needs_watching() {
            if !sleep(shared, &mut books) {
                break;
            }
            growth = Growth::new(books.takes(), Instant::now());
            continue;
        }
        shim::wait_for(&shared.watch_bell, &mut books, growth.period);
        if !books.needs_watching() || !growth.suspects(books.takes(), Instant::now()) {
            continue;
        }
        let evidence = if books.is_waking() {
            Evidence::Pending
        } else {
            let takers = books.latest_takers(SAMPLED);
            drop(books);
            let samples = runnable::sample(&takers);
            books = shared.books.lock();
            // While the samples were taken somebody may have come back.
            if !books.needs_watching() || books.takes() != growth.seen {
                continue;
            }
            growth.evidence(samples)
        };
        let count = growth.answer(evidence, Instant::now());
        let errands = books.grow(if seeded("the_watcher_adds_nobody") {
            0
        } else {
            count
        });
        drop(books);
        for errand in errands {
            shared.carry_out(errand);
        }
        books = shared.books.lock();
        if books.is_short() {
            growth.period = AFTER_FAILURE;
        }
    }
    books.watcher_gone();
    drop(books);
    shared.depart(id);
}

/// Waits to be called; `false` if that does not happen within one keep-alive.
fn sleep<J: Job>(shared: &Shared<J>, books: &mut MutexGuard<'_, Handover<J>>) -> bool {
    books.watcher_sleeps();
    while books.is_watcher_asleep() && !books.is_closed() {
        if shared.config.keep_alive == Duration::MAX {
            shim::wait(&shared.watch_bell, books);
        } else if shim::wait_for(&shared.watch_bell, books, shared.config.keep_alive) {
            return !books.is_watcher_asleep();
        }
    }
    true
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn sample(tid: u32, runnable: bool, ticks: u64) -> Sample {
        Sample {
            tid,
            runnable,
            ticks,
        }
    }

    #[test]
    fn only_a_count_that_stands_still_is_suspect() {
        let start = Instant::now();
        let mut growth = Growth::new(7, start);
        assert!(!growth.suspects(7, start + STALL / 2));
        assert!(growth.suspects(7, start + STALL));
        assert!(!growth.suspects(8, start + STALL * 2));
        assert!(!growth.suspects(8, start + STALL * 5 / 2));
        assert!(growth.suspects(8, start + STALL * 3));
    }

    #[test]
    fn looks_grow_rare_while_jobs_are_taken_and_frequent_after_growth() {
        let start = Instant::now();
        let mut growth = Growth::new(0, start);
        for takes in 1..10 {
            assert!(!growth.suspects(takes, start));
        }
        assert_eq!(growth.period, LONGEST_WHILE_MOVING);
        assert_eq!(growth.answer(Evidence::Blocked, start), FIRST_LOT);
        assert_eq!(growth.period, STALL);
    }

    #[test]
    fn blocked_threads_get_lots_that_double_until_calm_returns() {
        let start = Instant::now();
        let mut growth = Growth::new(0, start);
        let lots: Vec<_> = (0..4)
            .map(|takes| {
                growth.suspects(takes, start);
                growth.answer(Evidence::Blocked, start)
            })
            .collect();
        assert_eq!(lots, [2, 4, 8, 16]);
        for takes in 10..10 + u64::from(CALM_LOOKS) {
            growth.suspects(takes, start);
        }
        assert_eq!(growth.answer(Evidence::Blocked, start), 2);
    }

    #[test]
    fn one_runnable_thread_speaks_against_a_stall_unless_it_computes() {
        let mut growth = Growth::new(0, Instant::now());
        assert_eq!(growth.evidence(vec![]), Evidence::Blocked);
        assert_eq!(
            growth.evidence(vec![sample(1, false, 3)]),
            Evidence::Blocked
        );
        let first = vec![sample(1, false, 3), sample(2, true, 5)];
        assert_eq!(growth.evidence(first), Evidence::Pending);
        // One tick may have been almost over at the first sample.
        assert_eq!(growth.evidence(vec![sample(2, true, 6)]), Evidence::Pending);
        assert_eq!(
            growth.evidence(vec![sample(3, true, 99)]),
            Evidence::Pending
        );
        assert_eq!(
            growth.evidence(vec![sample(2, true, 7)]),
            Evidence::Computing
        );
    }

    #[test]
    fn patience_ends() {
        let start = Instant::now();
        let mut growth = Growth::new(0, start);
        assert_eq!(growth.answer(Evidence::Pending, start + PATIENCE / 2), 0);
        assert_eq!(growth.answer(Evidence::Pending, start + PATIENCE), 1);
        assert_eq!(growth.answer(Evidence::Pending, start + PATIENCE), 0);
        assert_eq!(growth.answer(Evidence::Computing, start + PATIENCE), 1);
    }
}
