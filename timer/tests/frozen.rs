//! Time that stands still, and moves by hand.

use super::super::{Instant, Sleep, pause, resume, sleep};
use super::{Counter, Timers, poll, worker};
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Moves the clock on, and fires what is due then.
fn advance(timers: &Timers, nanos: u64) {
    assert!(timers.clock().advance(nanos));
    timers.advance_due(timers.clock().now(), |waker| waker.wake());
}

#[test]
fn paused_time_stands_still_and_advances_by_exactly_what_was_asked() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    pause();
    let start = Instant::now();
    assert_eq!(start, Instant::now());
    let mut sleep = pin!(sleep(5 * SECOND));
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    advance(&timers, 4_999_999_999);
    assert!(poll(sleep.as_mut(), &waker).is_pending());
    assert_eq!((counter.wakes(), timers.len()), (0, 1));
    advance(&timers, 1);
    assert_eq!((counter.wakes(), timers.len()), (1, 0));
    assert!(poll(sleep, &waker).is_ready());
    assert_eq!(start.elapsed(), 5 * SECOND);
}

/// What a scheduler does when every task waits.
#[test]
fn jumping_to_the_next_expiry_meets_every_deadline_to_the_nanosecond() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    pause();
    let start = Instant::now();
    let spans = [
        1,
        2,
        3,
        999,
        65_536,
        65_537,
        100_000_000,
        3_600_000_000_000,
        1 << 55,
    ];
    let mut sleeps: Vec<Pin<Box<Sleep>>> = spans
        .iter()
        .map(|span| Box::pin(sleep(Duration::from_nanos(*span))))
        .collect();
    for sleep in &mut sleeps {
        assert!(poll(sleep.as_mut(), &waker).is_pending());
    }
    for (number, span) in spans.into_iter().enumerate() {
        while counter.wakes() == number {
            assert!(timers.clock().advance_to(timers.min_expiry()));
            timers.advance_due(timers.clock().now(), |waker| waker.wake());
        }
        assert_eq!(counter.wakes(), number + 1);
        assert_eq!(start.elapsed(), Duration::from_nanos(span));
        assert!(poll(sleeps[number].as_mut(), &waker).is_ready());
    }
    assert_eq!(timers.min_expiry(), u64::MAX);
}

#[test]
fn more_timers_than_a_batch_within_one_tick_are_all_met() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    pause();
    let mut sleeps: Vec<_> = (0..500).map(|_| Box::pin(sleep(SECOND))).collect();
    for sleep in &mut sleeps {
        assert!(poll(sleep.as_mut(), &waker).is_pending());
    }
    assert!(timers.clock().advance_to(timers.min_expiry()));
    assert_eq!(
        timers.advance_worker(0, timers.clock().now(), |waker| waker.wake()),
        500
    );
    assert_eq!((counter.wakes(), timers.len()), (500, 0));
}

#[test]
fn jumping_past_moved_deadlines_meets_the_new_ones() {
    let (timers, _, _guard) = worker();
    let (counter, waker) = Counter::new();
    pause();
    let start = Instant::now();
    let mut moved = pin!(sleep(SECOND));
    let mut other = pin!(sleep(30 * SECOND));
    assert!(poll(moved.as_mut(), &waker).is_pending());
    assert!(poll(other.as_mut(), &waker).is_pending());
    moved.as_mut().reset(start + 60 * SECOND);
    for (number, span) in [30, 60].into_iter().enumerate() {
        while counter.wakes() == number {
            assert!(timers.clock().advance_to(timers.min_expiry()));
            timers.advance_due(timers.clock().now(), |waker| waker.wake());
        }
        assert_eq!(start.elapsed(), span * SECOND);
    }
    assert!(poll(moved, &waker).is_ready());
}

#[test]
fn resumed_time_goes_on_from_where_it_stood() {
    let (timers, kicks, _guard) = worker();
    let before = Instant::now();
    pause();
    advance(&timers, 1_000_000_000_000);
    let stood = Instant::now();
    resume();
    assert_eq!(kicks.load(SeqCst), 1);
    let after = Instant::now();
    assert!(after >= stood && stood >= before + 1000 * SECOND);
    assert!(after - stood < 600 * SECOND);
    assert!(!timers.clock().is_frozen());
    pause();
    assert!(Instant::now() >= after);
}

#[test]
fn advance_without_end_saturates() {
    let (timers, _, _guard) = worker();
    let (_, waker) = Counter::new();
    pause();
    for _ in 0..2 {
        advance(&timers, u64::MAX);
    }
    assert!(poll(pin!(sleep(Duration::MAX)), &waker).is_ready());
}

#[test]
#[should_panic(expected = "`time::pause` was called, but the clock is paused already")]
fn pause_twice_panics() {
    let (_timers, _, _guard) = worker();
    pause();
    pause();
}

#[test]
#[should_panic(expected = "`time::resume` was called, but the clock is not paused")]
fn resume_of_a_running_clock_panics() {
    let (_timers, _, _guard) = worker();
    resume();
}

#[test]
#[should_panic(expected = "`time::pause` was called on a thread without a filch runtime")]
fn pause_outside_a_runtime_panics() {
    pause();
}
