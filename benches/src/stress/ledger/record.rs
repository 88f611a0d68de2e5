//! One word per task, outside the tasks: when it must wake, and whether it has; or how often it
//! ran. It must not know who counts what as a fault.
//!
//! The words are allocated and written before the memory of the tasks is measured, so they do not
//! weigh in it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Count, late, tick};

/// The word of a task that has not been polled.
const UNTOUCHED: u64 = u64::MAX;
/// The word of a task that has slept and woken.
const WOKEN: u64 = u64::MAX - 1;

struct Records {
    start: Instant,
    words: Box<[AtomicU64]>,
}

static RECORDS: OnceLock<Records> = OnceLock::new();

/// Makes the words for a number of tasks and writes each, so that their memory is resident.
pub(crate) fn prepare(tasks: u32) {
    RECORDS.get_or_init(|| Records {
        start: Instant::now(),
        words: (0..tasks).map(|_| AtomicU64::new(UNTOUCHED)).collect(),
    });
}

fn records() -> &'static Records {
    RECORDS
        .get()
        .expect("the records are prepared before the first task is spawned")
}

fn word(index: u32) -> &'static AtomicU64 {
    &records().words[index as usize]
}

/// Notes that a task begins to sleep for a duration, counted from now.
pub(crate) fn asleep(index: u32, duration: Duration) {
    let deadline = records().start.elapsed() + duration;
    let nanos = deadline.as_nanos().try_into().unwrap_or(WOKEN - 1);
    if word(index).swap(nanos, Ordering::Relaxed) != UNTOUCHED {
        tick(Count::Twice);
    }
    tick(Count::Asleep);
}

/// Notes that a task woke, and how late.
pub(crate) fn woken(index: u32) {
    match word(index).swap(WOKEN, Ordering::Relaxed) {
        UNTOUCHED | WOKEN => tick(Count::Twice),
        nanos => late(records().start + Duration::from_nanos(nanos)),
    }
    tick(Count::Woken);
}

/// Notes a number for a task.
pub(crate) fn note(index: u32, number: u64) {
    word(index).store(number, Ordering::Relaxed);
}

/// How many of the words show no waking.
pub(crate) fn never_woken() -> u64 {
    let words = records().words.iter();
    words
        .filter(|word| word.load(Ordering::Relaxed) != WOKEN)
        .count() as u64
}

/// The least and the greatest number noted for a task, and how many tasks noted nothing or zero.
pub(crate) fn spread() -> (u64, u64, u64) {
    let (mut least, mut greatest, mut none) = (u64::MAX, 0, 0);
    for word in &records().words {
        let number = match word.load(Ordering::Relaxed) {
            UNTOUCHED => 0,
            number => number,
        };
        least = least.min(number);
        greatest = greatest.max(number);
        none += u64::from(number == 0);
    }
    (least, greatest, none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Tally;

    // The records are made once per process, so one test tells their whole story.
    #[test]
    fn a_word_shows_each_fault_once() {
        prepare(4);
        let before = Tally::read();
        let grown = |count: Count| Tally::read()[count] - before[count];

        asleep(0, Duration::ZERO);
        woken(0);
        assert_eq!((grown(Count::Twice), never_woken()), (0, 3));
        woken(0);
        assert_eq!(grown(Count::Twice), 1, "woke a second time");
        asleep(0, Duration::ZERO);
        assert_eq!(grown(Count::Twice), 2, "began a second time");
        woken(1);
        assert_eq!(grown(Count::Twice), 3, "woke without having slept");

        note(0, 7);
        note(1, 3);
        note(2, 0);
        assert_eq!(spread(), (0, 7, 2));
    }
}
