//! What happened, counted by the thread it happened on.
//!
//! Each thread owns a shard of counters that only it writes, so that counting shares no cache line
//! between threads and takes no read-modify-write instruction. The main thread sums the shards
//! while the run goes on. A task carries no reference to any of this: the ledger is static, and
//! a task that sleeps is as small as a user's would be.
//!
//! It must not know the scenarios, nor what makes a count right or wrong.

pub(crate) mod record;
pub(crate) mod track;

use std::ops::Index;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// What is counted.
///
/// The order is the order in which [`Tally::read`] sums, and it matters while a run goes on: what
/// happens last to a task stands before what happens first, so that a sum never shows an end
/// without its beginning. In particular, `Dropped` equal to `Spawned` shows that no task was
/// alive at the moment `Dropped` was read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    /// 1 as soon as the scenario's first task has spawned all it will spawn.
    SpawnerDone,
    /// Futures of tasks that were dropped, finished or not.
    Dropped,
    /// Tasks that ran to their end.
    Completed,
    /// Tasks dropped before their end.
    Cancelled,
    /// Tasks that ended in a panic.
    Panicked,
    /// Join handles that gave a value, a cancellation, a panic; tasks with no join handle.
    JoinedValue,
    JoinedCancelled,
    JoinedPanicked,
    Detached,
    /// Results that were not what they had to be.
    Wrong,
    /// Sleeps that ended, that ended before their deadline, and tasks that began or ended twice.
    Woken,
    Early,
    Twice,
    /// Sleeps that began.
    Asleep,
    /// Connections closed by their client, answers that were right, bytes that servers sent back, requests, and
    /// connections accepted and opened.
    Closed,
    Answered,
    EchoedBytes,
    Asked,
    Accepted,
    Opened,
    /// Yields, blocking jobs by stage, and steps of the mixed scenario.
    Yields,
    JobsJoined,
    JobsRun,
    JobsSent,
    Steps,
    /// Nanoseconds of the spawn loop, in all and without its yields.
    LoopNanos,
    BurstNanos,
    /// The sum of the scrambled identities of tasks, added at spawn and subtracted at drop. It is
    /// zero if each task was dropped exactly once, and by accident once in 2^64 else.
    Identities,
    /// Tasks spawned; counted before the spawn.
    Spawned,
}

const COUNTS: usize = Count::Spawned as usize + 1;

/// The counters and the lateness of one thread. The alignment keeps two shards off one cache line,
/// and off the pair of lines that some processors fetch together.
#[repr(align(128))]
struct Shard {
    number: u64,
    counts: [AtomicU64; COUNTS],
    late: Mutex<Histogram<u64>>,
}

impl Shard {
    fn add(&self, count: Count, number: u64) {
        let counter = &self.counts[count as usize];
        let sum = counter.load(Ordering::Relaxed).wrapping_add(number);
        // ORDERING: Release, partner of the Acquire load in `Tally::read`: who reads this count
        // also reads every count that happened before it, on whichever thread.
        counter.store(sum, Ordering::Release);
    }
}

static SHARDS: Mutex<Vec<&'static Shard>> = Mutex::new(Vec::new());

thread_local! {
    static SHARD: &'static Shard = register();
}

/// Makes the shard of this thread. It is leaked, since the counts outlive the thread: a few
/// kilobytes for each thread of the process.
fn register() -> &'static Shard {
    let mut shards = SHARDS.lock().unwrap_or_else(PoisonError::into_inner);
    let shard = Box::leak(Box::new(Shard {
        number: shards.len() as u64,
        counts: [const { AtomicU64::new(0) }; COUNTS],
        late: Mutex::new(lateness()),
    }));
    shards.push(shard);
    shard
}

/// Adds to a count of this thread, wrapping around at 2^64.
pub(crate) fn add(count: Count, number: u64) {
    SHARD.with(|shard| shard.add(count, number));
}

/// Adds one to a count of this thread.
pub(crate) fn tick(count: Count) {
    add(count, 1);
}

/// Records how late something happened that was due at `deadline`, or that it was early.
pub(crate) fn late(deadline: Instant) {
    let now = Instant::now();
    match now.checked_duration_since(deadline) {
        Some(late) => record_lateness(late),
        None => tick(Count::Early),
    }
}

