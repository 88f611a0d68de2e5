//! One word for every 64th task, outside the tasks: when it must wake, and how late it did. It must
//! not know the runtime.
//!
//! The words are allocated and written before the memory of the tasks is measured, so they do not
//! weigh in it, and a task carries no more than its number. A word for each task would be two cache
//! misses and two readings of the clock, which is half of what a runtime needs for a sleep: the CPU
//! time would be that of this file.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use filch_bench::rng::{below, mix};

/// The word of a task that has not been polled.
const UNTOUCHED: u64 = u64::MAX;
/// The word of a task that woke before its deadline.
const EARLY: u64 = u64::MAX - 1;
/// Set in the word of a task that woke; the rest is the lateness in nanoseconds. Without it, the
/// word is the deadline in nanoseconds.
const WOKEN: u64 = 1 << 63;

/// Every so many tasks one is marked. 15,625 of a million are enough for a 99th percentile.
const EVERY: u32 = 64;

/// What fixes the durations.
const SEED: u64 = 0x6a7e;

struct Marks {
    start: Instant,
    shortest: Duration,
    /// How much longer than the shortest the longest sleep is, in nanoseconds.
    span: u64,
    tasks: u64,
    words: Box<[AtomicU64]>,
}

impl Marks {
    fn word(&self, index: u32) -> Option<&AtomicU64> {
        (index % EVERY == 0).then(|| &self.words[(index / EVERY) as usize])
    }
}

static MARKS: OnceLock<Marks> = OnceLock::new();

/// Makes the words for tasks that sleep for at least `shortest` and at most `longest`.
pub(super) fn prepare(tasks: u64, shortest: Duration, longest: Duration) {
    MARKS.get_or_init(|| Marks {
        start: Instant::now(),
        shortest,
        span: longest.saturating_sub(shortest).as_nanos() as u64,
        tasks,
        words: (0..tasks.div_ceil(EVERY.into()))
            .map(|_| AtomicU64::new(UNTOUCHED))
            .collect(),
    });
}

fn marks() -> &'static Marks {
    MARKS
        .get()
        .expect("the words are prepared before the first task is spawned")
}

/// How many tasks there are.
pub(super) fn count() -> u64 {
    marks().tasks
}

/// Notes that a task begins to sleep, and returns for how long it has to.
pub(super) fn begin(index: u32) -> Duration {
    let marks = marks();
    let bits = mix(SEED.wrapping_add(u64::from(index)));
    let duration = marks.shortest + Duration::from_nanos(below(bits, marks.span + 1));
    if let Some(word) = marks.word(index) {
        let deadline = (marks.start.elapsed() + duration).as_nanos() as u64;
        word.store(deadline, Relaxed);
    }
    duration
}

/// Notes that a task woke.
pub(super) fn end(index: u32) {
    let marks = marks();
    let Some(word) = marks.word(index) else {
        return;
    };
    let now = marks.start.elapsed().as_nanos() as u64;
    let late = now.checked_sub(word.load(Relaxed));
    word.store(late.map_or(EARLY, |late| WOKEN | late), Relaxed);
}

/// Whether every marked task is asleep, or was.
pub(super) fn all_asleep() -> bool {
    let words = &marks().words;
    words.iter().all(|word| word.load(Relaxed) != UNTOUCHED)
}

/// The lateness of the marked tasks that woke, in nanoseconds, sorted; and how many woke early.
pub(super) fn lateness() -> (Vec<u64>, u64) {
    let (mut late, mut early) = (Vec::new(), 0);
    for word in &marks().words {
        match word.load(Relaxed) {
            EARLY => early += 1,
            UNTOUCHED => {}
            word if word & WOKEN != 0 => late.push(word ^ WOKEN),
            _ => {}
        }
    }
    late.sort_unstable();
    (late, early)
}

/// The nearest-rank percentile of sorted numbers; 0 of none.
pub(super) fn percentile(sorted: &[u64], percent: u64) -> u64 {
    let rank = (sorted.len() as u64 * percent).div_ceil(100).max(1) as usize;
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The words are made once per process, so one test tells their whole story.
    #[test]
    fn a_word_tells_the_fate_of_its_task() {
        prepare(
            3 * u64::from(EVERY),
            Duration::ZERO,
            Duration::from_nanos(1),
        );
        assert_eq!((count(), marks().words.len()), (192, 3));
        assert!(begin(1) <= Duration::from_nanos(1));
        end(1);
        assert_eq!(lateness(), (Vec::new(), 0));
        begin(0);
        begin(EVERY);
        assert!(!all_asleep());
        begin(2 * EVERY);
        assert!(all_asleep());
        while marks().start.elapsed().as_nanos() as u64 <= marks().words[0].load(Relaxed) {}
        end(0);
        let far = marks().start.elapsed() + Duration::from_secs(60);
        marks().words[1].store(far.as_nanos() as u64, Relaxed);
        end(EVERY);
        let (late, early) = lateness();
        assert_eq!((late.len(), early), (1, 1));
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let numbers: Vec<u64> = (1..=200).collect();
        assert_eq!(percentile(&numbers, 50), 100);
        assert_eq!(percentile(&numbers, 99), 198);
        assert_eq!(percentile(&numbers, 100), 200);
        assert_eq!(percentile(&[7], 50), 7);
        assert_eq!(percentile(&[], 99), 0);
    }
}