/// Records how long something took that began at `begin`.
#[cfg(unix)]
pub(crate) fn took(begin: Instant) {
    record_lateness(begin.elapsed());
}

fn record_lateness(late: Duration) {
    let micros = late.as_micros().try_into().unwrap_or(u64::MAX);
    SHARD.with(|shard| {
        // The lock is this thread's own; the main thread takes it for a moment per sample.
        let mut histogram = shard.late.lock().unwrap_or_else(PoisonError::into_inner);
        histogram.saturating_record(micros);
    });
}

/// An empty histogram of lateness in microseconds: up to ten minutes, to three digits.
pub(crate) fn lateness() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds are valid")
}

/// Takes what was recorded as late, or as a duration, since the last call out of every shard.
pub(crate) fn take_lateness() -> Histogram<u64> {
    let shards = SHARDS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let mut taken = lateness();
    for shard in shards {
        let mut late = shard.late.lock().unwrap_or_else(PoisonError::into_inner);
        if !late.is_empty() {
            // The swap is quick; adding and clearing happen on a histogram of our own.
            let filled = std::mem::replace(&mut *late, lateness());
            drop(late);
            taken
                .add(filled)
                .expect("all histograms of lateness have the same bounds");
        }
    }
    taken
}

/// The sums of all threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally([u64; COUNTS]);

impl Tally {
    /// Sums the shards, in the order of [`Count`].
    pub(crate) fn read() -> Tally {
        let mut tally = Tally::default();
        for (i, sum) in tally.0.iter_mut().enumerate() {
            // The list is read anew for each count: a thread may have been added meanwhile.
            let shards = SHARDS.lock().unwrap_or_else(PoisonError::into_inner);
            for shard in shards.iter() {
                // ORDERING: Acquire, partner of the Release store in `Shard::add`.
                *sum = sum.wrapping_add(shard.counts[i].load(Ordering::Acquire));
            }
        }
        tally
    }

    /// Tasks that are spawned and not dropped.
    pub(crate) fn alive(&self) -> u64 {
        self[Count::Spawned].saturating_sub(self[Count::Dropped])
    }

    /// Sleeps that have begun and not ended.
    pub(crate) fn sleeping(&self) -> u64 {
        self[Count::Asleep].saturating_sub(self[Count::Woken])
    }

    /// Connections that are opened and not closed.
    pub(crate) fn connected(&self) -> u64 {
        self[Count::Opened].saturating_sub(self[Count::Closed])
    }

    /// A tally of given counts, for the tests of what is made of it.
    #[cfg(test)]
    pub(crate) fn of(counts: &[(Count, u64)]) -> Tally {
        let mut tally = Tally::default();
        for (count, number) in counts {
            tally.0[*count as usize] = *number;
        }
        tally
    }

    /// The same tally with one count replaced.
    #[cfg(test)]
    pub(crate) fn with(mut self, count: Count, number: u64) -> Tally {
        self.0[count as usize] = number;
        self
    }
}

impl Index<Count> for Tally {
    type Output = u64;

    fn index(&self, count: Count) -> &u64 {
        &self.0[count as usize]
    }
}

static MAIN: OnceLock<Thread> = OnceLock::new();

/// Names this thread as the one that [`wake_main`] wakes.
pub(crate) fn i_am_main() {
    MAIN.get_or_init(std::thread::current);
}

/// Makes the main thread look at the counts now instead of at its next sample.
pub(crate) fn wake_main() {
    if let Some(main) = MAIN.get() {
        main.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up() {
        let before = Tally::read();
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..1000).for_each(|_| tick(Count::Steps))))
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(Tally::read()[Count::Steps] - before[Count::Steps], 4000);
    }

    #[test]
    fn identities_cancel_out() {
        std::thread::spawn(|| {
            add(Count::Identities, 7);
            add(Count::Identities, 7u64.wrapping_neg());
            assert_eq!(
                SHARD.with(|s| s.counts[Count::Identities as usize].load(Ordering::Relaxed)),
                0
            );
        })
        .join()
        .unwrap();
    }

    #[test]
    fn early_is_not_late() {
        let before = Tally::read()[Count::Early];
        late(Instant::now() + Duration::from_secs(60));
        assert_eq!(Tally::read()[Count::Early] - before, 1);
        late(Instant::now() - Duration::from_millis(5));
        assert!(take_lateness().max() >= 4_990);
    }
}
